"""The pocket text encoder and its word-level tokenizer, both trained on the cartoon world's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from engine.backbones.pocket_words import UNKNOWN

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, START = "<pad>", "<start>"


def build_tokenizer(words: Iterable[str]) -> Tokenizer:
    """A word-level tokenizer: lower case, "[tags]" whole, punctuation apart; every text begins with <start>."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([PAD, START, UNKNOWN, *sorted(words)]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, vocabulary[START])]
    )
    return tokenizer


WORD = r"\[[a-z ]+\]|<unk>|[\p{L}\p{M}\p{N}]+(?:['’\-][\p{L}\p{N}]+)*|[.,:;!?]"


def pad_ids(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor | None]:
    """Token ids [B, N] padded with 0, and their true lengths [B] (None when all are equal)."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids, None if bool((lengths == lengths[0]).all()) else lengths


class PocketTextEncoder(ModelMixin, ConfigMixin):
    """Token ids [B, N] to features [B, N, width]; a small pre-norm transformer with learned positions."""

    @register_to_config
    def __init__(
        self, *, vocabulary: int, width: int = 256, heads: int = 4, depth: int = 2, longest: int = 256
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(longest, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        nn.init.normal_(self.words.weight, std=0.5)

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        """ids [B, N]; lengths [B] when rows are padded."""
        padding = None
        if lengths is not None:
            padding = torch.arange(ids.shape[1], device=ids.device)[None] >= lengths[:, None]
        x = self.words(ids) + self.places[: ids.shape[1]]
        return self.layers(x, src_key_padding_mask=padding)

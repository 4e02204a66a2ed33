"""Weights of published multi-shot checkpoints on Wan, as the pipeline folders that the engine loads.

Their authors ship one transformer under Wan's own names, or a LoRA of it; diffusers knows the way to its names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.backbones.folders import reason

MARK = "multishot.json"
WRAPPERS = ("ema", "generator_ema", "generator", "generator_lora", "model", "state_dict")
PREFIX = re.compile(r"^(?:_fsdp_wrapped_module\.|_orig_mod\.|module\.|model\.|base_model\.model\.)+")
INNER = re.compile(r"_fsdp_wrapped_module\.|_orig_mod\.|_checkpoint_wrapped_module\.")
DOWN = re.compile(r"\.lora_(?:down|A)(?:\.default)?\.weight$")


@dataclass(frozen=True)
class Source:
    """A published checkpoint: what its authors call it, and the model that it was trained from."""

    title: str
    base: str
    files: int = 1


SOURCES = {
    "echoshot": Source("EchoShot (github D2I-ai/EchoShot)", "Wan 2.1 T2V 1.3B"),
    "cinetrans": Source("CineTrans-DiT (github UknowSth/CineTrans)", "Wan 2.1 T2V 1.3B"),
    "shotstream": Source("ShotStream (github KlingAIResearch/ShotStream)", "Wan 2.1 T2V 1.3B"),
    "longlive": Source("LongLive 2.0 (github NVlabs/LongLive)", "Wan 2.2 TI2V-5B"),
    "holocine": Source("HoloCine full (github yihao-meng/HoloCine)", "Wan 2.2 T2V-A14B", 2),
    "holocine-sparse": Source("HoloCine sparse (github yihao-meng/HoloCine)", "Wan 2.2 T2V-A14B", 2),
}


def adopted(folder: Path | None) -> str | None:
    """The checkpoint whose weights a folder holds, None where they are nobody's that is known here."""
    name = _mark(folder).get("method")
    if name is not None and name not in list(SOURCES):
        raise ValueError(f"{folder / MARK} names {name!r}; the checkpoints that work here: {', '.join(SOURCES)}")
    return name


def own_window(folder: Path | None) -> int | None:
    """Tokens of the longest context that a folder's weights were tuned on, None where it is that of their model."""
    count = _mark(folder).get("window")
    if count is not None and (type(count) is not int or count < 1):
        raise ValueError(f"{folder / MARK} has the window {count!r}; it is a whole number of tokens, 1 or more")
    return count


def _mark(folder: Path | None) -> dict[str, Any]:
    """What a folder says of how its weights were tuned; nothing where they are as their authors left them."""
    file = folder / MARK if folder else None
    if file is None or not file.is_file():
        return {}
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} is damaged; adopt the weights again") from error
    if not isinstance(told, dict) or not {"method", "window"} & set(told):
        raise ValueError(f"{file} is damaged (it names no method and no window); adopt the weights again")
    return told


def adopt(name: str, weights: Sequence[Path], *, base: Path, to: Path) -> Path:
    """Make a pipeline folder of a checkpoint's weights and the other parts of its base model.

    weights: the file, of two experts first the one for high noise. ValueError, in a sentence, when they do not fit;
    the folder appears whole or not at all.
    """
    if name not in SOURCES:
        raise ValueError(f"checkpoint is {name!r}; it is one of {', '.join(SOURCES)}")
    if len(weights) != SOURCES[name].files:
        raise ValueError(f"{name} has {SOURCES[name].files} file(s) of weights and {len(weights)} are given")
    if to.exists():
        raise ValueError(f"{to} is there already; name a new folder")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
        made = Path(scratch) / to.name
        shutil.copytree(base, made, copy_function=_link, ignore=shutil.ignore_patterns("causal", MARK))
        for part, file in zip(("transformer", "transformer_2"), weights, strict=False):
            shutil.rmtree(made / part, ignore_errors=True)
            _convert(file, base / part).save_pretrained(made / part)
        (made / MARK).write_text(json.dumps({"method": name}), "utf-8")
        made.replace(to)
    return to


def to_diffusers(weights: Mapping[str, Any], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's weights under diffusers' names: whole, or a LoRA added to the base's weights (scale 1)."""
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    plain = {INNER.sub("", PREFIX.sub("", key)): value for key, value in _unwrapped(weights).items()}
    plain = {key.replace(".orig.", "."): value for key, value in plain.items() if isinstance(value, Tensor)}
    deltas = {}
    for key in [key for key in plain if DOWN.search(key)]:
        up = next(other for other in (key.replace("down", "up"), key.replace("lora_A", "lora_B")) if other != key)
        if up not in plain:
            raise ValueError(f"the weights hold {key} and no {up}; use a whole copy")
        deltas[DOWN.sub(".weight", key)] = plain.pop(up).float() @ plain.pop(key).float()
    known = any(".attn1." in key for key in plain)  # somebody has renamed them already
    whole = plain if known else convert_wan_transformer_to_diffusers(plain)
    if not deltas:
        return whole
    found = {**base, **whole}
    for key, delta in convert_wan_transformer_to_diffusers(deltas).items():
        if key not in found or found[key].shape != delta.shape:
            raise ValueError(f"the weights change {key}, which the base model does not have in that shape")
        found[key] = (found[key].float() + delta).to(found[key].dtype)
    return found


def _convert(file: Path, base: Path) -> torch.nn.Module:
    from diffusers import WanTransformer3DModel

    model = WanTransformer3DModel.from_pretrained(base, use_safetensors=True, local_files_only=True)
    found = to_diffusers(_read(file), model.state_dict())
    lacking, odd = sorted(set(model.state_dict()) - set(found)), sorted(set(found) - set(model.state_dict()))
    if lacking or odd:
        which = f"lacks {lacking[0]}" if lacking else f"holds {odd[0]}, which the base model lacks"
        raise ValueError(f"{file} {which}; is {base.parent} the model that it was trained from?")
    try:
        model.load_state_dict(found)
    except RuntimeError as error:
        raise ValueError(f"{file} has other shapes than {base}; it was trained from another model") from error
    return model.to(next(iter(found.values())).dtype)


def _read(file: Path) -> Mapping[str, Any]:
    """Tensors of a file; a pickle is read by torch's loader for tensors alone, which runs no code."""
    if not file.is_file():
        raise ValueError(f"weights are {file}; there is no such file")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # safetensors, pickle and zip each raise their own
        raise ValueError(f"{file} holds no plain weights ({reason(error)[:80]})") from error


def _unwrapped(weights: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in WRAPPERS:
        if isinstance(weights.get(name), Mapping):
            return _unwrapped(weights[name])
    return weights


def _link(source: str, target: str) -> str:
    """The same file twice without its bytes twice, where the disk can; behind a link, what it leads to."""
    try:
        os.link(Path(source).resolve(), target)
    except OSError:
        shutil.copy2(source, target)
    return target

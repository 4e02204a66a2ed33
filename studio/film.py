"""Takes as files, and files as one film."""

from __future__ import annotations

import io
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.models import TakeInfo

if TYPE_CHECKING:
    from torch import Tensor

    from engine import Take
    from studio.store import Store


def keep_take(store: Store, take: Take) -> TakeInfo:
    """Write a take's video, poster and exact state into the media folder."""
    from safetensors.torch import save

    state = save({"latents": take.latents.contiguous(), "frames": take.frames.contiguous()})
    return TakeInfo(
        id=uuid.uuid4().hex,
        seed=take.seed,
        video=_keep_video(store, take.frames, take.made_by),
        poster=store.keep(jpeg(take.frames[len(take.frames) // 2]), ".jpg"),
        latents=store.keep(state, ".safetensors"),
    )


def load_take(store: Store, info: TakeInfo) -> Take:
    """A kept take, exactly as it was made."""
    from safetensors.torch import load_file

    from engine import Take

    state = load_file(store.path(info.latents))
    return Take(frames=state["frames"], latents=state["latents"], seed=info.seed)


def assemble(store: Store, takes: Sequence[TakeInfo]) -> str:
    """All takes in order as one film; its media name."""
    import torch

    frames = torch.cat([load_take(store, take).frames for take in takes])
    return _keep_video(store, frames, {"takes": [take.model_dump() for take in takes]})


def jpeg(frame: Tensor, *, scale: int = 3) -> bytes:
    """One frame, uint8 (height, width, 3), as a picture enlarged for the page."""
    from PIL import Image

    picture = Image.fromarray(frame.numpy())
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def _keep_video(store: Store, frames: Tensor, record: dict[str, object]) -> str:
    from engine.video import write_mp4

    with tempfile.TemporaryDirectory() as folder:
        path = write_mp4(Path(folder) / "film.mp4", frames, record=record)
        return store.keep(path.read_bytes(), ".mp4")

"""Takes as files, and files as one film."""

from __future__ import annotations

import io
import json
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.models import FPS, TakeInfo

if TYPE_CHECKING:
    from torch import Tensor

    from engine import Take
    from studio.store.media import Media


def keep_take(media: Media, take: Take, *, fps: int = FPS) -> TakeInfo:
    """Write a take's video, poster and exact state into the media folder."""
    kept = keep_pictures(media, {"latents": take.latents, "frames": take.frames}, take.made_by, fps=fps)
    return TakeInfo(id=uuid.uuid4().hex, seed=take.seed, **kept)


def keep_pictures(
    media: Media, state: dict[str, Tensor], record: dict[str, object], *, fps: int = FPS
) -> dict[str, str]:
    """Media names of video, poster and state (under "latents"): "frames", and "latents" where they are known."""
    from safetensors.torch import save

    frames = state["frames"]
    about = {"about": json.dumps({"fps": fps, "model": str(record.get("backbone", ""))})}  # one entry has one order
    tensors = save({name: value.contiguous() for name, value in state.items()}, metadata=about)
    return {
        "video": _keep_video(media, frames, record, fps),
        "poster": media.keep(jpeg(frames[len(frames) // 2]), ".jpg"),
        "latents": media.keep(tensors, ".safetensors"),
    }


def load_take(media: Media, info: TakeInfo) -> Take:
    """A kept take, exactly as it was made; one that came from a file has no latents yet."""
    from safetensors.torch import load_file

    from engine import Take

    state = load_file(media.path(info.latents))
    frames = state["frames"]
    return Take(frames=frames, latents=state.get("latents", frames.new_empty(0)), seed=info.seed)


def keep_raw(media: Media, take: Take) -> str:
    """Latents with what made them, before they are decoded; a media name."""
    from safetensors.torch import save

    facts = {"seed": str(take.seed), "made_by": json.dumps(take.made_by)}
    return media.keep(save({"latents": take.latents.contiguous()}, metadata=facts), ".raw.safetensors")


def load_raw(media: Media, name: str) -> Take:
    """The take that ``keep_raw`` kept, still without frames."""
    from safetensors import safe_open

    from engine import Take

    with safe_open(media.path(name), framework="pt") as file:
        facts, latents = file.metadata(), file.get_tensor("latents")
    return Take(
        frames=latents.new_empty(0), latents=latents, seed=int(facts["seed"]), made_by=json.loads(facts["made_by"])
    )


def assemble(media: Media, takes: Sequence[TakeInfo], *, check: Callable[[], None] = lambda: None) -> str:
    """All takes in order as one film; its media name. ValueError when their pictures differ in size or in rate.

    One take at a time is in memory; ``check`` is called before each, and what it raises ends the work.
    """
    sizes = sorted({size(media, take) for take in takes})
    if len(sizes) > 1:
        told = ", ".join(f"{width} x {height}" for height, width in sizes)
        raise ValueError(
            f"the shots have different sizes ({told}), so they make no film; redo those of the other size"
        )
    rates = sorted({facts(media, take).get("fps", FPS) for take in takes})
    if len(rates) > 1:
        told = ", ".join(map(str, rates))
        raise ValueError(f"the shots have {told} frames a second, so they make no film; redo those of one model")
    record = [take.model_dump(exclude={"job", "saw"}) for take in takes]

    def clips() -> Iterator[Tensor]:
        for take in takes:
            check()
            yield frames(media, take.latents)

    return _keep_video(media, clips(), {"takes": record}, rates[0])


def facts(media: Media, info: TakeInfo) -> dict[str, Any]:
    """What is written beside a take's state: "fps", and the "model" whose latents they are; nothing in old ones."""
    from safetensors import safe_open

    with safe_open(media.path(info.latents), framework="pt") as file:
        return json.loads((file.metadata() or {}).get("about", "{}"))


def frames(media: Media, latents: str) -> Tensor:
    """Only the frames of a kept take, by the name of its state."""
    from safetensors import safe_open

    with safe_open(media.path(latents), framework="pt") as file:
        return file.get_tensor("frames")


def length(media: Media, info: TakeInfo) -> int:
    """Frames of a take."""
    from safetensors import safe_open

    with safe_open(media.path(info.latents), framework="pt") as file:
        return file.get_slice("frames").get_shape()[0]


def size(media: Media, info: TakeInfo) -> tuple[int, int]:
    """Height and width of a take, in pixels."""
    from safetensors import safe_open

    with safe_open(media.path(info.latents), framework="pt") as file:
        _, height, width, _ = file.get_slice("frames").get_shape()
    return height, width


def cropped(height: int, width: int, aspect: str) -> tuple[int, int]:
    """Height and width of the largest picture of an aspect ("9:16") that fits; even, for H.264. "": as it is."""
    if not aspect:
        return height, width
    wide, high = map(float, aspect.split(":"))
    return _even(width * high / wide, height), _even(height * wide / high, width)


def _even(side: float, most: int) -> int:
    return 2 * min(round(side / 2), most // 2)


def crop(frames: Tensor, aspect: str) -> Tensor:
    """The middle of frames, uint8 (frames, height, width, 3), in an aspect."""
    height, width = cropped(*frames.shape[1:3], aspect)
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]


def enlarge(frames: Tensor, scale: int) -> Tensor:
    """Frames, uint8 (frames, height, width, 3), enlarged by a whole factor (Lanczos)."""
    import numpy as np
    import torch
    from PIL import Image

    if scale == 1:
        return frames
    wide, high = frames.shape[2] * scale, frames.shape[1] * scale
    large = (Image.fromarray(f.numpy()).resize((wide, high), Image.Resampling.LANCZOS) for f in frames)
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in large]))


def jpeg(frame: Tensor, *, scale: int = 3) -> bytes:
    """One frame, uint8 (height, width, 3), as a picture enlarged for the page."""
    from PIL import Image

    picture = Image.fromarray(frame.numpy())
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def _keep_video(media: Media, frames: Tensor | Iterable[Tensor], record: dict[str, object], fps: int) -> str:
    from engine.video import write_mp4

    with tempfile.TemporaryDirectory() as folder:
        path = write_mp4(Path(folder) / "film.mp4", frames, fps=fps, record=record)
        return media.keep(path.read_bytes(), ".mp4")

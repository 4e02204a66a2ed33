"""Films as files: H.264 MP4 that plays in every browser and carries its own record."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WATCHABLE = 640  # pixels; a smaller film is enlarged by a whole factor to about this width
MAX_SCALE = 16
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def watchable(width: int) -> int:
    """The whole factor by which a film of this width is enlarged to be seen well."""
    return min(max(1, WATCHABLE // width), MAX_SCALE)


def write_mp4(
    path: str | Path,
    frames: Tensor | Iterable[Tensor],
    *,
    fps: int = 8,
    scale: int | None = None,
    record: dict[str, Any] | None = None,
) -> Path:
    """Write frames, uint8 (frames, height, width, 3), as H.264; the file appears whole or not at all.

    frames: a clip, or clips of one size that follow each other. scale: whole enlargement (Lanczos), None for about
    640 pixels of width. record: what made the film, kept as JSON in the comment tag. Raises ValueError for frames that
    are no film, OSError when it cannot be written.
    """
    clips = iter([frames] if isinstance(frames, Tensor) else frames)
    first = next(clips, torch.empty(0))
    _check(first)
    height, width = first.shape[1:3]
    scale = watchable(width) if scale is None else scale
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"scale is {scale}; it lies from 1 to {MAX_SCALE}, try {min(max(scale, 1), MAX_SCALE)}")
    if height * scale % 2 or width * scale % 2:
        raise ValueError(f"frames are {height}x{width} at scale {scale}; H.264 needs even sides, try {scale + 1}")
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "pipe:")
    filters = f"scale={width * scale}:{height * scale}:flags=lanczos:out_color_matrix=bt709:out_range=tv"
    coded = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-g", str(fps * 2), *BT709)
    with _whole_file(Path(path)) as (folder, target):
        tags = folder / "tags.txt"
        tags.write_text(f";FFMETADATA1\ncomment={_escape(_dump(record or {}))}\n", encoding="utf-8")
        described = ("-f", "ffmetadata", "-i", str(tags), "-map", "0:v", "-map_metadata", "1")
        finish = ("-movflags", "+faststart", "-f", "mp4", str(target))
        pictures = (clip.contiguous().numpy().tobytes() for clip in _of_one_size(chain([first], clips)))
        _ffmpeg(*raw, *described, "-vf", filters, *coded, *finish, send=pictures)
    return Path(path)


def read_record(path: str | Path) -> dict[str, Any]:
    """The record that ``write_mp4`` kept in the file; empty when there is none, ValueError if it is no video file."""
    _must_exist(Path(path))
    try:
        text = _ffmpeg("-i", str(path), "-f", "ffmetadata", "-").decode()
    except OSError:
        raise ValueError(f"{path} is damaged or no video file; its record can't be read") from None
    comment = re.search(r"^comment=((?:\\.|[^\\\n])*)", text, flags=re.MULTILINE | re.DOTALL)
    try:
        found = json.loads(re.sub(r"\\(.)", r"\1", comment[1], flags=re.DOTALL)) if comment else {}
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _check(frames: Tensor) -> None:
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.numel():
        found = f"{str(frames.dtype).removeprefix('torch.')} {tuple(frames.shape)}"
        raise ValueError(f"frames are {found}; a film is uint8 (frames, height, width, 3) with at least one frame")


def _of_one_size(clips: Iterable[Tensor]) -> Iterator[Tensor]:
    """The clips as they come; the first of another size would be read as torn pictures, so it ends the film."""
    size = None
    for number, clip in enumerate(clips, start=1):
        _check(clip)
        size = size or clip.shape[1:3]
        if clip.shape[1:3] != size:
            (height, width), (found, wide) = size, clip.shape[1:3]
            raise ValueError(
                f"clip {number} is {found}x{wide}; the clips of a film have one size, here {height}x{width}"
            )
        yield clip


@contextmanager
def _whole_file(path: Path) -> Iterator[tuple[Path, Path]]:
    """A scratch folder beside ``path`` and the file in it that takes its place when the block ends well."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as scratch:
        target = Path(scratch) / "whole"
        yield Path(scratch), target
        target.replace(path)


def _ffmpeg(*arguments: str, send: Iterable[bytes] = ()) -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, **pipes, stderr=said) as process:  # noqa: S603 - our own arguments
        with suppress(BrokenPipeError):  # it ended before it had all: its exit code says why
            try:
                for part in send:
                    process.stdin.write(part)
            except BrokenPipeError:
                raise
            except BaseException:  # whoever sends has stopped: nobody wants the rest of it
                process.kill()
                raise
        found, _ = process.communicate()
        said.seek(0)
        reason = said.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
    if process.returncode:
        raise OSError(f"ffmpeg could not finish: {reason[-1]}")
    return found


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"no video file at {path}")


def _dump(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _escape(text: str) -> str:
    """FFmpeg's metadata format takes a backslash before its own signs and before a line's end."""
    return re.sub(r"([=;#\\\n])", r"\\\1", text)

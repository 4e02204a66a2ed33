"""Films as files: H.264 MP4 that plays in every browser and carries its own record; contact sheets as PNG."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WATCHABLE = 640  # pixels; a smaller film is enlarged by a whole factor to about this width
MAX_SCALE = 16
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def write_mp4(
    path: str | Path,
    frames: Tensor,
    *,
    fps: int = 8,
    scale: int | None = None,
    record: dict[str, Any] | None = None,
) -> Path:
    """Write frames, uint8 (frames, height, width, 3), as H.264; the file appears whole or not at all.

    scale: whole enlargement (Lanczos), None for about 640 pixels of width. record: what made the film, kept as
    JSON in the comment tag. Raises ValueError for frames that are no film, OSError when it cannot be written.
    """
    _check(frames)
    height, width = frames.shape[1:3]
    scale = max(1, WATCHABLE // width) if scale is None else scale
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
        _ffmpeg(*raw, *described, "-vf", filters, *coded, *finish, send=frames.contiguous().numpy().tobytes())
    return Path(path)


def read_video(path: str | Path) -> Tensor:
    """All frames of a video file, uint8 (frames, height, width, 3), at their stored size; ValueError if it is none."""
    import imageio_ffmpeg

    _must_exist(Path(path))
    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24", output_params=["-fps_mode", "passthrough"])
    try:
        width, height = next(reader)["size"]
    except OSError:
        raise ValueError(f"{path} is damaged or no video file; its frames can't be read") from None
    frames = [torch.frombuffer(bytearray(frame), dtype=torch.uint8) for frame in reader]
    return torch.stack(frames).view(-1, height, width, 3)


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


def contact_sheet(
    path: str | Path,
    clips: Sequence[Tensor],
    *,
    labels: Sequence[str] = (),
    columns: int = 3,
    moments: int = 3,
    scale: int = 2,
) -> Path:
    """One PNG of many clips, each uint8 (frames, height, width, 3) of one size, as ``moments`` frames side by side."""
    from PIL import Image, ImageDraw, ImageFont

    for clip in clips:
        _check(clip)
    height, width = (side * scale for side in clips[0].shape[1:3])
    margin, text = 6, 16 if labels else 0
    cell_width, cell_height = moments * width + margin, height + text + margin
    sheet = Image.new(
        "RGB", (columns * cell_width + margin, -(-len(clips) // columns) * cell_height + margin), "white"
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, clip in enumerate(clips):
        left, top = margin + number % columns * cell_width, margin + number // columns * cell_height
        chosen = torch.linspace(0, len(clip) - 1, moments).round().long().tolist()
        for k, frame in enumerate(chosen):
            picture = Image.fromarray(clip[frame].numpy()).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(picture, (left + k * width, top))
        if labels:
            pen.text((left, top + height + 1), labels[number][: moments * width // 6], fill="black", font=font)
    with _whole_file(Path(path)) as (_, target):
        sheet.save(target, format="PNG")
    return Path(path)


def _check(frames: Tensor) -> None:
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.numel():
        found = f"{str(frames.dtype).removeprefix('torch.')} {tuple(frames.shape)}"
        raise ValueError(f"frames are {found}; a film is uint8 (frames, height, width, 3) with at least one frame")


@contextmanager
def _whole_file(path: Path) -> Iterator[tuple[Path, Path]]:
    """A scratch folder beside ``path`` and the file in it that takes its place when the block ends well."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as scratch:
        target = Path(scratch) / "whole"
        yield Path(scratch), target
        target.replace(path)


def _ffmpeg(*arguments: str, send: bytes | None = None) -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
    done = subprocess.run(command, input=send, capture_output=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise OSError(f"ffmpeg could not finish: {reason[-1]}")
    return done.stdout


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"no video file at {path}")


def _dump(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _escape(text: str) -> str:
    """FFmpeg's metadata format takes a backslash before its own signs and before a line's end."""
    return re.sub(r"([=;#\\\n])", r"\\\1", text)

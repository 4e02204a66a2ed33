"""A creator's own pictures and films, decoded by ffmpeg in a process with narrow limits and fitted to a shot."""

from __future__ import annotations

import re
import resource
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from engine.shapes import VideoShape

MAX_BYTES, MAX_PIXELS = 200_000_000, 40_000_000
SECONDS, MEMORY = 20, 2 * 1024**3  # of processor time, and bytes, for one file
PICTURES = {b"\x89PNG": "png_pipe", b"\xff\xd8\xff": "jpeg_pipe", b"RIFF....WEBP": "webp_pipe"}
FILMS = {b"....ftyp": "mov", b"\x1aE\xdf\xa3": "matroska"}  # MP4 and WebM
CODECS = "h264,hevc,vp8,vp9,av1,libdav1d,png,mjpeg,webp"


def read_upload(path: str | Path, shape: VideoShape, *, fps: int = 8) -> Tensor:
    """A picture (one frame) or a film at ``fps``, uint8 (frames, height, width, 3), filling ``shape`` and cropped.

    A film is as long as ``shape`` or shorter, always a legal length. ValueError says what the file is not.
    """
    path = Path(path)
    form = _form(path)
    still = form in PICTURES.values()
    fill = f"scale={shape.width}:{shape.height}:force_original_aspect_ratio=increase,crop={shape.width}:{shape.height}"
    guards = ("-protocol_whitelist", "file", "-codec_whitelist", CODECS, "-max_pixels", str(MAX_PIXELS))
    source = (*guards, "-xerror", "-err_detect", "explode", "-f", form, "-i", f"file:{path}", "-map", "0:v:0")
    wanted = ("-vf", fill if still else f"fps={fps},{fill}", "-frames:v", str(1 if still else shape.frames))
    raw = _decode(path, *source, *wanted, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1")
    found = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, shape.height, shape.width, 3)
    legal = (len(found) - 1) // shape.time_stride * shape.time_stride + 1
    return found[:legal]


def _form(path: Path) -> str:
    """ffmpeg's name for what the first bytes say; names and suffixes are not believed."""
    if not path.is_file():
        raise ValueError(f"there is no file {path.name}")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ValueError(f"{path.name} has {size} bytes; a picture or film has 1 to {MAX_BYTES}")
    with path.open("rb") as file:
        head = file.read(12)
    for mark, form in (PICTURES | FILMS).items():
        if re.match(mark, head, flags=re.DOTALL):
            return form
    raise ValueError(f"{path.name} is no PNG, JPEG, WebP, MP4 or WebM file")


def _decode(path: Path, *arguments: str) -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=2 * SECONDS,
            preexec_fn=_limit,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(
            f"{path.name} takes more than {2 * SECONDS} s to decode; give a shorter or smaller one"
        ) from None
    if done.returncode or not done.stdout:
        raise ValueError(f"{path.name} is damaged, too large or in a format that can't be read; save it as PNG or MP4")
    return done.stdout


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

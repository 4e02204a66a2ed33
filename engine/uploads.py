"""A creator's own pictures and films, decoded by ffmpeg in a process with narrow limits and fitted to a shot.

What a file is called is not believed, and neither is what it says of itself: it is asked first what it holds, so that
a refusal can name it, and whatever it answered, the decoder runs with a known container, a short list of codecs, and a
bound on pixels, processor time, memory and files.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.decoder import TooLongError, decode
from engine.shapes import VideoShape

MAX_BYTES, MAX_PIXELS = 100_000_000, 40_000_000
MAX_SECONDS, MAX_RATE = 60, 120  # of a film, and its frames a second
SECONDS = 20  # of processor time for one file
PICTURES = {b"\x89PNG": "png_pipe", b"\xff\xd8\xff": "jpeg_pipe", b"RIFF....WEBP": "webp_pipe"}
FILMS = {b"....ftyp": "mov", b"\x1aE\xdf\xa3": "matroska"}  # MP4 and WebM
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "png", "mjpeg", "webp")
DECODERS = ",".join((*CODECS, "libdav1d"))  # av1's


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a file says of its first pictures; ``seconds`` and ``rate`` are 0 where it says nothing."""

    codec: str
    width: int
    height: int
    seconds: float
    rate: float


def read_upload(path: str | Path, shape: VideoShape, *, fps: int = 8) -> Tensor:
    """A picture (one frame) or a film at ``fps``, uint8 (frames, height, width, 3), filling ``shape`` and cropped.

    A film is as long as ``shape`` or shorter, always a legal length; sound and metadata are left behind. ValueError
    says in one sentence what the file is not.
    """
    path = Path(path)
    form = _form(path)
    still = form in PICTURES.values()
    source = ("-protocol_whitelist", "file", "-codec_whitelist", DECODERS, "-max_pixels", str(MAX_PIXELS))
    source = (*source, "-xerror", "-err_detect", "explode", "-f", form, "-i", f"file:{path}")
    _check(path.name, _ask(path, *source), still=still)
    fill = f"scale={shape.width}:{shape.height}:force_original_aspect_ratio=increase,crop={shape.width}:{shape.height}"
    filters = fill if still else f"fps={fps},{fill}"
    wanted = ("-map", "0:v:0", "-vf", filters, "-frames:v", str(1 if still else shape.frames), "-t", str(MAX_SECONDS))
    done = _run(path, *source, *wanted, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1")
    size = shape.height * shape.width * 3
    if done.returncode or not done.stdout or len(done.stdout) % size:
        raise ValueError(f"{path.name} is damaged or in a format that can't be read; save it again as PNG or MP4")
    found = torch.frombuffer(bytearray(done.stdout), dtype=torch.uint8).view(-1, shape.height, shape.width, 3)
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


def _ask(path: Path, *source: str) -> Found | None:
    """What ffmpeg prints of the first picture stream; None when there is none."""
    told = _run(path, *source, loglevel="info").stderr.decode("utf-8", "replace")
    stream = re.search(r"^  Stream #0:\d+.*?: Video: (\w+).*?, (\d+)x(\d+)(.*)$", told, flags=re.MULTILINE)
    if stream is None:
        return None
    length = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", told, flags=re.MULTILINE)
    hours, minutes, seconds = (float(part) for part in length.groups()) if length else (0.0, 0.0, 0.0)
    rate = re.search(r" ([\d.]+)(k?) fps", stream[4])
    return Found(
        codec=stream[1],
        width=int(stream[2]),
        height=int(stream[3]),
        seconds=3600 * hours + 60 * minutes + seconds,
        rate=float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
    )


def _check(name: str, found: Found | None, *, still: bool) -> None:
    """ValueError names the first bound that a file breaks."""
    if found is None:
        raise ValueError(f"{name} holds no picture that can be read; save it as PNG or MP4 (H.264)")
    if found.codec not in CODECS:
        raise ValueError(f"{name} is coded as {found.codec[:20]}; it can be {', '.join(CODECS)}, so save it as MP4")
    if found.width * found.height > MAX_PIXELS:
        raise ValueError(
            f"{name} has {found.width} x {found.height} pixels; the most is {MAX_PIXELS // 10**6} million"
        )
    if not still and found.seconds > MAX_SECONDS:
        raise ValueError(f"{name} lasts {found.seconds:.0f} s; the most is {MAX_SECONDS} s, so cut it")
    if not still and found.rate > MAX_RATE:
        raise ValueError(f"{name} has {found.rate:g} frames a second; the most is {MAX_RATE}")


def _run(path: Path, *arguments: str, loglevel: str = "quiet") -> subprocess.CompletedProcess[bytes]:
    try:
        return decode(*arguments, seconds=SECONDS, loglevel=loglevel)
    except TooLongError:
        raise ValueError(f"{path.name} takes more than {SECONDS} s to decode; give a shorter or smaller one") from None

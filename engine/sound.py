"""Sound under a film: whatever a creator brings, kept as FLAC; laid under, faded and cut to the film's length."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from engine.decoder import TooLongError, decode

LONGEST = 900  # seconds that are kept of a sound
RATE = 48_000  # samples a second
FADE_IN, FADE_OUT = 0.25, 1.5  # seconds; on a short film at most a quarter of it
MAX_BYTES, DECODING = 100_000_000, 60  # of a file, and seconds of processor time to read it
SECONDS = 120  # to put a film together
FORMS = {  # ffmpeg's names for what the first bytes say; names and suffixes are not believed
    b"RIFF....WAVE": "wav",
    b"ID3": "mp3",
    b"\xff[\xe2-\xff]": "mp3",
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"....ftyp": "mov",
}
KEPT = ("-protocol_whitelist", "file", "-codec_whitelist", "flac", "-f", "flac")  # whatever a project file brought
CODECS = "pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_u8,mp3,mp3float,flac,vorbis,opus,libopus,libvorbis,aac"


def read_sound(path: str | Path) -> bytes:
    """The sound of a WAV, MP3, FLAC, Ogg or MP4 file as FLAC, two channels; ValueError says what it is not."""
    path = Path(path)
    if not path.is_file() or not 0 < path.stat().st_size <= MAX_BYTES:
        raise ValueError(f"the sound is no file of 1 to {MAX_BYTES} bytes")
    with path.open("rb") as file:
        head = file.read(12)
    form = next((form for mark, form in FORMS.items() if re.match(mark, head, flags=re.DOTALL)), None)
    if form is None:
        raise ValueError("the sound is no WAV, MP3, FLAC, Ogg or M4A file; save it as one of them")
    guards = ("-protocol_whitelist", "file", "-codec_whitelist", CODECS, "-f", form)
    wanted = ("-map", "0:a:0", "-t", str(LONGEST), "-ac", "2", "-ar", str(RATE), "-map_metadata", "-1")
    try:
        found = decode(*guards, "-i", f"file:{path}", *wanted, "-f", "flac", "pipe:1", seconds=DECODING)
    except TooLongError:
        raise ValueError(f"the sound takes more than {DECODING} s to decode; give a shorter one") from None
    if found.returncode or not found.stdout:
        raise ValueError("the sound is damaged or can't be read; save it as WAV")
    return found.stdout


def seconds(sound: Path) -> float:
    """The length of a sound, counted, for a stream need not tell it."""
    return (
        len(_ffmpeg(*KEPT, "-i", f"file:{sound}", "-map", "0:a", "-ac", "1", "-ar", "1000", "-f", "u8", "pipe:1"))
        / 1000
    )


def lay_under(film: Path, sound: Path, *, length: float) -> None:
    """Put a sound under a film, in place: faded in and out, cut to the film's length or silent after its own end.

    length: of the film, in seconds.
    """
    short = min(length, seconds(sound))
    rise, fall = min(FADE_IN, short / 4), min(FADE_OUT, short / 4)
    shape = f"afade=t=in:d={rise:.3f},afade=t=out:st={short - fall:.3f}:d={fall:.3f},apad"
    streams = ("-map", "0:v", "-map", "1:a", "-map_metadata", "0", "-c:v", "copy", "-c:a", "aac", "-b:a", "192k")
    with tempfile.TemporaryDirectory(dir=film.parent, prefix=".writing-") as scratch:
        target = Path(scratch) / "whole.mp4"
        inputs = ("-i", f"file:{film}", *KEPT, "-i", f"file:{sound}", *streams, "-af", shape, "-t", f"{length:.3f}")
        _ffmpeg(*inputs, "-movflags", "+faststart", str(target))
        target.replace(film)


def _ffmpeg(*arguments: str) -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"ffmpeg took more than {SECONDS} s") from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise OSError(f"ffmpeg could not finish: {reason[-1]}")
    return done.stdout

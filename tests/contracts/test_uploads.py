"""Files of strangers: what is no picture or film of ours is refused in one sentence, within narrow limits."""

import io
import os
import struct
import subprocess
import zipfile
import zlib

import imageio_ffmpeg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image

from engine import VideoShape
from engine.decoder import LIMITED, MEMORY
from engine.sound import read_sound
from engine.uploads import MAX_BYTES, SECONDS, read_upload

SHAPE = VideoShape(frames=9, height=32, width=48)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Real films, made by the very program that has to read them."""
    folder = tmp_path_factory.mktemp("films")

    def make(name, *arguments):
        program = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1")
        subprocess.run([*program, *arguments, str(folder / name)], check=True)

    def film(size, rate, seconds):
        return "-f", "lavfi", "-i", f"testsrc=s={size}:r={rate}:d={seconds}", "-pix_fmt", "yuv420p"

    make("good.mp4", *film("64x48", 24, 2), "-metadata", "title=  Stream #0:0: Video: magicyuv, 9x9, 999 fps")
    make("good.webm", *film("64x48", 24, 2), "-c:v", "libvpx-vp9")
    make("long.mp4", *film("16x16", 2, 70))
    make("fast.mp4", *film("16x16", 500, 1))
    make("sound.mp4", "-f", "lavfi", "-i", "sine=d=1")
    Image.new("RGB", (8192, 8192)).save(folder / "large.jpg", quality=5)
    make("coded.mkv", *film("64x48", 8, 1), "-c:v", "magicyuv", "-pix_fmt", "gbrp")
    make("tagged.jpg", *film("64x48", 1, 1), "-frames:v", "1")
    return folder


def png(side, data):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def zip_bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.mp4", bytes(20_000_000))
    return out.getvalue()


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.png", b"", "has 0 bytes"),
        ("header.png", b"\x89PNG\r\n\x1a\n", "holds no picture"),
        ("wide.png", png(60_000, bytes(1000)), "holds no picture"),
        ("bomb.png", png(16, bytes(20_000_000)), ""),  # unpacks to far more than its 16 x 16 pixels: they are shown
        ("zip.png", zip_bomb(), "is no PNG"),
        ("zip.mp4", zip_bomb(), "is no PNG"),
        ("vector.svg", SVG, "is no PNG"),
        ("vector.png", SVG, "is no PNG"),
        ("list.mp4", PLAYLIST, "is no PNG"),
        ("page.webp", b"RIFF\x04\x00\x00\x00WEBP<script>alert(1)</script>", "holds no picture"),
        ("words.mp4", b"just words, whatever the name says", "is no PNG"),
        ("head.mp4", b"\x00\x00\x00\x18ftypisom" + bytes(2000), "holds no picture"),
        ("head.webm", b"\x1aE\xdf\xa3" + bytes(2000), "holds no picture"),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    if not sentence:
        assert read_upload(tmp_path / name, SHAPE).shape == (1, 32, 48, 3)
        return
    with pytest.raises(ValueError, match=f"{name} {sentence}") as caught:
        read_upload(tmp_path / name, SHAPE)
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("long.mp4", "lasts 70 s; the most is 60 s"),
        ("fast.mp4", "has 500 frames a second; the most is 120"),
        ("sound.mp4", "holds no picture"),
        ("large.jpg", "large.jpg has 8192 x 8192 pixels; the most is 40 million|large.jpg holds no picture"),
        ("coded.mkv", "is coded as magicyuv; it can be h264"),
    ],
)
def test_films_beyond_a_bound_are_refused_by_its_name(files, name, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_upload(files / name, SHAPE)


@pytest.mark.parametrize("name", ["good.mp4", "good.webm"])
def test_films_of_both_containers_are_read_under_any_name(files, tmp_path, name):
    (tmp_path / "harmless.png").write_bytes((files / name).read_bytes())
    assert read_upload(tmp_path / "harmless.png", SHAPE).shape == (9, 32, 48, 3)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("name", ["good.mp4", "good.webm"])
def test_a_film_that_was_cut_off_gives_whole_frames_or_a_sentence(files, tmp_path, name, share):
    content = (files / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    assert read_or_refused(tmp_path / name) in (None, 1, 5, 9)


@given(name=some.sampled_from(["good.mp4", "good.webm", "tagged.jpg"]), data=some.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_flipped_bytes_give_a_picture_or_a_sentence(files, tmp_path, name, data):
    content = bytearray((files / name).read_bytes())
    for place in data.draw(some.lists(some.integers(0, len(content) - 1), max_size=30)):
        content[place] ^= data.draw(some.integers(1, 255))
    (tmp_path / name).write_bytes(content)
    assert read_or_refused(tmp_path / name) in (None, 1, 5, 9)


def read_or_refused(path):
    """How many whole frames, or None for a refusal that names the file."""
    try:
        found = read_upload(path, SHAPE)
    except ValueError as error:
        return None if path.name in str(error) and "\n" not in str(error) else error
    return len(found) if found.shape[1:] == (32, 48, 3) else found.shape


def test_size_is_asked_before_anything_is_read(tmp_path):
    with (tmp_path / "huge.mp4").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ValueError, match=f"has {MAX_BYTES + 1} bytes; a picture or film has 1 to {MAX_BYTES}"):
        read_upload(tmp_path / "huge.mp4", SHAPE)
    with pytest.raises(ValueError, match=r"there is no file x\.png"):
        read_upload(tmp_path / "deep" / "x.png", SHAPE)


def test_the_decoder_runs_under_its_limits_and_knows_no_keys(monkeypatch):
    monkeypatch.setenv("CANARY", "secret")
    asked = "ulimit -t; ulimit -v; ulimit -f; env"
    command = ["/bin/sh", "-c", LIMITED.format(memory=MEMORY // 1024), str(SECONDS), "/bin/sh", "-c", asked]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout.split()
    assert told[:3] == [str(SECONDS), str(MEMORY // 1024), "0"]
    assert not any("secret" in line for line in told)


def test_a_decoder_that_takes_too_long_is_ended_and_said(files, monkeypatch):
    monkeypatch.setattr("engine.decoder.LIMITED", "ulimit -t 1 && while :; do :; done")
    with pytest.raises(ValueError, match=r"good\.mp4 takes more than 20 s to decode; give a shorter or smaller one"):
        read_upload(files / "good.mp4", SHAPE)


def test_a_sound_is_read_under_the_same_limits(files, tmp_path, monkeypatch):
    assert read_sound(files / "sound.mp4")[:4] == b"fLaC"
    for name, content in (("cut.mp4", (files / "sound.mp4").read_bytes()[:900]), ("fake.wav", b"RIFF....WAVE" * 9)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="the sound is damaged or can't be read"):
            read_sound(tmp_path / name)
    monkeypatch.setattr("engine.decoder.LIMITED", "ulimit -t 1 && while :; do :; done")
    with pytest.raises(ValueError, match="the sound takes more than 60 s to decode"):
        read_sound(files / "sound.mp4")


def test_metadata_and_place_of_a_picture_are_left_behind(tmp_path):
    picture, notes = Image.new("RGB", (64, 48), "red"), Image.Exif()
    notes[0x010E] = "taken at home by somebody"
    picture.save(tmp_path / "photo.jpg", exif=notes)
    assert b"by somebody" in (tmp_path / "photo.jpg").read_bytes()
    assert b"by somebody" not in read_upload(tmp_path / "photo.jpg", SHAPE).numpy().tobytes()


def test_no_process_is_left_behind(files):
    before = children()
    read_upload(files / "good.mp4", SHAPE)
    assert children() <= before


def children():
    command = ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line for line in told.stdout.splitlines() if " ps -o" not in line}

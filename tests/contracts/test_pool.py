"""What a creator keeps and picks: takes, stills and files, each with its latents and its words."""

import struct
import zlib

import pytest
import tiny_pipelines
import torch
from PIL import Image

import engine
from engine.pool import Pool
from engine.uploads import read_upload
from engine.video import write_mp4

SIZE = {"height": 32, "width": 48}


@pytest.fixture(scope="module")
def backbone(tiny_pocket):
    return engine.load(str(tiny_pocket), device="cpu")


@pytest.fixture
def pool(backbone):
    return Pool(backbone, longest=9, **SIZE)


@pytest.fixture(scope="module")
def take(backbone):
    scene = engine.Scene(prompt="", shots=(engine.Shot(prompt="A red fox on the beach.", frames=9),), **SIZE)
    *_, done = engine.generate(scene, backbone, steps=2, guidance=1)
    return done.takes[0]


def film(path, count=20, side=64):
    return write_mp4(path, torch.randint(0, 255, (count, side, side, 3), dtype=torch.uint8), scale=1)


def test_a_picked_entry_becomes_context_of_a_new_shot(backbone, pool, take, tmp_path):
    pool.add_take("fox", take, prompt="A red fox on the beach.")
    pool.add_still("portrait", take, frame=8, prompt="The red fox, close.")
    pool.add_upload("walk", film(tmp_path / "walk.mp4"), prompt="A blue cat walks.")
    given = pool.shots("walk", "portrait", noise=200)
    assert [shot.frames for shot in given] == [9, 1]
    scene = engine.Scene(prompt="", shots=(*given, engine.Shot(prompt="They meet.", frames=5)), **SIZE)
    *_, done = engine.generate(scene, backbone, steps=2, guidance=1)
    assert [entry["noise"] for entry in done.takes[2].made_by["context"]] == [200, 200]
    assert done.takes[0] is pool.entries["walk"].take


def test_suggestions_say_what_is_shared_and_strangers_are_left_out(pool, take):
    pool.add_take("fox", take, prompt="Character 1, a red fox, on the beach.")
    pool.add_take("cat", take, prompt="A blue cat in the snow.")
    (only,) = pool.suggest("The fox jumps. Character 1 is happy.")
    assert only.entry.name == "fox"
    assert only.reasons == ("same animal: fox", "same character: 1")
    assert [s.entry.name for s in pool.suggest("A fox and a blue cat.", limit=1)] == ["cat"]


def test_what_cannot_be_picked_is_one_sentence(pool, take):
    pool.add_take("fox", take, prompt="A fox.")
    with pytest.raises(ValueError, match="'dog' is not in the pool; it holds fox"):
        pool.shots("dog")
    with pytest.raises(ValueError, match="frame is 9; the take has frames 0 to 8, the nearest is 8"):
        pool.add_still("late", take, frame=9, prompt="A fox.")
    with pytest.raises(ValueError, match="'fox' is in the pool already"):
        pool.add_take("fox", take, prompt="Another.")
    with pytest.raises(ValueError, match="prompt of 'mute' is empty"):
        pool.add_take("mute", take, prompt=" ")
    with pytest.raises(ValueError, match="'fox' is in the pool already"):  # before the file is read
        pool.add_upload("fox", "nowhere.mp4", prompt="Another.")


def test_a_picture_fills_the_frame_without_distortion(backbone, tmp_path):
    picture = Image.new("RGB", (200, 400), "red")
    picture.paste("blue", (0, 0, 200, 60))
    picture.save(tmp_path / "tall.jpg", quality=95)
    frames = read_upload(tmp_path / "tall.jpg", backbone.shape(9, 32, 48))
    assert frames.shape == (1, 32, 48, 3)
    assert (frames[..., 0] > 200).all()  # the blue top is cropped away


@pytest.mark.parametrize(("count", "kept"), [(20, 9), (7, 5), (1, 1)])
def test_a_film_is_cut_to_a_legal_length(backbone, tmp_path, count, kept):
    assert len(read_upload(film(tmp_path / "film.mp4", count), backbone.shape(9, 32, 48))) == kept


def test_a_film_fits_the_size_the_pace_and_the_lengths_of_a_model(tmp_path):
    backbone = engine.load(str(tiny_pipelines.save("cogvideox-2b", tmp_path / "cogvideox")), device="cpu")
    pool = Pool(backbone)
    entry = pool.add_upload("walk", film(tmp_path / "walk.mp4", 15), prompt="A cat walks.")  # 13 would be 4k+1
    assert entry.take.frames.shape == (9, 48, 80, 3)
    assert tuple(entry.take.latents.shape) == backbone.shape(9, 48, 80).latent


def bomb(path, side=60_000):
    """A PNG header that claims 3.6 gigapixels."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))))


def test_files_that_are_not_what_they_say_are_refused(backbone, tmp_path):
    shape = backbone.shape(9, 32, 48)
    good = film(tmp_path / "good.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(good[: len(good) // 8])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "vector.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "list.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    bomb(tmp_path / "bomb.png")
    for name in ("cut.mp4", "empty.png", "vector.png", "list.mp4", "bomb.png", "missing.png"):
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            read_upload(tmp_path / name, shape)
    (tmp_path / "film.png").write_bytes(good)  # a wrong suffix harms nobody
    assert len(read_upload(tmp_path / "film.png", shape)) == 9

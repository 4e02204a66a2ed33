"""Films survive their file: frames, colours, record; and a failure leaves nothing behind."""

import pytest
import torch
from films import read_video

from engine.video import read_record, write_mp4


def clip(frames=9, height=80, width=128):
    """Flat colours that move: what H.264 keeps well."""
    film = torch.zeros(frames, height, width, 3, dtype=torch.uint8)
    film[..., 2] = 200
    for k in range(frames):
        film[k, 20:60, 4 * k : 4 * k + 40] = torch.tensor([220, 40, 30], dtype=torch.uint8)
    return film


def psnr(a, b):
    return -10 * ((a.float() - b.float()) / 255).square().mean().log10()


def test_frames_come_back(tmp_path):
    film = clip()
    again = read_video(write_mp4(tmp_path / "film.mp4", film, scale=1))
    assert again.shape == film.shape
    assert psnr(again, film) > 30


def test_a_small_film_is_enlarged_to_a_watchable_size(tmp_path):
    assert read_video(write_mp4(tmp_path / "film.mp4", clip(5))).shape == (5, 400, 640, 3)
    assert read_video(write_mp4(tmp_path / "tiny.mp4", clip(1)[:, :32, :32])).shape == (1, 512, 512, 3)


def test_colours_keep_their_value(tmp_path):
    """A matrix mix-up (BT.601 read as BT.709) would shift these by ten and more."""
    for colour in ((220, 40, 30), (40, 200, 60), (30, 60, 220), (250, 250, 250)):
        film = torch.tensor(colour, dtype=torch.uint8).expand(3, 32, 32, 3)
        again = read_video(write_mp4(tmp_path / "flat.mp4", film, scale=1)).float()
        assert (again - film.float()).abs().max() <= 5


def test_browsers_can_play_it(tmp_path):
    data = write_mp4(tmp_path / "film.mp4", clip()).read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat"), "faststart: the index comes first"
    assert b"avc1" in data


def test_the_record_comes_back_whole(tmp_path):
    record = {
        "prompt": 'A fox; #1 = "Füchsin" 🦊\nсказка \\ <b>',
        "seeds": list(range(9)),
        "long": "ab=;" * 30_000,
    }
    assert read_record(write_mp4(tmp_path / "film.mp4", clip(), record=record)) == record
    assert read_record(write_mp4(tmp_path / "plain.mp4", clip())) == {}


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the old film")
    write_mp4(path, clip())
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize(
    ("frames", "settings"),
    [
        (torch.zeros(0, 80, 128, 3, dtype=torch.uint8), {}),
        (torch.zeros(4, 80, 128, 3), {}),
        (torch.zeros(4, 3, 80, 128, dtype=torch.uint8), {}),
        (torch.zeros(4, 81, 128, 3, dtype=torch.uint8), {"scale": 1}),
        (torch.zeros(4, 80, 128, 3, dtype=torch.uint8), {"scale": 0}),
        ([clip(), clip(width=144)], {"scale": 1}),
        ([clip(), clip().float()], {"scale": 1}),
    ],
)
def test_what_is_no_film_is_refused_and_the_old_one_stays(tmp_path, frames, settings):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the old film")
    with pytest.raises(ValueError, match=r" (is|are) "):
        write_mp4(path, frames, **settings)
    assert path.read_bytes() == b"the old film"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_clip_of_another_size_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^clip 3 is 80x64; the clips of a film have one size, here 80x128$"):
        write_mp4(tmp_path / "film.mp4", iter([clip(), clip(5), clip(width=64)]))
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_mp4(tmp_path / "nowhere" / "film.mp4", clip())


def test_a_damaged_or_missing_file_is_said_in_one_sentence(tmp_path):
    path = tmp_path / "film.mp4"
    with pytest.raises(ValueError, match=r"^no video file at"):
        read_record(path)
    path.write_bytes(b"no film")
    with pytest.raises(ValueError, match=r"is damaged or no video file; its record can't be read$"):
        read_record(path)

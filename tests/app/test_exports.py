"""What goes out is read back by another program."""

import csv
import io
import zipfile

import opentimelineio as otio
import pytest
from PIL import Image

from engine.video import read_record, read_video
from studio.exports import EXPORTS, export
from studio.services import Studio
from studio.settings import Settings


@pytest.fixture(scope="module")
def studio(tmp_path_factory, tiny_pocket):
    home = tmp_path_factory.mktemp("home")
    return Studio(Settings(home=home, backbone=str(tiny_pocket), executor="inline", example=False))


@pytest.fixture(scope="module")
def project(studio):
    made, _ = studio.split(studio.open(None).id, "A red fox walks on the beach. She jumps.", 2)
    typed = [("=SUM(A1) A fox.", 5, True), ("She jumps --> far.", 9, False)]
    for shot, (prompt, frames, cut) in zip(made.shots, typed, strict=True):
        studio.edit(made.id, "set_shot", shot=shot.id, prompt=prompt, frames=frames, cut=cut)
    studio.edit(made.id, "set_options", method="lct", seed=1, steps=2, guidance=1)
    studio.generate(made.id)
    studio.redo(made.id, made.shots[1].id)
    return studio.project(made.id)


@pytest.fixture
def out(studio, project, tmp_path):
    return lambda name: export(studio.store, project, name, tmp_path)


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_writes_a_file(out, name):
    assert out(name).stat().st_size > 20


def test_the_film_has_all_frames_and_its_record(out, project):
    path = out("Film (MP4)")
    assert len(read_video(path)) == 5 + 9
    assert [take["id"] for take in read_record(path)["takes"]] == [shot.take.id for shot in project.shots]


def test_shots_are_named_by_slate(out):
    with zipfile.ZipFile(out("Single shots (zip)")) as file:
        assert file.namelist() == ["shot 1A T1.mp4", "shot 1B T2.mp4"]


@pytest.mark.parametrize("name", ["Animation (GIF)", "Animation (WebP)"])
def test_animations_have_all_frames(out, name):
    with Image.open(out(name)) as picture:
        assert picture.n_frames > 1
        assert picture.size == (128 * 3, 80 * 3)


def test_the_shot_list_opens_in_a_spreadsheet_without_running_formulas(out):
    rows = list(csv.DictReader(io.StringIO(out("Shot list (CSV)").read_text("utf-8-sig"))))
    assert [row["slate"] for row in rows] == ["1A T1", "1B T2"]
    assert rows[0]["prompt"] == "'=SUM(A1) A fox."
    assert [row["starts with"] for row in rows] == ["cut", "continues"]
    assert [float(row["seconds"]) for row in rows] == [0.625, 1.125]
    assert rows[0]["stale"] == "shot 1B has another take"


def test_subtitles_follow_the_cut(out):
    text = out("Subtitles (SRT)").read_text()
    assert "00:00:00,000 --> 00:00:00,625" in text
    assert "00:00:00,625 --> 00:00:01,750" in text
    assert text.count("-->") == 2


@pytest.mark.parametrize("name", [name for name in EXPORTS if name.startswith("Timeline")])
def test_timelines_are_read_back_with_their_clips(out, name):
    path = out(name)
    options = {"rate": 24} if path.suffix == ".edl" else {}
    timeline = otio.adapters.read_from_file(str(path), **options)
    clips = list(timeline.find_clips())
    assert [clip.name for clip in clips] == ["1A T1", "1B T2"]
    assert [round(clip.duration().to_seconds(), 2) for clip in clips] == pytest.approx([0.625, 1.125], abs=0.05)
    if path.suffix == ".otio":
        assert clips[1].metadata["reelboard"]["made_by"]["prompt"] == "She jumps --> far."


def test_an_unmade_board_and_an_unknown_form_are_refused(studio, tmp_path):
    empty = studio.store.projects.create()
    with pytest.raises(ValueError, match="no shot is made yet"):
        export(studio.store, empty, "Film (MP4)", tmp_path)
    with pytest.raises(ValueError, match="export is 'PDF'; it is one of Film"):
        export(studio.store, empty, "PDF", tmp_path)

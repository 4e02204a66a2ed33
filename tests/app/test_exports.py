"""What goes out is read back by another program."""

import csv
import io
import json
import shutil
import subprocess
import zipfile

import opentimelineio as otio
import pytest
import torch
from films import read_video
from PIL import Image
from pypdf import PdfReader

from engine.video import read_record
from studio.exports import EXPORTS, Board, export
from studio.film import crop
from studio.services import Studio
from studio.settings import Settings
from studio.ui.film_views import review


@pytest.fixture(scope="module")
def studio(tmp_path_factory, tiny_pocket):
    home = tmp_path_factory.mktemp("home")
    return Studio(Settings(home=home, backbone=str(tiny_pocket), executor="inline", example=False))


@pytest.fixture(scope="module")
def project(studio):
    made, _ = studio.split(studio.open(None).id, "A red fox walks on the beach. She jumps.", 2)
    typed = [("=SUM(A1) A fox.", 5), ("She jumps --> far.", 9)]
    for shot, (prompt, frames) in zip(made.shots, typed, strict=True):
        studio.edit(made.id, "set_shot", shot=shot.id, prompt=prompt, frames=frames)
    studio.edit(made.id, "set_options", method="lct", seed=1, steps=2, guidance=1)
    studio.generate(made.id)
    studio.edit(made.id, "set_shot", shot=made.shots[1].id, cut=False)
    studio.redo(made.id, made.shots[1].id)
    return studio.project(made.id)


@pytest.fixture(scope="module")
def finished(studio, project, tmp_path_factory):
    """The same with a title, credits, a dissolve of two frames, a sound of 20 s and a third shot still to make."""
    copy = studio.open_zip(studio.export(project.id, "Project (zip)"))
    sound = tmp_path_factory.mktemp("sound") / "tone.wav"
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=20:sample_rate=8000")
    subprocess.run([FFMPEG, "-loglevel", "error", *tone, str(sound)], check=True)
    studio.set_sound(copy.id, sound.read_bytes(), "tone.wav")
    studio.edit(copy.id, "set_finish", title="The jump", credits="Лиса")
    studio.edit(copy.id, "set_shot", shot=copy.shots[1].id, fade=0.25)
    return studio.edit(copy.id, "add_shot", scene=copy.scenes[0].id, prompt="She sleeps.")


FFMPEG = shutil.which("ffmpeg") or __import__("imageio_ffmpeg").get_ffmpeg_exe()
FILM = 24 + 5 + 9 - 2 + 24  # frames: title, two shots that share two frames, credits


@pytest.fixture
def out(studio, project, tmp_path):
    return lambda name, what=project: export(studio.store, what, name, tmp_path)


def streams(path):
    """Kind and seconds of a file's streams, as ffmpeg decodes them."""
    found = {}
    for kind, form in (("v", "rawvideo"), ("a", "s16le")):
        sized = ("-s", "16x10", "-pix_fmt", "gray") if kind == "v" else ("-ac", "1", "-ar", "8000")
        command = [FFMPEG, "-loglevel", "error", "-i", str(path), "-map", f"0:{kind}?", *sized, "-f", form, "pipe:1"]
        raw = subprocess.run(command, capture_output=True, check=False).stdout
        found |= {kind: len(raw) / (160 * 8 if kind == "v" else 16000)} if raw else {}
    return found


def test_the_film_has_all_frames_and_its_record(out, project):
    path = out("Film (MP4)")
    assert len(read_video(path)) == 5 + 9
    shots = read_record(path)["shots"]
    assert [shot["take"] for shot in shots] == [shot.take.id for shot in project.shots]
    assert shots[1]["made_by"]["prompt"] == "She jumps --> far."
    assert streams(path) == {"v": 14 / 8}


def test_a_finished_film_has_cards_a_dissolve_and_a_sound_of_its_length(out, finished):
    path = out("Film (MP4)", finished)
    pictures, sound = streams(path)["v"], streams(path)["a"]
    assert pictures == FILM / 8
    assert sound == pytest.approx(FILM / 8, abs=0.05)
    frames = read_video(path).float()
    assert frames[3].std() > 2  # letters on the card
    assert (frames[3] - frames[20]).abs().mean() < 1  # which holds still
    alone = read_video(out("Film (MP4)")).float()
    half = (2 * alone[3] + alone[5]) / 3  # the first frame of the dissolve: a third of the second shot
    assert (frames[24 + 3] - half).abs().mean() < 4 < (alone[3] - alone[5]).abs().mean()


def test_an_animatic_holds_a_card_where_a_shot_is_missing(out, finished):
    assert streams(out("Animatic (MP4)", finished))["v"] == (FILM + 17) / 8


def test_shots_are_named_by_slate(out):
    with zipfile.ZipFile(out("Single shots (zip)")) as file:
        assert file.namelist() == ["shot 1A T1.mp4", "shot 1B T2.mp4"]


@pytest.mark.parametrize("name", ["Animation (GIF)", "Animation (WebP)"])
def test_animations_have_all_frames_and_their_record(out, name):
    with Image.open(out(name)) as picture:
        assert picture.n_frames > 1
        assert picture.size == (128 * 3, 80 * 3)
        told = picture.info["comment"] if picture.format == "GIF" else picture.getexif()[0x9286]
        assert json.loads(told)["shots"][0]["slate"] == "1A T1"


def test_contact_sheets_show_every_shot_and_carry_their_record(out):
    with Image.open(out("Contact sheet (PNG)")) as picture:
        assert json.loads(picture.text["Comment"])["shots"][1]["slate"] == "1B T2"
        assert picture.height > 2 * 160
    pages = PdfReader(out("Contact sheet (PDF)"))
    assert len(pages.pages) == 1
    assert json.loads(pages.metadata.subject)["shots"][1]["slate"] == "1B T2"


def test_the_shot_list_opens_in_a_spreadsheet_without_running_formulas(out, finished):
    rows = list(csv.DictReader(io.StringIO(out("Shot list (CSV)").read_text("utf-8-sig"))))
    assert [row["slate"] for row in rows] == ["1A T1", "1B T2"]
    assert rows[0]["prompt"] == "'=SUM(A1) A fox."
    assert [row["starts with"] for row in rows] == ["cut", "continues"]
    assert [float(row["seconds"]) for row in rows] == [0.625, 1.125]
    assert rows[0]["stale"] == "shot 1B has another take"
    rows = list(csv.DictReader(io.StringIO(out("Shot list (CSV)", finished).read_text("utf-8-sig"))))
    assert [(row["slate"], row["start"], row["status"]) for row in rows] == [
        ("1A T1", "3.000", "made"),
        ("1B T2", "3.375", "made"),
        ("1C", "4.500", "not made"),
    ]


def test_subtitles_follow_the_cut(out, finished):
    text = out("Subtitles (SRT)").read_text()
    assert "00:00:00,000 --> 00:00:00,625" in text
    assert "00:00:00,625 --> 00:00:01,750" in text
    assert text.count("-->") == 2
    assert "00:00:03,000 --> 00:00:03,375" in out("Subtitles (SRT)", finished).read_text()


def test_subtitles_hold_what_is_said_and_the_prompts_only_where_nothing_is(studio, finished, out):
    assert "=SUM(A1) A fox." in out("Subtitles (SRT)", finished).read_text()
    asked = studio.edit(finished.id, "set_shot", shot=finished.shots[1].id, said="Come --> here!")
    assert out("Subtitles (SRT)", asked).read_text() == "1\n00:00:03,375 --> 00:00:04,500\nCome -> here!\n"
    assert review(studio, asked)["words"] == "WEBVTT\n\n1\n00:00:03.375 --> 00:00:04.500\nCome -> here!\n"
    assert [shot.stale for shot in asked.shots] == [shot.stale for shot in finished.shots]
    studio.undo(finished.id)


@pytest.mark.parametrize("name", [name for name in EXPORTS if name.startswith("Timeline")])
def test_timelines_are_read_back_with_their_clips(out, name):
    path = out(name)
    options = {"rate": 24} if path.suffix == ".edl" else {}
    timeline = otio.adapters.read_from_file(str(path), **options)
    clips = list(timeline.find_clips())
    assert [clip.name for clip in clips] == ["1A T1", "1B T2"]
    assert [round(clip.duration().to_seconds(), 2) for clip in clips] == pytest.approx([0.625, 1.125], abs=0.05)
    if path.suffix in (".otio", ".otioz"):
        assert clips[1].metadata["reelboard"]["made_by"]["prompt"] == "She jumps --> far."


@pytest.mark.parametrize("name", [name for name in EXPORTS if name.startswith("Timeline")])
def test_timelines_keep_cards_the_dissolve_and_the_sound(out, finished, name):
    path = out(name, finished)
    timeline = otio.adapters.read_from_file(str(path), **({"rate": 24} if path.suffix == ".edl" else {}))
    video = timeline.video_tracks()[0]
    assert [clip.name for clip in video.find_clips()] == ["title", "1A T1", "1B T2", "credits"]
    (fade,) = [one for one in video if isinstance(one, otio.schema.Transition)]
    assert (fade.in_offset + fade.out_offset).to_seconds() == pytest.approx(2 / 8)
    if path.suffix != ".edl":
        assert video.duration().to_seconds() == pytest.approx(FILM / 8, abs=0.05)
        (sound,) = timeline.audio_tracks()[0].find_clips()
        assert sound.duration().to_seconds() == pytest.approx(FILM / 8, abs=0.05)


def test_everything_is_one_folder_whose_timelines_find_their_files(out, finished, tmp_path):
    with zipfile.ZipFile(out("Everything (zip)", finished)) as file:
        file.extractall(tmp_path)
    folder = tmp_path / "reelboard"
    forms = [form.file for form in EXPORTS.values() if form.file not in ("reelboard.zip", "shots.zip")]
    assert {path.name for path in folder.iterdir()} == {*forms, "media"}
    for clip in otio.adapters.read_from_file(str(folder / "film.otio")).find_clips():
        assert (folder / clip.media_reference.target_url).is_file()
    for name in ("film.xml", "film.edl"):
        assert "media/1A T1.mp4" in (folder / name).read_text().replace("%20", " ")
        assert str(tmp_path.parent) not in (folder / name).read_text()


def test_a_project_brings_its_finish_along(studio, finished):
    opened = studio.open_zip(studio.export(finished.id, "Project (zip)"))
    assert opened.finish == finished.finish
    assert [shot.fade for shot in opened.shots] == [0, 0.25, 0]
    assert studio.media(opened.finish.sound).exists()


def test_the_film_on_the_page_is_the_one_that_is_exported(studio, finished, out):
    shown = studio.film(finished.id)
    assert shown.read_bytes() == out("Film (MP4)", finished).read_bytes()
    assert studio.film(finished.id) == shown
    studio.edit(finished.id, "set_finish", title="Another")
    assert studio.film(finished.id) != shown
    studio.undo(finished.id)
    assert studio.film(finished.id) == shown


@pytest.mark.parametrize("aspect", ["1:1", "9:16", "16:9", "2.39:1"])
def test_a_crop_keeps_the_middle_in_even_sizes(aspect):
    wide, high = map(float, aspect.split(":"))
    for height, width in ((80, 128), (481, 833), (96, 64)):
        frames = torch.arange(height)[:, None] * torch.ones(width) + 1000 * torch.arange(width)
        rows, columns = (kept := crop(frames[None, ..., None], aspect)[0, ..., 0]).shape
        assert rows % 2 == columns % 2 == 0
        assert abs(rows * wide - columns * high) <= 2 * max(wide, high)
        assert rows >= height - 1 or columns >= width - 1, "no more is cut off than has to be"
        assert torch.equal(kept[0, 0], frames[(height - rows) // 2, (width - columns) // 2])


def test_a_crop_is_of_the_film_its_cards_and_every_shot(studio, finished, out, tmp_path):
    cropped = studio.edit(finished.id, "set_finish", aspect="9:16")
    film = out("Film (MP4)", cropped)
    assert read_video(film).shape[1:3] == (80 * 14, 44 * 14)
    assert studio.film(finished.id).read_bytes() == film.read_bytes()
    with Image.open(out("Animation (GIF)", cropped)) as picture:
        assert picture.size == (44 * 3, 80 * 3)
    shots = []
    with zipfile.ZipFile(out("Single shots (zip)", cropped)) as file:
        for name in file.namelist():
            shots.append(read_video(file.extract(name, tmp_path)))
            assert read_record(tmp_path / name)["prompt"]
    with zipfile.ZipFile(out("Timeline with its files (OTIOZ)", cropped)) as file:
        card = read_video(file.extract(next(name for name in file.namelist() if "title" in name), tmp_path))
    assert [clip.shape[1:3] for clip in (*shots, card)] == [(80 * 14, 44 * 14)] * 3
    small = shots[0].unflatten(1, (80, 14)).unflatten(3, (44, 14)).float().mean((2, 4))
    made = Board(studio.store, finished).frames(finished.shots[0].take).float()
    left = min(range(128 - 44 + 1), key=lambda left: (small - made[:, :, left : left + 44]).abs().mean())
    assert left == (128 - 44) / 2
    with pytest.raises(ValueError, match=r"^aspect is '4:3'; input should be '', '1:1', '9:16', '16:9' or '2.39:1'$"):
        studio.edit(finished.id, "set_finish", aspect="4:3")
    studio.undo(finished.id)


def test_a_plain_film_is_cropped_too(studio, project):
    studio.edit(project.id, "set_finish", aspect="1:1")
    assert read_video(studio.film(project.id)).shape[1:3] == (640, 640)
    studio.undo(project.id)
    assert read_video(studio.film(project.id)).shape[1:3] == (400, 640)


def test_a_project_file_from_before_crops_and_subtitles_is_opened(studio, finished, tmp_path):
    old = tmp_path / "old.zip"
    with zipfile.ZipFile(studio.export(finished.id, "Project (zip)")) as file, zipfile.ZipFile(old, "w") as written:
        for name in file.namelist():
            text = file.read(name)
            if name == "project.json":
                board = json.loads(text)
                del board["project"]["finish"]["aspect"]
                for scene in board["project"]["scenes"]:
                    for shot in scene["shots"]:
                        del shot["said"]
                text = json.dumps(board)
            written.writestr(name, text)
    assert studio.open_zip(old).finish == finished.finish


def test_a_shot_whose_file_is_gone_is_named_with_what_to_do(studio, finished, out):
    told = "the file of shot 1B is missing on the disk; redo the shot or use another of its takes"
    file = studio.media(finished.shots[1].take.latents)
    away = file.rename(file.with_suffix(".away"))
    try:
        assert review(studio, finished) == {"error": told}
        with pytest.raises(ValueError, match=told):
            out("Film (MP4)", finished)
    finally:
        away.rename(file)
    assert review(studio, finished)["src"]


def test_a_seam_where_the_judge_reads_another_character_is_marked(studio, finished):
    one, two = finished.shots[:2]
    looks = {"species": "fox", "colour": "red", "accessory": "crown"}
    for shot, read in ((one, looks), (two, looks | {"species": "bear"})):
        studio.store.facts.keep(f"characters {shot.take.latents}", [read])
    (seam,) = studio.seams(finished)
    assert "a character reads as another one: fox becomes bear" in seam.why
    for name in ("Ruby", "Otto"):
        entry = studio.edit(finished.id, "add_entry", kind="character", text=f"{name}, a red fox", name=name).bible[-1]
        cast = [*studio.project(finished.id).scenes[0].cast, entry.id]
        studio.edit(finished.id, "set_scene", scene=finished.scenes[0].id, cast=cast)
    studio.edit(finished.id, "set_shot", shot=one.id, prompt="Ruby jumps.")
    others = studio.edit(finished.id, "set_shot", shot=two.id, prompt="Otto waves.")
    assert studio.seams(others)[0].likeness is None, "the shots are about two characters"
    for _ in range(6):
        studio.undo(finished.id)
    studio.store.facts.keep(f"characters {two.take.latents}", [looks])
    assert not any("reads as another" in why for why in studio.seams(studio.project(finished.id))[0].why)


def test_seams_are_measured_where_shots_of_a_scene_meet(studio, finished):
    (seam,) = studio.seams(finished)
    assert (seam.before, seam.after) == tuple(shot.id for shot in finished.shots[:2])
    assert seam.at == (24 + 5 - 2) / 8
    assert 0 <= seam.palette <= 1


@pytest.mark.parametrize("content", [b"", b"RIFF1234WAVEnothing", b"%PDF-1.7 no sound", b"ID3" + bytes(400)])
def test_what_is_no_sound_is_refused_in_one_sentence(studio, finished, content):
    with pytest.raises(ValueError, match=r"^the sound is") as caught:
        studio.set_sound(finished.id, content, "song.mp3")
    assert "\n" not in str(caught.value)


def test_an_unmade_board_and_an_unknown_form_are_refused(studio, tmp_path):
    empty = studio.store.projects.create()
    with pytest.raises(ValueError, match="no shot is made yet"):
        export(studio.store, empty, "Film (MP4)", tmp_path)
    with pytest.raises(ValueError, match="there are no shots yet"):
        export(studio.store, empty, "Animatic (MP4)", tmp_path)
    with pytest.raises(ValueError, match="export is 'PDF'; it is one of Film"):
        export(studio.store, empty, "PDF", tmp_path)

"""The studio's services on a tiny real backbone: nothing is lost, every refusal is one sentence."""

import io
import json
import threading
import time
import zipfile
from types import SimpleNamespace

import gradio as gr
import pytest
import torch
from films import read_video
from PIL import Image

from studio.film import load_take
from studio.models import SCENE, Options, ShotInfo
from studio.services import Studio
from studio.settings import Settings, read_settings
from studio.staleness import beside, due
from studio.store import StaleError
from studio.store.archive import END, FAR
from studio.tasks import redo_task, scene_tasks
from studio.ui import views
from studio.ui.actions import Actions

STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."


class Nobody:
    """An executor that leaves the work to another process."""

    def wake(self):
        pass


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), executor="inline", example=False))


def make(studio, project_id):
    studio.generate(project_id)
    assert studio.job(project_id).state == "done", studio.job(project_id)


def project(studio, shots=2, frames=5):
    made, _ = studio.split(studio.open(None).id, STORY, shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=frames)
    return studio.edit(made.id, "set_options", method="lct", seed=1, steps=2, guidance=1)


def prompt(studio, made):
    return studio.prompt(made, made.shots[0].id)[0]


def test_a_story_becomes_exactly_the_asked_number_of_shots(studio):
    for shots in (1, 4, 9):
        made, note = studio.split(studio.open(None).id, STORY, shots)
        assert len(made.shots) == shots
        assert prompt(studio, made).startswith("[Character] Character 1:")
        assert made.shots[0].cut
        assert not any("[SHOT CUT]" in shot.prompt for shot in made.shots)
        assert note == ""


def test_a_film_is_made_kept_and_found_again_by_a_new_process(studio, tiny_pocket):
    asked = project(studio)
    make(studio, asked.id)
    made = studio.project(asked.id)
    assert all(shot.take for shot in made.shots)
    assert studio.media(made.film).read_bytes()[4:8] == b"ftyp"
    again = Studio(Settings(home=studio.settings.home, backbone=str(tiny_pocket), executor="inline", example=False))
    assert again.open(None) == made
    assert again.open(made.id) == made


def test_redo_makes_one_new_take_and_touches_nothing_else(studio):
    asked = project(studio)
    make(studio, asked.id)
    before = studio.project(asked.id)
    studio.redo(asked.id, asked.shots[1].id)
    after = studio.project(asked.id)
    assert after.shots[0].take == before.shots[0].take
    assert after.shots[1].take.id != before.shots[1].take.id
    assert after.film != before.film
    assert studio.media(before.shots[1].take.video).exists()


def test_the_first_words_of_a_project_are_kept_before_there_is_a_scene(studio):
    made = studio.new()
    assert studio.tell(made.id, "  ").scenes == ()
    studio.tell(made.id, "A fox walks")
    told = studio.tell(made.id, "A fox walks. It waves.")
    assert [scene.story for scene in studio.project(made.id).scenes] == ["A fox walks. It waves."]
    split, _ = studio.split(told.id, told.scenes[0].story, 2, scene=told.scenes[0].id)
    assert [len(scene.shots) for scene in split.scenes] == [2]


def test_one_take_is_made_with_steps_and_guidance_of_its_own(studio):
    asked = project(studio)
    make(studio, asked.id)
    job = studio.redo(asked.id, asked.shots[1].id, steps=3, guidance=2.5)
    take = studio.project(asked.id).shots[1].take
    told = studio.store.projects.made_by(take.id)
    assert (told["steps"], told["guidance"]) == (3, 2.5)
    assert studio.project(asked.id).options == asked.options
    assert job.task.options.steps == 3
    with pytest.raises(ValueError, match="steps is 0"):
        studio.redo(asked.id, asked.shots[1].id, steps=0)
    with pytest.raises(ValueError, match="guidance is 99"):
        studio.redo(asked.id, asked.shots[1].id, guidance=99)


def test_a_kept_take_comes_back_exactly(studio):
    asked = project(studio)
    make(studio, asked.id)
    info = studio.project(asked.id).shots[0].take
    take = load_take(studio.store.media, info)
    assert take.frames.shape == (5, 80, 128, 3)
    assert take.latents.dtype == torch.float32
    assert take.seed == info.seed


def test_stop_ends_within_steps_and_what_was_finished_is_not_made_again(studio):
    asked = project(studio, frames=33)
    studio.edit(asked.id, "set_options", method="independent", seed=0, steps=60)
    running = threading.Thread(target=studio.generate, args=(asked.id,))
    running.start()
    until = time.monotonic() + 600
    while not (studio.job(asked.id) and studio.job(asked.id).done) and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(ValueError, match="this scene is being made"):
        studio.generate(asked.id)
    with pytest.raises(ValueError, match="stop it or wait"):
        studio.split(asked.id, STORY, 3)
    studio.stop(asked.id, "after")
    running.join(600)
    stopped = studio.job(asked.id)
    assert stopped.state == "cancelled"
    assert [shot.state for shot in stopped.shots] == ["done", "waiting"]
    first = studio.project(asked.id).shots[0].take
    make(studio, asked.id)
    assert studio.job(asked.id).id == stopped.id
    assert studio.project(asked.id).shots[0].take == first


def test_an_edit_of_an_older_board_is_refused_and_says_what_changed(studio):
    seen = project(studio)
    entry = seen.bible[0].id
    studio.edit(seen.id, "set_entry", entry=entry, text="Bo, a blue bear", revision=seen.revision)
    with pytest.raises(StaleError, match="the bible changed in another window"):
        studio.edit(seen.id, "set_entry", entry=entry, text="Al, a red fox", revision=seen.revision)
    assert "Bo" in prompt(studio, studio.project(seen.id))


def test_every_edit_can_be_undone_and_redone_and_takes_come_back(studio):
    asked = project(studio)
    make(studio, asked.id)
    before = studio.project(asked.id)
    studio.split(asked.id, "A blue cat sleeps.", 3)
    back = studio.undo(asked.id)
    assert [shot.id for shot in back.shots] == [shot.id for shot in before.shots]
    assert [shot.take for shot in back.shots] == [shot.take for shot in before.shots]
    assert len(studio.redo_edit(asked.id).shots) == 3
    with pytest.raises(ValueError, match="nothing to redo"):
        studio.redo_edit(asked.id)


def test_an_edit_after_a_film_was_made_loses_no_take(studio):
    asked = project(studio)
    make(studio, asked.id)
    made = studio.project(asked.id)
    studio.edit(asked.id, "set_entry", entry=asked.bible[0].id, text="Bo.", revision=asked.revision)
    after = studio.project(asked.id)
    assert [s.take for s in after.shots] == [s.take for s in made.shots]
    assert after.film == made.film
    assert prompt(studio, after).startswith("[Character] Character 1: Bo.")


def test_edits_are_saved_and_lengths_become_legal(studio):
    asked = project(studio)
    one, two = (shot.id for shot in asked.shots)
    studio.edit(asked.id, "set_shot", shot=one, prompt="A blue bear sits.", frames=14)
    studio.edit(asked.id, "set_shot", shot=two, prompt="It waves.", frames=99, cut=False)
    studio.edit(asked.id, "set_options", method="independent", seed=5)
    kept = studio.project(asked.id)
    assert [s.prompt for s in kept.shots] == ["A blue bear sits.", "It waves."]
    assert [s.frames for s in kept.shots] == [13, 33]
    assert not kept.shots[1].cut
    assert kept.options == Options(method="independent", seed=5, steps=2, guidance=1)


@pytest.mark.parametrize(
    ("story", "shots", "sentence"),
    [
        ("", 4, "story is empty"),
        ("   \n", 4, "story is empty"),
        (STORY, 0, "shots is 0; a scene holds 1 to 9"),
        (STORY, 100, "shots is 100; a scene holds 1 to 9, the nearest is 9"),
        ("a" * 200_000, 4, "story has 200000 characters; the most is 20000"),
    ],
)
def test_bad_stories_are_refused_in_one_sentence_and_change_nothing(studio, story, shots, sentence):
    asked = project(studio)
    with pytest.raises(ValueError, match=sentence) as caught:
        studio.split(asked.id, story, shots)
    assert "\n" not in str(caught.value)
    assert studio.project(asked.id) == asked


@pytest.mark.parametrize("story", ["🦊🌊🎉", "Лиса идёт по пляжу.", "<script>alert(1)</script> a cat"])
def test_any_script_or_markup_can_be_split(studio, story):
    made, _ = studio.split(studio.open(None).id, story, 3)
    assert len(made.shots) == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "magic"}, "method is 'magic'"),
        ({"seed": -1}, "seed is -1; the nearest possible value is 0"),
        ({"steps": 1000}, "steps is 1000; the nearest possible value is 200"),
        ({"seed": 2**31}, "seed is 2147483648; the nearest possible value is 2147483647"),
        ({"colour": "red"}, "'colour' is no known field; it has method, group, seed"),
    ],
)
def test_bad_options_are_refused(studio, options, sentence):
    asked = project(studio)
    with pytest.raises(ValueError, match=sentence):
        studio.edit(asked.id, "set_options", **options)
    with pytest.raises(ValueError, match="frames"):
        ShotInfo(id="x", prompt="y", frames="long")


def test_strangers_projects_and_paths_are_refused(studio):
    with pytest.raises(ValueError, match="no longer here"):
        studio.project("nobody")
    with pytest.raises(ValueError, match="plain file name"):
        studio.media("../reelboard.sqlite")
    with pytest.raises(ValueError, match="shot is 'nobody'; it is not on this board"):
        studio.redo(project(studio).id, "nobody")


def test_missing_weights_are_said_and_nothing_breaks(tmp_path):
    studio = Studio(Settings(home=tmp_path, backbone=str(tmp_path / "none"), executor="inline", example=False))
    asked = project(studio)
    with pytest.raises(ValueError, match="no such folder"):
        studio.plan(asked, asked.scenes[0].id)
    assert [job.state for job in studio.generate(asked.id)] == ["queued"]
    assert studio.job(asked.id).state == "failed"
    assert "no such folder" in studio.job(asked.id).message


def test_settings_come_from_the_environment_and_name_the_wrong_one(tmp_path):
    found = read_settings({"REELBOARD_PORT": "8000", "REELBOARD_HOME": str(tmp_path), "OTHER": "x"})
    assert (found.port, found.home, found.host) == (8000, tmp_path, "127.0.0.1")
    with pytest.raises(ValueError, match="REELBOARD_PORT is '99999'"):
        read_settings({"REELBOARD_PORT": "99999"})
    assert read_settings({"SPACE_ID": "me/reelboard"}).public
    assert "sesame" not in repr(read_settings({"REELBOARD_LLM_API_KEY": "sesame"}))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"REELBOARD_HOME is .* can't be written"):
        Studio(Settings(home=tmp_path / "file" / "deep"))


def test_a_new_studio_shows_a_finished_film_that_can_be_worked_on(tmp_path, tiny_pocket):
    studio = Studio(Settings(home=tmp_path, backbone=str(tiny_pocket), executor="inline"))
    shown = studio.open(None)
    assert len(shown.shots) == 4
    assert all(shot.take and not shot.stale for shot in shown.shots)
    assert studio.film(shown.id).read_bytes()[4:8] == b"ftyp"
    assert studio.open(None).id == shown.id
    assert studio.edit(shown.id, "drop_shots", shots=[shown.shots[0].id]).slates


def test_a_public_page_gives_every_visitor_a_project_of_their_own(tmp_path, tiny_pocket):
    studio = Studio(Settings(home=tmp_path, backbone=str(tiny_pocket), public=True, example=False))
    assert studio.open(None).id != studio.open(None).id


def test_what_a_take_depended_on_makes_it_stale_with_the_reason(studio):
    asked = project(studio, shots=3)
    make(studio, asked.id)
    assert [shot.stale for shot in studio.project(asked.id).shots] == [(), (), ()]
    studio.redo(asked.id, asked.shots[1].id)
    redone = studio.project(asked.id)
    assert [shot.stale for shot in redone.shots] == [("shot 1B has another take",), (), ("shot 1B has another take",)]
    assert [beside(shot) for shot in redone.shots] == [True, False, True]
    assert [due(shot) for shot in redone.shots] == [False, False, False]
    first = redone.shots[0]
    edited = studio.edit(asked.id, "set_shot", shot=first.id, prompt=first.prompt + " It sings.", frames=9)
    assert edited.shots[0].stale[:2] == ("its words changed", "its length changed")
    assert edited.shots[1].stale == ()
    hero = asked.bible[0]
    shared = studio.edit(asked.id, "set_entry", entry=hero.id, text="Bo, a blue bear.")
    assert all(f"{hero.name} changed in the bible" in shot.stale for shot in shared.shots)
    place = studio.edit(asked.id, "set_entry", entry=asked.scenes[0].setting, text="In the forest.")
    assert all("the place or look changed in the bible" in shot.stale for shot in place.shots)
    told = studio.edit(asked.id, "set_scene", scene=asked.scenes[0].id, summary="They rest.")
    assert all("the scene's story changed" in shot.stale for shot in told.shots)


@pytest.mark.parametrize("method", ["lct", "lct-ar", "lct-causal", "independent"])
def test_a_take_made_again_is_the_same_to_the_byte(studio, method):
    asked = project(studio)
    studio.edit(asked.id, "set_options", method=method)
    make(studio, asked.id)
    before = studio.project(asked.id).shots[1].take
    studio.redo(asked.id, asked.shots[0].id)
    chosen = [shot.take for shot in studio.project(asked.id).shots]
    studio.rerun(before.id)
    assert [shot.take for shot in studio.project(asked.id).shots] == chosen
    after = studio.takes(asked.shots[1].id)[-1]
    assert after.id != before.id
    assert (after.video, after.latents) == (before.video, before.latents)


def test_a_take_made_again_remembers_what_it_saw_and_read_whatever_became_of_it(studio, tmp_path):
    Image.new("RGB", (64, 48), "red").save(tmp_path / "fox.png")
    asked = project(studio, shots=3)
    make(studio, asked.id)
    a, b, c = (shot.id for shot in asked.shots)
    fox = studio.pool.add_file(asked.id, tmp_path / "fox.png", prompt="A red fox.")
    studio.edit(asked.id, "set_shot", shot=c, see=[b, fox.id], noises={fox.id: 300}, seed=7)
    studio.redo(asked.id, c)
    before = studio.project(asked.id).shot(c).take
    assert before.saw.keys() == {b, fox.id}
    studio.redo(asked.id, b)
    studio.edit(asked.id, "drop_reference", reference=fox.id)
    studio.edit(asked.id, "set_entry", entry=asked.bible[0].id, text="Bo, a blue bear.")
    studio.edit(asked.id, "set_shot", shot=c, prompt="It sits.", frames=9, see=[a])
    studio.edit(asked.id, "set_options", method="independent", steps=5, seed=99)
    studio.rerun(before.id)
    after = studio.takes(c)[-1]
    assert after.id != before.id
    assert (after.video, after.poster, after.latents) == (before.video, before.poster, before.latents)
    assert after.saw == before.saw


def test_a_project_travels_as_a_zip(studio, tmp_path, tiny_pocket):
    asked = project(studio)
    make(studio, asked.id)
    studio.redo(asked.id, asked.shots[0].id)
    first, second = studio.takes(asked.shots[0].id)
    studio.star(asked.id, asked.shots[0].id, first.id, starred=True)
    for take, at, said in ((first, 0.25, "The best."), (second, 0.125, "Too dark.")):
        studio.note(asked.id, asked.shots[0].id, take.id, at, said)
    content = studio.export(asked.id, "Project (zip)").read_bytes()
    other = Studio(Settings(home=tmp_path / "other", backbone=str(tiny_pocket), executor="inline", example=False))
    opened = other.open_zip(io.BytesIO(content))
    was = studio.project(asked.id)
    assert [s.prompt for s in opened.shots] == [s.prompt for s in was.shots]
    assert [s.stale for s in opened.shots] == [s.stale for s in was.shots]
    assert [s.take.video for s in opened.shots] == [s.take.video for s in was.shots]
    assert other.media(opened.film).exists()
    one, two = (take.id for take in other.takes(opened.shots[0].id))
    assert other.starred(opened) == {one: opened.shots[0].id}
    assert [(note.take, note.text, note.at) for note in other.notes(opened.shots[0].id)] == [
        (two, "Too dark.", 0.125),
        (one, "The best.", 0.25),
    ]
    twice = other.open_zip(io.BytesIO(content))
    assert twice.id != opened.id


def changed(content, **files):
    """A zip with members replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, files.get(info.filename, old.read(info)))
    return out.getvalue()


def test_zips_that_are_not_ours_are_refused_and_leave_nothing(studio, tmp_path, tiny_pocket):
    asked = project(studio)
    make(studio, asked.id)
    content = studio.export(asked.id, "Project (zip)").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        board = file.read("project.json").decode()
        picture = next(name for name in file.namelist() if name.endswith(".jpg"))
    other = Studio(Settings(home=tmp_path / "other", backbone=str(tiny_pocket), executor="inline", example=False))
    film = studio.project(asked.id).film
    bad = {
        "no project file": b"not a zip",
        "missing in the project file": changed(content, **{"project.json": board.replace(film, "0" * 32 + ".mp4")}),
        "is missing": changed(content, **{"project.json": board.replace(film, "../../../etc/passwd")}),
        "is damaged or not what its name says": changed(content, **{picture: b"other bytes"}),
        "is wrong": changed(content, **{"project.json": "{}"}),
        "unpacks to more than 100 MB": changed(content, **{"media/x.mp4": bytes(1), picture: bytes(101_000_000)}),
        "project.json unpacks to more than 32 MB": changed(content, **{"project.json": bytes(33_000_000)}),
        "holds more than 1500000 values": changed(content, **{"project.json": '{"a": [' + "0," * 1_500_001 + "0]}"}),
        "takes holds too much; the most is 10000": changed(
            content, **{"project.json": '{"takes": [' + "{}," * 10_001 + "{}]}"}
        ),
        "is no JSON": changed(content, **{"project.json": "[" * 100_000}),
        "holds too many files": bytes(5_000_000) + END.pack(b"PK\5\6", 0, 0, 65535, 65535, 4_000_001, 0, 0),
        "is no project file": changed(content)[: -END.size]
        + FAR.pack(b"PK\6\7", 0, 0, 1)
        + changed(content)[-END.size :],
    }
    for sentence, data in bad.items():
        with pytest.raises(ValueError, match=sentence):
            other.open_zip(io.BytesIO(data))
    assert list(other.store.media.folder.iterdir()) == []
    assert other.store.projects.latest() is None


def state(**tensors):
    from safetensors.torch import save

    return save(tensors)


FRAMES = torch.zeros(5, 80, 128, 3, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("video", b"<script>alert(1)</script>"),
        ("poster", b"GIF89a, and whatever follows it"),
        ("latents", b""),
        ("latents", bytes(8)),
        ("latents", b"\xff" * 80),
        ("latents", (40).to_bytes(8, "little") + b'{"frames": {"dtype": "U8", "shape": []} '),
        ("latents", state(latents=torch.zeros(2))),
        ("latents", state(frames=FRAMES.float())),
        ("latents", state(frames=FRAMES[0])),
        ("latents", state(frames=FRAMES)[:-9]),
        ("latents", state(frames=FRAMES) + b"more"),
        ("latents", b"\x80\x04\x95 a pickle, which runs whatever it likes"),
    ],
)
def test_every_file_in_a_zip_is_of_the_kind_that_its_place_asks_for(studio, field, data):
    asked = project(studio)
    make(studio, asked.id)
    content, there = studio.export(asked.id, "Project (zip)").read_bytes(), set(studio.store.media.folder.iterdir())
    was = getattr(studio.project(asked.id).shots[0].take, field)
    name = studio.store.media.name(data, was[was.index(".") :])
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        board = file.read("project.json").decode().replace(was, name)
    out = io.BytesIO(changed(content, **{"project.json": board}))
    with zipfile.ZipFile(out, "a") as file:
        file.writestr(f"media/{name}", data)
    with pytest.raises(ValueError, match=f"{name}' in the project file is damaged or not what its name says"):
        studio.open_zip(out)
    assert set(studio.store.media.folder.iterdir()) == there


def test_a_file_in_a_zip_stands_in_one_place_only(studio):
    asked = project(studio)
    make(studio, asked.id)
    content, take = studio.export(asked.id, "Project (zip)").read_bytes(), studio.project(asked.id).shots[0].take
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        board = file.read("project.json").decode().replace(take.poster, take.video)
    with pytest.raises(ValueError, match="is damaged or not what its name says"):
        studio.open_zip(io.BytesIO(changed(content, **{"project.json": board})))


def test_an_earlier_take_can_be_chosen_again_and_the_film_follows(studio):
    asked = project(studio)
    make(studio, asked.id)
    before = studio.project(asked.id)
    studio.redo(asked.id, asked.shots[1].id)
    first, second = studio.takes(asked.shots[1].id)
    assert studio.project(asked.id).shots[1].take == second
    back = studio.choose(asked.id, asked.shots[1].id, first.id)
    assert back.shots[1].take == first
    assert back.shots[0].stale == ()
    assert back.film_is_old
    assert studio.film(asked.id).read_bytes() == studio.media(before.film).read_bytes()
    assert not studio.project(asked.id).film_is_old
    with pytest.raises(ValueError, match="this shot has no such take"):
        studio.choose(asked.id, asked.shots[0].id, second.id)


def test_every_example_is_told_in_words_that_the_model_knows(studio):
    for tale in studio.stories:
        made, _ = studio.split(studio.new().id, tale["story"], tale["shots"])
        assert studio.advice(made, made.scenes[0].id) == []


@pytest.mark.parametrize("suffix", [".html", ".svg", "", "./../../x.txt"])
def test_a_zip_brings_only_kinds_of_files_that_takes_are_kept_as(studio, suffix):
    asked = project(studio)
    make(studio, asked.id)
    content, film, data = (
        studio.export(asked.id, "Project (zip)").read_bytes(),
        studio.project(asked.id).film,
        b"<script>",
    )
    name = studio.store.media.name(data, suffix)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        board = file.read("project.json").decode().replace(film, name)
    out = io.BytesIO(changed(content, **{"project.json": board}))
    with zipfile.ZipFile(out, "a") as file:
        file.writestr(f"media/{name}", data)
    with pytest.raises(ValueError, match="is damaged or not what its name says"):
        studio.open_zip(out)


def test_a_take_remembers_shots_of_other_scenes_in_the_picked_order(studio):
    first = project(studio)
    make(studio, first.id)
    two = studio.edit(first.id, "add_scene")
    told, _ = studio.split(first.id, "A blue bear sits in the forest. It waves.", 1, scene=two.scenes[1].id)
    (new,) = told.scenes[1].shots
    assert told.slates[new.id] == "2A"
    studio.edit(first.id, "set_shot", shot=new.id, frames=5, see=[first.shots[1].id, first.shots[0].id])
    studio.redo(first.id, new.id)
    made = studio.project(first.id).shot(new.id)
    before = studio.project(first.id).scenes[0].shots
    assert made.take.saw == {shot.id: shot.take.id for shot in before}
    assert studio.pool.cost(studio.project(first.id), new.id)["shots"] == 2
    studio.redo(first.id, first.shots[0].id, see=[])
    assert studio.project(first.id).shot(new.id).stale == ("shot 1A has another take",)
    assert studio.project(first.id).shot(first.shots[0].id).take.saw == {}


def test_a_scene_is_made_alone_and_locked_shots_stay(studio):
    asked = project(studio)
    make(studio, asked.id)
    before = studio.project(asked.id)
    studio.edit(asked.id, "set_shot", shot=asked.shots[0].id, locked=True)
    studio.generate(asked.id, scene=asked.scenes[0].id)
    after = studio.project(asked.id)
    assert [a.take == b.take for a, b in zip(after.shots, before.shots, strict=True)] == [True, False]
    with pytest.raises(ValueError, match="shot 1A is locked"):
        studio.redo(asked.id, asked.shots[0].id)
    with pytest.raises(ValueError, match="shot 1A is locked"):
        studio.edit(asked.id, "drop_shots", shots=[asked.shots[0].id])
    studio.redo(asked.id, asked.shots[1].id, see=[])
    with pytest.raises(ValueError, match="every shot is locked or up to date"):
        studio.generate(asked.id, missing=True)


def test_two_windows_change_different_things_of_one_shot(studio):
    seen = project(studio)
    shot = seen.shots[0].id
    studio.edit(seen.id, "set_shot", shot=shot, prompt="It sits.", revision=seen.revision)
    after = studio.edit(seen.id, "set_shot", shot=shot, said="Hello!", revision=seen.revision)
    assert (after.shots[0].prompt, after.shots[0].said) == ("It sits.", "Hello!")
    with pytest.raises(StaleError, match="the prompt of shot 1A changed in another window"):
        studio.edit(seen.id, "set_shot", shot=shot, prompt="It runs.", revision=seen.revision)
    with pytest.raises(StaleError):
        studio.undo(seen.id, seen.revision)


def test_a_choice_that_another_window_made_meanwhile_is_not_written_over(studio):
    asked = project(studio)
    make(studio, asked.id)
    shot = asked.shots[0].id
    studio.redo(asked.id, shot)
    studio.redo(asked.id, shot)
    seen = studio.project(asked.id).revision
    first, second, _ = (take.id for take in studio.takes(shot))
    mine, yours = {"revision": seen, "author": "me"}, {"revision": seen, "author": "you"}
    studio.choose(asked.id, shot, second, **mine)
    assert studio.choose(asked.id, shot, first, **mine).shot(shot).take.id == first
    with pytest.raises(StaleError, match="the take of shot 1A changed in another window"):
        studio.choose(asked.id, shot, second, **yours)
    assert studio.project(asked.id).shot(shot).take.id == first
    studio.edit(asked.id, "set_shot", shot=shot, prompt="It sits.", **yours)
    back = studio.undo(asked.id)
    assert (back.shot(shot).prompt, back.shot(shot).take.id) == (asked.shot(shot).prompt, first)


@pytest.mark.parametrize("how", ["made", "chosen"])
def test_a_take_that_came_while_approve_was_pressed_is_not_approved_unseen(studio, how):
    asked = project(studio)
    make(studio, asked.id)
    one, other = asked.shots[0].id, asked.shots[1].id
    studio.redo(asked.id, one)
    shown = {shot.id: shot.take.id for shot in studio.project(asked.id).shots}
    studio.approve(asked.id, shown, approved=True)
    if how == "made":
        studio.redo(asked.id, one)
    else:
        studio.choose(asked.id, one, studio.takes(one)[0].id)
    for approved in (True, False):
        with pytest.raises(StaleError, match="shot 1A has another take by now; look at it, then try again"):
            studio.approve(asked.id, {other: shown[other], one: shown[one]}, approved=approved)
        assert [shot.approved for shot in studio.project(asked.id).shots] == [False, True]
    now = studio.project(asked.id).shot(one).take.id
    studio.approve(asked.id, {one: now}, approved=True)
    assert studio.project(asked.id).shot(one).approved


def test_undo_of_a_removed_shot_brings_back_the_take_that_was_chosen(studio):
    asked = project(studio)
    make(studio, asked.id)
    shot = asked.shots[1].id
    studio.redo(asked.id, shot)
    first, _ = studio.takes(shot)
    studio.choose(asked.id, shot, first.id)
    assert len(studio.edit(asked.id, "drop_shots", shots=[shot]).shots) == 1
    assert studio.undo(asked.id).shot(shot).take == first


def test_shots_move_between_scenes_and_a_scene_goes_and_comes_back(studio):
    asked = studio.edit(project(studio, shots=3).id, "add_scene")
    a, b, c = (shot.id for shot in asked.shots)
    two = asked.scenes[1].id
    moved = studio.edit(asked.id, "move_shots", shots=[c, a], scene=two, place=0)
    assert [[s.id for s in scene.shots] for scene in moved.scenes] == [[b], [c, a]]
    gone = studio.edit(asked.id, "drop_scene", scene=two)
    assert [s.id for s in gone.shots] == [b]
    assert studio.undo(asked.id).model_copy(update={"revision": 0, "version": 0}) == moved.model_copy(
        update={"revision": 0, "version": 0}
    )
    full = studio.new()
    studio.split(full.id, STORY, 9)
    with pytest.raises(ValueError, match="shots is 10 in one scene; a scene holds 1 to 9"):
        studio.edit(full.id, "add_shot", scene=studio.project(full.id).scenes[0].id)


def test_takes_are_starred_and_noted_and_projects_come_back_from_the_trash(studio):
    asked = project(studio)
    make(studio, asked.id)
    made = studio.project(asked.id).shots[0]
    studio.star(asked.id, made.id, made.take.id, starred=True)
    assert studio.starred(asked) == {made.take.id: made.id}
    studio.note(asked.id, made.id, made.take.id, 99.0, " Too dark. ")
    (kept,) = studio.notes(made.id)
    assert (kept.at, kept.text) == (made.frames / 8, "Too dark.")
    with pytest.raises(ValueError, match="note has 0 characters"):
        studio.note(asked.id, made.id, made.take.id, 0, "")
    assert [one.id for one in studio.projects()] == [asked.id]
    studio.trash(asked.id)
    assert studio.projects() == []
    with pytest.raises(ValueError, match="no longer here"):
        studio.project(asked.id)
    assert [one.id for one in studio.projects(trashed=True)] == [asked.id]
    studio.trash(asked.id, trashed=False)
    assert studio.project(asked.id).shots[0].take == made.take


def test_a_note_is_removed_and_undo_brings_it_back(studio):
    asked = project(studio)
    make(studio, asked.id)
    shot = studio.project(asked.id).shots[0]
    first, second = (studio.note(asked.id, shot.id, shot.take.id, at, "Too dark.") for at in (0, 0.5))
    seen = studio.project(asked.id).revision
    studio.drop_note(asked.id, first.id, revision=seen, author="a")
    assert studio.notes(shot.id) == [second]
    with pytest.raises(ValueError, match="not on a take of this project any more"):
        studio.drop_note(asked.id, first.id, revision=seen, author="b")
    studio.undo(asked.id)
    assert studio.notes(shot.id) == [first, second]
    with pytest.raises(StaleError, match="the notes changed in another window"):
        studio.drop_note(asked.id, first.id, revision=seen, author="b")
    studio.redo_edit(asked.id)
    assert studio.notes(shot.id) == [second]
    studio.undo(asked.id)
    assert studio.notes(shot.id) == [first, second]
    with pytest.raises(ValueError, match="not on a take of this project any more"):
        studio.drop_note(studio.new().id, first.id)


def test_the_bible_names_the_shots_that_are_about_an_entry(studio, tmp_path):
    asked, _ = studio.split(studio.new().id, "Milo, a green frog, walks on the beach. He waves.", 2)
    bo = studio.edit(asked.id, "add_entry", kind="character", name="Bo", text="Bo, a blue bear").bible[-1].id
    scene, (milo, beach) = asked.scenes[0], (entry.id for entry in asked.bible)
    studio.edit(asked.id, "set_scene", scene=scene.id, cast=[milo, bo])
    for shot, words in zip(scene.shots, ("Milo jumps.", "They wave."), strict=True):
        studio.edit(asked.id, "set_shot", shot=shot.id, prompt=words)
    light = studio.edit(asked.id, "add_entry", kind="look", name="Light", text="Soft light").bible[-1].id
    Image.new("RGB", (256, 160)).save(tmp_path / "light.png")
    picture = studio.pool.add_file(asked.id, tmp_path / "light.png", entry=light)
    told = {one["id"]: one for one in views.bible(studio, studio.project(asked.id))["entries"]}
    shots = {entry: told[entry]["shots"] for entry in (milo, bo, beach, light)}
    assert shots == {milo: ["1A", "1B"], bo: ["1B"], beach: ["1A", "1B"], light: ["1A", "1B"]}
    assert told[light]["stills"][0]["unused"] == [shot.id for shot in scene.shots]
    assert studio.pool.suggestions(studio.project(asked.id), scene.shots[0].id) == {picture.id: ("shows Light",)}


def test_who_is_only_named_in_a_later_scene_looks_as_told_before(studio):
    asked, _ = studio.split(studio.new().id, "Milo, a green frog with a scarf, walks on the beach. He waves.", 2)
    more = studio.edit(asked.id, "add_scene")
    later, _ = studio.split(asked.id, "Milo runs through the city at night. He sits.", 2, scene=more.scenes[1].id)
    assert later.scenes[1].cast == later.scenes[0].cast
    assert "green frog" in studio.prompt(later, later.scenes[1].shots[0].id)[0]


def test_make_leaves_takes_that_are_only_out_of_date_until_nothing_is_missing(studio):
    asked = project(studio, shots=2)
    studio.generate(asked.id)
    studio.redo(asked.id, asked.shots[1].id, see=[])
    made = studio.edit(asked.id, "add_shot", scene=asked.scenes[0].id, prompt="She waves.")
    first, _, new = made.shots
    assert beside(first)
    studio.edit(asked.id, "set_shot", shot=first.id, prompt="She jumps.")
    assert [job.task.make for job in studio.generate(asked.id, missing=True)] == [(new.id,)]
    assert [job.task.make for job in studio.generate(asked.id, missing=True)] == [(first.id,)]


def test_splitting_again_uses_the_bible_and_drops_what_nothing_needs(studio):
    made, _ = studio.split(studio.new().id, "A red fox walks on the beach. She waves.", 2)
    two = studio.edit(made.id, "add_scene")
    again, _ = studio.split(made.id, "A red fox jumps in the forest.", 2, scene=two.scenes[1].id)
    assert [entry.kind for entry in again.bible] == ["character", "place", "place"]
    assert again.scenes[0].cast == again.scenes[1].cast
    other, _ = studio.split(made.id, "A blue bear sits in the city.", 2, scene=two.scenes[1].id)
    assert len(other.bible) == 4
    assert all(
        entry.id in (*other.scenes[0].cast, *other.scenes[1].cast, other.scenes[0].setting, other.scenes[1].setting)
        for entry in other.bible
    )


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("magic", {}, "edit is 'magic'; it is one of rename"),
        ("set_shot", {"shot": "nobody"}, "shot is 'nobody'; it is not on this board"),
        ("set_shot", {"shot": "{shot}", "take": "x"}, "shot has no 'take'; it has cut"),
        ("set_shot", {"shot": "{shot}", "approved": True}, "shot has no 'approved'"),
        ("set_shot", {"shot": "{shot}", "see": 5}, "see"),
        ("set_scene", {"scene": "{scene}", "cast": 5}, "cast"),
        ("move_scene", {"scene": "{scene}", "place": "x"}, "place: input should be a valid integer"),
        ("set_shot", {"shot": "{shot}", "see": ["{shot}"]}, "can't remember itself"),
        ("set_shot", {"shot": "{shot}", "see": ["{other}"]}, "has no take yet, so it can't be remembered"),
        ("set_shot", {"shot": "{shot}", "prompt": "a" * 5000}, "prompt has 5000 characters; the most is 2000"),
        ("set_shot", {}, "set_shot was asked for in a wrong way"),
        ("set_scene", {"scene": "{scene}", "cast": ["nobody"]}, "the bible has no such character"),
        ("set_entry", {"entry": "nobody", "text": ""}, "it is not in the bible any more"),
        ("add_entry", {"kind": "spell", "text": "x"}, "kind is 'spell'"),
        ("move_shots", {"shots": ["{shot}"], "scene": "nobody", "place": 0}, "scene is 'nobody'"),
    ],
)
def test_bad_edits_are_refused_in_one_sentence_and_change_nothing(studio, name, values, sentence):
    asked = project(studio)
    ids = {"{shot}": asked.shots[0].id, "{other}": asked.shots[1].id, "{scene}": asked.scenes[0].id}

    def fill(value):
        return (
            [fill(one) for one in value]
            if isinstance(value, list)
            else ids.get(value, value)
            if isinstance(value, str)
            else value
        )

    with pytest.raises(ValueError, match=sentence) as caught:
        studio.edit(asked.id, name, **{key: fill(value) for key, value in values.items()})
    assert "\n" not in str(caught.value)
    assert studio.project(asked.id) == asked


def test_jobs_in_the_queue_can_be_moved_held_changed_and_doubled(studio):
    asked = project(studio)
    studio.executor = Nobody()
    (first,) = studio.generate(asked.id)
    studio.manage(asked.id, first.id, "duplicate")
    second = studio.jobs(asked.id)[1]
    assert second.task.seed != first.task.seed
    studio.manage(asked.id, second.id, "earlier")
    assert [job.id for job in studio.jobs(asked.id)] == [second.id, first.id]
    studio.manage(asked.id, second.id, "hold", held=True)
    assert studio.store.ledger.claim("w").id == first.id
    changed = studio.change_job(asked.id, second.id, steps=7)
    assert changed.work == second.work * changed.task.options.steps / second.task.options.steps > second.work
    with pytest.raises(ValueError, match="backbone is 'none such'"):
        studio.change_job(asked.id, second.id, backbone="none such")
    with pytest.raises(ValueError, match="it has begun"):
        studio.change_job(asked.id, first.id, steps=7)
    studio.manage(asked.id, second.id, "stop")
    assert studio.store.ledger.get(second.id).state == "cancelled"
    with pytest.raises(ValueError, match="what is 'fly'"):
        studio.manage(asked.id, first.id, "fly")


def test_a_paused_queue_makes_what_was_asked_for_when_it_goes_on(studio):
    asked = project(studio)
    studio.pause()
    (job,) = studio.generate(asked.id)
    assert (studio.paused, job.state) == (True, "queued")
    assert not studio.broke_off(studio.project(asked.id))
    studio.pause(paused=False)
    assert studio.store.ledger.get(job.id).state == "done"


def test_out_of_memory_offers_a_way_that_needs_less_and_the_next_job_succeeds(studio, monkeypatch):
    import engine

    asked, real = project(studio), engine.generate

    def small(scene, backbone, **settings):
        """Memory for one shot at a time only."""
        if settings["method"] == "lct" and len(scene.to_make) > 1:
            raise MemoryError
        return real(scene, backbone, **settings)

    monkeypatch.setattr(engine, "generate", small)
    studio.generate(asked.id)
    failed = studio.job(asked.id)
    assert (failed.state, studio.offer(failed)) == ("failed", "Make one shot after the other")
    studio.manage(asked.id, failed.id, "smaller")
    assert studio.job(asked.id).state == "done"
    assert [shot.stale for shot in studio.project(asked.id).shots] == [(), ()]
    assert studio.offer(studio.job(asked.id)) == ""


def test_the_time_left_is_guessed_from_earlier_films_and_not_where_nobody_knows_how_much_is_asked_for(studio):
    asked = project(studio)
    make(studio, asked.id)
    job = studio.job(asked.id).model_copy(update={"done": 1, "total": 4})
    assert studio.remaining(job) == pytest.approx(0.75 * job.seconds)
    assert studio.remaining(job.model_copy(update={"work": 0.0})) is None


def test_the_time_left_of_a_film_that_goes_on_is_that_of_the_shots_that_are_left(studio, monkeypatch):
    import engine

    asked = project(studio)
    studio.edit(asked.id, "set_options", method="independent", steps=3)
    make(studio, asked.id)
    seconds, real, seen = studio.job(asked.id).seconds, engine.generate, []

    def breaks_off(*wish, **settings):
        for event in real(*wish, **settings):
            yield event
            if isinstance(event, engine.ShotDone):
                raise ValueError("it broke off")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "generate", breaks_off)
        studio.generate(asked.id)
    told = studio.store.ledger.progress

    def look():
        seen.append(studio.remaining(studio.job(asked.id)) / seconds)

    monkeypatch.setattr(engine, "generate", lambda *wish, **settings: (look(), real(*wish, **settings))[1])
    monkeypatch.setattr(studio.store.ledger, "progress", lambda *now: (told(*now), look())[0])
    studio.generate(asked.id)
    assert seen == pytest.approx([4 / 8, 3 / 8, 2 / 8, 1 / 8, 0])


def test_the_strip_says_what_is_made_now_and_how_long_the_whole_queue_takes(studio):
    asked = project(studio)
    studio.edit(asked.id, "add_shot", scene=studio.edit(asked.id, "add_scene").scenes[1].id, prompt="It sits.")
    make(studio, asked.id)
    studio.executor = Nobody()
    first, second = studio.generate(asked.id)
    studio.store.ledger.claim("w")
    studio.store.ledger.progress(first.id, "w", 1, 4)
    left = [studio.remaining(job) for job in studio.jobs(asked.id)]
    assert studio.remaining_in_all(asked.id) == pytest.approx(sum(left))
    text = views.strip(studio, studio.project(asked.id))["text"]
    assert text == f"Making 1A, 1B · about {left[0]:.0f} s to go, {sum(left):.0f} s for the whole queue · next 2A"
    studio.manage(asked.id, second.id, "hold", held=True)
    assert views.strip(studio, studio.project(asked.id))["text"] == f"Making 1A, 1B · about {left[0]:.0f} s to go"


def test_a_disk_without_room_is_said_before_anything_starts(studio, monkeypatch):
    import shutil
    from collections import namedtuple

    asked = project(studio)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5 << 20))
    with pytest.raises(ValueError, match="the disk has 5 MB free and 61 MB are needed"):
        studio.generate(asked.id)
    assert studio.job(asked.id) is None


def test_a_screenplay_becomes_a_project_and_a_shot_is_rewritten_after_a_wish(studio):
    text = (
        "Title: Sea\n\nEXT. BEACH - DAY\n\nA red fox walks along the beach.\n\nINT. ROOM - NIGHT\n\n"
        "RUBY\nGood night.\n"
    )
    made, _ = studio.take_in(text)
    assert len(made.scenes) == 2
    shot = made.scenes[1].shots[0]
    after, _ = studio.rewrite(made.id, shot.id, "the fox spins around")
    assert "spins around" in after.shot(shot.id).prompt
    assert after.scenes[0] == made.scenes[0]
    assert after.shot(shot.id).said == "Good night."
    with pytest.raises(ValueError, match=r"is empty|neither"):
        studio.take_in("")


def test_a_scene_that_goes_on_from_the_one_before_looks_at_its_last_shot(studio):
    asked = studio.edit(project(studio).id, "add_scene")
    make(studio, asked.id)
    told, _ = studio.split(asked.id, "It waves.", 1, scene=asked.scenes[1].id)
    (last,) = told.scenes[1].shots
    studio.edit(asked.id, "set_shot", shot=last.id, cut=False, frames=5)
    studio.generate(asked.id, scene=asked.scenes[1].id)
    assert studio.project(asked.id).shot(last.id).take.saw.keys() == {asked.scenes[0].shots[1].id}


def test_a_shot_goes_on_from_its_own_neighbour_or_from_none(studio):
    """Whatever it remembers: the last picture of another shot, or of a reference, is not where it begins."""
    asked = project(studio, shots=3)
    make(studio, asked.id)
    one, two, three = (shot.id for shot in studio.project(asked.id).shots)
    studio.edit(asked.id, "set_shot", shot=three, cut=False)
    found = redo_task(studio.project(asked.id), three, seed=1, see=(one,))
    assert [shot.id for shot in found.shots] == [one, two, three]
    assert found.see == (one, three)
    studio.redo(asked.id, three, see=(one,))
    assert studio.project(asked.id).shot(three).take.saw.keys() == {one}


def test_what_else_was_picked_stands_before_the_shot_that_is_gone_on_from(studio):
    asked = studio.edit(project(studio).id, "add_scene")
    make(studio, asked.id)
    one, two = (shot.id for shot in asked.shots)
    told, _ = studio.split(asked.id, "It waves.", 1, scene=asked.scenes[1].id)
    (last,) = told.scenes[1].shots
    studio.edit(asked.id, "set_shots", shots=[one, last.id], cut=False)
    now = studio.edit(asked.id, "set_shot", shot=last.id, see=(SCENE, two, one))
    (wish,) = scene_tasks(now, now.scenes[1], [last.id])
    for found in (wish, redo_task(now, last.id, seed=1)):
        assert [(shot.id, shot.cut) for shot in found.shots] == [(one, True), (two, True), (last.id, False)]
    studio.generate(asked.id, scene=asked.scenes[1].id)
    assert not any(shot.stale for shot in studio.project(asked.id).shots)


def test_a_plan_knows_that_a_shot_does_not_go_on_from_one_that_is_left_out(studio):
    asked = project(studio, shots=3)
    one, two, three = (shot.id for shot in asked.shots)
    studio.edit(asked.id, "set_shot", shot=two, see=())
    now = studio.edit(asked.id, "set_shot", shot=three, cut=False)
    first, second = studio.plan(now, now.scenes[0].id)
    assert [part.shots for part in first.rounds] == [(0, 1)]
    assert [[one.id for one in plan.task.shots] for plan in (first, second)] == [[one, three], [two]]


@pytest.mark.parametrize(
    ("edit", "values"),
    [
        ("rename", {"name": "By the sea"}),
        ("add_entry", {"kind": "look", "text": "Soft light", "name": "Light"}),
        ("set_entry", {"entry": "{hero}", "name": "Bo"}),
        ("move_scene", {"scene": "{scene}", "place": 1}),
        ("set_scene", {"scene": "{scene}", "title": "Morning"}),
    ],
)
def test_every_edit_is_done_and_undone(studio, edit, values):
    asked = studio.edit(project(studio).id, "add_scene")
    ids = {"{hero}": asked.bible[0].id, "{scene}": asked.scenes[0].id}
    done = studio.edit(asked.id, edit, **{key: ids.get(value, value) for key, value in values.items()})
    bare = {"revision": 0, "version": 0}
    assert done.model_copy(update=bare) != asked.model_copy(update=bare)
    assert studio.project(asked.id) == done
    assert studio.undo(asked.id).model_copy(update=bare) == asked.model_copy(update=bare)


def test_approval_is_of_one_take_and_undo_does_not_carry_it_to_another(studio):
    asked = project(studio)
    make(studio, asked.id)
    shot = asked.shots[0].id
    first = studio.project(asked.id).shot(shot).take
    studio.approve(asked.id, {shot: first.id}, approved=True)
    assert studio.project(asked.id).shot(shot).approved
    studio.edit(asked.id, "set_shot", shot=shot, prompt="It sits.")
    studio.redo(asked.id, shot)
    assert not studio.undo(asked.id).shot(shot).approved
    assert studio.choose(asked.id, shot, first.id).shot(shot).approved


def test_a_window_is_never_in_its_own_way(studio):
    seen = project(studio)
    edit = {"shot": seen.shots[0].id, "revision": seen.revision}
    studio.edit(seen.id, "set_shot", prompt="It sits.", author="me", **edit)
    assert studio.edit(seen.id, "set_shot", prompt="It runs.", author="me", **edit).shots[0].prompt == "It runs."
    with pytest.raises(StaleError):
        studio.edit(seen.id, "set_shot", prompt="It waves.", author="you", **edit)
    assert studio.undo(seen.id, seen.revision, author="me").shots[0].prompt == "It sits."


def test_what_a_shot_remembered_may_leave_the_board(studio):
    asked = project(studio, shots=3)
    make(studio, asked.id)
    a, b, c = (shot.id for shot in asked.shots)
    studio.edit(asked.id, "set_shot", shot=c, see=[a, b])
    studio.edit(asked.id, "drop_shots", shots=[a])
    studio.edit(asked.id, "set_shot", shot=c, see=[a, b], prompt="It sits.")
    studio.redo(asked.id, c)
    assert set(studio.project(asked.id).shot(c).take.saw) == {b}


def test_splitting_again_keeps_what_a_hand_wrote_and_refuses_locked_shots(studio):
    asked = project(studio)
    mine = studio.edit(asked.id, "add_entry", kind="character", text="Moss, a green frog", name="My hero").bible[-1]
    studio.edit(asked.id, "set_scene", scene=asked.scenes[0].id, cast=[mine.id])
    again, _ = studio.split(asked.id, "A blue bear sits in the city.", 2, scene=asked.scenes[0].id)
    assert mine in again.bible
    studio.edit(asked.id, "set_shot", shot=again.shots[0].id, locked=True)
    with pytest.raises(ValueError, match="shot 1A is locked"):
        studio.split(asked.id, STORY, 2, scene=asked.scenes[0].id)


def test_the_film_follows_the_board(studio):
    asked = project(studio)
    make(studio, asked.id)
    studio.edit(asked.id, "drop_shots", shots=[asked.shots[0].id])
    assert studio.project(asked.id).film_is_old
    assert len(read_video(studio.film(asked.id))) == 5
    studio.edit(asked.id, "drop_shots", shots=[asked.shots[1].id])
    with pytest.raises(ValueError, match="no film yet"):
        studio.film(asked.id)


def test_a_film_of_many_scenes_is_queued_whole(studio):
    asked = project(studio)
    for _ in range(24):
        scene = studio.edit(asked.id, "add_scene").scenes[-1].id
        studio.edit(asked.id, "add_shot", scene=scene, prompt="It sits.")
    studio.executor = Nobody()
    assert len(studio.generate(asked.id)) == 25
    with pytest.raises(ValueError, match="the queue is full"):
        studio.manage(asked.id, studio.jobs(asked.id)[0].id, "duplicate")


def test_a_public_page_reaches_only_its_own_jobs_and_gives_no_keys_away(tmp_path, tiny_pocket):
    studio = Studio(Settings(home=tmp_path, backbone=str(tiny_pocket), executor="inline", public=True, example=False))
    mine = project(studio)
    make(studio, mine.id)
    job, stranger = studio.job(mine.id), studio.new()
    with pytest.raises(ValueError, match="there is no such job"):
        studio.manage(stranger.id, job.id, "duplicate")
    assert studio.queue(stranger.id) == ([], [])
    with pytest.raises(ValueError, match="the queue of a public page is everybody's; hold your own jobs"):
        studio.pause()
    content = studio.export(mine.id, "Project (zip)").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        everything = b"".join(file.read(name) for name in file.namelist())
    assert mine.id.encode() not in everything
    assert job.id.encode() not in everything


def test_what_broke_off_on_an_inline_studio_goes_on_at_the_next_call(studio, tiny_pocket):
    asked = project(studio)
    inline, studio.executor = studio.executor, Nobody()
    (job,) = studio.generate(asked.id)
    studio.store.ledger.claim("gone")
    studio.executor = inline
    inline.start()
    assert studio.broke_off(studio.project(asked.id))
    assert [one.id for one in studio.generate(asked.id)] == []
    assert studio.store.ledger.get(job.id).state == "done"


def test_a_held_film_is_no_broken_one_and_says_so_when_it_is_asked_for(studio):
    asked = project(studio)
    inline, studio.executor = studio.executor, Nobody()
    (job,) = studio.generate(asked.id)
    studio.manage(asked.id, job.id, "hold", held=True)
    studio.executor = inline
    with pytest.raises(ValueError, match="this scene is being made; stop it or wait"):
        studio.generate(asked.id)
    assert studio.store.ledger.get(job.id).state == "held"


def test_a_scene_keeps_the_seeds_of_its_shots(studio):
    asked = project(studio)
    studio.edit(asked.id, "set_shot", shot=asked.shots[1].id, seed=777)
    make(studio, asked.id)
    assert [shot.take.seed == 777 for shot in studio.project(asked.id).shots] == [False, True]


def test_a_character_without_words_changes_nothing(studio):
    asked = project(studio)
    make(studio, asked.id)
    empty = studio.edit(asked.id, "add_entry", kind="character", text="", name="New").bible[-1].id
    cast = [empty, *asked.scenes[0].cast]
    after = studio.edit(asked.id, "set_scene", scene=asked.scenes[0].id, cast=cast)
    assert [shot.stale for shot in after.shots] == [(), ()]


def test_the_executor_is_named_by_the_environment_and_ray_is_asked_for_when_it_is_missing(tmp_path, monkeypatch):
    assert read_settings({"STUDIO_EXECUTOR": "inline"}).executor == "inline"
    with pytest.raises(ValueError, match="STUDIO_EXECUTOR is 'magic'"):
        read_settings({"STUDIO_EXECUTOR": "magic"})
    monkeypatch.setattr("studio.executors.ray.find_spec", lambda _: None)
    with pytest.raises(ValueError, match="Ray is not installed; pip install ray, or use 'local'"):
        Studio(Settings(home=tmp_path, executor="ray"))


def test_a_look_that_was_overtaken_is_made_up_for(studio):
    """One begun before the page knew the scene ends after what told it of the scene: its plan is the emptier one."""
    made, page = project(studio), Actions(studio)
    scene, shot = made.scenes[0].id, made.shots[0].id
    seen, _, plan, *_ = page.look(made.id, "", "", ())
    assert plan == "{}"
    seen, board, plan, panel, *_ = page.look(made.id, scene, shot, seen)
    assert json.loads(plan)["scene"] == scene
    assert json.loads(panel)["id"] == shot
    assert board == gr.skip()
    assert page.look(made.id, scene, shot, seen)[0] == gr.skip()
    assert page.look(made.id, "gone", shot, seen)[2] == "{}"


def test_the_button_says_what_it_would_make(studio):
    asked, page = project(studio, shots=3), Actions(studio)

    def label():
        return page.shown(studio.project(asked.id), asked.scenes[0].id, asked.shots[0].id)[-1].value

    assert label() == "Make the film"
    make(studio, asked.id)
    assert label() == "Make all anew"
    studio.redo(asked.id, asked.shots[1].id)
    assert label() == "Make all anew"  # the others were made beside the old one, and each would wait for the others
    for shot in asked.shots[1:]:
        studio.edit(asked.id, "set_shot", shot=shot.id, prompt="A fox jumps.")
    assert label() == "Make 2 out of date"
    studio.edit(asked.id, "set_shot", shot=asked.shots[2].id, locked=True)
    assert label() == "Make 1 out of date"


def test_a_film_with_nothing_left_on_its_board_is_not_called_done(studio):
    asked = project(studio, shots=2)
    make(studio, asked.id)
    done = views.strip(studio, studio.project(asked.id))
    assert done["text"].startswith("Done.")
    assert done["film"]
    empty = studio.edit(asked.id, "drop_shots", shots=[shot.id for shot in asked.shots])
    assert views.strip(studio, empty)["state"] == "idle"


def test_a_shot_without_words_stops_no_other(studio):
    asked = project(studio, shots=3)
    make(studio, asked.id)
    new = studio.edit(asked.id, "add_shot", scene=asked.scenes[0].id).shots[-1]
    studio.redo(asked.id, asked.shots[0].id)
    assert studio.job(asked.id).state == "done", studio.job(asked.id)
    for press in (lambda: studio.generate(asked.id), lambda: studio.redo(asked.id, new.id)):
        with pytest.raises(ValueError, match="shot 1D has no words yet; say what happens, or lock or remove it"):
            press()
    studio.edit(asked.id, "set_shot", shot=new.id, locked=True)
    assert studio.generate(asked.id)


def test_words_are_taken_out_of_shots_that_are_not_locked_and_of_nothing_else(studio):
    asked = project(studio, shots=2)
    one, two = asked.shots
    for shot in (one, two):
        studio.edit(asked.id, "set_shot", shot=shot.id, prompt="A fox blorps. It waves.")
    studio.edit(asked.id, "set_shot", shot=two.id, locked=True)
    studio.edit(asked.id, "set_scene", scene=asked.scenes[0].id, summary="They blorp: blorps.")
    told = [one.text for one in studio.advice(studio.project(asked.id), asked.scenes[0].id)]
    assert "The model does not know “blorps”, in 1A." in told
    assert "The model does not know “blorp”, in the scene's own words (Bible)." in told
    now = studio.edit(asked.id, "drop_words", scene=asked.scenes[0].id, words=["blorps"])
    assert [shot.prompt for shot in now.shots] == ["A fox. It waves.", "A fox blorps. It waves."]
    assert now.scenes[0].summary == "They blorp: blorps."


def sent(name, **details):
    return SimpleNamespace(_data={"name": name} | details)


def test_a_split_waits_where_finished_shots_would_go_and_is_taken_as_it_was_edited(studio):
    made, page = project(studio), Actions(studio)
    studio.generate(made.id)
    scene, wishes = made.scenes[0].id, (0, "", "", "", "medium", False)
    where = (made.id, studio.project(made.id).revision, scene, "")
    proposal, drawn, *rest = list(page.split(*where, "A red fox spins. She sits.", 2, *wishes))[-1]
    assert json.loads(drawn)["gone"] == len(made.shots)
    assert [shot.id for shot in studio.project(made.id).shots] == [shot.id for shot in made.shots]
    assert rest == [gr.skip()] * len(rest)
    assert page.settle(proposal, sent("drop"))[:3] == [None, "", gr.skip()]
    assert page.new()[:2] == [None, ""]  # another board, and nothing that waits for it
    for prompts in ("x", ["one"], None):
        with pytest.raises(ValueError, match="the draft was sent back in a wrong way"):
            page.settle(proposal, sent("accept", prompts=prompts))
    done = page.settle(proposal, sent("accept", prompts=["Character 1 jumps.", "Character 1 waves."]))
    assert done[:3] == [None, "", made.id]
    assert [shot.prompt for shot in studio.project(made.id).shots] == ["Character 1 jumps.", "Character 1 waves."]
    where = (made.id, studio.project(made.id).revision, scene, "")
    assert list(page.split(*where, "A red fox spins.", 1, *wishes))[-1][:3] == [None, "", made.id]  # nothing finished


def test_a_locked_shot_is_not_edited_by_way_of_a_draft(studio):
    made, page = project(studio), Actions(studio)
    studio.generate(made.id)
    locked = made.shots[0]
    now = studio.edit(made.id, "set_shot", shot=locked.id, locked=True)
    told = (
        made.id,
        now.revision,
        made.scenes[0].id,
        "",
        "A red fox spins. She sits.",
        2,
        0,
        "",
        "",
        "",
        "medium",
        False,
    )
    proposal, drawn, *_ = list(page.split(*told))[-1]
    assert json.loads(drawn)["locked"] == [0]
    page.settle(proposal, sent("accept", prompts=["Other words.", "Character 1 jumps."]))
    assert [shot.prompt for shot in studio.project(made.id).shots] == [locked.prompt, "Character 1 jumps."]


def test_all_made_anew_is_another_film_but_for_seeds_of_their_own(studio):
    made = project(studio)
    studio.edit(made.id, "set_shot", shot=made.shots[0].id, seed=5)
    seeds = []
    for _ in range(2):
        studio.generate(made.id)
        seeds.append([shot.take.seed for shot in studio.project(made.id).shots])
    assert seeds[0][0] == seeds[1][0] == 5
    assert all(one != two for one, two in zip(seeds[0][1:], seeds[1][1:], strict=True))


def test_of_two_films_that_are_put_together_at_once_the_page_can_tell_the_newer(studio):
    made, page = project(studio), Actions(studio)
    before = json.loads(page.film(made.id))
    studio.edit(made.id, "set_finish", title="The sea")
    after = json.loads(page.film(made.id))
    assert before["project"] == after["project"] == made.id
    assert before["version"] < after["version"]

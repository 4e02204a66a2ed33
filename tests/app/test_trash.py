"""What was removed lies in the project's trash, can be looked at there, and comes back with its takes."""

import sqlite3

import pytest

from studio.models import TakeInfo
from studio.services import Studio
from studio.settings import Settings

STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves. She sits."


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), executor="inline", example=False))


@pytest.fixture
def project(studio):
    """Three shots, each with two takes."""
    made, _ = studio.split(studio.new().id, STORY, 3)
    for shot in made.shots:
        for number in (1, 2):
            take = TakeInfo(id=f"{number}{shot.id}", seed=0, video="", poster="", latents="")
            studio.store.projects.add_take(shot.id, take, {"prompt": "", "frames": 17, "cut": True})
    return studio.project(made.id)


def drop(studio, project, *shots):
    return studio.edit(project.id, "drop_shots", shots=[shot.id for shot in shots])


def ids(shots):
    return [shot.id for shot in shots]


def test_the_trash_is_told_edit_by_edit_with_the_takes_of_its_shots(studio, project):
    assert studio.removed(project.id) == ()
    first, second, third = project.shots
    drop(studio, project, second)
    drop(studio, project, first, third)
    last, before = studio.removed(project.id)
    assert (ids(last.shots), ids(before.shots)) == ([first.id, third.id], [second.id])
    assert before.shots[0].take == second.take
    assert not last.gone
    assert studio.take_numbers(project)[second.id] == (2, 2)


def test_a_removed_shot_comes_back_to_its_place_with_its_takes_and_undo_removes_it_again(studio, project):
    _, middle, _ = project.shots
    drop(studio, project, middle)
    studio.edit(project.id, "rename", name="Undo alone would take this back")
    now = studio.take_back(project.id, [middle.id])
    assert now.shots == project.shots
    assert len(studio.takes(middle.id)) == 2
    assert now.name == "Undo alone would take this back"
    assert studio.removed(project.id) == ()
    assert ids(studio.undo(project.id).shots) == [project.shots[0].id, project.shots[2].id]


def test_a_removed_scene_comes_back_as_it_was_without_what_left_it_earlier(studio, project):
    studio.edit(project.id, "add_scene")
    earlier, scene = project.shots[0], project.scenes[0]
    left = drop(studio, project, earlier)
    studio.edit(project.id, "drop_scene", scene=scene.id)
    for entry in left.bible:
        studio.edit(project.id, "drop_entry", entry=entry.id)
    found = studio.removed(project.id)[0]
    assert found.gone
    now = studio.take_back(project.id, [found.scene.id, *ids(found.shots)])
    assert now.scenes[0] == left.scenes[0]
    assert studio.prompt(now, now.shots[0].id) == studio.prompt(left, left.shots[0].id)
    assert ids(studio.removed(project.id)[0].shots) == [earlier.id]


def test_one_shot_of_a_removed_scene_brings_the_scene_back(studio, project):
    studio.edit(project.id, "drop_scene", scene=project.scenes[0].id)
    now = studio.take_back(project.id, [project.shots[1].id])
    assert [scene.id for scene in now.scenes] == [project.scenes[0].id]
    assert ids(now.shots) == [project.shots[1].id]
    assert studio.take_back(project.id, [project.shots[0].id]).shots == project.shots[:2]


def test_shots_for_which_their_scene_has_no_room_come_after_it(studio, project):
    now, _ = studio.split(project.id, STORY, 8, scene=project.scenes[0].id)
    (replaced,) = studio.removed(project.id)
    assert ids(replaced.shots) == ids(project.shots)
    back = studio.take_back(project.id, ids(replaced.shots))
    assert [len(scene.shots) for scene in back.scenes] == [9, 2]
    assert back.shots[0] == project.shots[0]
    assert {*ids(now.shots), *ids(project.shots)} == {*ids(back.shots)}
    assert back.scenes[1].cast == back.scenes[0].cast != ()


def test_an_empty_scene_is_worth_taking_back_for_its_story_alone(studio, project):
    for story in ("", "A blue bear dances."):
        scene = studio.edit(project.id, "add_scene").scenes[-1].id
        studio.edit(project.id, "set_scene", scene=scene, story=story)
        studio.edit(project.id, "drop_scene", scene=scene)
    (found,) = studio.removed(project.id)
    assert studio.take_back(project.id, [found.scene.id]).scenes[-1].story == "A blue bear dances."


def test_what_is_in_no_trash_is_refused(studio, project):
    with pytest.raises(ValueError, match=f"shot or scene is '{project.shots[0].id}'; it is not in the trash any more"):
        studio.take_back(project.id, [project.shots[0].id])
    drop(studio, project, project.shots[0])
    studio.empty_trash(project.id)
    with pytest.raises(ValueError, match="not in the trash any more"):
        studio.take_back(project.id, [project.shots[0].id])
    other = studio.new()
    drop(studio, project, project.shots[1])
    with pytest.raises(ValueError, match="not in the trash any more"):
        studio.take_back(other.id, [project.shots[1].id])


def test_a_trash_of_before_edits_were_told_apart_is_still_read(studio, project):
    drop(studio, project, project.shots[0])
    drop(studio, project, project.shots[1])
    with sqlite3.connect(studio.store.home / "reelboard.sqlite") as db:
        db.execute("UPDATE shot SET trashed = 1 WHERE trashed")
    (found,) = studio.removed(project.id)
    assert studio.take_back(project.id, ids(found.shots)).shots[2] == project.shots[2]

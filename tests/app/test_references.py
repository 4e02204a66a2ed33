"""What a creator brings along or keeps, and what shots make of it: references, picks, takes from files."""

import pytest
import torch
from PIL import Image

from engine.identity import likeness
from engine.video import write_mp4
from studio.continuity import Cut, cuts
from studio.film import load_take
from studio.services import Studio
from studio.settings import Settings
from studio.ui import views
from studio.ui.pool_views import remembers

STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), executor="inline", example=False))


def project(studio, shots=2):
    made, _ = studio.split(studio.new().id, STORY, shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", method="lct", seed=1, steps=2, guidance=1)


def make(studio, project_id):
    studio.generate(project_id)
    assert studio.job(project_id).state == "done", studio.job(project_id)
    return studio.project(project_id)


def picture(tmp_path, name="red-fox_01.png", colour="red"):
    Image.new("RGB", (256, 160), colour).save(tmp_path / name)
    return tmp_path / name


def clip(tmp_path, name="walk.mp4", count=9, level=200):
    return write_mp4(tmp_path / name, torch.full((count, 80, 128, 3), level, dtype=torch.uint8), scale=1)


def context(studio, take):
    return [(entry["prompt"], entry["noise"]) for entry in studio.store.projects.made_by(take.id)["context"]]


def test_a_file_becomes_a_reference_that_undo_and_the_project_file_know(studio, tmp_path, tiny_pocket):
    asked = project(studio)
    hero = asked.bible[0].id
    added = studio.pool.add_file(asked.id, picture(tmp_path), entry=hero)
    assert (added.kind, added.frames, added.prompt) == ("upload", 1, "Red fox.")
    assert added.origin["file"] == "red-fox_01.png"
    assert len(added.origin["sha256"]) == 64
    frames = load_take(studio.store.media, added.take).frames
    assert frames.shape == (1, 80, 128, 3)
    assert frames[..., 0].min() > 200
    assert studio.project(asked.id).references == (added,)
    named = studio.edit(asked.id, "set_reference", reference=added.id, prompt="Ruby, close.").references[0]
    assert studio.edit(asked.id, "drop_reference", reference=added.id).references == ()
    assert studio.undo(asked.id).references == (named,)
    studio.edit(asked.id, "set_shot", shot=asked.shots[1].id, see=["scene", added.id], noises={added.id: 300})
    make(studio, asked.id)
    other = Studio(Settings(home=tmp_path / "b", backbone=str(tiny_pocket), executor="inline", example=False))
    copy = other.open_zip(studio.export(asked.id, "Project (zip)"))
    (came,) = copy.references
    assert (came.prompt, came.entry) == ("Ruby, close.", copy.bible[0].id)
    assert copy.shots[1].see == ("scene", came.id)
    assert copy.shots[1].noises == {came.id: 300}
    assert [shot.stale for shot in copy.shots] == [(), ()]
    assert other.pool.cost(copy, copy.shots[1].id)["shots"] == 2


def test_make_honours_picks_their_order_and_their_noise(studio, tmp_path):
    asked = make(studio, project(studio, 3).id)
    a, b, c = (shot.id for shot in asked.shots)
    still = studio.pool.add_still(asked.id, a, asked.shots[0].take.id, at=0.25)
    film = studio.pool.add_file(asked.id, clip(tmp_path), prompt="A bear walks.")
    assert (still.frames, film.frames) == (1, 9)
    studio.edit(asked.id, "set_shot", shot=b, see=[film.id, c, still.id], noises={film.id: 900})
    after = make(studio, asked.id)
    assert set(after.shots[0].take.saw) == {c}  # together with the other shot that remembers its scene
    take = after.shots[1].take
    assert take.saw == {film.id: film.id, still.id: still.id, c: after.shots[2].take.id}
    assert studio.pool.cost(after, b)["seconds"] > studio.pool.cost(after, a)["seconds"] > 0  # three blocks, two shots
    assert context(studio, take) == [("A bear walks.", 900), (still.prompt, 300), (after.shots[2].prompt, 300)]
    studio.edit(asked.id, "drop_reference", reference=film.id)
    assert studio.project(asked.id).shots[1].stale == ("a picture that it saw is gone",)
    studio.redo(asked.id, b)
    assert set(studio.project(asked.id).shots[1].take.saw) == {still.id, c}


def test_a_reference_of_one_shot_is_in_the_context_that_the_scene_is_made_in(studio, tmp_path):
    asked = project(studio)
    added = studio.pool.add_file(asked.id, picture(tmp_path))
    studio.edit(asked.id, "set_shot", shot=asked.shots[1].id, see=["scene", added.id])
    made = make(studio, asked.id)
    first, second = made.shots
    assert first.take.job == second.take.job
    assert set(first.take.saw) == {added.id, second.id}


def test_a_shot_is_made_from_two_stills_alone_and_latents_are_made_once(studio, tmp_path, monkeypatch):
    import engine

    asked, encoded, real = project(studio, 1), [], engine.encode_take
    monkeypatch.setattr(engine, "encode_take", lambda *given: encoded.append(1) or real(*given))
    who, where = (studio.pool.add_file(asked.id, picture(tmp_path, f"{c}.png", c)) for c in ("red", "blue"))
    studio.edit(asked.id, "set_shot", shot=asked.shots[0].id, see=[who.id, where.id])
    made = make(studio, asked.id)
    assert [prompt for prompt, _ in context(studio, made.shots[0].take)] == ["Red.", "Blue."]
    studio.redo(asked.id, asked.shots[0].id)
    assert len(encoded) == 2


def test_a_file_replaces_a_take_and_says_so(studio, tmp_path):
    asked = make(studio, project(studio).id)
    first, second = (shot.id for shot in asked.shots)
    take = studio.pool.replace(asked.id, first, clip(tmp_path, count=5))
    shown = studio.project(asked.id)
    assert shown.shots[0].take == take
    assert take.file == "walk.mp4"
    assert shown.shots[0].stale == ()
    assert shown.shots[1].stale == ("shot 1A has another take",)
    studio.redo(asked.id, second)
    assert studio.project(asked.id).shots[1].take.saw == {first: take.id}
    held = studio.pool.replace(asked.id, second, picture(tmp_path))
    assert len(load_take(studio.store.media, held).frames) == 5
    longer = studio.pool.replace(asked.id, first, clip(tmp_path, "short.mp4", count=1))
    assert studio.project(asked.id).shots[0].frames == len(load_take(studio.store.media, longer).frames)
    assert studio.film(asked.id).exists()
    studio.edit(asked.id, "set_shot", shot=first, locked=True)
    with pytest.raises(ValueError, match="shot 1A is locked"):
        studio.pool.replace(asked.id, first, clip(tmp_path))


def test_a_shot_goes_on_from_another_and_settings_are_copied(studio, tmp_path):
    asked = make(studio, project(studio).id)
    first, second = asked.shots
    added = studio.pool.add_file(asked.id, picture(tmp_path))
    now = studio.edit(asked.id, "continue_shot", shot=first.id)
    new = now.shots[1]
    assert (new.cut, new.prompt, new.frames) == (False, first.prompt, 5)
    studio.edit(asked.id, "set_shot", shot=second.id, see=["scene", added.id, first.id], noises={added.id: 500})
    copied = studio.edit(asked.id, "copy_settings", shot=second.id, to=[first.id, new.id])
    assert copied.shots[0].see == ("scene", added.id)
    assert copied.shots[1].noises == {added.id: 500}
    assert copied.shots[1].seed == second.take.seed
    assert copied.shots[0].prompt == first.prompt


def test_the_noise_of_a_film_with_a_large_seed_is_copied_too(studio):
    asked = project(studio)
    studio.edit(asked.id, "set_options", seed=2**31 - 1)
    first, second = make(studio, asked.id).shots
    copied = studio.edit(asked.id, "copy_settings", shot=first.id, to=[second.id])
    assert copied.shots[1].seed == first.take.seed


def test_cuts_are_measured_once_and_told_in_words(studio, tmp_path, monkeypatch):
    import engine.continuity

    asked = project(studio)
    first, second = asked.shots
    white = studio.pool.replace(asked.id, first.id, picture(tmp_path, "a.png", "white"))
    studio.pool.replace(asked.id, second.id, picture(tmp_path, "b.png", (188, 188, 188)))  # half of the light
    (cut,) = cuts(studio.store, studio.project(asked.id), first.id, white)
    assert cut.text == "Cut to 1B: 100% of the colours change, 1.0 stops darker."
    assert cut.loud
    monkeypatch.setattr(engine.continuity, "drift", None)
    assert cuts(studio.store, studio.project(asked.id), first.id, white) == [cut]
    assert likeness_told([{"species": "fox"}], [{"species": "bear"}]) == "fox becomes bear (67% of the looks stay)"
    assert likeness_told([{"accessory": "hat"}], [{"accessory": "none"}]) == "hat is gone (67% of the looks stay)"
    assert likeness_told([{"accessory": "none"}], [{"accessory": "hat"}]) == "hat is new (67% of the looks stay)"


def likeness_told(before, after):
    whole = {"species": "", "colour": "red", "accessory": "none"}
    found = likeness([whole | one for one in before], [whole | one for one in after])
    cut = Cut(other="1A", earlier=True, palette=0.1, exposure=0.0, likeness=found)
    return cut.text.removeprefix("Cut from 1A: 10% of the colours change, same light, ").removesuffix(".")


def test_suggestions_name_what_is_shared_and_change_nothing(studio, tmp_path):
    asked = project(studio)
    hero = asked.bible[0]
    portrait = studio.pool.add_file(asked.id, picture(tmp_path), entry=hero.id)
    stranger = studio.pool.add_file(asked.id, picture(tmp_path, "x.png", "gray"), prompt="A blue bear in the snow.")
    why = studio.pool.suggestions(studio.project(asked.id), asked.shots[0].id)
    assert next(iter(why)) == portrait.id
    assert why[portrait.id] == (f"shows {hero.name}",)
    assert stranger.id not in why
    assert studio.project(asked.id).shots[0].see is None
    used = studio.edit(asked.id, "use_reference", reference=portrait.id, shots=[shot.id for shot in asked.shots])
    assert [shot.see for shot in used.shots] == [("scene", portrait.id)] * 2


def test_a_take_whose_picture_is_gone_has_none_to_show(studio):
    asked = make(studio, project(studio, 1).id)
    shot = asked.shots[0]
    studio.media(shot.take.poster).unlink()
    (take,) = views.shot(studio, asked, shot.id)["takes"]
    assert (take["poster"], take["video"]) == ("", views.url(studio, shot.take.video))


def test_a_starred_take_that_is_not_chosen_is_kept_and_picked_at_once(studio):
    asked = make(studio, project(studio).id)
    first, second = asked.shots
    studio.redo(asked.id, first.id)
    for shot, take in ((first, first.take), (second, second.take)):
        studio.star(asked.id, shot.id, take.id, starred=True)

    def starred():
        pool = remembers(studio, studio.project(asked.id), second.id)["pool"]
        return [(one["label"], one["id"], one.get("keep")) for one in pool if one["starred"]]

    assert starred() == [("1A T1", first.take.id, first.id), ("1B T1", second.take.id, second.id)]
    before = studio.project(asked.id)
    kept = studio.pool.add_take(asked.id, first.id, first.take.id, shots=[second.id])
    assert studio.project(asked.id).shots[1].see == ("scene", kept.id)
    assert starred() == [("1A T1", kept.id, None), ("1B T1", second.take.id, second.id)]
    assert studio.undo(asked.id).references == before.references
    assert studio.project(asked.id).shots[1].see is None
    full = studio.edit(asked.id, "set_shot", shot=second.id, see=["scene"] * 8)
    with pytest.raises(ValueError, match="a shot looks at 8 at most, so take some off"):
        studio.pool.add_take(asked.id, first.id, first.take.id, shots=[second.id])
    assert studio.project(asked.id) == full


@pytest.mark.parametrize(
    ("edit", "values", "sentence"),
    [
        ("set_shot", {"shot": "{a}", "see": ["nobody"]}, "'nobody'; it is not on this board"),
        ("set_shot", {"shot": "{a}", "see": ["{b}"]}, "shot 1B has no take yet"),
        ("set_shot", {"shot": "{a}", "see": ["scene"] * 9}, "a shot looks at 8 at most"),
        ("set_shot", {"shot": "{a}", "noises": {"scene": 1000}}, "the nearest possible value is 999"),
        ("set_reference", {"reference": "nobody", "name": "x"}, "not in the pool any more"),
        ("set_reference", {"reference": "{ref}", "entry": "nobody"}, "not in the bible"),
        ("set_reference", {"reference": "{ref}", "latents": "x"}, "reference has no 'latents'"),
        ("add_reference", {}, "edit is 'add_reference'"),
    ],
)
def test_bad_wishes_are_one_sentence(studio, tmp_path, edit, values, sentence):
    asked = project(studio)
    ids = {"{a}": asked.shots[0].id, "{b}": asked.shots[1].id}
    ids["{ref}"] = studio.pool.add_file(asked.id, picture(tmp_path)).id
    filled = {
        name: [ids.get(v, v) for v in value]
        if isinstance(value, list)
        else ids.get(value, value)
        if isinstance(value, str)
        else value
        for name, value in values.items()
    }
    before = studio.project(asked.id)
    with pytest.raises(ValueError, match=sentence):
        studio.edit(asked.id, edit, **filled)
    assert studio.project(asked.id) == before


def test_files_and_moments_that_are_none_are_refused(studio, tmp_path):
    asked = make(studio, project(studio, 1).id)
    take = asked.shots[0].take.id
    (tmp_path / "note.png").write_text("no picture")
    there = set(studio.store.media.folder.iterdir())
    with pytest.raises(ValueError, match="'nobody'; it is not in the bible"):
        studio.pool.add_file(asked.id, picture(tmp_path), entry="nobody")
    with pytest.raises(ValueError, match="prompt"):
        studio.pool.add_file(asked.id, picture(tmp_path), prompt="a" * 3000)
    assert set(studio.store.media.folder.iterdir()) == there
    with pytest.raises(ValueError, match=r"note\.png is no PNG"):
        studio.pool.add_file(asked.id, tmp_path / "note.png")
    with pytest.raises(ValueError, match=r"at is 9 s; the take goes from 0 to 0\.5 s, the nearest is 0\.5"):
        studio.pool.add_still(asked.id, asked.shots[0].id, take, at=9)
    with pytest.raises(ValueError, match="no such take"):
        studio.pool.add_take(asked.id, asked.shots[0].id, "nobody")
    assert studio.project(asked.id).references == ()
    assert studio.pool.add_take(asked.id, asked.shots[0].id, take).name == "1A T1"
    with pytest.raises(ValueError, match="1A T1 is in the pool already"):
        studio.pool.add_take(asked.id, asked.shots[0].id, take)

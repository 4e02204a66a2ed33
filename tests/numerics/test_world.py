"""The world: pictures, ground truth, grammar and language agree."""

import itertools
import random
import re
from dataclasses import replace

import pytest
import torch

from engine.world.caption import caption, lexicon, vocabulary, words
from engine.world.draw import PARTS, render
from engine.world.grammar import held_out_pair, held_out_setting, sample_scene, scene_rng
from engine.world.labels import latent_maps, shot_labels
from engine.world.spec import INDOOR, SPECIES, UNSEEN, Actor, Character, SceneSpec, ShotSpec
from engine.world.takes import render_take, sample_take
from engine.world.view import actor_x, camera_x, view_width


def one(**shot):
    setting = {"place": "meadow", "time": "day", "weather": "clear", "framing": "medium"} | shot
    actor = Actor(character=0, action=setting.pop("action", "stand"))
    who = Character(species=setting.pop("species", "fox"), colour=setting.pop("colour", "red"))
    return SceneSpec(characters=(who,), shots=(ShotSpec(actors=(actor,), **setting),))


def scenes(count, split="train", shots=None):
    for n in range(count):
        yield sample_scene(scene_rng(split, n), split=split, shots=shots)


def test_a_clip_has_frames_and_truth_of_one_size_and_is_drawn_alike_twice():
    scene = one(frames=5, weather="rain")
    clip, again = render(scene, 0), render(scene, 0)
    assert clip.frames.shape == (5, 80, 128, 3)
    assert clip.frames.dtype == clip.parts.dtype == torch.uint8
    assert clip.parts.shape == clip.entity.shape == (5, 80, 128)
    assert torch.equal(clip.frames, again.frames)
    assert clip.parts.max() < len(PARTS)


def test_boxes_hold_exactly_the_actor():
    clip = render(one(frames=1), 0)
    x0, y0, x1, y1 = clip.boxes[0, 0].int().tolist()
    mask = clip.entity[0] == 1
    assert mask[y0:y1, x0:x1].sum() == mask.sum() > 300
    assert mask[y0].any()
    assert mask[:, x0].any()


@pytest.mark.parametrize("species", SPECIES)
def test_an_actor_shows_its_colour_and_its_own_shape(species):
    mine = render(one(species=species, colour="blue", frames=1), 0)
    body = mine.frames[0][(mine.parts[0] == PARTS.index("body")) | (mine.parts[0] == PARTS.index("head"))].float()
    assert (body[:, 2] > body[:, 0] + 40).float().mean() > 0.5
    masks = {s: render(one(species=s, frames=1), 0).entity[0] == 1 for s in SPECIES}
    for other in set(SPECIES) - {species}:
        assert (masks[species] != masks[other]).float().mean() > 0.005


def test_a_still_camera_keeps_the_scenery_still():
    clip = render(one(frames=9), 0)
    near = torch.nn.functional.max_pool2d((clip.entity > 0).any(0)[None].float(), 5, stride=1, padding=2)[0]
    scenery = near == 0
    assert torch.equal(clip.frames[0][scenery], clip.frames[8][scenery])


@pytest.mark.parametrize("camera", ["static", "pan_left", "pan_right"])
def test_a_continuing_shot_goes_on_where_the_last_one_ended(camera):
    long = one(frames=21, camera=camera, action="walk_right", weather="snow")
    first = long.shots[0]
    actor = replace(first.actors[0], x=float(actor_x(first, first.actors[0], 16)))
    later = replace(
        first, actors=(actor,), focus=float(camera_x(first, 16)), start=first.start + 16, frames=5, cut=False
    )
    ended, goes_on = render(long, 0, first=16), render(replace(long, shots=(first, later)), 1)
    assert (ended.frames.int() - goes_on.frames.int()).abs().max() <= 1


def test_latent_maps_are_one_a_latent_frame():
    maps = latent_maps(render(one(frames=17), 0))
    assert maps.shape == (5, 2, 20, 32)
    assert (maps[:, 1] == 1).any()


def test_splits_hold_what_they_promise():
    for scene in scenes(300):
        assert not any(held_out_pair(c.species, c.colour) for c in scene.characters)
        assert not any(held_out_setting(s.place, a.action) for s in scene.shots for a in s.actors)
        assert not {c.species for c in scene.characters} & set(UNSEEN["species"])
        assert not {c.accessory for c in scene.characters} & set(UNSEEN["accessory"])
        assert not {s.place for s in scene.shots} & set(UNSEEN["place"])
    for scene in scenes(100, "combinations"):
        assert held_out_pair(scene.characters[0].species, scene.characters[0].colour)
    assert any(c.species in UNSEEN["species"] for s in scenes(50, "unseen") for c in s.characters)


def test_every_species_has_a_held_out_colour_and_training_keeps_most():
    kept = [
        c for c in itertools.product(SPECIES, ("red", "orange", "yellow", "green", "blue")) if not held_out_pair(*c)
    ]
    assert len(kept) > 40


def test_scenes_are_continuous_as_an_editor_would_want():
    for scene in scenes(300):
        assert 1 <= len(scene.shots) <= 9
        assert scene.shots[0].cut
        assert len({shot.time for shot in scene.shots}) == 1
        for shot in scene.shots:
            assert shot.weather == "clear" or shot.place not in INDOOR
            assert (shot.frames - 1) % 4 == 0
            assert not (len(shot.actors) == 2 and shot.framing == "close")
        for before, shot in itertools.pairwise(scene.shots):
            if not shot.cut:
                assert (shot.place, shot.framing, shot.start) == (
                    before.place,
                    before.framing,
                    before.start + before.frames,
                )


def test_single_shots_are_balanced():
    counts = dict.fromkeys(SPECIES, 0)
    for scene in scenes(2000, shots=1):
        counts[scene.characters[0].species] += 1
    seen = [counts[s] for s in SPECIES if s not in UNSEEN["species"]]
    assert max(seen) < 1.4 * min(seen)


def test_captions_have_the_papers_form_and_repeat_with_their_random_state():
    for n, scene in enumerate(scenes(200)):
        said = caption(scene, random.Random(n))
        assert said == caption(scene, random.Random(n))
        assert said.prompt.lower().startswith("[character] character 1:")
        assert [text.lower().startswith("[shot cut]") for text in said.shots] == [shot.cut for shot in scene.shots]


def test_every_word_is_known_but_made_up_ones():
    known = set(vocabulary())
    made_up = re.compile(r"([zxqvkw][aeiou]){3}")
    for n, scene in enumerate(scenes(400)):
        said = caption(scene, random.Random(n), withhold=n % 2 == 0)
        for word in itertools.chain(*map(words, (said.prompt, *said.shots))):
            assert word in known or made_up.fullmatch(word), word


def test_withheld_looks_are_told_once():
    for n, scene in enumerate(scenes(200, shots=4)):
        said = caption(scene, random.Random(n), withhold=True)
        for who, character in enumerate(scene.characters):
            first = next((k for k, s in enumerate(scene.shots) if who in {a.character for a in s.actors}), None)
            for k, text in enumerate((said.prompt, *said.shots), start=-1):
                told = any(re.search(rf"\b{w}\b", text.lower()) for w in lexicon()["species"][character.species])
                others = {c.species for c in scene.characters} - {character.species}
                if k != first and not any(w in text.lower() for o in others for w in lexicon()["species"][o]):
                    assert not told, (k, text)


def test_what_pictures_show_is_told_nowhere():
    told = 0
    for number in range(60):
        rng = scene_rng("train", number)
        scene = sample_scene(rng, split="train", shots=4)
        said = caption(scene, rng, pictured=(1,))
        text = " ".join(words(" ".join([said.prompt, *said.shots])))
        shown = {a.character for a in scene.shots[1].actors}
        for i, character in enumerate(scene.characters):
            names = [" ".join(words(phrase)) for phrase in lexicon()["species"][character.species]]
            heard = any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)
            assert not (heard and i in shown), (number, text)
            told += heard
        if len({shot.place for shot in scene.shots}) == 1:
            assert "[environment]" not in text
    assert told  # characters that no picture shows are described


def test_full_captions_tell_every_attribute_that_is_no_default():
    for n, scene in enumerate(scenes(200, shots=1)):
        said = caption(scene, random.Random(n), style="full")
        text = " ".join(words(said.shots[0]))
        assert said.prompt == ""
        for name in ("species", "colour"):
            value = getattr(scene.characters[scene.shots[0].actors[0].character], name)
            assert any(" ".join(words(phrase)) in text for phrase in lexicon()[name][value])
        for name in ("time", "framing", "place"):
            phrases = lexicon()[name][getattr(scene.shots[0], name)]
            bare = [re.sub(r"\b(a|an|the) ", "", " ".join(words(p))) for p in phrases]
            assert any(p in re.sub(r"\b(a|an|the) ", "", text) for p in bare), (name, text)


def test_labels_are_indices_of_the_words():
    labels = shot_labels(one(species="frog", action="spin", place="castle"), 0)
    assert SPECIES[labels["species"][0]] == "frog"
    assert len(labels["action"]) == 2


def test_a_long_take_is_one_unbroken_shot_through_changing_places_and_light():
    take = sample_take(random.Random(3), seconds=120)
    assert sum(shot.frames for shot in take.shots) >= 120 * 8
    assert [shot.cut for shot in take.shots] == [True] + [False] * (len(take.shots) - 1)
    assert len({shot.place for shot in take.shots}) > 1
    assert len({shot.time for shot in take.shots}) > 1
    for before, shot in itertools.pairwise(take.shots):
        assert shot.actors[0].x == pytest.approx(float(actor_x(before, before.actors[0], before.frames)))
        assert shot.focus == pytest.approx(float(camera_x(before, before.frames)))
        assert shot.start == before.start + before.frames
        assert abs(shot.actors[0].x - shot.focus) < 0.45 * view_width(shot.framing)


def test_long_takes_of_training_hold_no_held_out_place_and_action():
    takes = [sample_take(random.Random(n), seconds=60) for n in range(30)]
    pairs = [(shot.place, shot.actors[0].action) for take in takes for shot in take.shots]
    assert len(set(pairs)) > 20
    assert not any(held_out_setting(*pair) for pair in pairs)


def test_a_long_take_is_drawn_lazily_and_without_a_seam():
    take = sample_take(random.Random(3), seconds=120)
    changes = [k for k, (a, b) in enumerate(itertools.pairwise(take.shots), start=1) if a.place != b.place]
    clips = list(itertools.islice(render_take(take), changes[0] + 1))
    assert [len(clip.frames) for clip in clips] == [shot.frames for shot in take.shots[: len(clips)]]
    steps = [clip.frames.float().diff(dim=0).abs().mean(dim=(1, 2, 3)).max() for clip in clips]
    for one, two in itertools.pairwise(clips):
        seam = (two.frames[0].float() - one.frames[-1].float()).abs().mean()
        assert seam < 2 * max(steps) + 3

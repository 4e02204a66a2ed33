"""A scene in, events out, on a tiny real pocket backbone."""

from copy import copy, deepcopy
from dataclasses import replace

import pytest
import torch

import engine
from engine import generation
from engine.generation import NOTHING
from engine.history import History
from engine.methods import GENERAL, METHODS
from engine.outline import outline
from engine.settings import MAX_SEED

PROMPT = "[Character] Character 1: a red fox. [Environment] On the beach at sunset."


@pytest.fixture(scope="module")
def backbone(tiny_pocket):
    return engine.load(str(tiny_pocket), device="cpu")


def scene(*frames, **first):
    shots = [engine.Shot(prompt=f"Character 1 jumps {k}.", frames=n) for k, n in enumerate(frames or (5, 5))]
    shots[0] = replace(shots[0], **first)
    return engine.Scene(prompt=PROMPT, shots=tuple(shots), height=32, width=48)


def run(asked, backbone, **settings):
    return list(engine.generate(asked, backbone, **({"steps": 3, "guidance": 2.0} | settings)))


def takes(events):
    return events[-1].takes


@pytest.mark.parametrize("method", GENERAL)
def test_every_shot_is_made_and_told_of(backbone, method):
    events = run(scene(5, 1, 9), backbone, method=method)
    done = [e for e in events if isinstance(e, engine.ShotDone)]
    assert [e.shot for e in done] == [0, 1, 2]
    assert isinstance(events[-1], engine.Finished)
    assert [tuple(t.frames.shape) for t in takes(events)] == [(5, 32, 48, 3), (1, 32, 48, 3), (9, 32, 48, 3)]
    assert all(t.frames.dtype == torch.uint8 for t in takes(events))
    steps = [e for e in events if isinstance(e, engine.Progress) and e.stage == "denoise"]
    assert len(steps) == 3 * len(METHODS[method].rounds(scene(5, 1, 9)))


@pytest.mark.parametrize("method", GENERAL)
def test_same_seed_same_bytes_and_another_seed_another_film(backbone, method):
    first, again, other = (takes(run(scene(), backbone, method=method, seed=s)) for s in (4, 4, 5))
    assert all(torch.equal(a.frames, b.frames) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].frames, other[0].frames)


def test_redoing_one_shot_leaves_the_others_untouched_and_uses_them(backbone):
    made = takes(run(scene(), backbone))
    kept = scene(take=made[0])
    redone, alone = takes(run(kept, backbone, seed=9)), takes(run(scene(), backbone, seed=9, method="independent"))
    assert redone[0] is made[0]
    assert not torch.equal(redone[1].frames, made[1].frames)
    assert not torch.equal(redone[1].latents, alone[1].latents)


def test_a_take_makes_itself_again_from_its_own_seed(backbone):
    made = takes(run(scene(), backbone, seed=3))
    shots = tuple(replace(shot, seed=take.seed) for shot, take in zip(scene().shots, made, strict=True))
    again = takes(run(replace(scene(), shots=shots), backbone, seed=77))
    assert all(torch.equal(a.frames, b.frames) for a, b in zip(made, again, strict=True))


def test_no_two_shots_of_any_films_begin_with_the_same_noise_and_those_of_old_films_stay(backbone):
    seeds = [
        [take.seed for take in takes(run(scene(*[1] * 20), backbone, seed=seed, steps=1, method="independent"))]
        for seed in (0, 1, 2, MAX_SEED)
    ]
    assert len({one for film in seeds for one in film}) == 80
    assert [film[:9] for film in seeds[:3]] == [list(range(9)), list(range(9, 18)), list(range(18, 27))]
    assert max(seeds[3]) <= engine.MAX_SHOT_SEED


def test_given_takes_can_be_noisy_history(backbone):
    made = takes(run(scene(), backbone))
    clean, noisy = (takes(run(scene(take=made[0], noise=n), backbone))[1].latents for n in (0, 700))
    assert not torch.equal(clean, noisy)


def test_independent_shots_do_not_know_the_scene(backbone):
    other = replace(scene(), prompt="[Environment] In the forest at night.")
    one, two = (takes(run(s, backbone, method="independent")) for s in (scene(), other))
    assert torch.equal(one[0].frames, two[0].frames)


def test_cancel_stops_within_one_step(backbone):
    token = engine.CancelToken()
    events = engine.generate(scene(), backbone, steps=50, cancel=token)
    assert isinstance(next(events), engine.Progress)
    token.cancel()
    with pytest.raises(engine.Cancelled):
        next(events)


def broken_off(asked, backbone, finished, **settings):
    """Takes of ``ShotDone`` and of ``Denoised``, by shot, of a film that is cancelled after ``finished`` shots."""
    token, done, raw = engine.CancelToken(), {}, {}
    events = engine.generate(asked, backbone, **({"steps": 3, "guidance": 2.0} | settings), cancel=token)
    while len(done) < finished:
        match next(events):
            case engine.ShotDone(shot=k, take=take):
                done[k] = take
            case engine.Denoised(takes=new):
                raw |= new
    token.cancel()
    with pytest.raises(engine.Cancelled):
        list(events)
    return done, raw


def given(asked, known):
    return replace(asked, shots=tuple(replace(shot, take=known.get(k)) for k, shot in enumerate(asked.shots)))


def same(one, two):
    pairs = [(getattr(a, n), getattr(b, n)) for a, b in zip(one, two, strict=True) for n in ("latents", "frames")]
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("finished", "settings"),
    [
        *((k, {"method": method}) for method in ("lct-ar", "lct-causal", "independent") for k in (1, 2)),
        *((2, {"method": method, "group": 2}) for method in ("lct", "lct-causal")),
    ],
)
def test_cancelled_films_keep_finished_shots_and_resume_to_the_same_film(backbone, finished, settings):
    asked = scene(5, 9, 5)
    whole = takes(run(asked, backbone, **settings))
    kept, _ = broken_off(asked, backbone, finished, **settings)
    assert list(kept) == list(range(finished))
    resumed = takes(run(given(asked, kept), backbone, **settings))
    assert same(whole, resumed)
    assert [take.made_by for take in whole] == [take.made_by for take in resumed]


@pytest.mark.parametrize("finished", [1, 2, 3])
@pytest.mark.parametrize("group", [None, 2])
def test_a_film_that_broke_off_inside_a_round_resumes_from_what_was_denoised(backbone, group, finished):
    asked = going_on(True, True, False, True)  # the third waits for the second
    whole = takes(run(asked, backbone, group=group))
    done, raw = broken_off(asked, backbone, finished, group=group)
    assert set(done) <= set(raw)
    assert all(raw[k].frames is NOTHING for k in raw)
    kept = {k: engine.decode_take(take, backbone) for k, take in raw.items()}
    resumed = takes(run(given(asked, kept), backbone, group=group))
    assert same(whole, resumed)
    assert [take.made_by for take in whole] == [take.made_by for take in resumed]


def test_finished_shots_alone_leave_the_others_of_their_round_another_film(backbone):
    asked = scene(5, 9, 5)
    whole = takes(run(asked, backbone))
    done, _ = broken_off(asked, backbone, 1)
    resumed = takes(run(given(asked, done), backbone))
    assert same(whole[:1], resumed[:1])
    assert not any(torch.equal(a.latents, b.latents) for a, b in zip(whole[1:], resumed[1:], strict=True))


def test_previews_come_early_and_can_be_switched_off(backbone):
    events = run(scene(), backbone, steps=8)
    first = next(i for i, e in enumerate(events) if isinstance(e, engine.Preview))
    assert events[first].frames.shape == (1, 32, 48, 3)
    assert first < 4
    assert not any(isinstance(e, engine.Preview) for e in run(scene(), backbone, steps=8, previews=False))


def test_the_record_tells_what_made_a_take(backbone):
    record = takes(run(scene(), backbone, seed=2))[1].made_by
    assert record["prompt"] == "Character 1 jumps 1."
    assert record["method"] == "lct"
    assert record["context"][0]["shot"] == 0
    assert len(record["weights"]) == 16


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"method": "magic"}, "method is 'magic'; it must be one of lct, lct-ar, lct-causal, independent"),
        ({"steps": 0}, "steps is 0; it lies from 1 to 200, the nearest is 1"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"guidance": 99.0}, "guidance is 99.0; it lies from 1 to 20, the nearest is 20"),
        ({"seed": 1.5}, "seed is 1.5; it is a whole number, the nearest is 2"),
        ({"steps": 2.5}, "steps is 2.5; it is a whole number, the nearest is 2"),
    ],
)
def test_bad_settings_are_one_sentence_before_any_work(backbone, settings, sentence):
    with pytest.raises(ValueError, match="^" + sentence.replace(".", r"\.")) as caught:
        engine.generate(scene(), backbone, **settings)
    assert "\n" not in str(caught.value)


def test_a_take_of_another_length_is_refused(backbone):
    made = takes(run(scene(), backbone))
    with pytest.raises(ValueError, match=r"shots\[1\]\.take has latents"):
        engine.generate(scene(9, 5, take=made[0]), backbone)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ({"frames": NOTHING, "latents": NOTHING}, "has neither frames nor latents; give a picture or film, or leave"),
        ({"frames": NOTHING}, "has no frames; engine.decode_take makes them from its latents"),
        ({"latents": NOTHING}, "has no latents; engine.encode_take makes them from its frames"),
        (
            {"frames": torch.zeros(5, 16, 16, 3, dtype=torch.uint8)},
            r"has frames \(5, 16, 16, 3\) in uint8; this shot's length and size need \(5, 32, 48, 3\) in uint8",
        ),
    ],
)
def test_a_given_shot_without_pixels_is_refused(backbone, spoil, sentence):
    made = takes(run(scene(), backbone))
    with pytest.raises(ValueError, match=r"^shots\[1\]\.take " + sentence):
        engine.generate(scene(take=replace(made[0], **spoil)), backbone)


def test_a_still_is_no_moving_shot(backbone):
    still = takes(run(scene(1), backbone))[0]
    with pytest.raises(ValueError, match=r"shots\[1\]\.take is a still and its shot has 5 frames; a given still is a"):
        engine.generate(scene(5, 5, take=still), backbone)
    assert len(takes(run(scene(1, 5, take=still), backbone))) == 2


@pytest.mark.parametrize("noise", [-1, 1000])
def test_a_history_noise_out_of_range_is_refused(backbone, noise):
    with pytest.raises(ValueError, match=f"history_noise is {noise}; it lies from 0 to 999"):
        engine.generate(scene(), backbone, history_noise=noise)


def test_missing_or_damaged_weights_are_named(tiny_pocket, tmp_path):
    import shutil

    with pytest.raises(ValueError, match="no such folder"):
        engine.load(str(tmp_path / "nowhere"))
    broken = tmp_path / "broken"
    shutil.copytree(tiny_pocket, broken)
    (broken / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ValueError, match="transformer is missing or damaged"):
        engine.load(str(broken))
    shutil.rmtree(broken / "transformer")
    with pytest.raises(ValueError, match="transformer is missing or damaged"):
        engine.load(str(broken))
    shutil.copytree(tiny_pocket / "transformer", broken / "transformer")
    (broken / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match="tokenizer is missing or damaged"):
        engine.load(str(broken))


def test_unknown_words_are_found_as_written(backbone):
    assert backbone.unknown_words("A Zebra and the fox 🦊 waltz.") == ("Zebra", "waltz")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[Story] They spin, Jump, dash and hurry.", "[Story] They spins, jumps, dashes and hurries."),
        ("She waved, danced, hopped and walked.", "She waves, dances, hops and walks."),
        ("It is dancing, twirling, hurrying, marching.", "It is dances, twirling, hurries, marches."),
        ("He ran, sat and stood, and went away.", "He runs, sits and stands, and goes away."),
    ],
)
def test_forms_of_verbs_are_read_as_those_that_the_captions_have(backbone, written, read):
    assert backbone.unknown_words(written) == ()
    assert torch.equal(*backbone.encode_text([written, read]))


def test_what_only_looks_like_a_form_of_a_known_word_stays_unknown(backbone):
    strange = ("doe", "gu", "spinn", "waltzs", "hurr", "glass", "bearing", "hating", "boxed", "sing")
    assert backbone.unknown_words(", ".join(strange)) == strange


def test_a_shot_longer_than_the_model_learned_is_refused(backbone):
    with pytest.raises(ValueError, match="frames is 65; the pocket model makes 1 to 33, the nearest is 33"):
        run(scene(65), backbone)


def test_the_causal_method_remembers_and_makes_what_it_would_make_without_memory(plain, monkeypatch):
    asked = scene(5, 1, 9)
    remembered = takes(run(asked, plain, method="lct-causal", guidance=2.0))
    monkeypatch.setitem(METHODS, "lct-causal", replace(METHODS["lct-causal"], cached=False))
    recomputed = takes(run(asked, plain, method="lct-causal", guidance=2.0))
    for one, two in zip(remembered, recomputed, strict=True):
        assert torch.allclose(one.latents, two.latents, atol=1e-5)


def test_other_weights_remember_nothing_of_the_first(plain, backbone):
    asked, histories = scene(5, 5), {}
    made = takes(run(asked, backbone, method="lct-causal"))
    given = replace(asked, shots=(replace(asked.shots[0], take=made[0]), asked.shots[1]))
    for other in (backbone, copy_with_other_weights(backbone)):
        run(given, other, method="lct-causal", histories=histories)
        once = histories["full"].encoded
    assert once == 2 * (2 + 2)
    alone = takes(run(given, other, method="lct-causal"))
    assert torch.equal(alone[1].latents, takes(run(given, other, method="lct-causal", histories=histories))[1].latents)


def copy_with_other_weights(backbone):
    tuned = copy(backbone.tuned("causal"))
    tuned.weights, tuned.tuned = "others", lambda _: tuned
    tuned.transformer = deepcopy(tuned.transformer)
    for weight in tuned.transformer.parameters():
        weight.data.mul_(1.5)
    return tuned


def test_what_stands_still_in_a_round_is_laid_out_and_fingerprinted_once(backbone, monkeypatch):
    laid, recalled = [], []
    lay_out, recall = generation.lay_out, History.recall
    monkeypatch.setattr(generation, "lay_out", lambda *a, **k: laid.append(1) or lay_out(*a, **k))
    monkeypatch.setattr(History, "recall", lambda *a: recalled.append(1) or recall(*a))
    run(scene(5, 5), backbone, method="lct-causal", steps=4, history_guidance=2.0)
    rounds, branches = 2, 2
    assert len(laid) == len(recalled) == rounds * branches + 1  # the second round lacks its history in a third


def test_under_the_causal_method_a_later_shot_changes_nothing_before_it(backbone):
    asked = scene(5, 5, 5)
    edited = replace(asked, shots=(*asked.shots[:2], replace(asked.shots[2], prompt="A blue cat sleeps.", frames=9)))
    one, two = (takes(run(s, backbone, method="lct-causal")) for s in (asked, edited))
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(one[:2], two[:2], strict=True))
    assert one[2].latents.shape != two[2].latents.shape


def test_only_what_changed_is_computed_again(backbone):
    histories, other = {}, {"guidance": 1, "seed": 7}
    asked = scene(5, 5, 5)
    made = takes(run(asked, backbone, method="lct-causal", histories=histories, guidance=1))
    first = histories["full"].encoded
    assert first == 2 + 2 * 2  # the scene's prompt and dummy, text and picture of two finished shots
    kept = tuple(replace(shot, take=take) for shot, take in zip(asked.shots, made, strict=True))
    run(replace(asked, shots=(*kept[:2], asked.shots[2])), backbone, method="lct-causal", histories=histories, **other)
    assert histories["full"].encoded == first
    changed = replace(asked, shots=(kept[0], replace(kept[1], noise=500), replace(asked.shots[2], seed=7)))
    run(changed, backbone, method="lct-causal", histories=histories, guidance=1)
    assert histories["full"].encoded == first + 2


def test_another_take_of_a_shot_makes_what_was_remembered_of_its_prompt_stale(backbone):
    asked, histories = scene(5, 5, 5), {}
    first, other = (takes(run(asked, backbone, method="lct-causal", seed=s)) for s in (1, 2))
    for known, encoded in ((first[1], 2 + 2 + 2), (other[1], 2 + 2 + 2 + 2)):
        shots = (replace(asked.shots[0], take=first[0]), replace(asked.shots[1], take=known, seed=3), asked.shots[2])
        run(replace(asked, shots=shots), backbone, method="lct-causal", histories=histories)
        assert histories["full"].encoded == encoded


@pytest.mark.parametrize(
    ("change", "settings", "said"),
    [
        ({"frames": 37}, {}, r"shots\[2\] can't be made: frames is 37; .* the nearest is 33"),
        ({"seed": 2**64}, {}, r"shots\[2\].seed is 18446744073709551616; it lies from 0 to 9007199254740991"),
        ({"prompt": "Character 1 jumps. " * 90}, {}, r"shots\[2\].prompt is \d+ tokens longer than what this model"),
        ({"prompt": "jumps " * 256}, {}, r"shots\[2\].prompt is 2 tokens longer"),  # the mark of its cut is read, too
        ({"seed": 0.5}, {}, r"shots\[2\].seed is 0.5; it is a whole number, the nearest is 0"),
        ({"seed": -1}, {}, r"shots\[2\].seed is -1; .* the nearest is 0"),
        ({}, {"seed": 2**61}, r"seed is 2305843009213693952; it lies from 0 to 4294967295"),
    ],
)
def test_what_cannot_be_made_is_refused_before_any_work(backbone, change, settings, said):
    asked = scene(5, 5)
    asked = replace(asked, shots=(asked.shots[0], replace(asked.shots[1], **change)))
    with pytest.raises(ValueError, match=said):
        engine.generate(asked, backbone, **settings)


def test_more_than_the_window_is_refused_before_any_work(backbone):
    with pytest.raises(ValueError, match=r"shots 1, 2, 3.*tokens, more than the 2560 that this model was trained on"):
        engine.generate(replace(scene(*[33] * 9), height=80, width=128), backbone)
    engine.generate(replace(scene(*[33] * 9), height=80, width=128), backbone, method="independent")


def test_a_skipped_shot_is_neither_made_nor_seen(backbone):
    asked = scene(5, 5, 5)
    made = takes(run(asked, backbone))
    shots = (
        replace(asked.shots[0], take=made[0], skipped=True),
        replace(asked.shots[1], skipped=True),
        asked.shots[2],
    )
    (kept, new) = takes(run(replace(asked, shots=shots), backbone))
    assert kept is made[0]
    assert new.made_by["context"] == []


def going_on(*cuts):
    asked = scene(*[5] * len(cuts))
    return replace(asked, shots=tuple(replace(shot, cut=cut) for shot, cut in zip(asked.shots, cuts, strict=True)))


@pytest.mark.parametrize(
    ("cuts", "group", "rounds"),
    [
        ((True, False, True, False), None, ((0, 2), (1, 3))),
        ((True, False, False, True), None, ((0, 3), (1,), (2,))),
        ((False, True, True, True), None, ((0, 1, 2, 3),)),
        ((True, True, False, False), 2, ((0, 1), (2,), (3,))),
        ((True, False, True, True), 2, ((0,), (1, 2), (3,))),
    ],
)
def test_a_shot_that_goes_on_waits_for_the_one_before(cuts, group, rounds):
    asked = going_on(*cuts)
    assert METHODS["lct"].rounds(asked, group) == rounds
    assert [one.shots for one in outline(asked, group=group)] == list(rounds)
    assert sum(one.continued for one in outline(asked, group=group)) == sum(not cut for cut in cuts[1:])
    assert sum(one.continued for one in outline(asked, method="independent")) == 0


@pytest.mark.parametrize("group", [None, 1, 2, 3])
@pytest.mark.parametrize("finished", [1, 2, 3])
def test_a_film_that_broke_off_goes_on_in_the_same_rounds(group, finished):
    asked, there = going_on(True, False, True, True, False), engine.Take(frames=NOTHING, latents=NOTHING, seed=0)
    rounds = METHODS["lct"].rounds(asked, group)
    done = {k for shots in rounds[:finished] for k in shots}
    left = tuple(replace(shot, take=there if k in done else None) for k, shot in enumerate(asked.shots))
    assert METHODS["lct"].rounds(replace(asked, shots=left), group) == rounds[finished:]


def test_a_causal_group_ends_where_a_given_shot_stands():
    there = engine.Take(frames=NOTHING, latents=NOTHING, seed=0)
    asked = going_on(True, True, True, True)
    asked = replace(asked, shots=(asked.shots[0], replace(asked.shots[1], take=there), *asked.shots[2:]))
    assert METHODS["lct-causal"].rounds(asked, 3) == ((0,), (2, 3))
    assert METHODS["lct"].rounds(asked, 3) == ((0, 2, 3),)


def test_a_whole_window_of_shots_leaves_room_for_the_one_that_it_goes_on_from():
    asked = going_on(*[True] * 9, False, *[True] * 8)
    first, second, third = METHODS["lct"].rounds(asked, 9)
    assert (len(first), len(second), len(third)) == (9, 8, 1)
    assert METHODS["lct"].context(asked, second, first) == (8,)


def test_every_shot_of_a_group_that_goes_on_finds_what_it_goes_on_from():
    there = engine.Take(frames=NOTHING, latents=NOTHING, seed=0)
    asked = going_on(*[True, False] * 8)
    shots = tuple(replace(shot, take=there if shot.cut else None) for shot in asked.shots)
    asked, made = replace(asked, shots=shots), []
    for making in METHODS["lct"].rounds(asked, 8):
        assert {k - 1 for k in making} <= set(METHODS["lct"].context(asked, making, made))
        made += making
    assert made == list(range(1, 16, 2))


def test_the_shot_that_another_goes_on_from_always_has_room(backbone):
    asked = replace(going_on(*[True] * 3, False, *[True] * 8), height=32)
    shots = tuple(replace(shot, picked=k > 3) for k, shot in enumerate(asked.shots))
    known = [k for k in range(12) if k != 3]
    assert 2 in METHODS["lct"].context(replace(asked, shots=shots), (3,), known)


@pytest.mark.parametrize("method", GENERAL)
def test_a_shot_that_goes_on_begins_with_the_last_picture_before_it(backbone, method):
    made = takes(run(scene(), backbone, method=method))[0]
    other = replace(made, frames=torch.cat([made.frames[:-1], 255 - made.frames[-1:]]))  # the latents stay as they are

    def second(first, *cuts):
        asked = going_on(*cuts)
        given = replace(asked, shots=(replace(asked.shots[0], take=first), *asked.shots[1:]))
        return takes(run(given, backbone, method=method))[1].latents

    assert torch.equal(second(made, True, True), second(other, True, True))
    alone = method == "independent"
    assert torch.equal(second(made, True, False), second(other, True, False)) == alone


def test_the_first_picture_of_a_shot_that_goes_on_is_held_at_every_level(backbone, monkeypatch):
    seen = []

    def walk(start, predict, steps):
        for level in (1.0, 0.5, 0.1):
            samples = {k: torch.full((1, *shape), level) for k, (shape, _) in start.items()}
            predict(samples, level)
            seen.append(samples)
        yield steps, samples, samples

    monkeypatch.setattr(backbone, "denoise", walk)
    asked = going_on(True, False)
    film = takes(run(asked, backbone))
    last = backbone.encode(generation.to_pixels(film[0].frames[-1:]))
    fresh = torch.ones_like(last)  # what the round began with
    for level, samples in zip((1.0, 0.5, 0.1), seen[3:], strict=True):
        assert torch.equal(samples[1][:, :, :1], backbone.add_noise(last, fresh, level))
        assert (samples[1][:, :, 1:] == level).all()
    assert all((samples[0] == level).all() for level, samples in zip((1.0, 0.5, 0.1), seen[:3], strict=True))


def test_groups_cover_a_scene_that_outgrows_the_window(backbone):
    asked = scene(*[1] * 12)
    done = takes(run(asked, backbone, steps=1, guidance=1))
    assert len(done) == 12
    assert [entry["shot"] for entry in done[11].made_by["context"]] == [0, 4, 5, 6, 7, 8, 9, 10]


def test_guidance_by_history_changes_only_shots_that_have_one(backbone):
    asked = scene(5, 5)
    plain, guided = (takes(run(asked, backbone, method="lct-ar", history_guidance=h)) for h in (1.0, 3.0))
    assert torch.equal(plain[0].latents, guided[0].latents)
    assert not torch.equal(plain[1].latents, guided[1].latents)


@pytest.mark.parametrize("device", ["foo", "cuda:99", "CPU", ""])
def test_a_device_that_is_not_here_is_said_with_those_that_are(tiny_pocket, device):
    with pytest.raises(ValueError, match=rf"device is '{device}'; this machine has cpu"):
        engine.load(str(tiny_pocket), device=device)

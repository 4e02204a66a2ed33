"""Rules of published multi-shot checkpoints: their positions, masks and prompts in closed form; their weights adopted.

The numbers beside the published sources are in README; those sources are not part of this repository.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_pipelines
import torch
from safetensors.torch import load_file, save_file

import engine
from engine.backbones import adapter, adopt
from engine.backbones.adopting import SOURCES, to_diffusers
from engine.cli import main
from engine.context import GLOBAL, lay_out, picture, text
from engine.methods import METHODS, PUBLISHED
from engine.runtime import Runtime

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
FP32 = Runtime(device=torch.device("cpu"), dtype=torch.float32, reason="test")
BASES = {"longlive": "wan-ti2v", "holocine": "wan-a14b", "holocine-sparse": "wan-a14b"}
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    top = tmp_path_factory.mktemp("bases")
    return {kind: tiny_pipelines.save(kind, top / kind) for kind in ("wan", "wan-ti2v", "wan-a14b")}


def published_names(state):
    """Diffusers' names as Wan's authors write them."""
    pairs = {
        "condition_embedder.text_embedder.linear_1": "text_embedding.0",
        "attn1.": "self_attn.",
        "attn2.": "cross_attn.",
    }
    pairs |= {"condition_embedder.text_embedder.linear_2": "text_embedding.2", ".to_out.0.": ".o.", ".to_q.": ".q."}
    pairs |= {"condition_embedder.time_embedder.linear_1": "time_embedding.0", ".to_k.": ".k.", ".to_v.": ".v."}
    pairs |= {"condition_embedder.time_embedder.linear_2": "time_embedding.2", "proj_out.": "head.head."}
    pairs |= {"condition_embedder.time_proj": "time_projection.1", "ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2"}
    named = {}
    for key, value in state.items():
        new = "head.modulation" if key == "scale_shift_table" else key.replace("scale_shift_table", "modulation")
        new = new.replace(".norm2.", ".norm3.")
        for old, name in pairs.items():
            new = new.replace(old, name)
        named[new] = value
    return named


def part(folder, name="transformer"):
    return load_file(folder / name / WEIGHTS)


@pytest.fixture(scope="module")
def folders(bases, tmp_path_factory):
    """Every checkpoint adopted from a file such as its authors ship."""
    top, made = tmp_path_factory.mktemp("adopted"), {}
    wrap = {"echoshot": ("", ".pth"), "shotstream": ("generator", ".pt"), "longlive": ("generator", ".pt")}
    for name, source in SOURCES.items():
        base = bases[BASES.get(name, "wan")]
        files = []
        for i, name_of_part in enumerate(("transformer", "transformer_2")[: source.files]):
            draw = torch.Generator().manual_seed(i + 1)
            state = {k: v + torch.randn(v.shape, generator=draw) / 9 for k, v in part(base, name_of_part).items()}
            outer, suffix = wrap.get(name, ("", ".safetensors"))
            plain = published_names(state)
            file = top / f"{name}{i}{suffix}"
            if suffix == ".safetensors":
                save_file(plain, file)
            else:
                torch.save({outer: {f"model.{k}": v for k, v in plain.items()}} if outer else plain, file)
            files.append(file)
        made[name] = adopt(name, files, base=str(base), to=top / name)
    return made


def load(folder):
    return adapter(folder).from_folder(folder, runtime=FP32)


def shots(backbone, method, frames=(2, 3), levels=(0.7, 0.7), given=(), scene=True):
    draw, rule = torch.Generator().manual_seed(0), METHODS[method]
    words = backbone.encode_text(["the beach at night", "a red fox jumps", "a fox waves", "a fox"])
    channels, _, *size = backbone.shape(1, 32, 64).latent
    blocks = [text(words[0], shot=GLOBAL, noise=torch.zeros(1))] if rule.scene and scene else []
    for k, (count, level) in enumerate(zip(frames, levels, strict=True)):
        noise, kind = torch.tensor([level]), "history" if k in given else "noisy"
        shown = torch.randn((1, channels, count, *size), generator=draw)
        whole = picture(shown, shot=k, noise=noise, patch=2, kind=kind)
        blocks += [text(words[k + 1], shot=k, noise=noise), *rule._pieces(whole)]
    return blocks


def predict(backbone, blocks, method):
    rule = METHODS[method]
    rules = {"rule": rule.rule, "place": rule.place, "telling": rule.telling, "layers": rule.layers}
    return backbone.predict(blocks, lay_out(blocks, **rules, text="crossed"))


def clocks(backbone, method, frames):
    blocks = [block for block in shots(backbone, method, frames, (0.7,) * len(frames)) if not block.is_text]
    layout = lay_out(blocks, place=METHODS[method].place, text="crossed")
    cells = blocks[0].grid[1] * blocks[0].grid[2]
    return layout.positions[0, ::cells]


def test_positions_at_a_cut(folders):
    backbone = load(folders["echoshot"])
    assert clocks(backbone, "echoshot", (2, 3, 1))[:, 0].tolist() == [0, 1, 6, 7, 8, 13]
    assert clocks(backbone, "cinetrans", (2, 3))[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert clocks(backbone, "longlive", (2, 2, 1))[:, 0].tolist() == [0, 1, 10, 11, 20]
    streamed = clocks(backbone, "shotstream", (2, 2))
    assert streamed[:, 0].tolist() == [0, 1, 2, 3]
    assert streamed[:, 3].tolist() == pytest.approx([0, 0, 1 / 6, 1 / 6])


def seen(method, blocks):
    """For each block of pictures the blocks of pictures that it looks at, as (shot, first frame)."""
    rule = METHODS[method].rule
    shown = [block for block in blocks if not block.is_text]
    return [{(key.shot, key.frame) for key in shown if rule(query, key)} for query in shown]


def test_who_looks_at_whom(folders):
    backbone = load(folders["cinetrans"])
    one, two = {(0, 0), (0, 1)}, {(1, 0), (1, 1)}
    assert seen("cinetrans", shots(backbone, "cinetrans")) == [one, one, two | {(0, 0)}, two | {(0, 0)}]
    assert seen("holocine-sparse", shots(backbone, "holocine-sparse"))[:2] == [one | {(1, 0)}] * 2
    streamed = shots(backbone, "shotstream", (3, 7), (0.0, 0.7), given=(0,))
    assert seen("shotstream", streamed) == [
        {(0, 0)},
        {(0, 0), (1, 0)},
        {(0, 0), (1, 0), (1, 3)},
        {(0, 0), (1, 0), (1, 3), (1, 6)},
    ]


def test_cinetrans_masks_its_middle_layers_alone():
    assert METHODS["cinetrans"].layers == range(6, 28)
    blocks = [picture(torch.zeros(1, 4, 1, 2, 2), shot=k, noise=torch.zeros(1), patch=2) for k in range(2)]
    layout = lay_out(blocks, rule=METHODS["cinetrans"].rule, text="crossed", layers=range(6, 28))
    assert layout.at(5).visible == layout.at(28).visible == ((0, 1), (0, 1))
    assert layout.at(6).visible == layout.at(27).visible == ((0,), (0, 1))


@pytest.mark.parametrize("name", ["cinetrans", "holocine", "holocine-sparse"])
def test_another_shots_prompt_is_not_read(folders, name):
    backbone = load(folders[name])
    layout = {"layers": range(99)} if name == "cinetrans" else {}
    rule = replace(METHODS[name], **layout)
    blocks = shots(backbone, name)
    other = [replace(b, data=b.data.flip(2)) if b.is_text and b.shot == 1 else b for b in blocks]
    alone = {"rule": lambda q, k: k.shot in (q.shot, GLOBAL), "place": rule.place, "telling": rule.telling}
    one, two = (backbone.predict(x, lay_out(x, **alone, text="crossed")) for x in (blocks, other))
    count = len(one) // 2
    assert all(torch.equal(a, b) for a, b in zip(one[:count], two[:count], strict=True))
    assert not any(torch.allclose(a, b, atol=1e-3) for a, b in zip(one[count:], two[count:], strict=True))


def test_echoshot_turns_prompts_apart_and_hears_them_all(folders):
    """With one shot nothing is turned but the empty tokens, by their gap; with two, each hears the other's prompt."""
    backbone = load(folders["echoshot"])
    blocks = shots(backbone, "echoshot")
    other = [replace(b, data=b.data.flip(2)) if b.is_text and b.shot == 1 else b for b in blocks]
    plain = replace(METHODS["echoshot"].telling, apart=None)
    rules = [METHODS["echoshot"].telling, plain]
    place = METHODS["echoshot"].place
    turned, still = (backbone.predict(blocks, lay_out(blocks, place=place, telling=t, text="crossed")) for t in rules)
    assert not torch.allclose(turned[0], still[0], atol=1e-3)
    told = predict(backbone, other, "echoshot")
    assert not torch.allclose(turned[0], told[0], atol=1e-4)


def test_echoshot_turns_each_prompt_four_further_as_its_code_does_since_july_2025():
    prompts = [text(torch.zeros(1, 2, 8), shot=k, noise=torch.zeros(1)) for k in range(3)]
    telling = METHODS["echoshot"].telling
    assert telling.places(prompts) == {0: 0, 1: 4, 2: 8}
    assert (telling.apart, telling.room) == ((4, 10), 2048)


def test_prompts_without_padding_fill_one_row(folders):
    """Splitting a prompt into the scene's and a shot's part changes nothing, for both are read as one row."""
    backbone = load(folders["holocine"])
    one, two = backbone.encode_whole(["a red fox", " jumps on the beach"])
    noise = torch.tensor([0.7])
    shown = picture(torch.randn(1, 16, 2, 4, 8), shot=0, noise=noise, patch=2)
    parts = [text(one, shot=GLOBAL, noise=noise), text(two, shot=0, noise=noise), shown]
    whole = [text(torch.cat([one, two], 1), shot=0, noise=noise), shown]
    assert torch.allclose(predict(backbone, parts, "holocine")[0], predict(backbone, whole, "holocine")[0], atol=1e-5)


def test_a_prompt_in_parts_is_read_as_a_whole(folders):
    backbone = load(folders["holocine"])
    parts = METHODS["holocine"].parts(scene())
    assert parts == [
        "[global caption] the beach at night This scene contains 2 shots. ",
        "[per shot caption] a red fox jumps [shot cut]",
        " a fox waves",
    ]
    pieces = backbone.encode_whole(parts)
    whole = backbone.encode_text(["".join(parts)])[0]
    count = sum(piece.shape[1] for piece in pieces)
    assert torch.equal(torch.cat(pieces, dim=1), whole[:, :count])
    assert whole[:, :count].abs().amax() > 0
    assert not whole[:, count:].any()
    assert pieces[2].shape[1] == len(backbone.pipe.tokenizer(" a fox waves").input_ids)  # its end mark with it


def test_words_of_every_checkpoint():
    asked = scene()
    on = replace(asked, shots=(asked.shots[0], replace(asked.shots[1], cut=False)))
    same = replace(asked, shots=asked.shots[:1] * 2)
    assert METHODS["echoshot"].words(asked, 1) == "the beach at night a fox waves"
    assert METHODS["cinetrans"].words(asked, 1) == "a fox waves"
    assert METHODS["longlive"].words(asked, 0) == "the beach at night a red fox jumps"
    assert METHODS["longlive"].words(asked, 1) == "The scene transitions. the beach at night a fox waves"
    assert METHODS["longlive"].words(on, 1) == "the beach at night a fox waves"
    assert METHODS["longlive"].words(same, 1) == "The scene transitions. the beach at night a red fox jumps"


def test_past_the_window_a_checkpoint_still_sees_what_came_before():
    asked = replace(scene(), shots=scene().shots[:1] * 18)
    first, second, third = METHODS["echoshot"].rounds(asked)
    assert (len(first), len(second), len(third)) == (9, 8, 1)
    assert len(METHODS["echoshot"].context(asked, second, first)) == 1
    assert METHODS["echoshot"].rounds(asked, 3) == tuple(tuple(range(k, k + 3)) for k in range(0, 18, 3))


def scene():
    made = tuple(engine.Shot(prompt=p, frames=9, seed=k) for k, p in enumerate(("a red fox jumps", "a fox waves")))
    return engine.Scene(prompt="the beach at night", shots=made, height=32, width=64)


@pytest.mark.parametrize("name", SOURCES)
def test_an_adopted_checkpoint_makes_films_by_its_own_rules(folders, name):
    backbone = load(folders[name])
    assert backbone.advice(name) is None
    assert name in backbone.advice("lct")
    *_, done = engine.generate(scene(), backbone, method=name, steps=2, guidance=2.0, previews=False)
    assert all(take.frames.shape == (9, 32, 64, 3) for take in done.takes)
    assert all(take.latents.isfinite().all() for take in done.takes)
    given = replace(scene(), shots=(replace(scene().shots[0], take=done.takes[0]), scene().shots[1]))
    *_, again = engine.generate(given, backbone, method=name, steps=2, guidance=2.0, previews=False)
    assert again.takes[0] is done.takes[0]
    entry = engine.list_backbones(folders[name])[1]
    assert [a.method for a in entry.abilities if a.advice is None] == [name]


def test_weights_of_another_checkpoint_are_asked_for(folders, bases, tiny_pocket):
    for folder in (folders["echoshot"], bases["wan"]):
        with pytest.raises(ValueError, match=r"cinetrans needs the weights of CineTrans.*--adopt cinetrans"):
            list(engine.generate(scene(), load(folder), method="cinetrans"))
    with pytest.raises(ValueError, match="cinetrans"):
        list(engine.generate(scene(), engine.load(str(tiny_pocket), device="cpu"), method="cinetrans"))


def test_a_lora_is_added_to_the_base(bases, tmp_path):
    base = part(bases["wan"])
    draw = torch.Generator().manual_seed(0)
    down, up = torch.randn(4, 24, generator=draw), torch.randn(24, 4, generator=draw)
    names = [{"down": "lora_down", "up": "lora_up"}, {"down": "lora_A.default", "up": "lora_B.default"}]
    for style in names:
        key = "blocks.1.self_attn.q"
        found = to_diffusers({f"{key}.{style['down']}.weight": down, f"{key}.{style['up']}.weight": up}, base)
        changed = {name for name in base if not torch.equal(found[name], base[name])}
        assert changed == {"blocks.1.attn1.to_q.weight"}
        assert torch.allclose(found["blocks.1.attn1.to_q.weight"], base["blocks.1.attn1.to_q.weight"] + up @ down)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda s: s.pop("head.head.weight"), r"lacks proj_out.weight; is .* the model that it was trained from"),
        (lambda s: s.update(extra=torch.zeros(1)), "holds extra, which the base model lacks"),
        (lambda s: s.update({"head.head.weight": torch.zeros(2, 2)}), "has other shapes than"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_leave_nothing(bases, tmp_path, spoil, sentence):
    state = published_names(part(bases["wan"]))
    spoil(state)
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=sentence):
        adopt("echoshot", [tmp_path / "weights.safetensors"], base=str(bases["wan"]), to=tmp_path / "made")
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]


class Code:
    def __reduce__(self):
        return (print, ("ran",))


def test_a_pickle_that_holds_more_than_tensors_is_refused(bases, tmp_path, capsys):
    torch.save({"model": Code()}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="holds no plain weights"):
        adopt("echoshot", [tmp_path / "weights.pt"], base=str(bases["wan"]), to=tmp_path / "made")
    assert "ran" not in capsys.readouterr().out


def test_the_command_line_adopts(bases, tmp_path, capsys):
    save_file(published_names(part(bases["wan"])), tmp_path / "w.safetensors")
    words = ["--adopt", "echoshot", "--weights", str(tmp_path / "w.safetensors"), "--backbone", str(bases["wan"])]
    assert main([*words, "-o", str(tmp_path / "made")]) == 0
    assert json.loads((tmp_path / "made" / "multishot.json").read_text()) == {"method": "echoshot"}
    assert main([*words, "-o", str(tmp_path / "made")]) == 2
    assert main(["--adopt", "echo", "--backbone", str(bases["wan"]), "-o", str(tmp_path / "new")]) == 2
    told = capsys.readouterr().err
    assert "is there already; name a new folder" in told
    assert "checkpoint is 'echo'; it is one of echoshot" in told


def test_a_base_behind_the_links_of_a_download_cache_is_adopted(bases, tmp_path):
    """huggingface_hub's cache keeps files as relative links, which lead nowhere from another folder."""
    base = shutil.copytree(bases["wan"], tmp_path / "snapshot")
    weights = next((base / "vae").glob("*.safetensors"))
    weights.rename(tmp_path / "blob")
    weights.symlink_to(Path("../../blob"))
    save_file(published_names(part(base)), tmp_path / "w.safetensors")
    made = adopt("echoshot", [tmp_path / "w.safetensors"], base=str(base), to=tmp_path / "deep" / "er" / "made")
    assert load(made).knows == "echoshot"


def test_readme_tells_of_every_checkpoint():
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    assert all(any(line.startswith(f"| `{method.name}` |") for line in rows) for method in PUBLISHED)

"""The command line: ``python -m engine story.json -o film.mp4``, or ``--story "..." --shots 4``; ``--plan`` first."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from engine.backbones.base import Sizes
    from engine.story import Story

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
CHOSEN = ("seed", "steps", "guidance", "method", "height", "width")  # options that stand above the story's own


class _Parser(argparse.ArgumentParser):
    """Wrong options are bad input: one sentence, and nothing else."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see python -m engine --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns 0 done, 1 failed, 2 bad input, 130 interrupted."""
    try:
        options = _parser().parse_args(argv)
        if options.schema:
            from engine.story import schema

            sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
        elif options.adopt:
            _adopt(options)
        elif options.backbones:
            _list(options.backbones)
        elif options.plan:
            _plan(options)
        else:
            _make(options)
    except ValueError as error:
        return _say(error, BAD_INPUT)
    except (OSError, MemoryError) as error:
        return _say(error, FAILED)
    except RuntimeError as error:
        gpu = type(error).__name__ == "OutOfMemoryError"  # torch's; naming it would load torch for every --help
        if not gpu and "can't allocate memory" not in str(error):
            raise
        where = "the GPU's" if gpu else "main"
        return _say(f"{where} memory is too small; make shorter, smaller or fewer shots at once (see --plan)", FAILED)
    except KeyboardInterrupt:
        return _say("stopped; nothing was written", INTERRUPTED)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m engine", description="Make a film of shots that belong together.")
    parser.add_argument("file", nargs="?", type=Path, help="a story.json (its schema: --schema)")
    parser.add_argument("--story", help="a story in plain words, split into shots by rules")
    parser.add_argument("--shots", type=int, help="how many shots to split --story into (default 4)")
    parser.add_argument("-o", "--output", type=Path, help="the MP4 to write")
    parser.add_argument("--seed", type=int, help="same seed, same film")
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument("--guidance", type=float, help="how strictly the words are followed; 1 is off")
    parser.add_argument("--method", help="lct, lct-ar, lct-causal or independent; how shots know of each other")
    parser.add_argument("--height", type=int, help="of the film in pixels")
    parser.add_argument("--width", type=int, help="of the film in pixels")
    parser.add_argument("--backbone", default="pocket", help="pocket, or the folder of a diffusers pipeline")
    parser.add_argument(
        "--backbones", type=Path, metavar="FOLDER", help="print what a folder of models holds and exit"
    )
    parser.add_argument(
        "--offload", help="none, model or group: where a large model's weights wait (default: by memory)"
    )
    parser.add_argument(
        "--adopt", metavar="NAME", help="make a folder (-o) of a published checkpoint on Wan and its base"
    )
    parser.add_argument(
        "--weights", type=Path, nargs="+", default=[], help="with --adopt: the file or files of its weights"
    )
    parser.add_argument("--plan", action="store_true", help="print tokens, seconds and memory, and make nothing")
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of a story file and exit")
    return parser


def _make(options: argparse.Namespace) -> None:
    """What can be checked is checked before the model is loaded, and the file appears only when it is whole."""
    output = _writable(options.output)
    story, settings = _checked(options)

    import torch
    from tqdm import tqdm

    import engine
    from engine.plan import advice, attention
    from engine.video import write_mp4

    backbone = engine.load(options.backbone, offload=options.offload)
    scene = story.scene()
    _say(attention(backbone), OK)
    if words := advice(backbone, story.method):
        _say(words, OK)
    total = len(scene.shots) * (story.steps + 1)
    with tqdm(total=total, unit="step", file=sys.stderr, desc=f"{len(scene.shots)} shots", leave=False) as bar:
        for event in engine.generate(scene, backbone, previews=False, **settings):
            match event:
                case engine.Progress():
                    bar.update(len(event.shots))
                case engine.Finished():
                    takes, seconds = event.takes, event.seconds
    film = torch.cat([take.frames for take in takes])
    record = {"story": story.model_dump(), "takes": [take.made_by for take in takes]}
    write_mp4(output, film, fps=backbone.fps, record=record)
    _say(f"{output}: {len(takes)} shots, {len(film)} frames, made in {seconds:.1f} s", OK)


def _plan(options: argparse.Namespace) -> None:
    """Every round's tokens, then seconds and memory of the whole; a few passes are timed for it."""
    story, settings = _checked(options)

    import engine
    from engine.plan import plan

    backbone = engine.load(options.backbone, offload=options.offload)
    found = plan(story.scene(), backbone, previews=False, **settings)
    lines = [f"{backbone.name} on {backbone.runtime.device}: {backbone.runtime.reason}"]
    lines += [backbone.runtime.waiting] * bool(backbone.runtime.waiting)
    lines.append(found.attention)
    for part in found.rounds:
        shots = ", ".join(str(k + 1) for k in part.shots)
        lines.append(f"shots {shots}: {part.tokens} tokens, {story.steps} steps of {len(part.passes)} passes")
        lines += [f"  {_named(shot)} {kind}: {tokens}" for shot, kind, tokens in part.blocks]
    lines.append(f"about {found.seconds:.1f} s, and {found.peak / 2**20:.0f} MiB of memory beside the model")
    sys.stdout.write("\n".join([*lines, *found.warnings]) + "\n")


def _named(shot: int) -> str:
    return "scene" if shot < 0 else f"shot {shot + 1}"


def _adopt(options: argparse.Namespace) -> None:
    """The base model is --backbone."""
    from engine.backbones import adopt

    if options.output is None:
        raise ValueError("no output; say with -o where the new folder goes")
    made = adopt(options.adopt, options.weights, base=options.backbone, to=options.output)
    _say(f"{made}: ready, its own method is {options.adopt}", OK)


def _list(folder: Path) -> None:
    """Every backbone with its size, and what it makes of each method."""
    import engine

    for entry in engine.list_backbones(folder):
        if entry.problem:
            sys.stdout.write(f"{entry.title}\n  can't be used: {entry.problem}\n")
            continue
        height, width = entry.size
        disk, memory = (f"{size / 2**30:.1f} GiB" for size in (entry.bytes, entry.memory))
        lines = [f"{entry.title}: {entry.model}, {width} x {height} at {entry.fps} frames a second"]
        lines += [f"  {disk} on disk, {memory} in memory, contexts of {entry.window} tokens"]
        lines += [f"  {able.method}: {able.advice or 'as it is'}" for able in entry.abilities]
        sys.stdout.write("\n".join(lines) + "\n")


def _checked(options: argparse.Namespace) -> tuple[Story, dict[str, Any]]:
    """The story and the settings of ``generate``; what the backbone can't make is refused before weights are read."""
    story = _story(options)

    from engine.backbones import sizes
    from engine.catalogue import ability
    from engine.outline import check_window
    from engine.settings import Settings, check

    known = sizes(options.backbone)
    story, settings = _settings(story, known)
    asked = Settings(**settings).filled(known)
    check(story.scene(), known, asked)
    able = ability(options.backbone, story.method)
    if not able.runs:
        raise ValueError(able.advice)
    if not options.plan:
        check_window(story.scene(), known, asked)
    return story, settings


def _settings(story: Story, backbone: Sizes) -> tuple[Story, dict[str, Any]]:
    """The story with the backbone's own values for what it left open, and the settings of ``generate``."""
    chosen = {"steps": story.steps, "guidance": story.guidance}
    chosen = {name: getattr(backbone, name) if value is None else value for name, value in chosen.items()}
    sides = dict(zip(("height", "width"), backbone.size, strict=True))
    left = {name: value for name, value in sides.items() if name not in story.model_fields_set}
    return story.model_copy(update=chosen | left), {"method": story.method, "seed": story.seed, **chosen}


def _story(options: argparse.Namespace) -> Story:
    from engine.story import check_story, read_story

    if (options.file is None) == (options.story is None):
        raise ValueError("give a story file or --story, one of the two; see python -m engine --help")
    if options.file is not None:
        if options.shots is not None:
            raise ValueError("--shots goes with --story; a story file lists its own shots")
        data = read_story(options.file).model_dump(mode="json", exclude_unset=True)
    else:
        from engine.splitter import split

        board = split(options.story, 4 if options.shots is None else options.shots)
        data = {"prompt": board.prompt, "shots": [{"prompt": prompt} for prompt in board.shots]}
    chosen = {name: getattr(options, name) for name in CHOSEN}
    return check_story(data | {name: value for name, value in chosen.items() if value is not None})


def _writable(output: Path | None) -> Path:
    if output is None:
        raise ValueError("no output; say where the film goes with -o film.mp4")
    if output.suffix.lower() != ".mp4":
        raise ValueError(f"output is {output}; films are MP4, so name it {output.with_suffix('.mp4')}")
    if output.is_dir():
        raise ValueError(f"output is {output}, which is a folder; name a file in it, {output / 'film.mp4'}")
    if not output.parent.is_dir():
        raise ValueError(f"output is {output}; the folder {output.parent} does not exist")
    try:
        tempfile.TemporaryFile(dir=output.parent).close()
    except OSError as error:
        raise ValueError(f"output is {output}; its folder can't be written to ({error.strerror})") from None
    return output


def _say(message: object, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code

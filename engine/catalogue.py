"""The backbones of a folder of models, and what each can do: read from their files, nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.backbones import INDEX, POCKET, model_folder
from engine.backbones.folders import check_parts, weights_of
from engine.backbones.kinds import Kind, kind_of
from engine.backbones.sizing import PipelineSizes
from engine.backbones.sizing import PocketSizes as Pocket
from engine.methods import GENERAL, METHODS
from engine.runtime import choose_runtime


@dataclass(frozen=True, kw_only=True)
class Ability:
    """What a backbone makes of a method. ``advice``: what is lacking and what training it would take; None as it is.

    runs: whether the method can be asked for at all.
    """

    method: str
    runs: bool
    advice: str | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A backbone that ``load`` takes by its ``name``.

    bytes: of its weights on disk. memory: bytes of its weights once loaded here; part: of the largest part, all that
    must fit at a time when parts wait outside (``offload``). size: height and width of its films in pixels.
    problem: why it can't be loaded, in a sentence; all else is then empty.
    """

    name: str
    title: str
    model: str = ""
    bytes: int = 0
    memory: int = 0
    part: int = 0
    window: int = 0
    fps: int = 0
    size: tuple[int, int] = (0, 0)
    abilities: tuple[Ability, ...] = ()
    problem: str | None = None


def list_backbones(folder: str | Path | None = None) -> list[Entry]:
    """The pocket model, then every pipeline in the folder (or the folder itself), by name.

    ValueError when the folder does not exist. A pipeline that can't be loaded is listed with its problem.
    """
    found = [_pocket()]
    if folder is not None:
        top = Path(folder)
        if not top.is_dir():
            raise ValueError(f"models folder is {top}; there is no such folder, so make it or name another")
        inside = [top] if (top / INDEX).is_file() else sorted(p for p in top.iterdir() if (p / INDEX).is_file())
        found += [_entry(pipeline) for pipeline in inside]
    return found


def _entry(folder: Path) -> Entry:
    try:
        kind = kind_of(folder)
        check_parts(folder, kind.parts_of(folder))
        sizes = PipelineSizes(kind, folder)
        size_on_disk, memory, part = kind.weigh(folder, choose_runtime().dtype)
        able = [_ability(name, kind.wanting(name, METHODS[name].tuning, folder)) for name in _asked(kind, folder)]
        return Entry(
            name=str(folder),
            title=folder.name,
            model=kind.name,
            bytes=size_on_disk,
            memory=memory,
            part=part,
            window=sizes.window,
            fps=sizes.fps,
            size=sizes.size,
            abilities=tuple(able),
        )
    except ValueError as error:
        return Entry(name=str(folder), title=folder.name, problem=str(error))


def _asked(kind: type[Kind], folder: Path) -> list[str]:
    """Methods for any backbone, and those that this folder's weights were published for."""
    own = [name for name in METHODS if name not in GENERAL and kind.wanting(name, METHODS[name].tuning, folder)[0]]
    return [*GENERAL, *own]


def ability(name: str, method: str) -> Ability:
    """What a backbone makes of one method."""
    folder = model_folder(name)
    if not (folder / INDEX).is_file():
        return _pocket_ability(method, folder)
    return _ability(method, kind_of(folder).wanting(method, METHODS[method].tuning, folder))


def _pocket_ability(method: str, folder: Path) -> Ability:
    tuning = METHODS[method].tuning
    there = tuning is None or (folder / tuning).is_dir()
    return _ability(method, (there, None if there else f"the pocket model has no weights for {method}"))


def _ability(method: str, found: tuple[bool, str | None]) -> Ability:
    return Ability(method=method, runs=found[0], advice=found[1])


def _pocket() -> Entry:
    """Read like the others."""
    sizes = [weights_of(part.parent) for part in POCKET.glob("*/config.json")]
    size, count = (sum(column) for column in zip(*sizes, strict=True))
    able = [_pocket_ability(name, POCKET) for name in GENERAL]
    memory = count * choose_runtime().dtype.itemsize
    shape = {"fps": Pocket.fps, "size": Pocket.size, "window": Pocket.window}
    common = {"bytes": size, "memory": memory, "part": memory, "abilities": tuple(able)}
    return Entry(name="pocket", title="pocket", model="pocket", **shape, **common)

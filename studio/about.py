"""What the studio runs on and keeps: the machine, the models, the splitter, the disk; and what of it can be let go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from engine import device, free_memory, kept_prompts
from studio.settings import Settings
from studio.shelf import Shelf
from studio.store import Store

EXECUTORS = {
    "local": "a process of its own, so that a film goes on when this page is closed",
    "inline": "this page's own call, as a machine with a shared GPU asks for",
    "ray": "the workers of a Ray cluster",
}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A backbone that projects may choose. bytes: on disk; memory: once loaded. methods: that it can do as it is."""

    title: str
    bytes: int
    memory: int
    size: tuple[int, int]
    fps: int
    methods: tuple[str, ...]
    problem: str


@dataclass(frozen=True, kw_only=True)
class About:
    """memory, disk: bytes that are free; None where nobody knows. splitter: who splits stories, in words.

    kept, exports, prompts: bytes of the projects' media, of what was exported, of encoded prompts.
    home: "" where strangers look.
    """

    device: str
    reason: str
    memory: int | None
    makers: str
    splitter: str
    tried: bool
    leaves: str
    home: str
    kept: int
    exports: int
    prompts: int
    disk: int
    guarded: str
    mcp: bool


def about(settings: Settings, store: Store, exports: Path) -> About:
    """As it is now."""
    kind, number, reason = device()
    told, tried, leaves = splitter(settings)
    return About(
        device=f"{kind}, {number}",
        reason=reason,
        memory=free_memory(),
        makers=EXECUTORS[settings.executor],
        splitter=told,
        tried=tried,
        leaves=leaves,
        home="" if settings.public else str(settings.home),
        kept=_weight(store.media.folder),
        exports=_weight(exports),
        prompts=kept_prompts(),
        disk=shutil.disk_usage(store.home).free,
        guarded=_guarded(settings),
        mcp=settings.mcp,
    )


def models(shelf: Shelf) -> tuple[Model, ...]:
    """All that a project can choose, the pocket model first."""
    try:
        entries = shelf.entries()
    except ValueError as error:  # the folder of models is gone
        return (Model(title="", bytes=0, memory=0, size=(0, 0), fps=0, methods=(), problem=str(error)),)
    return tuple(
        Model(
            **{name: getattr(one, name) for name in ("title", "bytes", "memory", "size", "fps")},
            methods=tuple(way.method for way in one.abilities if way.runs),
            problem=one.problem or "",
        )
        for one in entries
    )


def splitter(settings: Settings) -> tuple[str, bool, str]:
    """Who splits stories, whether that can be tried, and what of a story leaves this machine."""
    if settings.llm_base_url:
        host = urlsplit(settings.llm_base_url).hostname or "?"
        key = "with a key" if settings.llm_api_key.get_secret_value() else "without a key"
        what = "What is split or written anew (the story, its scene with all shots, your wish)"
        leaves = f"{what} is sent to {host}, and nothing else is sent anywhere."
        return f"{settings.llm_model} at {host}, {key}", True, leaves
    nothing = f"Nothing leaves {'the machine that serves this page' if settings.public else 'this machine'}."
    if settings.llm_local:
        return f"{Path(settings.llm_local).name}, on this machine", True, nothing
    return "Rules, which need nothing and read English", False, nothing


def _guarded(settings: Settings) -> str:
    if settings.logins:
        return "Whoever has a name and a password may come in."
    if settings.public:
        return "Anybody may come in; each reaches only their own work."
    return "Only this machine can open this page."


def _weight(folder: Path) -> int:
    """Bytes of all files in a folder; one that goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total

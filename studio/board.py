"""Edits of a board: each takes a project and gives the changed one. Pages and programs ask for them by name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, validate_call

from engine import MAX_SHOTS
from studio.bible import short_name, take_apart
from studio.drafts import Draft
from studio.models import SCENE, Entry, Finish, Options, Project, Reference, Removed, SceneInfo, ShotInfo

SHOT_FIELDS = {"prompt", "said", "frames", "cut", "seed", "see", "noises", "locked", "fade"}
MAKING = SHOT_FIELDS - {"said", "locked", "fade"}  # what the next take would be made of; a locked shot keeps it
SCENE_FIELDS = {"title", "story", "summary", "cast", "setting", "making"}
T = TypeVar("T", bound=BaseModel)


def rename(project: Project, *, name: str) -> Project:
    return checked(Project, project, name=name)


def set_options(project: Project, **options: Any) -> Project:
    """method, group, seed, steps, guidance, backbone, offload; those not named stay."""
    return checked(Project, project, options=checked(Options, project.options, **options))


def set_finish(project: Project, **fields: Any) -> Project:
    """title, credits, sound (a media file), sound_name, aspect."""
    return checked(Project, project, finish=checked(Finish, project.finish, **fields))


def add_scene(project: Project, *, before: str | None = None) -> Project:
    """An empty scene, before another one or last."""
    scenes = list(project.scenes)
    place = scenes.index(project.scene(before)) if before else len(scenes)
    scenes.insert(place, SceneInfo(id=_new()))
    return checked(Project, project, scenes=scenes)


def set_scene(project: Project, *, scene: str, **fields: Any) -> Project:
    """title, story, summary, cast (entries in order), setting (an entry), making (method, group)."""
    _known("scene", fields, SCENE_FIELDS)
    changed = checked(SceneInfo, project.scene(scene), **fields)
    kinds = {entry.id: entry.kind for entry in project.bible}
    wanted = [(key, "character") for key in changed.cast] + [(key, "place") for key in (changed.setting,) if key]
    for key, kind in wanted:
        if kinds.get(key) != kind:
            raise ValueError(f"{kind} is {key[:40]!r}; the bible has no such {kind}")
    return _with_scene(project, changed)


def move_scene(project: Project, *, scene: str, place: int) -> Project:
    """Put a scene at a place of the film, from 0."""
    moved = project.scene(scene)
    scenes = [one for one in project.scenes if one.id != scene]
    scenes.insert(max(0, min(place, len(scenes))), moved)
    return checked(Project, project, scenes=scenes)


def drop_words(project: Project, *, scene: str, words: Sequence[str]) -> Project:
    """Take words out of what a scene's shots say; locked ones keep theirs."""
    home, known = project.scene(scene), "|".join(re.escape(word) for word in words)
    pattern = re.compile(rf"\s*\b(?:{known})\b", re.IGNORECASE)
    if not words:
        return project
    shots = [
        one if one.locked else checked(ShotInfo, one, prompt=pattern.sub("", one.prompt).strip()) for one in home.shots
    ]
    return _with_scene(project, _with_shots(home, shots))


def drop_scene(project: Project, *, scene: str) -> Project:
    """Take a scene off the board; undo brings it back with all its takes."""
    gone = project.scene(scene)
    _unlocked(project, gone.shots)
    return checked(Project, project, scenes=[one for one in project.scenes if one != gone])


def add_shot(project: Project, *, scene: str, place: int | None = None, prompt: str = "") -> Project:
    """A new shot in a scene, at a place in it or last."""
    home = project.scene(scene)
    shots = list(home.shots)
    shots.insert(len(shots) if place is None else place, checked(ShotInfo, None, id=_new(), prompt=prompt))
    return _with_scene(project, _with_shots(home, shots))


def set_shot(project: Project, *, shot: str, **fields: Any) -> Project:
    """prompt, said, frames, cut, seed, see (shots and references), noises (t_c of those), locked, fade (seconds)."""
    _known("shot", fields, SHOT_FIELDS)
    home, old = project.scene_of(shot), project.shot(shot)
    changed = checked(ShotInfo, old, **fields)
    if old.locked and changed.locked and any(getattr(changed, name) != getattr(old, name) for name in MAKING):
        raise ValueError(f"shot {project.slates[shot]} is locked; unlock it to change it")
    check_picks(project, shot, [key for key in changed.see or () if key not in (old.see or ())])
    if len(changed.see or ()) > MAX_SHOTS - 1:
        raise ValueError(
            f"see has {len(changed.see)} picks; a shot looks at {MAX_SHOTS - 1} at most, so take some off"
        )
    return _with_scene(project, _with_shots(home, [changed if one.id == shot else one for one in home.shots]))


def set_shots(project: Project, *, shots: Sequence[str], **fields: Any) -> Project:
    """The same change for several shots."""
    for shot in shots:
        project = set_shot(project, shot=shot, **fields)
    return project


def move_shots(project: Project, *, shots: Sequence[str], scene: str, place: int) -> Project:
    """Put shots, in the order given, at a place of a scene (counted without them)."""
    moved = [project.shot(shot) for shot in shots]
    kept = {one.id: [s for s in one.shots if s.id not in shots] for one in project.scenes}
    project.scene(scene)
    kept[scene][place:place] = moved
    return checked(Project, project, scenes=[_with_shots(one, kept[one.id]) for one in project.scenes])


def drop_shots(project: Project, *, shots: Sequence[str]) -> Project:
    """Take shots off the board; undo brings them back with all their takes."""
    _unlocked(project, [project.shot(shot) for shot in shots])
    scenes = [_with_shots(one, [s for s in one.shots if s.id not in shots]) for one in project.scenes]
    return checked(Project, project, scenes=scenes)


def add_entry(project: Project, *, kind: str, text: str, name: str = "") -> Project:
    """A character, place or look for the bible."""
    entry = checked(Entry, None, id=_new(), kind=kind, name=name or short_name(text), text=text)
    return checked(Project, project, bible=(*project.bible, entry))


def set_entry(project: Project, *, entry: str, **fields: Any) -> Project:
    """name, text."""
    _known("entry", fields, {"name", "text"})
    found = {one.id: one for one in project.bible}
    if entry not in found:
        raise ValueError(f"entry is {entry[:40]!r}; it is not in the bible any more")
    found[entry] = checked(Entry, found[entry], **fields)
    return checked(Project, project, bible=tuple(found.values()))


def drop_entry(project: Project, *, entry: str) -> Project:
    """Take an entry out of the bible and out of every scene."""
    scenes = []
    for one in project.scenes:
        setting = "" if one.setting == entry else one.setting
        scenes.append(checked(SceneInfo, one, cast=[key for key in one.cast if key != entry], setting=setting))
    bible = tuple(one for one in project.bible if one.id != entry)
    references = [one.model_copy(update={"entry": ""}) if one.entry == entry else one for one in project.references]
    return checked(Project, project, bible=bible, scenes=scenes, references=references)


def add_reference(project: Project, reference: Reference, *, shots: Sequence[str] = ()) -> Project:
    """A new thing to look at, and shots that do; not by name, for only the pool knows which files are its own."""
    _entry(project, reference.entry)
    added = checked(Project, project, references=(*project.references, reference))
    return use_reference(added, reference=reference.id, shots=shots)


def set_reference(project: Project, *, reference: str, **fields: Any) -> Project:
    """name, prompt (what it shows), entry (of the bible, that it shows)."""
    _known("reference", fields, {"name", "prompt", "entry"})
    changed = checked(Reference, project.reference(reference), **fields)
    _entry(project, changed.entry)
    return checked(
        Project, project, references=[changed if one.id == reference else one for one in project.references]
    )


def use_reference(project: Project, *, reference: str, shots: Sequence[str]) -> Project:
    """Shots look at a reference beside what they look at already; locked ones stay as they are."""
    project.reference(reference)
    for shot in shots:
        picks = project.shot(shot).see
        see = (SCENE,) if picks is None else picks
        if reference not in see and not project.shot(shot).locked:
            project = set_shot(project, shot=shot, see=(*see, reference))
    return project


def drop_reference(project: Project, *, reference: str) -> Project:
    """Take it out of the pool; undo brings it back. Shots that picked it look at the rest of their picks."""
    gone = project.reference(reference)
    return checked(Project, project, references=[one for one in project.references if one != gone])


def continue_shot(project: Project, *, shot: str) -> Project:
    """A new shot after this one that goes on from it without a cut."""
    home, old = project.scene_of(shot), project.shot(shot)
    place = [one.id for one in home.shots].index(shot) + 1
    shots = list(home.shots)
    shots.insert(place, checked(ShotInfo, None, id=_new(), prompt=old.prompt, frames=old.frames, cut=False))
    return _with_scene(project, _with_shots(home, shots))


def copy_settings(project: Project, *, shot: str, to: Sequence[str]) -> Project:
    """Length, the seed of the chosen take, and what it looks at, for other shots; their words stay."""
    old = project.shot(shot)
    seed = old.take.seed if old.take and not old.take.file else old.seed
    for other in to:
        see = None if old.see is None else tuple(key for key in old.see if key != other)
        project = set_shot(project, shot=other, frames=old.frames, seed=seed, see=see, noises=old.noises)
    return project


EDITS: dict[str, Callable[..., Project]] = {
    edit.__name__: validate_call(edit)
    for edit in (
        *(rename, set_options, set_finish, add_scene, set_scene, move_scene, drop_scene),
        *(add_shot, set_shot, set_shots, move_shots, drop_shots, drop_words, add_entry, set_entry, drop_entry),
        *(set_reference, use_reference, drop_reference, continue_shot, copy_settings),
    )
}


def apply(project: Project, name: str, values: dict[str, Any]) -> Project:
    """Do an edit by its name; ValueError, in one sentence, for one that can't be done."""
    if name not in EDITS:
        raise ValueError(f"edit is {str(name)[:40]!r}; it is one of {', '.join(EDITS)}")
    try:
        return EDITS[name](project, **values)
    except ValidationError as error:
        first = error.errors()[0]
        what = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name} was asked for in a wrong way: {what}: {first['msg'].lower()}") from None


def bring_back(project: Project, trash: Sequence[Removed], keys: Sequence[str]) -> Project:
    """Shots and scenes out of the trash, by id, to where they were; a shot's scene comes back with it.

    Not by name, for only the store knows what lies in the trash.
    """
    known = {key for one in trash for key in (one.scene.id, *(shot.id for shot in one.shots))}
    for key in keys:
        if key not in known:
            raise ValueError(f"shot or scene is {key[:40]!r}; it is not in the trash any more")
    for one in trash:
        found = [(place, shot) for place, shot in zip(one.places, one.shots, strict=True) if shot.id in keys]
        if found or one.scene.id in keys:
            project = _put_back(_scene_back(project, one), one.scene.id, found)
    return project


def _scene_back(project: Project, one: Removed) -> Project:
    """The project with a scene that may be off the board, and with the entries that it reads."""
    if any(scene.id == one.scene.id for scene in project.scenes):
        return project
    bible = {entry.id: entry for entry in (*project.bible, *one.lost)}
    cast = [key for key in one.scene.cast if key in bible]
    setting = one.scene.setting if one.scene.setting in bible else ""
    scenes = list(project.scenes)
    scenes.insert(one.place, checked(SceneInfo, one.scene, cast=cast, setting=setting))
    return checked(Project, project, bible=tuple(bible.values()), scenes=scenes)


def _put_back(project: Project, scene: str, found: Sequence[tuple[int, ShotInfo]]) -> Project:
    """Shots at their places in a scene; those for which it has no room come after it, in scenes with its words."""
    home = project.scene(scene)
    shots, room = list(home.shots), MAX_SHOTS - len(home.shots)
    for place, shot in found[:room]:
        shots.insert(place, shot)
    project = _with_scene(project, _with_shots(home, shots))
    words = {"cast": home.cast, "setting": home.setting, "summary": home.summary}
    for start in range(room, len(found), MAX_SHOTS):
        project, scene = _scene_after(project, scene)
        more = [shot for _, shot in found[start : start + MAX_SHOTS]]
        project = _with_scene(project, checked(SceneInfo, project.scene(scene), **words, shots=more))
    return project


def check_picks(project: Project, shot: str, picks: Sequence[str]) -> None:
    """ValueError when a shot can't look at something."""
    for key in picks:
        if key == shot:
            raise ValueError(f"shot {project.slates[key]} can't remember itself; choose 'continue' for a longer one")
        if key != SCENE and project.shown(key) is None:
            slate = project.slates[project.shot(key).id]
            raise ValueError(f"shot {slate} has no take yet, so it can't be remembered; make it first")


def accept(project: Project, scene: str, draft: Draft, *, keep: bool = False) -> Project:
    """A draft as a scene, and the rest of it as new scenes after that one.

    Cast and place go to the bible, where what is known already is used again.
    keep: the shots are the same ones written anew, with their takes.
    """
    old = project.scene(scene)
    if not keep:
        _unlocked(project, old.shots)
    for number, one in enumerate((draft, *draft.rest)):
        project, scene = _scene_after(project, scene) if number else (project, scene)
        project, scene = _filled(project, scene, one, keep=keep)
    used = {key for one in project.scenes for key in (*one.cast, one.setting)}
    once = {*old.cast, old.setting}  # what only the old shots needed goes with them, unless a hand has named it
    bible = tuple(
        one for one in project.bible if one.id in used or one.id not in once or one.name != short_name(one.text)
    )
    told = draft.options.model_dump(exclude_unset=True) if draft.options else {}
    return checked(Project, project, bible=bible, options=checked(Options, project.options, **told))


def _filled(project: Project, scene: str, draft: Draft, *, keep: bool) -> tuple[Project, str]:
    """A scene with a draft's shots; what does not fit goes on in new scenes, which share its words. And the last.

    A shot that was locked meanwhile stays as it is.
    """
    told = (vars(shot) for shot in draft.shots if shot is not None)
    written = [{name: value for name, value in words.items() if value is not None} for words in told]
    if draft.said:  # else a shot that is written anew keeps its subtitle
        written = [words | {"said": said} for words, said in zip(written, draft.said, strict=True)]
    first = project.scene(scene).model_dump(include={"cast", "setting", "summary"})
    project, fields = (project, first) if keep else _entered(project, draft)
    for start in range(0, len(written), MAX_SHOTS):
        project, scene = _scene_after(project, scene) if start else (project, scene)
        home, part = project.scene(scene), written[start : start + MAX_SHOTS]
        same = home.shots if keep and not start else ()
        shots = [_reworded(same[k] if k < len(same) else None, words) for k, words in enumerate(part)]
        project = _with_scene(project, checked(SceneInfo, home, **fields, shots=shots))
    return project, scene


def _reworded(shot: ShotInfo | None, words: Mapping[str, Any]) -> ShotInfo:
    return shot if shot and shot.locked else checked(ShotInfo, shot or _blank(), **words)


def _scene_after(project: Project, scene: str) -> tuple[Project, str]:
    """An empty scene behind another one, and its id."""
    place = project.scenes.index(project.scene(scene)) + 1
    new = SceneInfo(id=_new())
    return checked(Project, project, scenes=[*project.scenes[:place], new, *project.scenes[place:]]), new.id


def _entered(project: Project, draft: Draft) -> tuple[Project, dict[str, Any]]:
    """The project with a draft's cast and place in its bible, and what its scene then holds."""
    parts, bible = take_apart(draft.prompt), list(project.bible)

    def entry(kind: str, text: str) -> str:
        told, name = text.casefold(), text.strip(" .").casefold()  # who is only named looks as told before
        alike = (one for one in bible if one.kind == kind)
        same = (one.id for one in alike if told == one.text.casefold() or name == one.name.casefold())
        found = next(same, None)
        if found is None:
            found = _new()
            bible.append(checked(Entry, None, id=found, kind=kind, name=short_name(text), text=text))
        return found

    cast = tuple(entry("character", text) for text in parts.characters)
    setting = entry("place", parts.environment) if parts.environment else ""
    title = {"title": draft.title[:120]} if draft.title else {}
    fields = {"story": draft.story, "summary": parts.story, "cast": cast, "setting": setting} | title
    return checked(Project, project, bible=bible), fields


def _blank() -> ShotInfo:
    return ShotInfo(id=_new())


def checked(model: type[T], old: T | None, /, **values: Any) -> T:
    """A value, or an old one with changes; ValueError says in one sentence what is wrong."""
    try:
        return model(**(dict(old) if old is not None else {}) | values)
    except ValidationError as error:
        from engine.story import wrong

        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or model.__name__.lower()
        if first["type"] == "extra_forbidden":
            raise ValueError(f"{name[:40]!r} is no known field; it has {', '.join(model.model_fields)}") from None
        if name == "shots" and first["type"] == "too_long":
            message = f"shots is {len(values['shots'])} in one scene; a scene holds 1 to {MAX_SHOTS}, so begin another"
            raise ValueError(message) from None
        raise ValueError(wrong(name, first)) from None


def _with_scene(project: Project, scene: SceneInfo) -> Project:
    scenes = tuple(scene if one.id == scene.id else one for one in project.scenes)
    return project.model_copy(update={"scenes": scenes})


def _with_shots(scene: SceneInfo, shots: Sequence[ShotInfo]) -> SceneInfo:
    return checked(SceneInfo, scene, shots=tuple(shots))


def _known(what: str, fields: dict[str, Any], names: set[str]) -> None:
    for name in fields:
        if name not in names:
            raise ValueError(f"{what} has no {name[:40]!r}; it has {', '.join(sorted(names))}")


def _entry(project: Project, entry: str) -> None:
    if entry and all(one.id != entry for one in project.bible):
        raise ValueError(f"entry is {entry[:40]!r}; it is not in the bible any more")


def _unlocked(project: Project, shots: Sequence[ShotInfo]) -> None:
    for shot in shots:
        if shot.locked:
            raise ValueError(f"shot {project.slates[shot.id]} is locked; unlock it first")


def _new() -> str:
    return uuid.uuid4().hex

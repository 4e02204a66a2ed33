"""A board as rows, and back: one small dictionary for each thing that an edit can change. Undo keeps what differs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from studio.models import Entry, Making, Project, Reference, SceneInfo, ShotInfo, TakeInfo

Rows = dict[str, dict[str, Any]]
"""Values by "table id"."""
Changes = dict[str, dict[str, Any] | None]
"""Rows as they shall be; None for those that go."""
TAKE = "take.id AS take, take.seed AS take_seed, video, poster, latents, job, saw, file"
ORDER = ("project", "entry", "reference", "scene", "shot", "note")  # a shot's scene is written before it


def rows(project: Project, *, beside: Project | None = None) -> Rows:
    """Everything that a creator can edit in a project; not the scenes that are the very same in ``beside``."""
    same = {id(scene) for scene in beside.scenes} if beside else set()
    found: Rows = {f"project {project.id}": project.model_dump(include={"name", "options", "finish"})}
    for place, entry in enumerate(project.bible):
        found[f"entry {entry.id}"] = {"place": place} | entry.model_dump(exclude={"id"})
    for place, reference in enumerate(project.references):
        found[f"reference {reference.id}"] = {"place": place} | reference.model_dump(exclude={"id"})
    for place, scene in enumerate(project.scenes):
        found[f"scene {scene.id}"] = {"place": place} | scene.model_dump(exclude={"id", "shots"})
        if id(scene) in same:
            continue
        for number, shot in enumerate(scene.shots):
            found[f"shot {shot.id}"] = {"scene": scene.id, "place": number, **_shot(shot)}
    return found


def _shot(shot: Any) -> dict[str, Any]:  # noqa: ANN401 - a ShotInfo; written by hand, for a thousand of them are read at every edit
    names = ("prompt", "said", "frames", "cut", "seed", "see", "noises", "locked", "fade")
    return {name: getattr(shot, name) for name in names}


def differences(old: Rows, new: Rows) -> Changes:
    """Rows of ``new`` that are not the same in ``old``; None for those that are gone."""
    return {key: new.get(key) for key in old | new if old.get(key) != new.get(key)}


def write(db: sqlite3.Connection, project_id: str, changes: Changes) -> None:
    """Write changed rows. What is gone goes to the trash, and comes back whole when it is written again.

    Things in the trash hold the number of the revision in which they went.
    """
    went = "(SELECT revision + 1 FROM project WHERE id = ?)"
    for key in sorted(changes, key=lambda key: ORDER.index(key.split()[0])):
        (table, identity), values = key.split(), changes[key]
        if values is None:
            db.execute(f"UPDATE {table} SET trashed = {went} WHERE id = ?", (project_id, identity))
            continue
        if table == "note":  # its words never change, so it comes back as it went
            db.execute("UPDATE note SET trashed = 0 WHERE id = ?", (identity,))
            continue
        plain = {name: json.dumps(v) if isinstance(v, dict | list | tuple) else v for name, v in values.items()}
        if table == "project":
            named = ", ".join(f"{name} = :{name}" for name in plain)  # an older edit to undo may lack some
            db.execute(f"UPDATE project SET {named} WHERE id = :id", plain | {"id": identity})
            continue
        names = [f'"{name}"' for name in plain]
        db.execute(
            f"INSERT INTO {table} (id, project, {', '.join(names)}) VALUES ({', '.join('?' * (len(names) + 2))})"
            f" ON CONFLICT (id) DO UPDATE SET trashed = 0, {', '.join(f'{n} = excluded.{n}' for n in names)}",
            (identity, project_id, *plain.values()),
        )


def forget_edits(db: sqlite3.Connection, project_id: str, which: str = "TRUE") -> None:
    """Edits that can't be undone or redone any more; what they touched stays known to refuse stale ones."""
    db.execute(f"UPDATE edit SET undone = 2, state = '{{}}' WHERE project = ? AND {which}", (project_id,))


def fields(changes: Changes, before: Changes) -> list[str]:
    """Names of the single values that a change touches, as "shot ID prompt"; all of a thing that comes or goes."""
    found = []
    for key, new in changes.items():
        old = before[key]
        names = new if old is None else old if new is None else [n for n in new if new[n] != old[n]]
        found += [f"{key} {name}" for name in names]
    return found


def spoken(field: str, project: Project) -> str:
    """A value's name, for a creator's eyes."""
    table, identity, name = field.split()
    if table == "shot":
        slate = project.slates.get(identity)
        return f"the {name} of shot {slate}" if slate else "the shot list"
    names = {
        "project": "the project's settings",
        "entry": "the bible",
        "reference": "the pool",
        "scene": "the scene",
        "note": "the notes",
    }
    return names[table]


def entries(db: sqlite3.Connection, project_id: str, *, trashed: bool = False) -> list[Entry]:
    found = db.execute(
        "SELECT id, kind, name, text FROM entry WHERE project = ? AND (trashed > 0) = ? ORDER BY place",
        (project_id, trashed),
    )
    return [Entry(**dict(row)) for row in found]


def references(db: sqlite3.Connection, project_id: str) -> list[Reference]:
    names = "id, kind, name, prompt, entry, frames, video, poster, latents, origin"
    found = db.execute(
        f"SELECT {names} FROM reference WHERE project = ? AND NOT trashed ORDER BY place", (project_id,)
    )
    return [Reference(**dict(row) | {"origin": json.loads(row["origin"])}) for row in found]


def notes(db: sqlite3.Connection, project_id: str) -> Rows:
    """Remarks on the project's takes: all that an edit can change of one is that it is there."""
    found = db.execute(
        "SELECT note.id FROM note JOIN take ON take.id = note.take JOIN shot ON shot.id = take.shot"
        " WHERE project = ? AND NOT note.trashed",
        (project_id,),
    )
    return {f"note {row['id']}": {} for row in found}


def scenes(db: sqlite3.Connection, project_id: str) -> list[SceneInfo]:
    shots: dict[str, list[ShotInfo]] = {}
    for row in db.execute(
        f"SELECT shot.*, {TAKE} FROM shot LEFT JOIN take ON take.id = shot.take"
        " WHERE project = ? AND NOT trashed ORDER BY place",
        (project_id,),
    ):
        shots.setdefault(row["scene"], []).append(shot_of(row))
    found = db.execute("SELECT * FROM scene WHERE project = ? AND NOT trashed ORDER BY place", (project_id,))
    return [scene_of(row, shots.get(row["id"], ())) for row in found]


def scene_of(row: sqlite3.Row, shots: Sequence[ShotInfo] = ()) -> SceneInfo:
    plain = {name: row[name] for name in ("id", "title", "story", "summary", "setting")}
    cast, making = tuple(json.loads(row["cast"])), Making.model_validate_json(row["making"])
    return SceneInfo(**plain, cast=cast, making=making, shots=tuple(shots))


def shot_of(row: sqlite3.Row) -> ShotInfo:
    plain = {name: row[name] for name in ("id", "prompt", "said", "frames", "cut", "seed", "locked", "fade")}
    see = None if row["see"] is None else tuple(json.loads(row["see"]))
    noises, take = json.loads(row["noises"]), take_of(row) if row["video"] else None
    return ShotInfo(
        **plain, see=see, noises=noises, take=take, approved=take is not None and row["approved"] == take.id
    )


def take_of(row: sqlite3.Row) -> TakeInfo:
    plain = {name: row[name] for name in ("video", "poster", "latents", "job", "file")}
    return TakeInfo(id=row["take"], seed=row["take_seed"], saw=json.loads(row["saw"]), **plain)

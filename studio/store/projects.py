"""Projects, their shots and takes. A creator's edits and a worker's takes never overwrite each other."""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import Any

from studio.models import Options, Project, ShotInfo, TakeInfo
from studio.staleness import stale
from studio.store.archive import Archive, ArchivedTake
from studio.store.database import Database

KEPT_EDITS = 200  # of a project, for undo
TOUCH = "version = version + 1, touched = strftime('%Y-%m-%d %H:%M:%f', 'now')"
TAKE = "take.id AS take, seed, video, poster, latents, job, saw"


class StaleError(ValueError):
    """Someone else saved the project since this edit began."""


class Projects:
    """Reads and writes whole projects; every edit can be undone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self) -> Project:
        project = Project(id=uuid.uuid4().hex)
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO project (id, story, prompt, options, film, version) VALUES (?, '', '', ?, '', 0)",
                (project.id, project.options.model_dump_json()),
            )
        return project

    def latest(self) -> Project | None:
        """The project that was touched last."""
        with self._database.reading() as db:
            row = db.execute("SELECT id FROM project ORDER BY touched DESC LIMIT 1").fetchone()
        return self.get(row["id"]) if row else None

    def get(self, project_id: str) -> Project | None:
        with self._database.reading() as db:
            return _read(db, project_id)

    def save(self, project: Project) -> Project:
        """Write what a creator can edit; ``StaleError`` when ``project.revision`` is no longer the newest.

        Takes and film have their own calls, so an edit never undoes a worker.
        """
        with self._database.transaction() as db:
            kept = _read(db, project.id)
            if kept is None:
                raise ValueError("this project is no longer here; reload the page")
            if kept.revision != project.revision:
                raise StaleError(
                    f"{_difference(project, kept)} changed in another window; reload to see it, then edit again"
                )
            _remember(db, kept)
            _write(db, project)
            return _read(db, project.id)

    def undo(self, project_id: str) -> Project:
        """Take the last edit back; ValueError when there is none."""
        return self._step(project_id, back=True)

    def redo(self, project_id: str) -> Project:
        """Bring back what was undone last."""
        return self._step(project_id, back=False)

    def add_take(self, shot_id: str, take: TakeInfo, made_by: dict[str, Any]) -> None:
        """Record a take and choose it for its shot; the takes before stay."""
        with self._database.transaction() as db:
            write_take(db, shot_id, take, made_by)

    def takes(self, shot_id: str) -> list[TakeInfo]:
        """All takes of a shot, oldest first."""
        with self._database.reading() as db:
            rows = db.execute(f"SELECT {TAKE} FROM take WHERE shot = ? ORDER BY made, rowid", (shot_id,))
            return [_take(row) for row in rows]

    def take(self, take_id: str) -> TakeInfo:
        with self._database.reading() as db:
            row = db.execute(f"SELECT {TAKE} FROM take WHERE id = ?", (take_id,)).fetchone()
        if row is None:
            raise ValueError(f"take is {take_id[:40]!r}; there is no such take")
        return _take(row)

    def choose(self, shot_id: str, take_id: str) -> None:
        """Make another take the one that counts."""
        with self._database.transaction() as db:
            found = db.execute("SELECT 1 FROM take WHERE id = ? AND shot = ?", (take_id, shot_id)).fetchone()
            if found is None:
                raise ValueError(f"take is {take_id[:40]!r}; this shot has no such take")
            db.execute("UPDATE shot SET take = ? WHERE id = ?", (take_id, shot_id))
            _touch(db, shot_id)

    def made_by(self, take_id: str) -> dict[str, Any]:
        """Everything that made a take."""
        with self._database.reading() as db:
            row = db.execute("SELECT made_by FROM take WHERE id = ?", (take_id,)).fetchone()
        if row is None:
            raise ValueError(f"take is {take_id[:40]!r}; there is no such take")
        return json.loads(row["made_by"])

    def archive(self, project_id: str) -> Archive:
        """A project with all takes of its shots."""
        project = self.get(project_id)
        if project is None:
            raise ValueError("this project is no longer here; reload the page")
        takes = [(shot.id, take) for shot in project.shots for take in self.takes(shot.id)]
        kept = (ArchivedTake(shot=shot, take=take, made_by=self.made_by(take.id)) for shot, take in takes)
        return Archive(project=project, takes=tuple(kept))

    def restore(self, archive: Archive) -> Project:
        """An archive as a new project beside all others; its shots, takes and jobs get names of their own."""
        project = self.create()
        renamed = {shot.id: uuid.uuid4().hex for shot in archive.project.shots}
        takes = {entry.take.id: uuid.uuid4().hex for entry in archive.takes}
        shots = [shot.model_copy(update={"id": renamed[shot.id], "take": None}) for shot in archive.project.shots]
        filled = archive.project.model_copy(update={"id": project.id, "shots": tuple(shots)})
        with self._database.transaction() as db:
            _write(db, filled)
            for entry in archive.takes:
                if entry.shot in renamed:
                    saw = {renamed.get(s, s): takes.get(t, t) for s, t in entry.take.saw.items()}
                    take = entry.take.model_copy(update={"id": takes[entry.take.id], "saw": saw})
                    write_take(db, renamed[entry.shot], take, entry.made_by)
            for shot in archive.project.shots:
                if shot.take is not None and shot.take.id in takes:
                    db.execute("UPDATE shot SET take = ? WHERE id = ?", (takes[shot.take.id], renamed[shot.id]))
            db.execute("UPDATE project SET film = ? WHERE id = ?", (archive.project.film, project.id))
        return self.get(project.id)

    def set_film(self, project_id: str, film: str) -> None:
        with self._database.transaction() as db:
            db.execute(f"UPDATE project SET film = ?, {TOUCH} WHERE id = ?", (film, project_id))

    def _step(self, project_id: str, *, back: bool) -> Project:
        """Swap the present state with the one before it (undo) or after it (redo)."""
        with self._database.transaction() as db:
            present = _read(db, project_id)
            order = "DESC" if back else "ASC"
            row = db.execute(
                f"SELECT number, state FROM edit WHERE project = ? AND undone = ? ORDER BY number {order} LIMIT 1",
                (project_id, 0 if back else 1),
            ).fetchone()
            if present is None or row is None:
                raise ValueError(f"there is nothing to {'undo' if back else 'redo'}")
            state = json.dumps(_state(present))
            db.execute(
                "UPDATE edit SET state = ?, undone = ? WHERE project = ? AND number = ?",
                (state, 1 if back else 0, project_id, row["number"]),
            )
            _write(db, Project(**{**dict(present), **json.loads(row["state"])}))
            return _read(db, project_id)


def write_take(db: sqlite3.Connection, shot_id: str, take: TakeInfo, made_by: dict[str, Any]) -> None:
    """Inside a transaction: record a take and choose it for its shot, if the shot is still there."""
    row = take.model_dump() | {"shot": shot_id, "saw": json.dumps(take.saw), "made_by": json.dumps(made_by)}
    db.execute(
        "INSERT INTO take (id, shot, seed, video, poster, latents, job, saw, made_by)"
        " VALUES (:id, :shot, :seed, :video, :poster, :latents, :job, :saw, :made_by)",
        row,
    )
    db.execute("UPDATE shot SET take = ? WHERE id = ?", (take.id, shot_id))
    _touch(db, shot_id)


def _touch(db: sqlite3.Connection, shot_id: str) -> None:
    db.execute(f"UPDATE project SET {TOUCH} WHERE id = (SELECT project FROM shot WHERE id = ?)", (shot_id,))


def _read(db: sqlite3.Connection, project_id: str) -> Project | None:
    row = db.execute("SELECT * FROM project WHERE id = ?", (project_id,)).fetchone()
    if row is None:
        return None
    shots = db.execute(
        f"SELECT shot.id, prompt, frames, cut, made_by, {TAKE} FROM shot"
        " LEFT JOIN take ON take.id = shot.take WHERE project = ? ORDER BY place",
        (project_id,),
    ).fetchall()
    infos = [_shot(shot) for shot in shots]
    made_by = [json.loads(shot["made_by"] or "{}") for shot in shots]
    return Project(
        **{name: row[name] for name in ("id", "name", "story", "prompt", "film", "version", "revision")},
        options=Options.model_validate_json(row["options"]),
        shots=tuple(
            info.model_copy(update={"stale": stale(info, words, row["prompt"], infos)})
            for info, words in zip(infos, made_by, strict=True)
        ),
    )


def _write(db: sqlite3.Connection, project: Project) -> None:
    """What a creator edits. A shot that comes back (undo) finds its newest take again."""
    db.execute(
        "UPDATE project SET name = ?, story = ?, prompt = ?, options = ?, revision = revision + 1,"
        f" {TOUCH} WHERE id = ?",
        (project.name, project.story, project.prompt, project.options.model_dump_json(), project.id),
    )
    keys = json.dumps([shot.id for shot in project.shots])
    db.execute("DELETE FROM shot WHERE project = ? AND id NOT IN (SELECT value FROM json_each(?))", (project.id, keys))
    db.executemany(
        "INSERT INTO shot (id, project, place, prompt, frames, cut, take) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
        " (SELECT id FROM take WHERE shot = ?1 ORDER BY made DESC, rowid DESC LIMIT 1))"
        " ON CONFLICT (id) DO UPDATE SET place = excluded.place, prompt = excluded.prompt,"
        " frames = excluded.frames, cut = excluded.cut",
        [(s.id, project.id, i, s.prompt, s.frames, s.cut) for i, s in enumerate(project.shots)],
    )


def _remember(db: sqlite3.Connection, project: Project) -> None:
    """Put the state before an edit on the undo list; what was undone can't be redone after a new edit."""
    db.execute("DELETE FROM edit WHERE project = ? AND undone = 1", (project.id,))
    db.execute(
        "INSERT INTO edit (project, number, state) VALUES (?1,"
        " (SELECT coalesce(max(number), 0) + 1 FROM edit WHERE project = ?1), ?2)",
        (project.id, json.dumps(_state(project))),
    )
    db.execute(
        "DELETE FROM edit WHERE project = ?1 AND number <= (SELECT max(number) FROM edit WHERE project = ?1) - ?2",
        (project.id, KEPT_EDITS),
    )


def _state(project: Project) -> dict[str, Any]:
    """What an edit can change."""
    shots = [shot.model_dump(exclude={"take", "stale"}) for shot in project.shots]
    return project.model_dump(include={"name", "story", "prompt", "options"}) | {"shots": shots}


def _difference(edit: Project, kept: Project) -> str:
    """Where a stale edit and the kept project disagree, for the creator's eyes."""
    for name in ("story", "prompt", "options"):
        if getattr(edit, name) != getattr(kept, name):
            return {"story": "the story", "prompt": "what all shots share", "options": "the settings"}[name]
    known = {shot.id: shot for shot in edit.shots}
    for number, shot in enumerate(kept.shots, start=1):
        mine = known.get(shot.id)
        if mine is None or _typed(mine) != _typed(shot):
            return f"shot {number}"
    return "the shot list" if len(edit.shots) != len(kept.shots) else "the project"


def _typed(shot: ShotInfo) -> dict[str, Any]:
    return shot.model_dump(exclude={"take", "stale"})


def _shot(row: sqlite3.Row) -> ShotInfo:
    take = _take(row) if row["take"] else None
    return ShotInfo(id=row["id"], prompt=row["prompt"], frames=row["frames"], cut=bool(row["cut"]), take=take)


def _take(row: sqlite3.Row) -> TakeInfo:
    plain = {name: row[name] for name in ("seed", "video", "poster", "latents", "job")}
    return TakeInfo(id=row["take"], saw=json.loads(row["saw"]), **plain)

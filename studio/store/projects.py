"""Projects, their scenes, shots and takes. A creator's edits and a worker's takes never overwrite each other."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.models import (
    SCENE,
    Finish,
    Note,
    Options,
    Project,
    Reference,
    SceneInfo,
    ShotInfo,
    TakeInfo,
)
from studio.staleness import mark
from studio.store.archive import Archive, ArchivedTake
from studio.store.database import Database
from studio.store.rows import (
    TAKE,
    Changes,
    differences,
    entries,
    fields,
    forget_edits,
    notes,
    references,
    rows,
    scenes,
    spoken,
    take_of,
    write,
)

KEPT_EDITS = 200  # of a project, for undo
CACHED = 8  # projects as they were last read
RECORDS = 20_000  # of takes, kept in memory
TOUCH = "version = version + 1, touched = strftime('%Y-%m-%d %H:%M:%f', 'now')"
GONE = "this project is no longer here; reload the page"


class StaleError(ValueError):
    """Someone else saved the project since this edit began."""


@dataclass(frozen=True)
class Listed:
    """A project in a list."""

    id: str
    name: str
    scenes: int
    shots: int
    poster: str
    touched: str


class Projects:
    """Reads and writes whole projects; every edit can be undone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: dict[str, Project] = {}  # by id; true while its version is the database's
        self._records: dict[str, dict[str, Any]] = {}  # what made a take never changes

    def create(self, name: str = "") -> Project:
        project = Project(id=uuid.uuid4().hex, name=name)
        with self._database.transaction() as db:
            _insert(db, project)
        return project

    def latest(self) -> Project | None:
        """The project that was touched last."""
        with self._database.reading() as db:
            row = db.execute("SELECT id FROM project WHERE NOT trashed ORDER BY touched DESC LIMIT 1").fetchone()
        return self.get(row["id"]) if row else None

    def listed(self, *, trashed: bool = False) -> list[Listed]:
        """All projects, the last touched first; or those in the trash."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT project.id, name, touched, (SELECT count(*) FROM scene WHERE project = project.id AND"
                " NOT trashed) AS scenes, count(shot.id) AS shots, max(poster) AS poster FROM project"
                " LEFT JOIN shot ON shot.project = project.id AND NOT shot.trashed"
                " LEFT JOIN take ON take.id = shot.take"
                " WHERE project.trashed = ? GROUP BY project.id ORDER BY touched DESC",
                (trashed,),
            )
            return [
                Listed(*(row[n] for n in ("id", "name", "scenes", "shots")), row["poster"] or "", row["touched"])
                for row in found
            ]

    def trash(self, project_id: str, *, trashed: bool = True) -> None:
        """Put a project away, or take it back out of the trash."""
        with self._database.transaction() as db:
            db.execute(f"UPDATE project SET trashed = ?, {TOUCH} WHERE id = ?", (trashed, project_id))

    def get(self, project_id: str) -> Project | None:
        with self._database.reading() as db:
            return self._project(db, project_id)

    def open(self, project_id: str) -> Project:
        """The project; ValueError when it is not here any more."""
        with self._database.reading() as db:
            return self._present(db, project_id)

    def edit(
        self,
        project_id: str,
        change: Callable[[Project], Project],
        *,
        seen: int | None = None,
        author: str = "",
    ) -> Project:
        """Write what ``change`` makes of the project as it is now; nothing when it is the same.

        seen: the revision that the author saw; ``StaleError`` when what is changed here was changed since then by
        another one.
        Takes and film have their own calls, so an edit never undoes a worker.
        """
        with self._database.transaction() as db:
            kept = self._present(db, project_id)
            wanted = change(kept)
            old, new = rows(kept, beside=wanted), rows(wanted, beside=kept)
            changes, before = differences(old, new), differences(new, old)
            if not changes:
                return kept
            touched = fields(changes, before)
            _not_stale(db, kept, touched, seen, author)
            _record_edit(db, project_id, before, (json.dumps(touched), kept.revision + 1, author))
            self._write(db, project_id, changes)
            grown = {"revision": kept.revision + 1, "version": kept.version + 1}
            edited = self._marked(db, wanted.model_copy(update=grown))
        return self._cached(edited)

    def undo(self, project_id: str, revision: int | None = None, *, author: str = "") -> Project:
        """Take the last edit back; ValueError when there is none, ``StaleError`` when another author edited since."""
        return self._step(project_id, revision, author, back=True)

    def redo(self, project_id: str, revision: int | None = None, *, author: str = "") -> Project:
        """Bring back what was undone last."""
        return self._step(project_id, revision, author, back=False)

    def add_take(self, shot_id: str, take: TakeInfo, made_by: dict[str, Any]) -> None:
        """Record a take and choose it for its shot; the takes before stay."""
        with self._database.transaction() as db:
            write_take(db, shot_id, take, made_by)

    def lost(self, shots: Sequence[str]) -> set[str]:
        """Those of the shots that are neither on a board nor in its trash."""
        with self._database.reading() as db:
            return {key for key in shots if not db.execute("SELECT 1 FROM shot WHERE id = ?", (key,)).fetchone()}

    def takes(self, shot_id: str) -> list[TakeInfo]:
        """All takes of a shot, oldest first."""
        with self._database.reading() as db:
            found = db.execute(f"SELECT {TAKE} FROM take WHERE shot = ? ORDER BY made, rowid", (shot_id,))
            return [take_of(row) for row in found]

    def take(self, take_id: str) -> TakeInfo:
        with self._database.reading() as db:
            row = db.execute(f"SELECT {TAKE} FROM take WHERE id = ?", (take_id,)).fetchone()
        if row is None:
            raise ValueError(f"take is {take_id[:40]!r}; there is no such take")
        return take_of(row)

    def take_numbers(self, project_id: str) -> dict[str, tuple[int, int]]:
        """(number of the chosen take, how many there are) by shot."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT shot.id, count(*) AS takes, sum(take.made < mine.made OR (take.made = mine.made AND"
                " take.rowid <= mine.rowid)) AS number FROM shot JOIN take ON take.shot = shot.id"
                " JOIN take AS mine ON mine.id = shot.take WHERE shot.project = ? GROUP BY shot.id",
                (project_id,),
            )
            return {row["id"]: (row["number"], row["takes"]) for row in found}

    def choose(
        self, project_id: str, shot_id: str, take_id: str, *, seen: int | None = None, author: str = ""
    ) -> Project:
        """Make another take the one that counts; ``StaleError`` as in ``edit``. Undo passes it by."""
        with self._database.transaction() as db:
            kept, touched = self._present(db, project_id), [_choice(shot_id)]
            _own_take(db, shot_id, take_id)
            if (now := kept.shot(shot_id).take) and now.id == take_id:
                return kept
            _not_stale(db, kept, touched, seen, author)
            db.execute("UPDATE shot SET take = ? WHERE id = ?", (take_id, shot_id))
            _record_edit(db, project_id, None, (json.dumps(touched), kept.revision + 1, author))
            self._write(db, project_id, {})
            return self._present(db, project_id)

    def approve(self, project_id: str, takes: Mapping[str, str], *, approved: bool) -> None:
        """Approve chosen takes, named by shot, or take that back; another take is not approved by it.

        ``StaleError`` when another one is chosen by now, whoever chose or made it: its creator did not look at it.
        """
        with self._database.transaction() as db:
            kept = self._present(db, project_id)
            for shot, take in takes.items():
                chosen = kept.shot(shot).take
                if chosen is None or chosen.id != take:
                    raise StaleError(f"shot {kept.slates[shot]} has another take by now; look at it, then try again")
                db.execute("UPDATE shot SET approved = ? WHERE id = ?", (take if approved else "", shot))
            db.execute(f"UPDATE project SET {TOUCH} WHERE id = ?", (project_id,))

    def star(self, shot_id: str, take_id: str, *, starred: bool) -> None:
        """Mark a take as a good one. That is never stale: two windows that press the same star want the same."""
        with self._database.transaction() as db:
            _own_take(db, shot_id, take_id)
            db.execute("UPDATE take SET starred = ? WHERE id = ?", (starred, take_id))
            _touch(db, shot_id)

    def starred(self, project_id: str) -> dict[str, str]:
        """The shots of the project's starred takes, by take, oldest first."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT take.id, shot FROM take JOIN shot ON shot.id = take.shot WHERE project = ? AND starred"
                " ORDER BY take.made, take.rowid",
                (project_id,),
            )
            return {row["id"]: row["shot"] for row in found}

    def add_note(self, shot_id: str, note: Note) -> None:
        """Keep a remark on a take."""
        with self._database.transaction() as db:
            _own_take(db, shot_id, note.take)
            _write_note(db, note)
            _touch(db, shot_id)

    def drop_note(self, project_id: str, note_id: str, *, seen: int | None = None, author: str = "") -> Project:
        """Take a remark away; ``StaleError`` as in ``edit``. Undo brings it back."""
        with self._database.transaction() as db:
            kept, there, key = self._present(db, project_id), notes(db, project_id), f"note {note_id}"
            if key not in there:
                raise ValueError(f"note is {note_id[:40]!r}; it is not on a take of this project any more")
            touched = [f"{key} text"]
            _not_stale(db, kept, touched, seen, author)
            _record_edit(db, project_id, {key: there[key]}, (json.dumps(touched), kept.revision + 1, author))
            self._write(db, project_id, {key: None})
            return self._present(db, project_id)

    def notes(self, shot_id: str) -> list[Note]:
        """Remarks on all takes of a shot, in the order of their moments."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT note.id, take, at, text FROM note JOIN take ON take.id = note.take WHERE shot = ?"
                " AND NOT trashed ORDER BY at, note.made",
                (shot_id,),
            )
            return [Note(**dict(row)) for row in found]

    def made_by(self, take_id: str) -> dict[str, Any]:
        """Everything that made a take."""
        with self._database.reading() as db:
            row = db.execute("SELECT made_by FROM take WHERE id = ?", (take_id,)).fetchone()
        if row is None:
            raise ValueError(f"take is {take_id[:40]!r}; there is no such take")
        return json.loads(row["made_by"])

    def archive(self, project_id: str) -> Archive:
        """A project with all takes of its shots."""
        project = self.open(project_id)
        starred, kept = self.starred(project_id), []
        for shot in project.shots:
            notes = self.notes(shot.id)
            for take in self.takes(shot.id):
                thought = {"starred": take.id in starred, "notes": tuple(n for n in notes if n.take == take.id)}
                kept.append(ArchivedTake(shot=shot.id, take=take, made_by=self.made_by(take.id), **thought))
        return Archive(project=project, takes=tuple(kept)).without_keys()

    def restore(self, archive: Archive) -> Project:
        """An archive as a new project beside all others; everything in it gets an id of its own."""
        project, new = Project(id=uuid.uuid4().hex, name=archive.project.name), _new_ids(archive)
        takes = [entry for entry in archive.takes if entry.shot in new]
        with self._database.transaction() as db:
            _insert(db, project)
            self._write(db, project.id, rows(_renamed(archive.project, project.id, new)))
            for entry in takes:
                saw = {new.get(shot, shot): new.get(source, source) for shot, source in entry.take.saw.items()}
                take = entry.take.model_copy(update={"id": new[entry.take.id], "saw": saw})
                write_take(db, new[entry.shot], take, entry.made_by)
                _think(db, take.id, entry)
            for shot in archive.project.shots:
                if shot.take and shot.take.id in new:
                    take = new[shot.take.id]
                    kept = (take, take if shot.approved else "", new[shot.id])
                    db.execute("UPDATE shot SET take = ?, approved = ? WHERE id = ?", kept)
            film_of = json.dumps([new.get(take, take) for take in archive.project.film_of])
            values = (archive.project.film, film_of, project.id)
            db.execute(f"UPDATE project SET film = ?, film_of = ?, {TOUCH} WHERE id = ?", values)
        return self.get(project.id)

    def set_film(self, project_id: str, film: str, takes: Sequence[str]) -> None:
        """Keep the film that was put together of these takes."""
        with self._database.transaction() as db:
            values = (film, json.dumps(list(takes)), project_id)
            db.execute(f"UPDATE project SET film = ?, film_of = ?, {TOUCH} WHERE id = ?", values)

    def _step(self, project_id: str, seen: int | None, author: str, *, back: bool) -> Project:
        """Swap rows with those of the edit before (undo) or after (redo)."""
        with self._database.transaction() as db:
            present = self._present(db, project_id)
            strangers = "SELECT 1 FROM edit WHERE project = ? AND revision > ? AND (author = '' OR author != ?)"
            if seen is not None and db.execute(strangers, (project_id, seen, author)).fetchone():
                raise StaleError("the project changed in another window meanwhile; look at it, then try again")
            order = "DESC" if back else "ASC"
            row = db.execute(
                f"SELECT number, state FROM edit WHERE project = ? AND undone = ? ORDER BY number {order} LIMIT 1",
                (project_id, 0 if back else 1),
            ).fetchone()
            if row is None:
                raise ValueError(f"there is nothing to {'undo' if back else 'redo'}")
            changes, now = json.loads(row["state"]), rows(present) | notes(db, project_id)
            inverse = json.dumps({key: now.get(key) for key in changes})
            db.execute(
                "UPDATE edit SET state = ?, undone = ?, revision = ?, author = ? WHERE project = ? AND number = ?",
                (inverse, 1 if back else 0, present.revision + 1, author, project_id, row["number"]),
            )
            self._write(db, project_id, changes)
            return self._present(db, project_id)

    def _write(self, db: sqlite3.Connection, project_id: str, changes: Changes) -> None:
        write(db, project_id, changes)
        db.execute(f"UPDATE project SET revision = revision + 1, {TOUCH} WHERE id = ?", (project_id,))

    def _present(self, db: sqlite3.Connection, project_id: str) -> Project:
        found = self._project(db, project_id)
        if found is None:
            raise ValueError(GONE)
        return found

    def _project(self, db: sqlite3.Connection, project_id: str) -> Project | None:
        """The project as it is in this transaction; read whole only when it changed since the last time."""
        row = db.execute("SELECT * FROM project WHERE id = ? AND NOT trashed", (project_id,)).fetchone()
        kept = self._read.get(project_id)
        if row is None or (kept is not None and kept.version == row["version"]):
            return kept if row else None
        project = Project(
            **{name: row[name] for name in ("id", "name", "film", "version", "revision")},
            film_of=tuple(json.loads(row["film_of"])),
            options=Options.model_validate_json(row["options"]),
            finish=Finish.model_validate_json(row["finish"]),
            bible=tuple(entries(db, project_id)),
            references=tuple(references(db, project_id)),
            scenes=tuple(scenes(db, project_id)),
        )
        project = self._marked(db, project)
        return project if db.total_changes else self._cached(project)  # a transaction may still be taken back

    def _marked(self, db: sqlite3.Connection, project: Project) -> Project:
        return mark(project, {shot.take.id: self._record(db, shot.take.id) for shot in project.shots if shot.take})

    def _cached(self, project: Project) -> Project:
        self._read[project.id] = project
        for old in list(self._read)[:-CACHED]:  # a list, for other threads put theirs in meanwhile
            self._read.pop(old, None)
        return project

    def _record(self, db: sqlite3.Connection, take_id: str) -> dict[str, Any]:
        if take_id not in self._records:
            if len(self._records) > RECORDS:
                self._records.clear()
            row = db.execute("SELECT made_by FROM take WHERE id = ?", (take_id,)).fetchone()
            self._records[take_id] = json.loads(row["made_by"])
        return self._records[take_id]


def write_take(
    db: sqlite3.Connection, shot_id: str, take: TakeInfo, made_by: dict[str, Any], *, choose: bool = True
) -> None:
    """Inside a transaction: record a take and choose it for its shot, if the shot is still there."""
    row = take.model_dump() | {"shot": shot_id, "saw": json.dumps(take.saw), "made_by": json.dumps(made_by)}
    db.execute(
        "INSERT INTO take (id, shot, seed, video, poster, latents, job, saw, file, made_by)"
        " VALUES (:id, :shot, :seed, :video, :poster, :latents, :job, :saw, :file, :made_by)",
        row,
    )
    if choose:
        db.execute("UPDATE shot SET take = ? WHERE id = ? AND (take IS NULL OR NOT locked)", (take.id, shot_id))
    _touch(db, shot_id)


def _insert(db: sqlite3.Connection, project: Project) -> None:
    db.execute(
        "INSERT INTO project (id, name, options, film, version) VALUES (?, ?, ?, '', 0)",
        (project.id, project.name, project.options.model_dump_json()),
    )


def _write_note(db: sqlite3.Connection, note: Note) -> None:
    db.execute("INSERT INTO note (id, take, at, text) VALUES (:id, :take, :at, :text)", note.model_dump())


def _think(db: sqlite3.Connection, take_id: str, entry: ArchivedTake) -> None:
    """Of a take that came in: what its creator thought of it."""
    db.execute("UPDATE take SET starred = ? WHERE id = ?", (entry.starred, take_id))
    for note in entry.notes:
        _write_note(db, note.model_copy(update={"id": uuid.uuid4().hex, "take": take_id}))


def _own_take(db: sqlite3.Connection, shot_id: str, take_id: str) -> None:
    if db.execute("SELECT 1 FROM take WHERE id = ? AND shot = ?", (take_id, shot_id)).fetchone() is None:
        raise ValueError(f"take is {take_id[:40]!r}; this shot has no such take")


def _touch(db: sqlite3.Connection, shot_id: str) -> None:
    db.execute(f"UPDATE project SET {TOUCH} WHERE id = (SELECT project FROM shot WHERE id = ?)", (shot_id,))


def _not_stale(db: sqlite3.Connection, kept: Project, touched: list[str], seen: int | None, author: str) -> None:
    """Refuse an edit of something that changed since the creator saw it."""
    if seen is None or seen == kept.revision:
        return
    found = db.execute(
        "SELECT fields FROM edit WHERE project = ? AND revision > ? AND (author = '' OR author != ?)",
        (kept.id, seen, author),
    ).fetchall()
    changed = {name for row in found for name in json.loads(row["fields"])}
    for name in touched:
        if name in changed or kept.revision - seen > KEPT_EDITS:
            raise StaleError(f"{spoken(name, kept)} changed in another window; look at it, then edit again")


def _choice(shot_id: str) -> str:
    """What a choice of a take touches, as ``fields`` names it."""
    return f"shot {shot_id} take"


def _record_edit(db: sqlite3.Connection, project_id: str, before: Changes | None, about: tuple[str, int, str]) -> None:
    """Keep what an edit touched, to refuse stale ones; and the rows before it on the undo list, if it can be undone.

    What was undone can't be redone after such an edit.
    """
    if before is not None:
        forget_edits(db, project_id, "undone = 1")
    state = ("{}", 2) if before is None else (json.dumps(before), 0)
    db.execute(
        "INSERT INTO edit (project, number, state, undone, fields, revision, author) VALUES (?1,"
        " (SELECT coalesce(max(number), 0) + 1 FROM edit WHERE project = ?1), ?2, ?3, ?4, ?5, ?6)",
        (project_id, *state, *about),
    )
    db.execute(
        "DELETE FROM edit WHERE project = ?1 AND number <= (SELECT max(number) FROM edit WHERE project = ?1) - ?2",
        (project_id, KEPT_EDITS),
    )


def _new_ids(archive: Archive) -> dict[str, str]:
    """A fresh id for everything in an archive."""
    project = archive.project
    takes = (entry.take for entry in archive.takes)
    things = (*project.bible, *project.references, *project.scenes, *project.shots, *takes)
    return {thing.id: uuid.uuid4().hex for thing in things}


def _renamed(project: Project, identity: str, new: dict[str, str]) -> Project:
    """The same board under other ids."""

    def shot(old: ShotInfo) -> ShotInfo:
        known = new | {SCENE: SCENE}
        see = None if old.see is None else tuple(known[key] for key in old.see if key in known)
        noises = {known[key]: noise for key, noise in old.noises.items() if key in known}
        return old.model_copy(update={"id": new[old.id], "see": see, "noises": noises, "take": None})

    def reference(old: Reference) -> Reference:
        origin = {name: new.get(value, value) if name == "take" else value for name, value in old.origin.items()}
        return old.model_copy(update={"id": new[old.id], "entry": new.get(old.entry, ""), "origin": origin})

    def scene(old: SceneInfo) -> SceneInfo:
        cast = tuple(new[key] for key in old.cast if key in new)
        shots = tuple(shot(one) for one in old.shots)
        return old.model_copy(
            update={"id": new[old.id], "cast": cast, "setting": new.get(old.setting, ""), "shots": shots}
        )

    return project.model_copy(
        update={
            "id": identity,
            "bible": tuple(entry.model_copy(update={"id": new[entry.id]}) for entry in project.bible),
            "references": tuple(reference(one) for one in project.references),
            "scenes": tuple(scene(one) for one in project.scenes),
        }
    )

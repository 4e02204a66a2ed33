"""The ledger of jobs: what is asked for, who works on it, and what is already safe. Pages only read it."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from studio.models import Job, JobShot, TakeInfo, Task
from studio.sentences import DIED
from studio.store.database import Database
from studio.store.projects import write_take

KEPT = 7 * 86_400.0  # seconds for which a job that broke off keeps what it denoised, for whoever takes it up again
LEASE = 15.0  # seconds without a heartbeat after which a worker counts as dead
TRIES = 3  # workers that may die at a job before it is given up
WAITING = 20  # jobs in the queue from which on no more are taken
_WAITING = "('queued', 'held', 'interrupted')"  # as SQL reads it
_OPEN = "('queued', 'held', 'interrupted', 'running')"
_DEATHS = "SELECT id, tries, stop FROM job"
_FIELDS = "id, project, task, state, place, stop, tries, done, total, work, seconds, message"


class Lost(Exception):  # noqa: N818 - an outcome: the job has another owner or none
    """This worker no longer owns the job; whatever it does now counts for nothing."""


class Ledger:
    """Every change is one transaction, so a crash at any moment leaves a state that a new worker can go on from.

    States: queued, held (by the creator), running, interrupted (its worker died), done, failed, cancelled.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self, project_id: str, *tasks: Task, work: Sequence[float] = (), again: Sequence[str] = (), offload: str = ""
    ) -> list[Job]:
        """Queue a project's jobs, all or none; ValueError when the queue is full.

        work: how much each asks for, in any unit that grows with time. again: failed or cancelled jobs, by id, that
        are taken up where they stopped. offload: where the weights of these wait from now on, "" as before.
        """
        ids = [uuid.uuid4().hex for _ in tasks]
        with self._database.transaction() as db:
            waiting = db.execute(f"SELECT count(*) FROM job WHERE state IN {_WAITING}").fetchone()[0]
            if waiting >= WAITING:
                raise ValueError(f"the queue is full ({waiting} jobs wait); try again when one is done")
            for job_id in again:
                taken = db.execute(
                    "UPDATE job SET state = 'queued', tries = 0, message = '', stop = '',"
                    " task = iif(?1 = '', task, json_set(task, '$.options.offload', ?1))"
                    " WHERE id = ?2 AND state IN ('failed', 'cancelled')",
                    (offload, job_id),
                )
                if taken.rowcount != 1:
                    raise ValueError(f"job is {job_id[:40]!r}; it did not break off, so duplicate it to have it again")
            for job_id, task, effort in zip(ids, tasks, work or (0.0,) * len(tasks), strict=True):
                db.execute(
                    "INSERT INTO job (id, project, task, state, place, work) VALUES (?, ?, ?, 'queued',"
                    " (SELECT coalesce(max(place), 0) + 1 FROM job), ?)",
                    (job_id, project_id, task.model_dump_json(), effort),
                )
                db.executemany("INSERT INTO job_shot (job, shot) VALUES (?, ?)", [(job_id, s) for s in task.make])
        return [self.get(job_id) for job_id in (*again, *ids)]

    def get(self, job_id: str) -> Job | None:
        with self._database.reading() as db:
            row = db.execute(f"SELECT {_FIELDS} FROM job WHERE id = ?", (job_id,)).fetchone()
            return _job(db, row) if row else None

    def open_jobs(self) -> list[Job]:
        """Jobs that are not over, in the order in which they will run."""
        with self._database.reading() as db:
            rows = db.execute(f"SELECT {_FIELDS} FROM job WHERE state IN {_OPEN} ORDER BY place")
            return [_job(db, row) for row in rows.fetchall()]

    def last(self, project_id: str, scene: str | None = None) -> Job | None:
        """The open job of a project (or of one scene in it), or the one that ended last."""
        with self._database.reading() as db:
            row = db.execute(
                f"SELECT {_FIELDS} FROM job WHERE project = ?1"
                " AND (?2 IS NULL OR json_extract(task, '$.scene') = ?2)"
                f" ORDER BY state IN {_OPEN} DESC, beat DESC, made DESC, rowid DESC LIMIT 1",
                (project_id, scene),
            ).fetchone()
            return _job(db, row) if row else None

    def recent(self, project_id: str | None = None, limit: int = 20) -> list[Job]:
        """Jobs that are over, the last one first; of all projects or of one."""
        with self._database.reading() as db:
            found = db.execute(
                f"SELECT {_FIELDS} FROM job WHERE state NOT IN {_OPEN} AND project = coalesce(?, project)"
                " ORDER BY beat DESC, made DESC, rowid DESC LIMIT ?",
                (project_id, limit),
            )
            return [_job(db, row) for row in found.fetchall()]

    def preview(self, job_id: str, shot: str) -> bytes | None:
        """The newest look at an unfinished shot, as JPEG."""
        with self._database.reading() as db:
            row = db.execute("SELECT preview FROM job_shot WHERE job = ? AND shot = ?", (job_id, shot)).fetchone()
        return row["preview"] if row else None

    def pace(self, backbone: str) -> float | None:
        """Seconds for a unit of work, from the last finished jobs of a backbone, as projects name it."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT seconds / work AS pace FROM job WHERE state = 'done' AND work > 0 AND tries = 1"
                " AND json_extract(task, '$.options.backbone') = ? ORDER BY made DESC LIMIT 9",
                (backbone,),
            ).fetchall()
        paces = sorted(row["pace"] for row in rows)
        return paces[len(paces) // 2] if paces else None

    # What a creator asks

    def stop(self, job_id: str, how: str = "now") -> None:
        """Stop "now" or "after" the shot being made; a job that waits is cancelled at once."""
        with self._database.transaction() as db:
            db.execute("UPDATE job SET stop = ? WHERE id = ? AND state = 'running'", (how, job_id))
            db.execute(
                f"UPDATE job SET state = 'cancelled', beat = ? WHERE id = ? AND state IN {_WAITING}",
                (time.time(), job_id),
            )

    def hold(self, job_id: str, *, held: bool) -> None:
        """Keep a waiting job from starting, or let it go; ValueError when it does not wait."""
        with self._database.transaction() as db:
            done = db.execute(
                f"UPDATE job SET state = ? WHERE id = ? AND state IN {_WAITING}",
                ("held" if held else "queued", job_id),
            )
            if done.rowcount != 1:
                raise ValueError(f"job is {job_id[:40]!r}; it does not wait any more")

    def pause(self, *, paused: bool) -> None:
        """Let no job begin, or let them go; one that runs goes on."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM switch WHERE name = 'paused'")
            if paused:
                db.execute("INSERT INTO switch (name) VALUES ('paused')")

    @property
    def paused(self) -> bool:
        with self._database.reading() as db:
            return _paused(db)

    def move(self, job_id: str, before: str | None) -> None:
        """Put a waiting job before another one, or last."""
        with self._database.transaction() as db:
            rows = db.execute(f"SELECT id, place FROM job WHERE state IN {_WAITING} ORDER BY place").fetchall()
            ids = [row["id"] for row in rows if row["id"] != job_id]
            if len(ids) == len(rows):
                raise ValueError(f"job is {job_id[:40]!r}; it does not wait any more")
            ids.insert(ids.index(before) if before in ids else len(ids), job_id)
            places = sorted(row["place"] for row in rows)
            db.executemany("UPDATE job SET place = ? WHERE id = ?", list(zip(places, ids, strict=True)))

    def change(self, job_id: str, task: Task, work: float) -> None:
        """Other wishes, which ask for so much ``work``, for a job that has not begun; ValueError when it has."""
        with self._database.transaction() as db:
            done = db.execute(
                "UPDATE job SET task = ?, work = ? WHERE id = ? AND state IN ('queued', 'held') AND tries = 0"
                " AND NOT json_extract(task, '$.begun')",
                (task.model_dump_json(), work, job_id),
            )
            if done.rowcount != 1:
                raise ValueError(f"job is {job_id[:40]!r}; it has begun, so stop it and ask anew")

    # What a worker does

    def claim(self, owner: str) -> Job | None:
        """The next job, now this worker's own; None when nothing waits or the queue is paused.

        A job waits while one before it makes what it looks at or makes, too, so that many workers make what one would.
        """
        with self._database.transaction() as db:
            job_id = None if _paused(db) else _first_free(db)
            if job_id is None:
                return None
            db.execute(
                "UPDATE job SET state = 'running', owner = ?, beat = ?, stop = '', message = '', tries = tries + 1,"
                " done = 0, total = 0 WHERE id = ?",
                (owner, time.time(), job_id),
            )
        return self.get(job_id)

    def begin(self, job_id: str, owner: str, task: Task) -> None:
        """Settle what the job looks at: from here on it is the same whenever it is taken up again."""
        with self._database.transaction() as db:
            _own(db, job_id, owner, "task = ?, beat = ?", task.model_dump_json(), time.time())

    def beat(self, job_id: str, owner: str) -> str:
        """Say that this worker lives; returns "now" or "after" when it is asked to stop."""
        with self._database.transaction() as db:
            return _own(db, job_id, owner, "beat = ?", time.time())

    def progress(self, job_id: str, owner: str, done: int, total: int) -> str:
        """How far the job is; returns what ``beat`` does, so that a stop is heard at every step."""
        with self._database.transaction() as db:
            return _own(db, job_id, owner, "done = ?, total = ?, beat = ?", done, total, time.time())

    def look(self, job_id: str, owner: str, shot: str, jpeg: bytes) -> None:
        """Keep a preview."""
        with self._database.transaction() as db:
            _own(db, job_id, owner, "beat = ?", time.time())
            db.execute(
                "UPDATE job_shot SET preview = ?, looks = looks + 1 WHERE job = ? AND shot = ?", (jpeg, job_id, shot)
            )

    def denoised(self, job_id: str, owner: str, latents: dict[str, str]) -> None:
        """A round's latents are on disk (media names by shot): from here on only decoding is lost in a crash."""
        with self._database.transaction() as db:
            _own(db, job_id, owner, "beat = ?", time.time())
            db.executemany(
                "UPDATE job_shot SET state = 'denoised', latents = ? WHERE job = ? AND shot = ?",
                [(name, job_id, shot) for shot, name in latents.items()],
            )

    def finish_shot(
        self, job_id: str, owner: str, shot: str, take: TakeInfo, made_by: dict[str, Any], *, choose: bool = True
    ) -> None:
        """A take, and the fact that the job has it, in one transaction: never made twice, never lost.

        choose: make it the one that counts.
        """
        with self._database.transaction() as db:
            _own(db, job_id, owner, "beat = ?", time.time())
            write_take(db, shot, take, made_by, choose=choose)
            db.execute(
                "UPDATE job_shot SET state = 'done', take = ?, latents = '', preview = NULL"
                " WHERE job = ? AND shot = ?",
                (take.id, job_id, shot),
            )

    def finish(self, job_id: str, owner: str, state: str, *, message: str = "", seconds: float = 0.0) -> None:
        """The job is over for this worker: done, failed, cancelled, or interrupted to be taken up again.

        One that the creator had asked to stop is not taken up again.
        """
        with self._database.transaction() as db:
            left = int(state == "interrupted")  # it was told to go, which is no death
            change = "state = ?, message = ?, seconds = seconds + ?, tries = tries - ?, beat = ?, owner = ''"
            if _own(db, job_id, owner, change, state, message, seconds, left, time.time()) and left:
                db.execute("UPDATE job SET state = 'cancelled' WHERE id = ?", (job_id,))
            db.execute("UPDATE job_shot SET preview = NULL WHERE job = ?", (job_id,))

    def let_go(self, *, kept: float = KEPT) -> None:
        """Forget the latents of jobs that broke off and that nobody took up for so many seconds.

        They can still be taken up: what was not decoded is then made again.
        """
        with self._database.transaction() as db:
            db.execute(
                "UPDATE job_shot SET state = 'waiting', latents = '' WHERE state = 'denoised' AND job IN"
                " (SELECT id FROM job WHERE state IN ('failed', 'cancelled') AND beat < ?)",
                (time.time() - kept,),
            )

    def reconcile(self, *, lease: float = LEASE, alive: Collection[str] = ()) -> list[str]:
        """Find jobs whose worker died: they wait again, or fail after ``TRIES`` deaths; returns their ids.

        One that the creator had asked to stop is stopped.

        lease: seconds without a sign of life; 0 when it is certain that no worker lives, whatever the clock says.
        alive: jobs that the caller knows to be made right now, however long the machine slept meanwhile.
        """
        gone = time.time() - lease if lease else float("inf")
        with self._database.transaction() as db:
            rows = db.execute(f"{_DEATHS} WHERE state = 'running' AND beat < ?", (gone,)).fetchall()
            dead = [row for row in rows if row["id"] not in alive]
            for row in dead:
                _release(db, row)
        return [row["id"] for row in dead]

    def release(self, job_id: str, owner: str) -> None:
        """The process that made this owner's job died, and its owner lives."""
        with self._database.transaction() as db:
            _own(db, job_id, owner, "beat = ?", time.time())
            _release(db, db.execute(f"{_DEATHS} WHERE id = ?", (job_id,)).fetchone())


def _paused(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM switch WHERE name = 'paused'").fetchone() is not None


def _first_free(db: sqlite3.Connection) -> str | None:
    """The first waiting job that has nothing to do with any before it."""
    rows = db.execute("SELECT task FROM job WHERE state = 'running'").fetchall()
    before = [Task.model_validate_json(row["task"]) for row in rows]
    waiting = db.execute("SELECT id FROM job WHERE state IN ('interrupted', 'queued') ORDER BY place").fetchall()
    for row in waiting:
        text = db.execute("SELECT task FROM job WHERE id = ?", (row["id"],)).fetchone()["task"]
        task = Task.model_validate_json(text)
        if not any(task.depends(other) for other in before):
            return row["id"]
        before.append(task)
    return None


def _release(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """A job whose worker died waits again, fails after ``TRIES`` deaths, or is stopped if that was asked for."""
    given_up = row["tries"] >= TRIES
    message = DIED if given_up else ""
    state = "cancelled" if row["stop"] else "failed" if given_up else "interrupted"
    values = (state, message, time.time(), row["id"])
    db.execute("UPDATE job SET state = ?, owner = '', message = ?, beat = ? WHERE id = ?", values)


def _own(db: sqlite3.Connection, job_id: str, owner: str, change: str, *values: object) -> str:
    """Change a job that this worker owns, or raise ``Lost``; returns how its creator wants it to stop."""
    row = db.execute(
        f"UPDATE job SET {change} WHERE id = ? AND owner = ? AND state = 'running' RETURNING stop",
        (*values, job_id, owner),
    ).fetchone()
    if row is None:
        raise Lost
    return row["stop"]


def _job(db: sqlite3.Connection, row: sqlite3.Row) -> Job:
    shots = db.execute(
        "SELECT shot, state, latents, take, looks FROM job_shot WHERE job = ? ORDER BY rowid", (row["id"],)
    )
    return Job(
        **{name: row[name] for name in _FIELDS.split(", ") if name != "task"},
        task=Task.model_validate(json.loads(row["task"])),
        shots=tuple(JobShot(**dict(shot) | {"take": shot["take"] or ""}) for shot in shots),
    )

"""Projects in SQLite, pictures in a media folder. Nothing else knows SQL or paths."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.models import Options, Project, ShotInfo, TakeInfo

SCHEMA = """
CREATE TABLE IF NOT EXISTS project (
    id TEXT PRIMARY KEY, story TEXT NOT NULL, prompt TEXT NOT NULL, options TEXT NOT NULL, film TEXT NOT NULL,
    version INTEGER NOT NULL, touched TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));
CREATE TABLE IF NOT EXISTS shot (
    id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, place INTEGER NOT NULL,
    prompt TEXT NOT NULL, frames INTEGER NOT NULL, cut INTEGER NOT NULL, take TEXT REFERENCES take);
CREATE TABLE IF NOT EXISTS take (
    id TEXT PRIMARY KEY, shot TEXT NOT NULL, seed INTEGER NOT NULL, video TEXT NOT NULL, poster TEXT NOT NULL,
    latents TEXT NOT NULL, made_by TEXT NOT NULL, made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""


class Store:
    """All of a creator's work under one folder."""

    def __init__(self, home: Path) -> None:
        self.media = home / "media"
        self.media.mkdir(parents=True, exist_ok=True)
        self._path = home / "reelboard.sqlite"
        with self._open() as database:
            database.executescript(SCHEMA)

    def create(self) -> Project:
        project = Project(id=uuid.uuid4().hex)
        self._write(project)
        return project

    def latest(self) -> Project | None:
        """The project that was touched last."""
        with self._open() as database:
            row = database.execute("SELECT id FROM project ORDER BY touched DESC LIMIT 1").fetchone()
        return self.get(row["id"]) if row else None

    def get(self, project_id: str) -> Project | None:
        with self._open() as database:
            row = database.execute("SELECT * FROM project WHERE id = ?", (project_id,)).fetchone()
            if row is None:
                return None
            shots = database.execute(
                "SELECT shot.id, prompt, frames, cut, take.id AS take, seed, video, poster, latents FROM shot"
                " LEFT JOIN take ON take.id = shot.take WHERE project = ? ORDER BY place",
                (project_id,),
            ).fetchall()
        return Project(
            id=row["id"],
            story=row["story"],
            prompt=row["prompt"],
            options=Options.model_validate_json(row["options"]),
            film=row["film"],
            version=row["version"],
            shots=tuple(_shot(shot) for shot in shots),
        )

    def save(self, project: Project) -> Project:
        """Write what a creator can edit. Takes and film have their own calls, so an edit never undoes a worker."""
        self._write(project)
        return self.get(project.id)

    def add_take(self, shot_id: str, take: TakeInfo, made_by: dict[str, Any]) -> None:
        """Record a take and choose it for its shot; the takes before stay."""
        with self._open() as database:
            database.execute(
                "INSERT INTO take (id, shot, seed, video, poster, latents, made_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (take.id, shot_id, take.seed, take.video, take.poster, take.latents, json.dumps(made_by)),
            )
            database.execute("UPDATE shot SET take = ? WHERE id = ?", (take.id, shot_id))
            database.execute(
                "UPDATE project SET version = version + 1 WHERE id = (SELECT project FROM shot WHERE id = ?)",
                (shot_id,),
            )

    def set_film(self, project_id: str, film: str) -> None:
        with self._open() as database:
            database.execute("UPDATE project SET film = ?, version = version + 1 WHERE id = ?", (film, project_id))

    def keep(self, content: bytes, suffix: str) -> str:
        """Put a file into the media folder under the hash of its content; it appears whole or not at all."""
        name = hashlib.sha256(content).hexdigest()[:32] + suffix
        target = self.media / name
        if not target.exists():
            handle, fresh = tempfile.mkstemp(dir=self.media, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(fresh).replace(target)
            finally:
                Path(fresh).unlink(missing_ok=True)
        return name

    def path(self, name: str) -> Path:
        """The file of a media name."""
        path = (self.media / name).resolve()
        if path.parent != self.media.resolve():
            raise ValueError(f"media name is {name!r}; it must be a plain file name")
        return path

    def _write(self, project: Project) -> None:
        keys = [shot.id for shot in project.shots]
        with self._open() as database:
            database.execute(
                "INSERT INTO project (id, story, prompt, options, film, version) VALUES (?, ?, ?, ?, '', 0)"
                " ON CONFLICT (id) DO UPDATE SET story = excluded.story, prompt = excluded.prompt,"
                " options = excluded.options, version = version + 1, touched = strftime('%Y-%m-%d %H:%M:%f', 'now')",
                (project.id, project.story, project.prompt, project.options.model_dump_json()),
            )
            database.execute(
                "DELETE FROM shot WHERE project = ? AND id NOT IN (SELECT value FROM json_each(?))",
                (project.id, json.dumps(keys)),
            )
            database.executemany(
                "INSERT INTO shot (id, project, place, prompt, frames, cut) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET place = excluded.place, prompt = excluded.prompt,"
                " frames = excluded.frames, cut = excluded.cut",
                [(s.id, project.id, i, s.prompt, s.frames, s.cut) for i, s in enumerate(project.shots)],
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        database = sqlite3.connect(self._path, timeout=5)
        try:
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA foreign_keys = ON")
            with database:
                yield database
        finally:
            database.close()


def _shot(row: sqlite3.Row) -> ShotInfo:
    take = None
    if row["take"]:
        take = TakeInfo(
            id=row["take"], seed=row["seed"], video=row["video"], poster=row["poster"], latents=row["latents"]
        )
    return ShotInfo(id=row["id"], prompt=row["prompt"], frames=row["frames"], cut=bool(row["cut"]), take=take)

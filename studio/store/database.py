"""One SQLite file: how it is opened, and how it grows from version to version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY = 5.0  # seconds that a writer waits for another
MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS project (
        id TEXT PRIMARY KEY, story TEXT NOT NULL, prompt TEXT NOT NULL, options TEXT NOT NULL, film TEXT NOT NULL,
        version INTEGER NOT NULL, touched TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));
    CREATE TABLE IF NOT EXISTS shot (
        id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, place INTEGER NOT NULL,
        prompt TEXT NOT NULL, frames INTEGER NOT NULL, cut INTEGER NOT NULL, take TEXT REFERENCES take);
    CREATE TABLE IF NOT EXISTS take (
        id TEXT PRIMARY KEY, shot TEXT NOT NULL, seed INTEGER NOT NULL, video TEXT NOT NULL, poster TEXT NOT NULL,
        latents TEXT NOT NULL, made_by TEXT NOT NULL, made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
    """,
    """
    ALTER TABLE project ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE project ADD COLUMN name TEXT NOT NULL DEFAULT '';
    CREATE INDEX shot_by_project ON shot (project, place);
    CREATE INDEX take_by_shot ON take (shot, made);
    CREATE TABLE edit (
        project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, number INTEGER NOT NULL, state TEXT NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (project, number));
    CREATE TABLE job (
        id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, task TEXT NOT NULL,
        state TEXT NOT NULL, place REAL NOT NULL, stop TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '',
        beat REAL NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0, work REAL NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '', made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));
    CREATE INDEX job_by_state ON job (state, place);
    CREATE TABLE job_shot (
        job TEXT NOT NULL REFERENCES job ON DELETE CASCADE, shot TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
        latents TEXT NOT NULL DEFAULT '', take TEXT REFERENCES take, preview BLOB, looks INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (job, shot));
    """,
    """
    ALTER TABLE take ADD COLUMN job TEXT NOT NULL DEFAULT '';
    ALTER TABLE take ADD COLUMN saw TEXT NOT NULL DEFAULT '{}';
    """,
    """
    CREATE TABLE scene (
        id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, place INTEGER NOT NULL,
        title TEXT NOT NULL, story TEXT NOT NULL, summary TEXT NOT NULL, "cast" TEXT NOT NULL, setting TEXT NOT NULL,
        trashed INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE entry (
        id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, place INTEGER NOT NULL,
        kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, trashed INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE note (
        id TEXT PRIMARY KEY, take TEXT NOT NULL REFERENCES take ON DELETE CASCADE, at REAL NOT NULL,
        text TEXT NOT NULL, made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));
    CREATE INDEX scene_by_project ON scene (project, place);
    CREATE INDEX entry_by_project ON entry (project, place);
    CREATE INDEX note_by_take ON note (take, at);
    CREATE INDEX job_by_project ON job (project, made);
    ALTER TABLE edit ADD COLUMN fields TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE edit ADD COLUMN author TEXT NOT NULL DEFAULT '';
    ALTER TABLE edit ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE project ADD COLUMN trashed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE take ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE shot ADD COLUMN scene TEXT REFERENCES scene;
    ALTER TABLE shot ADD COLUMN seed INTEGER;
    ALTER TABLE shot ADD COLUMN see TEXT;
    ALTER TABLE shot ADD COLUMN approved TEXT NOT NULL DEFAULT '';
    ALTER TABLE project ADD COLUMN film_of TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE shot ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE shot ADD COLUMN trashed INTEGER NOT NULL DEFAULT 0;
    INSERT INTO scene (id, project, place, title, story, summary, "cast", setting)
        SELECT id, id, 0, '', story, prompt, '[]', '' FROM project
        WHERE story != '' OR id IN (SELECT project FROM shot);
    UPDATE shot SET scene = project;
    DELETE FROM edit;
    ALTER TABLE project DROP COLUMN story;
    ALTER TABLE project DROP COLUMN prompt;
    """,
    """
    CREATE TABLE reference (
        id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, place INTEGER NOT NULL,
        kind TEXT NOT NULL, name TEXT NOT NULL, prompt TEXT NOT NULL, entry TEXT NOT NULL, frames INTEGER NOT NULL,
        video TEXT NOT NULL, poster TEXT NOT NULL, latents TEXT NOT NULL, origin TEXT NOT NULL,
        trashed INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX reference_by_project ON reference (project, place);
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    ALTER TABLE shot ADD COLUMN noises TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE take ADD COLUMN file TEXT NOT NULL DEFAULT '';
    UPDATE job SET work = 0;
    """,
    """
    ALTER TABLE scene ADD COLUMN making TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE shot ADD COLUMN fade REAL NOT NULL DEFAULT 0;
    ALTER TABLE project ADD COLUMN finish TEXT NOT NULL DEFAULT '{}';
    """,
    """
    CREATE TABLE switch (name TEXT PRIMARY KEY);
    """,
    """
    ALTER TABLE note ADD COLUMN trashed INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE shot ADD COLUMN said TEXT NOT NULL DEFAULT '';
    """,
)


class Database:
    """A file in WAL mode; every commit is on disk before it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._migrate()
        self._keeper = self._connect()  # while one is open, the files beside stay: even a full disk can be read
        self._keeper.execute("SELECT count(*) FROM sqlite_master").fetchone()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. A writer takes its lock at the start, so that what it read is still true when it writes."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view; waits for nobody."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _migrate(self) -> None:
        """Bring the file to the newest version, after a copy of it as it was."""
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
                return  # and nobody who writes is waited for
        with self.transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise ValueError(
                    f"{self.path} was written by a newer Reelboard (version {version}, this one knows "
                    f"{len(MIGRATIONS)}); open it with that one or name another REELBOARD_HOME"
                )
            if 0 < version < len(MIGRATIONS) or (version == 0 and _has_tables(connection)):
                self._copy(version)
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    def _copy(self, version: int) -> None:
        with closing(sqlite3.connect(self.path)) as old, closing(sqlite3.connect(f"{self.path}.v{version}")) as new:
            old.backup(new)


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0

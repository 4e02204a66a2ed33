"""What was removed: what lies in the trash, what leaves the store for good, and what never does."""

from __future__ import annotations

import re
import sqlite3

from studio.models import Entry, Removed
from studio.store.rows import TAKE, entries, forget_edits, scene_of, shot_of

MEDIA = re.compile(r"[0-9a-f]{32}\.[a-z0-9.]+")
STARRED = "SELECT shot FROM take WHERE starred"


def named(db: sqlite3.Connection) -> set[str]:
    """Names of all files that are named anywhere in the database: in rows, in what undo keeps, in tasks of jobs.

    What was worked out about a file that nothing names is forgotten.
    """
    found: set[str] = set()
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'fact'").fetchall()
    for table in (row["name"] for row in tables):
        texts = [f'"{row["name"]}"' for row in db.execute(f'PRAGMA table_info("{table}")') if row["type"] == "TEXT"]
        for row in db.execute(f"SELECT {', '.join(texts)} FROM {table}"):
            found.update(name for text in row if text for name in MEDIA.findall(text))
    worked_out: set[str] = set()
    for row in db.execute("SELECT name, value FROM fact").fetchall():
        if found.issuperset(MEDIA.findall(row["name"])):
            worked_out.update(MEDIA.findall(row["value"]))
        else:
            db.execute("DELETE FROM fact WHERE name = ?", (row["name"],))
    return found | worked_out


def contents(db: sqlite3.Connection, project_id: str) -> tuple[Removed, ...]:
    """The shots and scenes in a project's trash, edit by edit, the last one first."""
    found: dict[tuple[int, str], list[sqlite3.Row]] = {}
    scenes = {row["id"]: row for row in db.execute("SELECT * FROM scene WHERE project = ?", (project_id,))}
    for one in scenes.values():
        if one["trashed"] and (one["title"] or one["story"]):  # worth a look even without shots
            found[one["trashed"], one["id"]] = []
    for row in db.execute(
        f"SELECT shot.*, {TAKE} FROM shot LEFT JOIN take ON take.id = shot.take"
        " WHERE project = ? AND trashed ORDER BY place",
        (project_id,),
    ):
        found.setdefault((row["trashed"], row["scene"]), []).append(row)
    lost = {entry.id: entry for entry in entries(db, project_id, trashed=True)}
    return tuple(_removed(scenes[scene], found[at, scene], lost) for at, scene in sorted(found, reverse=True))


def _removed(scene: sqlite3.Row, shots: list[sqlite3.Row], lost: dict[str, Entry]) -> Removed:
    home = scene_of(scene)
    return Removed(
        scene=home,
        gone=bool(scene["trashed"]),
        place=scene["place"],
        shots=tuple(map(shot_of, shots)),
        places=tuple(row["place"] for row in shots),
        lost=tuple(lost[key] for key in (*home.cast, home.setting) if key in lost),
    )


def empty(db: sqlite3.Connection, project_id: str) -> int:
    """Remove a project's trash with its takes, and return how many shots that were.

    Chosen takes of the board and shots with a starred take stay, the latter in the trash. Undo starts anew, for it
    would bring back what is gone.
    """
    mine = f"SELECT id FROM shot WHERE project = ? AND trashed AND id NOT IN ({STARRED})"
    gone = [row["id"] for row in db.execute(mine, (project_id,))]
    _remove_shots(db, gone)
    full = "SELECT scene FROM shot WHERE scene IS NOT NULL"
    for table, keep in (("scene", full), ("entry", "''"), ("reference", "''")):
        db.execute(f"DELETE FROM {table} WHERE project = ? AND trashed AND id NOT IN ({keep})", (project_id,))
    mine = "SELECT take.id FROM take JOIN shot ON shot.id = take.shot WHERE project = ?"
    db.execute(f"DELETE FROM note WHERE trashed AND take IN ({mine})", (project_id,))
    forget_edits(db, project_id)
    return len(gone)


def remove_projects(db: sqlite3.Connection) -> int:
    """Remove the projects in the trash, but for those with a starred take; returns how many."""
    kept = f"SELECT project FROM shot WHERE id IN ({STARRED})"
    gone = [row["id"] for row in db.execute(f"SELECT id FROM project WHERE trashed AND id NOT IN ({kept})")]
    for project in gone:
        _remove_shots(db, [row["id"] for row in db.execute("SELECT id FROM shot WHERE project = ?", (project,))])
        db.execute("DELETE FROM project WHERE id = ?", (project,))
    return len(gone)


def _remove_shots(db: sqlite3.Connection, shots: list[str]) -> None:
    for shot in shots:
        db.execute("DELETE FROM job_shot WHERE shot = ?", (shot,))
        db.execute("UPDATE shot SET take = NULL WHERE id = ?", (shot,))
        db.execute("DELETE FROM take WHERE shot = ?", (shot,))
        db.execute("DELETE FROM shot WHERE id = ?", (shot,))

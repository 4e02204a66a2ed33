"""What was worked out once about files that never change: kept by name, and worked out again when it is gone."""

from __future__ import annotations

import json
from typing import Any

from studio.store.database import Database


class Facts:
    """Values that JSON can hold. A name says what it is about (a media name) and whatever else it depends on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever was kept
        """The value; None when it is not known yet."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else None

    def keep(self, name: str, value: Any) -> None:  # noqa: ANN401
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", (name, json.dumps(value)))

"""All of a creator's work under one folder. Nothing outside this package knows SQL or paths."""

from __future__ import annotations

from pathlib import Path

from studio.models import Removed
from studio.store import trash
from studio.store.database import Database
from studio.store.facts import Facts
from studio.store.ledger import Ledger
from studio.store.media import Media
from studio.store.projects import Listed, Projects, StaleError

RESERVE = 512 * 1024  # bytes set aside, so that on a full disk the end of a job can still be written


class Store:
    """Projects and jobs in one database, pictures in a media folder beside it."""

    def __init__(self, home: Path) -> None:
        self.home, self._reserve = home, home / "reserve"
        self.media = Media(home / "media")
        self._database = Database(home / "reelboard.sqlite")
        self.projects, self.ledger = Projects(self._database), Ledger(self._database)
        self.facts = Facts(self._database)
        self._set_aside()

    def tidy(self) -> list[str]:
        """Remove files that nothing names: raw latents that nobody needs, films put together anew. No take goes."""
        self.ledger.let_go()
        return self.media.sweep(self._named)

    def _named(self) -> set[str]:
        """Asked while the media folder is shut: who waits for a large file to be kept must not hold the database."""
        with self._database.transaction() as db:
            return trash.named(db)

    def removed(self, project_id: str) -> tuple[Removed, ...]:
        """The shots and scenes in a project's trash, edit by edit, the last one first."""
        with self._database.reading() as db:
            return trash.contents(db, project_id)

    def empty_trash(self, project_id: str | None = None) -> int:
        """Remove for good the shots in a project's trash, or the projects in the trash; returns how many.

        What has a starred take stays in the trash.
        """
        with self._database.transaction() as db:
            return trash.remove_projects(db) if project_id is None else trash.empty(db, project_id)

    def make_room(self) -> None:
        """Give the reserve back to a full disk; it is set aside again when the studio next starts."""
        self._reserve.unlink(missing_ok=True)

    def _set_aside(self) -> None:
        if not self._reserve.exists():
            try:
                self._reserve.write_bytes(bytes(RESERVE))
            except OSError:  # the disk is full already
                self.make_room()


__all__ = ["Facts", "Ledger", "Listed", "Media", "Projects", "StaleError", "Store"]

"""What a creator chose on the settings screen, kept in the studio's folder; a variable always has the last word."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from studio.settings import Settings

FILE = "preferences.json"


class Preferences(BaseModel):
    """Settings that can be chosen on the page, too; empty as in ``Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    llm_base_url: str = Field(default="", max_length=500)
    llm_model: str = Field(default="", max_length=200)
    mcp: bool = False


def chosen(home: Path) -> Preferences:
    """What was kept last; nothing is chosen where nothing readable was kept."""
    try:
        return Preferences.model_validate_json((home / FILE).read_bytes())
    except (OSError, ValidationError):
        return Preferences()


def keep(home: Path, preferences: Preferences) -> None:
    """Write them whole or not at all."""
    fresh = home / f"{FILE}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(preferences.model_dump_json(indent=2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(home / FILE)


def preferred(settings: Settings, preferences: Preferences) -> Settings:
    """Settings with what was chosen where no variable says otherwise.

    A key goes to the endpoint that is named beside it and to no other. Where strangers or several people come in,
    nobody chooses for all of them.
    """
    if not choosable(settings):
        return settings
    found: dict[str, object] = {}
    if preferences.llm_base_url and not named(settings):
        found = {"llm_base_url": preferences.llm_base_url, "llm_api_key": SecretStr("")}
        found |= {"llm_model": preferences.llm_model} if preferences.llm_model else {}
    if preferences.mcp and importlib.util.find_spec("mcp") is not None:
        found["mcp"] = True
    return settings.model_copy(update=found)


def choosable(settings: Settings) -> bool:
    """Whether whoever looks at the page may choose."""
    return not settings.public and not settings.logins


def named(settings: Settings) -> bool:
    """Whether a variable says who splits stories."""
    return bool(settings.llm_base_url or settings.llm_local)

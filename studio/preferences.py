"""What a creator chose on the settings screen, kept in the studio's folder; a variable always has the last word."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from studio.settings import NEEDS_MCP, VARIABLES, Settings, can_serve_agents

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
    told = told_by(settings)
    if preferences.llm_base_url and not told.keys() & {"llm_base_url", "llm_local"}:
        found = {"llm_base_url": preferences.llm_base_url, "llm_api_key": SecretStr("")}
        found |= {} if "llm_model" in told else {"llm_model": preferences.llm_model}
    if preferences.mcp and "mcp" not in told and can_serve_agents():
        found["mcp"] = True
    return settings.model_copy(update=found)


def refuse_choice(settings: Settings, preferences: Preferences) -> None:
    """Raise ValueError for what could not come into force."""
    told = told_by(settings)
    names = {"llm_base_url": ("llm_base_url", "llm_local"), "mcp": ("mcp",)}
    for name, others in names.items():
        if getattr(preferences, name) and (by := [told[other] for other in others if other in told]):
            raise ValueError(f"{name} is set by {by[0]}; unset that first")
    if preferences.llm_base_url and not preferences.llm_model and "llm_model" not in told:
        raise ValueError("llm_model is empty; name a model that the endpoint has")
    if preferences.mcp and not can_serve_agents():
        raise ValueError(f"mcp can't be on: {NEEDS_MCP}")


def choosable(settings: Settings) -> bool:
    """Whether whoever looks at the page may choose: only this machine opens it, or ``read_settings`` had refused."""
    return not settings.public and not settings.logins


def told_by(settings: Settings) -> dict[str, str]:
    """Of what could be chosen here, what variables say: the variable by the name of the setting."""
    names = {*Preferences.model_fields, "llm_local"} & settings.model_fields_set
    return {name: VARIABLES[name] for name in sorted(names)}

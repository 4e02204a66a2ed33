"""Settings from the environment, checked once at the start."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class Settings(BaseModel):
    """Everything that can be set from outside; variables are REELBOARD_ and the name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(default_factory=lambda: Path.home() / ".reelboard", description="projects and films")
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=1, le=65535)
    backbone: str = "pocket"
    executor: Literal["local", "inline"] = Field(default="local", description="who runs the model")
    llm_base_url: str = Field(default="", description="an OpenAI-compatible endpoint; empty splits by rules")
    llm_model: str = "gpt-4o-mini"
    llm_api_key: SecretStr = SecretStr("")
    llm_local: str = Field(
        default="", description="a transformers model on this machine, used when there is no endpoint"
    )
    example: bool = Field(default=True, description="a finished film to look at, where there is none yet")
    public: bool = False  # a Space: many visitors, an ephemeral disk


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process; ValueError names the first wrong variable."""
    names = {f"REELBOARD_{name.upper()}": name for name in Settings.model_fields if name != "public"}
    values: dict[str, object] = {names[key]: value for key, value in environment.items() if key in names and value}
    if "SPACE_ID" in environment:
        values |= {"public": True, "host": "0.0.0.0"}  # noqa: S104 - a Space's router is the only way in
        values.setdefault("home", Path(tempfile.gettempdir()) / "reelboard")
        values.setdefault("executor", "inline")  # a Space's GPU exists only inside an event of the page
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"REELBOARD_{str(first['loc'][0]).upper()}"
        raise ValueError(f"{name} is {first['input']!r}; {first['msg'].lower()}") from None


def writable_home(settings: Settings) -> Path:
    """The data folder, made if need be; ValueError when it can't be written."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(
            f"REELBOARD_HOME is {settings.home}, which can't be written ({reason}); name a folder of yours"
        ) from None
    return settings.home

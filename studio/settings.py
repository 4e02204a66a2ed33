"""Settings from the environment, checked once at the start: one sentence for each wrong value."""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from studio.logins import SHORTEST, read_users

PREFIX, OTHER = "REELBOARD_", "STUDIO_"
NEEDS_MCP = "the package that it needs is not installed; pip install 'mcp>=1.21,<2'"
OPENERS = tuple(f"GRADIO_{name}" for name in ("ALLOWED_PATHS", "VIBE_MODE", "LOCAL_DEV_MODE", "WATCH_DIRS"))
EVERYONE = "0.0.0.0"  # noqa: S104 - a Space's router is the only way in


class Settings(BaseModel):
    """Everything that can be set from outside, by a variable of ``VARIABLES``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(default_factory=lambda: Path.home() / ".reelboard", description="projects and films")
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=1, le=65535)
    backbone: str = "pocket"  # of projects that chose none
    models: Path | None = Field(default=None, description="a folder of diffusers pipelines that projects may choose")
    offload: Literal["", "none", "model", "group"] = Field(
        default="", description="where a large model's weights wait; empty: by the memory that is free"
    )
    executor: Literal["local", "inline", "ray"] = Field(default="local", description="who runs the model")
    ray_address: str = Field(default="", description="a Ray cluster to join; empty starts one on this machine")
    ray_workers: int = Field(default=0, ge=0, le=1000, description="0: one to each GPU, or to each machine")
    llm_base_url: str = Field(default="", description="an OpenAI-compatible endpoint; empty splits by rules")
    llm_model: str = "gpt-4o-mini"
    llm_api_key: SecretStr = SecretStr("")
    llm_local: str = Field(
        default="", description="a transformers model on this machine, used when there is no endpoint"
    )
    example: bool = Field(default=True, description="a finished film to look at, where there is none yet")
    user: str = Field(default="", description="who may come in, with password; empty: whoever reaches the address")
    password: SecretStr = SecretStr("")
    users: Path | None = Field(default=None, description="a file of NAME:PASSWORD lines, for several")
    mcp: bool = Field(default=False, description="the named endpoints as tools of the Model Context Protocol, too")
    public: bool = Field(default=False, description="many visitors: each sees only their own work, and has bounds")
    visitor_jobs: int = Field(default=8, ge=1, description="of one visitor of a public page: jobs open at once")
    visitor_projects: int = Field(default=100, ge=0, description="new projects a day")
    visitor_splits: int = Field(default=200, ge=0, description="stories split a day")
    visitor_shots: int = Field(default=120, ge=0, description="shots made a day")
    visitor_seconds: int = Field(default=300, ge=0, description="seconds of film made a day")
    visitor_uploads: int = Field(default=30, ge=0, description="files opened a day")
    visitor_exports: int = Field(default=100, ge=0, description="exports written a day")
    space: bool = False  # on a Space: a router is in front
    ephemeral: bool = False  # nothing outlives a restart
    lent: bool = False  # the graphics card is lent by the call (ZeroGPU)

    @property
    def logins(self) -> dict[str, str]:
        """Passwords by name; empty when nobody has to log in."""
        named = {self.user: self.password.get_secret_value()} if self.user else {}
        return named | (read_users(self.users) if self.users else {})


VARIABLES = {
    name: f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name not in ("space", "ephemeral", "lent")
}
VARIABLES |= {name: f"{OTHER}{name.upper()}" for name in ("executor", "user", "password", "users")}
FROM_OUTSIDE = {variable: name for name, variable in VARIABLES.items()}
SECRET = {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process; ValueError has one sentence, on a line of its own, for each wrong variable."""
    values: dict[str, object] = {
        FROM_OUTSIDE[key]: text for key, text in environment.items() if key in FROM_OUTSIDE and text
    }
    if "SPACE_ID" in environment:
        values |= {"space": True, "public": True, "host": EVERYONE, "ephemeral": "home" not in values}
        values.setdefault("home", Path(tempfile.gettempdir()) / "reelboard")
        values["lent"] = environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
        values.setdefault("executor", "inline")  # a Space's GPU exists only inside an event of the page
    wrong = [_misspelt(key) for key in environment if key.startswith((PREFIX, OTHER)) and key not in FROM_OUTSIDE]
    wrong += [
        f"{name} is {environment[name]!r}, which would open what the studio keeps shut; unset it"
        for name in OPENERS
        if environment.get(name)
    ]
    try:
        settings = Settings(**values)
    except ValidationError as error:
        wrong += [_wrong(str(one["loc"][0]), one["input"], one["msg"]) for one in error.errors()]
        raise ValueError("\n".join(filter(None, wrong))) from None
    wrong += _unsafe(settings)
    if any(wrong):
        raise ValueError("\n".join(filter(None, wrong)))
    return settings


def _wrong(name: str, value: object, message: str) -> str:
    told = "not shown" if name in SECRET else repr(value)
    return f"{VARIABLES[name]} is {told}; {message.lower()}"


def _misspelt(key: str) -> str:
    """A variable that nearly is a setting; others with our prefix are nobody's business."""
    known = VARIABLES.get(key.partition("_")[2].lower())  # with the other prefix
    near = [known] if known else difflib.get_close_matches(key, FROM_OUTSIDE, n=1, cutoff=0.85)
    return f"{key} is no setting; the nearest is {near[0]}" if near else ""


def _unsafe(settings: Settings) -> list[str]:
    """What is right in each value, but not in all of them together."""
    wrong = []
    password = settings.password.get_secret_value()
    if settings.user and len(password) < SHORTEST:
        wrong.append(f"STUDIO_PASSWORD is too short; with STUDIO_USER it has {SHORTEST} signs or more")
    if password and not settings.user:
        wrong.append("STUDIO_PASSWORD is set without a name; say whose it is in STUDIO_USER")
    try:
        guarded = bool(settings.logins) or settings.public
    except ValueError as error:
        wrong.append(str(error))
        guarded = True
    if not guarded and not own_machine(settings.host):
        wrong.append(
            f"REELBOARD_HOST is {settings.host!r}, which lets strangers in; set STUDIO_USER and "
            "STUDIO_PASSWORD, or REELBOARD_PUBLIC=1 if they may come, or leave it at 127.0.0.1"
        )
    if settings.mcp and not can_serve_agents():
        wrong.append(f"REELBOARD_MCP is on, but {NEEDS_MCP}")
    return wrong


def can_serve_agents() -> bool:
    """Whether the optional package for the Model Context Protocol is there."""
    return importlib.util.find_spec("mcp") is not None


def own_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_secrets(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a process may know that needs no keys: ours makes films, and a crash may write down all it knows."""
    words = ("KEY", "TOKEN", "SECRET", "PASSWORD")
    return {
        name: value
        for name, value in environment.items()
        if name.startswith("RAY_") or not any(word in name.upper() for word in words)
    }


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

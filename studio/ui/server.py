"""The page's server: how it is launched, and what must be in force before anybody comes in."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

from studio.logins import Logins
from studio.preferences import choosable
from studio.services import Studio
from studio.ui.guard import Guard
from studio.ui.page import ASSETS, build
from studio.ui.theme import theme

LARGEST = 100_000_000  # bytes of a file
THEME = """() => {
  let wanted = new URLSearchParams(location.search).get("__theme");
  try {
    if (wanted) localStorage.setItem("reelboard-theme", wanted);
    wanted = localStorage.getItem("reelboard-theme");
  } catch {} // a frame in another site's page may keep nothing
  document.body.classList.toggle("dark", wanted !== "light");
}"""


class Packed(GZipMiddleware):
    """The page itself travels packed: gradio writes every script of ours into it twice."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        here = scope["type"] == "http" and scope["path"] in ("/", "/config")
        await (super().__call__ if here else self.app)(scope, receive, send)


def serve(studio: Studio) -> None:
    """Serve the page until stopped; ValueError when something else is in force than what was asked for."""
    page = build(studio).queue(default_concurrency_limit=4, max_size=100)
    page.launch(**_options(studio), prevent_thread_lock=True)
    wrong = in_force(page, studio)
    if wrong:
        page.close()
        raise ValueError("\n".join(wrong))
    page.block_thread()


def _options(studio: Studio) -> dict[str, Any]:
    settings, users = studio.settings, studio.settings.logins
    return {
        "server_name": settings.host,
        "server_port": settings.port,
        "auth": Logins(users) if users else None,
        "mcp_server": settings.mcp,
        "share": False,
        "show_error": True,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "max_file_size": LARGEST,
        "app_kwargs": {
            "middleware": [Middleware(Guard, own=choosable(settings)), Middleware(Packed, minimum_size=1000)]
        },
        "footer_links": [],
        "theme": theme(),
        "css_paths": [ASSETS / "style.css"],
        "js": THEME,
        "favicon_path": ASSETS / "logo.svg",
    }


def in_force(page: gr.Blocks, studio: Studio) -> list[str]:
    """A sentence for each thing that is not as asked: gradio listens to variables of its own."""
    settings = studio.settings
    pairs = {
        "share": (page.share, False),
        "allowed_paths": (page.allowed_paths, []),
        "server_name": (page.server_name, settings.host),
        "auth": (page.auth is not None, bool(settings.logins)),
        "mcp_server": (bool(page.mcp_server), settings.mcp),
        "vibe_mode": (page.vibe_mode, False),
        "dev_mode": (page.dev_mode, False),
        "run_history": (page.run_history, False),
        "enable_monitoring": (page.enable_monitoring, False),
        "analytics_enabled": (page.analytics_enabled, False),
        "max_file_size": (page.max_file_size, LARGEST),
        "temporary folder": (get_upload_folder(), str(studio.received)),
    }
    return [
        f"gradio's {name} is {found!r} and has to be {wanted!r}; is there a variable GRADIO_... that says so?"
        for name, (found, wanted) in pairs.items()
        if found != wanted
    ]

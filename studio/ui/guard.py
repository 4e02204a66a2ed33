"""What the server refuses before anything reads it: too long bodies, posts from other sites' pages, other names.

A page elsewhere may give this machine a name of its own (DNS rebinding) and then is "the same site". So a studio that
only its own machine may open answers to that machine's own names alone.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.settings import own_machine

UPLOAD = "/gradio_api/upload"
LONGEST, LONGEST_UPLOAD = 2_000_000, 101_000_000  # bytes of a body: 100 MB of a file and what stands around it
READING = ("GET", "HEAD", "OPTIONS")


class _TooLongError(Exception):
    pass


class Guard:
    """ASGI middleware in front of everything. A browser names the page that posts; it must be one of this server's."""

    def __init__(self, app: ASGIApp, *, own: bool) -> None:
        """own: only this machine may open the page."""
        self.app, self.own = app, own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, most, seen, begun = Headers(scope=scope), _most(scope), 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise _TooLongError
            return message

        async def safe(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(SAFE)
            await send(message)

        if refused := self._refused(scope, headers, most):
            await _refuse(*refused)(scope, receive, send)
        else:
            try:
                await self.app(scope, counted, safe)
            except _TooLongError:
                if not begun:
                    await _refuse(413, f"the request is too long; the most is {most} bytes")(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers, most: int) -> tuple[int, str] | None:
        """What is wrong with a request before it is read: a status and a sentence."""
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > most:
            return 413, f"the request is too long; the most is {most} bytes"
        if self.own and not own_machine(_name(headers)):
            return 403, "this studio answers to 127.0.0.1 and localhost; others need a login"
        if scope["method"] not in READING and not _from_here(headers):
            return 403, "this page may not ask the studio for anything"
        return None


SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}  # a project's id is in its address


def _most(scope: Scope) -> int:
    return LONGEST_UPLOAD if scope["path"].rstrip("/") == UPLOAD else LONGEST


def _from_here(headers: Headers) -> bool:
    """Whether no page asks (a program), or one of this server's own, as it is called here or in front of a router."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    here = {headers.get("host", ""), headers.get("x-forwarded-host", "")}
    return bool(origin) and urlsplit(origin).netloc in here - {""}


def _name(headers: Headers) -> str:
    """What the browser calls this machine."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _refuse(status: int, sentence: str) -> PlainTextResponse:
    return PlainTextResponse(sentence, status, headers={"Connection": "close"})

"""What the server refuses before anything reads it: bodies that are too long, and posts from other sites' pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD = "/gradio_api/upload"
LONGEST, LONGEST_UPLOAD = 2_000_000, 101_000_000  # bytes of a body: 100 MB of a file and what stands around it
READING = ("GET", "HEAD", "OPTIONS")


class _TooLongError(Exception):
    pass


class Guard:
    """ASGI middleware in front of everything. A browser names the page that posts; it must be one of this server's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

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

        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > most:
            await _refuse(413, f"the request is too long; the most is {most} bytes")(scope, receive, send)
        elif scope["method"] not in READING and not _from_here(headers):
            await _refuse(403, "this page may not ask the studio for anything")(scope, receive, send)
        else:
            try:
                await self.app(scope, counted, safe)
            except _TooLongError:
                if not begun:
                    await _refuse(413, f"the request is too long; the most is {most} bytes")(scope, receive, send)


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


def _refuse(status: int, sentence: str) -> PlainTextResponse:
    return PlainTextResponse(sentence, status, headers={"Connection": "close"})

"""Whatever a handler raises reaches the page and its programs as one sentence; and who it was that asked."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from studio.sentences import sentence

log = logging.getLogger(__name__)


def said(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose refusals are one sentence, and whose failures are one too, with the rest in the log."""

    @wraps(handler)
    def run(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the handler takes and gives
        with _spoken():
            return handler(*inputs, **named)

    @wraps(handler)
    def stream(*inputs: Any, **named: Any) -> Iterator[Any]:
        with _spoken():
            yield from handler(*inputs, **named)

    return stream if isgeneratorfunction(handler) else run


@contextmanager
def _spoken() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except ValueError as error:
        raise gr.Error(sentence(error), title="Not done", print_exception=False) from None
    except Exception as error:
        log.exception("a request failed")
        raise gr.Error(sentence(error), print_exception=False) from None


def visitor(*, behind_router: bool) -> Callable[[], str]:
    """Who asks: the name of a login, or the address. A router (a Space's) tells it in a header, which others forge.

    Routers write behind what is there already, so the last address that is no router's own is the visitor's.
    """

    def who() -> str:
        request = LocalContext.request.get(None)
        if request is None:
            return ""
        if request.username:
            return f"login {request.username}"
        told = request.headers.get("x-forwarded-for", "") if behind_router else ""
        chain = [part.strip() for part in told.split(",")]
        return ([one for one in chain if _public(one)] or chain)[-1][:60] or (
            request.client.host if request.client else ""
        )

    return who


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False

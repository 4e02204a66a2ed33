"""Methods by name; a new one adds a file and a line."""

from __future__ import annotations

from engine.methods.base import Method, Picture, Texts
from engine.methods.independent import Independent
from engine.methods.lct import Joint

METHODS: dict[str, Method] = {method.name: method for method in (Joint(), Independent())}

__all__ = ["METHODS", "Method", "Picture", "Texts"]

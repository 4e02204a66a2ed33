"""Methods by name; a new one adds a file and a line."""

from engine.context import causal
from engine.methods.base import Method, Picture, Texts, going_on
from engine.methods.independent import Independent
from engine.methods.lct import LCT
from engine.methods.published import PUBLISHED

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        LCT(),
        LCT(name="lct-ar", group=1),
        LCT(name="lct-causal", rule=causal, cached=True, tuning="causal", group=1),
        Independent(),
        *PUBLISHED,
    )
}

GENERAL = tuple(name for name in METHODS if name not in {method.name for method in PUBLISHED})  # for any backbone

__all__ = ["GENERAL", "METHODS", "PUBLISHED", "Method", "Picture", "Texts", "going_on"]

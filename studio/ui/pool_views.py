"""What the inspector shows of the history pool, as plain values."""

from __future__ import annotations

from typing import Any

from studio.models import SCENE, Project, Reference, ShotInfo
from studio.pool import shown
from studio.services import Studio
from studio.ui.pieces import address

MOST = 60  # shots that are offered: the picked ones, those of the scene, then those that would help most
CLOSENESS = [("as usual", ""), ("exactly", 0), ("closely", 100), ("loosely", 300), ("roughly", 500), ("a hint", 900)]


def remembers(studio: Studio, project: Project, identity: str) -> dict[str, Any]:
    """What a shot may look at, why it would help, and what it costs."""
    why, starred, about = studio.pool.suggestions(project, identity), studio.starred(project), shown(project)
    scene, picks = project.scene_of(identity), project.shot(identity).see or ()
    own = {shot.id for shot in scene.shots} - {identity}
    order = {key: place for place, key in enumerate((*picks, *own, *why))}
    others = [shot for shot in project.shots if shot.take and shot.id != identity]
    nearest = sorted(others, key=lambda shot: order.get(shot.id, len(order)))[:MOST]
    offered, slates, items = {shot.id for shot in nearest}, project.slates, []
    for one in (*(shot for shot in others if shot.id in offered), *project.references):
        item = _shot(slates[one.id], one) if isinstance(one, ShotInfo) else _reference(one)
        alike = bool(about[one.id] & about[identity] - {scene.setting})
        marks = {"own": one.id in own, "alike": alike, "starred": item.pop("source") in starred}
        items.append(item | marks | {"why": why.get(one.id, ()), "poster": _poster(studio, one.take.poster)})
    return {
        "whole": SCENE,
        "pool": items,
        "hidden": len(others) - len(nearest),
        "advised": sorted((item["id"] for item in items if item["why"]), key=list(why).index),
        "meter": _meter(studio, project, identity),
        "closeness": CLOSENESS,
        "entries": [(entry.id, entry.name) for entry in project.bible if entry.kind != "look"],
    }


def stills(studio: Studio, project: Project, entry: str) -> list[dict[str, Any]]:
    """The references that show an entry of the bible; unused: shots about it that don't look at them."""
    about = shown(project)
    named = [shot for shot in project.shots if entry in about[shot.id]]
    return [
        {"id": one.id, "name": one.name, "poster": _poster(studio, one.poster)}
        | {"unused": [shot.id for shot in named if one.id not in (shot.see or ())]}
        for one in project.references
        if one.entry == entry
    ]


def _shot(slate: str, shot: ShotInfo) -> dict[str, Any]:
    names = {"label": slate, "called": f"shot {slate}", "prompt": shot.prompt}
    return {"id": shot.id, "kind": "shot", "source": shot.take.id} | names


def _reference(one: Reference) -> dict[str, Any]:
    names = {"label": one.name, "called": one.name or "a reference", "prompt": one.prompt}
    return {"id": one.id, "kind": one.kind, "source": one.origin.get("take"), "entry": one.entry} | names


def _poster(studio: Studio, name: str) -> str:
    """Where a browser finds a picture; "" when its file is gone."""
    path = studio.media(name)
    return address(path) if path.exists() else ""


def _meter(studio: Studio, project: Project, identity: str) -> dict[str, Any]:
    try:
        cost = studio.pool.cost(project, identity)
    except ValueError as error:  # no weights, so no tokens to count
        return {"text": str(error), "share": 0, "over": False}
    shots, tokens, window = cost["shots"], cost["tokens"], cost["window"]
    more = "" if cost["seconds"] is None else f", +{cost['seconds']:.1f} s"
    text = f"{shots} shot{'s' if shots != 1 else ''}, {tokens:,} of {window:,} tokens{more}"
    return {"text": text, "share": min(100, round(100 * tokens / window)), "over": tokens > window}

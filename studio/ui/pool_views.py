"""What the inspector shows of the history pool, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.models import SCENE, Project, Reference, ShotInfo
from studio.pool import shown
from studio.services import Studio
from studio.ui.pieces import address

MOST = 60  # shots that are offered beside the starred: the picked, those of the scene, then those that help most
CLOSENESS = [("as usual", ""), ("exactly", 0), ("closely", 100), ("loosely", 300), ("roughly", 500), ("a hint", 900)]


def remembers(studio: Studio, project: Project, identity: str) -> dict[str, Any]:
    """What a shot may look at, why it would help, and what it costs."""
    why, starred, about = studio.pool.suggestions(project, identity), studio.starred(project), shown(project)
    scene, picks = project.scene_of(identity), project.shot(identity).see or ()
    own = {shot.id for shot in scene.shots} - {identity}
    order = {key: place for place, key in enumerate((*picks, *own, *why))}
    others = [shot for shot in project.shots if shot.take and shot.id != identity]
    nearest = sorted(others, key=lambda shot: order.get(shot.id, len(order)))
    offered = {shot.id for place, shot in enumerate(nearest) if place < MOST or shot.take.id in starred}
    slates, items = project.slates, []
    for one in (*(shot for shot in others if shot.id in offered), *project.references):
        item = _shot(slates[one.id], one) if isinstance(one, ShotInfo) else _reference(one)
        alike = bool(about[one.id] & about[identity] - {scene.setting})
        marks = {"own": one.id in own, "alike": alike, "starred": item.pop("source") in starred}
        items.append(item | marks | {"why": why.get(one.id, ()), "poster": url(studio, one.take.poster)})
    return {
        "whole": SCENE,
        "pool": [*items, *_loose(studio, project, identity, starred)],
        "hidden": len(others) - len(offered),
        "advised": sorted((item["id"] for item in items if item["why"]), key=list(why).index),
        "meter": _meter(studio, project, identity),
        "closeness": CLOSENESS,
        "entries": [(entry.id, entry.name) for entry in project.bible],
    }


def stills(studio: Studio, project: Project, entry: str, about: Sequence[str]) -> list[dict[str, Any]]:
    """The references that show an entry of the bible; unused: shots about it that don't look at them."""
    sees = {shot.id: shot.see or () for shot in project.shots}
    return [
        {"id": one.id, "name": one.name, "poster": url(studio, one.poster)}
        | {"unused": [key for key in about if one.id not in sees[key]]}
        for one in project.references
        if one.entry == entry
    ]


def _shot(slate: str, shot: ShotInfo) -> dict[str, Any]:
    names = {"label": slate, "called": f"shot {slate}", "prompt": shot.prompt}
    return {"id": shot.id, "kind": "shot", "source": shot.take.id} | names


def _reference(one: Reference) -> dict[str, Any]:
    names = {"label": one.name, "called": one.name or "a reference", "prompt": one.prompt}
    return {"id": one.id, "kind": one.kind, "source": one.origin.get("take"), "entry": one.entry} | names


def _loose(studio: Studio, project: Project, identity: str, starred: dict[str, str]) -> list[dict[str, Any]]:
    """Starred takes that can't be picked yet; "keep": the shot of which one is kept in the pool when it is pressed."""
    offered = {shot.take.id for shot in project.shots if shot.take and shot.id != identity}
    offered |= {one.origin.get("take") for one in project.references if one.kind == "take"}
    items, slates = [], project.slates
    for key, shot in starred.items():
        if key in offered or shot not in slates:
            continue
        takes = studio.takes(shot)
        number, take = next((n, one) for n, one in enumerate(takes, start=1) if one.id == key)
        names = {"label": f"{slates[shot]} T{number}", "called": f"take {number} of shot {slates[shot]}"}
        told = {"poster": url(studio, take.poster), "prompt": studio.made_by(take).get("prompt", ""), "why": ()}
        items.append({"id": key, "kind": "shot", "keep": shot, "starred": True} | names | told)
    return items


def url(studio: Studio, name: str) -> str:
    """Where a browser finds a media file; "" when it is gone."""
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

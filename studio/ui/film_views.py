"""What the plan and the film's room show, as plain values."""

from __future__ import annotations

from typing import Any

from studio.exports import Board
from studio.exports.lists import vtt
from studio.models import FPS, Project
from studio.planning import Plan
from studio.sentences import sentence
from studio.services import Studio
from studio.staleness import DRAFT
from studio.ui import pieces


def planned(studio: Studio, project: Project, scene: str, *, busy: bool) -> dict[str, Any]:
    """The plan of the selected scene; empty where there is nothing to make, or no model to ask."""
    if not scene or all(shot.locked for shot in project.scene(scene).shots):
        return {}
    home = project.scene(scene)
    named, advice = {"scene": scene, "number": project.scenes.index(home) + 1}, []
    try:
        advice = [vars(one) for one in studio.advice(project, scene)]
        plans = studio.plan(project, scene)
    except ValueError as error:  # without a model, too, something is said
        return named | {"advice": advice or [{"text": sentence(error)}]}
    seconds = [one.seconds for one in plans]
    options = plans[0].task.options
    return {
        **named,
        "method": options.method,
        "group": options.group,
        "shots": len({key for one in plans for key in one.task.make}),
        "tokens": max(one.tokens for one in plans),
        "window": plans[0].window,
        "seconds": None if None in seconds else sum(seconds),
        "memory": max((one.peak for one in plans if one.peak is not None), default=None),
        "rounds": [_round(project, one, k) for one in plans for k in range(len(one.rounds))],
        "advice": advice,
        "drafts": sum(DRAFT in shot.stale for shot in home.shots),
        "busy": busy,
    }


def _round(project: Project, made: Plan, number: int) -> dict[str, Any]:
    """A bar on the ruler: the shots that are made, and the blocks that stand in their context."""
    one, names = made.rounds[number], project.slates | {ref.id: ref.name for ref in project.references}
    ids = [shot.id for shot in made.task.shots]
    blocks = [
        {"name": names.get(ids[k], "?"), "tokens": size, "kind": "made" if k in one.shots else "seen"}
        if k >= 0
        else {"name": "the scene's words", "tokens": size, "kind": "words"}
        for k, size in one.shares.items()
    ]
    return {"shots": ", ".join(names.get(ids[k], "?") for k in one.shots), "tokens": one.tokens, "blocks": blocks}


def review(studio: Studio, project: Project) -> dict[str, Any]:
    """The film with its pieces on a line, and what jumps at every seam; what is wrong where the takes make no film."""
    board = Board(studio.store, project)
    try:
        if not board.shots:
            return {"pieces": [], "finish": project.finish.model_dump()}
        film = studio.film(project.id)
    except (OSError, ValueError) as error:
        return {"error": sentence(error)}
    slates = project.slates
    return {
        "src": pieces.address(film),
        "words": vtt(board.pieces),
        "seconds": board.pieces[-1].end / FPS,
        "pieces": [
            {"name": one.name, "start": one.start / FPS, "seconds": one.frames / FPS, "fade": one.fade / FPS}
            | {"shot": one.shot.id if one.shot else "", "words": one.words}
            | {"poster": pieces.address(studio.media(one.take.poster)) if one.take else ""}
            for one in board.pieces
        ],
        "seams": [
            {"before": slates[one.before], "after": slates[one.after], "shot": one.after, "at": one.at}
            | {"why": one.why, "palette": one.palette, "exposure": one.exposure}
            | {"fade": project.shot(one.after).fade}
            for one in studio.seams(project)
        ],
        "missing": sum(shot.take is None for shot in project.shots),
        "finish": project.finish.model_dump(),
    }

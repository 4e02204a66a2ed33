"""What a take was made of, against what the board asks for now. Nothing is made again by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from studio.bible import changed, compose
from studio.models import Project, SceneInfo, ShotInfo, TakeInfo

DRAFT = "it is a draft"
OTHER = "has another take"


def mark(project: Project, made_by: Mapping[str, Mapping[str, Any]]) -> Project:
    """The project with the reasons on every shot whose chosen take is out of date.

    made_by: records by take id.
    """
    board = {key: (slate, shot.take) for (key, slate), shot in zip(project.slates.items(), project.shots, strict=True)}
    scenes = []
    for scene in project.scenes:
        prompt = compose(project.bible, scene)
        shots = []
        for shot in scene.shots:
            record = made_by.get(shot.take.id, {}) if shot.take else {}
            reasons = tuple(_reasons(shot, record, prompt, scene, project, board)) if record else ()
            shots.append(shot if reasons == shot.stale else shot.model_copy(update={"stale": reasons}))
        same = all(one is two for one, two in zip(shots, scene.shots, strict=True))
        scenes.append(scene if same else scene.model_copy(update={"shots": tuple(shots)}))
    return project.model_copy(update={"scenes": tuple(scenes)})


def beside(shot: ShotInfo) -> bool:
    """Whether all that is out of date about a shot are the takes that it was made beside: its own words hold."""
    return bool(shot.stale) and all(reason.endswith(OTHER) for reason in shot.stale)


def due(shot: ShotInfo, *, draft: bool = False) -> bool:
    """Whether *Make* makes a take anew. Not for those that it was made beside: each would then wait for the others."""
    good = ((), (DRAFT,)) if draft else ((),)
    return shot.stale not in good and not beside(shot)


def _reasons(
    shot: ShotInfo,
    record: Mapping[str, Any],
    prompt: str,
    scene: SceneInfo,
    project: Project,
    board: Mapping[str, tuple[str, TakeInfo | None]],
) -> Iterator[str]:
    asked = {"prompt": shot.prompt, "frames": shot.frames, "cut": project.cuts(shot)}
    for name, said in (("prompt", "its words changed"), ("frames", "its length changed"), ("cut", "its cut changed")):
        if record.get(name, asked[name]) != asked[name]:
            yield said
    if record.get("scene", prompt) != prompt:
        yield from changed(record["scene"], project, scene)
    if record.get("draft"):
        yield DRAFT
    for seen, source in shot.take.saw.items():
        slate, take = board.get(seen, ("", None))
        if seen == source:  # a reference is its own take
            if all(one.id != seen for one in project.references):
                yield "a picture that it saw is gone"
        elif not slate:
            yield "a shot that it saw is gone"
        elif take is None or source not in (take.id, take.job):
            yield f"shot {slate} {OTHER}"

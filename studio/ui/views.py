"""What the views show: projects and jobs as plain values. The views' scripts set all text as text, never as markup."""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Any

from studio.continuity import cuts
from studio.drafts import Draft
from studio.failures import read_log, remedy
from studio.models import FPS, Job, Project, SceneInfo, ShotInfo, TakeInfo
from studio.pool import shots_about
from studio.services import Studio
from studio.staleness import DRAFT, beside
from studio.ui import pieces
from studio.ui.pool_views import remembers, stills, url

OWN = ("steps", "guidance", "draft")  # of what made a take, what the inspector tells


def draft(told: Draft, *, locked: Collection[int] = (), kept: int = 0, gone: int = 0) -> dict[str, Any]:
    """A split while it is written; it waits where it would reword finished shots (kept) or put them away (gone)."""
    words = [shot.prompt if shot else "" for shot in told.shots]
    said = {"shots": words, "locked": sorted(locked), "scenes": len(told.rest), "note": told.note}
    return said | {"kept": kept, "gone": gone}


def board(studio: Studio, project: Project, scene: str, shot: str) -> dict[str, Any]:
    """All scenes with their cards. scene, shot: what is selected."""
    jobs = {key: job for job in reversed(studio.jobs(project.id)) for key in job.making}
    broke = [job for job in studio.broken(project) if job.state == "failed"]
    failed = {s.shot for job in broke for s in job.shots if s.state != "done"}
    slates, numbers = project.slates, studio.take_numbers(project)
    return {
        "project": project.id,
        "media": f"{pieces.address(studio.store.media.folder)}/",
        "scene": scene,
        "selected": shot,
        "scenes": [
            {
                "id": one.id,
                "number": number,
                "title": one.title,
                "about": _about(project, one),
                "shots": [
                    _card(studio, s, slates[s.id], jobs.get(s.id), numbers, failed=s.id in failed) for s in one.shots
                ],
            }
            for number, one in enumerate(project.scenes, start=1)
        ],
    }


def shot(studio: Studio, project: Project, identity: str) -> dict[str, Any]:
    """The selected shot for the inspector; empty when there is none."""
    if identity not in project.slates:
        return {}
    found, scene = project.shot(identity), project.scene_of(identity)
    words, own = studio.prompt(project, identity)
    takes, starred = studio.takes(identity), studio.starred(project)
    order = {take.id: number for number, take in enumerate(takes, start=1)}
    chosen = found.take.id if found.take else ""
    return {
        "id": identity,
        "slate": project.slates[identity],
        "prompt": own,
        "said": found.said,
        "scene": words,
        "frames": found.frames,
        "seconds": found.frames / FPS,
        "cut": found.cut,
        "seed": found.seed,
        "see": found.see,
        "why": tuple(dict.fromkeys(found.stale)),
        "beside": beside(found),
        "approved": found.approved,
        "locked": found.locked,
        "busy": any(job.task.scene == scene.id for job in studio.jobs(project.id)),
        "unknown": studio.unknown_in(own, project.options.backbone),
        "lengths": _lengths(studio, project, found),
        "noises": found.noises,
        "others": [(key, slate) for key, slate in project.slates.items() if key != identity],
        **remembers(studio, project, identity),
        "takes": [
            {"id": take.id, "video": url(studio, take.video), "poster": url(studio, take.poster), "seed": take.seed}
            | {"chosen": take.id == chosen, "starred": take.id in starred, "file": take.file}
            | {"saw": _saw(project, take), "cuts": _cuts(studio, project, identity, take)}
            | {name: value for name, value in studio.made_by(take).items() if name in OWN}
            for take in takes
        ],
        "notes": [n.model_dump() | {"number": order[n.take]} for n in studio.notes(identity)],
    }


def bible(studio: Studio, project: Project) -> dict[str, Any]:
    """The entries, their scenes, the shots that are about them, and what each scene tells."""
    scenes = [
        {"id": s.id, "number": n, "cast": s.cast, "setting": s.setting, "summary": s.summary}
        for n, s in enumerate(project.scenes, start=1)
    ]
    entries, about, slates = [], shots_about(project), project.slates
    for entry in project.bible:
        used, shots = [s["id"] for s in scenes if entry.id in (*s["cast"], s["setting"])], about[entry.id]
        known = {"scenes": used, "stills": stills(studio, project, entry.id, shots)}
        entries.append(entry.model_dump() | known | {"shots": [slates[key] for key in shots]})
    return {"entries": entries, "scenes": scenes}


def queue(studio: Studio, project: Project) -> dict[str, Any]:
    """Jobs that are open, and the last that are over; shared: whether it is not this creator's alone to pause."""
    listed = dict(zip(("open", "over"), studio.queue(project.id), strict=True))
    told = {name: [_job(studio, job, project) for job in jobs] for name, jobs in listed.items()}
    return told | {"paused": studio.paused, "shared": studio.settings.public}


def strip(studio: Studio, project: Project) -> dict[str, Any]:
    """The line that is always in sight: what is being made, how long it will take, what went wrong."""
    job = studio.job(project.id)
    if studio.broke_off(project):
        return {"text": "The film broke off; press Make, and it goes on where it stopped.", "state": "idle"}
    broke, made = studio.broken(project), any(shot.take for shot in project.shots)
    if job is None or (job.state == "done" and not made and not broke):
        kept = "Every edit is saved at once" + (", until it sleeps." if studio.settings.ephemeral else ".")
        return {"text": f"Ready. {kept}", "state": "idle"}
    if broke:
        job = next((one for one in broke if one.state == "failed"), broke[0])  # what went wrong comes first
    if job.state == "failed":
        return {"text": job.message, "state": "failed", "jobs": [job.id], "offer": studio.offer(job)}
    if not job.busy:
        ended = {"done": "Done. Redo any shot you like.", "cancelled": "Stopped. Finished shots are kept."}
        known = {"jobs": [one.id for one in broke or [job]], "film": job.state == "done"}
        return {"text": ended[job.state], "state": job.state} | known
    if job.state == "running" and job.total:
        waiting = [one for one in studio.jobs(project.id) if one.id != job.id and one.state != "held"]
        making = f"Making {_named(project, job.making)} · {_eta(studio, job, waiting)}"
        doing = (making if job.making else "Putting the film together") + _after(project, waiting)
        return {"text": doing, "state": "running", "share": round(100 * job.done / job.total)}
    ahead = studio.ahead(job)
    text = {
        "held": "On hold.",
        "interrupted": "The model's process ended; taking the film up again…",
        "running": "Waking the model up…",
        "queued": f"Waiting: {ahead} job{'s' if ahead != 1 else ''} first." if ahead else "Waking the model up…",
    }
    paused = studio.paused and job.state in ("queued", "interrupted")
    told = "The queue is paused; let it go on under Queue." if paused else text[job.state]
    return {"text": told, "state": "running", "share": None}


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _eta(studio: Studio, job: Job, waiting: list[Job]) -> str:
    """How long a job will take, and with it all that waits; its share before anything was learned."""
    left = studio.remaining(job)
    if left is None:
        return f"{100 * job.done / job.total:.0f} %"
    whole = studio.remaining_in_all(job.project) if waiting else None
    return f"about {_span(left)} to go" + (f", {_span(whole)} for the whole queue" if whole is not None else "")


def _after(project: Project, waiting: list[Job]) -> str:
    """What comes next, by the names of its shots."""
    if not waiting:
        return ""
    more = f", {len(waiting) - 1} more after that" if len(waiting) > 1 else ""
    return f" · next {_named(project, waiting[0].task.make)}{more}"


def _named(project: Project, shots: tuple[str, ...]) -> str:
    """Shots by their slates."""
    slates = project.slates
    return ", ".join(slates[key] for key in shots if key in slates) or "what left the board"


def _card(
    studio: Studio, shot: ShotInfo, slate: str, job: Job | None, numbers: dict[str, tuple[int, int]], *, failed: bool
) -> dict[str, Any]:
    """What is as usual is left out: a board may have a thousand of these."""
    running = job is not None and job.state == "running"
    look = studio.store.ledger.preview(job.id, shot.id) if running else None
    number, takes = numbers.get(shot.id, (0, 0))
    status = _status(shot, job, failed=failed)
    known = {
        "why": tuple(dict.fromkeys(shot.stale)),
        "joined": not shot.cut,
        "approved": shot.approved,
        "locked": shot.locked,
        "shown": shot.take.id if shot.take else "",
        "preview": f"data:image/jpeg;base64,{base64.b64encode(look).decode()}" if look else "",
        "video": shot.take.video if shot.take else "",
        "poster": shot.take.poster if shot.take else "",
        "take": number if number > 1 else 0,
        "takes": takes,
        "status": "" if status == "done" else status,
    }
    seed = {} if shot.seed is None else {"seed": shot.seed}
    said = {"id": shot.id, "slate": slate, "prompt": shot.prompt, "seconds": shot.frames / FPS}
    return said | seed | {name: value for name, value in known.items() if value}


def _status(shot: ShotInfo, job: Job | None, *, failed: bool) -> str:
    if job is not None:
        return "running" if job.state == "running" else "queued"
    if failed:
        return "failed"
    if shot.take is None:
        return "draft"
    if shot.stale == (DRAFT,):
        return "sketch"
    mark = "approved" if shot.approved else "locked" if shot.locked else ""
    return (mark or "beside") if beside(shot) else "stale" if shot.stale else mark or "done"


def _lengths(studio: Studio, project: Project, shot: ShotInfo) -> list[tuple[str, int]]:
    """What the model can make, and what the shot has."""
    offered = sorted({*studio.lengths(project), shot.frames})
    return [(f"{n / FPS:.1f} s" if n > 1 else "a still", n) for n in offered]


def _about(project: Project, scene: SceneInfo) -> str:
    names = {entry.id: entry.name for entry in project.bible}
    return " · ".join(names[key] for key in (*scene.cast, scene.setting) if key in names)


def _cuts(studio: Studio, project: Project, shot: str, take: TakeInfo) -> list[dict[str, Any]]:
    """How a take fits its neighbours; nothing when a file is gone."""
    try:
        found = cuts(studio.store, project, shot, take)
    except (OSError, ValueError):
        return []
    return [{"text": cut.text, "loud": cut.loud} for cut in found]


def _saw(project: Project, take: TakeInfo) -> list[str]:
    """What a take looked at, by name, as far as it is still here."""
    names = project.slates | {one.id: one.name for one in project.references}
    return [names[key] for key in take.saw if key in names]


def _film(studio: Studio, project: str) -> str:
    """Another film by its name."""
    try:
        return f"“{studio.project(project).name or 'Untitled film'}”"
    except ValueError:
        return "a film that was put away"


def _job(studio: Studio, job: Job, project: Project) -> dict[str, Any]:
    mine = job.project == project.id
    slates, shots = project.slates, {shot.id: shot for shot in project.shots}
    named = [slates[key] for key in job.task.make if key in slates] if mine else []
    takes = [shots[key].take for key in job.task.make if key in shots and shots[key].take] if mine else []
    waits = job.state in ("queued", "held")
    count = len(job.task.make)
    whose = "that left the board" if mine else f"of {_film(studio, job.project)}"
    gone = f"{count} shot{'s' if count != 1 else ''} {whose}"
    return {
        "id": job.id,
        "title": f"{'Shot' if len(named) == 1 else 'Shots'} {', '.join(named)}" if named else gone,
        "state": job.state,
        "waits": waits,
        "open": job.busy,
        "share": round(100 * job.done / job.total) if job.total else 0,
        "options": job.task.options.model_dump(include={"method", "steps", "guidance"}) | {"seed": job.task.seed},
        "offer": studio.offer(job),
        "remedy": remedy(job),
        "log": read_log(studio.store.home, job) if job.state == "failed" and mine else "",
        "more": job.message or (f"{job.seconds:.0f} s" if job.state == "done" else ""),
        "posters": [url(studio, take.poster) for take in takes[:4]],
    }

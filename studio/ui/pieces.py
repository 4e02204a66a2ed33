"""Small pieces of HTML. All text that a person wrote is escaped."""

from __future__ import annotations

import base64
from html import escape
from urllib.parse import quote

from studio.models import Job, Project, ShotInfo
from studio.services import Studio

HEADER = """<header class="bar"><div class="brand"><img src="{logo}" alt=""><h1>Reelboard</h1></div>
<p>A story in, a film out. Shots that remember each other.</p></header>"""


def header(logo: str) -> str:
    return HEADER.format(logo=f"/gradio_api/file={quote(logo)}")


def picture(studio: Studio, project: Project, job: Job | None, index: int) -> str:
    """What a shot's card shows: its take, the preview of the one being made, or its number."""
    shot = project.shots[index]
    label = f'<span class="slate">{index + 1}</span>'
    mine = job is not None and shot.id in job.making
    preview = studio.store.ledger.preview(job.id, shot.id) if mine else None
    if preview:
        data = base64.b64encode(preview).decode()
        return f'<figure class="frame live"><img src="data:image/jpeg;base64,{data}" alt="Preview">{label}</figure>'
    if mine:
        return f'<figure class="frame wait">{label}<em>waiting for its first look</em></figure>'
    if shot.take:
        video, poster = (_url(studio, name) for name in (shot.take.video, shot.take.poster))
        return (
            f'<figure class="frame"><video src="{video}" poster="{poster}" muted loop autoplay playsinline '
            f'aria-label="Shot {index + 1}"></video>{label}{_stale(shot)}</figure>'
        )
    return f'<figure class="frame empty">{label}<em>not made yet</em></figure>'


def _stale(shot: ShotInfo) -> str:
    """A mark on a take that is no longer what the board asks for, with the reason."""
    if not shot.stale:
        return ""
    more = f" (+{len(shot.stale) - 1})" if len(shot.stale) > 1 else ""
    told = escape("; ".join(shot.stale))
    return f'<figcaption class="stale" title="{told}">{escape(shot.stale[0])}{more}</figcaption>'


ENDED = {
    "done": "Done. Redo any shot you like.",
    "cancelled": "Stopped. Finished shots are kept; Make goes on where it stopped.",
}


def progress(studio: Studio, job: Job | None) -> str:
    """The job strip: how far, how long, what went wrong."""
    if job is None:
        return '<div class="strip"><span>Ready.</span></div>'
    if job.state == "failed":
        return f'<div class="strip bad" role="alert"><span>{escape(job.message)}</span></div>'
    if job.state in ENDED:
        return f'<div class="strip"><span>{ENDED[job.state]}</span></div>'
    if job.state == "running" and job.total:
        left = studio.remaining(job)
        eta = f"about {left:.0f} s to go" if left is not None else "measuring"
        share = 100 * job.done / job.total
        shots = "1 shot" if len(job.making) == 1 else f"{len(job.making)} shots"
        return (
            f'<div class="strip"><span>Making {shots} · {eta}</span>'
            f'<progress max="100" value="{share:.0f}" aria-label="Progress">{share:.0f}%</progress></div>'
        )
    ahead = studio.ahead(job)
    films = "1 film" if ahead == 1 else f"{ahead} films"
    text = {
        "held": "On hold.",
        "interrupted": "The model's process ended; taking the film up again…",
        "running": "Waking the model up…",
        "queued": f"Waiting: {films} first." if ahead else "Waking the model up…",
    }[job.state]
    return f'<div class="strip"><span>{text}</span><progress></progress></div>'


def unknown(words: tuple[str, ...]) -> str:
    """The words that mean nothing to the model."""
    if not words:
        return ""
    shown = " ".join(f"<mark>{escape(word)}</mark>" for word in words[:24])
    return f'<p class="note">The pocket model does not know {shown} and will skip over that.</p>'


def problem(sentence: str) -> str:
    """Something is wrong, in one sentence."""
    return f'<p class="note bad" role="alert">{escape(sentence)}</p>'


def known(groups: dict[str, tuple[str, ...]]) -> str:
    """The words that mean something to it."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(', '.join(words))}</dd>" for name, words in groups.items())
    return (
        '<p class="note">The pocket model is a real video model of a small cartoon world. '
        f"It was trained from nothing on these words and many synonyms:</p><dl class='words'>{rows}</dl>"
    )


def film_path(studio: Studio, project: Project) -> str | None:
    """The finished film's file, if there is one."""
    if not project.film:
        return None
    path = studio.media(project.film)
    return str(path) if path.exists() else None


def _url(studio: Studio, name: str) -> str:
    return f"/gradio_api/file={quote(str(studio.media(name)))}"

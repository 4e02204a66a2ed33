"""Small pieces of HTML. All text that a person wrote is escaped."""

from __future__ import annotations

import base64
from html import escape
from urllib.parse import quote

from studio.jobs import Status
from studio.models import Project
from studio.services import Studio

HEADER = """<header class="bar"><div class="brand"><img src="{logo}" alt=""><h1>Reelboard</h1></div>
<p>A story in, a film out. Shots that remember each other.</p></header>"""


def header(logo: str) -> str:
    return HEADER.format(logo=f"/gradio_api/file={quote(logo)}")


def picture(studio: Studio, project: Project, index: int) -> str:
    """What a shot's card shows: its take, the preview of the one being made, or its number."""
    shot, status = project.shots[index], studio.status
    label = f'<span class="slate">{index + 1}</span>'
    mine = status.busy and status.project == project.id and shot.id in status.making
    if mine and shot.id in status.previews:
        data = base64.b64encode(status.previews[shot.id]).decode()
        return f'<figure class="frame live"><img src="data:image/jpeg;base64,{data}" alt="Preview">{label}</figure>'
    if mine:
        return f'<figure class="frame wait">{label}<em>waiting for its first look</em></figure>'
    if shot.take:
        video, poster = (_url(studio, name) for name in (shot.take.video, shot.take.poster))
        return (
            f'<figure class="frame"><video src="{video}" poster="{poster}" muted loop autoplay playsinline '
            f'aria-label="Shot {index + 1}"></video>{label}</figure>'
        )
    return f'<figure class="frame empty">{label}<em>not made yet</em></figure>'


def progress(status: Status, project_id: str) -> str:
    """The job strip: how far, how long, what went wrong."""
    if status.state == "idle" or status.project != project_id:
        busy = "The model is busy with another film." if status.busy else "Ready."
        return f'<div class="strip"><span>{busy}</span></div>'
    if status.state == "loading":
        return '<div class="strip"><span>Waking the model up…</span><progress></progress></div>'
    if status.state == "running":
        left = status.remaining
        eta = f"about {left:.0f} s to go" if left is not None else "measuring"
        share = 100 * status.done / status.total
        shots = "1 shot" if len(status.making) == 1 else f"{len(status.making)} shots"
        return (
            f'<div class="strip"><span>Making {shots} · {eta}</span>'
            f'<progress max="100" value="{share:.0f}" aria-label="Progress">{share:.0f}%</progress></div>'
        )
    if status.state == "failed":
        return f'<div class="strip bad" role="alert"><span>{escape(status.message)}</span></div>'
    text = {"done": "Done. Redo any shot you like.", "stopped": "Stopped. Finished shots are kept."}[status.state]
    return f'<div class="strip"><span>{text}</span></div>'


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

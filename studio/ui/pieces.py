"""Small pieces of HTML. All text that a person wrote is escaped."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

HEADER = """<div class="brand"><img src="{logo}" alt=""><h1>Reelboard</h1></div>"""
STEPS = (
    ("Tell a story.", "Name who, where and what happens. Split it; it becomes shots that you can edit."),
    ("Make the film.", "All shots of a scene are made in one context, so that they share their character and place."),
    (
        "Redo what you don't like.",
        "Select a shot, choose what it shall remember, and redo it alone: the other shots stay as they are.",
    ),
)
TOUR = tuple(
    {"target": target, "title": title, "text": text}
    for target, (title, text) in zip(("#story", "#make", "#shot"), STEPS, strict=True)
)
KEYS = (
    ("Arrows", "the shot before or after"),
    ("Alt ← →", "move the selected shots one place; in the shot list Alt ↑ ↓, too"),
    ("Space", "play the board from here"),
    ("R", "redo"),
    ("A", "approve"),
    ("L", "lock: nothing makes it again"),
    ("C", "cut, or go on from the shot before"),
    ("Del or Backspace", "remove; Ctrl Z brings it back"),
    ("Shift click", "select all from the last selected one to here; drag to reorder"),
    ("Ctrl or Cmd click", "select one more, or one less"),
)


THEMES = '<h2>This page</h2><p><a href="?__theme=light">light</a> or <a href="?__theme=dark">dark</a></p>'
EPHEMERAL = (
    '<p class="note" role="note">This machine is borrowed and forgets everything when it sleeps. '
    "Save your project; <b>Open a file</b> brings it back.</p>"
)


def address(path: Path | str) -> str:
    """Where a browser finds a file that the server gives out."""
    return f"/gradio_api/file={quote(str(path))}"


def header(logo: str) -> str:
    return HEADER.format(logo=address(logo))


def known(groups: dict[str, tuple[str, ...]]) -> str:
    """The words that mean something to it."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(', '.join(words))}</dd>" for name, words in groups.items())
    return (
        '<p class="note">The pocket model is a real video model of a small cartoon world. '
        f"It was trained from nothing on these words and many synonyms:</p><dl class='words'>{rows}</dl>"
    )


def help_page(groups: dict[str, tuple[str, ...]], backbone: str) -> str:
    """How the studio is used, and what the model knows."""
    steps = "".join(f"<li><b>{name}</b> {text}</li>" for name, text in STEPS)
    keys = "".join(f"<dt><kbd>{key}</kbd></dt><dd>{text}</dd>" for key, text in KEYS)
    return (
        f'<div class="help panel"><section><h2>Three steps</h2><ol>{steps}</ol>'
        f'<h2>Keys on the board</h2><dl class="words">{keys}</dl>{THEMES}</section>'
        f"<section><h2>The model: {escape(Path(backbone).name)}</h2>{known(groups)}</section></div>"
    )

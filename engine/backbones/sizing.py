"""What it takes to count a scene's tokens, without weights: from the settings and the tokenizer of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backbones.folders import Part
from engine.backbones.pocket_words import broken, read_tokenizer
from engine.shapes import VideoShape

if TYPE_CHECKING:
    from engine.backbones.kinds import Kind

LONGEST = 33  # frames of a shot in the pocket model's training


class PocketSizes:
    """The pocket model's. Defaults were chosen by measurement (README)."""

    text = "placed"
    fps = 8
    size = (80, 128)
    guidance = 4.0
    history_guidance = 2.5
    steps = 12
    history_noise = 300
    window = 2_560  # tokens: nine shots of 17 frames with their prompts

    def __init__(self, folder: Path) -> None:
        """ValueError when a part is missing or broken."""
        self.tokenizer = read_tokenizer(folder)
        self.patch = _setting(folder, "transformer", "patch")
        self.longest = _setting(folder, "text_encoder", "longest")

    def shape(self, frames: int, height: int, width: int) -> VideoShape:
        if frames > LONGEST:
            raise ValueError(f"frames is {frames}; the pocket model makes 1 to {LONGEST}, the nearest is {LONGEST}")
        return VideoShape(frames=frames, height=height, width=width, patch=self.patch)

    def text_tokens(self, prompt: str) -> int:
        return min(len(self.tokenizer.encode(prompt).ids), self.longest)

    def unread(self, prompt: str) -> int:
        return max(len(self.tokenizer.encode(prompt).ids) - self.longest, 0)


class PipelineSizes:
    """Those of a diffusers pipeline's folder. A prompt counts as the longest: most models pad it to that."""

    def __init__(self, kind: type[Kind], folder: Path) -> None:
        """ValueError when the folder's settings say too little."""
        self.kind, self.text, self.window = kind, kind.text, kind.window_of(folder)
        self.steps, self.guidance = kind.steps, kind.guidance
        self.history_guidance, self.history_noise = kind.history_guidance, kind.history_noise
        self.fps, self.size = kind.films(folder)
        self.patch = Part(folder / "transformer").number("patch_size")
        self.time, self.space = kind.strides(Part(folder / "vae"))

    def shape(self, frames: int, height: int, width: int) -> VideoShape:
        self.kind.check_length(frames)
        strides = {"time_stride": self.time, "space_stride": self.space, "patch": self.patch}
        return VideoShape(frames=frames, height=height, width=width, **strides)

    def text_tokens(self, prompt: str) -> int:  # noqa: ARG002 - whatever it is
        return self.kind.longest

    def unread(self, prompt: str) -> int:  # noqa: ARG002
        return 0


def _setting(folder: Path, part: str, name: str) -> int:
    try:
        return json.loads((folder / part / "config.json").read_text("utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(broken(folder, part)) from error

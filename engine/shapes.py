"""Pixel, latent and token arithmetic. No other module writes a token count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class VideoShape:
    """The size of one clip under a codec and a patch size.

    Temporal compression is causal: the first frame is a latent of its own, so legal lengths are
    ``time_stride * k + 1``.
    """

    frames: int
    height: int
    width: int
    time_stride: int = 4
    space_stride: int = 8
    patch: int = 2
    channels: int = 16

    def __post_init__(self) -> None:
        if self.frames < 1 or (self.frames - 1) % self.time_stride:
            near = nearest_length(self.frames, self.time_stride)
            raise ValueError(f"frames is {self.frames}; it must be {self.time_stride}k+1, the nearest is {near}")
        cell = self.space_stride * self.patch
        for name, value in (("height", self.height), ("width", self.width)):
            if value < cell or value % cell:
                near = max(cell, round(value / cell) * cell)
                raise ValueError(f"{name} is {value}; it must be a multiple of {cell}, the nearest is {near}")

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // self.time_stride + 1

    @property
    def latent(self) -> tuple[int, int, int, int]:
        """(channels, latent frames, latent height, latent width)."""
        return (self.channels, self.latent_frames, self.height // self.space_stride, self.width // self.space_stride)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Token grid (t, h, w)."""
        cell = self.space_stride * self.patch
        return (self.latent_frames, self.height // cell, self.width // cell)

    @property
    def tokens(self) -> int:
        t, h, w = self.grid
        return t * h * w


def nearest_length(frames: int, time_stride: int = 4) -> int:
    """The legal clip length nearest to ``frames`` (at least one frame)."""
    return max(0, round((frames - 1) / time_stride)) * time_stride + 1

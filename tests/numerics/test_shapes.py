"""Pixel, latent and token arithmetic against a count by hand."""

import pytest

from engine.shapes import VideoShape, nearest_length


def test_the_pocket_default():
    shape = VideoShape(frames=17, height=80, width=128)
    assert shape.latent == (16, 5, 10, 16)
    assert shape.grid == (5, 5, 8)
    assert shape.tokens == 200


def test_a_large_backbone():
    """Wan 2.1 at 81 frames of 480 x 832: 21 x 30 x 52 tokens."""
    assert VideoShape(frames=81, height=480, width=832).tokens == 32_760


@pytest.mark.parametrize("frames", [1, 5, 9, 17, 33])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (80, 128), (128, 80)])
def test_tokens_tile_the_pixels(frames, height, width):
    shape = VideoShape(frames=frames, height=height, width=width)
    t, h, w = shape.grid
    cell = shape.space_stride * shape.patch
    assert (h * cell, w * cell) == (height, width)
    assert (t - 1) * shape.time_stride + 1 == frames
    assert shape.tokens == t * h * w


def test_other_strides():
    shape = VideoShape(frames=9, height=64, width=64, time_stride=8, space_stride=32, patch=1, channels=128)
    assert (shape.latent, shape.tokens) == ((128, 2, 2, 2), 8)


@pytest.mark.parametrize(("frames", "near"), [(-3, 1), (0, 1), (1, 1), (2, 1), (4, 5), (16, 17), (17, 17), (100, 101)])
def test_the_nearest_length(frames, near):
    assert nearest_length(frames) == near
    VideoShape(frames=near, height=16, width=16)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ({"frames": 16}, "frames is 16; it must be 4k+1, the nearest is 17"),
        ({"frames": 0}, "frames is 0; it must be 4k+1, the nearest is 1"),
        ({"height": 81}, "height is 81; it must be a multiple of 16, the nearest is 80"),
        ({"height": 0}, "height is 0; it must be a multiple of 16, the nearest is 16"),
        ({"width": -128}, "width is -128; it must be a multiple of 16, the nearest is 16"),
    ],
)
def test_impossible_sizes_name_the_nearest(size, sentence):
    with pytest.raises(ValueError, match="nearest") as caught:
        VideoShape(**{"frames": 17, "height": 80, "width": 128} | size)
    assert str(caught.value) == sentence

"""The codec is causal, keeps sizes, and takes only legal lengths."""

import pytest
import torch

from engine.backbones.pocket_codec import PocketCodec
from engine.shapes import VideoShape


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    model = PocketCodec(widths=(12, 24, 24), encoder=(1, 1, 1), decoder=(1, 1, 1)).eval()
    torch.nn.init.normal_(model.decode_past.down.weight)
    return model


@pytest.mark.parametrize("frames", [1, 5, 17])
def test_sizes_follow_the_shape_arithmetic(codec, frames):
    pixels = torch.rand(1, 3, frames, 32, 48) * 2 - 1
    latents = codec.encode(pixels)
    assert tuple(latents.shape[1:]) == VideoShape(frames=frames, height=32, width=48).latent
    assert codec.decode(latents).shape == pixels.shape


def test_later_frames_never_change_earlier_latents(codec):
    pixels = torch.rand(1, 3, 17, 32, 48) * 2 - 1
    short, full = codec.encode(pixels[:, :, :9]), codec.encode(pixels)
    assert torch.allclose(short, full[:, :, :3], atol=1e-5)
    assert torch.allclose(codec.decode(full[:, :, :3]), codec.decode(full)[:, :, :9], atol=1e-5)
    changed = pixels.clone()
    changed[:, :, 9:] = 0
    assert torch.equal(codec.encode(changed)[:, :, :3], full[:, :, :3])
    assert not torch.equal(codec.encode(changed)[:, :, 3:], full[:, :, 3:])


def test_a_length_that_is_not_4k_plus_1_is_refused(codec):
    with pytest.raises(ValueError, match="16 frames"):
        codec.encode(torch.zeros(1, 3, 16, 32, 48))

"""Pictures larger than one tile of the codec: decoded and encoded as diffusers' own codec does it with tiling."""

import pytest
import tiny_pipelines
import torch
from torch.nn.functional import interpolate

import engine
from engine.backbones import adapter
from engine.runtime import Runtime

FP32 = Runtime(device=torch.device("cpu"), dtype=torch.float32, reason="test")
SHAPE = (9, 96, 160)  # two tiles of 64 pixels down, three across
STRIDES = {"tile_sample_stride_height": 48, "tile_sample_stride_width": 48}
TILES = {"tile_sample_min_height": 64, "tile_sample_min_width": 64} | STRIDES
KINDS = {"wan": TILES, "wan-ti2v": TILES, "hunyuanvideo": TILES, "cogvideox-2b": {}}  # the last has tiles of 48 x 80


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, tmp_path_factory):
    folder = tiny_pipelines.save(request.param, tmp_path_factory.mktemp("tiles") / request.param)
    backbone = adapter(folder).from_folder(folder, runtime=FP32)
    backbone.pipe.vae.enable_tiling(**KINDS[request.param])
    plain = type(backbone.pipe.vae).from_pretrained(folder / "vae")
    return backbone, plain


def whole_and_tiled(plain, backbone, run):
    """What diffusers' codec makes without tiling and with it."""
    plain.disable_tiling()
    whole = run(plain)
    plain.enable_tiling(**TILES if backbone.name != "cogvideox" else {})
    return whole, run(plain)


@torch.inference_mode()
def test_pictures_of_several_tiles_decode_as_the_codecs_own(loaded):
    backbone, plain = loaded
    latents = torch.randn((1, *backbone.shape(*SHAPE).latent), generator=torch.Generator().manual_seed(0))
    mean, std = statistics(plain)
    whole, tiled = whole_and_tiled(plain, backbone, lambda codec: codec.decode(latents * std + mean).sample)
    ours = backbone.decode(latents)
    assert ours.shape == (1, 3, *SHAPE)
    assert (ours - tiled).abs().max() < 1e-5
    assert (ours - whole).abs().max() > 1e-2  # there were tiles: a random codec sees their rims


@torch.inference_mode()
def test_pictures_of_several_tiles_encode_as_the_codecs_own(loaded):
    backbone, plain = loaded
    coarse = torch.rand((1, 3, 9, 12, 20), generator=torch.Generator().manual_seed(0)) * 2 - 1
    pixels = interpolate(coarse, size=SHAPE, mode="trilinear")
    mean, std = statistics(plain)
    whole, tiled = whole_and_tiled(
        plain, backbone, lambda codec: (codec.encode(pixels).latent_dist.mode() - mean) / std
    )
    ours = backbone.encode(pixels)
    assert ours.shape[1:] == backbone.shape(*SHAPE).latent
    assert (ours - tiled).abs().max() < 1e-5
    assert (ours - whole).abs().max() > 1e-3


def test_a_stop_is_heard_between_two_tiles(loaded):
    backbone, _ = loaded
    latents, token, tiles = torch.zeros((1, *backbone.shape(1, 96, 160).latent)), engine.CancelToken(), []
    hook = backbone.pipe.vae.decoder.register_forward_hook(lambda *_: tiles.append(token.cancel()))
    with pytest.raises(engine.Cancelled):
        backbone.decode(latents, token)
    hook.remove()
    assert len(tiles) == 1


def statistics(codec):
    """What diffusers' pipelines do to latents before they decode, as (mean, standard deviation)."""
    config = codec.config
    if config.get("latents_mean"):
        return tuple(torch.tensor(config[name]).view(1, -1, 1, 1, 1) for name in ("latents_mean", "latents_std"))
    return 0.0, 1 / config.scaling_factor

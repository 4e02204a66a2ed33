"""Diffusers pipelines of its own classes with tiny random weights, saved as the folders that people download."""

import pytest
import torch

WORDS = ["<pad>", "</s>", "<unk>", *"a red fox jumps waves on the beach at night".split()]
RANK = 2


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    signs = dict(zip(("pad_token", "eos_token", "unk_token"), WORDS, strict=False))
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[2]))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=raw, **signs)


def wan(kind):
    """Kinds: wan (2.1, UniPC), wan-euler, wan-a14b (two experts), wan-ti2v (a timestep a token, its own codec)."""
    import diffusers
    from transformers import UMT5Config, UMT5EncoderModel

    ti2v = kind == "wan-ti2v"
    channels = 48 if ti2v else 16
    shape = {"num_attention_heads": 2, "attention_head_dim": 12, "text_dim": 32, "freq_dim": 32, "ffn_dim": 32}
    shape |= {"in_channels": channels, "out_channels": channels, "num_layers": 2}
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 4}
    own = {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12, "scale_factor_spatial": 16}
    own |= {"latents_mean": [0.1] * 48, "latents_std": [2.0] * 48}
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
    unipc = diffusers.UniPCMultistepScheduler(num_train_timesteps=1000, **flow)
    two = kind == "wan-a14b"
    return diffusers.WanPipeline(
        tokenizer=tokenizer(),
        text_encoder=UMT5EncoderModel(UMT5Config(vocab_size=len(WORDS), **sizes)),
        vae=diffusers.AutoencoderKLWan(
            base_dim=3, z_dim=channels, dim_mult=[1, 1, 1, 1], num_res_blocks=1, **(own if ti2v else {})
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0) if kind == "wan-euler" else unipc,
        transformer=diffusers.WanTransformer3DModel(**shape),
        transformer_2=diffusers.WanTransformer3DModel(**shape) if two else None,
        boundary_ratio=0.875 if two else None,
        expand_timesteps=ti2v,
    )


def cogvideox(kind):
    """Kinds: cogvideox-2b (places added, DDIM), cogvideox-5b (places turned, DDIM), cogvideox-dpm."""
    import diffusers
    from transformers import T5Config, T5EncoderModel

    turned = kind != "cogvideox-2b"
    dpm = kind == "cogvideox-dpm"
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 4}
    noise = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "snr_shift_scale": 1.0}
    noise |= {"timestep_spacing": "trailing"}
    scheduler = diffusers.CogVideoXDPMScheduler if dpm else diffusers.CogVideoXDDIMScheduler
    return diffusers.CogVideoXPipeline(
        tokenizer=tokenizer(),
        text_encoder=T5EncoderModel(T5Config(vocab_size=len(WORDS), **sizes)),
        vae=diffusers.AutoencoderKLCogVideoX(
            down_block_types=("CogVideoXDownBlock3D",) * 4,
            up_block_types=("CogVideoXUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            latent_channels=16,
            layers_per_block=1,
            norm_num_groups=2,
            sample_height=96,
            sample_width=160,
        ),
        scheduler=scheduler(**noise),
        transformer=diffusers.CogVideoXTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            text_embed_dim=32,
            time_embed_dim=8,
            num_layers=2,
            sample_width=10,
            sample_height=6,
            sample_frames=9,
            use_rotary_positional_embeddings=turned,
        ),
    )


def hunyuanvideo(kind):
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaModel

    shape = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 4, "vocab_size": len(WORDS)}
    return diffusers.HunyuanVideoPipeline(
        tokenizer=tokenizer(),
        text_encoder=LlamaModel(LlamaConfig(num_hidden_layers=3, num_key_value_heads=4, **shape)),
        tokenizer_2=tokenizer(),
        text_encoder_2=CLIPTextModel(CLIPTextConfig(num_hidden_layers=1, eos_token_id=2, **shape)),
        vae=diffusers.AutoencoderKLHunyuanVideo(
            latent_channels=4,
            down_block_types=("HunyuanVideoDownBlock3D",) * 4,
            up_block_types=("HunyuanVideoUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            layers_per_block=1,
            norm_num_groups=4,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=7.0),
        transformer=diffusers.HunyuanVideoTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=12,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=32,
            pooled_projection_dim=32,
            rope_axes_dim=(4, 4, 4),
        ),
    )


BUILDERS = dict.fromkeys(("wan", "wan-euler", "wan-a14b", "wan-ti2v"), wan)
BUILDERS |= dict.fromkeys(("cogvideox-2b", "cogvideox-5b", "cogvideox-dpm"), cogvideox)
BUILDERS["hunyuanvideo"] = hunyuanvideo


def save(kind, folder):
    """The pipeline, with a random LoRA in the folder ``causal`` as ``Pipeline.tuned`` expects it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe = BUILDERS[kind](kind)
        for part in pipe.components.values():
            if isinstance(part, torch.nn.Module):
                part.to(torch.float32)
        _save_lora(pipe, pipe.transformer, folder / "causal")
        if pipe.components.get("transformer_2") is not None:
            _save_lora(pipe, pipe.transformer_2, folder / "causal" / "transformer_2")
    pipe.save_pretrained(folder)
    return folder


def _save_lora(pipe, transformer, folder):
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    transformer.add_adapter(
        LoraConfig(r=RANK, target_modules=["to_q", "to_v", "to_out.0"], init_lora_weights=False), "causal"
    )
    layers = get_peft_model_state_dict(transformer, adapter_name="causal")
    folder.mkdir(parents=True)
    pipe.save_lora_weights(folder, transformer_lora_layers=layers)
    transformer.delete_adapters("causal")
    transformer.unload_lora()


def load_plain(folder):
    """The backbone in a folder, in float32 wherever this runs."""
    import engine

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
            patch.setattr(torch.cpu, name, lambda: False)
        loaded = engine.load(str(folder), device="cpu")
    assert loaded.runtime.dtype == torch.float32
    return loaded

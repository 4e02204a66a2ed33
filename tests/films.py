"""A film file read back, frame by frame."""

import imageio_ffmpeg
import torch


def read_video(path):
    """All frames at their stored size, uint8 (frames, height, width, 3)."""
    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24", output_params=["-fps_mode", "passthrough"])
    width, height = next(reader)["size"]
    frames = [torch.frombuffer(bytearray(frame), dtype=torch.uint8) for frame in reader]
    return torch.stack(frames).view(-1, height, width, 3)

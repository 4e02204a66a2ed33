"""From noise to a clean sample: schedules, steps, guidance and the loop."""

from engine.samplers.flow import adams_bashforth, add_noise, clean, denoise, euler, guide, noise_levels

__all__ = ["adams_bashforth", "add_noise", "clean", "denoise", "euler", "guide", "noise_levels"]

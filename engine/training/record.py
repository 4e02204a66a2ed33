"""training.json: what made the weights beside it."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import torch


def write_record(folder: Path, facts: dict[str, object]) -> None:
    """Facts of the run, with the commit and the hardware."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()} CPU"
    record = {"commit": commit.stdout.strip(), "hardware": hardware, "torch": torch.__version__} | facts
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.json").write_text(json.dumps(record, indent=2) + "\n")

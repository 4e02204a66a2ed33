"""What a diffusers pipeline folder must hold, checked before anything in it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

INDEX = "model_index.json"


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; ValueError when the file is missing or holds something else."""
    try:
        data = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is missing or damaged; download the pipeline folder again") from error
    if not isinstance(data, dict):
        raise ValueError(f"{file} is damaged (no JSON object); download the pipeline folder again")
    return data


def check_parts(folder: Path, parts: dict[str, str]) -> None:
    """``parts``: component -> the class it must be. One clear ValueError for the first that cannot be loaded."""
    index = read_json(folder / INDEX)
    for name, wanted in parts.items():
        entry = index.get(name)
        found = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if found != wanted:
            raise ValueError(f"{folder / INDEX} names {found} as its {name}; this backbone needs {wanted}")
        _check_weights(folder / name)


def _check_weights(part: Path) -> None:
    if not part.is_dir():
        raise ValueError(f"{part} is missing; download the pipeline folder again")
    for file in part.glob("*.safetensors.index.json"):
        shards = read_json(file).get("weight_map")
        if not isinstance(shards, dict):
            raise ValueError(f"{file} is damaged (no weight_map); download it again")
        for shard in sorted({str(name) for name in shards.values()}):
            if shard != Path(shard).name:
                raise ValueError(f"{file} points at {shard}, outside its folder; it is refused, use a trusted copy")
            if not (part / shard).is_file():
                raise ValueError(f"{part / shard} is missing; download this shard")
    if not any(part.glob("*.safetensors")):
        reason = "holds only pickled weights, which can run code" if any(part.glob("*.bin")) else "holds no weights"
        raise ValueError(f"{part} {reason}; download the .safetensors files")

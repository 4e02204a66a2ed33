"""What a diffusers pipeline folder must hold, checked before anything in it is loaded."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

INDEX = "model_index.json"
ENDS = 1 << 20  # bytes
LONGEST_HEAD = 100_000_000  # bytes of a safetensors table, as its own library has it
AGAIN = "download the pipeline folder again"


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; ValueError when the file is missing or holds something else."""
    try:
        data = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is missing or damaged; {AGAIN}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{file} is damaged (no JSON object); {AGAIN}")
    return data


def check_parts(folder: Path, parts: dict[str, str]) -> None:
    """``parts``: component -> the class it must be. One clear ValueError for the first that cannot be loaded.

    All other components of the index need no more than a folder.
    """
    index = read_json(folder / INDEX)
    for name, wanted in parts.items():
        entry = index.get(name)
        found = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if found != wanted:
            raise ValueError(f"{folder / INDEX} names {found} as its {name}; this backbone needs {wanted}")
    for name, entry in index.items():
        if isinstance(entry, list) and entry[0] is not None and not name.startswith("_"):
            if not (folder / name).is_dir():
                raise ValueError(f"{folder / name} is missing; {AGAIN}")
            if name in parts:
                _check_weights(folder / name)
            if (folder / name / "spiece.model").is_file() and not (folder / name / "tokenizer.json").is_file():
                _check_sentencepiece(folder / name)


def weights_of(part: Path) -> tuple[int, int]:
    """(bytes on disk, numbers) of a part's weights, from the heads of its files."""
    size = count = 0
    for file in _shards(part):
        size += file.stat().st_size
        count += sum(prod(shape) for shape in _shapes(file))
    return size, count


def _shards(part: Path) -> list[Path]:
    """The files that a loader would read: those that the index names, or all."""
    indices = sorted(part.glob("*.safetensors.index.json"))
    named = {shard for file in indices for shard in read_json(file)["weight_map"].values()}
    return sorted(part / shard for shard in named) if named else sorted(part.glob("*.safetensors"))


def _shapes(file: Path) -> list[list[int]]:
    """Of all tensors, from the table at the start of a safetensors file."""
    try:
        with file.open("rb") as data:
            length = int.from_bytes(data.read(8), "little")
            table = json.loads(data.read(length if length <= LONGEST_HEAD else 0))
        shapes = [list(entry["shape"]) for name, entry in table.items() if name != "__metadata__"]
        sound = all(type(n) is int and n >= 0 for shape in shapes for n in shape)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise ValueError(f"{file} is damaged; {AGAIN}")
    return shapes


def identity(*folders: Path) -> str:
    """A short hash that tells weights apart without reading tens of gigabytes: names, sizes and both ends of files."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.safetensors")):
            size = file.stat().st_size
            digest.update(f"{file.relative_to(folder)} {size}".encode())
            with file.open("rb") as data:
                digest.update(data.read(ENDS))
                data.seek(max(0, size - ENDS))
                digest.update(data.read(ENDS))
    return digest.hexdigest()[:16]


def reader(*folders: Path) -> str:
    """A short hash of all that turns words into features: encoders' weights and settings, tokenizers' every file."""
    digest = hashlib.sha256(identity(*folders).encode())
    for file in (file for folder in folders for file in sorted(folder.rglob("*"))):
        if file.is_file() and file.suffix != ".safetensors":
            digest.update(f"{file.parent.name}/{file.name}".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _check_sentencepiece(part: Path) -> None:
    for module, package in (("sentencepiece", "sentencepiece"), ("google.protobuf", "protobuf")):
        try:
            import_module(module)
        except ImportError:
            raise ValueError(f"{part} can't be read without {package}; pip install {package}") from None


def _check_weights(part: Path) -> None:
    for file in part.glob("*.safetensors.index.json"):
        shards = read_json(file).get("weight_map")
        if not isinstance(shards, dict):
            raise ValueError(f"{file} is damaged (no weight_map); download it again")
        for shard in sorted({str(name) for name in shards.values()}):
            _check_shard(file, shard)
    if not any(file.exists() for file in part.glob("*.safetensors")):
        pickled = any(file for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in part.glob(pattern))
        if pickled:
            raise ValueError(f"{part} holds only pickled weights, which can run code; download the .safetensors files")
        raise ValueError(f"{part / '*.safetensors'} is missing; {AGAIN}")


def _check_shard(index: Path, shard: str) -> None:
    """A shard is a safetensors file beside its index, and nothing else."""
    if shard != Path(shard).name or "\\" in shard:
        raise ValueError(f"{index} points at {shard}, outside its folder; it is refused, use a trusted copy")
    if not shard.endswith(".safetensors"):
        raise ValueError(f"{index} points at {shard}, which is no safetensors file; it is refused, use a trusted copy")
    if not (index.parent / shard).is_file():
        raise ValueError(f"{index.parent / shard} is missing; download this shard")

"""What a diffusers pipeline folder must hold, checked before anything in it is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from engine.backbones.signatures import defaults_of

INDEX = "model_index.json"
PIECE = 4_096  # bytes
LONGEST_HEAD = 100_000_000  # bytes of a safetensors table, as its own library has it
AGAIN = "download the pipeline folder again"


def read_json(file: Path, *names: str) -> dict[str, Any]:
    """A JSON object with at least these names; ValueError when the file is missing or holds something else."""
    try:
        data = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} is missing or damaged; {AGAIN}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{file} is damaged (no JSON object); {AGAIN}")
    if lacking := [name for name in names if name not in data]:
        raise ValueError(f"{file} is damaged (it lacks {lacking[0]}); {AGAIN}")
    return data


class Part:
    """The settings of a part of a pipeline, ``folder/config.json``, every number checked as it is read."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.json"
        self.settings = read_json(self.file)

    def number(self, name: str, default: int | None = None) -> int:
        """A number, or the last of a list of them, such as (time, height, width) patches."""
        value = self.settings.get(name, default)
        return self._whole(name, value[-1] if isinstance(value, list) and value else value)

    def count(self, name: str) -> int:
        """How many a list names."""
        value = self.settings.get(name)
        return self._whole(name, len(value) if isinstance(value, list) else value)

    def _whole(self, name: str, value: object) -> int:
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1 and value == int(value):
            return int(value)
        raise ValueError(f"{self.file} is damaged ({name} is {value!r}, no whole number from 1); {AGAIN}")


def _check_settings(file: Path, defaults: Mapping[str, object]) -> None:
    """ValueError for a setting that is no number, or no list of them, where its class's own default is one."""
    settings = read_json(file)
    for name, default in defaults.items():
        if name in settings and not _alike(settings[name], default):
            kind = "number" if isinstance(default, int | float) else "list of its kind"
            raise ValueError(f"{file} is damaged ({name} is {settings[name]!r:.60}, no {kind}); {AGAIN}")


def _alike(value: object, default: object) -> bool:
    """Words, switches and what a class leaves open are left to the class."""
    if isinstance(default, list | tuple):
        return isinstance(value, list) and all(_alike(one, default[0]) for one in value if default)
    return isinstance(default, bool) or not isinstance(default, int | float) or isinstance(value, int | float)


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
        if is_there(entry) and not name.startswith("_"):
            if not (folder / name).is_dir():
                raise ValueError(f"{folder / name} is missing; {AGAIN}")
            if name in parts:
                _check_weights(folder / name)
            if entry[0] == "diffusers":  # whose parts read numbers when they are used: some would fail in mid-film
                file = "scheduler_config.json" if name == "scheduler" else "config.json"
                _check_settings(folder / name / file, defaults_of(str(entry[-1])))
            if (folder / name / "spiece.model").is_file() and not (folder / name / "tokenizer.json").is_file():
                _check_sentencepiece(folder / name)


def is_there(entry: object) -> bool:
    """Whether an entry of the index, [library, class], is a component; [null, null] is one left out."""
    return isinstance(entry, list) and bool(entry) and entry[0] is not None


def reason(error: BaseException) -> str:
    """The first line of what a library said, or the name of an error that says nothing, such as MemoryError."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def weights_of(part: Path) -> tuple[int, int]:
    """(bytes on disk, numbers) of a part's weights, from the heads of its files."""
    size = count = 0
    for file in _shards(part):
        count += sum(prod(shape) for shape, _ in _tensors(file))
        size += file.stat().st_size
    return size, count


def _shards(part: Path) -> list[Path]:
    """The files that a loader would read: those that the index names, or all."""
    indices = sorted(part.glob("*.safetensors.index.json"))
    named = {shard for file in indices for shard in read_json(file)["weight_map"].values()}
    return sorted(part / shard for shard in named) if named else sorted(part.glob("*.safetensors"))


def _tensors(file: Path) -> list[tuple[list[int], tuple[int, int]]]:
    """Shape of every tensor, and its first byte and end in the file: the table at the start of a safetensors file."""
    try:
        with file.open("rb") as data:
            length = int.from_bytes(data.read(8), "little")
            table = json.loads(data.read(length if length <= LONGEST_HEAD else 0))
        entries = [entry for name, entry in table.items() if name != "__metadata__"]
        found = [(list(entry["shape"]), tuple(entry["data_offsets"])) for entry in entries]
        found = [(shape, (8 + length + first, 8 + length + end)) for shape, (first, end) in found]
        sound = all(type(n) is int and n >= 0 for shape, ends in found for n in (*shape, *ends))
        sound = sound and all(start <= end for _, (start, end) in found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise ValueError(f"{file} is damaged; {AGAIN}")
    return found


def identity(*folders: Path) -> str:
    """A short hash that tells weights apart without reading tens of gigabytes: by the middle of every tensor.

    Training moves all numbers of the tensors that it moves, which may be few (a LoRA melted into one kind of layer),
    so that both ends of a file can stay as they were. A number changed by hand elsewhere in a tensor is not seen.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.safetensors")):
            tensors = _tensors(file)
            digest.update(f"{file.relative_to(folder)} {file.stat().st_size}".encode())
            with file.open("rb") as data:
                digest.update(data.read(min(start for _, (start, _) in tensors) if tensors else -1))  # their table
                for _, (start, end) in sorted(tensors, key=lambda one: one[1]):
                    data.seek(max(start, (start + end - PIECE) // 2))
                    digest.update(data.read(min(PIECE, end - start)))
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

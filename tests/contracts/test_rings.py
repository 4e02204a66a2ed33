"""The house's rules, read from the syntax trees: imports point inwards, importing does nothing, files stay small."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("engine/**/*.py"), *ROOT.glob("studio/**/*.py"), *ROOT.glob("app.py")])
TOP = set("app.py studio engine prompts assets tests requirements.txt README.md LICENSE".split())
TOP_HIDDEN = {".ci", ".gitignore", ".gitattributes", ".pre-commit-config.yaml", ".ruff.toml"}
MEGABYTE = 1_000_000

# Each ring and what of this repository it may import besides itself. "engine" is the package's own public names alone.
INNER = ["engine.shapes", "engine.scene", "engine.events", "engine.context", "engine.samplers"]
CORE = [*INNER, "engine.runtime", "engine.methods", "engine.backbones.base"]
WORLD = ["engine.world"]
FILES = ["engine.video", "engine.story", "engine.splitter", "engine.reading", "engine.equal_style"]
PUBLIC = [
    "engine",
    "engine.video",
    "engine.story",
    "engine.splitter",
    "engine.equal_style",
    "engine.continuity",
    "engine.sound",
    "engine.outline",
    "engine.plan",
    "engine.uploads",
    "engine.identity",
]
RINGS = {
    "engine.shapes": [],
    "engine.scene": ["engine.shapes"],
    "engine.events": ["engine.scene"],
    "engine.context": ["engine.context"],
    "engine.samplers": ["engine.samplers"],
    "engine.runtime": INNER,
    "engine.backbones": [*INNER, "engine.runtime", "engine.backbones"],
    "engine.methods": [*INNER, "engine.methods"],
    "engine.history": CORE,
    "engine.settings": CORE,
    "engine.generation": [*CORE, "engine.history", "engine.settings", "engine.outline"],
    "engine.plan": [*CORE, "engine.backbones", "engine.generation", "engine.outline", "engine.settings"],
    "engine.arguments": [],
    "engine.decoder": [],
    "engine.uploads": ["engine.shapes", "engine.decoder"],
    "engine.catalogue": [*CORE, "engine.backbones"],
    "engine.affinity": ["engine"],
    "engine.pool": [*CORE, "engine.generation", "engine.affinity", "engine.uploads"],
    "engine.world": WORLD,
    "engine.video": [],
    "engine.continuity": [],
    "engine.sound": ["engine.decoder"],
    "engine.identity": ["engine.evaluation.judge", "engine.world"],
    "engine.outline": [*CORE, "engine.backbones", "engine.settings"],
    "engine.reading": ["engine.world.caption"],
    "engine.equal_style": [],
    "engine.splitter": ["engine.equal_style", "engine.reading", "engine.scene", "engine.world.caption"],
    "engine.story": ["engine.settings", "engine.methods", "engine.scene", "engine.shapes"],
    "engine.cli": [
        *PUBLIC,
        "engine.cli",
        "engine.plan",
        "engine.settings",
        "engine.backbones.base",
        "engine.backbones",
        "engine.catalogue",
        "engine.generation",
    ],
    "engine.__main__": ["engine.cli"],
    "engine.training": ["engine.*"],
    "engine.evaluation": ["engine.*"],
    "engine.bench": ["engine.*"],
    "engine.speed": ["engine.*"],
    "engine": [*CORE, *WORLD, *FILES, "engine.backbones", "engine.generation", "engine.affinity", "engine.catalogue"],
    "studio.ui": ["studio", *PUBLIC],
    "studio": ["studio", *PUBLIC],
    "app": ["studio", *PUBLIC],
}
OUTER = ("engine.training", "engine.evaluation", "engine.bench", "engine.speed", "engine.cli", "engine.identity")
TORCH = {"torch", "einops"}
THIRD_PARTY = {  # the innermost ring knows nothing else
    "engine.shapes": TORCH,
    "engine.scene": TORCH,
    "engine.events": TORCH,
    "engine.context": TORCH,
    "engine.samplers": TORCH,
    "engine.methods": TORCH,
    "engine.history": TORCH,
    "engine.generation": TORCH,
    "engine.outline": TORCH,
    "engine.plan": TORCH,
    "engine.pool": TORCH,
    "engine.decoder": {"imageio_ffmpeg"},
    "engine.uploads": TORCH,
    "engine.continuity": TORCH,
    "engine.sound": {"imageio_ffmpeg"},
    "engine.runtime": TORCH,
}
BASE_CLASSES = {"diffusers.models.modeling_utils", "diffusers.configuration_utils"}
HEAVY = {"diffusers", "transformers", "gradio", "moviepy", "peft", "openai", "trackio", "accelerate", "pandas"}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def inside(module, package):
    return module == package or module.startswith(f"{package}.")


@cache
def imports(path):
    """Every module that a file names in an import, at any depth, for typing or not; ``from a import b`` names a.b
    where that is a file or folder of this repository."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            for alias in node.names:
                part = ROOT.joinpath(*node.module.split("."), alias.name)
                found.add(
                    f"{node.module}.{alias.name}" if part.with_suffix(".py").exists() or part.is_dir() else node.module
                )
    return found


def ring_of(module):
    """The first ring that fits. "engine" is no catch-all, so that a new file must be given its place."""
    return next(ring for ring in RINGS if ring == module or (ring != "engine" and inside(module, ring)))


def may_see(ring, target):
    if ring != "engine" and inside(target, ring):
        return True
    everything = (entry.removesuffix(".*") for entry in RINGS[ring] if entry.endswith(".*"))
    named = (entry for entry in RINGS[ring] if entry != "engine")
    return target in RINGS[ring] or any(inside(target, entry) for entry in (*everything, *named))


def ours(path):
    return {name for name in imports(path) if name.split(".", 1)[0] in ("engine", "studio", "app", "tests")}


def test_every_module_stands_in_a_ring():
    for path in SOURCES:
        try:
            ring_of(name_of(path))
        except StopIteration:
            pytest.fail(f"{name_of(path)} stands in no ring; give it one in RINGS, as far in as it can be")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_inwards(path):
    module = name_of(path)
    ring = ring_of(module)
    for target in ours(path):
        assert may_see(ring, target), f"{module} imports {target}, which lies further out"


@pytest.mark.parametrize("path", [p for p in SOURCES if name_of(p).startswith("engine")], ids=name_of)
def test_nothing_in_the_engine_sees_who_uses_it(path):
    module = name_of(path)
    for target in ours(path):
        assert target.startswith("engine"), f"{module} imports {target}"
        if not module.startswith((*OUTER, "engine.__main__")):
            assert not target.startswith(OUTER), f"{module} imports {target}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_libraries_are_where_they_belong(path):
    module = name_of(path)
    known = THIRD_PARTY.get(ring_of(module))
    for target in imports(path) - ours(path):
        library = target.split(".", 1)[0]
        if known is not None and library not in sys.stdlib_module_names:
            assert library in known, f"{module} imports {library}; its ring knows only {', '.join(sorted(known))}"
        if library == "gradio":
            assert module == "app" or inside(module, "studio.ui"), f"{module} imports gradio"
        if library == "diffusers" and not inside(module, "engine.backbones"):
            assert target in BASE_CLASSES, f"{module} imports {target}; models of diffusers belong to engine.backbones"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_fit_on_one_screen(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 60, f"{node.name} in {name_of(path)} has {lines} lines; the most is 60"


@pytest.mark.parametrize("path", sorted(ROOT.glob("studio/ui/*.py")), ids=name_of)
def test_screens_hold_layout_and_wiring_only(path):
    """They reach the engine through the services, and no database at all."""
    assert not [target for target in imports(path) if inside(target, "engine") or inside(target, "sqlite3")]
    texts = [node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)]
    assert not [text for text in texts if isinstance(text, str) and re.match(r"(SELECT|INSERT|UPDATE|DELETE) ", text)]


@pytest.mark.parametrize("package", ["engine", "studio"])
def test_importing_does_nothing(package, tmp_path):
    """No heavy library comes in, no GPU is asked, no file or folder appears."""
    code = (
        f"import json, sys; sys.path.insert(0, {str(ROOT)!r}); sys.dont_write_bytecode = True; import {package}; "
        "torch = sys.modules.get('torch'); used = bool(torch and torch.cuda.is_initialized()); "
        "print(json.dumps([sorted({name.split('.')[0] for name in sys.modules}), used]))"
    )
    home = {"HOME": str(tmp_path), "PATH": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=home, capture_output=True, text=True, check=True, timeout=120
    )
    loaded, used = json.loads(done.stdout.splitlines()[-1])
    assert not HEAVY & set(loaded)
    assert not used
    assert not list(tmp_path.iterdir())


@cache
def listed():
    """Files that are, or would be, in the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository, so there is no list of its files")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_is_the_agreed_one():
    found = {path.relative_to(ROOT).parts[0] for path in listed()}
    assert found <= TOP | TOP_HIDDEN, f"not agreed: {found - TOP - TOP_HIDDEN}"
    assert found >= TOP, f"missing: {TOP - found}"


def test_no_file_is_large():
    for path in listed():
        assert path.stat().st_size <= 10 * MEGABYTE, f"{path.relative_to(ROOT)} is over 10 MB"


def test_the_pocket_model_stays_small():
    assert (
        sum(path.stat().st_size for path in listed() if path.is_relative_to(ROOT / "assets" / "pocket"))
        <= 35 * MEGABYTE
    )


def test_no_file_names_somebodys_machine():
    machine = re.compile(r"(?<![\w.~}/])/(?:home|root|work|opt|mnt|Users)/\w")
    for path in listed():
        if path.suffix in {".py", ".md", ".txt", ".toml", ".yaml", ".json", ".ini", ".css", ""}:
            found = machine.search(path.read_text("utf-8", errors="ignore"))
            assert not found, f"{path.relative_to(ROOT)} names {found[0]}..."


def test_test_files_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").glob("*/**/*.py")]
    assert len(names) == len(set(names)), "pytest needs unique names, for test folders are no packages"
    assert "__init__.py" not in names

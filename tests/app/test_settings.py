"""Settings and logins: one clear sentence for each wrong value, and no secret in any of them."""

import re
import subprocess
from importlib import metadata

import imageio_ffmpeg
import pytest

from studio.logins import MISSES, WITHIN, Logins
from studio.settings import EVERYONE, read_settings

KEY = "canary-9f2c"


@pytest.mark.parametrize(
    ("variables", "sentences"),
    [
        ({"REELBOARD_PORT": "99999"}, ["REELBOARD_PORT is '99999'; input should be less than or equal to 65535"]),
        ({"REELBOARD_PORT": "x", "STUDIO_EXECUTOR": "g"}, ["REELBOARD_PORT is 'x'", "STUDIO_EXECUTOR is 'g'"]),
        ({"STUDIO_PASWORD": KEY}, ["STUDIO_PASWORD is no setting; the nearest is STUDIO_PASSWORD"]),
        ({"REELBOARD_PASSWORD": KEY}, ["REELBOARD_PASSWORD is no setting; the nearest is STUDIO_PASSWORD"]),
        ({"GRADIO_ALLOWED_PATHS": "/"}, ["GRADIO_ALLOWED_PATHS is '/', which would open what the studio keeps shut"]),
        ({"GRADIO_VIBE_MODE": "1"}, ["GRADIO_VIBE_MODE is '1', which would open what the studio keeps"]),
        ({"REELBOARD_MCP": "perhaps"}, ["REELBOARD_MCP is 'perhaps'; input should be a valid boolean"]),
        ({"REELBOARD_VISITOR_JOBS": "0"}, ["REELBOARD_VISITOR_JOBS is '0'; input should be greater than"]),
        ({"REELBOARD_HOST": EVERYONE}, ["REELBOARD_HOST is '0.0.0.0', which lets strangers in; set STUDIO_USER"]),
        ({"REELBOARD_HOST": "my.lan"}, ["REELBOARD_HOST is 'my.lan', which lets strangers in"]),
        ({"STUDIO_USER": "me"}, ["STUDIO_PASSWORD is too short; with STUDIO_USER it has 8 signs or more"]),
        ({"STUDIO_USER": "me", "STUDIO_PASSWORD": "short"}, ["STUDIO_PASSWORD is too short"]),
        ({"STUDIO_PASSWORD": KEY}, ["STUDIO_PASSWORD is set without a name"]),
        ({"STUDIO_USERS": "/nowhere/users"}, ["STUDIO_USERS is 'users', which can't be read"]),
    ],
)  # fmt: skip
def test_each_wrong_value_is_a_sentence(tmp_path, variables, sentences):
    with pytest.raises(ValueError, match=r"is|has") as caught:
        read_settings({"REELBOARD_HOME": str(tmp_path)} | variables)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(sentences)
    assert all(line.startswith(told) for line, told in zip(sorted(lines), sorted(sentences), strict=True))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ann:long-enough\nbob\n", "no NAME:PASSWORD in line 2"),
        ("ann:short\n", "line 1"),
        (f":{KEY}\n", "line 1"),
        ("# nobody\n\n", "names nobody"),
    ],
)
def test_a_file_of_users_is_checked_without_telling_what_is_in_it(tmp_path, text, told):
    (tmp_path / "users").write_text(text)
    with pytest.raises(ValueError, match=told) as caught:
        read_settings({"STUDIO_USERS": str(tmp_path / "users")})
    assert KEY not in str(caught.value)
    assert "short" not in str(caught.value)


def test_users_of_a_file_and_of_the_environment_come_in_and_open_a_host(tmp_path):
    (tmp_path / "users").write_text("# the team\nann:walking-home\nbob:with:colons\n")
    variables = {"STUDIO_USERS": str(tmp_path / "users"), "STUDIO_USER": "me", "STUDIO_PASSWORD": KEY}
    found = read_settings(variables | {"REELBOARD_HOST": EVERYONE})
    assert found.logins == {"me": KEY, "ann": "walking-home", "bob": "with:colons"}
    assert KEY not in repr(found)
    assert KEY not in str(found.model_dump())
    assert read_settings({"REELBOARD_PUBLIC": "1", "REELBOARD_HOST": EVERYONE}).public


def test_strangers_variables_are_nobodys_business():
    assert read_settings({"REELBOARD_KILLS": "200", "GRADIO_SHARE": "True"}).port == 7860


def test_a_space_is_known_by_its_name(tmp_path):
    space = {"SPACE_ID": "me/reelboard", "SYSTEM": "spaces", "SPACES_ZERO_GPU": "true"}
    found = read_settings(space)
    assert (found.space, found.public, found.executor, found.ephemeral) == (True, True, "inline", True)
    kept = read_settings(space | {"REELBOARD_HOME": str(tmp_path), "STUDIO_EXECUTOR": "local"})
    assert (kept.executor, kept.ephemeral, kept.home) == ("local", False, tmp_path)


def test_guessing_shuts_a_name_for_a_minute_and_nobody_else():
    now = [0.0]
    logins = Logins({"ann": "walking-home", "bob": "sailing-away"}, clock=lambda: now[0])
    assert logins("ann", "walking-home")
    assert not logins("ann", "walking-homf")
    assert not logins("", "")
    assert not logins("nobody", "walking-home")
    assert not logins("ann", "\ud800")
    for _ in range(MISSES):
        logins("ann", "guess")
    assert not logins("ann", "walking-home")
    assert logins("bob", "sailing-away")
    now[0] = WITHIN - 1
    assert not logins("ann", "walking-home")
    now[0] = WITHIN + 1
    assert logins("ann", "walking-home")


@pytest.mark.parametrize(
    ("package", "least"),
    [("gradio", (6, 28)), ("torch", (2, 6)), ("diffusers", (0, 40)), ("pillow", (10, 3)), ("safetensors", (0, 6))],
)
def test_what_is_installed_has_no_published_hole(package, least):
    """The versions from which on the holes that anchors.md lists (C2) are mended."""
    assert tuple(int(part) for part in metadata.version(package).split(".")[:2]) >= least


def test_the_decoder_is_one_without_published_holes():
    told = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-version"], capture_output=True, text=True, check=True)
    found = re.match(r"ffmpeg version n?(\d+)\.(\d+)(?:\.(\d+))?", told.stdout)
    assert found, told.stdout[:80]
    assert tuple(int(part or 0) for part in found.groups()) >= (8, 1, 2)

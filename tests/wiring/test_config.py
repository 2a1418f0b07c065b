"""Config: flag before environment before project file before home file before default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from envoy import limits
from envoy.errors import UsageError
from envoy.wiring import config as configs
from envoy.wiring import toml
from envoy.wiring.config import Config


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty directory with an empty home beside it and no environment."""
    for name in list(os.environ):
        if name.startswith("ENVOY_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path / "home"))
    place = tmp_path / "project/deep"
    place.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(place)
    return place


def load(**flags: Any) -> Config:
    """Return the configuration for ``flags``."""
    return configs.load(flags, read_toml=toml.read)


def refused(**flags: Any) -> dict[str, object]:
    """Return the details of the refusal of ``flags``."""
    with pytest.raises(UsageError) as caught:
        load(**flags)
    assert caught.value.code == "invalid_argument"
    return caught.value.details


def test_defaults_need_no_file(here: Path) -> None:
    found = load()
    assert (found.profile, found.space, found.session) == ("default", None, "default")
    assert found.timeout_ms == limits.RPC_SECONDS_DEFAULT * 1000
    assert (found.json, found.quiet, found.color, found.sync) == (False, False, "auto", True)
    assert set(found.origins.values()) == {"default", "environment"}  # of the home


def test_who_said_it_first_is_heard(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_file = here.parents[1] / "home/config.toml"
    project_file = here.parent / ".envoy.toml"
    home_file.write_text('profile = "of-home"\n')
    assert (load().profile, load().origins["profile"]) == ("of-home", str(home_file))
    project_file.write_text('profile = "of-project"\n')
    assert (load().profile, load().origins["profile"]) == ("of-project", str(project_file))
    monkeypatch.setenv("ENVOY_PROFILE", "of-environment")
    assert (load().profile, load().origins["profile"]) == ("of-environment", "environment")
    found = load(profile="of-flag")
    assert (found.profile, found.origins["profile"]) == ("of-flag", "flag")


def test_an_empty_variable_says_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVOY_PROFILE", "")
    monkeypatch.setenv("ENVOY_SPACE", "")
    assert (load().profile, load().space) == ("default", None)


def test_the_nearest_project_file_counts(here: Path) -> None:
    (here.parent / ".envoy.toml").write_text('space = "far"\n')
    assert load().space == "far"
    (here / ".envoy.toml").write_text('space = "near"\n')
    assert load().space == "near"


def test_a_project_may_choose_a_profile_and_a_space_and_nothing_else(here: Path) -> None:
    text = 'space = "s"\nprofile = "p"\nrelay_url = "https://evil"\nsession = "x"\ntimeout = 1\n'
    (here / ".envoy.toml").write_text(text)
    found = load()
    assert (found.space, found.profile) == ("s", "p")
    assert (found.relay_url, found.session) == (None, "default")
    assert found.timeout_ms == limits.RPC_SECONDS_DEFAULT * 1000
    (here.parents[1] / "home/config.toml").write_text('relay_url = "https://mine"\n')
    assert load().relay_url == "https://mine", "the home may"


def test_a_file_of_somebody_else_is_none_of_mine(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / ".envoy.toml").write_text('profile = "p"\n')
    monkeypatch.setattr(os, "getuid", lambda: os.stat(here).st_uid + 1)
    assert load().profile == ("p" if os.stat(here).st_uid == 0 else "default")


def test_the_search_for_a_project_ends_at_the_parent_of_the_home(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = here.parents[1]
    (root.parent / ".envoy.toml").unlink(missing_ok=True)
    inside = root / "home"
    monkeypatch.chdir(inside)
    (root / ".envoy.toml").write_text('profile = "p"\n')
    assert configs.find_project_file(str(inside)) == str(root / ".envoy.toml")
    (root / ".envoy.toml").unlink()
    assert configs.find_project_file(str(inside)) is None


def test_a_directory_that_is_gone_is_no_project(here: Path) -> None:
    here.rmdir()
    assert load().profile == "default"


@pytest.mark.parametrize("name", ["a", "a1-run.7_x", "x" * limits.PROFILE_NAME_CHARS_MAX])
def test_a_profile_has_a_plain_name(name: str, here: Path) -> None:
    assert load(profile=name).profile == name


@pytest.mark.parametrize(
    "name",
    [
        *["", ".", "..", ".hidden", "-x", "a/b", "../x", "a b", "a\nb", "a\0b", "\u00e4", "a\\b"],
        "x" * (limits.PROFILE_NAME_CHARS_MAX + 1),
    ],
)
def test_a_profile_is_nothing_else_than_a_name(name: str, here: Path) -> None:
    assert refused(profile=name)["argument"] == "profile"


@pytest.mark.parametrize(
    ("variable", "value", "argument"),
    [
        ("ENVOY_TIMEOUT", "soon", "timeout"),
        ("ENVOY_TIMEOUT", "-1", "timeout"),
        ("ENVOY_TIMEOUT", "9" * 400, "timeout"),
        ("ENVOY_SESSION", "x" * (limits.LABEL_BYTES_MAX + 1), "session"),
        ("ENVOY_SESSION", "no utf-8 \udcff", "session"),
        ("ENVOY_PROFILE", "../x", "profile"),
    ],
)
def test_a_bad_value_of_the_environment_names_its_origin(
    variable: str, value: str, argument: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    details = refused()
    assert (details["argument"], details["origin"]) == (argument, "environment")


def test_a_timeout_has_an_end(here: Path) -> None:
    assert load(timeout=10**12).timeout_ms == limits.TIMEOUT_MS_MAX


@pytest.mark.parametrize(
    ("environ", "color"),
    [({}, "auto"), ({"NO_COLOR": "1"}, "never"), ({"FORCE_COLOR": "1"}, "always")],
)
def test_colour_follows_the_customs(
    environ: dict[str, str], color: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert load().color == color
    assert load(color="never").color == "never"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        pytest.param("profile = ", "toml", id="no TOML"),
        pytest.param("profile = { a = 1 }", "toml_value", id="a table"),
        pytest.param("profile = 1.5", "toml_value", id="a float"),
        pytest.param("profile = " + 5000 * "[", "toml", id="lists without end"),
        pytest.param("# " + "x" * limits.CONFIG_BYTES_MAX, "too_long", id="too long"),
        pytest.param("\u00e4".encode("latin-1"), "toml", id="no UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(text: str | bytes, cause: str, here: Path) -> None:
    path = here / ".envoy.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    details = refused()
    assert (details["argument"], details["cause"]) == (str(path), cause)


def test_json_comes_from_the_flag_or_the_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(json=True).json
    monkeypatch.setenv("ENVOY_FORMAT", "json")
    assert load().json

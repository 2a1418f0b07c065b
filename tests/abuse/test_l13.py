"""L13: a settings file of a runtime that is a link, a pipe or another's is not what is written.

A project comes from others, so nothing in it leads out of it. A link of the user's own, as people
who keep their settings elsewhere have, is followed and stays one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console import Console

FILES = {
    "claude-code": (".mcp.json", ".claude/settings.json"),
    "codex": (".codex/config.toml", ".codex/hooks.json"),
    "any": ("AGENTS.md",),
    "gemini": (".gemini/settings.json", "GEMINI.md"),
    "cursor": (".cursor/mcp.json", ".cursor/hooks.json"),
    "vscode": (".vscode/mcp.json",),
}
SECRET = "{}"
CASES = [pytest.param(runtime, file, id=file) for runtime, some in FILES.items() for file in some]


def link(path: Path, secret: Path) -> None:
    """Let the file be a link out of the project."""
    path.symlink_to(secret)


def chain(path: Path, secret: Path) -> None:
    """Let it be a link to a link that leads out."""
    between = path.with_name("between")
    between.symlink_to(secret)
    path.symlink_to(between.name)


def directory(path: Path, secret: Path) -> None:
    """Let the directory it is in lead out, where it has one of its own."""
    target = secret.parent / "inside"
    target.mkdir()
    (target / path.name).write_text(SECRET)
    if path.parent.name.startswith("."):
        path.parent.rmdir()
        path.parent.symlink_to(target)
    else:
        path.symlink_to(target / path.name)


def dangling(path: Path, secret: Path) -> None:
    """Let it be a link to what is not there yet, outside."""
    path.symlink_to(secret.parent / "new")


def pipe(path: Path, _: Path) -> None:
    """Let it be a pipe."""
    os.mkfifo(path)


@pytest.mark.parametrize("trick", [link, chain, directory, dangling, pipe])
@pytest.mark.parametrize(("runtime", "file"), CASES)
def test_nothing_outside_of_a_project_is_written(
    runtime: str, file: str, trick: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    console = Console(tmp_path)
    secret = tmp_path / "elsewhere" / "settings.json"
    secret.parent.mkdir()
    secret.write_text(SECRET)
    path = console.cwd / file
    path.parent.mkdir(exist_ok=True)
    trick(path, secret)
    before = everything(secret.parent)
    found = console.call("--json", "hooks", "install", runtime, "--scope", "project")
    assert (found.status, found.data["error_code"]) == (8, "state_access_denied")
    assert everything(secret.parent) == before
    regular = [one for one in console.cwd.rglob("*") if one.is_file() and not one.is_symlink()]
    assert not [one for one in regular if not one.is_relative_to(path.parent)], "all or nothing"


def everything(place: Path) -> dict[str, str]:
    """Return all files below a place and what they hold."""
    return {str(one): one.read_text() for one in sorted(place.rglob("*")) if one.is_file()}


@pytest.mark.parametrize("runtime", FILES)
def test_control_a_project_of_plain_files_is_served(runtime: str, tmp_path: Path) -> None:
    console = Console(tmp_path)
    assert console.ok("hooks", "install", runtime, "--scope", "project")["changed"]


def test_a_link_inside_the_project_and_one_of_the_user_are_followed(tmp_path: Path) -> None:
    console = Console(tmp_path)
    (console.cwd / "kept.json").write_text(SECRET)
    (console.cwd / ".mcp.json").symlink_to("kept.json")
    console.ok("hooks", "install", "claude-code", "--scope", "project")
    assert (console.cwd / ".mcp.json").is_symlink()
    assert "envoy-mcp" in (console.cwd / "kept.json").read_text()

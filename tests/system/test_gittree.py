"""Git tree: what a real repository says, and that nothing is said where there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envoy.system import gittree

NAMED = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


def git(directory: Path, *words: str) -> str:
    """Run git and return what it says."""
    done = subprocess.run(
        ("git", *NAMED, *words), cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "parser"
    top.mkdir()
    git(top, "init", "-q")
    (top / "a").write_text("a")
    git(top, "add", "a")
    git(top, "commit", "-q", "-m", "first")
    return top


def test_a_clean_tree_has_its_commit(tree: Path) -> None:
    (tree / "below").mkdir()
    found = gittree.look(str(tree / "below"))
    assert found == gittree.Tree(str(tree), "parser", git(tree, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("name", ["a", "new"])
def test_a_file_that_differs_or_is_new_makes_it_dirty(name: str, tree: Path) -> None:
    (tree / name).write_text("b")
    found = gittree.look(str(tree))
    assert found is not None
    assert found.is_dirty


@pytest.mark.parametrize(
    "origin",
    ["https://ada:pw@example.org/org/lexer.git", "git@example.org:lexer.git", "/srv/lexer/"],
)
def test_its_name_is_the_last_part_of_its_origin(origin: str, tree: Path) -> None:
    git(tree, "remote", "add", "origin", origin)
    found = gittree.look(str(tree))
    assert found is not None
    assert found.name == "lexer"


def test_without_a_repository_a_commit_or_git_nothing_is_known(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gittree.look(str(tmp_path)) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    assert gittree.look(str(empty)) is None
    assert gittree.look(str(tree)) is not None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gittree.look(str(tree)) is None


def test_git_that_does_not_answer_in_time_says_nothing(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(gittree, "ANSWER_SECONDS_MAX", 0.2)
    assert gittree.look(str(tree)) is None


def test_a_monitor_that_the_repository_names_is_not_run(tree: Path, tmp_path: Path) -> None:
    mark, program = tmp_path / "ran", tmp_path / "monitor"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(program))
    assert gittree.look(str(tree)) is not None
    assert not mark.exists()

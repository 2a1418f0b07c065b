"""Running: where a command ran is told without saying whose machine it was; streams that fail."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from console import Console
from envoy.errors import ConflictError, RelayError
from envoy.system.children import Ended
from envoy.system.gittree import Tree
from envoy.wiring import config, running
from envoy.wiring.running import Heart, Kept, Ran, Show

ENDED = Ended(0, None, 5, 3, "ab" * 32, b"end")


def ran(cwd: str, tree: Tree | None = None) -> Ran:
    """Return a run in a directory."""
    return Ran(ENDED, 0, cwd, tree)


def place(found: Ran) -> object:
    """Return where a run is said to have been."""
    return dict(running.fields(found, ["make"]))["cwd"]


def test_a_directory_is_told_below_its_repository_or_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, top = tmp_path / "ada", tmp_path / "ada" / "parser"
    (top / "src").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    tree = Tree(str(top), "parser", "4f1c", False)
    assert place(ran(str(top), tree)) == "."
    assert place(ran(str(top / "src"), tree)) == "./src"
    assert place(ran(str(top))) == "~/parser"
    assert place(ran(str(home))) == "~"
    assert place(ran("/")) == "/"


@pytest.mark.parametrize(
    ("tree", "subject"),
    [
        pytest.param(Tree("/", "parser", "4f1c", False), "git:parser@4f1c", id="clean"),
        pytest.param(Tree("/", "parser", "4f1c", True), "git:parser@4f1c+dirty", id="dirty"),
        pytest.param(Tree("/", "parser", "4f1c", None), "git:parser@4f1c+dirty", id="unknown"),
        pytest.param(Tree("/", "a@b\nc", "4f1c", False), "git:a b c@4f1c", id="an odd name"),
    ],
)
def test_what_a_run_speaks_of(tree: Tree, subject: str) -> None:
    assert running.subject(ran("/", tree), ["make"]) == subject


def test_without_git_another_command_line_is_another_subject() -> None:
    one, other = (running.subject(ran("/"), argv) for argv in (["/bin/sh", "a"], ["sh", "b"]))
    assert one.startswith("run:sh-") and other.startswith("run:sh-")
    assert one.rpartition("@")[0] != other.rpartition("@")[0]
    assert one.endswith("@" + ENDED.sha256)


class Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, piece: object) -> int:
        """Fail."""
        raise OSError(28, "full")


def test_an_output_that_cannot_be_kept_is_not_kept_in_part() -> None:
    kept = Kept(Full())
    kept(b"one")
    kept(b"two")
    assert not kept.is_whole
    whole = Kept(io.BytesIO())
    whole(b"one")
    assert whole.is_whole and whole.read()(10) == b"one"


def test_a_stream_that_nobody_reads_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = config.load({}, read_toml=lambda _: {})
    under = io.BytesIO()
    closed = io.TextIOWrapper(under)
    monkeypatch.setattr(sys, "stdout", closed)
    show = Show(plain)
    show(b"one")
    assert under.getvalue() == b"one"
    closed.close()
    show(b"two")
    show(b"three")
    monkeypatch.setattr(sys, "stdout", None)
    Show(plain)(b"four")


def test_a_heart_beats_on_while_a_hub_is_away_and_stops_where_a_task_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "BEAT_MS", 0)
    errors = [RelayError("relay_unavailable"), None, ConflictError("fence_stale"), None]
    count = list[int]()

    def beat() -> None:
        error = errors[len(count)]
        count.append(1)
        if error is not None:
            raise error

    heart = Heart(beat)
    for _ in range(5):
        heart()
    assert len(count) == 3
    assert heart.lost is not None and heart.lost.code == "fence_stale"
    quiet = Heart(None)
    quiet()
    assert quiet.lost is None


def test_a_command_runs_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("quickstart", "--space-name", "bughunt")
    console.sh("envoy run -- sh -c 'seq 1 100000; touch ran' | head -1")
    assert os.path.exists(console.cwd / "ran")
    (record,) = console.ok("record", "list")["records"]
    fields = {one["name"]: one["value"] for one in record["fields"]}
    assert (fields["exit"], fields["output_bytes"]) == ("0", "588895")

"""Bounds: one profile, one space if it is pinned, no word carried across, no file outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import limits
from envoy.mcp import resources, tools
from envoy.mcp.session import Bounds
from mcpplay import Json, Player, player, team


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Console, str, str]]:
    """Return a console whose lead has two spaces, with a message in each."""
    console, first = team(tmp_path, "lead")
    second = console.ok("--profile", "lead", "space", "create", "other")["space_id"]
    for space in (first, second):
        console.ok("--profile", "lead", "send", "--space", space, "hello")
    yield console, first, second


EVERYWHERE: list[Any] = [
    pytest.param("space_brief", {}, id="a brief"),
    pytest.param("history", {}, id="a history"),
    pytest.param("members", {}, id="members"),
    pytest.param("inbox_read", {}, id="an inbox"),
    pytest.param("inbox_ack", {"up_to_cursor": 1}, id="an acknowledgement"),
    pytest.param("events_wait", {"since": 0}, id="events"),
    pytest.param("message_send", {"body": "x"}, id="a message"),
    pytest.param("tasks", {}, id="tasks"),
    pytest.param("task_create", {"title": "x"}, id="a new task"),
    pytest.param("task_claim", {"ready": True}, id="a claim"),
    pytest.param("record_add", {"kind": "decision", "fields": {"text": "x"}}, id="a record"),
    pytest.param("object_put", {"text": "x", "name": "x"}, id="an object"),
]


@pytest.mark.parametrize(("name", "given"), EVERYWHERE)
def test_a_pinned_server_refuses_every_other_space(
    two: tuple[Console, str, str], name: str, given: Json
) -> None:
    console, first, second = two
    with player(console, "lead", pin=first) as pinned:
        error = pinned.refused(name, space=second, **given)
        assert (error["error_code"], error["cause"]) == ("unsupported_operation", "pinned")
        done = pinned.ask(name, **given)  # the control: its own needs no name
        assert not done.is_error or done.data["error_code"] == "nothing_ready"


def test_a_pinned_server_finds_nothing_of_another_space(two: tuple[Console, str, str]) -> None:
    console, first, second = two
    with player(console, "lead") as free, player(console, "lead", pin=first) as pinned:
        task = free.call("task_create", title="there", space=second)["task_id"]
        held = free.call("object_put", text="there", name="x", space=second)["object_id"]
        for name, given in (
            ("tasks", {"task": task}),
            ("trace", {"id": task}),
            ("object_get", {"id": held}),
            ("task_claim", {"task": task}),
            ("task_update", {"task": task, "action": "progress"}),
            ("task_review", {"task": task, "verdict": "approve", "note": "x"}),
            ("record_add", {"kind": "decision", "fields": {"text": "x"}, "task": task}),
        ):
            assert pinned.refused(name, **given)["error_code"] in ("task_not_found", "not_found")
        assert [one["space_id"] for one in pinned.call("status")["spaces"]] == [first]
        assert [one["space_id"] for one in free.call("status")["spaces"]] == [first, second]
        assert all(first in uri for uri, _ in resources.listed(pinned.session))
        assert free.call("trace", id=task)["start"] == task
        uri = f"envoy://space/{second}/brief"
        assert resources.head(pinned.session, uri) is None
        assert resources.head(free.session, uri) is not None


def test_a_pin_to_nothing_refuses_everything(two: tuple[Console, str, str]) -> None:
    console = two[0]
    with player(console, "lead", pin="nowhere") as lost:
        for name in ("status", "space_brief", "inbox_read"):
            assert lost.refused(name)["error_code"] == "space_not_found"


def test_words_of_one_space_are_not_carried_into_another(two: tuple[Console, str, str]) -> None:
    console, first, second = two
    with player(console, "lead", no_crossing=True) as careful:
        careful.call("status")  # shows names alone
        careful.call("message_send", body="x", space=first)
        careful.call("message_send", body="x", space=second)
        careful.call("history", space=first)
        careful.call("message_send", body="x", space=first)
        error = careful.refused("message_send", body="x", space=second)
        assert (error["error_code"], error["cause"]) == (
            "unsupported_operation",
            "deny_cross_space",
        )
        assert error["space_ids"] == [first]
        careful.call("history", space=second)  # to read is not to carry
        assert careful.refused("task_create", title="x", space=first)["space_ids"] == [second]
    with player(console, "lead") as free:
        free.call("history", space=first)
        free.call("message_send", body="x", space=second)


READS: tuple[tuple[str, Json], ...] = (
    *(("space_brief", {}), ("tasks", {}), ("inbox_read", {}), ("events_wait", {"since": 0})),
    *(("trace", {"id": "EVENT"}), ("object_get", {"id": "OBJECT"})),
)


def test_every_way_of_reading_counts(two: tuple[Console, str, str]) -> None:
    console, first, second = two
    console.ok("--profile", "second", "init", "--name", "s")
    code = console.ok("--profile", "lead", "invite", first, "--max-uses", "1")["invite_code"]
    console.ok("--profile", "second", "join", "-", stdin=code)
    sent = console.ok("--profile", "second", "send", "--space", first, "unread")["event_id"]
    with player(console, "lead") as free:
        held = free.call("object_put", text="x", name="x", space=first)["object_id"]
    for name, given in READS:
        with player(console, "lead", no_crossing=True) as careful:
            names = {"EVENT": sent, "OBJECT": held}
            filled = {key: names.get(str(one), one) for key, one in given.items()}
            if name not in ("trace", "object_get"):
                filled["space"] = first
            careful.call(name, **filled)
            assert "space_ids" in careful.refused("message_send", body="x", space=second), name
    with player(console, "lead", no_crossing=True) as careful:
        resources.read(careful.session, f"envoy://space/{first}/event/{sent}")
        assert "space_ids" in careful.refused("message_send", body="x", space=second)


def test_a_server_that_only_reads_runs_nothing_else(two: tuple[Console, str, str]) -> None:
    console, first, _ = two
    with player(console, "lead", read_only=True) as reader:
        for name in tools.WRITINGS:
            error = reader.refused(name, space=first)
            assert (error["error_code"], error["cause"]) == ("unsupported_operation", "read_only")
        assert reader.call("history", space=first)["records"]


# -- files ---------------------------------------------------------------------------------------


@pytest.fixture
def sharer(tmp_path: Path) -> Iterator[tuple[Player, Path]]:
    """Return a session whose root holds ways out, and the root."""
    console, _ = team(tmp_path, "lead")
    root = console.cwd
    (tmp_path / "secret.txt").write_text("secret")
    (root / "in").mkdir()
    (root / "in" / "ok.txt").write_text("ok")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path)
    (root / "inner").symlink_to(root / "in")
    os.mkfifo(root / "pipe")
    with player(console, "lead") as opened:
        yield opened, root


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        pytest.param("../secret.txt", "outside_root", id="up"),
        pytest.param("in/../../secret.txt", "outside_root", id="up on the way"),
        pytest.param("/etc/hostname", "outside_root", id="another absolute path"),
        pytest.param("", "outside_root", id="nothing"),
        pytest.param(".", "outside_root", id="the root itself"),
        pytest.param("link.txt", "link", id="a link"),
        pytest.param("out/secret.txt", "link", id="a link on the way"),
        pytest.param("inner/ok.txt", "link", id="even a link that stays inside"),
        pytest.param("in", "not_a_file", id="a directory"),
        pytest.param("pipe", "not_a_file", id="a pipe"),
        pytest.param("in/no\0ne", "nul", id="a zero byte"),
        pytest.param("none.txt", "missing", id="nothing there"),
        pytest.param("in/ok.txt/more", "not_a_directory", id="below a file"),
    ],
)
def test_no_way_leads_out_of_the_root(sharer: tuple[Player, Path], path: str, cause: str) -> None:
    opened, _ = sharer
    error = opened.refused("object_put", path=path, name="x")
    assert error["error_code"] == "invalid_argument" and cause in str(error["cause"])


def test_files_below_the_root_are_shared_by_either_path(sharer: tuple[Player, Path]) -> None:
    opened, root = sharer
    for path in ("in/ok.txt", "./in//ok.txt", str(root / "in" / "ok.txt")):
        assert opened.call("object_put", path=path, name="x")["size"] == 2


def test_nothing_is_shared_from_the_home_of_envoy(tmp_path: Path) -> None:
    console, _ = team(tmp_path, "lead")
    inside = console.home / "profiles" / "lead"
    for root, path in (
        (tmp_path, "home/profiles/lead/identity.json"),
        (console.home, "profiles/lead/identity.json"),
        (inside, "identity.json"),
    ):
        with player(console, "lead") as opened:
            opened.session.bounds = Bounds(str(root))
            error = opened.refused("object_put", path=path, name="x")
            assert error["cause"] == "envoy_home", root
    (tmp_path / "homely.txt").write_text("fine")
    with player(console, "lead") as opened:
        opened.session.bounds = Bounds(str(tmp_path))
        assert opened.call("object_put", path="homely.txt", name="x")["size"] == 4


def test_a_file_that_is_too_large_is_refused(sharer: tuple[Player, Path]) -> None:
    opened, root = sharer
    with open(root / "large", "wb") as file:
        file.truncate(limits.OBJECT_CHUNKS_MAX * limits.CHUNK_BYTES_MAX + 1)
    assert opened.refused("object_put", path="large", name="x")["error_code"] == "object_too_large"

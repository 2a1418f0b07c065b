"""`object` as programs and people use it: answers, hostile names, kills, full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from console import PROGRAM, Console
from hostile import CONTROLS
from schemas import problems

DATA = bytes(range(256)) * 5000  # two chunks
HOSTILE = ["../../.ssh/x", "/etc/passwd", "CON", "..", ".", "-", "a/b", "\u202egol.txt", "\x1b[2J"]


def answer(console: Console, schema: str, *args: str, profile: str = "lead") -> dict[str, Any]:
    """Return the answer of a command that has to succeed and fit its schema."""
    found = console.ok("--profile", profile, *args)
    assert problems(found, schema) == []
    return found


def refused(console: Console, *args: str, profile: str = "lead") -> dict[str, Any]:
    """Return the error of a command that has to fail."""
    found = console.call("--profile", profile, "--json", *args)
    assert found.status > 0 and problems(found.data, "error") == []
    return found.data


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a home in which lead and a1 share a space."""
    return made(tmp_path_factory.mktemp("objects"))


def made(root: Path) -> Console:
    """Return a home in which lead and a1 share a space, and a file."""
    console = Console(root)
    start = ("--human", "--name", "lead", "--space-name", "one")
    code = console.ok("--profile", "lead", "quickstart", *start)["invite_code"]
    console.ok("--profile", "a1", "join", code, "--name", "a1")
    (console.cwd / "crash.log").write_bytes(DATA)
    return console


def put(console: Console, *args: str) -> dict[str, Any]:
    """Share the file and return the answer."""
    return answer(console, "object_put", "object", "put", "crash.log", *args)


def test_an_object_goes_in_and_comes_out(shared: Console) -> None:
    task = shared.ok("--profile", "lead", "task", "create", "look at it")["task_id"]
    done = put(shared, "--task", task, "--pin", "--media-type", "text/plain; charset=utf-8")
    assert (done["name"], done["size"], done["chunks"], done["have_chunks"]) == (
        *("crash.log", len(DATA)),
        *(2, 2),
    )
    assert done["pinned"] and done["state"] == "complete" and done["task_id"] == task
    listed = answer(shared, "objects", "object", "list", "--task", task, profile="a1")["objects"]
    assert [one["event_id"] for one in listed] == [done["event_id"]]
    assert listed[0]["have_chunks"] == 2 and not listed[0]["pinned"]
    found = answer(
        *(shared, "object_get", "object", "get", done["event_id"], "--output", "out"), profile="a1"
    )
    out = shared.cwd / "out"
    assert found["path"] == str(out) and out.read_bytes() == DATA
    assert out.stat().st_mode & 0o777 == 0o600
    record = answer(shared, "work_record", "work-record", profile="a1")
    assert record["objects"][0]["object_id"] == done["object_id"]
    assert record["objects"][0]["have_chunks"] is None
    assert record["local"]["objects"][0]["state"] == "complete"
    shown = shared.call("--profile", "a1", "search", "crash")
    assert "crash.log" in shown.out


def test_pages_of_objects_go_on_where_they_ended(shared: Console) -> None:
    for _ in range(3):
        put(shared)
    first = answer(shared, "objects", "object", "list", "--limit", "2")
    cursor = first["page"]["next_cursor"]
    rest = answer(shared, "objects", "object", "list", "--limit", "500", "--cursor", cursor)
    ids = [one["event_id"] for one in first["objects"] + rest["objects"]]
    whole = answer(shared, "objects", "object", "list", "--limit", "500")["objects"]
    assert ids == [one["event_id"] for one in whole] and len(ids) >= 3
    assert not rest["page"]["has_more"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_a_label_and_never_a_path(tmp_path: Path, name: str) -> None:
    console = made(tmp_path)
    done = put(console, "--name", name)
    before = everything(tmp_path)
    assert done["name"] == name
    answer(
        *(console, "object_get", "object", "get", done["object_id"], "--output", "out"),
        profile="a1",
    )
    new = {path for path in everything(tmp_path) - before if "/objects/" not in path}
    assert {path for path in new if "/home/" not in path} == {str(console.cwd / "out")}
    shown = console.call("--profile", "a1", "object", "list")
    assert not [char for char in CONTROLS if char != "\n" and char in shown.out]
    assert "\u202e" not in shown.out


def everything(root: Path) -> set[str]:
    """Return the path of every file below ``root``."""
    return {str(path) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("args", "cause"),
    [
        pytest.param(("--name", "n" * 300), "length", id="a name of 300 bytes"),
        pytest.param(("--name", "a\0b"), "nul", id="a zero byte"),
        pytest.param(("--name", "two\nlines"), "one_line", id="two lines"),
        pytest.param(("--name", " "), "one_line", id="a blank name"),
        pytest.param(("--media-type", "text"), "form", id="half a media type"),
        pytest.param(("--media-type", "text/\u202e"), "form", id="symbols of no media type"),
        pytest.param(("--media-type", "a/" + "b" * 127), "length", id="a long media type"),
    ],
)
def test_a_label_that_is_none_is_refused(
    shared: Console, args: tuple[str, ...], cause: str
) -> None:
    error = refused(shared, "object", "put", "crash.log", *args)
    assert (error["error_code"], error["cause"]) == ("invalid_argument", cause)


def test_the_name_of_a_file_is_cut_to_a_label(tmp_path: Path) -> None:
    console = made(tmp_path)
    for name in ("\u20ac" * 80, "two\nlines", " "):
        (console.cwd / name).write_bytes(b"x")
        done = answer(console, "object_put", "object", "put", name)
        assert 0 < len(done["name"].encode()) <= 128 and "\n" not in done["name"]
    raw = os.fsdecode(os.fsencode(console.cwd) + b"/\xff.log")
    Path(raw).write_bytes(b"x")
    assert refused(console, "object", "put", raw)["cause"] == "utf8"


def test_what_is_no_file_is_refused(shared: Console) -> None:
    os.mkfifo(shared.cwd / "pipe")
    for path, cause in (("nowhere", "missing"), ("pipe", "not_a_file"), (".", "not_a_file")):
        error = refused(shared, "object", "put", path)
        assert (error["error_code"], error["cause"]) == ("invalid_argument", cause)
    large = shared.cwd / "large"
    with large.open("wb") as file:
        file.truncate(2**30)
    error = refused(shared, "object", "put", "large")
    assert (error["error_code"], error["bytes"]) == ("object_too_large", 2**30)


def test_nothing_is_overwritten_and_no_link_followed(tmp_path: Path) -> None:
    console = made(tmp_path)
    ident = put(console)["object_id"]
    mine, link = console.cwd / "mine", console.cwd / "link"
    mine.write_bytes(b"mine")
    link.symlink_to(mine)
    get = ("object", "get", ident, "--output")
    for path in ("mine", "link"):
        assert refused(console, *get, path)["error_code"] == "already_exists"
    for path in (".", "", "no/where", "new/"):
        assert refused(console, *get, path)["error_code"] in (
            *("invalid_argument", "state_access_denied"),
        )
    assert mine.read_bytes() == b"mine"
    console.ok("--profile", "lead", *get, "link", "--force")
    assert mine.read_bytes() == b"mine" and link.read_bytes() == DATA and not link.is_symlink()
    console.ok("--profile", "lead", *get, "mine", "--force")
    assert mine.read_bytes() == DATA
    assert refused(console, *get, "-")["cause"] == "--json"
    assert not [path for path in everything(console.cwd) if path.endswith(".tmp")]


def test_an_object_that_lacks_a_chunk_leaves_no_file(tmp_path: Path) -> None:
    console = made(tmp_path)
    ident = put(console)["object_id"]
    chunks = sorted((console.home / "hub" / "chunks").rglob("?" * 64))
    chunks[0].unlink()
    listed = answer(console, "objects", "object", "list", profile="a1")["objects"]
    assert (listed[0]["state"], listed[0]["have_chunks"]) == ("partial", 1)
    error = refused(console, "object", "get", ident, "--output", "out", profile="a1")
    assert (error["error_code"], error["have_chunks"], error["chunks"]) == (
        *("object_incomplete", 1),
        2,
    )
    assert not (console.cwd / "out").exists()
    console.ok("--profile", "lead", "sync")
    console.ok("--profile", "a1", "object", "get", ident, "--output", "out")
    assert (console.cwd / "out").read_bytes() == DATA


def test_a_message_carries_an_object(shared: Console) -> None:
    done = put(shared)
    args = ("send", "see", "--attach", done["object_id"])
    said = answer(shared, "send", *args)
    assert said["references"] == [{"rel": "attach", "id": done["event_id"]}]
    record = shared.ok("--profile", "a1", "history", "--limit", "1")["records"][0]
    assert record["references"] == said["references"]
    message = said["message_id"]
    assert refused(shared, "send", "see", "--attach", message)["error_code"] == "not_found"


@pytest.mark.slow
def test_a_put_that_is_killed_loses_nothing_that_was_told(tmp_path: Path) -> None:
    console = made(tmp_path)
    kept = put(console)
    (console.cwd / "big").write_bytes(bytes(60_000_000))
    script = [str(console.bin / "envoy"), "--profile", "lead", "--json", "object", "put", "big"]
    told = 0
    for pause_ms in (150, 250, 350, 450):
        process = subprocess.Popen(
            script, cwd=console.cwd, env=console.environment(), stdout=subprocess.PIPE
        )
        time.sleep(pause_ms / 1000)
        process.send_signal(signal.SIGKILL)
        told += bool(process.communicate()[0])
    found = answer(console, "objects", "object", "list", profile="a1")["objects"]
    assert len(found) >= 1 + told
    assert all(one["state"] == "complete" for one in found)
    console.ok("--profile", "a1", "object", "get", kept["object_id"], "--output", "out")
    assert (console.cwd / "out").read_bytes() == DATA and PROGRAM


@pytest.mark.slow
def test_a_full_disk_tells_and_leaves_no_reference(tmp_path: Path) -> None:
    console = made(tmp_path)
    ident = put(console)["object_id"]
    (console.cwd / "big").write_bytes(bytes(5_000_000))
    limited = "ulimit -f 800; envoy --profile lead --json"
    found = console.sh(f"{limited} object put big")
    assert (found.status, found.data["error_code"]) == (1, "storage_failed")
    found = console.sh(f"{limited} object get {ident} --output out")
    assert (found.status, found.data["error_code"]) == (1, "storage_failed")
    assert not (console.cwd / "out").exists()
    assert len(answer(console, "objects", "object", "list")["objects"]) == 1

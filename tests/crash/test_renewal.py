"""A file that is made anew: killed at any moment nothing is lost and the next one goes on; who has
the old file open does not write into it; a locked profile is mended like any other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crash.damage import PAGE, Home
from envoy.errors import WaitTimeoutError
from envoy.replica.actions import work
from envoy.wiring import config, writes
from processes import python

MEND = """
import os, signal, sys
from envoy.system import db, files
from envoy.wiring import config, deep

calls = 0

def counted(real):
    def call(*args, **named):
        global calls
        calls += 1
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    return call

for name in ("rename", "remove", "sync_directory", "sync_file"):
    setattr(files, name, counted(getattr(files, name)))
db.seal_off = counted(db.seal_off)
db.Connection._end = counted(db.Connection._end)
os.environ["ENVOY_HOME"] = sys.argv[1]
settings = config.load({"profile": "a1"}, read_toml=lambda path: {})
found = deep.Look([], is_log_bad=True, is_hub_bad=True, are_rows_bad=False)
print("done", deep.mend(settings, found), calls)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home whose files are damaged wherever it does not matter."""
    made = Home(tmp_path_factory.mktemp("home"))
    made.make(folded=True)
    return made


def sweep(home: Home, step: int) -> int:
    """Kill a repair at every ``step``-th of its steps, each on a home of its own."""
    home.restore()
    before, number = home.events("a1"), 1
    while True:
        home.restore()
        home.flip("profiles/a1/replica.db", 5 * PAGE + 100, 1)
        process = python(MEND, os.fspath(home.place), str(number))
        out, _ = process.communicate(timeout=60)
        assert process.returncode in (0, -9), out
        found = home.call("a1", "--json", "sync", "--verify")
        assert found.status == 0, (number, found)
        assert before <= home.events("a1"), number
        assert home.call("lead", "sync").status == 0
        assert home.events("a1") == home.events("lead"), number
        if process.returncode == 0:
            return number
        number += step


def test_a_repair_that_is_killed_goes_on(home: Home) -> None:
    assert sweep(home, 11) > 20


@pytest.mark.slow
def test_a_repair_that_is_killed_at_any_step_goes_on(home: Home) -> None:
    assert sweep(home, 1) > 20


def test_who_has_the_old_file_open_does_not_write_into_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.restore()
    monkeypatch.setenv("ENVOY_HOME", os.fspath(home.place))
    settings = config.load({"profile": "a1"}, read_toml=lambda _: {})
    with writes.open_profile(settings) as profile:
        copy = writes.open_space(profile, "bughunt")
        assert work.send(copy, "before").delivery == "delivered"
        process = python(MEND, os.fspath(home.place), "0")
        assert process.communicate(timeout=60)[0].startswith("done")
        with pytest.raises(WaitTimeoutError) as caught:
            work.send(copy, "into a file without a name")
    assert caught.value.details["reason"] == "replaced"
    assert home.call("a1", "send", "after", "--space", "bughunt").status == 0
    shown = {one.split(" ", 2)[2] for one in home.events("a1")}
    assert {"before", "after"} <= shown and "into a file without a name" not in shown


def test_what_was_not_sent_survives_a_repair(home: Home, tmp_path: Path) -> None:
    home.restore()
    hub = home.place / "hub"
    hub.rename(tmp_path / "away")
    sent = home.call("a1", "--json", "send", "only here", "--space", "bughunt")
    assert sent.status == 0
    for path in hub.iterdir():
        path.unlink()
    hub.rmdir()
    (tmp_path / "away").rename(hub)
    home.flip("profiles/a1/replica.db", 5 * PAGE + 100, 1)
    process = python(MEND, os.fspath(home.place), "0")
    assert process.communicate(timeout=60)[0].startswith("done")
    for name in ("a1", "lead"):
        home.call(name, "sync")
        home.call(name, "sync")
    assert "only here" in {one.split(" ", 2)[2] for one in home.events("lead")}


def test_a_locked_profile_is_mended_like_any_other(home: Home) -> None:
    home.restore()
    file = home.root / "passphrase"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    key = ("--passphrase-file", os.fspath(file))
    before = home.events("lead")
    locked = home.call("a1", "--json", "identity", "lock", "passphrase", *key)
    assert locked.status == 0, locked
    home.call("a1", "send", "more", "--space", "bughunt", *key)
    path = home.place / "profiles/a1/replica.db"
    data = bytearray(path.read_bytes())
    for at in range(9 * PAGE, len(data), PAGE):
        data[at + 77] ^= 4
    path.write_bytes(data)
    mended = home.call("a1", "--json", "sync", "--verify", *key)
    assert mended.status == 0 and mended.data["repaired"] == ["replica"], mended
    assert not path.read_bytes().startswith(b"SQLite format 3")
    shown = home.call("a1", "--json", "history", "--space", "bughunt", *key).data["records"]
    assert {one["event_id"] for one in shown} >= {one.split(" ")[0] for one in before}
    assert home.call("a1", "diagnose", "--deep", *key).status == 0

"""kill -9 while a lock is changed: the home opens under the old mode or the new one, all in it.

Every step that leaves something on the disk is a place to die at, so a change is run once to count
its steps and then killed at each of them, in a process of its own.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from envoy.core import identity
from envoy.errors import EnvoyError
from envoy.replica.actions import space, work
from envoy.storage import home
from envoy.system import db
from envoy.wiring import config as configs
from envoy.wiring import reads, secrets, writes
from envoy.wiring.config import Config
from processes import python

# Dies before step N of the change: a file made, renamed or removed, a statement run, bytes synced.
CHANGER = """
import os, signal, sys
from envoy.core import identity
identity.PASSES, identity.KIB = 1, 64
from envoy.system import db, files
from envoy.wiring import config, secrets

home, mode, old, new, at = sys.argv[1:]
os.environ["ENVOY_HOME"] = home
left = int(at)

def step(act):
    def told(*args, **more):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*args, **more)
    return told

for name in ("fsync", "rename", "unlink", "open"):
    setattr(os, name, step(getattr(os, name)))
db.Connection.run = step(db.Connection.run)
settings = config.load({"profile": "lead", "passphrase_file": old}, read_toml=lambda path: {})
secrets.change(settings, mode, new_file=new)
print(int(at) - left)
"""


def run(config: Config, mode: str, files: dict[str, str], *, at: int) -> tuple[int, str]:
    """Change the lock in a process that is killed before step ``at``; return status and output."""
    old, new = files["old"], files["new"]
    process = python(CHANGER, config.home, mode, old, new, str(at))
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Return files with the old and the new passphrase."""
    found = {}
    for name in ("old", "new"):
        path = tmp_path / name
        path.write_text(f"the {name} one\n")
        path.chmod(0o600)
        found[name] = str(path)
    return found


@pytest.fixture
def lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a profile that has said something."""
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    monkeypatch.setattr(identity, "PASSES", 1)
    monkeypatch.setattr(identity, "KIB", 64)
    config = configs.load({"profile": "lead"}, read_toml=lambda _: {})
    writes.init_profile(config, name="Ada", type="human")
    with writes.open_profile(config) as profile:
        space.create(profile, "bughunt")
        for number in range(5):
            work.send(writes.open_space(profile, None), f"message {number}")
    return config


def opens(config: Config, file: str | None) -> bool:
    """Say whether the profile opens with a passphrase; if so, all is there, and writes go on."""
    secrets._KNOWN.clear()
    config = config._replace(passphrase_file=file)
    try:
        with reads.open_reader(config) as reader:
            found = reader.spaces
        with writes.open_profile(config) as profile:
            copy = writes.open_space(profile, None)
            before = copy.space.events
            assert [row.name for row in found] == ["bughunt"] and before >= 8
            work.send(copy, "and on")
            assert copy.space.events == before + 1
        return True
    except EnvoyError as error:
        assert error.code == "profile_locked", error.code
        return False


def sound(config: Config, file: str) -> None:
    """Find the database whole, and encrypted if the identity is locked."""
    secrets._KNOWN.clear()
    stored, where = writes.unlocked(config._replace(passphrase_file=file))
    key = None if db.is_plain(where.replica) else stored.identity.db_key
    with db.connect(where.replica, read_only=True, key=key) as connection:
        assert db.quick_check(connection) == []
    if home.public(where).lock != "none":
        assert key is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("none", "passphrase", id="locking"),
        pytest.param("passphrase", "none", id="unlocking"),
        pytest.param("passphrase", "passphrase", id="another passphrase"),
    ],
)
def test_a_change_that_is_killed_anywhere_leaves_a_home_that_opens(
    before: str, after: str, lead: Config, files: dict[str, str]
) -> None:
    if before == "passphrase":
        secrets.change(lead, before, new_file=files["old"])
    at, finished = 0, False
    while not finished:
        at += 1 if at < 12 else 3
        status, _ = run(lead, after, files, at=at)
        finished = status == 0
        assert finished or status == -signal.SIGKILL
        ways = [opens(lead, one) for one in (None, files["old"], files["new"])]
        assert any(ways), f"killed at step {at}, it opens in no way"
        sound(lead, next(one for one in (files["old"], files["new"]) if opens(lead, one)))
        if after == "passphrase" == before and opens(lead, files["new"]):
            secrets._KNOWN.clear()
            config = lead._replace(passphrase_file=files["new"])
            secrets.change(config, "passphrase", new_file=files["old"])
        assert at < 200
    assert at > 5, "the control: there were steps to die at"

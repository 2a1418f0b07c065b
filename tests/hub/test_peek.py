"""The newest number of a space, without the hub."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envoy.errors import IntegrityError
from envoy.hub import peek
from envoy.system import db, watch
from hub.scenes import SPACE, Hub, envelope
from oracle import scene
from processes import python


def test_the_newest_number_is_told_for_known_spaces(tmp_path: Path) -> None:
    hub, path = Hub(tmp_path / "hub"), str(tmp_path / "hub" / "hub.db")
    assert peek.newest(path, [SPACE]) == {SPACE: 0}
    hub.push(envelope("one"), envelope("two"))
    assert peek.newest(path, [scene.fixed("unknown"), SPACE]) == {SPACE: 2}
    assert peek.newest(path, []) == {}


def test_a_machine_without_a_hub_has_nothing_new(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    assert peek.newest(str(path), [SPACE]) == {}
    path.touch(mode=0o600)  # one that is being made
    assert peek.newest(str(path), [SPACE]) == {}
    assert os.listdir(tmp_path) == ["hub.db"]


def test_a_hub_whose_tables_are_not_made_yet_has_nothing_new(tmp_path: Path) -> None:
    path = str(tmp_path / "hub.db")
    db.connect(path, create=True).close()
    assert peek.newest(path, [SPACE]) == {}


def test_a_hub_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Hub(tmp_path / "hub")
    path = tmp_path / "hub" / "hub.db"
    path.chmod(0o644)
    with pytest.raises(IntegrityError, match="state_access_denied"):
        peek.newest(str(path), [SPACE])


def test_a_push_wakes_who_waits(tmp_path: Path) -> None:
    hub, path = Hub(tmp_path / "hub"), str(tmp_path / "hub" / "hub.db")
    with watch.Watcher([peek.wake_path(path)]) as watcher:
        peek.newest(path, [SPACE])
        assert not watcher.wait(0)  # looking wakes nobody
        hub.push(envelope("one"))
        assert watcher.wait(0)


LOADED = """
import sys
before = set(sys.modules)
from envoy.hub import peek
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded & {"msgspec", "nacl", "cryptography", "hashlib", "json", "ctypes", "threading",
                       "subprocess", "typing", "dataclasses", "pathlib", "logging", "asyncio"}))
print(sorted(name for name in sys.modules if name.startswith(("envoy.core", "envoy.sync"))))
"""


def test_peeking_loads_sqlite_and_nothing_that_signs_or_decodes() -> None:
    assert python(LOADED).communicate()[0] == "[]\n[]\n"


def test_who_looks_again_sees_what_is_new_and_that_the_hub_is_gone(tmp_path: Path) -> None:
    hub, path = Hub(tmp_path / "hub"), tmp_path / "hub" / "hub.db"
    look = peek.Peek(str(path))
    assert look.newest([SPACE]) == {SPACE: 0}
    hub.push(envelope("one"))
    assert look.newest([SPACE]) == {SPACE: 1}
    path.unlink()
    assert look.newest([SPACE]) == {}
    look.close()
    look.close()

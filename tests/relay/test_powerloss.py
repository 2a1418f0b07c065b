"""A power cut at any moment: what the relay acknowledged is there, its log whole, its sums right.

The real desk, its writer and its groups work on a file system that remembers what was synced
(`powerloss`); then the power goes, hundreds of times, and the relay starts on what is left. With
less than a full sync the same test loses what was acknowledged, else it would prove nothing.

ENVOY_CRASH_STATES=100000 tries as many.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import powerloss
from envoy import limits
from envoy.errors import EnvoyError
from envoy.hub import soundness
from envoy.relay import tables
from envoy.relay.tables import RelayStore
from envoy.sync import frames
from envoy.system import db
from hub.scenes import SPACE, envelope
from powerloss import Recorder, State
from relay.scenes import Relay, key_of

STATES = int(os.environ.get("ENVOY_CRASH_STATES", "0"))
WRITERS = 8
PUSHES = 12
MADE = {"space", "writer"}  # what a relay keeps besides frames: a space, and who may write to it


def frame_of(name: str) -> bytes:
    """Return the frame that a writer calls so: of one page of the database, or of two."""
    return envelope(name, 300 + 1900 * (int(name.split()[1]) % 3))


def written(directory: Path) -> Recorder:
    """Let writers push to a relay that is made, all at once; return what its disk was told."""
    tables.make(os.fspath(directory))  # its key lies on the disk before anybody asks for anything
    for name in ("hub.db", "hub.db-wal", "hub.db-shm"):
        (directory / name).unlink(missing_ok=True)
    with powerloss.recording(directory) as made:
        relay = Relay(directory)
        relay.create()
        made.acknowledge("space")
        token = relay.token("writer")
        made.acknowledge("writer")

        def write(writer: int) -> None:
            for number in range(PUSHES):
                name = f"{writer} {number}"
                relay.ask(frames.Push(SPACE, (frame_of(name),)), frames.Pushed, token)
                made.acknowledge(name)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        relay.close()
    return made


def lost(state: State, directory: Path) -> list[str]:
    """Start a relay on what a power cut left; return what is wrong with it."""
    state.restore(directory)
    try:
        tables.make(os.fspath(directory))
        keys = tables.read_keys(os.fspath(directory))
        store = tables.open_store(os.fspath(directory), keys, read_only=False)
    except EnvoyError as error:
        return [f"it does not start: {error.code}"]
    try:
        if wrong := db.quick_check(store.connection):
            return wrong
        _, wrong = soundness.of_some(store, 100, go=lambda: True)
        there = set(store.connection.rows(bytes, "SELECT body FROM frame"))
        wrong += [f"{one} is lost" for one in MADE & state.acknowledged if not has(store, one)]
        pushed = sorted(state.acknowledged - MADE)
        wrong += [f"{name} is lost" for name in pushed if frame_of(name) not in there]
    except EnvoyError as error:
        wrong = [f"it cannot be read: {error.code}"]
    finally:
        store.close()
    return wrong


def has(store: RelayStore, what: str) -> bool:
    """Say whether a space, or the capability of its writer, is there."""
    if what == "space":
        return store.find_space(SPACE) is not None
    return store.find_cap(SPACE, key_of("writer")) is not None


def tried(directory: Path, count: int, seed: int) -> Iterator[tuple[State, list[str]]]:
    """Yield states of a disk, and what is wrong with a relay on each."""
    made = written(directory / "relay")
    assert powerloss.acknowledged(made) == WRITERS * PUSHES + 2
    for state in powerloss.states(made, count, seed=seed):
        there = directory / "left"
        yield state, lost(state, there)
        shutil.rmtree(there)


@pytest.fixture(autouse=True)
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the log be folded into the database again and again: both files are at stake."""
    monkeypatch.setattr(limits, "LOG_PAGES_MAX", 40)
    monkeypatch.setattr(limits, "LOG_PAGES_FIRST_MAX", 40)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(STATES or 400, id="some hundred cuts"),
        pytest.param(5_000, id="five thousand cuts", marks=pytest.mark.prove),
    ],
)
def test_h3_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path, count: int) -> None:
    for state, wrong in tried(tmp_path, count, seed=count):
        assert wrong == [], (state.at, state.how)


@pytest.mark.parametrize("weaker", ["NORMAL", "OFF"])
def test_control_with_less_than_a_full_sync_it_loses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weaker: str
) -> None:
    monkeypatch.setitem(db._SYNCHRONOUS, "full", f"PRAGMA synchronous={weaker}")
    found = [wrong for _, wrong in tried(tmp_path, 120, seed=7)]
    assert sum(bool(wrong) for wrong in found) > 30
    assert any("is lost" in one for wrong in found for one in wrong)

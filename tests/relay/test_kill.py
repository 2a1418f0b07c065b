"""kill -9 of a relay under sixteen writers: what it acknowledged is there, where it said, once.

Each writer has a connection of its own and enters each acknowledgement, with the number that its
frame was given, in a ledger. The relay is killed at a moment of its own each time and started
again on the same directory. A kill does not show that a disk was asked to keep anything
(`test_powerloss` does); it shows that no answer leaves before its commit, which the control, a
relay that answers first and commits behind, does not survive.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from envoy.relay.group import Job, Writer, close
from envoy.relay.tables import RelayStore
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay import process
from relay.process import Client, Served
from relay.test_process import pulled

WRITERS = 16
Ledger = dict[str, int]  # what was acknowledged -> the number that it was given
EARLY = "from relay import process, test_kill; test_kill.plant(); process.main()"
COMMIT_SECONDS = 0.05


def plant() -> None:
    """Make this process a relay that answers before it commits."""

    def commit(store: RelayStore, group: Sequence[Job]) -> bool:
        with store.group():
            for job in group:
                job.run(store)
                close([job])
            time.sleep(COMMIT_SECONDS)
        return True

    pytest.MonkeyPatch().setattr(Writer, "_commit", staticmethod(commit))


def write(served: Served, token: bytes, name: str, ledger: Ledger) -> None:
    """Push frame after frame until the relay is no more."""
    client = Client(served)
    try:
        for number in range(100_000):
            frame = f"{name} {number}"
            call = frames.Push(SPACE, (envelope(frame),))
            (ledger[frame],) = client.ask(call, frames.Pushed, token).seqs
    except (OSError, http.client.HTTPException, HubRefusal):
        client.close()


def live(directory: Path, life: int, seconds: float, ledger: Ledger) -> None:
    """Serve, let all write, kill."""
    with process.serving(directory, no_pace=True) as served:
        client = Client(served)
        client.create()
        token = client.token("writer")
        client.close()
        threads = [
            threading.Thread(target=write, args=(served, token, f"{life} {number}", ledger))
            for number in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        served.kill()
        for thread in threads:
            thread.join()


def lost(directory: Path, ledger: Ledger) -> list[str]:
    """Return what was acknowledged and is not where it was said to be; see that the log is whole.

    Numbers without a gap, no frame twice, chain and sum those of the frames.
    """
    with process.serving(directory) as served:
        client = Client(served)
        found, state = pulled(client, client.token("reader"))
        client.close()
    ids = [frames.frame_id(frame) for frame in found]
    assert len(set(ids)) == len(ids) == state.count == state.head
    assert frames.chain_after(frames.chain_start(state.instance, SPACE), ids) == state.h
    assert frames.sum_after(bytes(32), ids) == state.sum
    return [name for name, seq in ledger.items() if found[seq - 1 : seq] != [envelope(name)]]


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(3, id="three times"),
        pytest.param(12, id="twelve times", marks=pytest.mark.slow),
        pytest.param(40, id="forty times", marks=pytest.mark.prove),
    ],
)
def test_h4_killed_under_sixteen_writers_it_loses_nothing_that_it_acknowledged(
    tmp_path: Path, kills: int
) -> None:
    chance, ledger = random.Random(kills), Ledger()
    for life in range(kills):
        live(tmp_path / "relay", life, 0.2 + 0.4 * chance.random(), ledger)
    assert len(ledger) > 10 * kills and lost(tmp_path / "relay", ledger) == []


def test_control_a_relay_that_answers_before_it_commits_loses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PROGRAM", EARLY)
    ledger = Ledger()
    for life in range(2):
        live(tmp_path / "relay", life, 0.4, ledger)
    assert ledger and lost(tmp_path / "relay", ledger)

"""Counted: the bytes of a space's chunks are counted along, and the count is what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy.hub.sqlite import LogStore
from envoy.relay import doctor, tables
from envoy.relay.rules import Allowance
from envoy.relay.tables import RelayStore
from envoy.sync import chunks, frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay.scenes import ALLOWED, Relay

SIZE = 1_000
ROOM = 4 * SIZE
DAY_MS = 86_400_000


def a_chunk(name: str) -> chunks.ChunkPut:
    """Return the call that puts a chunk."""
    raw = hashlib.shake_256(name.encode()).digest(SIZE)
    return chunks.ChunkPut(SPACE, hashlib.sha256(raw).digest(), raw)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay"


@pytest.fixture
def relay(path: Path) -> Iterator[Relay]:
    found = Relay(path, Allowance(ROOM, ALLOWED.frames_day_max, ALLOWED.chunk_days))
    found.create()
    yield found
    found.close()


def put(relay: Relay, name: str) -> str | None:
    """Put a chunk; return the code of a refusal."""
    try:
        relay.ask(a_chunk(name), frames.Done, relay.token("writer"))
    except HubRefusal as refusal:
        return refusal.code
    return None


def stored(relay: Relay) -> RelayStore:
    """Return the store of a relay, for who looks."""
    keys = tables.read_keys(relay.directory)
    return tables.open_store(relay.directory, keys, read_only=True)


def counted(relay: Relay) -> tuple[int, int]:
    """Return the bytes that are counted along, and of how many spaces they are others."""
    store = stored(relay)
    found = store.chunk_bytes(SPACE), store.miscounted()
    store.close()
    return found


def test_a_chunk_counts_once_and_no_more_when_it_is_gone(relay: Relay) -> None:
    assert counted(relay) == (0, 0)
    assert [put(relay, name) for name in ("one", "two", "one")] == [None] * 3
    assert counted(relay) == (2 * SIZE, 0)
    relay.now_ms += (ALLOWED.chunk_days - 1) * DAY_MS
    put(relay, "two")
    relay.now_ms += 2 * DAY_MS
    assert relay.desk.sweep()["chunks"] == 1
    assert counted(relay) == (SIZE, 0)


def test_what_is_counted_bounds_chunks_and_frames_alike(relay: Relay) -> None:
    found = [put(relay, str(number)) for number in range(5)]
    assert found == [None] * 4 + ["quota_exceeded"]
    assert counted(relay) == (ROOM, 0)  # what was refused is counted no more than it is kept
    push = frames.Push(SPACE, (envelope("one"),))
    with pytest.raises(HubRefusal, match="quota_exceeded"):
        relay.ask(push, frames.Pushed, relay.token("writer"))
    relay.now_ms += (ALLOWED.chunk_days + 1) * DAY_MS
    relay.desk.sweep()
    relay.ask(push, frames.Pushed, relay.token("writer"))
    assert counted(relay) == (0, 0)


def _forget(log: LogStore) -> None:
    """Give a relay the tables of version 2."""
    log.connection.run("DROP TABLE shelf")
    log.connection.run("UPDATE meta SET v = ? WHERE k = 'relay'", ((2).to_bytes(4),))


def _miscount(log: LogStore) -> None:
    log.connection.run("UPDATE shelf SET n = n + 1")


def _lose(log: LogStore) -> None:
    log.connection.run("DELETE FROM shelf")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_forget, id="of the version before"),
        pytest.param(_miscount, id="with another count"),
        pytest.param(_lose, id="without the count of a space that has chunks"),
    ],
)
def test_a_relay_counts_anew_where_it_starts(
    path: Path, relay: Relay, spoil: Callable[[LogStore], None]
) -> None:
    put(relay, "one")
    assert spaces(relay).state == doctor.OK
    store = tables.open_store(relay.directory, tables.read_keys(relay.directory), read_only=False)
    with store.group():
        spoil(store)
    store.close()
    assert (spaces(relay).state, spaces(relay).command) == (doctor.WARNING, "envoy relay serve")
    tables.make(relay.directory)
    assert spaces(relay).state == doctor.OK
    assert counted(relay) == (SIZE, 0)


def spaces(relay: Relay) -> doctor.Finding:
    """Return what the doctor finds about the spaces of a relay."""
    looked = doctor.examine(doctor.Place(relay.directory, None, None))
    (found,) = (one for one in looked if one.name == "spaces")
    return found

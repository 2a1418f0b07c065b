"""Bounds on what waits and on evidence, at the edge, one less and one more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.log import EpochRow, Parked
from envoy.storage import home, replica_file
from envoy.storage.events import EventStore
from envoy.storage.parking import Parking
from envoy.views import rows

MONTH_MS = limits.WAITING_SECONDS_MAX * 1000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    where = home.paths(os.fspath(tmp_path / "home"), "lead")
    home.make(where)
    with replica_file.open_file(where) as connection:
        yield EventStore(connection, where.replica_lock)


def frame(number: int) -> bytes:
    return number.to_bytes(32)


def waiting(number: int, *, author: bytes = b"a", at: int = 0, size: int = 10) -> Parked:
    return Parked(frame(number), "waiting", b"parent", author, at, bytes(size))


def sealed(number: int, *, epoch: bytes = b"e", size: int = 10) -> Parked:
    return Parked(frame(number), "sealed", epoch, None, 0, bytes(size))


def park(store: EventStore, *found: Parked) -> None:
    with store.transaction(durable=False):
        for row in found:
            store.parking.park(1, row)


def count(store: EventStore, table: str = "parked") -> int:
    found = store.connection.find(int, f"SELECT count(*) FROM {table}")
    assert found is not None
    return found


BOUNDS = [
    pytest.param(waiting, "WAITING_PER_AUTHOR_MAX", 1, id="frames of one author"),
    pytest.param(waiting, "WAITING_FRAMES_MAX", 1, id="frames in all"),
    pytest.param(waiting, "WAITING_BYTES_MAX", 10, id="bytes that wait"),
    pytest.param(sealed, "SEALED_PER_EPOCH_FRAMES_MAX", 1, id="frames of one epoch"),
    pytest.param(sealed, "SEALED_PER_EPOCH_BYTES_MAX", 10, id="bytes of one epoch"),
    pytest.param(sealed, "SEALED_BYTES_MAX", 10, id="bytes that are sealed"),
]


@pytest.mark.parametrize("together", [True, False], ids=["in one transaction", "one by one"])
@pytest.mark.parametrize(("make", "bound", "unit"), BOUNDS)
def test_a_bound_is_kept_exactly(
    store: EventStore,
    monkeypatch: pytest.MonkeyPatch,
    *,
    make: Callable[[int], Parked],
    bound: str,
    unit: int,
    together: bool,
) -> None:
    monkeypatch.setattr(limits, bound, 3 * unit)
    found = [make(number) for number in range(5)]
    for rows_ in [found] if together else [[one] for one in found]:
        park(store, *rows_)
    assert (count(store), count(store, "dropped")) == (3, 2)


def test_one_epoch_or_author_takes_no_room_from_another(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 2)
    monkeypatch.setattr(limits, "WAITING_PER_AUTHOR_MAX", 2)
    park(store, *[sealed(number, epoch=bytes((number % 2,))) for number in range(6)])
    park(store, *[waiting(10 + number, author=bytes((number % 2,))) for number in range(6)])
    assert count(store) == 8 and count(store, "dropped") == 4


def test_room_that_is_freed_is_given_again(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING_PER_AUTHOR_MAX", 2)
    with store.transaction(durable=False):
        for number in range(3):
            store.parking.park(1, waiting(number))
        assert store.parking.unpark(1, frame(0))
        store.parking.park(1, waiting(9))
    assert {row.id for row in store.parking.parked(1, "waiting", b"parent")} == {frame(1), frame(9)}


def test_only_what_waited_is_let_go_and_only_once(store: EventStore) -> None:
    park(store, waiting(1))
    with store.transaction(durable=False):
        assert not store.parking.unpark(1, frame(2)) and not store.parking.unpark(2, frame(1))
        assert store.parking.unpark(1, frame(1)) and not store.parking.unpark(1, frame(1))
    assert count(store) == 0


def test_what_is_wanted_is_named_once(store: EventStore) -> None:
    park(store, sealed(1), sealed(2), sealed(3, epoch=b"f"), waiting(4))
    park(store, Parked(frame(5), "unsupported", None, None, 0, b""))
    assert store.parking.wanted(1, "sealed") == [b"e", b"f"]
    assert store.parking.wanted(1, "waiting") == [b"parent"]
    assert store.parking.wanted(1, "unsupported") == store.parking.wanted(2, "sealed") == []


def test_what_waits_too_long_is_dropped_but_not_what_is_sealed(store: EventStore) -> None:
    park(store, waiting(1, at=0), waiting(2, at=5), sealed(3))
    park(store, waiting(4, at=MONTH_MS + 1))
    assert {row.id for row in store.parking.parked(1, "waiting", b"parent")} == {frame(2), frame(4)}
    assert count(store, "dropped") == 1 and count(store) == 3


def test_dropped_frames_can_be_fetched_once_what_they_lacked_is_here(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 0)
    park(store, *[sealed(number, epoch=b"e") for number in range(4)], sealed(9, epoch=b"f"))
    parking: Parking = store.parking
    assert parking.fetchable(1, after=b"", limit=9) == []
    with store.transaction(durable=True):
        store.put_epoch(1, EpochRow(b"e", b"head", None, None, None, None))
    assert parking.fetchable(1, after=b"", limit=9) == []
    with store.transaction(durable=True):
        store.put_epoch(1, EpochRow(b"e", None, b"secret", None, None, None))
    assert parking.fetchable(1, after=b"", limit=3) == [frame(0), frame(1), frame(2)]
    assert parking.fetchable(1, after=frame(2), limit=3) == [frame(3)]
    with store.transaction(durable=False):
        assert parking.unpark(1, frame(0))
    assert parking.fetchable(1, after=b"", limit=1) == [frame(1)]


def refused(number: int, *, source: str = "hub", size: int = 1, at: int = 0) -> rows.Quarantined:
    return rows.Quarantined(1, frame(number), "malformed", source, size, at)


def test_evidence_keeps_the_newest_of_each_source(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_ROWS_MAX", 2)
    with store.transaction(durable=False):
        for number in range(4):
            store.parking.refuse(refused(number, at=number))
        store.parking.refuse(refused(0))
        store.parking.refuse(refused(9, source="bundle"))
    kept = store.connection.rows(bytes, "SELECT id FROM quarantine ORDER BY id")
    assert kept == [frame(2), frame(3), frame(9)]
    assert store.unknown(1, [frame(number) for number in range(5)]) == {frame(4)}
    assert not store.parking.fetchable(1, after=b"", limit=9)
    with store.transaction(durable=False):
        assert not store.parking.unpark(1, frame(0))


def test_evidence_is_bounded_in_bytes_too(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_BYTES_MAX", 10)
    with store.transaction(durable=False):
        for number in range(4):
            store.parking.refuse(refused(number, at=number, size=4))
    assert count(store, "quarantine") == 2


def test_a_hundred_thousand_rejects_leave_a_thousand_rows_and_every_id(store: EventStore) -> None:
    for start in range(0, 20_000, 1_000):
        with store.transaction(durable=False):
            for number in range(start, start + 1_000):
                store.parking.refuse(refused(number, at=number))
    assert count(store, "quarantine") == limits.QUARANTINE_ROWS_MAX
    assert store.unknown(1, [frame(0), frame(10_000), frame(19_999)]) == set()

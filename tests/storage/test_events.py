"""The log in its file: what is staged is there for whoever asks, what is rolled back is nowhere."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, Unpack

import pytest

from envoy.core.log import Entry, EpochRow, ReceiptRow, bits
from envoy.errors import EnvoyError
from envoy.storage import home, replica_file
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.system import db

ME, OTHER = bytes(32), bytes([1]) * 32
CHAIN = bytes(16)


@pytest.fixture
def where(tmp_path: Path) -> home.Paths:
    found = home.paths(os.fspath(tmp_path / "home"), "lead")
    home.make(found)
    return found


@pytest.fixture
def store(where: home.Paths) -> Iterator[EventStore]:
    with replica_file.open_file(where) as connection:
        yield opened(connection, where)


def opened(connection: db.Connection, where: home.Paths) -> EventStore:
    """Return the log behind a connection."""
    made = EventStore(connection, where.replica_lock)
    made.stores.append(RowStore(connection))
    return made


def name(text: str) -> bytes:
    """Return an id for a name."""
    return text.encode().ljust(32, b".")


class More(TypedDict, total=False):
    """What an event may have besides its place."""

    entity: str
    basis: tuple[str, ...]
    fault: str
    ix: int
    seen: int


def event(
    ident: str, *parents: str, seq: int = 0, author: bytes = ME, **more: Unpack[More]
) -> Entry:
    """Return an event as it is before it has numbers; its first parent is its prev."""
    first, *rest = parents or ("",)
    fault, entity = more.get("fault"), more.get("entity")
    return Entry(
        rid=0,
        id=name(ident),
        kind="message",
        an=0,
        author=author,
        cn=0,
        chain=CHAIN,
        seq=seq,
        lam=seq,
        ts=1_000 + seq,
        auth=name("grant"),
        seen=bits(more.get("seen", 0)),
        ix=more.get("ix"),
        entity=None if entity is None else name(entity),
        fault=fault,
        status="ok" if fault is None else "invalid",
        cause=fault,
        cause_by=None,
        prev=name(first) if first else None,
        deps=b"".join(map(name, rest)),
        basis=b"".join(map(name, more.get("basis", ()))),
    )


def add(store: EventStore, *entries: Entry, sn: int = 1) -> list[Entry]:
    """Append events in one transaction."""
    with store.transaction(durable=False):
        return [put(store, one, b"frame " + one.id, sn=sn) for one in entries]


def put(store: EventStore, entry: Entry, frame: bytes, *, sn: int = 1) -> Entry:
    """Append an event inside a transaction; return it with its numbers."""
    rid, an, cn = store.number(sn, entry.author, entry.chain)
    made = entry._replace(rid=rid, an=an, cn=cn)
    store.add_event(sn, made, frame)
    return made


def heads(store: EventStore, *, citable: bool = False, sn: int = 1) -> list[bytes]:
    """Return the ids of the heads of a log."""
    return [one.id for one in store.heads(sn, citable=citable)]


# -- events --------------------------------------------------------------------------------------


def test_an_event_comes_back_as_it_was_with_its_numbers(store: EventStore) -> None:
    (made,) = add(store, event("a", seen=5, entity="a", ix=2))
    assert (made.rid, made.saw) == (1, 5)
    assert store.entry(1, name("a")) == made
    assert store.did(made.an) == ME and store.frame(made.rid) == b"frame " + name("a")
    assert store.entry(1, name("b")) is None and store.entry(2, name("a")) is None


def test_what_is_staged_is_there_for_every_question(store: EventStore) -> None:
    with store.transaction(durable=False):
        made = put(store, event("a", entity="a", ix=0), b"A")
        store.add_authority(1, made, epoch=name("epoch"), body=b"body")
        other = put(store, event("b", "a", seq=1, entity="a", basis=("a",)), b"B")
        assert store.entry(1, made.id) == made
        assert [one.id for one in store.entity(1, name("a"))] == [made.id, other.id]
        assert store.frames(1, after=0, limit=9) == [(1, b"A"), (2, b"B")]
        assert store.at_seq(made.cn, 1) == [other.id] and store.newest_seq(made.cn) == 1
        assert [one.entry for one in store.authority(1)] == [made]
        assert list(store.contents(1)) == store.under(1, name("grant")) == [other]
        assert store.unknown(1, [made.id, name("c")]) == {name("c")}
        assert heads(store) == [other.id]
        assert store.entity_heads(1, name("a")) == [(other.id, 1)]
        assert store.event_ids(1, bytes(32), b"\xff" * 32) == [made.id, other.id]
    assert store.entries(1, after=0, limit=1) == [made]
    assert store.entries(1, after=1, limit=9) == [other]


def test_what_is_rolled_back_is_nowhere_and_its_numbers_are_free(store: EventStore) -> None:
    add(store, event("a"))
    with pytest.raises(RuntimeError), store.transaction(durable=False):
        put(store, event("b", "a", seq=1, author=OTHER, seen=9), b"B")
        assert heads(store) == sorted([name("b")])
        raise RuntimeError
    assert store.entry(1, name("b")) is None and heads(store) == [name("a")]
    assert store.unknown(1, [name("b")]) == {name("b")}
    (made,) = add(store, event("c", "a", seq=1, seen=4))
    assert made.rid == 2 and made.an == 1 and store.entry(1, made.id) == made


def test_what_is_staged_and_fails_at_the_commit_is_nowhere(store: EventStore) -> None:
    add(store, event("a"))
    with pytest.raises(EnvoyError), store.transaction(durable=False):
        put(store, event("a"), b"the same id again")
    assert store.frame(1) == b"frame " + name("a") and heads(store) == [name("a")]
    add(store, event("b", "a", seq=1))


@pytest.mark.parametrize("is_on", [True, False])
def test_garbage_is_collected_after_a_transaction_as_it_was_before(
    store: EventStore, is_on: bool
) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if is_on else gc.disable)()
        with store.transaction(durable=False):
            assert not gc.isenabled()
        assert gc.isenabled() == is_on
        with pytest.raises(RuntimeError), store.transaction(durable=False):
            raise RuntimeError
        assert gc.isenabled() == is_on
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("what", ["entries", "frames"])
def test_a_page_of_the_log_reads_no_more_than_it_shows(store: EventStore, what: str) -> None:
    asked = list[str]()
    raw = store.connection._raw

    def note(_: object, sql: str, __: object) -> bool:
        asked.append(sql)
        return True

    raw.exec_trace = note
    getattr(store, what)(1, after=0, limit=9)
    raw.exec_trace = None
    plan = store.connection.rows(lambda *row: row[3], f"EXPLAIN QUERY PLAN {asked[-1]}", (1, 0, 9))
    assert not [step for step in plan if "TEMP B-TREE" in step]


def test_another_process_sees_what_is_committed_and_goes_on_from_there(
    store: EventStore, where: home.Paths
) -> None:
    add(store, event("a"))
    with replica_file.open_file(where) as connection:
        other = opened(connection, where)
        assert heads(other) == [name("a")]
        add(store, event("b", "a", seq=1, author=OTHER))
        (made,) = add(other, event("c", "b", seq=2))
        assert (made.rid, made.an) == (3, 1) and heads(other) == [name("c")]
    with store.transaction(durable=False):
        assert heads(store) == [name("c")]


def test_spaces_are_apart(store: EventStore) -> None:
    add(store, event("a", entity="x"))
    (made,) = add(store, event("a", entity="x"), sn=2)
    assert made.rid == 2 and made.cn == 2
    assert heads(store) == heads(store, sn=2) == [name("a")]
    assert len(store.entity(1, name("x"))) == len(store.entity(2, name("x"))) == 1
    assert store.unknown(2, [name("a")]) == set()


def test_a_verdict_is_the_one_thing_that_changes(store: EventStore) -> None:
    (made,) = add(store, event("a"))
    held = made._replace(status="held", cause="R3 beside", cause_by=name("r"))
    with store.transaction(durable=False):
        store.set_verdict(1, held)
        assert store.entry(1, made.id) == held
    assert store.entry(1, made.id) == held


def test_ids_are_found_by_range_and_never_more_than_tell_that_one_is_ambiguous(
    store: EventStore,
) -> None:
    add(store, *[event(f"{number}", seq=number) for number in range(5)])
    assert store.event_ids(1, name("1"), name("1")) == [name("1")]
    assert len(store.event_ids(1, bytes(32), b"\xff" * 32)) == 3


# -- heads ---------------------------------------------------------------------------------------


def test_heads_are_what_no_event_names(store: EventStore) -> None:
    add(store, event("a"), event("b", "a", seq=1), event("c", "a", seq=1, author=OTHER))
    assert heads(store) == sorted([name("b"), name("c")])
    add(store, event("d", "b", "c", seq=2))
    assert heads(store) == heads(store, citable=True) == [name("d")]


def test_an_invalid_event_is_a_head_and_hides_nothing_from_who_cites(store: EventStore) -> None:
    add(store, event("a"), event("b", "a", seq=1, fault="S3 cap"))
    assert heads(store) == [name("b")] and heads(store, citable=True) == [name("a")]
    add(store, event("c", "b", seq=2))
    assert heads(store) == [name("c")]
    assert heads(store, citable=True) == sorted([name("a"), name("c")])
    add(store, event("d", "a", seq=1, author=OTHER))
    assert heads(store, citable=True) == sorted([name("c"), name("d")])


def test_the_heads_of_an_entity_follow_basis_and_not_parents(store: EventStore) -> None:
    add(
        store,
        event("t", entity="t"),
        event("x", "t", seq=1, entity="t", basis=("t",)),
        event("y", "x", seq=2, entity="t", basis=("t", "elsewhere")),
        event("bad", "y", seq=3, entity="t", basis=("x", "y"), fault="S3 body"),
    )
    assert store.entity_heads(1, name("t")) == [(name("x"), 1), (name("y"), 2)]
    add(store, event("z", "y", seq=4, entity="t", basis=("x", "y")))
    assert store.entity_heads(1, name("t")) == [(name("z"), 4)]
    assert store.entity_heads(1, name("nothing")) == []


# -- chains --------------------------------------------------------------------------------------


def test_two_events_of_one_place_prove_a_fork_for_ever(store: EventStore) -> None:
    one, two = add(store, event("a"), event("b"))
    assert store.at_seq(one.cn, 0) == [one.id, two.id]
    assert store.forked(1) == {}
    for _ in range(2):
        with store.transaction(durable=True):
            store.add_fork(1, one.cn, 0, (one.id, two.id))
    assert store.forked(1) == {one.cn: one.an} and store.forked(2) == {}
    assert store.connection.find(int, "SELECT count(*) FROM fork") == 1


def test_a_past_is_kept_as_it_was_found(store: EventStore) -> None:
    with store.transaction(durable=False):
        store.add_past(1, 3, [(1, 7, name("tip")), (2, 0, name("other"))])
        store.add_past(1, 3, [(1, 7, name("tip"))])
    assert sorted(store.past(1, 3)) == [(1, 7, name("tip")), (2, 0, name("other"))]
    assert store.past(1, 4) == store.past(2, 3) == []


# -- keys and receipts ---------------------------------------------------------------------------


def test_nothing_known_of_an_epoch_is_ever_lost(store: EventStore) -> None:
    epoch = name("epoch")
    with store.transaction(durable=True):
        store.put_epoch(1, EpochRow(epoch, b"head", None, None, None, None))
        store.put_epoch(1, EpochRow(epoch, None, b"secret", None, None, None))
        store.put_epoch(1, EpochRow(epoch, None, None, None, None, None))
        store.put_epoch(1, EpochRow(name("other"), None, None, None, None, None))
    found = store.epoch(1, epoch)
    assert found is not None and (found.head, found.secret) == (b"head", b"secret")
    assert {row.id for row in store.epochs(1)} == {epoch, name("other")}
    assert store.epoch(2, epoch) is None and store.epochs(2) == []


def test_a_receipt_is_kept_once_and_may_come_to_count(store: EventStore) -> None:
    row = ReceiptRow(
        id=name("r"),
        event=name("claim"),
        slot=name("slot"),
        no=0,
        instance=bytes(16),
        fence=1,
        holder=name("holder"),
        at=1,
        until=2,
        good=0,
        bytes=b"frame",
    )
    with store.transaction(durable=True):
        store.add_receipt(1, row)
        store.add_receipt(1, row._replace(good=1))
    assert store.receipts(1, name("claim")) == [row._replace(good=1)]
    assert store.receipt_frames(1) == [b"frame"] and store.receipt_frames(2) == []
    assert store.unknown(1, [name("r")]) == set()


def test_commits_are_durable_where_somebody_is_told(store: EventStore) -> None:
    before = dict(store.connection.commits)
    with store.transaction(durable=True):
        pass
    with store.transaction(durable=False):
        pass
    after = store.connection.commits
    assert (after["full"], after["normal"]) == (before["full"] + 1, before["normal"] + 1)

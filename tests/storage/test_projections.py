"""Rows, outbox and answered calls: written under their keys, found again by others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.storage import schema
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.views import rows
from rowhome import RowHome, digest

DAY_MS = 24 * 60 * 60 * 1000


class Stored(RowHome):
    """A home whose rows are written by the stores themselves."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.events = EventStore(self.connection, self.where.replica_lock)
        self.store = RowStore(self.connection)
        self.events.stores.append(self.store)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Stored]:
    made = Stored(tmp_path)
    yield made
    made.connection.close()


def test_a_row_is_replaced_by_its_key_and_deleted_by_it(home: Stored) -> None:
    space = home.space()
    lead = home.member(space, "lead", role="owner")
    task = home.task(space, lead)
    home.save(task._replace(state="claimed"))
    assert home.store.task(1, task.id) == task._replace(state="claimed")
    with home.events.transaction(durable=False):
        home.store.save(task._replace(state="blocked"))
        assert home.store.task(1, task.id) == task._replace(state="blocked")
        home.store.delete(task)
        assert home.store.task(1, task.id) is None
    assert home.store.task_ids(1, bytes(32), b"\xff" * 32) == []


def test_what_was_staged_and_rolled_back_is_nowhere(home: Stored) -> None:
    space = home.space()
    with pytest.raises(RuntimeError), home.events.transaction(durable=False):
        home.store.save(space._replace(name="other"))
        home.store.index_words(1, "word")
        raise RuntimeError
    assert home.store.space(1).name == space.name
    home.save(space._replace(description="later"))
    assert home.store.space(1).name == space.name
    assert home.connection.find(int, "SELECT count(*) FROM words") == 0


def test_spaces_are_found_by_number_and_id(home: Stored) -> None:
    one, two = home.space("one"), home.space("two")
    assert home.store.spaces() == [one, two] and home.store.next_space() == 3
    assert home.store.find_space(two.id) == two and home.store.find_space(bytes(32)) is None
    with home.events.transaction(durable=False):
        home.store.save(one._replace(sn=3, id=digest("three")))
        assert home.store.next_space() == 4


def test_members_grants_and_invites_are_those_of_their_space(home: Stored) -> None:
    one, two = home.space("one"), home.space("two")
    lead = home.member(one, "lead", role="owner")
    home.member(two, "other")
    assert home.store.members(1) == {lead.did: lead}
    assert home.store.grants(1) == {} and home.store.invites(1) == {}
    assert home.store.grant(1, bytes(32)) is None


def test_live_grants_come_most_senior_first(home: Stored) -> None:
    space = home.space()
    lead = home.member(space, "lead")
    base = rows.Grant(
        sn=1,
        id=digest("a"),
        subject=lead.an,
        author=lead.an,
        kind="grant",
        role="write",
        verb=None,
        task=None,
        depth=0,
        na=None,
        status="live",
        cause=None,
        ix=1,
        senior=5,
    )
    best = base._replace(id=digest("b"), senior=1)
    ended = base._replace(id=digest("c"), senior=0, status="killed")
    home.save(base, best, ended)
    assert home.store.grants_of(1, lead.an) == [best, base]
    assert home.store.grant(1, ended.id) == ended and len(home.store.grants(1)) == 3


def test_items_sort_by_lam_and_id(home: Stored) -> None:
    space = home.space()
    lead = home.member(space, "lead")
    assert home.store.last_item(1) is None
    first = home.item(space, lead)
    last = home.item(space, lead)
    assert home.store.last_item(1) == (last.lam, last.id)
    assert home.store.item(first.rid) == first and home.store.item(99) is None
    with home.events.transaction(durable=False):
        home.store.save(last._replace(rid=99, lam=last.lam + 1))
        assert home.store.last_item(1) == (last.lam + 1, last.id)


def test_conflicts_are_those_of_their_entity(home: Stored) -> None:
    row = rows.Conflict(1, digest("c"), digest("t"), "lost_claim", b"w", b"l", "tie", "open")
    home.save(row, row._replace(id=digest("d"), entity=digest("u")))
    assert home.store.conflicts(1, digest("t")) == {row.id: row}


def test_words_are_found_until_they_are_taken_out(home: Stored) -> None:
    space = home.space()
    item = home.item(space, home.member(space, "lead"), "needle in the hay")
    found = "SELECT rowid FROM words WHERE words MATCH 'needle'"
    assert home.connection.rows(int, found) == [item.rid]
    with home.events.transaction(durable=False):
        home.store.index_words(item.rid, "other words")
    assert home.connection.rows(int, found) == []
    with home.events.transaction(durable=False):
        home.store.index_words(item.rid, "needle")
        home.store.index_words(item.rid, None)
    assert home.connection.rows(int, found) == []


def test_unread_is_what_others_put_into_the_inbox_behind_a_number(home: Stored) -> None:
    space = home.space()
    lead, agent = home.member(space, "lead"), home.member(space, "agent")
    mine = home.item(space, lead)
    theirs = home.item(space, agent)
    home.item(space, agent, reason=None)
    assert home.store.unread(1, 0) == 1 and home.store.unread(1, theirs.n) == 0
    (row,) = home.store.stream_of(theirs.rid)
    home.save(row._replace(hidden=1))
    assert home.store.unread(1, 0) == 0 and home.store.stream_of(mine.rid)[0].own


# -- outbox --------------------------------------------------------------------------------------


def test_the_outbox_is_a_queue_and_its_numbers_are_used_once(home: Stored) -> None:
    for what in ("create", "epoch", "frame"):
        home.store.send_later(1, what, digest(what), what.encode())
    home.store.send_later(2, "frame", None, b"of another space")
    found = home.store.outgoing(1, 2)
    assert [one.what for one in found] == ["create", "epoch"] and home.store.pending(1) == 3
    assert home.store.queued(1, "epoch") == {digest("epoch")}
    home.store.sent([one.o for one in home.store.outgoing(1, 9)])
    assert home.store.outgoing(1, 9) == [] and home.store.pending(2) == 1
    last = home.store.outgoing(2, 1)[0].o
    home.store.sent([last])
    home.store.send_later(1, "frame", None, b"")
    assert home.store.outgoing(1, 1)[0].o > last


def test_entries_of_some_sorts_leave_the_outbox(home: Stored) -> None:
    for what in ("frame", "slot", "receipt", "frame"):
        home.store.send_later(1, what, None, b"")
    home.store.unsend(1, ("frame", "receipt"))
    assert [one.what for one in home.store.outgoing(1, 9)] == ["slot"]


# -- answered calls, secrets of slots ------------------------------------------------------------


def test_an_answer_is_kept_for_a_month(home: Stored) -> None:
    month = limits.IDEMPOTENCY_SECONDS_MAX * 1000
    home.store.keep_reply(1, "k", b"digest", "answer", at=month)
    assert home.store.find_reply(1, "k", 0) == (b"digest", "answer")
    assert home.store.find_reply(1, "k", month) is None
    assert home.store.find_reply(2, "k", 0) is home.store.find_reply(1, "other", 0) is None
    home.store.keep_reply(2, "k", b"digest", "of another space", at=month)
    home.store.keep_reply(1, "new", b"digest", "answer", at=2 * month + DAY_MS)
    assert home.store.find_reply(1, "k", 0) is None
    assert home.store.find_reply(2, "k", 0) == (b"digest", "of another space")


def test_a_session_has_one_secret_per_task(home: Stored) -> None:
    first = home.store.holder(1, digest("t"), "day", b"1" * 16)
    assert home.store.holder(1, digest("t"), "day", b"2" * 16) == first == b"1" * 16
    assert home.store.holder(1, digest("t"), "night", b"3" * 16) == b"3" * 16
    assert home.store.find_holder(1, digest("t"), "day") == first
    assert home.store.find_holder(1, digest("u"), "day") is None


def test_a_profile_fetches_an_invite_under_one_tag(home: Stored) -> None:
    first = home.store.claimer_tag(b"lookup", b"1" * 16)
    assert home.store.claimer_tag(b"lookup", b"2" * 16) == first
    assert home.store.claimer_tag(b"another", b"3" * 16) == b"3" * 16


# -- everything ----------------------------------------------------------------------------------


def test_projections_are_emptied_and_nothing_else(home: Stored) -> None:
    space = home.space()
    lead = home.member(space, "lead")
    item = home.item(space, lead)
    home.task(space, lead)
    home.store.send_later(1, "frame", None, b"")
    with home.events.transaction(durable=True):
        home.store.drop()
    for table in schema.PROJECTION_TABLES:
        assert home.connection.find(int, f"SELECT count(*) FROM {table}") == 0
    assert home.store.space(1) == space and home.store.stream_of(item.rid)
    assert home.store.pending(1) == 1
    assert home.connection.find(int, "SELECT count(*) FROM event") == 2


def test_a_space_leaves_nothing_behind_when_it_is_dropped(home: Stored) -> None:
    kept, gone = home.space("kept"), home.space("gone")
    for space in (kept, gone):
        home.task(space, home.member(space, "lead"))
        home.store.send_later(space.sn, "frame", None, b"")
    before = home.connection.find(int, "SELECT count(*) FROM words")
    with home.events.transaction(durable=True):
        home.store.drop_space(gone.sn)
    assert home.store.spaces() == [kept] and home.store.pending(gone.sn) == 0
    for table in schema.SPACE_TABLES:
        sql = f"SELECT count(*) FROM {table} WHERE sn = {gone.sn}"
        assert home.connection.find(int, sql) == 0, table
    assert before == 2 and home.connection.find(int, "SELECT count(*) FROM words") == 1


def test_every_table_of_a_space_is_known_as_one(home: Stored) -> None:
    sql = "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c"
    found = home.connection.rows(str, f"{sql} WHERE m.type = 'table' AND c.name = 'sn'")
    assert set(found) == set(schema.SPACE_TABLES) and len(found) == len(schema.SPACE_TABLES)

"""Views: every list is read by an index, so a page costs the same in a large space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envoy.errors import IntegrityError, UsageError
from envoy.storage import schema
from envoy.storage.views import Views
from envoy.system import db
from envoy.views.history import Filter, Part
from envoy.views.names import STATES
from rowhome import RowHome, digest

Ask = Callable[[Views], object]

SN = 1
QUESTIONS: dict[str, Ask] = {
    "spaces": lambda views: views.spaces(),
    "members": lambda views: views.members(SN),
    "grants": lambda views: views.grants(SN),
    "grants to one": lambda views: views.grants(SN, 1),
    "invites": lambda views: views.invites(SN),
    "counts": lambda views: views.counts(SN, 1),
    "history": lambda views: views.history(SN, after=None, limit=50),
    "history behind": lambda views: views.history(SN, after=(9, b"x"), limit=50),
    "history of a task": lambda views: views.history(
        SN, after=None, limit=50, part=Part(task=digest("t"))
    ),
    "history of a thread": lambda views: views.history(
        SN, after=None, limit=50, part=Part(thread=1)
    ),
    "search": lambda views: views.search("a phrase", sn=SN, before=2**62, limit=50),
    "unread": lambda views: views.unread(SN, after=0, limit=50, which=Filter()),
    "count unread": lambda views: views.count_unread(SN, after=0, which=Filter(tasks=True)),
    "stream": lambda views: views.stream(SN, after=5, limit=50),
    "tail": lambda views: views.tail(SN, 50),
    "newest": lambda views: views.newest(SN),
    "tasks": lambda views: views.tasks(SN, states=STATES, after=(2, 9, b"x"), limit=50),
    "tasks of one": lambda views: views.tasks_of(SN, 1, limit=50),
    "ended": lambda views: views.ended(SN, 50),
    "task counts": lambda views: views.task_counts(SN),
    "task": lambda views: views.task(SN, digest("t")),
    "task ids": lambda views: views.task_ids(SN, b"a", b"b"),
    "task states": lambda views: views.task_states(SN, [digest("t")]),
    "open conflicts": lambda views: views.conflicts(SN, entity=None, limit=50),
    "conflicts": lambda views: views.conflicts(SN, entity=digest("t"), limit=50),
    "not counting": lambda views: views.not_counting(SN, 50),
    "unsupported": lambda views: views.unsupported(SN, 50),
    "authority": lambda views: views.authority(SN, 50),
    "mentions": lambda views: views.mentions(SN, 50),
    "answered": lambda views: views.answered(SN, [digest("e")], 1),
    "of event": lambda views: views.of_event(1),
    "items": lambda views: views.items(SN, [digest("e")]),
    "item counts": lambda views: views.item_counts(SN, alone=False),
    "visible": lambda views: views.visible(SN, [digest("e")]),
    "events": lambda views: views.events(SN, b"a", b"b"),
    "heads": lambda views: views.heads(SN),
    "parked": lambda views: views.parked(SN),
    "quarantined": lambda views: views.quarantined(SN),
}
# Small by nature: one row per space; at most a few hundred of the others.
SMALL = ("space", "member", "grant_", "invite", "quarantine", "json_each", "up", "down")
# These sort a handful of rows that an index has found.
MAY_SORT = {
    *("grants", "grants to one", "invites", "tasks of one", "history of a task", "of event"),
    *("history of a thread", "search", "not counting", "unsupported"),
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RowHome]:
    made = RowHome(tmp_path)
    made.space()
    yield made
    made.connection.close()


def plans(home: RowHome, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the steps of all queries that ``ask`` leads to."""
    found: list[str] = []
    plain = db.Connection.rows

    def explained(self: db.Connection, make: Any, sql: str, params: Any = ()) -> list[Any]:
        found.extend(plain(self, lambda *row: str(row[3]), "EXPLAIN QUERY PLAN " + sql, params))
        return plain(self, make, sql, params)

    def first(self: db.Connection, make: Any, sql: str, params: Any = ()) -> Any:
        return next(iter(explained(self, make, sql, params)), None)

    monkeypatch.setattr(db.Connection, "rows", explained)
    monkeypatch.setattr(db.Connection, "find", first)
    ask(Views(home.connection))
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_walks_through_a_whole_table(
    name: str, home: RowHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = plans(home, QUESTIONS[name], monkeypatch)
    scans = [step for step in steps if step.startswith("SCAN ") and not is_small(step)]
    assert steps and scans == []
    sorts = [step for step in steps if "TEMP B-TREE" in step]
    assert sorts == [] or name in MAY_SORT


def is_small(step: str) -> bool:
    """Return whether a scan is of few rows, or of the words that FTS5 has found."""
    return step.split()[1] in (*SMALL, "words", "(subquery-1)", "CONSTANT") or "VIRTUAL" in step


def test_the_control_of_the_plans_walks_through_a_table(
    home: RowHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(views: Views) -> object:
        return views._db.rows(int, "SELECT lam FROM item WHERE ts > ? ORDER BY ts", (1,))

    steps = plans(home, ask, monkeypatch)
    assert any(step.startswith("SCAN item") for step in steps)
    assert any("TEMP B-TREE" in step for step in steps)


@pytest.mark.parametrize(
    ("phrase", "fits"),
    [
        pytest.param("x" * 512, True, id="as long as it may be"),
        pytest.param("x" * 513, False, id="a byte too long"),
        pytest.param("é" * 256, True, id="bytes are counted: 512"),
        pytest.param("é" * 257, False, id="bytes are counted: 514"),
    ],
)
def test_a_phrase_to_search_for_has_a_bound(home: RowHome, phrase: str, fits: bool) -> None:
    views = Views(home.connection)
    if fits:
        assert views.search(phrase, sn=SN, before=2**62, limit=50) == []
        return
    with pytest.raises(UsageError) as caught:
        views.search(phrase, sn=SN, before=2**62, limit=50)
    assert caught.value.code == "invalid_argument"


def test_a_snapshot_does_not_move(home: RowHome) -> None:
    space = home.space("other")
    member = home.member(space, "a1")
    with db.connect(home.where.replica, read_only=True) as connection:
        views = Views(connection)
        with views.snapshot():
            assert views.newest(space.sn) == 0
            home.item(space, member)
            assert views.newest(space.sn) == 0
        assert views.newest(space.sn) == 1


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(None, True, id="of this version"),
        pytest.param("UPDATE meta SET v = 0 WHERE k = 'projection'", False, id="other projections"),
        pytest.param("PRAGMA user_version = 0", False, id="older tables"),
    ],
)
def test_an_older_database_is_told_from_a_current_one(
    sql: str | None, home: RowHome, *, expected: bool
) -> None:
    if sql is not None:
        home.connection.run(sql)
    assert Views(home.connection).is_current() is expected


def test_a_newer_database_is_refused(home: RowHome) -> None:
    home.connection.run(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(IntegrityError, match="state_corrupt"):  # nothing else says so: damage
        Views(home.connection).is_current()
    home.write("INSERT OR REPLACE INTO meta(k, v) VALUES('schema', ?)", (schema.VERSION + 1,))
    with pytest.raises(IntegrityError, match="schema_too_new"):
        Views(home.connection).is_current()


def test_encryption_keys_stay_where_they_are(home: RowHome) -> None:
    member = home.member(home.space("other"), "a1")
    (found,) = Views(home.connection).members(member.sn)
    assert member.enc and member.access and found.enc is None and found.access is None
    assert found.kid == member.kid

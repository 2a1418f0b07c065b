"""Behind: what pushes of a group note comes to what they would have written one by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import pytest

from envoy.core.structs import Body
from envoy.errors import EnvoyError, InternalError
from envoy.hub.handler import Handler
from envoy.hub.sqlite import SpaceRow
from envoy.relay import rules, tables
from envoy.relay.group import Job, Writer
from envoy.relay.rules import Allowance
from envoy.relay.tables import RelayStore
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.system.db import Connection, Value
from hub.scenes import NOW_MS, POSTER, envelope

SPACES = (b"a" * 32, b"b" * 32)
ALLOWED = Allowance(bytes_max=12_000, frames_day_max=25, chunk_days=30)
INSTANCE = bytes(16)
FAILED = "storage_failed"


def add(store: RelayStore) -> Body:
    """Keep both spaces."""
    for space in SPACES:
        store.connection.run("INSERT INTO born VALUES(?, ?)", (space, INSTANCE))
        h = frames.chain_start(INSTANCE, space)
        store.add_space(SpaceRow(space, b"g", bytes(32), 0, h, bytes(32), 0, 0, 0, NOW_MS))
    return frames.Done()


def push(store: RelayStore, *, space: bytes, names: Sequence[str], at: int = NOW_MS) -> Body:
    """Push as the desk does, within a quota."""
    before = rules.taken(store, space)
    call = frames.Push(space, tuple(envelope(name) for name in names))
    reply = Handler(store).handle(call, poster=POSTER, now_ms=at)
    rules.count_space(store, space, ALLOWED, before=before, at=at)
    return reply


def push_and_refuse(store: RelayStore, *, space: bytes, names: Sequence[str]) -> Body:
    """Push, and find then that it may not be."""
    push(store, space=space, names=names)
    raise HubRefusal("read_only")


def push_and_look(store: RelayStore, *, space: bytes, names: Sequence[str]) -> Body:
    """Push, and ask the database something that is no push's to ask, before it and behind."""
    store.spaces_count()
    reply = push(store, space=space, names=names)
    found = store.connection.find(int, "SELECT head FROM space WHERE space = ?", (space,))
    assert isinstance(reply, frames.Pushed) and found == reply.head
    return reply


def push_look_and_refuse(store: RelayStore, *, space: bytes, names: Sequence[str]) -> Body:
    """Push, look, and find then that it may not be."""
    push(store, space=space, names=names)
    store.spaces_count()
    push(store, space=space, names=[f"{name}!" for name in names])
    raise HubRefusal("read_only")


def chunk(store: RelayStore, *, space: bytes, names: Sequence[str]) -> Body:
    """Take some of the quota, and change access."""
    store.keep_chunk(space, names[0].encode(), 700, NOW_MS)
    store.raise_rev(space)
    return frames.Done()


def breaks(_store: RelayStore, *, space: bytes, names: Sequence[str]) -> Body:
    """Break the group."""
    raise ZeroDivisionError(space, names)


PUSHES = (push, push, push, push_and_refuse, push_and_look, push_look_and_refuse)
OTHERS = (chunk, breaks)
Step = tuple[Callable[..., Body], bytes, tuple[str, ...]]


class _Scene:
    """A store with two spaces. ``is_behind`` False: all of it is written at once."""

    def __init__(self, path: Path, *, is_behind: bool = True) -> None:
        directory = os.fspath(path)
        tables.make(directory)
        opened = partial(tables.open_store, directory, tables.read_keys(directory), read_only=False)
        self.store, self.other = opened(), opened()
        self._is_behind = is_behind
        self.do([Job(b"", add, 1)])

    def do(self, jobs: list[Job]) -> list[str]:
        """Do calls as one group, those of a broken one alone; return what each came to."""
        if not Writer._commit(self.store, jobs):
            for job in jobs:
                if not Writer._commit(self.store, [job]):
                    job.fail()
        return [_result(job) for job in jobs]

    def job(self, step: Step) -> Job:
        work, space, names = step
        is_push = self._is_behind and work in PUSHES
        pushed = [envelope(name) for name in names] if is_push else []
        return Job(space, partial(work, space=space, names=names), 1, pushed=pushed)

    def rows(self) -> list[list[tuple[object, ...]]]:
        """Return all that is in the database about the spaces."""
        return [
            self.other.connection.rows(_values, sql)
            for sql in (
                "SELECT space, seq, id, at, body FROM frame ORDER BY 1, 2",
                "SELECT * FROM space ORDER BY 1",
                "SELECT * FROM usage ORDER BY 1, 2, 3",
                "SELECT * FROM chunk ORDER BY 1, 2",
                "SELECT * FROM shelf ORDER BY 1",
            )
        ]

    def close(self) -> None:
        self.store.close()
        self.other.close()


def _values(*values: object) -> tuple[object, ...]:
    return values


def _result(job: Job) -> str:
    job.close()
    try:
        reply = job.result(0)
    except HubRefusal as refusal:
        return refusal.code
    return f"{reply.seqs} {reply.head}" if isinstance(reply, frames.Pushed) else "done"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[_Scene]:
    found = _Scene(tmp_path / "relay")
    yield found
    found.close()


def drawn(dice: Random) -> list[list[Step]]:
    """Return groups of calls that meet each other: few spaces, few names."""

    def step() -> Step:
        work = dice.choice(PUSHES if dice.random() < 0.85 else OTHERS)
        names = [f"{dice.randrange(30)}" for _ in range(dice.randrange(1, 4))]
        return work, dice.choice(SPACES), tuple(names)

    return [[step() for _ in range(dice.randrange(1, 9))] for _ in range(6)]


@pytest.mark.parametrize("seed", range(12))
def test_groups_come_to_what_one_by_one_comes_to(tmp_path: Path, seed: int) -> None:
    behind = _Scene(tmp_path / "behind")
    at_once = _Scene(tmp_path / "at once", is_behind=False)
    for group in drawn(Random(seed)):
        found = behind.do([behind.job(step) for step in group])
        expected = [at_once.do([at_once.job(step)])[0] for step in group]
        assert found == expected
        assert behind.rows() == at_once.rows()
    behind.close()
    at_once.close()


def test_pushes_of_a_group_take_four_statements(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Step] = [(push, space, (f"{n}",)) for n in range(8) for space in SPACES]
    scene.do([scene.job((push, space, ("first",))) for space in SPACES])
    written = list[str]()
    kind = type(scene.store.reading)
    run, rows = kind.run, kind.rows

    def noted(sql: str) -> str:
        written.append(sql)
        return sql

    monkeypatch.setattr(kind, "run", lambda one, sql, *a: run(one, noted(sql), *a))
    monkeypatch.setattr(kind, "rows", lambda one, make, sql, *a: rows(one, make, noted(sql), *a))
    found = scene.do([scene.job(step) for step in steps])
    assert found == [f"({n},) {n}" for n in range(2, 10) for _ in SPACES]
    assert [sql.split()[0] for sql in written] == ["SELECT", "INSERT", "UPDATE", "INSERT"]


def test_a_frame_that_two_of_a_group_push_is_there_once(scene: _Scene) -> None:
    step: Step = (push, SPACES[0], ("one", "two", "one"))
    assert scene.do([scene.job(step), scene.job(step)]) == ["(1, 2, 1) 2"] * 2
    assert scene.do([scene.job(step)]) == ["(1, 2, 1) 2"]
    assert [row[1] for row in scene.rows()[0]] == [1, 2]


def test_a_quota_is_exact_over_the_pushes_of_a_group(scene: _Scene) -> None:
    found = scene.do([scene.job((push, SPACES[0], (f"{n}",))) for n in range(60)])
    assert found.count("quota_exceeded") == 60 - ALLOWED.frames_day_max
    assert len(scene.rows()[0]) == ALLOWED.frames_day_max == scene.rows()[2][0][3]


def test_what_another_connection_commits_is_known_to_the_next_group(scene: _Scene) -> None:
    step: Step = (push, SPACES[0], ("one",))
    assert scene.do([scene.job(step)]) == ["(1,) 1"]
    with scene.other.group(), scene.other.item():
        scene.other.connection.run("DELETE FROM frame")
        scene.other.connection.run("DELETE FROM space")
    assert scene.do([scene.job(step)]) == ["space_not_found"]


def test_a_group_that_cannot_be_written_has_left_nothing(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scene.rows()
    kind = type(scene.store.reading)
    run = kind.run

    def full(one: Connection, sql: str, params: Sequence[Value] = ()) -> None:
        if sql.startswith("INSERT INTO frame"):
            raise InternalError("storage_failed")
        run(one, sql, params)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "run", full)
        step: Step = (push, SPACES[0], ("one",))
        assert scene.do([scene.job(step), scene.job(step)]) == ["storage_failed"] * 2
    assert scene.rows() == before
    assert scene.do([scene.job((push, SPACES[0], ("two",)))]) == ["(1,) 1"]


def test_a_group_that_cannot_begin_lets_the_next_one(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> int:
        raise InternalError("storage_failed")

    with monkeypatch.context() as patch:
        patch.setattr("envoy.system.db.data_version", broken)
        with pytest.raises(EnvoyError), scene.store.group():
            pytest.fail("it has begun")
    assert scene.do([scene.job((push, SPACES[0], ("two",)))]) == ["(1,) 1"]


def differs(store: RelayStore) -> list[object]:
    """Return what is kept or noted of the database and is another thing there."""
    here = store.reading
    rows = {row.space: row for row in here.rows(SpaceRow, "SELECT * FROM space")}
    used = {key[:3]: key[3] for key in here.rows(_values, "SELECT * FROM usage")}
    shelves = {key[0]: key[1] for key in here.rows(_values, "SELECT * FROM shelf")}
    wrong: list[object] = [row for row in store._rows.values() if rows.get(row.space) != row]
    wrong += [key for key, n in store._used.items() if used.get(key, 0) != n]
    wrong += [key for key, n in store._shelves.items() if shelves.get(key, 0) != n]
    return [*wrong, *store._waiting.rows, *store._waiting.frames, *store._waiting.used]


@pytest.mark.parametrize("seed", range(6))
def test_on_a_disk_that_is_full_now_and_then_what_is_answered_is_there(
    scene: _Scene, seed: int
) -> None:
    """SQLite undoes the whole transaction by itself then, in the middle of whatever was done."""
    dice, given, refused = Random(seed), dict[tuple[bytes, str], int](), set[object]()
    pages = scene.other.reading.find(int, "PRAGMA page_count") or 0
    for group in drawn(dice) + drawn(dice) + drawn(dice):
        most = pages + dice.choice((0, 1, 2, 5, 10**6))
        scene.store.reading.run(f"PRAGMA max_page_count = {most}")
        found = scene.do([scene.job(step) for step in group])
        refused |= {step[0] for step, said in zip(group, found, strict=True) if said == FAILED}
        assert not differs(scene.store)
        for (_, space, names), said in zip(group, found, strict=True):
            if said.startswith("("):
                seqs = [int(one) for one in said[1 : said.index(")")].split(",") if one]
                given.update(zip([(space, name) for name in names], seqs, strict=True))
        there = {(space, body): seq for space, seq, _, _, body in scene.rows()[0]}
        assert all(there[space, envelope(name)] == seq for (space, name), seq in given.items())
    assert push in refused and given


def test_only_so_many_spaces_are_kept(scene: _Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envoy.relay.behind._SPACES_MAX", 1)
    for number in range(3):
        steps: list[Step] = [(push, space, (f"{number}",)) for space in SPACES]
        assert (
            scene.do([scene.job(step) for step in steps]) == [f"({number + 1},) {number + 1}"] * 2
        )
    assert len(scene.store._rows) <= len(SPACES)

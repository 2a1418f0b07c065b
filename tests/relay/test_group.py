"""Groups: whose turn it is, and that one call that breaks the database breaks no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import InternalError
from envoy.relay import tables
from envoy.relay.group import GONE, Job, Queue, Wake, Writer
from envoy.relay.tables import RelayStore
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE


def idle(_store: RelayStore) -> Body:
    return frames.Done()


def job(space: int, cost: int = 1) -> Job:
    return Job(bytes([space]) * 32, idle, cost)


def fill(queue: Queue, jobs: list[Job]) -> None:
    for one in jobs:
        queue.add(one)


def test_every_space_has_its_turn_whoever_came_first() -> None:
    queue = Queue()
    flood = [job(1, limits.GROUP_QUANTUM_BYTES) for _ in range(100)]
    fill(queue, [*flood, job(2), job(3)])
    group = queue.take()
    assert {one.space[0] for one in group[:3]} == {1, 2, 3}
    assert queue.count == 102 - len(group)


def test_a_large_call_saves_up_for_its_turn_and_is_not_starved() -> None:
    queue = Queue()
    large = job(1, 3 * limits.GROUP_QUANTUM_BYTES)
    fill(queue, [large, *[job(2, limits.GROUP_QUANTUM_BYTES) for _ in range(40)]])
    assert large in queue.take()


def test_a_group_is_bounded_and_nothing_is_lost_or_done_twice() -> None:
    queue = Queue()
    jobs = [job(number % 7, 1 + number * 997 % 50_000) for number in range(500)]
    fill(queue, jobs)
    done = list[Job]()
    while queue.count:
        group = queue.take()
        assert 0 < len(group) <= limits.GROUP_CALLS_MAX
        done += group
    assert sorted(map(id, done)) == sorted(map(id, jobs)) and queue.bytes == 0
    for space in range(7):
        mine = [one for one in jobs if one.space[0] == space]
        assert [one for one in done if one.space[0] == space] == mine


class _Scene:
    """A writer over a store of its own."""

    def __init__(self, path: Path) -> None:
        directory = str(path)
        tables.make(directory)
        keys = tables.read_keys(directory)
        self.wakes = list[Wake]()
        self.groups = list[int]()
        opened = partial(tables.open_store, directory, keys, read_only=False)
        self.writer = Writer(opened, self.wakes.extend, lambda n, _seconds: self.groups.append(n))

    def note(self, name: str) -> Callable[[RelayStore], Body]:
        def work(store: RelayStore) -> Body:
            store.note_invite(name.encode(), SPACE)
            return frames.Done()

        return work

    def names(self) -> set[str]:
        found = set[str]()

        def work(store: RelayStore) -> Body:
            sql = "SELECT lookup FROM invite_space"
            found.update(one.decode() for one in store.connection.rows(bytes, sql))
            return frames.Done()

        self.do(work)
        return found

    def do(self, work: Callable[[RelayStore], Body], space: bytes = SPACE) -> Body:
        return self.writer.submit(Job(space, work, 1)).result(5)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[_Scene]:
    found = _Scene(tmp_path / "relay")
    yield found
    found.writer.close()


def together(scene: _Scene, works: list[Callable[[RelayStore], Body]]) -> list[str]:
    """Do calls in one group; return what each came to."""
    begun, go = threading.Event(), threading.Event()

    def hold(_store: RelayStore) -> Body:
        begun.set()
        go.wait(5)
        return frames.Done()

    first = scene.writer.submit(Job(SPACE, hold, 1))
    begun.wait(5)
    jobs = [scene.writer.submit(Job(SPACE, work, 1)) for work in works]
    go.set()
    first.result(5)
    found = list[str]()
    for one in jobs:
        try:
            one.result(5)
            found.append("ok")
        except HubRefusal as refusal:
            found.append(refusal.code)
    return found


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(InternalError("storage_failed"), id="of the database"),
        pytest.param(ZeroDivisionError(), id="of ours"),
    ],
)
def test_a_call_that_breaks_its_group_stands_alone(scene: _Scene, error: Exception) -> None:
    tried = list[int]()

    def broken(_store: RelayStore) -> Body:
        tried.append(1)
        raise error

    found = together(scene, [scene.note("before"), broken, scene.note("behind")])
    assert found == ["ok", "storage_failed", "ok"]
    assert scene.names() == {"before", "behind"} and len(tried) == 2
    assert scene.groups[:2] == [1, 3]


def test_a_refusal_undoes_its_own_call_alone(scene: _Scene) -> None:
    def refused(store: RelayStore) -> Body:
        store.note_invite(b"never", SPACE)
        raise HubRefusal("quota_exceeded")

    found = together(scene, [scene.note("before"), refused, scene.note("behind")])
    assert found == ["ok", "quota_exceeded", "ok"] and scene.names() == {"before", "behind"}


def test_a_commit_that_does_not_come_leaves_the_outcome_open(scene: _Scene) -> None:
    go = threading.Event()

    def slow(_store: RelayStore) -> Body:
        go.wait(5)
        return frames.Done()

    waits = scene.writer.submit(Job(SPACE, slow, 1))
    with pytest.raises(HubRefusal) as caught:
        waits.result(0.05)
    assert caught.value.code == "relay_unavailable" and waits.is_open
    go.set()
    assert waits.result(5) == frames.Done() and not waits.is_open


def test_too_much_that_waits_is_sent_away(scene: _Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GROUP_WAITING_BYTES_MAX", -1)
    with pytest.raises(HubRefusal) as caught:
        scene.do(scene.note("one"))
    assert caught.value.code == "relay_unavailable"


def test_a_writer_that_ends_does_what_waits_and_takes_no_more(tmp_path: Path) -> None:
    scene = _Scene(tmp_path / "relay")
    jobs = [scene.writer.submit(Job(SPACE, scene.note(str(n)), 1)) for n in range(200)]
    scene.writer.close()
    assert all(one.result(0) == frames.Done() for one in jobs)
    with pytest.raises(HubRefusal):
        scene.do(scene.note("late"))


def test_a_space_that_is_not_there_any_more_is_told_of_as_gone(scene: _Scene) -> None:
    scene.do(idle)
    scene.do(idle, b"")  # about no space
    scene.do(idle)
    assert set(scene.wakes) == {Wake(SPACE, GONE, GONE)}


def test_wakes_that_cannot_be_read_are_lost_and_nothing_else(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise InternalError("storage_failed")

    monkeypatch.setattr(RelayStore, "find_space", broken)
    scene.do(scene.note("one"))
    assert scene.names() == {"one"} and scene.wakes == []

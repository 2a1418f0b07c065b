"""Threads of one program and sessions of one profile: each call works, tasks have one holder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

import envoy
from sdkhome import Pair, pair

THREADS, CALLS = 6, 5


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Pair]:
    made = pair(tmp_path / "h")
    yield made
    made.lead.close()
    made.agent.close()


def together(count: int, act: Callable[[int], object]) -> list[object]:
    """Return what each of ``count`` threads that begin at once came to; what they raise counts."""
    gate = threading.Barrier(count)

    def run(number: int) -> object:
        gate.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        begun = [pool.submit(run, number) for number in range(count)]
        return [one.exception() or one.result() for one in begun]


def test_threads_that_share_a_client_do_everything_at_once(two: Pair) -> None:
    def work(number: int) -> str:
        for turn in range(CALLS):
            sent = two.worked.send(f"{number} {turn}")
            task = two.worked.tasks.create(f"task {number} {turn}")
            with two.worked.tasks.get(task).claim() as held:
                held.complete("done")
            assert two.worked.inbox().unread_count == 0, "nobody else writes"
            two.worked.ack(sent.cursor)
            assert two.agent.status().spaces and list(two.worked.tasks.list(status="all"))
        return "done"

    assert together(THREADS, work) == ["done"] * THREADS
    said = {str(one.body) for one in two.led.history(kinds=["message"])}
    assert said == {f"{number} {turn}" for number in range(THREADS) for turn in range(CALLS)}
    assert {one.state for one in two.led.tasks.list(status="all")} == {"completed"}


def test_threads_that_share_an_iterator_get_each_event_once(two: Pair) -> None:
    for number in range(20):
        two.led.send(f"m{number}")

    def hear(events: envoy.Events) -> list[str]:
        found = together(4, lambda _: [str(one.body) for one in events])
        assert all(isinstance(one, list) for one in found), found
        return [text for one in found if isinstance(one, list) for text in one]

    for _ in range(8):  # who comes first, and how far, differs
        heard = hear(two.worked.events(since="start", types=["new_message"], timeout=0.1))
        assert sorted(heard) == sorted(f"m{number}" for number in range(20))


def test_an_iterator_that_goes_from_thread_to_thread_keeps_its_connection(two: Pair) -> None:
    texts = [f"m{number}" for number in range(12)]
    for text in texts:
        two.led.send(text)
    before, open_before = set(apsw.connections()), len(os.listdir("/proc/self/fd"))
    events = two.worked.events(since="start", types=["new_message"], timeout=5)
    heard = list[object]()
    for _ in texts:
        heard += together(1, lambda _: str(next(events).body))
    assert heard == texts
    assert len(set(apsw.connections()) - before) <= 2, "of the profile and of the hub"
    events.close()
    assert set(apsw.connections()) <= before
    assert len(os.listdir("/proc/self/fd")) <= open_before


class Ending:
    """A turn in which another thread ends the iterator just before it is given back."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._lock, self._end = threading.Lock(), end
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        together(1, lambda _: self._end())
        self.release()


def test_an_end_while_a_thread_leaves_the_iterator_closes_all_of_it(
    two: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.led.send("m0")
    two.led.send("m1")
    before = set(apsw.connections())
    events = two.worked.events(since="start", types=["new_message"], timeout=5)
    assert str(next(events).body) == "m0" and set(apsw.connections()) - before
    monkeypatch.setattr(events, "_turn", Ending(events.close))
    assert str(next(events).body) == "m1"
    assert set(apsw.connections()) <= before
    assert list(events) == []


def test_an_iterator_is_closed_while_another_thread_waits(two: Pair) -> None:
    before = set(apsw.connections())
    events = two.worked.events(timeout=60)

    def act(number: int) -> object:
        if not number:
            return list(events)
        while not set(apsw.connections()) - before:
            time.sleep(0.01)
        events.close()
        two.led.send("wakes it")
        return "closed"

    assert together(2, act) == [[], "closed"]
    assert set(apsw.connections()) <= before
    assert list(events) == []


def test_sessions_of_one_profile_compete_and_each_task_has_one_holder(two: Pair) -> None:
    tasks = [two.led.tasks.create(f"task {number}").id for number in range(4)]

    def claim(number: int) -> list[str]:
        won = list[str]()
        with envoy.open("a1", home=two.home, session=f"s{number}") as client:
            for task in tasks:
                try:
                    client.spaces.get().tasks.get(task).claim(require="confirmed")
                except envoy.AlreadyClaimedError as error:
                    assert error.details["session"] != f"s{number}"
                else:
                    won.append(task)
        return won

    found = together(THREADS, claim)
    assert sorted(task for one in found for task in of(one)) == sorted(tasks)


def of(found: object) -> list[str]:
    """Return the tasks that a thread won."""
    assert isinstance(found, list), found
    return found

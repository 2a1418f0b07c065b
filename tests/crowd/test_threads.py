"""Threads of one program and sessions of one profile: each call works, tasks have one holder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def test_an_iterator_belongs_to_one_thread_at_a_time(two: Pair) -> None:
    for number in range(20):
        two.led.send(f"m{number}")
    events = two.worked.events(since="start", types=["new_message"], timeout=1)
    found = together(4, lambda _: [str(one.body) for one in events])
    heard = [text for one in found if isinstance(one, list) for text in one]
    assert all(isinstance(one, (list, ValueError, envoy.EnvoyError)) for one in found), found
    assert len(heard) == len(set(heard))
    assert set(heard) <= {f"m{number}" for number in range(20)}


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

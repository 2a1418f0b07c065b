"""Work on several threads, answered in order."""

from __future__ import annotations

import threading

import pytest

from envoy.system.workers import Workers


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 31, 32, 100, 1000])
def test_results_come_in_the_order_of_the_items(threads: int, count: int) -> None:
    with Workers(threads) as workers:
        assert workers.map(lambda n: n * n, range(count)) == [n * n for n in range(count)]


def test_several_threads_work_and_small_work_stays_here() -> None:
    with Workers(2) as workers:
        both = threading.Barrier(2, timeout=10)
        names = workers.map(
            lambda n: (n % 50 == 0 and both.wait(), threading.get_ident())[1], range(100)
        )
        assert len(set(names)) == 2
        assert threading.get_ident() not in names
        assert set(workers.map(lambda _: threading.get_ident(), range(3))) == {
            threading.get_ident()
        }


def test_what_the_function_raises_is_raised_here_and_the_workers_work_on() -> None:
    def refuse_seven(n: int) -> int:
        if n == 7:
            raise KeyError(n)
        return n

    with Workers(2) as workers:
        with pytest.raises(KeyError):
            workers.map(refuse_seven, range(100))
        assert workers.map(refuse_seven, range(100, 200)) == list(range(100, 200))
    workers.close()


def test_the_caller_goes_on_while_the_threads_work() -> None:
    gate = threading.Event()
    with Workers(2) as workers:
        waits = [workers.begin(lambda n: gate.wait(10) and n, range(100)) for _ in range(2)]
        gate.set()
        assert [wait() for wait in waits] == [list(range(100))] * 2


def test_without_a_number_the_machine_decides() -> None:
    with Workers() as workers:
        assert workers.map(str, range(100)) == [str(n) for n in range(100)]

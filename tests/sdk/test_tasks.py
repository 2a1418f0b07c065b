"""Work through the SDK: one holder, signs of life, what a raised block or a kill leaves."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import envoy
from envoy.sdk import heartbeat, tasks
from envoy.system import host
from processes import python
from sdkhome import Pair, pair

OVER_MS = 100_000  # a lease of a minute and the grace of a hub
HOLDER = """
import sys, time, envoy
home, space, task = sys.argv[1:]
client = envoy.open("a1", home=home, session="doomed")
work = client.spaces.get(space).tasks.get(task).claim(require="confirmed", lease="60s")
print(work.fence, flush=True)
time.sleep(60)
"""


@pytest.fixture
def two(tmp_path: Path) -> Pair:
    return pair(tmp_path / "h")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what moves the clock of this process forward."""
    real, moved = host.now_ms, [0]
    monkeypatch.setattr(host, "now_ms", lambda: real() + moved[0])

    def move(ms: int) -> None:
        moved[0] += ms

    return move


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, which may take a while on a busy machine."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_task_has_all_that_was_said_of_it(two: Pair) -> None:
    first = two.led.tasks.create("First")
    made = two.led.tasks.create(
        "Repro crash",
        body="In the parser.\nWith an empty line.",
        assignee="@a1",
        priority=0,
        labels=["parser", "crash"],
        due=datetime(2030, 1, 31, tzinfo=UTC),
        needs=[first],
        parent=first.id,
        reviews=1,
        review_by=["human"],
        no_self_review=True,
        require_evidence=["test"],
    )
    assert made.title.text == "Repro crash" and made.body.text.endswith("empty line.")
    assert made.due_at == datetime(2030, 1, 31, tzinfo=UTC) and made.priority == 0
    assert [one.text for one in made.labels] == ["parser", "crash"]
    assert made.unmet == (first.id,) and made.state == "assigned" and not made.is_mine
    assert made.to_dict()["gate"] == {
        "reviews": 1,
        "review_by": ["human"],
        "no_self_review": True,
        "evidence": ["test"],
    }
    assert made.reload() == made == two.led.tasks.get(made.id[:14])
    assert two.worked.tasks.get(made).is_mine


def test_an_edit_changes_what_it_names_and_refuses_a_past_version(two: Pair) -> None:
    task = two.led.tasks.create("One", labels=["a"], due=datetime(2030, 1, 1, tzinfo=UTC))
    done = task.edit(title="Two", label=["b"], unlabel=["a"], due=None, reviews=1)
    assert done.changed and done.version != task.version
    now = task.reload()
    assert now.title.text == "Two" and [one.text for one in now.labels] == ["b"]
    assert now.due_at is None
    with pytest.raises(envoy.VersionConflictError) as caught:
        task.edit(priority=0, if_version=task.version)
    assert caught.value.version == now.version
    assert task.edit(priority=0, if_version=now.version).changed
    with pytest.raises(envoy.UsageError, match="missing_required_flag"):
        task.edit()


def test_what_is_ready_comes_by_priority_and_page_by_page(
    two: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envoy.sdk.reading.PAGE", 2)
    for priority in (3, 1, 4, 0, 2):
        two.led.tasks.create(f"P{priority}", priority=priority, labels=["x"])
    two.led.tasks.create("waits", needs=[two.led.tasks.next()])
    shown = [one.title.text for one in two.worked.tasks.ready(label="x")]
    assert shown == ["P0", "P1", "P2", "P3", "P4"]
    assert [one.title.text for one in two.worked.tasks.list()][:3] == ["P0", "P1", "P2"]
    assert len(list(two.worked.tasks.list())) == 6
    assert list(two.worked.tasks.list(mine=True)) == []
    assert two.worked.tasks.next().title.text == "P0"
    with pytest.raises(envoy.WaitTimeoutError, match="nothing_ready"):
        two.worked.tasks.next(label="unknown")


def test_a_claimed_task_is_worked_on_and_completed(two: Pair) -> None:
    two.led.tasks.create("Repro")
    with two.worked.tasks.next().claim(require="confirmed") as work:
        assert work.fence == 1 and work.task.is_mine and work.lost is None
        assert work.progress("on it").state == "in_progress"
        assert work.block("no log").state == "blocked"
        assert work.heartbeat().changed
        note = two.worked.send("It is line 3.", task=work.id)
        done = work.complete("off by one", evidence=[note.id])
    assert done.state == "completed" and two.led.tasks.get(work.id).summary == envoy.Untrusted(
        "off by one"
    )
    assert [one.id for one in two.led.tasks.list(status="completed")] == [work.id]


def test_a_block_that_raises_gives_the_task_back(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    with pytest.raises(ZeroDivisionError), two.worked.tasks.get(task).claim():
        raise ZeroDivisionError
    assert task.reload().state == "open"
    with two.worked.tasks.get(task).claim() as work:
        pass
    assert task.reload().state == "claimed", "silence undoes nothing"
    assert work.release("later").state == "unassigned"


def test_a_block_that_raises_after_its_end_changes_nothing(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    with pytest.raises(ZeroDivisionError), two.worked.tasks.get(task).claim() as work:
        work.complete("done")
        raise ZeroDivisionError
    assert task.reload().state == "completed"


def test_a_lead_cancels_and_opens_again_and_gives_away(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    assert task.cancel("not now").state == "cancelled"
    assert task.reopen().state == "unassigned"
    assert task.assign("@a1").state == "assigned"
    assert two.worked.tasks.get(task).release("no time").state == "unassigned"


def test_who_comes_second_is_told_who_holds_the_task(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    two.worked.tasks.get(task).claim()
    with pytest.raises(envoy.AlreadyClaimedError) as caught:
        task.claim()
    assert caught.value.holder == two.agent.me.id and caught.value.fence == 1
    assert caught.value.exit == 5 and isinstance(caught.value, envoy.ConflictError)


def test_a_gate_says_what_it_misses(two: Pair) -> None:
    two.led.tasks.create("Repro", require_evidence=["test"], reviews=1)
    with two.worked.tasks.next().claim() as work:
        with pytest.raises(envoy.GateError) as caught:
            work.complete("done")
        assert (
            caught.value.missing == (envoy.Untrusted("test"),) and caught.value.reviews_missing == 0
        )
        proof = work.record("evidence", type="test", subject="git:repo@abc123")
        assert work.complete("done", evidence=[proof]).state == "submitted"


def test_signs_of_life_renew_the_lease(two: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BEATS_PER_LEASE", 60 * 50)
    two.led.tasks.create("Repro")
    with two.worked.tasks.next().claim(lease="60s") as work:
        before = work.taken.lease_expires_at
        assert before is not None
        until(lambda: (work.task.lease_expires_at or before) > before)
    assert not [one for one in threading.enumerate() if one.name == "envoy-heartbeat"]


def test_a_holder_is_told_that_the_task_is_lost(
    two: Pair, monkeypatch: pytest.MonkeyPatch, later: Callable[[int], None]
) -> None:
    task = two.led.tasks.create("Repro")
    work = two.worked.tasks.get(task).claim(lease="60s")
    later(OVER_MS)
    task.claim()
    monkeypatch.setattr(tasks, "BEATS_PER_LEASE", 60 * 50)
    with work:
        until(lambda: work.lost is not None)
        assert work.lost is not None and work.lost.code in heartbeat.LOST
        with pytest.raises(envoy.EnvoyError) as caught:
            work.complete("too late")
    assert caught.value.code in ("not_assignee", "fence_stale")


def test_a_hub_that_is_away_ends_no_work(two: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BEATS_PER_LEASE", 60 * 50)
    asked = list[int]()

    def away(*_: object, **__: object) -> None:
        asked.append(1)
        raise envoy.RelayError("relay_unavailable")

    monkeypatch.setattr("envoy.replica.actions.hold.heartbeat", away)
    two.led.tasks.create("Repro")
    with two.worked.tasks.next().claim(lease="60s") as work:
        until(lambda: len(asked) > 2)
        assert work.lost is None


def test_a_task_is_free_again_after_the_lease_of_a_killed_holder(
    two: Pair, later: Callable[[int], None]
) -> None:
    task = two.led.tasks.create("Repro")
    doomed = python(HOLDER, str(two.home), two.led.id, task.id)
    assert doomed.stdout is not None
    with doomed, doomed.stdout:
        assert doomed.stdout.readline().strip() == "1"
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        with pytest.raises(envoy.AlreadyClaimedError) as caught:
            task.claim()
        assert caught.value.details["session"] == "doomed"
        later(OVER_MS)
        assert task.claim(require="confirmed").fence == 2


def race(count: int, one: Callable[[int], object]) -> list[object]:
    """Return what each of some threads came to that begin at once."""
    gate, found = threading.Barrier(count), list[object]()

    def run(number: int) -> None:
        gate.wait()
        try:
            found.append(one(number))
        except envoy.EnvoyError as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_threads_with_clients_of_their_own_one_gets_the_task(two: Pair) -> None:
    task = two.led.tasks.create("Repro")

    def claim(number: int) -> object:
        with envoy.open("a1", home=two.home, session=f"s{number}") as client:
            return client.spaces.get().tasks.get(task).claim(require="confirmed")

    found = race(4, claim)
    assert sum(isinstance(one, envoy.Work) for one in found) == 1
    assert sum(isinstance(one, envoy.AlreadyClaimedError) for one in found) == 3


def test_threads_may_share_a_client_and_take_different_tasks(two: Pair) -> None:
    every = {two.led.tasks.create(f"T{number}").id for number in range(3)}

    def take(_: int) -> object:
        return two.worked.tasks.take().id

    assert set(race(3, take)) == every
    with pytest.raises(envoy.WaitTimeoutError):
        two.worked.tasks.take()


def test_a_forked_child_does_not_end_the_work_of_its_parent(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    with two.worked.tasks.get(task).claim() as work:
        child = os.fork()
        if child == 0:  # what a block in the child leaves, and what the child itself can do
            work.__exit__(ValueError, ValueError(), None)
            two.worked.send("from the child")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert task.reload().state == "claimed"
        assert work.heartbeat().changed
        bodies = [one.body.text for one in two.led.history() if one.body]
        assert "from the child" in bodies


def test_a_key_makes_a_call_that_can_be_repeated(two: Pair) -> None:
    first = two.led.tasks.create("Repro", key="k1")
    assert two.led.tasks.create("Repro", key="k1").id == first.id
    assert two.led.tasks.create("Repro").id != first.id
    with pytest.raises(envoy.ConflictError, match="idempotency_mismatch"):
        two.led.tasks.create("Other", key="k1")


def test_a_span_may_be_a_timedelta(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    taken = task.claim(lease=timedelta(hours=1)).taken
    assert taken.lease_expires_at is not None
    assert taken.lease_expires_at - datetime.now(UTC) > timedelta(minutes=50)

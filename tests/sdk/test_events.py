"""Events through the SDK: by cursor, without loss, over ends, threads and forks."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

import envoy
from processes import python
from sdkhome import Pair, pair

READER = """
import sys, envoy
home, space, since = sys.argv[1:]
client = envoy.open("a1", home=home)
events = client.spaces.get(space).events(since=int(since), types=["new_message"], timeout=20)
for event in events:
    print(event.cursor, event.body.text, flush=True)
"""


@pytest.fixture
def two(tmp_path: Path) -> Pair:
    return pair(tmp_path / "h")


def bodies(events: envoy.Events) -> list[str]:
    """Return the texts of what comes until the end."""
    return [one.body.text for one in events if one.body is not None]


def test_an_iterator_pages_by_itself_and_bears_where_it_stands(two: Pair) -> None:
    for number in range(120):
        two.led.send(f"m{number}")
    wanted = [f"m{number}" for number in range(120)]
    events = two.worked.events(since="start", types={"new_message"}, timeout=0)
    first = [next(events) for _ in range(55)]
    assert events.cursor == first[-1].cursor
    events.close()
    rest = two.worked.events(since=events.cursor, types={"new_message"}, timeout=0)
    assert [one.body.text for one in first if one.body] + bodies(rest) == wanted
    assert list(events) == [] and events.cursor == first[-1].cursor


def test_nothing_is_missed_between_the_call_and_the_first_look(two: Pair) -> None:
    two.led.send("before")
    events = two.worked.events(types=["new_message"], timeout=0)
    two.led.send("after")
    assert bodies(events) == ["after"]


def test_it_waits_for_what_comes(two: Pair) -> None:
    events = two.worked.events(types=["new_message"], timeout=20)
    speaker = threading.Timer(0.2, lambda: two.led.send("now"))
    speaker.start()
    with events:
        found = next(events)
    speaker.join()
    assert found.body == envoy.Untrusted("now") and found.actor.id == two.lead.me.id
    assert found.status == "ok" and not found.requires_re_read and found.reply_to is None
    assert list(events) == []


def test_it_ends_when_its_time_is_over(two: Pair) -> None:
    start = time.monotonic()
    assert list(two.worked.events(timeout=0.3)) == []
    assert 0.2 < time.monotonic() - start < 15


def test_it_begins_where_the_inbox_was_acknowledged(two: Pair) -> None:
    two.led.send("one")
    for item in two.worked.inbox():
        two.worked.ack(item)
    two.led.send("two")
    since = two.worked.events(since="last-ack", types=["new_message"], timeout=0)
    assert bodies(since) == ["two"]
    assert len(two.worked.inbox()) == 1, "reading acknowledges nothing"


def test_what_i_did_can_be_left_out(two: Pair) -> None:
    two.worked.send("mine")
    two.led.send("yours")
    every = two.worked.events(since="start", types=["new_message"], timeout=0)
    assert bodies(every) == ["mine", "yours"]
    others = two.worked.events(since="start", types=["new_message"], timeout=0, own=False)
    assert bodies(others) == ["yours"]


def test_an_event_leads_to_its_task(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    found = next(two.worked.events(since="start", types=["task_created"], timeout=0))
    assert found.task_id == task.id and found.task.title == task.title
    two.led.send("no task")
    other = next(two.worked.events(since=found.cursor, types=["new_message"], timeout=0))
    assert other.task_id is None
    with pytest.raises(envoy.NotFoundError, match="task_not_found"):
        _ = other.task


def test_a_killed_reader_goes_on_by_cursor_without_loss_or_repetition(two: Pair) -> None:
    for number in range(6):
        two.led.send(f"m{number}")
    shown, cursor = list[str](), "0"
    for stop in (3, 6):
        reader = python(READER, str(two.home), two.led.id, cursor)
        assert reader.stdout is not None
        with reader, reader.stdout:
            while len(shown) < stop:
                cursor, _, text = reader.stdout.readline().strip().partition(" ")
                shown.append(text)
            reader.kill()
    assert shown == [f"m{number}" for number in range(6)]


def test_another_thread_and_a_forked_child_may_go_on_with_an_iterator(two: Pair) -> None:
    for number in range(3):
        two.led.send(f"m{number}")
    events = two.worked.events(since="start", types=["new_message"], timeout=5)
    assert next(events).body == envoy.Untrusted("m0")
    two.led.send("m3")
    child = os.fork()
    if child == 0:
        told = [str(next(events).body) for _ in range(3)]
        events.close()
        os._exit(0 if told == ["m1", "m2", "m3"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    told = list[str]()
    thread = threading.Thread(target=lambda: told.extend(str(next(events).body) for _ in range(3)))
    thread.start()
    thread.join()
    assert told == ["m1", "m2", "m3"]
    two.led.send("m4")
    assert str(next(events).body) == "m4"
    events.close()


def test_events_of_a_closed_client_are_an_error_and_not_an_end(two: Pair) -> None:
    events = two.worked.events(timeout=5)
    two.agent.close()
    with pytest.raises(envoy.UsageError) as caught:
        next(events)
    assert caught.value.details["cause"] == "closed"

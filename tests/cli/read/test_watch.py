"""Watch: streams resume by their cursor, end in time, and wake without a daemon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.read.conftest import Place, task_id
from envoy.cli.lines import DEEDS
from envoy.cli.read import watch
from envoy.replica import notices
from envoy.state import lines as lines_of
from envoy.views import rows
from rowhome import RowHome
from schemas import problems


def lines(place: Place, *args: str) -> list[dict[str, Any]]:
    """Return the events of a stream that ends by itself."""
    found = place.call("--json", *args)
    assert found.status == 0, found
    events = [json.loads(line) for line in found.out.splitlines()]
    assert [problem for event in events for problem in problems(event, "event")] == []
    return events


def cursors(events: list[dict[str, Any]]) -> list[int]:
    """Return the cursors of events."""
    return [event["cursor"] for event in events]


def test_events_resume_behind_a_cursor_without_loss(busy: Place) -> None:
    every = lines(busy, "events", "--since", "0", "--watch-timeout", "0")
    assert cursors(every) == list(range(1, 10))
    assert cursors(lines(busy, "events", "--since", "4", "--watch-timeout", "0")) == [5, 6, 7, 8, 9]
    assert lines(busy, "events", "--watch-timeout", "0") == [], "they begin with what comes"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(("--types", "task_created"), [6, 7, 8, 9], id="of one type"),
        pytest.param(("--types", "task_created,member_joined"), [6, 7, 8, 9], id="of two types"),
        pytest.param(("--exclude-self",), [2, 3, 4, 5, 9], id="of others"),
        pytest.param(("--types", "new_message", "--exclude-self"), [2, 3, 4, 5], id="both"),
    ],
)
def test_events_may_be_filtered(flags: tuple[str, ...], expected: list[int], busy: Place) -> None:
    found = lines(busy, "events", "--since", "0", "--watch-timeout", "0", *flags)
    assert cursors(found) == expected


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        pytest.param("nope", None, id="like no type"),
        pytest.param("new_mesage", "new_message", id="a slip"),
        pytest.param("task_created,member_join", "member_joined", id="one of two"),
    ],
)
def test_a_type_that_is_none_is_refused_with_those_that_are(
    given: str, nearest: str | None, place: Place
) -> None:
    found = place.call("--json", "events", "--types", given, "--watch-timeout", "0")
    data = json.loads(found.out)
    assert found.status == 2 and problems(data, "error") == []
    assert (data["error_code"], data["argument"]) == ("invalid_argument", "--types")
    assert data.get("nearest") == nearest and data["expected"] == sorted(watch.TYPES)
    assert place.call("--json", "listen", "--events", given).status == 2


def test_every_type_of_the_stream_may_be_asked_for() -> None:
    told = {*lines_of.TYPES.values(), *notices.VERDICT_TYPES, *DEEDS} - {"member_removed"}
    assert told <= set(watch.TYPES)


def test_an_event_bears_what_its_readers_have_to_know(place: Place) -> None:
    place.home.item(place.space, place.a1, "words", role="write")
    place.home.item(place.space, place.a1, None, kind="epoch.create", type="epoch_bumped")
    said, renewed = lines(place, "events", "--since", "0", "--watch-timeout", "0")
    assert (said["body"], said["actor"]["role"]) == ("words", "write")
    assert not said["requires_re_read_before_mutation"]
    assert renewed["requires_re_read_before_mutation"]


def test_a_cursor_belongs_to_one_space(place: Place) -> None:
    place.home.member(place.home.space("other"), "lead")
    place.fails("missing_required_flag", "events", "--since", "1", "--watch-timeout", "0")
    assert lines(place, "events", "bughunt", "--since", "1", "--watch-timeout", "0") == []


def test_a_stream_of_several_spaces_names_them(place: Place) -> None:
    other = place.home.space("other")
    member = place.home.member(other, "c3")
    later = place.home.later(lambda home: home.item(other, member, "elsewhere"))
    found = place.text("events", "--watch-timeout", "2")
    later.join()
    assert "other" in found and "| elsewhere" in found


def test_what_happens_wakes_a_stream(place: Place) -> None:
    def act(home: RowHome) -> None:
        home.item(place.space, place.a1, "one")
        home.item(place.space, place.a1, "two")

    later = place.home.later(act)
    found = lines(place, "events", "--watch-timeout", "2")
    later.join()
    assert [event["body"] for event in found] == ["one", "two"]


def test_listen_begins_with_some_recent_lines(busy: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: object, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("envoy.wiring.reads.Waiter.wait", stop)

    def listened(*args: str) -> list[int]:
        found = busy.call("--json", "listen", *args)
        assert found.status == 130
        return [json.loads(line)["cursor"] for line in found.out.splitlines()]

    assert listened() == list(range(1, 10))
    assert listened("--history", "2") == [8, 9]
    assert listened("--no-history") == []
    assert listened("--since", "7") == [8, 9]
    assert listened("--events", "messages", "--history", "2") == [4, 5, 6, 7, 8, 9][:2]
    busy.fails("invalid_argument", "listen", "--events", "everything")


# -- wait ----------------------------------------------------------------------------------------


def test_waiting_ends_at_once_with_what_is_there(busy: Place) -> None:
    data = busy.ok("wait", "wait", "--timeout", "0")
    assert (data["matched"], data["event"]["cursor"]) == ("mine", 2)
    assert busy.ok("wait", "wait", "--for", "message")["event"]["type"] == "new_message"
    assert busy.text("wait").startswith("matched mine\n#2 ")


@pytest.mark.parametrize("what", ["mention", "conflict"])
def test_waiting_for_one_thing_lets_others_pass(what: str, busy: Place) -> None:
    found = busy.call("--json", "wait", "--for", what, "--timeout", "0")
    assert (found.status, found.data["error_code"]) == (6, "wait_timeout")
    busy.home.item(busy.space, busy.a1, "for you", reason=what)
    assert busy.ok("wait", "wait", "--for", what)["event"]["body"] == "for you"


def test_waiting_for_a_task_ends_when_it_is_there(place: Place) -> None:
    task = place.home.task(place.space, place.lead, "Mine")
    place.fails(
        "wait_timeout", "wait", "--for", f"task:{task_id(task)}:completed", "--timeout", "0"
    )

    def act(home: RowHome) -> None:
        home.save(task._replace(state="completed"))

    later = place.home.later(act)
    data = place.ok("wait", "wait", "--for", f"task:{task_id(task)}:completed", "--timeout", "20")
    later.join()
    assert data["event"]["task_id"] == task_id(task)


@pytest.mark.parametrize("what", ["everything", "task", "task:", "task:task_aaaaaa", "task::open"])
def test_waiting_for_nothing_known_is_refused(what: str, place: Place) -> None:
    place.fails("invalid_argument", "wait", "--for", what)


def test_waiting_for_an_unknown_task_or_state_is_refused(place: Place) -> None:
    task = place.home.task(place.space, place.lead, "Mine")
    place.fails("task_not_found", "wait", "--for", "task:task_aaaaaa:open")
    place.fails("invalid_argument", "wait", "--for", f"task:{task_id(task)}:nowhere")
    place.fails("unsupported_operation", "wait", "--for", "review")


def test_a_stream_row_of_another_space_is_not_shown(place: Place) -> None:
    other = place.home.space("other")
    place.home.item(other, place.home.member(other, "c3"), "elsewhere")
    assert lines(place, "events", "bughunt", "--since", "0", "--watch-timeout", "0") == []
    assert isinstance(place.space, rows.Space)

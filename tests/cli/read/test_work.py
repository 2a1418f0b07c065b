"""Work: tasks in lists, on a board and alone, and the Work Record."""

from __future__ import annotations

from typing import Any

import pytest

from cli.read.conftest import HELD_TEXT, Place, event_id, task_id
from envoy import limits
from envoy.cli.tasktext import COLUMNS
from envoy.core import invite
from envoy.views import names
from rowhome import T0


def titles(data: dict[str, Any]) -> list[str]:
    """Return the titles of tasks in an answer."""
    return [task["title"] for task in data["tasks"]]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param((), ["Repro crash", "Audit checks", "Write it up"], id="pending by default"),
        pytest.param(("--status", "unassigned"), ["Write it up"], id="unassigned"),
        pytest.param(("--status", "assigned"), ["Repro crash", "Write it up"], id="assigned"),
        pytest.param(("--status", "claimed"), ["Repro crash"], id="claimed"),
        pytest.param(("--status", "blocked"), ["Audit checks"], id="blocked"),
        pytest.param(("--status", "completed"), ["Old thing"], id="completed"),
        pytest.param(("--status", "submitted"), [], id="submitted"),
        pytest.param(("--mine",), ["Audit checks"], id="mine"),
        pytest.param(("--label", "parser"), ["Repro crash"], id="by label"),
        pytest.param(("--mine", "--label", "parser"), [], id="both"),
    ],
)
def test_tasks_may_be_filtered(flags: tuple[str, ...], expected: list[str], busy: Place) -> None:
    assert titles(busy.ok("tasks", "task", "list", *flags)) == expected


@pytest.mark.parametrize("flags", [("--include-completed",), ("--status", "all")])
def test_all_tasks_are_listed_by_priority_and_age(flags: tuple[str, ...], busy: Place) -> None:
    found = titles(busy.ok("tasks", "task", "list", *flags))
    assert found == ["Repro crash", "Audit checks", "Write it up", "Old thing"]
    busy.fails("invalid_argument", "task", "list", "--include-completed", "--status", "open")


def test_a_task_shows_who_holds_it_and_what_stands_in_its_way(busy: Place) -> None:
    claimed, blocked, waiting = busy.ok("tasks", "task", "list")["tasks"]
    assert (claimed["assignee_display"], claimed["fence"]) == ("a1", 4)
    assert (claimed["claim_state"], claimed["status"]) == ("confirmed", "assigned")
    assert blocked["is_mine"] and len(blocked["conflicts"]) == 1
    assert waiting["unmet"] == waiting["needs"] == [blocked["task_id"]]


def test_a_need_is_met_when_its_task_is_completed(place: Place) -> None:
    done = place.home.task(place.space, place.lead, "First", state="completed")
    ended = place.home.task(place.space, place.lead, "Second", state="cancelled")
    needs = f'["{task_id(done)}","{task_id(ended)}"]'
    place.home.task(place.space, place.lead, "Third", needs=needs)
    (task,) = place.ok("tasks", "task", "list")["tasks"]
    assert task["unmet"] == [task_id(ended)], "a cancelled need blocks, and is shown"


def test_pages_of_tasks_hold_each_of_them_once_over_all_spaces(place: Place) -> None:
    other = place.home.space("other")
    member = place.home.member(other, "lead")
    for number in range(5):
        state = ("open", "claimed", "blocked")[number % 3]
        place.home.task(place.space, place.lead, f"here {number}", state=state, priority=number % 2)
        place.home.task(other, member, f"there {number}", state=state)
    found: list[str] = []
    cursor: tuple[str, ...] = ()
    for _ in range(9):
        data = place.ok("tasks", "task", "list", "--limit", "3", *cursor)
        found += titles(data)
        if not data["page"]["has_more"]:
            break
        cursor = ("--cursor", data["page"]["next_cursor"])
    assert found == [
        *("here 0", "here 2", "here 4", "here 1", "here 3"),
        *[f"there {number}" for number in range(5)],
    ]
    place.fails("invalid_argument", "task", "list", "--mine", *cursor)


def test_tasks_are_read_at_a_glance(busy: Place) -> None:
    head, columns, claimed, blocked, waiting = busy.text("task", "list").splitlines()
    assert head.startswith("bughunt  space_") and head.endswith("3 open, 1 yours, 1 conflict")
    assert columns.split() == ["TASK", "P", "STATE", "HOLDER", "TITLE"]
    assert "claimed #4" in claimed and "left" in claimed
    assert " you " in blocked and "CONFLICT cfl_" in blocked
    assert " - " in waiting and "needs task_" in waiting


def test_the_board_has_a_column_for_each_step(busy: Place) -> None:
    lines = busy.text("task", "list", "--board").splitlines()
    for head in ("OPEN 1", "CLAIMED 1", "IN PROGRESS 1", "SUBMITTED 0", "DONE 1"):
        assert head in lines[1]
    assert "P2 task_" in lines[2] and "P0 task_" in lines[2]


def test_a_long_column_of_the_board_counts_what_it_leaves_out(place: Place) -> None:
    for number in range(12):
        place.home.task(place.space, place.lead, f"t{number}")
    assert "+ 4 more" in place.text("task", "list", "--board")


def test_one_task_is_shown_with_what_happened_to_it(busy: Place) -> None:
    (task,) = busy.ok("tasks", "task", "list", "--status", "completed")["tasks"]
    data = busy.ok("task", "task", "show", task["task_id"][:12])
    assert [record["kind"] for record in data["history"]] == ["task.create"]
    assert data["summary"] == "all done" and data["completed_by_display"] == "a1"
    text = busy.text("task", "show", task["task_id"].replace("task_", "msg_"))
    assert "done by" in text and "| all done" in text and "evidence" in text


def test_a_task_that_is_not_there_is_not_shown(busy: Place) -> None:
    busy.fails("task_not_found", "task", "show", "task_aaaaaa")
    busy.fails("invalid_argument", "task", "show", "space_aaaaaa")
    busy.fails("missing_required_flag", "task", "show")


# -- Work Record ---------------------------------------------------------------------------------


def record(place: Place, *args: str) -> dict[str, Any]:
    """Return the Work Record."""
    return place.ok("work_record", "work-record", *args)


def test_the_record_says_what_is_done_by_whom_on_what_evidence(busy: Place) -> None:
    data = record(busy)
    (done,) = data["tasks"]["done"]
    (proof,) = data["evidence"]
    assert (done["completed_by_display"], done["summary"]) == ("a1", "all done")
    assert proof["record_id"] == done["evidence"][0] and proof["task_id"] == done["task_id"]
    assert proof["text"].startswith("root cause") and proof["visibility"] == "visible"
    assert proof["by"]["display_name"] == "a1"


def test_each_task_is_in_the_one_list_that_fits(busy: Place) -> None:
    home, space, lead, a1 = busy.home, busy.space, busy.lead, busy.a1
    home.task(space, lead, "Free")
    home.task(space, lead, "Handed in", state="submitted", assignee=a1.an)
    lists = {name: titles({"tasks": tasks}) for name, tasks in record(busy)["tasks"].items()}
    assert lists == {
        "mine": ["Audit checks"],
        "blocked": ["Write it up"],
        "review": ["Handed in"],
        "ready": ["Free"],
        "active": ["Repro crash"],
        "done": ["Old thing"],
    }


def test_what_does_not_count_and_what_met_is_listed(busy: Place) -> None:
    data = record(busy)
    (held,) = data["held"]
    assert (held["cause"], held["next_action"]) == ("R3", "ask_admin_to_admit")
    assert [conflict["kind"] for conflict in data["conflicts"]] == ["lost_claim"]
    assert held["event_id"] not in [one["event_id"] for one in data["activity"]]
    assert HELD_TEXT not in str(data)


def test_a_parent_that_is_not_here_is_a_limit_and_not_a_guess(busy: Place) -> None:
    data = record(busy)
    reasons = [(entry["path"], entry["reason"]) for entry in data["limits"]["missing"]]
    place = next(at for at, one in enumerate(data["activity"]) if one["reply_missing"])
    assert reasons == [(f"activity[{place}].reply_to", "ref_target")]
    assert not data["bounds"]["complete"]


def test_a_small_space_is_shown_whole(place: Place) -> None:
    place.home.item(place.space, place.a1, "hello")
    data = record(place)
    assert data["bounds"]["complete"] and data["omitted"] == {}
    assert "complete: nothing left out" in place.text("work-record")
    for name in ("handoffs", "decisions", "objections", "risks", "objects", "open_questions"):
        assert data[name] == []
    assert data["charter"] is None


def test_every_cut_is_counted(place: Place) -> None:
    for number in range(30):
        place.home.item(place.space, place.a1, f"n{number}")
    first = record(place, "--limit", "10")
    assert first["omitted"]["activity"]["count"] == 20 and not first["bounds"]["complete"]
    assert [one["reason"] for one in first["limits"]["partial"]] == ["window"]
    assert first["bounds"]["from_cursor"] == 21
    rest = record(place, "--limit", "500", "--cursor", first["bounds"]["next_cursor"])
    found = [one["body"] for one in (*rest["activity"], *first["activity"])]
    assert found == [f"n{number}" for number in range(30)]
    assert "20 more in activity" in place.text("work-record", "--limit", "10")


def test_tasks_beyond_a_page_are_counted(place: Place) -> None:
    most = limits.LIST_ROWS_DEFAULT
    for number in range(most + 3):
        place.home.task(place.space, place.lead, f"t{number}")
        place.home.task(place.space, place.lead, f"d{number}", state="completed")
    data = record(place)
    assert len(data["tasks"]["ready"]) == most and len(data["tasks"]["done"]) == most
    assert (data["omitted"]["tasks"]["count"], data["omitted"]["tasks.done"]["count"]) == (3, 3)
    assert data["tasks"]["done"][0]["title"] == f"d{most + 2}", "the youngest stay"


def test_a_long_text_is_cut_and_the_cut_is_told(place: Place) -> None:
    item = place.home.item(place.space, place.a1, "x" * 601)
    (row,) = record(place)["activity"]
    (entry,) = record(place)["limits"]["partial"]
    assert (len(row["body"]), row["visibility"]) == (limits.WORK_RECORD_TEXT_CHARS_MAX, "partial")
    assert (entry["reason"], entry["id"]) == ("truncated_text", event_id(item))


def test_a_secret_in_a_text_does_not_leave(place: Place) -> None:
    code = invite.code(bytes(15))
    place.home.item(place.space, place.a1, f"join with {code} please")
    place.home.task(place.space, place.lead, f"use {code}", body=f"or {code.lower()}")
    data = record(place)
    assert code not in str(data) and code.lower() not in str(data)
    assert {one["reason"] for one in data["limits"]["redacted"]} == {"secret"}
    assert code in str(place.ok("history", "history")), "members of the space may read it"


def test_a_mention_is_an_open_question_until_it_is_answered(place: Place) -> None:
    asked = place.home.item(place.space, place.a1, "lead, which one?", reason="mention")
    (question,) = record(place)["open_questions"]
    assert (question["reason"], question["text"]) == ("mention", "lead, which one?")
    place.home.item(place.space, place.lead, "the first", reply_to=asked.id)
    assert record(place)["open_questions"] == []


def test_evidence_that_is_not_here_is_named_as_missing(place: Place) -> None:
    lost = "evt_" + "a" * 52
    place.home.task(place.space, place.lead, "Done", state="completed", evidence=f'["{lost}"]')
    data = record(place)
    (proof,) = data["evidence"]
    assert (proof["record_id"], proof["visibility"], proof["text"]) == (lost, "missing", None)
    assert data["limits"]["missing"][0]["reason"] == "ref_target"
    assert "MISSING" in place.text("work-record")


def test_what_waits_for_a_parent_or_a_key_is_a_limit(place: Place) -> None:
    for number, state in enumerate(("waiting", "sealed")):
        values = (number.to_bytes(1), state)
        place.home.write("INSERT INTO parked VALUES(1, ?, ?, NULL, NULL, 0, x'')", values)
    place.home.item(place.space, place.a1, None, kind="new.kind", status="unsupported")
    data = record(place)
    assert {one["reason"] for one in data["limits"]["missing"]} == {
        "waiting_parent",
        "sealed_epoch",
    }
    assert [one["reason"] for one in data["limits"]["unknown"]] == ["unsupported_kind"]
    assert data["activity"][0]["visibility"] == "unknown"


def test_authority_shows_what_changed_of_late(place: Place) -> None:
    place.home.item(place.space, place.lead, None, kind="invite", type="invite_created")
    place.home.item(place.space, place.a1, "a1", kind="join", type="member_joined")
    place.home.item(place.space, place.lead, None, kind="remove", type="member_left",
                    target=place.b2.did)  # fmt: skip
    changes = record(place)["authority"]["changes"]
    assert [one["type"] for one in changes] == ["member_left", "member_joined", "invite_created"]
    assert changes[0]["subject_id"].startswith("did:key:z6Mk")


def test_a_lease_stands_apart_since_it_is_the_word_of_a_hub(busy: Place) -> None:
    data = record(busy)
    (lease,) = data["local"]["leases"]
    (task,) = data["tasks"]["active"]
    assert lease["task_id"] == task["task_id"] and task["lease_expires_at"] is None
    busy.home.write("UPDATE task SET lease_ms = NULL")
    unknown = record(busy)["limits"]["unknown"]
    assert [one["reason"] for one in unknown] == ["lease_unknown"]


VOLATILE = {"local", "cursor", "record_index", "from_cursor", "to_cursor", "next_cursor"}


def bare(value: Any) -> Any:
    """Return a record without what may differ between replicas of one event set."""
    match value:
        case dict():
            return {name: bare(item) for name, item in value.items() if name not in VOLATILE}
        case list():
            return [bare(item) for item in value]
    return value


def test_the_same_events_give_the_same_record_whatever_way_they_came(busy: Place) -> None:
    before = record(busy)
    busy.home.write("UPDATE item SET n = 100 - n, late = 1")
    busy.home.write("UPDATE stream SET n = n + 1000")
    busy.update(unread=1, events=12, synced_ms=T0 + 1, next_n=7, ack_n=1003)
    after = record(busy)
    assert bare(after) == bare(before) and after["local"] != before["local"]
    assert list(after) == list(before)


def test_the_board_has_a_place_for_every_state() -> None:
    assert sorted(state for _, states in COLUMNS for state in states) == sorted(names.STATES)

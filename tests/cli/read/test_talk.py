"""Talk: history, search and inbox show what is there, in order, and acknowledge nothing."""

from __future__ import annotations

from typing import Any

import pytest

from cli.read.conftest import HELD_TEXT, Place, task_id
from envoy.views import rows
from rowhome import digest


def bodies(records: list[dict[str, Any]]) -> list[str]:
    """Return the texts of records."""
    return [record["body"] for record in records]


def test_history_is_in_order_with_what_stands_beside_each_record(busy: Place) -> None:
    data = busy.ok("history", "history")
    records = data["records"]
    assert [record["record_index"] for record in records] == list(range(9))
    assert bodies(records)[:2] == ["Welcome all", "root cause: off by one\nin next_token"]
    assert [record["sender_role"] for record in records[:2]] == ["owner", "write"]
    answer, orphan, held = records[2:5]
    assert answer["reply_to"] == records[1]["event_id"] and not answer["reply_missing"]
    assert orphan["reply_missing"]
    assert (held["event_status"], held["cause"], held["body"]) == ("held", "R3", None)


def test_what_does_not_count_is_seen_to_be_there_and_not_read(busy: Place) -> None:
    text = busy.text("history")
    assert "HELD (R3)" in text and HELD_TEXT not in text
    for words in (("history",), ("work-record",), ("inbox", "read")):
        assert HELD_TEXT not in busy.call("--json", *words).out
    assert busy.ok("search", "search", HELD_TEXT)["hits"] == []


def test_a_text_stands_behind_a_bar_line_by_line(busy: Place) -> None:
    lines = busy.text("history").splitlines()
    place = next(at for at, line in enumerate(lines) if line.endswith("| root cause: off by one"))
    assert lines[place + 1].strip() == "| in next_token"


def test_pages_of_history_hold_each_record_once(place: Place) -> None:
    for number in range(7):
        place.home.item(place.space, place.a1, f"n{number}")
    pages: list[dict[str, Any]] = []
    cursor: tuple[str, ...] = ()
    while not pages or pages[-1]["page"]["has_more"]:
        pages.append(place.ok("history", "history", "--limit", "3", *cursor))
        cursor = ("--cursor", pages[-1]["page"]["next_cursor"] or "")
    assert [bodies(page["records"]) for page in pages] == [
        ["n4", "n5", "n6"],
        ["n1", "n2", "n3"],
        ["n0"],
    ]


def test_what_arrives_between_two_pages_neither_repeats_nor_hides_a_record(place: Place) -> None:
    items = [place.home.item(place.space, place.a1, f"n{number}") for number in range(4)]
    cursor = place.ok("history", "history", "--limit", "2")["page"]["next_cursor"]
    place.home.item(place.space, place.a1, "newer")
    place.home.item(place.space, place.a1, "late", lam=items[0].lam, late=1)
    rest = place.ok("history", "history", "--limit", "9", "--cursor", cursor)["records"]
    assert set(bodies(rest)) == {"n0", "n1", "late"}


def test_history_may_be_of_one_thread(busy: Place) -> None:
    records = busy.ok("history", "history")["records"]
    for member in (records[1], records[2]):
        found = busy.ok("history", "history", "--thread", member["event_id"])["records"]
        assert [one["event_id"] for one in found] == [one["event_id"] for one in records[1:3]]
    busy.fails("not_found", "history", "--thread", "msg_aaaaaa")


def test_history_may_be_of_one_task(place: Place) -> None:
    task = place.home.task(place.space, place.lead, "Mine")
    place.home.item(place.space, place.a1, "about it", task=task.id)
    place.home.item(place.space, place.a1, "claimed", kind="task.claim", task=task.id)
    place.home.item(place.space, place.a1, "elsewhere")
    found = place.ok("history", "history", "--task", task_id(task))["records"]
    assert bodies(found) == ["Mine", "about it", "claimed"]
    place.fails("task_not_found", "history", "--task", "task_aaaaaa")


def test_history_may_be_of_some_kinds(busy: Place) -> None:
    found = busy.ok("history", "history", "--kinds", "task.create,invite")["records"]
    assert {record["kind"] for record in found} == {"task.create"} and len(found) == 4
    assert busy.ok("history", "history", "--kinds", "no.kind")["records"] == []  # nothing is noted


def test_a_slip_in_a_kind_is_told_not_answered_with_nothing(busy: Place) -> None:
    busy.home.write("INSERT INTO meta(k, v) VALUES('kinds', ?)", ("close invite task.create",))
    assert busy.ok("history", "history", "--kinds", "close")["records"] == []
    data = busy.fails("invalid_argument", "history", "--kinds", "task.creat")
    assert (data["argument"], data["nearest"]) == ("--kinds", "task.create")
    assert data["expected"] == ["close", "invite", "task.create"]
    assert busy.ok("history", "history", "--kinds", "task.creat,task.create")["records"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"kind": "join", "type": "member_joined"}, "joined", id="join"),
        pytest.param({"kind": "leave", "type": "member_left"}, "left the space", id="leave"),
        pytest.param(
            {
                "kind": "grant",
                "type": "capability_granted",
                "target": digest("did b2"),
                "detail": "read",
            },
            "the role read",
            id="grant",
        ),
        pytest.param(
            {"kind": "remove", "type": "member_left", "target": digest("did b2")},
            "removed ",
            id="removal",
        ),
        pytest.param(
            {"kind": "task.claim", "type": "task_claimed", "task": digest("t")},
            "claimed",
            id="claim",
        ),
        pytest.param(
            {"kind": "task.progress", "type": "task_progress", "task": digest("t"),
             "detail": "blocked"},
            "progress (blocked)",
            id="progress",
        ),
        pytest.param({"refused": "wrong_state"}, "REFUSED (wrong_state)", id="a refused act"),
        pytest.param({"late": 1}, "late", id="a late message"),
        pytest.param({"status": "void", "cause": "R3"}, "VOID (R3)", id="a void act"),
        pytest.param(
            {"refs": '[{"rel":"supports","id":"rec_' + "a" * 52 + '"}]'}, "supports rec_aaaaaa",
            id="a reference",
        ),
        pytest.param({"kind": "new.kind", "type": "new_type", "status": "unsupported"},
                     "UNSUPPORTED", id="a kind of a newer version"),
    ],
)  # fmt: skip
def test_each_act_is_told_in_words(fields: dict[str, Any], words: str, place: Place) -> None:
    place.home.item(place.space, place.a1, None, **fields)
    assert words in place.text("history")
    place.ok("history", "history")


# -- search --------------------------------------------------------------------------------------


def test_search_finds_a_phrase_in_one_space_or_in_all(busy: Place) -> None:
    other = busy.home.space("other")
    busy.home.item(other, busy.home.member(other, "lead"), "root cause again")
    assert len(busy.ok("search", "search", "root cause")["hits"]) == 2
    (hit,) = busy.ok("search", "search", "root cause", "--space", "other")["hits"]
    assert hit["body"] == "root cause again"
    assert busy.ok("search", "search", "cause root")["hits"] == []
    assert busy.text("search", "nothing like it") == "nothing found\n"


HOSTILE_PHRASES = [
    *('"', '""', "a OR b", "NEAR(a b)", "body:root", "root*", "^root", "(", ")", "-", "AND"),
    *("NOT x", "root + cause", "{body}: x", "'; DROP TABLE item; --", "\0", "a\0b", "\\", "*", ""),
]


@pytest.mark.parametrize("phrase", HOSTILE_PHRASES)
def test_what_would_be_syntax_is_searched_for_as_it_stands(phrase: str, busy: Place) -> None:
    """F4, with the control that the phrase is found where it stands."""
    busy.home.item(busy.space, busy.a1, f"the sample {phrase} stands here")
    (hit,) = busy.ok("search", "search", f"--query=sample {phrase} stands")["hits"]
    assert hit["body"].startswith("the sample")


@pytest.mark.parametrize(
    "phrase",
    [
        *(
            "welcome OR agree",
            "NOT orphan",
            "root NOT by",
            "root AND one",
            "(root)(one)",
            "NEAR(root)",
        ),
        *("body:root", "{body}:root", "roo*", "root NEAR one", '"root" "one"', "", '"', "*"),
    ],
)
def test_no_phrase_is_an_operator(phrase: str, busy: Place) -> None:
    assert busy.ok("search", "search", f"--query={phrase}")["hits"] == []


def test_hits_come_page_by_page_the_last_to_arrive_first(place: Place) -> None:
    for number in range(3):
        place.home.item(place.space, place.a1, f"needle {number}")
    first = place.ok("search", "search", "needle", "--limit", "2")
    cursor = first["page"]["next_cursor"]
    rest = place.ok("search", "search", "needle", "--cursor", cursor)
    assert bodies(first["hits"] + rest["hits"]) == ["needle 2", "needle 1", "needle 0"]
    place.fails("invalid_argument", "search", "other", "--cursor", cursor)


# -- inbox ---------------------------------------------------------------------------------------


def test_the_inbox_shows_what_others_did_and_how_to_acknowledge_it(busy: Place) -> None:
    data = busy.ok("inbox", "inbox", "read")
    assert [one["inbox_reason"] for one in data["messages"]] == ["message"] * 4
    assert bodies(data["messages"])[0].startswith("root cause")
    assert data["latest_cursor"] == data["messages"][-1]["cursor"]
    assert data["next_commands"][0].endswith(f"--up-to-cursor {data['latest_cursor']}")
    again = busy.ok("inbox", "inbox", "read")
    assert again["messages"] == data["messages"], "a read acknowledges nothing"


def test_only_what_is_above_the_cursor_is_unread(busy: Place) -> None:
    numbers = [one["cursor"] for one in busy.ok("inbox", "inbox", "read")["messages"]]
    busy.update(ack_n=numbers[1], unread=2)
    left = busy.ok("inbox", "inbox", "read")
    assert [one["cursor"] for one in left["messages"]] == numbers[2:]
    assert left["matching_unread_count"] == 2
    assert busy.ok("inbox_count", "inbox", "count")["unread_count"] == 2
    assert busy.ok("inbox_count", "inbox")["unread_count"] == 2


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param((), 4, id="all of others"),
        pytest.param(("--include-self",), 8, id="also my own"),
        pytest.param(("--include-self", "--exclude-self"), 4, id="excluding wins"),
        pytest.param(("--tasks",), 1, id="tasks"),
        pytest.param(("--tasks-only",), 1, id="tasks only"),
        pytest.param(("--from", "@b2"), 2, id="from one member"),
        pytest.param(("--type", "new_message"), 3, id="of one type"),
        pytest.param(("--type", "new_message", "--from", "@a1"), 1, id="both"),
    ],
)
def test_the_inbox_may_be_filtered(flags: tuple[str, ...], expected: int, busy: Place) -> None:
    data = busy.ok("inbox", "inbox", "read", *flags)
    assert len(data["messages"]) == expected
    assert data["matching_unread_count"] == expected


def test_a_type_that_no_event_has_is_an_error(busy: Place) -> None:
    data = busy.fails("invalid_argument", "inbox", "read", "--type", "new_mesage")
    assert (data["argument"], data["nearest"]) == ("--type", "new_message")
    assert "task_created" in data["expected"]


def test_a_sender_nobody_knows_is_an_error(busy: Place) -> None:
    busy.fails("not_found", "inbox", "read", "--from", "@nobody")


def test_the_inbox_of_all_spaces_comes_page_by_page(busy: Place) -> None:
    other = busy.home.space("other")
    busy.home.item(other, busy.home.member(other, "c3"), "from elsewhere")
    found: list[str] = []
    cursor: tuple[str, ...] = ()
    for _ in range(9):
        data = busy.ok("inbox", "inbox", "read", "--limit", "2", *cursor)
        found += bodies(data["messages"])
        if not data["page"]["has_more"]:
            break
        cursor = ("--cursor", data["page"]["next_cursor"])
    assert len(found) == 5 and found[-1] == "from elsewhere" and len(set(found)) == 5
    assert data["latest_cursor"] is None, "numbers of two spaces have no order"
    counts = busy.ok("inbox_count", "inbox")["by_space"]
    assert [one["space_name"] for one in counts] == ["bughunt", "other"]


def test_an_event_without_a_line_of_its_own_is_in_the_inbox_all_the_same(place: Place) -> None:
    item = place.home.item(place.space, place.a1, reason=None)
    place.home.write("DELETE FROM item")
    place.home.save(
        rows.Stream(
            place.space.sn,
            9,
            item.rid,
            "epoch_bumped",
            place.a1.an,
            item.ts,
            None,
            "authority",
            0,
            0,
        )
    )
    (found,) = place.ok("inbox", "inbox", "read")["messages"]
    assert (found["event_type"], found["body"]) == ("epoch_bumped", None)


def test_waiting_for_nothing_ends_in_time_with_exit_6(place: Place) -> None:
    found = place.call("--json", "inbox", "read", "--wait", "--wait-timeout", "1")
    assert (found.status, found.data["error_code"]) == (6, "inbox_wait_timeout")
    assert found.data["timed_out"] is True


def test_waiting_ends_with_the_first_thing_that_comes(place: Place) -> None:
    later = place.home.later(lambda home: home.item(place.space, place.a1, "at last"))
    data = place.ok("inbox", "inbox", "read", "--wait", "--wait-timeout", "20")
    later.join()
    assert bodies(data["messages"]) == ["at last"]

"""Every kind of work is told alike: in the stream, the history, the search and the inbox.

One space in which everything happens once; each row of the table says where it has to be seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from console import Console

LEAD, A1 = "lead", "a1"


class Told(NamedTuple):
    """What is told of an act: who did it, its type and kind, a word of it, why others hear of it.

    ``kind`` None: what was not an event of its own; ``word`` None: it has no text of a member.
    """

    type: str
    kind: str | None
    word: str | None = None
    reason: str | None = None
    to: str = LEAD


TOLD = {
    "a message": Told("new_message", "message", "hellosaid", "message"),
    "a poll": Told("new_message", "poll", "pollasked", "message"),
    "a task": Told("task_created", "task.create", "taskmade", "message", A1),
    "a claim": Told("task_claimed", "task.claim"),
    "progress": Told("task_progress", "task.progress", "progressnoted"),
    "an edit": Told("task_edited", "task.edit", "bodyedited", "message", A1),
    "a gate": Told("task_edited", "task.gate", None, "message", A1),
    "a completion": Told("task_completed", "task.complete", "workdone", "message"),
    "a submission": Told("task_submitted", None, None, "review_wanted"),
    "a wish for changes": Told("review_recorded", "task.review", "wantschanges", "verdict", A1),
    "an approval": Told("review_recorded", "task.review", "goodwork", "verdict", A1),
    "a release": Told("task_released", "task.release", "givenback", "message"),
    "an assignment": Told("task_assigned", "task.assign", None, "assigned", A1),
    "a cancellation": Told("task_cancelled", "task.cancel", None, "message", A1),
    "a reopening": Told("task_reopened", "task.reopen", None, "message", A1),
    "a record": Told("record_added", "record", "recordsaid"),
    "a run": Told("record_added", "record", "ranonce"),
    "a retraction": Told("record_retracted", "record.retract"),
    "an object": Told("object_added", "object.put", "objectname"),
    "an object taken back": Told("object_retracted", "object.retract"),
    "a conflict": Told("conflict_opened", None, None, "conflict"),
    "a conflict that is settled": Told("conflict_resolved", "conflict.resolve"),
}


class Town(NamedTuple):
    """A space in which everything happened, and where the stream stood before."""

    console: Console
    since: dict[str, int]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    console = Console(tmp_path_factory.mktemp("town"))
    code = console.ok("--profile", LEAD, "quickstart", "--space-name", "bughunt")["invite_code"]
    console.ok("--profile", A1, "join", code)
    since = {who: events(console, who)[-1]["cursor"] for who in (LEAD, A1)}
    happen(console)
    for _ in range(2):
        for who in (LEAD, A1):
            console.ok("--profile", who, "sync")
    return Town(console, since)


def happen(console: Console) -> None:
    """Let everything happen."""

    def lead(*args: str) -> dict[str, Any]:
        return console.ok("--profile", LEAD, *args)

    def a1(*args: str) -> dict[str, Any]:
        return console.ok("--profile", A1, *args)

    a1("send", "hellosaid")
    a1("send", "--poll-question", "pollasked", "--poll-options", "a,b")
    task = lead("task", "create", "taskmade")["task_id"]
    a1("task", "claim", task)
    a1("task", "set", task, "in_progress", "--note", "progressnoted")
    lead("task", "edit", task, "--body", "bodyedited")
    lead("task", "edit", task, "--reviews", "1")
    a1("task", "complete", task, "--note", "workdone")
    lead("review", "request-changes", task, "--note", "wantschanges")
    a1("task", "complete", task, "--note", "again")
    lead("review", "approve", task, "--note", "goodwork")
    other = lead("task", "create", "other")["task_id"]
    a1("task", "claim", other)
    a1("task", "release", other, "--note", "givenback")
    lead("task", "assign", other, "@a1")
    lead("task", "cancel", other)
    lead("task", "reopen", other)
    lead("task", "assign", other, "@a1")
    lead("task", "cancel", other)
    record = a1("record", "add", "decision", "recordsaid")["record_id"]
    a1("record", "retract", record)
    a1("run", "--", "true", "ranonce")
    (console.cwd / "file").write_bytes(b"data")
    a1("object", "put", "file", "--name", "objectname")
    (console.cwd / "gone").write_bytes(b"other data")
    put = a1("object", "put", "gone", "--name", "hiddenname")["event_id"]
    a1("object", "retract", put)
    quarrel(console, lead, a1)


def quarrel(console: Console, lead: Any, a1: Any) -> None:
    """Let two claims meet, and settle the conflict."""
    task = lead("task", "create", "wanted")["task_id"]
    a1("sync")
    for who in (lead, a1):
        who("--no-sync", "task", "claim", task)
    for who in (lead, a1, lead):
        who("sync")
    (found,) = lead("conflicts", "list")["conflicts"]
    lead("conflicts", "resolve", found["conflict_id"], "--keep", found["winner"])


def events(console: Console, who: str, *args: str) -> list[dict[str, Any]]:
    """Return what the stream of a profile tells, all of it by default."""
    found = console.call(
        *("--profile", who, "--json", "events", "--since", "0", "--watch-timeout", "0", *args)
    )
    assert found.status == 0, found
    return [json.loads(one) for one in found.out.splitlines()]


def news(town: Town, who: str) -> Iterator[dict[str, Any]]:
    """Yield what the stream of a profile told since the beginning."""
    for one in events(town.console, who):
        if one["cursor"] > town.since[who]:
            yield one


@pytest.mark.parametrize("what", TOLD)
def test_an_act_is_told_in_the_streams_of_both(town: Town, what: str) -> None:
    told = TOLD[what]
    for who in (LEAD, A1):
        found = [one for one in news(town, who) if one["type"] == told.type]
        assert found, who
        assert all(one["event_status"] == "ok" for one in found)
        only = events(town.console, who, "--types", told.type)
        assert {one["cursor"] for one in found} <= {one["cursor"] for one in only}


@pytest.mark.parametrize("what", [what for what, told in TOLD.items() if told.kind])
def test_an_act_has_its_line_in_the_history(town: Town, what: str) -> None:
    told = TOLD[what]
    rows = town.console.ok("--profile", LEAD, "history", "--kinds", str(told.kind))["records"]
    bodies = [row["body"] for row in rows]
    assert rows
    if told.word is not None:
        assert any(told.word in (body or "") for body in bodies), bodies


@pytest.mark.parametrize("what", [what for what, told in TOLD.items() if told.word])
def test_what_a_member_said_is_found(town: Town, what: str) -> None:
    told = TOLD[what]
    hits = town.console.ok("--profile", LEAD, "search", str(told.word))["hits"]
    assert [hit["kind"] for hit in hits] == [told.kind]


def test_what_is_taken_back_is_found_no_more(town: Town) -> None:
    assert town.console.ok("--profile", LEAD, "search", "hiddenname")["hits"] == []


@pytest.mark.parametrize("what", [what for what, told in TOLD.items() if told.reason])
def test_whom_it_concerns_has_it_in_the_inbox(town: Town, what: str) -> None:
    told = TOLD[what]
    inbox = town.console.ok("--profile", told.to, "inbox", "read", "--limit", "500")["messages"]
    found = {(one["event_type"], one["inbox_reason"]) for one in inbox}
    assert (told.type, told.reason) in found, found


@pytest.mark.parametrize("who", [LEAD, A1])
def test_a_stream_goes_on_behind_any_number_without_loss(town: Town, who: str) -> None:
    whole = events(town.console, who)
    cursors = [one["cursor"] for one in whole]
    assert cursors == sorted(set(cursors))
    for cut in range(0, len(whole), 7):
        rest = town.console.call(
            *("--profile", who, "--json", "events", "--since", str(cursors[cut])),
            *("--watch-timeout", "0"),
        )
        assert [json.loads(one) for one in rest.out.splitlines()] == whole[cut + 1 :]


def test_the_table_has_every_type_of_work(town: Town) -> None:
    here = {one["type"] for who in (LEAD, A1) for one in news(town, who)}
    assert {told.type for told in TOLD.values()} == here - {"epoch_bumped", "invite_revoked"}

"""P5: an agent that runs wild is bounded by gates, ends with one command, and all is listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import limits
from envoy.errors import EnvoyError
from envoy.replica.actions import tasks
from mcpplay import player, team
from replica.beside import settle
from replica.gated import NO_SELF, work
from replica.world import World

FLOOD = 60
LEAD, WILD = ("--profile", "lead"), ("--profile", "wild")


@pytest.mark.slow
def test_one_command_ends_it_in_every_space_and_names_all_that_ends(tmp_path: Path) -> None:
    console, first = team(tmp_path, "lead", "wild", "other")
    second = joined_space(console)
    gated = create(console, first, "gated", "--reviews", "1", "--no-self-review")
    free, held = create(console, first, "free"), create(console, first, "held")
    rampage(console, first, (gated, free), held)
    assert state(console, gated) == "submitted", "nobody else has seen it"
    done = console.ok(*LEAD, "--yes", "agent", "revoke", "@wild", "--reason", "ran wild")
    assert {one["space_id"]: one["removed"] for one in done["results"]} == {
        first: True,
        second: True,
    }
    (result,) = [one for one in done["results"] if one["space_id"] == first]
    effect = result["effect"]
    assert effect["new_epoch"] and effect["freed"] == [held], effect["freed"]
    assert result["wrote"] > FLOOD
    for space in (first, second):
        refused = console.call("--json", *WILD, "send", "--space", space, "I am back")
        assert refused.data["error_code"] == "epoch_revoked"
    assert state(console, held) == "open" and state(console, gated) == "submitted"
    console.ok("--profile", "other", "task", "claim", held, "--space", first)
    console.ok("--profile", "other", "send", "--space", first, "work goes on")
    affected(console, first, done["member"]["member_id"], {free, gated})


def joined_space(console: Console) -> str:
    """Return a second space that the agent is in."""
    made = console.ok(*LEAD, "space", "create", "second")["space_id"]
    code = console.ok(*LEAD, "invite", made)["invite_code"]
    console.ok(*WILD, "join", "-", stdin=code)
    return str(made)


def create(console: Console, space: str, title: str, *more: str) -> str:
    """Return a new task of the lead."""
    made = console.ok(*LEAD, "task", "create", "--space", space, title, *more)
    return str(made["task_id"])


def rampage(console: Console, space: str, done: tuple[str, ...], held: str) -> None:
    """Flood a space, complete what can be taken, and sit on the rest."""
    with player(console, "wild") as wild:
        for number in range(FLOOD):
            wild.call("message_send", space=space, body=f"spam {number}")
    for task in (*done, held):
        console.ok(*WILD, "task", "claim", task, "--space", space)
    for task in done:
        console.ok(*WILD, "task", "complete", task, "--space", space, "--note", "done!")


def state(console: Console, task: str) -> str:
    """Return the state of a task for the lead."""
    return str(console.ok(*LEAD, "task", "show", task)["state"])


def affected(console: Console, space: str, member: str, tasks_done: set[str]) -> None:
    """Hold the record of the space to all that the agent has written and done."""
    every, cursor = list[dict[str, Any]](), tuple[str, ...]()
    while True:
        page = console.ok(*LEAD, "history", space, "--limit", "50", *cursor)
        every += [one for one in page["records"] if one["sender_id"] == member]
        if not page["page"]["has_more"]:
            break
        cursor = ("--cursor", page["page"]["next_cursor"])
    texts = {str(one.get("body")) for one in every}
    assert {f"spam {number}" for number in range(FLOOD)} <= texts
    listed = console.ok(*LEAD, "task", "list", "--space", space, "--status", "all")["tasks"]
    by = {one["task_id"] for one in listed if one["completed_by"] == member}
    assert by == tasks_done


def test_it_completes_no_gated_task_and_holds_no_more_than_a_member_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOTS_PER_POSTER_MAX", 4)
    lead, wild, other = crew = world.team("lead", "wild", "other")
    gated, _ = work(lead, wild, NO_SELF)
    tasks.complete(wild.copy, gated, summary="done!")
    settle(crew)
    row = lead.store.task(1, gated)
    assert row is not None and row.state == "submitted"
    made = [tasks.create(lead.copy, f"t{number}").after.id for number in range(6)]
    settle(crew)
    with pytest.raises(EnvoyError) as caught:
        for task in made:
            tasks.claim(wild.copy, task, require="confirmed", session="default")
    assert caught.value.code == "quota_exceeded"
    taken = tasks.claim(other.copy, made[-1], require="confirmed", session="default")
    assert taken.after.claim_state == "confirmed", "the others go on"

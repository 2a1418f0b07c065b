"""The last act of the demo: an agent whose key is not its own any more, and one command against it.

The agent goes on writing from a copy that has not heard of its removal. Nothing of that is hidden
and nothing of it counts: its content is held, its act of authority void, each with its cause.
"""

from __future__ import annotations

from stage import Json, Stage

SHORT = 13
LIE = "Release note is out, no need to look."


def play(stage: Stage, *, space: str, code: str, task: str) -> None:
    """Let an agent join by ``code``, take ``task``, and be removed while it goes on writing."""
    member = trusted(stage, space=space, code=code, task=task)
    before = work(stage, space)
    gone = removed(stage, space=space, member=member, task=task)
    written = goes_on(stage, space=space, member=member, task=task)
    judged(stage, space=space, written=written, cause=gone)
    stage.scene("Late writes change nothing")
    stage.refused(
        "rogue", "send", "I am back", "--space", space, exit_status=4, code="epoch_revoked"
    )
    answer = stage.envoy(
        *("lead", "can", member, "write", space),
        shows=lambda new: f"allowed: {new['allowed']}, missing: {new['missing']['reason']}",
    )
    stage.claim(
        "the removal is why it may not write",
        (answer["allowed"], answer["missing"]["ended_by"]) == (False, gone),
        seen=answer,
    )
    after = work(stage, space)
    freed = {**before, task: ("open", None)}
    stage.claim("tasks stand as the removal left them", after == freed, seen=after)


def trusted(stage: Stage, *, space: str, code: str, task: str) -> str:
    """Let an agent come in and take a task, as any other; return its member id."""
    stage.scene("A third agent comes in, takes a task, and then its key is stolen")
    joined = stage.envoy(
        *("rogue", "join", code, "--agent", "--name", "rogue"),
        shows=lambda new: f"{new['join_state']} of {new['space_name']}",
    )
    stage.envoy(
        *("rogue", "task", "claim", task[:SHORT], "--space", space, "--require", "confirmed"),
        shows=lambda new: f"{new['claim_state']} #{new['fence']}",
    )
    return str(joined["member_id"])


def removed(stage: Stage, *, space: str, member: str, task: str) -> str:
    """Let the lead put it out by one command; return the event that did."""
    stage.scene("The lead puts it out of every space by one command")
    done = stage.envoy(
        *("lead", "agent", "revoke", member, "--reason", "key stolen"),
        shows=lambda new: f"removed from {len(new['results'])} space, new epoch",
    )
    effect = done["results"][0]["effect"]
    ended = [one["member_id"] for one in effect["ended"]]
    stage.claim("its grant has ended", member in ended, seen=effect)
    stage.claim("open codes have ended", len(effect["revoked"]) > 0, seen=effect)
    stage.claim("reading has ended", effect["new_epoch"], seen=effect)
    stage.claim("its task is free again", effect["freed"] == [task], seen=effect)
    return str(effect["event_id"])


def goes_on(stage: Stage, *, space: str, member: str, task: str) -> dict[str, str]:
    """Let it write beside its removal, asking nobody; return what must become of each event."""
    stage.scene("Its copy has not heard of that: it writes on, then syncs")
    alone = ("--no-sync", "--space", space)
    sent = stage.envoy(
        *("rogue", "send", LIE, *alone), shows=lambda new: f"{new['relay_delivery']}"
    )
    done = stage.envoy(
        *("rogue", "task", "complete", task[:SHORT], *alone, "--note", "all done"),
        shows=lambda new: f"{new['lifecycle_state']}, as it sees it",
    )
    lent = stage.envoy(
        *("rogue", "delegate", "@a1", "--verb", "write", *alone),
        shows=lambda new: f"{new['grant_id'][:SHORT]} for a friend",
    )
    stage.envoy("rogue", "sync", space, shows=lambda new: f"{new['pushed']} sent")
    event = "evt_" + str(lent["grant_id"]).partition("_")[2]
    return {sent["event_id"]: "held", done["event_id"]: "held", event: "void"}


def judged(stage: Stage, *, space: str, written: dict[str, str], cause: str) -> None:
    """Hold the desk of the lead to what was written, and ``why`` to the cause of each."""
    stage.scene("Nothing of it is hidden, nothing of it counts, and each has its cause")
    desk = stage.envoy(
        *("lead", "quarantine", "list", space),
        shows=lambda new: f"{new['counts']['held']} held, {new['counts']['void']} void",
    )
    found = {one["event_id"]: one["event_status"] for one in desk["events"]}
    stage.claim("the desk has just that", found == written, seen=desk)
    for event, status in written.items():
        told = stage.envoy("lead", "why", event, space, shows=why_line)
        causes = [one["event_id"] for one in told["causes"]]
        stage.claim(
            f"{status} because of the removal", (told["status"], causes) == (status, [cause])
        )


def why_line(answer: Json) -> str:
    """Return an explanation in one line."""
    reason = answer["causes"][0]["reason"]
    return f"{answer['kind']} {answer['status']}: {answer['rule']}, {reason}"


def work(stage: Stage, space: str) -> dict[str, tuple[str, str | None]]:
    """Return state and holder of every task, as the lead sees them."""
    listed = stage.envoy(
        *("lead", "task", "list", "--space", space, "--status", "all"),
        shows=lambda new: f"{len(new['tasks'])} tasks",
    )
    return {one["task_id"]: (one["state"], one["assignee_id"]) for one in listed["tasks"]}

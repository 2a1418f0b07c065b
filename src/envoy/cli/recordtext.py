"""Record text: the Work Record for people, the same facts in the same order as its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.lines import record_blocks
from envoy.cli.render import Block, Body, Span, line, table
from envoy.cli.tasktext import task_row

Json = Mapping[str, object]

TASK_LISTS = (
    ("mine", "YOURS"),
    ("blocked", "BLOCKED"),
    ("review", "TO REVIEW"),
    ("ready", "READY"),
    ("active", "BEING DONE"),
    ("done", "DONE"),
)


def record_text(data: Json) -> Iterator[Block]:
    """Yield a Work Record."""
    now = show.now()
    yield from head_text(data)
    yield from tasks_text(show.mapping(data["tasks"]), now_ms=now)
    yield from handoff_text(data)
    yield from trouble_text(data)
    yield from told_text(data)
    yield from evidence_text(data, now_ms=now)
    activity = show.listed(data["activity"])
    if activity:
        yield line("")
        yield line(("ACTIVITY", "strong"))
    for record in activity:
        yield from record_blocks(record, now_ms=now)
    yield from edge_text(data)


def head_text(data: Json) -> Iterator[Block]:
    """Yield which space, for whom, seen how far."""
    authority = show.mapping(data["authority"])
    frontier, local = show.mapping(data["frontier"]), show.mapping(data["local"])
    stale: list[Span] = ["  ", ("STALE: the hub has more", "warn")] if local["stale"] else []
    yield line(
        (show.label(data["space_name"]), "strong"),
        "  ",
        (show.short(data["space_id"]), "dim"),
        "  for ",
        *show.person(data["for"]),
        f" {show.text(authority['role']) or 'no role'}",
    )
    yield line(
        f"{frontier['events']} events seen, frontier {str(frontier['hash'])[:12]}, "
        f"{len(show.listed(authority['members']))} members, {local['unread_count']} unread",
        *stale,
    )


def tasks_text(tasks: Json, *, now_ms: int) -> Iterator[Block]:
    """Yield the lists of tasks that are not empty."""
    for name, head in TASK_LISTS:
        found = show.listed(tasks[name])
        if found:
            yield line("")
            yield line((f"{head} {len(found)}", "strong"))
            rows = [task_row(one, now_ms=now_ms) for one in found]
            yield table(("", "", "", "", "", "", ""), rows, soft=(4, 5))
        for one in found:
            yield from summary_text(one)


def summary_text(task: Json) -> Iterator[Block]:
    """Yield what the holder of a task said about its result."""
    if task["summary"]:
        yield line((show.short(task["task_id"]), "dim"), " summary")
        yield Body(show.text(task["summary"]), indent=2)


def handoff_text(data: Json) -> Iterator[Block]:
    """Yield what was handed over, with all that its giver said."""
    found = show.listed(data["handoffs"])
    if found:
        yield line("")
        yield line((f"HANDED OVER {len(found)}", "strong"))
    for one in found:
        to = show.person(one["to"]) if one["to"] is not None else ["whoever takes it"]
        name = (show.short(one["record_id"]), "dim")
        state = f" {one['state']}, {one['verify']}  {show.short(one['task_id'])}  "
        yield line(name, state, *show.person(one["by"]), " to ", *to)
        yield Body(show.text(one["next"]), indent=2)
        for field in ("completed", "remaining", "commands", "risks", "questions"):
            for said in show.listed(one[field]):
                yield line(f"  {field}: ", show.text(said))


def trouble_text(data: Json) -> Iterator[Block]:
    """Yield conflicts, questions, and what does not count."""
    conflicts, held = show.listed(data["conflicts"]), show.listed(data["held"])
    questions = show.listed(data["open_questions"])
    if conflicts or held or questions:
        yield line("")
        yield line(("ATTENTION", "strong"))
    for one in conflicts:
        sides = f"{show.short(one['winner'])} stands over {show.short(one['loser'])}"
        name = (f"conflict {show.short(one['conflict_id'])}", "bad")
        yield line(name, f" {one['kind']}: {sides} (rule {one['rule']})")
    for one in held:
        status = (show.text(one["event_status"]).upper(), "warn")
        yield line(status, f" {show.short(one['event_id'])} {one['kind']} ({one['cause']})")
    for one in questions:
        yield line(("asked of you", "warn"), f" {show.short(one['id'])}")
        yield Body(show.text(one["text"]), indent=2)


def told_text(data: Json) -> Iterator[Block]:
    """Yield what records say that stand: charter, decisions, objections, risks."""
    charter = [show.mapping(data["charter"])] if data["charter"] is not None else []
    sections = [(name, show.listed(data[name])) for name in ("decisions", "objections", "risks")]
    for name, found in (("charter", charter), *sections):
        if found:
            yield line("")
            yield line((f"{name.upper()} {len(found)}", "strong"))
        for one in found:
            state = show.text(one["state"]).replace("_", " ")
            yield line(
                (show.short(one["record_id"]), "dim"), f" {state}  ", *show.person(one["by"])
            )
            yield Body(show.text(one["text"]), indent=2)


def evidence_text(data: Json, *, now_ms: int) -> Iterator[Block]:
    """Yield what the tasks rest on."""
    found = show.listed(data["evidence"])
    if found:
        yield line("")
        yield line((f"EVIDENCE {len(found)}", "strong"))
    for one in found:
        task = f"for {show.short(one['task_id'])}"
        if one["by"] is None:
            yield line((show.short(one["record_id"]), "dim"), f" {task} ", ("MISSING", "bad"))
            continue
        when = (show.clock(one["at"], now_ms=now_ms), "dim")
        who = show.person(one["by"])
        words = [show.text(one[name]).replace("_", " ") for name in ("state", "grade")]
        worth = "  " + " ".join(words) if one["state"] is not None else ""
        name = (show.short(one["record_id"]), "dim")
        yield line(name, f" {task}{worth}  ", when, "  ", *who)
        yield Body(show.text(one["text"]), indent=2)


def edge_text(data: Json) -> Iterator[Block]:
    """Yield where this record ends: what is left out and what is not known."""
    limits, omitted = show.mapping(data["limits"]), show.mapping(data["omitted"])
    words: list[str] = []
    for sort in ("unknown", "missing", "partial", "redacted"):
        found = show.listed(limits[sort])
        if found:
            reasons = sorted({show.text(one["reason"]).replace("_", " ") for one in found})
            words.append(f"{sort}: {', '.join(reasons)}")
    for name, entry in omitted.items():
        words.append(f"{show.mapping(entry)['count']} more in {name}")
    yield line("")
    if show.mapping(data["bounds"])["complete"]:
        yield line(("complete", "ok"), ": nothing left out, nothing unknown")
        return
    for word in words:
        yield line(("limit ", "warn"), word)
    commands = {show.text(show.mapping(one)["next_command"]) for one in omitted.values()}
    for command in sorted(commands):
        yield line(("more: ", "dim"), command)

"""Task text: tasks for people, in a list, on a board and one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from envoy.cli import show
from envoy.cli.lines import record_blocks
from envoy.cli.render import Block, Body, Span, Spans, line, table
from envoy.views import names

Json = Mapping[str, object]

STATE_STYLES = {
    names.CLAIMED: "ok",
    names.IN_PROGRESS: "ok",
    names.COMPLETED: "ok",
    names.BLOCKED: "bad",
    names.CHANGES_REQUESTED: "warn",
    names.SUBMITTED: "warn",
    names.CANCELLED: "dim",
}
# Columns of the board, and the states each of them holds.
COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("OPEN", (names.OPEN, names.ASSIGNED)),
    ("CLAIMED", (names.CLAIMED,)),
    ("IN PROGRESS", (names.IN_PROGRESS, names.BLOCKED, names.CHANGES_REQUESTED)),
    ("SUBMITTED", (names.SUBMITTED,)),
    ("DONE", names.ENDED),
)
BOARD_ROWS = 8  # tasks in one column; the rest is counted


def tasks_text(data: Json) -> Iterator[Block]:
    """Yield tasks as a table below a line for each space."""
    counts, tasks = show.listed(data["counts"]), show.listed(data["tasks"])
    for space in counts:
        yield space_line(space)
    if not tasks:
        yield line("no tasks here")
        yield line(("hint: ", "strong"), "envoy task create --space SPACE --body TEXT")
        return
    now = show.now()
    heads = ("TASK", "P", "STATE", "", "HOLDER", "TITLE", "")
    yield table(heads, [task_row(one, now_ms=now) for one in tasks], soft=(4, 5))


def space_line(space: Json) -> Block:
    """Return a space with who looks and what there is to do."""
    me = None if space["me"] is None else show.mapping(space["me"])
    words = [f"{space['open']} open", f"{space['mine']} yours"]
    conflicts: list[Span] = []
    if space["conflicts"]:
        conflicts = [", ", (show.count(int(str(space["conflicts"])), "conflict"), "bad")]
    return line(
        (show.label(space["space_name"]), "strong"),
        "  ",
        (show.short(space["space_id"]), "dim"),
        "  local" if space["mode"] == "local_only" else "  connected",
        "  you: ",
        *show.person(me),
        f" {'not let in yet' if me is None else show.text(me['role'])}    ",
        ", ".join(words),
        *conflicts,
    )


def task_row(task: Json, *, now_ms: int) -> tuple[Spans, ...]:
    """Return a task as a row of its table."""
    return (
        [(show.short(task["task_id"]), "dim")],
        [show.text(task["priority"])],
        state_of(task),
        [(lease_of(task, now_ms=now_ms), "dim")],
        holder_of(task),
        [show.text(task["title"])],
        notes_of(task),
    )


def state_of(task: Json) -> Spans:
    """Return the state of a task, with its fence, and whether the hub has confirmed it."""
    state = show.text(task["state"])
    fence = f" #{task['fence']}" if task["fence"] is not None else ""
    spans: list[Span] = [(state.replace("_", " ") + fence, STATE_STYLES.get(state, "strong"))]
    if task["claim_state"] == names.PROVISIONAL:
        spans.append((" provisional", "warn"))
    return spans


def lease_of(task: Json, *, now_ms: int) -> str:
    """Return how long a lease still holds, for a task that is being worked on."""
    if task["state"] not in (names.CLAIMED, names.IN_PROGRESS, names.BLOCKED):
        return ""
    return show.left(task["lease_expires_at"], now_ms=now_ms)


def holder_of(task: Json) -> Spans:
    """Return who holds a task."""
    you = [" you"] if task["is_mine"] else []
    return [*show.by_id(task["assignee_id"], task["assignee_display"]), *you]


def notes_of(task: Json) -> Spans:
    """Return what stands in the way of a task."""
    spans: list[Span] = []
    for conflict in strings(task["conflicts"]):
        spans += [(f"CONFLICT {show.short(conflict)}", "bad"), " "]
    unmet = strings(task["unmet"])
    if unmet and task["state"] not in names.ENDED:
        spans += [("needs " + " ".join(show.short(one) for one in unmet), "warn")]
    return spans


def strings(value: object) -> list[str]:
    """Return a list of texts of a JSON object."""
    assert isinstance(value, list)
    return [str(one) for one in value]


def board_text(data: Json) -> Iterator[Block]:
    """Yield tasks as columns by how far they are."""
    tasks = show.listed(data["tasks"])
    counts = show.listed(data["counts"])
    for space in counts:
        yield space_line(space)
    heads, columns = [], []
    for name, states in COLUMNS:
        total = sum(int(str(show.mapping(one["by_state"])[s])) for one in counts for s in states)
        here = [task for task in tasks if task["state"] in states]
        heads.append(f"{name} {total}")
        columns.append(column_of(here[:BOARD_ROWS], more=total - len(here[:BOARD_ROWS])))
    empty: Spans = []
    rows = zip_longest(*columns, fillvalue=empty)
    yield table(heads, rows, soft=tuple(range(len(heads))))._replace(apart=True)


def column_of(tasks: Sequence[Json], *, more: int) -> list[Spans]:
    """Return the lines of one column of the board."""
    lines: list[Spans] = []
    for task in tasks:
        lines.append([f"P{task['priority']} ", (show.short(task["task_id"]), "strong")])
        lines.append(["   " + show.text(task["title"])])
        if task["assignee_id"] is not None:
            lines.append(["   ", *holder_of(task)])
        notes = notes_of(task)
        if notes:
            lines.append(["   ", *notes])
    if more > 0:
        lines.append([(f"+ {more} more", "dim")])
    return lines


def show_text(data: Json) -> Iterator[Block]:
    """Yield one task: what it is, who has it, what happened to it."""
    now = show.now()
    yield line((show.text(data["title"]), "strong"))
    yield line(
        (show.short(data["task_id"]), "dim"),
        "  ",
        *state_of(data),
        f"  priority {data['priority']}  {lease_of(data, now_ms=now)}",
    )
    for name, spans in details(data, now_ms=now):
        yield line((name.ljust(10), "dim"), *spans)
    if data["body"] != data["title"]:
        yield Body(show.text(data["body"]), indent=0)
    if data["summary"]:
        yield line(("summary", "dim"))
        yield Body(show.text(data["summary"]), indent=0)
    if data["handoff"] is not None:
        yield from handoff_text(show.mapping(data["handoff"]))
    yield line("")
    for record in show.listed(data["history"]):
        yield from record_blocks(record, now_ms=now)


def handoff_text(found: Json) -> Iterator[Block]:
    """Yield what the last holder left, in short: `record show` has all of it."""
    name = (show.short(found["record_id"]), "dim")
    yield line(("handoff", "dim"), f"  {found['state']}, {found['verify']}  ", name)
    yield Body(show.text(found["next"]), indent=0)


def details(data: Json, *, now_ms: int) -> Iterator[tuple[str, Spans]]:
    """Yield the fields of a task that say something, by name."""
    yield "space", [show.label(data["space_name"]), "  ", (show.short(data["space_id"]), "dim")]
    yield "holder", holder_of(data)
    by = show.by_id(data["sender_id"], data["sender_name"])
    yield "made by", [*by, "  ", (show.clock(data["created_at"], now_ms=now_ms), "dim")]
    if data["completed_by"] is not None:
        yield "done by", show.by_id(data["completed_by"], data["completed_by_display"])
    if data["due_at"] is not None:
        yield "due", [show.clock(data["due_at"], now_ms=now_ms)]
    for name, word in (("labels", "labels"), ("needs", "needs"), ("evidence", "evidence")):
        values = strings(data[name])
        if values:
            yield word, [", ".join(one if name == "labels" else show.short(one) for one in values)]
    notes = notes_of(data)
    if notes:
        yield "note", notes

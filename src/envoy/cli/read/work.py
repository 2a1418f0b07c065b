"""Work: tasks in lists, on a board and one by one, and the Work Record."""

from __future__ import annotations

from collections.abc import Sequence

from envoy import limits
from envoy.cli.args import Answer, Call
from envoy.errors import UsageError
from envoy.lean import NamedTuple
from envoy.views import history, names, rows, work_record
from envoy.views import tasks as shapes
from envoy.views.history import Part, Seen
from envoy.views.pages import Key, page, page_json, scope_of
from envoy.views.space import space_id
from envoy.views.tasks import Around
from envoy.wiring import reads
from envoy.wiring.reads import Reader
from envoy.wiring.record import material

Json = dict[str, object]


class Found(NamedTuple):
    """A task with the space it is in."""

    space: rows.Space
    row: rows.Task


class Wanted(NamedTuple):
    """Which tasks a list is about."""

    states: Sequence[str]
    mine: bool
    label: str | None


def tasks(call: Call) -> Answer:
    """Answer with one page of tasks, those to be done by default."""
    with reads.open_reader(call.config) as reader:
        spaces = reader.chosen(call.space())
        wanted = wanted_by(call)
        named = spaces[0].id if call.space() is not None else b""
        parts = (*wanted.states, str(wanted.mine), wanted.label or "")
        scope = scope_of(reader.me.did, "tasks", named, *parts)
        limit = call.args.count("limit")
        after = page(scope, limit, call.args.text("cursor"), shape=(int, int, int, bytes)).after
        found: list[Found] = []
        for space in spaces:
            if len(found) <= limit and (after is None or int(after[0]) <= space.sn):
                start = after[1:] if after is not None and after[0] == space.sn else None
                room = limit + 1 - len(found)
                found += of_space(reader, space, wanted, after=start, limit=room)
        shown = found[:limit]
        data: Json = {
            "tasks": shaped(reader, shown),
            "counts": [counted(reader, space) for space in spaces],
            "page": page_json(scope, key_of(shown[-1]) if len(found) > limit else None),
            "freshness": reader.freshness(spaces),
            "untrusted_fields": shapes.UNTRUSTED_LIST,
        }
    return Answer(
        data, "tasktext:board_text" if call.args.switch("board") else "tasktext:tasks_text"
    )


def wanted_by(call: Call) -> Wanted:
    """Return which tasks the flags ask for."""
    word, every = call.args.text("status"), call.args.switch("include_completed")
    if word is not None and every:
        raise UsageError("invalid_argument", argument="--include-completed", cause="--status")
    if word is None and (every or call.args.switch("board")):
        word = names.ALL
    return Wanted(names.found_by(word), call.args.switch("mine"), call.args.text("label"))


def of_space(
    reader: Reader, space: rows.Space, wanted: Wanted, *, after: Key | None, limit: int
) -> list[Found]:
    """Return the wanted tasks of one space behind ``after``."""
    me = reader.me_an()
    if wanted.mine and me is None:
        return []
    found = reader.views.tasks(
        space.sn,
        states=wanted.states,
        after=after,
        limit=limit,
        assignee=me if wanted.mine else None,
        label=wanted.label,
    )
    return [Found(space, row) for row in found]


def key_of(found: Found) -> tuple[int, int, int, bytes]:
    """Return the sort key of a task over all spaces."""
    return found.row.sn, found.row.priority, found.row.lam, found.row.id


def shaped(reader: Reader, found: Sequence[Found]) -> list[Json]:
    """Return tasks as everybody sees them, space by space."""
    around = {
        space.sn: around_of(reader, space, [one.row for one in found if one.space.sn == space.sn])
        for space in {one.space.sn: one.space for one in found}.values()
    }
    return [shapes.task(one.row, around[one.space.sn]) for one in found]


def around_of(reader: Reader, space: rows.Space, tasks: Sequence[rows.Task]) -> Around:
    """Return what the tasks of one space need from beside them."""
    views = reader.views
    conflicts = [
        conflict
        for task in tasks
        if task.conflicts
        for conflict in views.conflicts(space.sn, entity=task.id, limit=limits.ROWS_MAX)
        if conflict.status == "open"
    ]
    states = views.task_states(space.sn, shapes.needed(tasks))
    return Around(reader.people(space), space.id, states, conflicts)


def counted(reader: Reader, space: rows.Space) -> Json:
    """Return how many tasks of a space are in each state, and who looks."""
    tally = reader.tally(space)
    found = reader.views.task_counts(space.sn)
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "mode": space.mode,
        "me": reader.people(space).actor(reader.me_an()),
        "open": tally.open,
        "mine": tally.mine,
        "conflicts": tally.conflicts,
        "by_state": {state: found.get(state, 0) for state in names.STATES},
    }


def show(call: Call) -> Answer:
    """Answer with one task and what happened to it."""
    with reads.open_reader(call.config) as reader:
        space, row = reader.task(call.args.need("task_id"), call.space())
        around = around_of(reader, space, [row])
        limit = limits.HISTORY_ROWS_DEFAULT
        items = reader.views.history(space.sn, after=None, limit=limit + 1, part=Part(task=row.id))
        conflicts = reader.views.conflicts(space.sn, entity=row.id, limit=limits.ROWS_MAX)
        data: Json = {
            **shapes.task(row, around),
            "space_name": space.name,
            "handoff": reads.handoff_of(reader, space, row.id),
            "conflict_details": [shapes.conflict(one) for one in conflicts],
            "history": history.records(items[:limit][::-1], Seen(space, around.people)),
            "history_complete": len(items) <= limit,
            "freshness": reader.freshness([space]),
            "untrusted_fields": [
                *(*shapes.UNTRUSTED, "history.*.body", "history.*_name", "handoff.*"),
            ],
        }
    return Answer(data, "tasktext:show_text")


def record(call: Call) -> Answer:
    """Answer with the Work Record of a space: all that is needed to continue the work."""
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        scope = scope_of(reader.me.did, "work-record", space.id)
        limit, cursor = call.args.count("limit"), call.args.text("cursor")
        wanted = page(scope, limit, cursor, shape=(int, bytes))
        data = work_record.build(material(reader, space, wanted))
    return Answer(data, "recordtext:record_text")

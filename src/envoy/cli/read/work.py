"""Work: tasks, and the Work Record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from envoy import limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.lines import record_blocks
from envoy.cli.render import Block, Body, Span, Spans, line, table
from envoy.errors import UsageError
from envoy.lean import NamedTuple
from envoy.views import history, names, rows, work_record
from envoy.views import tasks as shapes
from envoy.views.history import Seen
from envoy.views.pages import page, page_json, scope_of
from envoy.views.people import People
from envoy.views.space import space_id
from envoy.views.tasks import Around
from envoy.wiring import reads
from envoy.wiring.reads import Reader

Json = dict[str, object]

STATE_STYLES = {
    "claimed": "ok",
    "in_progress": "ok",
    "completed": "ok",
    "blocked": "bad",
    "changes_requested": "warn",
    "submitted": "warn",
    "cancelled": "dim",
}
# Columns of the board, and the states each of them holds.
COLUMNS = (
    ("OPEN", (names.OPEN, names.ASSIGNED)),
    ("CLAIMED", (names.CLAIMED,)),
    ("IN PROGRESS", (names.IN_PROGRESS, names.BLOCKED, names.CHANGES_REQUESTED)),
    ("SUBMITTED", (names.SUBMITTED,)),
    ("DONE", names.ENDED),
)


class Found(NamedTuple):
    """A task with the space it is in."""

    space: rows.Space
    row: rows.Task


def tasks(call: Call) -> Answer:
    """Answer with one page of tasks, those to be done by default."""
    with reads.open_reader(call.config) as reader:
        spaces = reader.chosen(call.space())
        word, every = call.args.text("status"), call.args.switch("include_completed")
        if word is not None and every:
            raise UsageError("invalid_argument", argument="--include-completed", cause="--status")
        states = names.found_by(names.ALL if every or call.args.switch("board") else word)
        scope = scope_of(reader.me.did, "tasks", call.space() or "", *asked(call))
        limit = call.args.count("limit")
        wanted = page(scope, limit, call.args.text("cursor"), shape=(int, int, int, bytes))
        found: list[Found] = []
        for space in spaces:
            after = wanted.after
            if len(found) > limit or (after is not None and int(after[0]) > space.sn):
                continue
            found += tasks_of(
                call, reader, space, states=states, limit=limit + 1 - len(found),
                after=after[1:] if after is not None and after[0] == space.sn else None,
            )
        shown = found[:limit]
        data: Json = {
            "tasks": shaped(reader, shown),
            "page": page_json(scope, key_of(shown[-1]) if len(found) > limit else None),
            "counts": [counted(reader, space) for space in spaces],
            "freshness": reader.freshness(spaces),
            "untrusted_fields": shapes.UNTRUSTED_LIST,
        }
        names_of = {space_id(space): show.label(space.name) for space in spaces}
        who = reader.me
    return Answer(data, lambda: tasks_text(data, names_of))

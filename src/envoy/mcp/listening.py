"""Listening: the tools that may wait, as one look each.

A look says what is there now or that there is nothing yet; who calls it looks again when something
was committed, until time is over. So no thread stands still while a client waits, and a client that
gives up leaves nothing behind.

Specification: docs/spec/mcp.md, Waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy import limits
from envoy.errors import UsageError
from envoy.mcp.arguments import Given
from envoy.mcp.session import Session
from envoy.mcp.table import Json
from envoy.views import history as shapes
from envoy.views import rows
from envoy.views.history import Filter, Happened, Seen
from envoy.views.names import EVENT_TYPES
from envoy.views.space import space_id
from envoy.wiring.reads import Reader

Found = list[tuple[rows.Space, Happened]]


def inbox(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return what is unread, the oldest first; ``timed_out``: nothing is."""
    which = Filter(tasks=given.switch("tasks_only"))
    with session.reading() as reader:
        spaces = session.several(reader, given.text("space"))
        found: Found = []
        for space in spaces:
            room = limit + 1 - len(found)
            if room > 0:
                rest = reader.views.unread(space.sn, after=space.ack_n, limit=room, which=which)
                found += [(space, one) for one in rest]
        shown = found[:limit]
        for space, _ in shown:
            session.shows(space.id)
        return "inbox", _inbox(reader, spaces, shown, which, more=len(found) > limit)


def _inbox(
    reader: Reader, spaces: list[rows.Space], shown: Found, which: Filter, *, more: bool
) -> Json:
    """Return some unread items as an Inbox."""
    seen = {space.sn: Seen(space, reader.people(space)) for space, _ in shown}
    return {
        "messages": [
            shapes.inboxed(one, seen[space.sn], index=index)
            for index, (space, one) in enumerate(shown)
        ],
        "latest_cursor": reader.views.newest(spaces[0].sn) if len(spaces) == 1 else None,
        "matching_unread_count": sum([_unread(reader, space, which) for space in spaces]),
        # No cursor: who acknowledges what is shown finds the rest on the next first page.
        "page": {"next_cursor": None, "has_more": more},
        "freshness": reader.freshness(spaces),
        "next_commands": [_ack(sn, shown) for sn in sorted(seen)],
        "untrusted_fields": shapes.UNTRUSTED,
        "timed_out": not shown,
    }


def _unread(reader: Reader, space: rows.Space, which: Filter) -> int:
    """Return how much is unread; without a filter that is a column."""
    if which == Filter():
        return space.unread
    return reader.views.count_unread(space.sn, after=space.ack_n, which=which)


def _ack(sn: int, shown: Found) -> str:
    """Return what acknowledges, in one space, exactly what this page shows."""
    space = next(space for space, _ in shown if space.sn == sn)
    newest = max(one.stream.n for _, one in shown if one.stream.sn == sn)
    return f"envoy inbox ack --space {space_id(space)} --up-to-cursor {newest}"


def events(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return what happened in one space behind a cursor; ``timed_out``: nothing that was asked for.

    ``cursor`` is where the next call goes on, also past what was not asked for.
    """
    types, since = given.items("types"), given.count("since")
    if not {*types} <= {*EVENT_TYPES}:
        raise UsageError("invalid_argument", argument="types", expected=list(EVENT_TYPES))
    with session.reading() as reader:
        space = session.place(reader, given.text("space"))
        reached, shown = since, list[Happened]()
        for one in _behind(reader, space, since, limits.ROWS_MAX if types else limit):
            reached = one.stream.n
            shown += [one] if not types or one.stream.type in types else []
            if len(shown) == limit:
                break
        if shown:
            session.shows(space.id)
        seen = Seen(space, reader.people(space))
        return "events", {
            "space_id": space_id(space),
            "space_name": space.name,
            "events": [shapes.event(one, seen) for one in shown],
            "cursor": reached,
            "timed_out": not shown,
            "freshness": reader.freshness([space]),
            "untrusted_fields": ["*.body", *shapes.UNTRUSTED],
        }


def _behind(reader: Reader, space: rows.Space, after: int, count: int) -> Iterator[Happened]:
    """Yield what happened in a space behind a number, ``count`` at a time."""
    while True:
        found = reader.views.stream(space.sn, after=after, limit=count)
        yield from found
        if len(found) < count:
            return
        after = found[-1].stream.n

"""Talk: what was said and done, what is unread. Nothing here acknowledges."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from envoy import limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.lines import record_blocks
from envoy.cli.parse import unknown
from envoy.cli.render import Block, line
from envoy.errors import EnvoyError, NotFoundError, WaitTimeoutError
from envoy.lean import NamedTuple
from envoy.views import history as shapes
from envoy.views import rows
from envoy.views.details import typed
from envoy.views.history import Filter, Happened, Part, Seen
from envoy.views.names import EVENT_TYPES
from envoy.views.pages import Key, page, page_json, scope_of
from envoy.views.space import space_id
from envoy.wiring import reads
from envoy.wiring.reads import Reader

Json = dict[str, object]


def history(call: Call) -> Answer:
    """Answer with one page of a space, the newest page first, oldest record first in it."""
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        thread, task = call.args.text("thread"), call.args.text("task")
        kinds = call.args.items("kinds")
        scope = scope_of(reader.me.did, "history", space.id, thread or "", task or "", *kinds)
        limit, cursor = call.args.count("limit"), call.args.text("cursor")
        wanted = page(scope, limit, cursor, shape=(int, bytes))
        part = Part(
            kinds=kinds,
            task=None if task is None else reader.task(task, space_id(space))[1].id,
            thread=None if thread is None else thread_of(reader, space, thread),
        )
        found = reader.views.history(space.sn, after=wanted.after, limit=limit + 1, part=part)
        if not found and kinds:
            check_kinds(kinds, reader.views.kinds())
        shown = found[:limit]
        more = (shown[-1].lam, shown[-1].id) if len(found) > limit else None
        data = records_of(reader, space, shown[::-1])
        data["page"] = page_json(scope, more)
    return Answer(data, lambda: records_text(data, "nothing here yet"))


def check_kinds(kinds: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a slip: a kind that nothing has and that this version does not know."""
    for kind in kinds:
        if known and kind not in known:
            raise named(unknown("--kinds", kind, known), known)


def named(error: EnvoyError, known: Sequence[str]) -> EnvoyError:
    """Return ``error`` with all words that would do."""
    error.details["expected"] = list(known)
    return error


def thread_of(reader: Reader, space: rows.Space, text: str) -> int:
    """Return the number of the message whose thread is meant."""
    rid = reader.views.rid(space.sn, reader.event(text, space))
    assert rid is not None
    return rid


def records_of(reader: Reader, space: rows.Space, items: Sequence[rows.Item]) -> Json:
    """Return ``items`` as an answer, with what they need to be read."""
    parents = shapes.parents(items)
    missing = set(parents) - reader.views.visible(space.sn, parents) if parents else set()
    seen = Seen(space, reader.people(space), missing=missing)
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "records": shapes.records(items, seen),
        "page": None,
        "freshness": reader.freshness([space]),
        "untrusted_fields": shapes.UNTRUSTED,
    }


def records_text(data: Json, empty: str) -> Iterator[Block]:
    """Yield records, or the word for none."""
    found = show.listed(data.get("records", data.get("hits")))
    now = show.now()
    for one in found:
        yield from record_blocks(one, now_ms=now)
    if not found:
        yield line(empty)


def search(call: Call) -> Answer:
    """Answer with what holds a phrase, the last to arrive first, in one space or in all."""
    with reads.open_reader(call.config) as reader:
        phrase, limit = call.args.need("query"), call.args.count("limit")
        named = call.space()
        spaces = {one.sn: one for one in reader.chosen(named)}
        within = b"" if named is None else next(iter(spaces.values())).id
        scope = scope_of(reader.me.did, "search", within, phrase)
        wanted = page(scope, limit, call.args.text("cursor"), shape=(int,))
        before = int(wanted.after[0]) if wanted.after else limits.INT_MAX
        only = None if named is None else next(iter(spaces))
        found = (
            reader.views.search(phrase, sn=only, before=before, limit=limit + 1) if spaces else []
        )
        shown = found[:limit]
        seen = {sn: Seen(spaces[sn], reader.people(spaces[sn])) for sn in {i.sn for i in shown}}
        data: Json = {
            "query": phrase,
            "hits": [
                shapes.record(item, seen[item.sn], index=index) for index, item in enumerate(shown)
            ],
            "page": page_json(scope, (shown[-1].rid,) if len(found) > limit else None),
            "freshness": reader.freshness(list(spaces.values())),
            "untrusted_fields": shapes.UNTRUSTED,
        }
    return Answer(data, lambda: records_text(data, "nothing found"))


# -- inbox ------------------------------------------------------------------------------------


class Box(NamedTuple):
    """The part of one space's inbox that a call asks for."""

    space: rows.Space
    which: Filter


def boxes(call: Call, reader: Reader) -> list[Box]:
    """Return the inboxes that the call means."""
    sender, type = call.args.text("from"), call.args.text("type")
    if type is not None and type not in EVENT_TYPES:
        raise named(unknown("--type", type, EVENT_TYPES), EVENT_TYPES)
    found = []
    for space in reader.heard(call.space()):
        author = None if sender is None else author_of(reader, space, sender)
        if sender is None or author is not None:
            which = Filter(
                author=author,
                type=type,
                tasks=call.args.switch("tasks") or call.args.switch("tasks_only"),
                own=call.args.switch("include_self") and not call.args.switch("exclude_self"),
            )
            found.append(Box(space, which))
    if sender is not None and not found:
        raise NotFoundError("not_found", kind="member", next_command="envoy roster")
    return found


def author_of(reader: Reader, space: rows.Space, text: str) -> int | None:
    """Return the number of the member that ``text`` means in one space; None: it is not there."""
    try:
        return reader.people(space).find(text).an
    except NotFoundError as error:
        if error.code == "not_found":
            return None
        raise


def count(call: Call) -> Answer:
    """Answer with how much is unread, space by space."""
    with reads.open_reader(call.config) as reader:
        found = [
            {
                "space_id": space_id(box.space),
                "space_name": box.space.name,
                "unread_count": unread(reader, box),
            }
            for box in boxes(call, reader)
        ]
        total = sum(int(str(one["unread_count"])) for one in found)
        data: Json = {
            "unread_count": total,
            "by_space": found,
            "freshness": reader.freshness(reader.spaces),
            "untrusted_fields": ["*_name"],
        }
    return Answer(data, lambda: count_text(total, found))


def unread(reader: Reader, box: Box) -> int:
    """Return how much is unread; without a filter that is a column."""
    if box.which == Filter():
        return box.space.unread
    return reader.views.count_unread(box.space.sn, after=box.space.ack_n, which=box.which)


def count_text(total: int, found: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield the counts."""
    for one in found:
        if one["unread_count"]:
            yield line(f"{show.label(one['space_name'])}  {one['unread_count']} unread")
    yield line((f"{total} unread", "strong" if total else "dim"))


def inbox(call: Call) -> Answer:
    """Answer with what is unread, the oldest first; with --wait, once there is something."""
    with reads.open_reader(call.config) as reader:
        data = inbox_data(call, reader)
        if not data["messages"] and call.args.switch("wait"):
            data = awaited(call, reader)
    return Answer(data, lambda: inbox_text(data))


def awaited(call: Call, reader: Reader) -> Json:
    """Return the inbox once it is not empty. Raises WaitTimeoutError(inbox_wait_timeout)."""
    seconds = call.args.count("wait_timeout")
    end = time.monotonic() + (seconds or limits.FOREVER_SECONDS)
    with reader.waiter() as waiter:
        reader.look()  # again, since something may have come before the waiter stood
        while True:
            data = inbox_data(call, reader)
            if data["messages"]:
                return data
            rest = end - time.monotonic()
            if rest <= 0:
                raise WaitTimeoutError("inbox_wait_timeout", timed_out=True, waited_s=seconds)
            waiter.wait(min(rest, limits.WAIT_SLICE_SECONDS_MAX))


def inbox_data(call: Call, reader: Reader, part: Mapping[bytes, Stretch] | None = None) -> Json:
    """Return the inbox as it is now, or of some spaces the ``part`` that was shown before."""
    wanted_boxes = boxes(call, reader)
    if part is not None:
        wanted_boxes = [
            box._replace(space=box.space._replace(ack_n=part[box.space.id][0]))
            for box in wanted_boxes
            if box.space.id in part
        ]
    filters = [f"{name}={value}" for name, value in sorted(call.args.given.items())]
    named = reader.space(call.space()).id if call.space() is not None else b""
    bound = [one for one in filters if not one.startswith(UNBOUND)]
    scope = scope_of(reader.me.did, "inbox", named, *bound)
    limit = call.args.count("limit")
    wanted = page(scope, limit, call.args.text("cursor"), shape=(int, int))
    found: list[tuple[Box, Happened]] = []
    for box in wanted_boxes:
        after = behind(box, wanted.after)
        if after is not None and len(found) <= limit:
            room = limit + 1 - len(found)
            rest = reader.views.unread(box.space.sn, after=after, limit=room, which=box.which)
            upto = limits.INT_MAX if part is None else part[box.space.id][1]
            found += [(box, one) for one in rest if one.stream.n <= upto]
    shown = found[:limit]
    last = (shown[-1][1].stream.sn, shown[-1][1].stream.n) if len(found) > limit else None
    seen = {box.space.sn: Seen(box.space, reader.people(box.space)) for box, _ in shown}
    alone = reader.views.newest(wanted_boxes[0].space.sn) if len(wanted_boxes) == 1 else None
    return {
        "messages": [
            shapes.inboxed(one, seen[box.space.sn], index=index)
            for index, (box, one) in enumerate(shown)
        ],
        "latest_cursor": alone,
        "matching_unread_count": sum([unread(reader, box) for box in wanted_boxes]),
        "page": page_json(scope, last),
        "freshness": reader.freshness([box.space for box in wanted_boxes]),
        "next_commands": [ack_command(sn, shown) for sn in sorted(seen)],
        "untrusted_fields": shapes.UNTRUSTED,
    }


Stretch = tuple[int, int]  # of the numbers of an inbox: after the one, up to the other

# What may differ between the pages of one inbox.
UNBOUND = ("cursor=", "limit=", "space=", "wait")


def behind(box: Box, after: Key | None) -> int | None:
    """Return the number above which a page goes on in this inbox; None: the page is past it."""
    if after is None or int(after[0]) < box.space.sn:
        return box.space.ack_n
    return int(after[1]) if after[0] == box.space.sn else None


def ack_command(sn: int, shown: Sequence[tuple[Box, Happened]]) -> str:
    """Return what acknowledges, in one space, exactly what this page shows."""
    space = next(box.space for box, one in shown if one.stream.sn == sn)
    newest = max(one.stream.n for _, one in shown if one.stream.sn == sn)
    return f"envoy inbox ack --space {space_id(space)} --up-to-cursor {newest}"


def inbox_text(data: Json) -> Iterator[Block]:
    """Yield what is unread, and how to say that it was seen to."""
    now = show.now()
    messages = show.listed(data["messages"])
    for one in messages:
        number = (f"#{one['cursor']} {one['inbox_reason']}  ", "dim")
        yield from record_blocks(one, now_ms=now, lead=[number])
    if not messages:
        yield line("nothing unread")
    hints = data["next_commands"]
    assert isinstance(hints, list)
    for command in hints:
        yield line(("hint: ", "strong"), typed(command))

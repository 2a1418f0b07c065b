"""Watch: what happens, as it happens; woken by the kernel, without a daemon.

Streams end with the process or a time-out and resume without loss: each line bears the cursor that
`--since` takes. Nothing is held while a line is written, so a slow reader slows nobody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from envoy import limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.lines import event_blocks
from envoy.cli.parse import unknown
from envoy.cli.render import Block, line
from envoy.errors import UsageError, WaitTimeoutError
from envoy.lean import NamedTuple
from envoy.views import history as shapes
from envoy.views import names, rows
from envoy.views.history import Filter, Happened, Part, Seen
from envoy.wiring import reads
from envoy.wiring.reads import Reader

Json = dict[str, object]

# The words of `listen --events`, and the types of the stream they stand for.
GROUPS = {
    "messages": ("new_message",),
    "joins": ("member_joined",),
    "leaves": ("member_left",),
    "epochs": ("epoch_bumped",),
}
# What `events --types` takes.
TYPES = names.EVENT_TYPES
# What of the inbox `wait --for` waits for, by reason; () is anything.
REASONS: dict[str, tuple[str, ...]] = {
    "mine": (),
    "message": ("message", "mention"),
    "mention": ("mention",),
    "conflict": ("conflict",),
}


class Stream(NamedTuple):
    """What a stream shows."""

    spaces: str | None
    types: frozenset[str]  # empty: all
    own: bool
    first: int  # recent lines to begin with
    since: int | None  # or from this cursor on
    seconds: int | None  # how long; None: for ever


def listen(call: Call) -> Iterator[Answer]:
    """Answer, line by line, with what happens, beginning with some recent lines."""
    groups = call.args.items("events")
    for word in groups:
        if word not in GROUPS:
            raise UsageError("invalid_argument", argument="--events", expected=sorted(GROUPS))
    return streamed(
        call,
        Stream(
            spaces=None if call.args.switch("all") else call.space(),
            types=frozenset(name for word in groups for name in GROUPS[word]),
            own=not call.args.switch("exclude_self"),
            first=0 if call.args.switch("no_history") else call.args.count("history"),
            since=call.args.number("since"),
            seconds=None,
        ),
    )


def events(call: Call) -> Iterator[Answer]:
    """Answer, line by line, with what happens from now on, or since a cursor."""
    for word in call.args.items("types"):
        if word not in TYPES:
            error = unknown("--types", word, TYPES)
            error.details["expected"] = list(TYPES)
            raise error
    return streamed(
        call,
        Stream(
            spaces=call.space(),
            types=frozenset(call.args.items("types")),
            own=not call.args.switch("exclude_self"),
            first=0,
            since=call.args.number("since"),
            seconds=call.args.number("watch_timeout"),
        ),
    )


def streamed(call: Call, wanted: Stream) -> Iterator[Answer]:
    """Yield what is wanted until its time is over."""
    end = None if wanted.seconds is None else time.monotonic() + wanted.seconds
    with reads.open_reader(call.config) as reader, reader.waiter() as waiter:
        reader.look()  # again, since something may have come before the waiter stood
        reached = beginnings(reader, wanted)
        many = len(reader.heard(wanted.spaces)) > 1
        while True:
            found = [
                answer
                for space in reader.heard(wanted.spaces)
                for answer in news(reader, space, reached, wanted, many=many)
            ]
            reader.rest()
            yield from found
            rest = limits.WAIT_SLICE_SECONDS_MAX if end is None else end - time.monotonic()
            if rest <= 0 and not found:
                return
            waiter.wait(0 if found else min(rest, limits.WAIT_SLICE_SECONDS_MAX))


def beginnings(reader: Reader, wanted: Stream) -> dict[int, int]:
    """Return the number in each space behind which the stream begins."""
    spaces = reader.heard(wanted.spaces)
    if wanted.since is not None:
        space = reader.space(wanted.spaces)  # a cursor belongs to one space
        return {space.sn: wanted.since}
    reached = {}
    for space in spaces:
        recent = reader.views.tail(space.sn, limits.ROWS_MAX if wanted.first else 1)
        kept = [one for one in recent if is_wanted(one, wanted)]
        newest = recent[-1].stream.n if recent else 0
        first = kept[-wanted.first :] if wanted.first else []
        reached[space.sn] = first[0].stream.n - 1 if first else newest
    return reached


def news(
    reader: Reader, space: rows.Space, reached: dict[int, int], wanted: Stream, *, many: bool
) -> list[Answer]:
    """Return what happened in a space behind ``reached``, and move that on."""
    after = reached.get(space.sn, 0)
    found = reader.views.stream(space.sn, after=after, limit=limits.ROWS_MAX)
    if not found:
        return []
    reached[space.sn] = found[-1].stream.n
    seen = Seen(space, reader.people(space))
    name = show.label(space.name) if many else ""
    return [answer_of(one, seen, name) for one in found if is_wanted(one, wanted)]


def is_wanted(found: Happened, wanted: Stream) -> bool:
    """Return whether a line belongs to the stream."""
    of_type = not wanted.types or found.stream.type in wanted.types
    return of_type and (wanted.own or not found.stream.own)


def answer_of(found: Happened, seen: Seen, name: str) -> Answer:
    """Return one line."""
    data = shapes.event(found, seen)
    return Answer(data, lambda: event_blocks(data, space=name, now_ms=show.now()))


# -- wait -------------------------------------------------------------------------------------

Look = Callable[[Reader], Happened | None]


def wait(call: Call) -> Answer:
    """Answer with the first thing that matches; exit 6 if none comes in time."""
    word, seconds = call.args.need("for"), call.args.count("timeout")
    end = time.monotonic() + seconds
    with reads.open_reader(call.config) as reader, reader.waiter() as waiter:
        reader.look()
        look = looking_for(word, call, reader)
        while True:
            found = look(reader)
            if found is not None:
                return matched(word, found, reader)
            rest = end - time.monotonic()
            if rest <= 0:
                raise WaitTimeoutError("wait_timeout", timed_out=True, waited_s=seconds)
            waiter.wait(min(rest, limits.WAIT_SLICE_SECONDS_MAX))


def looking_for(word: str, call: Call, reader: Reader) -> Look:
    """Return what looks once for that which ``word`` names."""
    if word in REASONS:
        return lambda again: unread(again, again.heard(call.space()), REASONS[word])
    kind, _, rest = word.partition(":")
    task, _, state = rest.partition(":")
    if kind == "task" and task and state:
        states = names.found_by(state)
        if not states:
            raise UsageError("invalid_argument", argument="--for", expected=list(names.WORDS))
        wanted = reader.task(task, call.space())[1].id
        return lambda again: reached_state(again, wanted, states)
    if word == "review":
        raise UsageError("unsupported_operation", operation="wait --for review")
    expected = [*REASONS, "task:TASK:STATE"]
    raise UsageError("invalid_argument", argument="--for", expected=expected)


def unread(
    reader: Reader, spaces: Sequence[rows.Space], reasons: tuple[str, ...]
) -> Happened | None:
    """Return the oldest unread thing that is here for one of ``reasons``."""
    for space in spaces:
        after, limit = space.ack_n, limits.ROWS_MAX
        found = reader.views.unread(space.sn, after=after, limit=limit, which=Filter())
        for one in found:
            if not reasons or one.stream.reason in reasons:
                return one
    return None


def reached_state(reader: Reader, task: bytes, states: Sequence[str]) -> Happened | None:
    """Return the last thing that happened to a task, if it is in one of ``states``."""
    for space in reader.spaces:
        row = reader.views.task(space.sn, task)
        if row is not None and row.state in states:
            items = reader.views.history(space.sn, after=None, limit=1, part=Part(task=task))
            return reader.views.of_event(items[0].rid) if items else None
    return None


def matched(word: str, found: Happened, reader: Reader) -> Answer:
    """Return the answer of a wait."""
    space = next(one for one in reader.spaces if one.sn == found.stream.sn)
    seen = Seen(space, reader.people(space))
    data: Json = {"matched": word, "event": shapes.event(found, seen), "timed_out": False}
    return Answer(data, lambda: matched_text(data))


def matched_text(data: Json) -> Iterator[Block]:
    """Yield what a wait found."""
    yield line((f"matched {data['matched']}", "ok"))
    yield from event_blocks(show.mapping(data["event"]), space="", now_ms=show.now())

"""Tools: from the name of a tool and what was given to it, to what a client is told.

Every answer passes here: it is cut to a page, its texts are fenced, and an error becomes the flat
object that every face shows. Nothing here knows the SDK or waits; who serves a client calls `look`
until it answers.

Laws: an answer fits a page, an error a shorter one; what is left out is counted or has a cursor. A
bug shows its kind, never its text: that may hold what members wrote.

Specification: docs/spec/mcp.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex

from envoy import limits
from envoy.errors import EnvoyError, InternalError, UsageError
from envoy.jsontext import dumps
from envoy.lean import NamedTuple
from envoy.mcp import arguments, fence, files, listening, reading, writing
from envoy.mcp.arguments import Given
from envoy.mcp.session import Session
from envoy.mcp.table import BY_NAME, READS, Json, Tool
from envoy.views.budget import TOKENS_MIN
from envoy.views.details import legible
from envoy.wiring import blame
from envoy.wiring.config import Config

Read = Callable[[Session, Given, int], tuple[str, Json]]
Write = Callable[[Session, Given], tuple[str, Json]]

MARK_BYTES = 8  # of the mark around texts: new for each answer, so nobody can have written it
ROW_CHARS_MIN = 400  # the shortest texts that rows are cut to before rows are left out
FENCED = 1.3  # what fencing makes of an answer, about
SURELY = 1.2  # guessed above that, an answer is made anew with less before anything is fenced
ROOMY = 0.75  # a page that holds less says that texts have become shorter
OF_MEMBERS = ("session",)  # details that a member worded
WAITING = ("inbox_read", "events_wait")


class Reading(NamedTuple):
    """A tool that reads, how much a page of it may hold, and how little is a page."""

    read: Read
    most: str = ""  # the argument that says how much at most; "": ``default``
    default: int = limits.MCP_ROWS_MAX
    least: int = 1
    is_rows: bool = True  # else tokens or bytes
    fit: int = limits.ROWS_MAX  # no page holds more, however short its texts are


READINGS: Mapping[str, Reading] = {
    "status": Reading(reading.status, default=limits.ROWS_MAX),
    "space_brief": Reading(
        reading.space_brief, "budget", least=TOKENS_MIN, is_rows=False, fit=limits.JSON_INT_MAX
    ),
    "history": Reading(reading.history_or_hits, "limit", fit=14),
    "members": Reading(reading.members, default=limits.ROWS_MAX),
    "inbox_read": Reading(listening.inbox, "limit", fit=13),
    "events_wait": Reading(listening.events, default=14),
    "tasks": Reading(reading.tasks, "limit", fit=9),
    "trace": Reading(reading.traced, default=limits.PROVENANCE_NODES_MAX),
    "object_get": Reading(files.get, "max_bytes", is_rows=False, fit=limits.JSON_INT_MAX),
}
WRITINGS: Mapping[str, Write] = {
    "inbox_ack": writing.inbox_ack,
    "message_send": writing.message_send,
    "task_create": writing.task_create,
    "task_claim": writing.task_claim,
    "task_update": writing.task_update,
    "task_complete": writing.task_complete,
    "task_review": writing.task_review,
    "record_add": writing.record_add,
    "object_put": files.put,
}


class Result(NamedTuple):
    """What a client is told: an object, the same as text, and whether it is an error."""

    data: Json
    text: str
    is_error: bool


class Call(NamedTuple):
    """A call that was checked."""

    tool: Tool
    given: Given
    wait_s: int


def prepared(session: Session, name: str, given: Mapping[str, object]) -> Call:
    """Return a call of a tool of the table; touches no profile.

    Raises UsageError for what the tool cannot be given, or where it may only read.
    """
    tool = BY_NAME[name]
    if session.bounds.read_only and tool.nature != READS:
        raise UsageError("unsupported_operation", operation=name, cause="read_only")
    checked = arguments.check(tool, given)
    wait_s = checked.count("wait_s") if name in WAITING else 0
    return Call(tool, checked, wait_s)


def look(session: Session, call: Call, *, is_last: bool) -> Result | None:
    """Do what a call asks for once; None: there is nothing yet, and it may wait.

    Raises EnvoyError.
    """
    name = call.tool.name
    if name in WRITINGS:
        schema, data = WRITINGS[name](session, call.given)
        return answered(schema, framed(data, limits.MCP_TEXT_CHARS_MAX))
    schema, data = page_of(session, call)
    if data.get("timed_out") is True and not is_last:
        return None
    return answered(schema, data)


def page_of(session: Session, call: Call) -> tuple[str, Json]:
    """Return what a tool that reads answers, fenced, as much of it as fits a page.

    First long texts are cut shorter, then there are fewer rows.
    """
    how = READINGS[call.tool.name]
    if call.tool.name == "object_get":
        schema, data = how.read(session, call.given, call.given.count(how.most))
        return schema, framed(data, limits.MCP_SLICE_BYTES_DEFAULT)
    with session.reading():
        return fitting(session, call, how)


def fitting(session: Session, call: Call, how: Reading) -> tuple[str, Json]:
    """Return what ``how`` reads as a page, made again with less until it fits one.

    Pages of one tool are much alike, so how many rows the last one came down to is where the next
    one begins, until one is left with room.
    """
    name, given, chars = call.tool.name, call.given, limits.MCP_TEXT_CHARS_MAX
    asked = min(given.count(how.most) if how.most else how.default, how.fit)
    found = session.fits.get(name, asked) if how.is_rows else asked
    count = first = min(asked, found)
    while True:
        schema, data = how.read(session, given, count)
        excess = 0.0 if count == found < asked else guess(data)
        made: Json = {}
        if excess <= SURELY or count <= how.least:
            made = framed(data, chars)
            excess = excess_of(made)
        if made and excess <= 1:
            if count < first:
                session.fits[name] = count
            elif count == found and excess < ROOMY:
                session.fits.pop(name, None)
            return schema, made
        if count > how.least:
            shown = min(count, longest(data)) if how.is_rows else count
            count = max(how.least, min(count - 1, int(shown / excess)))
        elif chars > ROW_CHARS_MIN:
            chars = max(ROW_CHARS_MIN, int(chars / 2))
        else:
            raise UsageError("invalid_argument", cause="page_too_large", next=[how.most])


def guess(data: Json) -> float:
    """Return how many pages an answer will about fill once it is fenced, at a look."""
    return len(dumps(data)) * FENCED / limits.MCP_PAGE_CHARS_MAX


def excess_of(made: Json) -> float:
    """Return how many pages a fenced answer fills."""
    text = dumps(made)
    quick = len(text)
    if quick > limits.MCP_PAGE_CHARS_MAX and "\\" in text:  # an escape counts as one character
        quick = fence.size(made)
    return quick / limits.MCP_PAGE_CHARS_MAX


def longest(value: object) -> int:
    """Return the length of the longest list in an answer: its rows."""
    match value:
        case dict():
            return max(map(longest, value.values()), default=0)
        case list():
            return max([len(value), *map(longest, value)])
    return 0


def framed(data: Json, chars: int) -> Json:
    """Return an answer with its texts fenced."""
    return fence.framed(data, chars_max=chars)


def answered(schema: str, data: Json) -> Result:
    """Return an answer as a client gets it."""
    made: Json = {"schema": f"envoy.{schema}/1", **data}
    return Result(made, fence.as_text(made, token_hex(MARK_BYTES)), is_error=False)


# -- errors -----------------------------------------------------------------------------------


def failed(error: EnvoyError) -> Result:
    """Return the flat object of an error, details that make it too long left out."""
    data: Json = {
        "schema": "envoy.error/1",
        "error": error.sentence,
        "error_code": error.code,
        "next_action": error.next_action,
        "next_command": error.next_command,
        "exit": error.exit,
    }
    known = {*data, *OF_MEMBERS}
    details = {name: one for name, one in legible(error.details).items() if name not in known}
    while len(dumps({**data, **details})) > limits.MCP_ERROR_CHARS_MAX:
        details.pop(max(details, key=lambda name: len(dumps(details[name]))))
    data |= details
    return Result(data, dumps(data), is_error=True)


def bug(config: Config, error: Exception) -> Result:
    """Return what is told of a bug, or of the damage of the home that looked like one."""
    told = blame.damage_behind(config, error)
    if told is None:
        told = error if isinstance(error, EnvoyError) else None
    return failed(told or InternalError("internal", exception=type(error).__name__))


def call_now(session: Session, name: str, given: Mapping[str, object]) -> Result:
    """Do what a call asks for, without waiting."""
    try:
        done = look(session, prepared(session, name, given), is_last=True)
    except EnvoyError as error:
        return failed(error)
    assert done is not None, "the last look answers"
    return done

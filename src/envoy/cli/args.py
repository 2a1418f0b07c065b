"""Arguments and commands as data: the words in which the tables of commands are written.

A row of a table says everything about a command that is not code: its path, its arguments, the
schema of its answer, its own error codes. The parser, the help, the references and the tests read
the same rows, so none of them can say something else.

Laws: any argument with a place may also be given by its flag; both and different is an error. A
flag is a switch or takes exactly one value, and within one noun a flag means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from envoy import limits
from envoy.cli.render import Block
from envoy.errors import UsageError
from envoy.lean import NamedTuple
from envoy.wiring.config import Config

# How a value is read. `text` any text; `list` by commas; `many` repeatable; `switch` has no value;
# `int` digits; `span` 90s 30m 24h 7d, read to milliseconds; `choice` one of `choices`; `rest` all
# words that are left.
KINDS = ("text", "list", "many", "switch", "int", "span", "choice", "rest")


class Arg(NamedTuple):
    """One argument: a flag, and with ``place`` also the next free positional."""

    name: str  # key in Args, and the flag with dashes: "task_id" is --task-id
    say: str  # for the help
    kind: str = "text"
    place: bool = False
    needed: bool = False
    default: str | int | None = None
    choices: tuple[str, ...] = ()
    least: int = 0  # bounds of int and span
    most: int = limits.JSON_INT_MAX
    also: tuple[str, ...] = ()  # other flags of the same meaning
    word: str = ""  # what stands for the value in the help; default: the name in capitals

    @property
    def flag(self) -> str:
        """Return the flag of this argument."""
        return "--" + self.name.replace("_", "-")

    @property
    def flags(self) -> tuple[str, ...]:
        """Return every flag that gives this argument."""
        return (self.flag, *self.also)


class Command(NamedTuple):
    """One row of a table."""

    path: str  # "task claim"
    say: str  # one line, for lists
    run: str  # "write.work:claim", below envoy.cli
    args: tuple[Arg, ...]
    schema: str  # of the answer, without version: "transition" is envoy.transition/1
    errors: tuple[str, ...] = ()  # its own; COMMON come with every command
    also: tuple[str, ...] = ()  # other paths: "space invite"
    later: tuple[str, ...] = ()  # flags whose names are reserved: unsupported_operation
    stream: bool = False  # one object per line, until it ends
    more: str = ""  # a paragraph for the help of this command
    asks: tuple[str, ...] = ()  # if one of these is given, it is run by ``apart``
    apart: str = ""  # as ``run``; for what few calls ask and the others shall not load
    failed: int = 0  # its status where it fails itself; 0: that of the error


class Args:
    """The values of one call, by the names of its arguments, each read as its kind says."""

    __slots__ = ("given",)

    def __init__(self, given: Mapping[str, object]) -> None:
        self.given = given

    def text(self, name: str) -> str | None:
        """Return a text, or None where it was not given."""
        value = self.given.get(name)
        assert value is None or isinstance(value, str), name
        return value

    def need(self, name: str) -> str:
        """Return a text that the table marks as needed, hence is here."""
        value = self.text(name)
        if value is None:
            raise UsageError("missing_required_flag", argument=name)
        return value

    def number(self, name: str) -> int | None:
        """Return an integer or the milliseconds of a span, or None."""
        value = self.given.get(name)
        assert value is None or isinstance(value, int), name
        return value

    def count(self, name: str) -> int:
        """Return an integer that has a default."""
        value = self.number(name)
        assert value is not None, name
        return value

    def switch(self, name: str) -> bool:
        """Return whether a switch was given."""
        return self.given.get(name) is True

    def items(self, name: str) -> tuple[str, ...]:
        """Return the values of a list or of a repeatable flag; empty where none was given."""
        value = self.given.get(name, ())
        assert isinstance(value, tuple), name
        return value


class Call(NamedTuple):
    """One call of a command."""

    config: Config
    args: Args

    def space(self) -> str | None:
        """Return the space that is meant, by argument or configuration; None: none is named."""
        return self.args.text("space") or self.config.space


class Answer(NamedTuple):
    """What a command says: the documented object, and how a person sees it.

    ``data`` is without `schema`, which the table knows. ``text`` makes blocks of it and is called
    only if a person reads; what members wrote goes into blocks as it is, the renderer escapes. It
    is a function, or the name of one that takes ``data`` ("tasktext:tasks_text"): then a program
    does not pay for loading it.
    """

    data: dict[str, object]
    text: Callable[[], Iterable[Block]] | str
    exit: int = 0


# -- arguments that many commands share -------------------------------------------------------

SPACE = Arg("space", "space: id, unique prefix or name (default: ENVOY_SPACE)", place=True)
# In commands whose first place belongs to something else, as the body of `send`.
SPACE_FLAG = SPACE._replace(place=False)
TASK = Arg("task_id", "task: id or unique prefix", place=True, needed=True, word="TASK")
BODY = (
    Arg("body", "the text; - reads it from stdin", place=True),
    Arg("stdin", "read the text from stdin", "switch"),
    Arg("body_file", "read the text from a file", word="PATH"),
)
NAME = Arg("name", "how others see me (default: the profile's name)", word="N")
HUMAN = Arg("human", "I am a human", "switch")
AGENT = Arg("agent", "I am an agent (default)", "switch")
SPACE_NAME = "name of the space"
CROSS_MACHINE = Arg("cross_machine", "for members on other machines: needs a relay", "switch")
PIN = Arg("pin", "SHA-256 of the relay's TLS key (SPKI), 64 hex digits", word="SPKI")
MEMBER = "member: did:key, its prefix, @name or @me"
MEMBER_FLAG = Arg("member", MEMBER, word="M")
# The public words that a task can be set to.
SET_STATUSES = ("assigned", "in_progress", "blocked", "completed")
DRY_RUN = Arg("dry_run", "show what it would end, free and hold; write nothing", "switch")
KEY = Arg("idempotency_key", "the same key repeats the first result", word="KEY")
VERSION = Arg("if_version", "only if this is still its version (version)", word="V")
CURSOR = Arg("cursor", "where the last page ended (page.next_cursor)")


def limit(default: int) -> Arg:
    """Return the argument for the length of a page."""
    return Arg("limit", "rows", "int", default=default, least=1, most=limits.ROWS_MAX, word="N")


PAGE = (limit(limits.LIST_ROWS_DEFAULT), CURSOR)

# Errors that any command may answer; rows name only what is their own.
COMMON = (
    "missing_required_flag",
    "invalid_argument",
    "profile_not_found",
    "profile_locked",
    "space_not_found",
    "space_name_ambiguous",
    "id_ambiguous",
    "not_found",
    "timeout",
    "state_corrupt",
    "state_access_denied",
    "schema_too_new",
    "storage_failed",
    "internal",
)
# Errors that any command may answer that writes into a space.
WRITES = (
    "read_only",
    "capability_missing",
    "capability_expired",
    "epoch_revoked",
    "clock_ahead",
    "space_closed",
    "limit_exceeded",
    "idempotency_mismatch",
)
# … that changes a task.
TASK_WRITES = (
    "task_not_found",
    "task_unassigned",
    "not_assignee",
    "fence_stale",
    "invalid_transition",
    "version_conflict",
)

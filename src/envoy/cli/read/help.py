"""Help: the tables in words, and the version.

Needs neither a home nor a profile, and loads no database.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import envoy
from envoy.cli.args import Answer, Arg, Call, Command
from envoy.cli.examples import EXAMPLES
from envoy.cli.parse import GLOBALS, unknown
from envoy.cli.render import Block, line, pairs_table
from envoy.cli.schemas import json_schema
from envoy.cli.table import NOUNS, RESERVED, every, paths
from envoy.errors import UsageError

START = (
    "envoy quickstart --human",
    "envoy invite SPACE",
    "envoy join CODE",
    "envoy task list",
    "envoy work-record --json",
)
"""What to type first."""

# The nouns in the order in which somebody new needs them.
PATH_CELLS = 18
GROUPS = (
    ("BEGIN", ("quickstart", "join", "status", "spaces")),
    ("WORK", ("task", "review", "record", "run", "object", "handoff", "work-record", "provenance")),
    ("TALK", ("send", "message", "history", "search", "inbox", "listen", "events", "wait")),
    ("SPACES", ("space", "invite", "invites", "roster", "permissions", "sync")),
    ("AUTHORITY", ("delegate", "revoke", "agent", "can", "why", "quarantine", "card", "conflicts")),
    ("AGENTS", ("hooks", "hook")),
    ("CHECK", ("audit",)),
    ("THIS PROFILE", ("init", "recover", "identity", "fingerprint", "diagnose", "config")),
    ("CARE", ("backup", "restore", "reset")),
    ("RELAY", ("relay", "billing")),
    ("HELP", ("help", "onboarding", "docs", "explain", "schema", "completion", "version")),
    ("KEPT FOR SCRIPTS", ("daemon",)),
)


def version(_: Call) -> Answer:
    """Answer with the version of Envoy and of Python."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    data: dict[str, object] = {
        "version": envoy.__version__,
        "python": python,
        "implementation": sys.implementation.name,
        "platform": sys.platform,
    }
    return Answer(data, lambda: [line(f"envoy {envoy.__version__} (Python {python})")])


def show(call: Call) -> Answer:
    """Answer with the help for a command, a noun or all."""
    topic = call.args.items("topic")
    rows = named(topic)
    first = next(iter(rows.values()))
    one = len(rows) == 1 and bool(topic)
    usage = [usage_of(path, row) for path, row in rows.items()]
    data: dict[str, object] = {
        "text": "\n".join(usage),
        "commands": [
            {
                "command": path,
                "summary": row.say,
                "usage": usage_of(path, row),
                "examples": list(examples_of(row)),
            }
            for path, row in rows.items()
        ],
        "answer_schema": json_schema(first.schema) if one else None,
        "next_commands": [] if topic else list(START),
    }
    if one:
        path = next(iter(rows))
        return Answer(data, lambda: command_help(path, first))
    return Answer(data, lambda: overview(rows, start=not topic))


def named(topic: tuple[str, ...]) -> dict[str, Command]:
    """Return the commands that ``topic`` means, by the path it uses: one, a noun's, or all."""
    if not topic:
        return {row.path: row for row in every()}
    known = paths(topic[0])
    for words in (2, 1):
        path = " ".join(topic[:words])
        if path in known:
            return {path: known[path]}
        if path in RESERVED:
            raise UsageError("unsupported_operation", operation=path)
    if known:
        return known
    raise unknown("command", topic[0], tuple(NOUNS))


def word_of(arg: Arg) -> str:
    """Return what stands for the value of ``arg``."""
    if arg.kind == "choice":
        return "|".join(arg.choices)
    return arg.word or arg.name.upper()


def usage_of(path: str, row: Command) -> str:
    """Return the command on one line."""
    places = [word_of(arg) if arg.needed else f"[{word_of(arg)}]" for arg in row.args if arg.place]
    flags = any(not arg.place for arg in row.args)
    return " ".join(["envoy", path, *places, *(["[flags]"] if flags else [])])


def examples_of(row: Command) -> tuple[str, ...]:
    """Return command lines as somebody would type them."""
    return EXAMPLES.get(row.path, ())


def command_help(path: str, row: Command) -> Iterator[Block]:
    """Yield the help of one command."""
    yield line((usage_of(path, row), "strong"))
    yield line("  " + row.say + ".")
    if row.more:
        yield line("  " + row.more)
    if row.args:
        yield line("")
        yield pairs_table([flag_row(arg) for arg in row.args])
    yield line("")
    for example in examples_of(row):
        yield line("  " + example)
    yield line("")
    yield line(("errors: ", "dim"), ", ".join(row.errors) or "only those of every command")
    yield line(("everywhere: ", "dim"), " ".join(arg.flag for arg in GLOBALS))


def flag_row(arg: Arg) -> tuple[list[str], list[str]]:
    """Return how ``arg`` is given, and what it means."""
    value = "" if arg.kind == "switch" else " " + word_of(arg)
    flags = ", ".join(arg.flags) + value
    place = f", or {word_of(arg)} in its place" if arg.place else ""
    default = "" if arg.default is None else f" ({default_of(arg)})"
    return [f"  {flags}"], [arg.say + place + default]


def default_of(arg: Arg) -> str:
    """Return the default of ``arg`` as it would be typed."""
    if arg.kind == "span" and isinstance(arg.default, int):
        minutes, rest = divmod(arg.default, 60_000)
        return f"{minutes}m" if not rest else f"{arg.default // 1000}s"
    return str(arg.default)


def overview(rows: dict[str, Command], *, start: bool) -> Iterator[Block]:
    """Yield one line per command, and where to begin."""
    if not start:
        yield pairs_table([([f"  {path}"], [row.say]) for path, row in rows.items()])
    else:
        yield line(("envoy", "strong"), ": durable shared work for humans and agents")
        for name, nouns in GROUPS:
            yield line("")
            yield line((name, "strong"))
            found = [row for noun in nouns for row in rows.values() if row.path.split()[0] == noun]
            yield pairs_table([([f"  {row.path}".ljust(PATH_CELLS)], [row.say]) for row in found])
    yield line("")
    if start:
        yield line(("begin with: ", "dim"), START[0])
    yield line(("more: ", "dim"), "envoy help COMMAND")

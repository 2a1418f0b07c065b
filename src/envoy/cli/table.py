"""The commands: every row of the command line, and the names that are kept for later ones.

HOW TO ADD A COMMAND
  1. a row in the table of its family, `cli/tables/FAMILY.py`:
         Command("task claim", "Take a task", "write.work:claim",
                 (TASK, SPACE, Arg("require", …), KEY), "transition", (*WRITES, "needs_unmet"))
     A new noun gets its line in NOUNS, and its place in GROUPS of `cli/read/help.py`.
  2. the function it names, here `claim` in `cli/write/work.py`; what lies in `cli/read` loads no
     key, ever (a new module gets its line in `cli.main.module`):
         def claim(call: Call) -> Answer:
             with writes.open_profile(call.config) as profile:
                 replica = writes.open_space(profile, call.space())
                 done = actions.claim(replica, call.args.need("task_id"), …)
                 return Answer(shapes.transition(done, …), claim_text)
     It parses nothing and prints nothing: `call.args` holds values already read and bounded, the
     `data` of the Answer is the documented object without `schema`, and its `text` turns that very
     object into blocks (`cli.render`: line, table, body) for people. It raises EnvoyError, and
     lets everything else go: `cli.main` renders both. A `stream` command yields Answers.
  3. its answer in `cli/schemas.py`, unless it has one; a transcript in tests/transcripts; one to
     three lines in `cli/examples.py`.
The parser, `envoy help`, the references and the tests of schemas and codes follow from the row.

A family is loaded when one of its nouns is used, so a command that is called hundreds of times
does not pay for the tables of the others.

RESERVED names belong to later issues or to names the public product has; they answer
unsupported_operation, so that a script learns the truth instead of a spelling hint.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.cli.args import Command
from envoy.errors import InternalError

# Noun -> the families with its rows. The order is that of `every`.
NOUNS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("help", "version", "status", "quickstart", "init"), ("home",)),
    **dict.fromkeys(("fingerprint", "diagnose"), ("home",)),
    "identity": ("home", "identity"),
    "recover": ("identity",),
    **dict.fromkeys(("spaces", "roster", "permissions", "invites", "join"), ("spaces",)),
    "invite": ("spaces",),
    "space": ("spaces", "authority", "care"),
    **dict.fromkeys(("backup", "restore", "reset"), ("care",)),
    **dict.fromkeys(("agent", "delegate", "revoke"), ("authority",)),
    **dict.fromkeys(("send", "message", "history", "search", "inbox", "listen"), ("talk",)),
    **dict.fromkeys(("events", "wait", "sync"), ("talk",)),
    **dict.fromkeys(("task", "work-record"), ("tasks",)),
    **dict.fromkeys(("review", "record", "run"), ("records",)),
    "object": ("objects",),
    "handoff": ("handoffs",),
    **dict.fromkeys(("hooks", "hook", "install"), ("hooks",)),
    **dict.fromkeys(("onboarding", "docs", "explain", "schema", "completion"), ("guide",)),
    **dict.fromkeys(("config", "daemon"), ("guide",)),
    **dict.fromkeys(("can", "why", "quarantine", "card"), ("desk",)),
    **dict.fromkeys(("conflicts", "provenance"), ("trace",)),
    "audit": ("audit",),
    **dict.fromkeys(("relay", "billing"), ("relay",)),
}
ALIASES = {"rooms": "spaces", "room": "space", "tasks": "task"}
# What a noun alone means.
DEFAULT_VERBS = {
    "card": "show",
    "conflicts": "list",
    "config": "show",
    "daemon": "status",
    "hooks": "list",
    "identity": "list",
    "inbox": "count",
    "invites": "list",
    "quarantine": "list",
    "space": "list",
    "task": "list",
}

LATER = {
    "": "react web import git reserve ci line",
    "billing": "checkout portal link-agent unlink-agent",
    "relay": "migrate",
}
RESERVED = frozenset(f"{noun} {name}".lstrip() for noun in LATER for name in LATER[noun].split())


def family(name: str) -> tuple[Command, ...]:
    """Return the rows of one family, loading its table."""
    match name:
        case "audit":
            from envoy.cli.tables import audit

            return audit.ROWS
        case "authority":
            from envoy.cli.tables import authority

            return authority.ROWS
        case "care":
            from envoy.cli.tables import care

            return care.ROWS
        case "desk":
            from envoy.cli.tables import desk

            return desk.ROWS
        case "guide":
            from envoy.cli.tables import guide

            return guide.ROWS
        case "handoffs":
            from envoy.cli.tables import handoffs

            return handoffs.ROWS
        case "home":
            from envoy.cli.tables import home

            return home.ROWS
        case "hooks":
            from envoy.cli.tables import hooks

            return hooks.ROWS
        case "identity":
            from envoy.cli.tables import identity

            return identity.ROWS
        case "objects":
            from envoy.cli.tables import objects

            return objects.ROWS
    return later_family(name)


def later_family(name: str) -> tuple[Command, ...]:
    """Return the rows of one of the other families, loading its table."""
    match name:
        case "records":
            from envoy.cli.tables import records

            return records.ROWS
        case "relay":
            from envoy.cli.tables import relay

            return relay.ROWS
        case "spaces":
            from envoy.cli.tables import spaces

            return spaces.ROWS
        case "talk":
            from envoy.cli.tables import talk

            return talk.ROWS
        case "tasks":
            from envoy.cli.tables import tasks

            return tasks.ROWS
        case "trace":
            from envoy.cli.tables import trace

            return trace.ROWS
    raise InternalError("internal", family=name)


def paths(noun: str) -> dict[str, Command]:
    """Return the commands whose path begins with ``noun``, by that path; none if it is no noun."""
    rows = [row for name in NOUNS.get(noun, ()) for row in family(name)]
    return {
        path: row
        for row in rows
        for path in (row.path, *row.also)
        if path == noun or path.startswith(noun + " ")
    }


def every() -> tuple[Command, ...]:
    """Return every command, family by family. Loads all tables: for helps and references."""
    families = dict.fromkeys(name for names in NOUNS.values() for name in names)
    return tuple(row for name in families for row in family(name))

"""Edits: what Envoy puts into one file of an agent runtime, and how to take it out again.

Three kinds of files are somebody else's: JSON with a table of MCP servers, with lists of hooks, or
both; TOML; Markdown. One kind is ours alone: a skill. An edit is a function of texts, so the same
one serves to install, to show what it would do, and to see whether it is there.

Laws: what is ours is known by what it runs (``envoy-mcp``, ``envoy hook``) or by its marks, never
by its place. An entry of our name that somebody else made stays as it is. ``added`` of what
``taken`` returns is the same again: installing twice is installing once.

Specification: docs/spec/hooks.md. Test vectors: tests/vectors/hooks.json.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

from envoy import jsontext
from envoy.errors import UsageError
from envoy.lean import NamedTuple, Protocol
from envoy.runtimes import jsonedit, marked

SERVER = "envoy"
PROGRAM = "envoy-mcp"
NAMES = ("session-start", "user-prompt", "stop", "pre-compact", "session-end")
OUR_HOOK = re.compile(rf"(?:^|[/\s'\"])envoy['\"]? hook (?:{'|'.join(NAMES)})\b")
# Of a file of our own: whoever edits it takes the line out, and keeps the file.
OWN = "<!-- Written by `envoy hooks install`; without this line it is yours. -->"

Json = dict[str, object]


class Edit(Protocol):
    """What is put into one file."""

    def added(self, text: str) -> str:
        """Return ``text`` with ours in it; ``text`` holds none of ours. "" is no file yet.

        Raises UsageError(invalid_argument) for a text that cannot be understood.
        """

    def taken(self, text: str, before: str | None) -> str:
        """Return ``text`` without ours. ``before`` is what it was once, if that is known."""

    def holds(self, text: str) -> bool:
        """Say whether anything of ours is in ``text``."""

    def kept(self, text: str) -> bool:
        """Say whether ``text``, without ours, has an entry of our name by somebody else."""


class Servers(NamedTuple):
    """A server in the table of MCP servers of a JSON file."""

    path: tuple[str, ...]
    entry: Json

    def added(self, text: str) -> str:
        """Return ``text`` with the server."""
        text = text or "{}\n"
        return text if self.kept(text) else jsonedit.put(text, (*self.path, SERVER), self.entry)

    def taken(self, text: str, before: str | None) -> str:
        """Return ``text`` without the server, and without a table that it leaves empty."""
        if not self.holds(text):
            return text
        names = jsonedit.names_of(text, self.path)
        text = jsonedit.drop(text, self.path, names.index(SERVER))
        return emptied(text, self.path, before)

    def holds(self, text: str) -> bool:
        """Say whether a server of our name runs our program."""
        node = jsonedit.find(text, (*self.path, SERVER)) if text else None
        return node is not None and runs_ours(jsonedit.value(text, node))

    def kept(self, text: str) -> bool:
        """Say whether a server of our name is there."""
        return bool(text) and jsonedit.find(text, (*self.path, SERVER)) is not None


class Hooks(NamedTuple):
    """Commands in the lists of hooks of a JSON file.

    ``groups``: the runtime has lists of groups, each with a list of commands; else the lists are of
    commands. ``base`` is what a file of hooks has beside them.
    """

    entries: Mapping[str, Json]  # event -> element of its list
    base: Json
    groups: bool

    def added(self, text: str) -> str:
        """Return ``text`` with a hook for each event."""
        if not text:
            text = "{}\n"
            for name, one in self.base.items():
                text = jsonedit.put(text, (name,), one)
        for event, entry in self.entries.items():
            text = jsonedit.append(text, ("hooks", event), entry)
        return text

    def taken(self, text: str, before: str | None) -> str:
        """Return ``text`` without our hooks, and without lists and groups that they leave empty."""
        whole = text
        for event in jsonedit.names_of(text, ("hooks",)) if text else ():
            left = self._without(text, event)
            text = left if left == text else emptied(left, ("hooks", event), before)
        return text if text == whole else emptied(text, ("hooks",), before)

    def _without(self, text: str, event: str) -> str:
        """Return ``text`` without our hooks for one event."""
        found = list(jsonedit.elements(text, ("hooks", event)))
        for index in range(len(found) - 1, -1, -1):
            ours = marks_of(found[index], groups=self.groups)
            if ours and all(ours):
                text = jsonedit.drop(text, ("hooks", event), index)
            elif any(ours):  # somebody put a command of theirs into our group
                for inner in [place for place, one in enumerate(ours) if one][::-1]:
                    text = jsonedit.drop(text, ("hooks", event, index, "hooks"), inner)
        return text

    def holds(self, text: str) -> bool:
        """Say whether one of our hooks is there."""
        names = jsonedit.names_of(text, ("hooks",)) if text else ()
        return any(
            any(marks_of(one, groups=self.groups))
            for event in names
            for one in jsonedit.elements(text, ("hooks", event))
        )

    def kept(self, text: str) -> bool:
        """Say no: hooks have no names."""
        return False


class Both(NamedTuple):
    """Several edits of one file."""

    parts: Sequence[Edit]

    def added(self, text: str) -> str:
        """Return ``text`` with all of them."""
        for part in self.parts:
            text = part.added(text)
        return text

    def taken(self, text: str, before: str | None) -> str:
        """Return ``text`` without any of them."""
        for part in reversed(self.parts):
            text = part.taken(text, before)
        return text

    def holds(self, text: str) -> bool:
        """Say whether one of them is there."""
        return any(part.holds(text) for part in self.parts)

    def kept(self, text: str) -> bool:
        """Say whether one of them gave way."""
        return any(part.kept(text) for part in self.parts)


class Toml(NamedTuple):
    """A server in the table ``mcp_servers`` of a TOML file, in a marked block."""

    entry: Mapping[str, object]

    def added(self, text: str) -> str:
        """Return ``text`` with the block. Raises UsageError(invalid_argument) for bad TOML."""
        if self.kept(text):
            return text
        body = "".join(f"{line}\n" for line in toml_lines(f"mcp_servers.{SERVER}", self.entry))
        made = marked.within(text, marked.TOML, body)
        toml(made)
        return made

    def taken(self, text: str, _before: str | None) -> str:
        """Return ``text`` without the block."""
        return marked.without(text, marked.TOML)

    def holds(self, text: str) -> bool:
        """Say whether the block is there."""
        return marked.span(text, marked.TOML) is not None

    def kept(self, text: str) -> bool:
        """Say whether a server of our name is there."""
        servers = toml(text).get("mcp_servers", {})
        return isinstance(servers, dict) and SERVER in servers


class Words(NamedTuple):
    """A paragraph in a Markdown file, in a marked block."""

    body: str

    def added(self, text: str) -> str:
        """Return ``text`` with the block."""
        return marked.within(text, marked.MARKDOWN, self.body)

    def taken(self, text: str, _before: str | None) -> str:
        """Return ``text`` without the block."""
        return marked.without(text, marked.MARKDOWN)

    def holds(self, text: str) -> bool:
        """Say whether the block is there."""
        return marked.span(text, marked.MARKDOWN) is not None

    def kept(self, text: str) -> bool:
        """Say no: a block is known by its marks."""
        return False


class Own(NamedTuple):
    """A file that is ours alone, as long as it says so."""

    body: str

    def added(self, text: str) -> str:
        """Return the file; one of that name by somebody else stays."""
        return text or f"{self.body}\n{OWN}\n"

    def taken(self, text: str, _before: str | None) -> str:
        """Return nothing, or the file if it is not ours."""
        return "" if self.holds(text) else text

    def holds(self, text: str) -> bool:
        """Say whether the file is ours."""
        return OWN in text

    def kept(self, text: str) -> bool:
        """Say whether somebody else has a file there."""
        return bool(text) and not self.holds(text)


def emptied(text: str, path: tuple[str, ...], before: str | None) -> str:
    """Return ``text`` without the value at ``path`` if that is empty now and was not always."""
    node = jsonedit.find(text, path) if text else None
    if node is None or node.items or text[node.start + 1 : node.end - 1].strip():
        return text
    if before and jsonedit.find(before, path) is not None:
        return text
    return jsonedit.drop(text, path[:-1], jsonedit.names_of(text, path[:-1]).index(path[-1]))


def runs_ours(server: object) -> bool:
    """Say whether an entry of a table of servers runs our program."""
    if not isinstance(server, Mapping):
        return False
    given = server.get("args")
    words = [server.get("command"), *(given if isinstance(given, list) else ())]
    return any(str(word).rpartition("/")[2] == PROGRAM for word in words)


def marks_of(hook: object, *, groups: bool) -> list[bool]:
    """Return of each command in an element of a list of hooks whether it is ours."""
    inner = hook.get("hooks") if groups and isinstance(hook, Mapping) else [hook]
    return [
        isinstance(one, Mapping) and OUR_HOOK.search(str(one.get("command"))) is not None
        for one in (inner if isinstance(inner, list) else ())
    ]


def toml(text: str) -> Mapping[str, object]:
    """Return what a TOML text says. Raises UsageError(invalid_argument, cause toml)."""
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        raise UsageError("invalid_argument", argument="file", cause="toml") from error


def toml_lines(path: str, table: Mapping[str, object]) -> Sequence[str]:
    """Return a table of texts, numbers and lists of texts as lines; one in it gets its own head."""
    plain = {name: one for name, one in table.items() if not isinstance(one, Mapping)}
    lines = [f"[{path}]", *(f"{name} = {jsontext.dumps(one)}" for name, one in plain.items())]
    for name, one in table.items():
        if isinstance(one, Mapping):
            lines += toml_lines(f"{path}.{name}", one)
    return lines

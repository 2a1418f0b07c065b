"""Make what other programs read of the commands: completion scripts and man pages.

Completion scripts come from shtab, which reads an argparse parser; so one is built here from the
tables. Nothing of it is shipped but the text that it writes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any

import shtab

from envoy.cli.args import Arg, Command
from envoy.cli.parse import GLOBALS
from envoy.cli.read.help import examples_of, flag_row, usage_of
from envoy.cli.table import NOUNS, every
from envoy.mcp import main as mcp
from envoy.mcp.table import TOOLS

VARIABLES = {
    "ENVOY_HOME": "the home (default: ~/.envoy)",
    "ENVOY_PROFILE": "the profile, where --profile names none",
    "ENVOY_SPACE": "the space of a call that names none",
    "ENVOY_SESSION": "a name for this run; default: one of its own for each process",
}
SERVER_EXAMPLES = (
    "claude mcp add envoy -- envoy-mcp --profile a1",
    "codex mcp add envoy -- envoy-mcp --profile a1 --space bughunt",
    "envoy-mcp --profile a1 --read-only",
)
FILES = frozenset(("body_file", "file", "out", "output", "passphrase_file", "path"))


def parser() -> argparse.ArgumentParser:
    """Return the command line as argparse sees it."""
    top = argparse.ArgumentParser("envoy", add_help=False)
    for arg in GLOBALS:
        add(top, arg)
    nouns = top.add_subparsers()
    for noun in NOUNS:
        rows = {
            path: row
            for row in every()
            for path in (row.path, *row.also)
            if path.split()[0] == noun
        }
        alone = rows.pop(noun, None)
        branch = nouns.add_parser(noun, help=plain(alone.say if alone else ""), add_help=False)
        add_all(branch, alone.args if alone else ())
        if rows:
            verbs = branch.add_subparsers()
            for path, row in rows.items():
                leaf = verbs.add_parser(path.split()[1], help=plain(row.say), add_help=False)
                add_all(leaf, row.args)
    return top


def add_all(branch: argparse.ArgumentParser, own: Sequence[Arg]) -> None:
    """Add the flags of a command, and the global ones that it does not have itself."""
    taken = {flag for arg in own for flag in arg.flags}
    for arg in (*(one for one in GLOBALS if not taken.intersection(one.flags)), *own):
        add(branch, arg)


def add(branch: argparse.ArgumentParser, arg: Arg) -> None:
    """Add the flag of ``arg`` to ``branch``; what stands in a place is an id or a text."""
    more: dict[str, Any] = {"help": plain(arg.say), "dest": arg.name}
    if arg.kind == "switch":
        more["action"] = "store_true"
    elif arg.choices:
        more["choices"] = arg.choices
    added = branch.add_argument(*arg.flags, **more)
    if arg.name in FILES:
        vars(added)["complete"] = shtab.FILE


def plain(text: str) -> str:
    """Return ``text`` without what a shell or a format would take for its own."""
    return re.sub(r"[%`'\"\\$\[\]]", "", text)


def completion(shell: str) -> Iterator[str]:
    """Yield the completion script of ``shell``."""
    yield shtab.complete(parser(), shell=shell)


def man_page(noun: str) -> Iterator[str]:
    """Yield the man page of ``noun``, or that of the program for the empty one."""
    rows = {path: row for row in every() for path in (row.path, *row.also)}
    mine = {path: row for path, row in rows.items() if path.split()[0] == noun}
    name = f"envoy-{noun}" if noun else "envoy"
    say = next(iter(mine.values())).say if noun else "durable shared work for humans and agents"
    yield f'.TH {name.upper()} 1 "" "Envoy" "Envoy commands"'
    yield f".SH NAME\n{roff(name)} \\- {roff(say)}"
    yield ".SH SYNOPSIS"
    for path, row in mine.items() if noun else ():
        yield f".B {roff(usage_of(path, row))}\n.br"
    if not noun:
        yield ".B envoy\n[flags] COMMAND [arguments]"
    yield ".SH DESCRIPTION" if mine else ".SH COMMANDS"
    if noun:
        for path, row in mine.items():
            yield from described(path, row)
    else:
        for path, row in rows.items():
            yield f".TP\n.B envoy {roff(path)}\n{roff(row.say)}"
        yield ".SH OPTIONS\nThey stand anywhere before a lone --."
        for arg in GLOBALS:
            yield from option(arg)
    yield ".SH SEE ALSO"
    others = [other for other in NOUNS if other != noun]
    yield ", ".join(f"\\fBenvoy-{roff(other)}\\fR(1)" for other in others)


def server_page() -> Iterator[str]:
    """Yield the man page of envoy-mcp, from its own parser and the table of its tools."""
    parser = mcp.parser()
    yield '.TH ENVOY-MCP 1 "" "Envoy" "Envoy commands"'
    yield ".SH NAME\nenvoy\\-mcp \\- serve one Envoy profile to one MCP client"
    flags = [one for one in parser._actions if one.option_strings]
    yield ".SH SYNOPSIS\n.B envoy\\-mcp"
    yield " ".join(roff(f"[{flag_of(one)}]") for one in flags)
    yield f".SH DESCRIPTION\n{roff(parser.description or '')}"
    yield "It is started by a client, not by hand; give it 20 seconds to start. Standard output"
    yield "carries the protocol alone. Whoever starts it can make it smaller by its flags; no call"
    yield "and no text makes it larger again. It needs the extra"
    yield ".BR mcp :\npip install 'envoy\\-space[mcp]'."
    yield ".SH OPTIONS"
    for one in flags:
        yield f".TP\n.B {roff(flag_of(one))}\n{roff(one.help or '')}"
    yield ".SH ENVIRONMENT"
    for name, say in VARIABLES.items():
        yield f".TP\n.B {name}\n{roff(say)}"
    yield ".SH TOOLS"
    for tool in TOOLS:
        yield f".TP\n.B {roff(tool.name)}\n{roff(tool.say)}"
    yield ".SH EXIT STATUS\n0 when the client has hung up, 2 where it cannot start, 130 after an"
    yield "interrupt."
    yield ".SH EXAMPLES"
    for line in SERVER_EXAMPLES:
        yield f".PP\n.EX\n{roff(line)}\n.EE"
    yield ".SH SEE ALSO\n\\fBenvoy\\fR(1), \\fBenvoy\\-task\\fR(1)"


def flag_of(action: argparse.Action) -> str:
    """Return a flag of a parser as it is typed."""
    word = f" {action.metavar}" if action.metavar else ""
    return ", ".join(action.option_strings) + word


def described(path: str, row: Command) -> Iterator[str]:
    """Yield one command with its arguments and errors."""
    yield f".SS envoy {roff(path)}\n{roff(row.say)}. {roff(row.more)}".rstrip()
    for arg in row.args:
        yield from option(arg)
    for example in examples_of(row):
        yield f".PP\n.EX\n{roff(example)}\n.EE"
    if row.errors:
        yield f".PP\nErrors: {roff(', '.join(row.errors))}."


def option(arg: Arg) -> Iterator[str]:
    """Yield one flag."""
    (flags,), (meaning,) = flag_row(arg)
    yield f".TP\n.B {roff(flags.strip())}\n{roff(meaning)}"


def roff(text: str) -> str:
    """Return ``text`` as roff takes it for text."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped

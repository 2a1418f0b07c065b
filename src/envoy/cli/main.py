"""Main: argv in, exit status out; the outermost frame of the command line.

It parses by the tables, loads the one module that the command names, runs it and writes what it
answers. Everything that goes wrong below ends here: an EnvoyError becomes its code, its next action
and its exit status; anything else is a bug and becomes `internal`. No traceback is ever shown, a
closed pipe ends quietly with 141, an interrupt with 130.

Modules of commands are imported here by need, so that a read never loads a key and only a terminal
pays for `rich`.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from envoy.cli import render
from envoy.cli.args import Answer, Args, Call, Command
from envoy.cli.parse import Parsed, halves, parse
from envoy.cli.render import Block, Screen, screen_of
from envoy.errors import EnvoyError, InternalError, UsageError
from envoy.lean import ModuleType, NamedTuple, TextIO
from envoy.wiring import config as configs

EXIT_INTERRUPT = 130
EXIT_PIPE = 141
# A command line that begins with it comes from the runtime of an agent: whatever is wrong here, the
# agent goes on, so a failure is silent and none (docs/spec/hooks.md).
FAILS_OPEN = "hook"


class UnwrittenError(Exception):
    """An answer that stdout did not take. Anything else that fails has an answer that it takes."""


class Face(NamedTuple):
    """How this call speaks. Known before anything can fail, so that failures speak so too."""

    json: bool
    quiet: bool
    color: str
    open: bool = False  # a failure is none


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``, by default that of this process; return its exit status."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    face = face_of(tokens)
    try:
        return guarded(tokens, face)
    except KeyboardInterrupt:
        return EXIT_INTERRUPT
    except BrokenPipeError:
        silence()
        return 0 if face.open else EXIT_PIPE
    except UnwrittenError:  # a full disk behind a redirection
        silence()
        return fail(InternalError("storage_failed", reason="stdout"), face._replace(json=False))


def guarded(tokens: list[str], face: Face) -> int:
    """Run ``tokens``; turn every error but those of stdout into an answer and a status."""
    try:
        return run(tokens, face)
    except EnvoyError as error:
        return fail(error, face)
    except (BrokenPipeError, UnwrittenError):
        raise
    except OSError as error:  # a file that failed where nobody asked, as at its end
        reason = errno.errorcode.get(error.errno or 0, "unknown").lower()
        return fail(InternalError("storage_failed", reason=reason), face)
    except Exception as error:
        # A bug. Neither its text nor its traceback is shown: both may hold what members wrote.
        kind = type(error).__name__
        return fail(InternalError("internal", exception=kind), face)


def run(tokens: list[str], face: Face) -> int:
    """Run the command that ``tokens`` name and write its answers."""
    parsed = parse(tokens)
    try:
        return perform(parsed, face)
    except EnvoyError as error:
        error.exit = parsed.command.failed or error.exit
        raise


def perform(parsed: Parsed, face: Face) -> int:
    """Run one command that was read, and write its answers."""
    config = configs.load(parsed.globals.given, read_toml=read_toml)
    if config.verbose and not face.quiet:
        origin = config.origins["profile"]
        tell([render.line(f"profile {config.profile} ({origin}), home {config.home}")], face)
    try:
        answers = entry(parsed.command, parsed.args)(Call(config, parsed.args))
        status = 0
        for one in (answers,) if isinstance(answers, Answer) else answers:
            write_answer(one, parsed.command, face)
            status = one.exit
    except UsageError as error:
        error.next_command = error.next_command or f"envoy help {parsed.command.path}"
        raise
    except Exception as error:
        from envoy.wiring import blame

        damage = None if face.open else blame.damage_behind(config, error)
        if damage is None:
            raise
        raise damage from error
    return status


def face_of(tokens: Sequence[str]) -> Face:
    """Return how to speak, by the flags that stand anywhere before `--` and the environment."""
    before, _ = halves(tokens)
    wants_json, quiet = "--json" in before, "--quiet" in before
    if before[:1] == [FAILS_OPEN] and not wants_json:
        return Face(json=False, quiet=quiet, color="never", open=True)
    wants_json = wants_json or os.environ.get("ENVOY_FORMAT") == "json"
    return Face(json=wants_json, quiet=quiet, color=color_of(before))


def color_of(tokens: Sequence[str]) -> str:
    """Return always, never or auto; what is no such word is refused later, by the parser."""
    for flag, value in zip(tokens, [*tokens[1:], ""], strict=False):
        if flag.startswith("--color="):
            return flag.partition("=")[2]
        if flag == "--color":
            return value
    if os.environ.get("NO_COLOR"):
        return "never"
    return "always" if os.environ.get("FORCE_COLOR") else "auto"


# -- output -----------------------------------------------------------------------------------


def write_answer(answer: Answer, command: Command, face: Face) -> None:
    """Write ``answer`` to stdout, and its warnings to stderr where a person reads."""
    if face.quiet:
        return
    if face.json:
        put(sys.stdout, render.json_line(command.schema, answer.data))
        return
    blocks = [*blocks_of(answer), *render.more(answer.data.get("page"))]
    put(sys.stdout, as_text(blocks, sys.stdout, face))
    warnings = answer.data.get("warnings")
    assert warnings is None or isinstance(warnings, list)
    tell([render.warning(one) for one in warnings or ()], face)


def fail(error: EnvoyError, face: Face) -> int:
    """Write ``error`` as this call speaks and return its exit status."""
    if face.open:
        return 0
    if face.quiet:
        return error.exit
    if face.json:
        put(sys.stdout, render.json_line("error", render.error_data(error)))
    else:
        tell(list(render.error_blocks(error)), face)
    return error.exit


def tell(blocks: Sequence[Block], face: Face) -> None:
    """Write ``blocks`` for people to stderr; where that is gone, to nobody."""
    if blocks and not face.json:
        try:
            put(sys.stderr, as_text(blocks, sys.stderr, face))
        except (OSError, UnwrittenError):
            return


def put(stream: TextIO | None, text: str) -> None:
    """Write ``text`` to ``stream`` at once. A stream that was closed before us takes nothing.

    Raises UnwrittenError, BrokenPipeError.
    """
    if stream is None or stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwrittenError from error


def as_text(blocks: Iterable[Block], stream: TextIO | None, face: Face) -> str:
    """Return ``blocks`` as ``stream`` can show them, in colour if that is wanted and can be."""
    screen = screen_of(stream, os.environ)
    if wants_color(screen, face.color, os.environ):
        from envoy.cli import pretty

        return pretty.text(blocks, screen)
    return render.plain(blocks, screen)


def wants_color(screen: Screen, color: str, environ: Mapping[str, str]) -> bool:
    """Return whether to colour: if told so, else on a terminal that is more than a teletype."""
    if color == "auto":
        return screen.columns is not None and environ.get("TERM", "dumb") != "dumb"
    return color == "always"


def silence() -> None:
    """Point stdout at nothing, so that Python does not fail again while it closes it."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return


# -- what is loaded by need -------------------------------------------------------------------


def read_toml(path: str) -> Mapping[str, object]:
    """Return the values of a configuration file, loading its reader first."""
    from envoy.wiring import toml

    return toml.read(path)


def entry(command: Command, args: Args) -> Callable[[Call], Answer | Iterable[Answer]]:
    """Return the function that ``command`` names for such arguments."""
    is_apart = any(name in args.given for name in command.asks)
    name, _, function = (command.apart if is_apart else command.run).partition(":")
    run_command: Callable[[Call], Answer | Iterable[Answer]] = getattr(module(name), function)
    return run_command


def blocks_of(answer: Answer) -> Iterable[Block]:
    """Return ``answer`` for people, loading what writes it."""
    if not isinstance(answer.text, str):
        return answer.text()
    name, _, function = answer.text.partition(":")
    write: Callable[[Mapping[str, object]], Iterable[Block]] = getattr(module(name), function)
    return write(answer.data)


def module(name: str) -> ModuleType:
    """Return the module ``name``, of commands or of texts."""
    floor, _, rest = name.rpartition(".")
    found = {"": text_module, "read": read_module, "write": sparing}[floor](rest)
    if found is None:
        raise InternalError("internal", module=name)
    return found


def text_module(name: str) -> ModuleType | None:
    """Return a module that puts answers into words for people."""
    match name:
        case "audittext":
            from envoy.cli import audittext

            return audittext
        case "desktext":
            from envoy.cli import desktext

            return desktext
        case "prooftext":
            from envoy.cli import prooftext

            return prooftext
        case "recordtext":
            from envoy.cli import recordtext

            return recordtext
        case "tasktext":
            from envoy.cli import tasktext

            return tasktext
        case "tracetext":
            from envoy.cli import tracetext

            return tracetext
    return None


def read_module(name: str) -> ModuleType | None:
    """Return a module of commands that only read."""
    match name:
        case "audit":
            from envoy.cli.read import audit

            return audit
        case "brief":
            from envoy.cli.read import brief

            return brief
        case "conflicts":
            from envoy.cli.read import conflicts

            return conflicts
        case "desk":
            from envoy.cli.read import desk

            return desk
        case "guide":
            from envoy.cli.read import guide

            return guide
        case "help":
            from envoy.cli.read import help as read_help

            return read_help
        case "home":
            from envoy.cli.read import home

            return home
        case "objects":
            from envoy.cli.read import objects

            return objects
        case "space":
            from envoy.cli.read import space

            return space
        case "talk":
            from envoy.cli.read import talk

            return talk
        case "watch":
            from envoy.cli.read import watch

            return watch
        case "work":
            from envoy.cli.read import work

            return work
    return seldom_read_module(name)


def seldom_read_module(name: str) -> ModuleType | None:
    """Return a module of commands that only read, and are no part of everyday work."""
    match name:
        case "hook":
            from envoy.cli.read import hook

            return hook
        case "provenance":
            from envoy.cli.read import provenance

            return provenance
        case "records":
            from envoy.cli.read import records

            return records
    return None


def sparing(name: str) -> ModuleType | None:
    """Return a module of commands that write, without what libraries load and nobody asks."""
    from envoy.wiring import seldom

    with seldom.standing_in():
        return write_module(name)


def write_module(name: str) -> ModuleType | None:
    """Return a module of commands that write."""
    match name:
        case "audit":
            from envoy.cli.write import audit

            return audit
        case "work":
            from envoy.cli.write import work

            return work
        case "inbox":
            from envoy.cli.write import inbox

            return inbox
        case "messages":
            from envoy.cli.write import messages

            return messages
        case "tasks":
            from envoy.cli.write import tasks

            return tasks
        case "objects":
            from envoy.cli.write import objects

            return objects
    return rare_module(name)


def rare_module(name: str) -> ModuleType | None:
    """Return a module of commands that write, but are no part of everyday work."""
    match name:
        case "approve":
            from envoy.cli.write import approve

            return approve
        case "authority":
            from envoy.cli.write import authority

            return authority
        case "care":
            from envoy.cli.write import care

            return care
        case "billing":
            from envoy.cli.write import billing

            return billing
        case "cards":
            from envoy.cli.write import cards

            return cards
        case "conflicts":
            from envoy.cli.write import conflicts

            return conflicts
        case "connect":
            from envoy.cli.write import connect

            return connect
        case "desk":
            from envoy.cli.write import desk

            return desk
        case "handoffs":
            from envoy.cli.write import handoffs

            return handoffs
        case "handover":
            from envoy.cli.write import handover

            return handover
        case "home":
            from envoy.cli.write import home

            return home
    return seldom_module(name)


def seldom_module(name: str) -> ModuleType | None:
    """Return a module of commands that write; the other half of the rare ones."""
    match name:
        case "hooks":
            from envoy.cli.write import hooks

            return hooks
        case "keys":
            from envoy.cli.write import keys

            return keys
        case "records":
            from envoy.cli.write import records

            return records
        case "relay":
            from envoy.cli.write import relay

            return relay
        case "running":
            from envoy.cli.write import running

            return running
        case "serving":
            from envoy.cli.write import serving

            return serving
        case "space":
            from envoy.cli.write import space

            return space
        case "syncing":
            from envoy.cli.write import syncing

            return syncing
        case "upkeep":
            from envoy.cli.write import upkeep

            return upkeep
        case "invites":
            from envoy.cli.write import invites

            return invites
    return None

"""Asking: a question to whoever sits at the terminal, before something that cannot be taken back.

A script that names an act has said what it wants and is not asked; a person may have typed a name
that two members bear, so it is shown who is meant and what the act reaches.

Specification: docs/spec/cli.md, Questions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from envoy.cli.args import Call
from envoy.cli.render import Block, line, plain, screen_of
from envoy.errors import NeedsHumanError

YES = ("y", "yes")
ANSWER_COLUMNS = 5  # behind a question: a space, and what is typed


def is_asked(call: Call) -> bool:
    """Say whether there is a person to ask: both ends are a terminal, and --yes was not given."""
    if call.config.yes or call.config.json or call.config.quiet:
        return False
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def confirm(blocks: Iterable[Block], question: str) -> None:
    """Show ``blocks`` and ask. Raises NeedsHumanError(confirmation_required) without a yes."""
    screen = screen_of(sys.stderr, os.environ)
    room = None if screen.columns is None else screen.columns - ANSWER_COLUMNS
    asked = plain([line(f"{question} [y/N]")], screen._replace(columns=room)).rstrip()
    sys.stderr.write(f"{plain(blocks, screen)}{asked} ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in YES:
        raise NeedsHumanError("confirmation_required")


def is_terminal(stream: object) -> bool:
    """Return whether a person is behind ``stream``."""
    asks = getattr(stream, "isatty", None)
    return asks is not None and bool(asks())

"""Progress: one line on stderr about work that takes long, for a person who waits for it.

Nothing is said where nobody reads along: in a pipe, with --json or --quiet. On a terminal the line
is written over itself and is gone when the work is done, so what stands there afterwards is the
answer alone. Blanks take it away, not control sequences, so any terminal will do.

Specification: docs/spec/cli.md, Text for people.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Final

from envoy.wiring.config import Config

TELL_SECONDS: Final = 1.0  # before the first word: work that is done by then needs none
AGAIN_SECONDS: Final = 0.1  # between two words


class Teller:
    """Says on stderr how far a long work is, for as long as its ``with`` lasts."""

    def __init__(self, config: Config) -> None:
        is_seen = sys.stderr is not None and sys.stderr.isatty()
        self._tells = is_seen and not config.quiet and not config.json
        self._next = time.monotonic() + TELL_SECONDS
        self._width = 0  # of what stands on the line

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, *_: object) -> None:
        self._show("")

    def __call__(self, what: str, done: int) -> None:
        """Say that ``done`` of ``what`` are done, unless that was said a moment ago."""
        now = time.monotonic()
        if self._tells and now >= self._next:
            self._next = now + AGAIN_SECONDS
            self._show(f"{what}: {done}"[: _columns() - 1])

    def of(self, done: int, total: int) -> None:
        """Say how many events of all were folded again."""
        self(f"folding {total} events again", done)

    def _show(self, text: str) -> None:
        """Write ``text`` over what stood there; nothing takes the line away."""
        if text or self._width:
            blank = " " * max(self._width - len(text), 0)
            sys.stderr.write(f"\r{text}{blank}" + ("" if text else "\r"))
            sys.stderr.flush()
        self._width = len(text)


def _columns() -> int:
    """Return the width of the terminal behind stderr, at least 2."""
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns, 2)
    except (OSError, ValueError):
        return 80

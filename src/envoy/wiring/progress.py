"""Progress: a word on stderr about work that takes long, for a person who waits for it.

Nothing is said where nobody reads along, nor before a second has passed, nor more often than that.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

import sys
import time

from envoy.wiring.config import Config

# Between two words about a long work, and before the first.
TELL_SECONDS = 1.0


class Teller:
    """Says on stderr how far a long work is."""

    def __init__(self, config: Config) -> None:
        is_seen = sys.stderr is not None and sys.stderr.isatty()
        self._tells = is_seen and not config.quiet and not config.json
        self._next = time.monotonic() + TELL_SECONDS

    def __call__(self, what: str, done: int) -> None:
        """Say that ``done`` of ``what`` are done, at most once a second."""
        now = time.monotonic()
        if self._tells and now >= self._next:
            self._next = now + TELL_SECONDS
            sys.stderr.write(f"{what}: {done}\n")
            sys.stderr.flush()

    def of(self, done: int, total: int) -> None:
        """Say how many events of all were folded again."""
        self(f"folding {total} events again", done)

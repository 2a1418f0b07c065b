"""Journal: what a relay says of itself, one JSON object a line, and nothing of its users.

An operator who hands a log to somebody, or loses it, must have lost nothing: no address, no key, no
token and no body stands in it. Where two lines have to be known to be of one space, its id stands
there as eight digits of a MAC under a key that dies with the process.

Laws: of an exception the kind and the place are told, never its text, which may repeat what
somebody sent. A template of another library is told without its arguments.

Specification: docs/spec/relay.md, Observability.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from typing import Final

from envoy import jsontext

_HEX: Final = 8
Value = str | int | bool | None


class Journal:
    """Lines by ``write``; ``key`` is drawn with the process."""

    def __init__(
        self, write: Callable[[str], object], *, now_ms: Callable[[], int], key: bytes
    ) -> None:
        self._write = write
        self._now_ms = now_ms
        self._key = key

    def note(self, event: str, **fields: Value) -> None:
        """Write one line."""
        line = {"at": self._now_ms(), "event": event, **fields}
        self._write(jsontext.dumps(line) + "\n")

    def name(self, ident: bytes) -> str:
        """Return what stands for an id in this process."""
        return hmac.digest(self._key, ident, "sha256").hex()[:_HEX]

    def failed(self, event: str, error: BaseException) -> None:
        """Write that something failed: what kind of failure, and where in the code."""
        self.note(event, error=type(error).__name__, place=_place(error))


class Listener(logging.Handler):
    """Passes on what the server's library calls an error, without the arguments of its words.

    Its warnings are about what peers send; who sends garbage must not fill the operator's disk.
    """

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.ERROR)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._journal.failed("server", error)
        else:
            self._journal.note("server", level=record.levelname.lower(), said=str(record.msg))


def listen(journal: Journal) -> None:
    """Let every logger of this process end in ``journal``."""
    root = logging.getLogger()
    root.handlers[:] = [Listener(journal)]
    root.setLevel(logging.ERROR)


def _place(error: BaseException) -> str:
    """Return the file and line in which ``error`` was raised."""
    step = error.__traceback__
    if step is None:
        return ""
    while step.tb_next is not None:
        step = step.tb_next
    return f"{step.tb_frame.f_code.co_filename.rpartition('/')[2]}:{step.tb_lineno}"

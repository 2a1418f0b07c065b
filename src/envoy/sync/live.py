"""Live: what a relay and whoever listens to it say to each other over one open line.

A listener asks for spaces by its tokens; the relay says when they grow, with the next frames where
they are few. Each message is an array whose first element is its word. A message may be lost with
the line: the cursor of a pull is the truth, and what is told here only spares one.

Specification: docs/spec/relay.md, News.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy import limits
from envoy.core.codec import B32, I63, bounded, decode, peek_first, refuse_unless
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync.frames import Head, Page

_WORD_BYTES_MAX: Final = 8
_CODE_BYTES_MAX: Final = 64


class Wanted(Body, frozen=True):
    """A token of a space, and the number of the last frame that the listener has."""

    token: bytes
    since: I63

    def check(self) -> None:
        """Refuse a token that is over its bound."""
        refuse_unless(len(self.token) <= limits.TOKEN_BYTES_MAX)


class Sub(Body, frozen=True):
    """Listen to these spaces too; ``n`` comes back in the answer."""

    word: str
    n: I63
    wanted: tuple[Wanted, ...]

    def check(self) -> None:
        """Refuse none at all, and more than one message may ask for."""
        bounded(self.word, _WORD_BYTES_MAX)
        refuse_unless(1 <= len(self.wanted) <= limits.PULL_SPACES_MAX)


class Unsub(Body, frozen=True):
    """Listen to ``space`` no more."""

    word: str
    space: B32

    def check(self) -> None:
        """Bound the word."""
        bounded(self.word, _WORD_BYTES_MAX)


class Pong(Body, frozen=True):
    """Still here."""

    word: str

    def check(self) -> None:
        """Bound the word."""
        bounded(self.word, _WORD_BYTES_MAX)


class Ping(Body, frozen=True):
    """Are you still here?"""

    word: str

    def check(self) -> None:
        """Bound the word."""
        bounded(self.word, _WORD_BYTES_MAX)


class Subbed(Body, frozen=True):
    """The answer to the ``sub`` with ``n``: per token where its space stands, or a code."""

    word: str
    n: I63
    entries: tuple[Head | str, ...]

    def check(self) -> None:
        """Bound the word and the codes."""
        bounded(self.word, _WORD_BYTES_MAX)
        refuse_unless(len(self.entries) <= limits.PULL_SPACES_MAX)
        for entry in self.entries:
            if isinstance(entry, str):
                bounded(entry, _CODE_BYTES_MAX)


class Woken(Body, frozen=True):
    """``space`` has frames up to ``head``; ``page``: those behind what was told last, or nil."""

    word: str
    space: B32
    head: I63
    page: Page | None

    def check(self) -> None:
        """Bound the word."""
        bounded(self.word, _WORD_BYTES_MAX)


class Place(Body, frozen=True):
    """The newest number of a space."""

    space: B32
    head: I63


class Lag(Body, frozen=True):
    """What was to be told of these spaces was dropped, since it was not read: pull."""

    word: str
    places: tuple[Place, ...]

    def check(self) -> None:
        """Bound the word and the places."""
        bounded(self.word, _WORD_BYTES_MAX)
        refuse_unless(1 <= len(self.places) <= limits.SOCKET_SPACES_MAX)


class End(Body, frozen=True):
    """Nothing more will be told of ``space``; ``code`` says why."""

    word: str
    space: B32
    code: str

    def check(self) -> None:
        """Bound the words."""
        bounded(self.word, _WORD_BYTES_MAX)
        bounded(self.code, _CODE_BYTES_MAX)


class Bye(Body, frozen=True):
    """The relay goes; come back later."""

    word: str
    code: str

    def check(self) -> None:
        """Bound the words."""
        bounded(self.word, _WORD_BYTES_MAX)
        bounded(self.code, _CODE_BYTES_MAX)


# Word -> the message that it begins.
ASKED: Final[Mapping[str, type[Body]]] = {"sub": Sub, "unsub": Unsub, "pong": Pong}
TOLD: Final[Mapping[str, type[Body]]] = {
    "ok": Subbed,
    "wake": Woken,
    "lag": Lag,
    "end": End,
    "ping": Ping,
    "bye": Bye,
}


def read(data: bytes, words: Mapping[str, type[Body]]) -> Body:
    """Return the message in ``data``, one of ``words``. Raises RemoteFault."""
    word = peek_first(data)
    kind = words.get(word) if isinstance(word, str) else None
    if kind is None:
        raise RemoteFault("malformed")
    return decode(data, kind)

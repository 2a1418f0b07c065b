"""Targets: all of them, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Protocol

from fuzz.codec import Codec
from fuzz.envelopes import Envelopes
from fuzz.frames import Frames
from fuzz.invites import Invites
from fuzz.kit import Target
from fuzz.lines import Commands, Searches
from fuzz.news import News
from fuzz.packs import Archives, Audits, Logs
from fuzz.reducers import Reducers
from fuzz.relays import Relays, Sockets
from fuzz.spaces import Spaces


class Make(Protocol):
    """How a target comes to stand: in a directory of its own."""

    def __call__(self, place: Path) -> Target[Any]:
        """Return the target."""


TARGETS: Final[dict[str, Make]] = {
    "codec": Codec,
    "envelope": Envelopes,
    "frames": Frames,
    "invite": Invites,
    "archive": Archives,
    "bundle": Logs,
    "audit": Audits,
    "relay": Relays,
    "news": News,
    "sockets": Sockets,
    "cli": Commands,
    "search": Searches,
    "reducers": Reducers,
    "space": Spaces,
}

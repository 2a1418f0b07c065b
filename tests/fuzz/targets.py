"""Targets: all of them, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Protocol

from fuzz.codec import Codec
from fuzz.envelopes import Envelopes
from fuzz.frames import Frames
from fuzz.invites import Invites
from fuzz.kit import Target
from fuzz.packs import Archives, Audits, Logs


class Make(Protocol):
    """How a target comes to stand: in a directory of its own."""

    def __call__(self, place: Path) -> Target[Any]:
        """Return the target."""


TARGETS: Final[dict[str, Make]] = {
    one.name: one for one in (Codec, Envelopes, Frames, Invites, Archives, Logs, Audits)
}

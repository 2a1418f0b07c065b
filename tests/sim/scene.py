"""Scene: what the parts of the simulator ask of the whole, which is ``sim.world``."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final, NamedTuple, Protocol

from envoy.core.structs import Body
from envoy.hub.handler import LocalHub
from sim.hubs import VirtualHub


class Weather(NamedTuple):
    """Chances of what may happen to a call, and how long it takes at most, ms."""

    lost: float = 0.0
    unheard: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    spoiled: float = 0.0
    beside: float = 0.04  # that somebody else acts first
    slow_ms: int = 40


FAIR: Final = Weather()
# Codes that say that something broke, which nothing that happens here may do.
BROKEN: Final = ("internal", "state_corrupt", "state_access_denied", "schema_too_new", "timeout")


class Violated(AssertionError):
    """An invariant does not hold: which one, and how, in words."""

    def __init__(self, what: str, how: object) -> None:
        super().__init__(f"{what}: {how}")
        self.what = what


class Scene(Protocol):
    """One world under way."""

    now: int
    deep: int
    dice: random.Random
    weather: Weather
    counts: Counter[str]
    hub: VirtualHub

    def answering(self, member: str, /) -> LocalHub:
        """Return the hub as a member meets it now."""

    def beside(self, member: str, /) -> None:
        """Let somebody act while ``member`` waits for an answer."""

    def later(self, call: Body, member: str, at: int, /) -> None:
        """Let the hub hear a call at ``at``."""

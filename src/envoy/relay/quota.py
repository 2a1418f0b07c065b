"""Quota: how fast one peer, one session and one space may go at this process.

A bucket holds tokens, is filled at a steady rate and lets a burst through. There is one per peer,
session or space and kind of work, in a map that is bounded and forgets what was used longest ago:
an unbounded one would itself be the attack. Its keys are MACs under a key of this process, so a
dump of its memory lists no addresses.

What a space may take in all is counted exactly, by ``relay.rules``, in the transaction that takes
it. Here it is per process, and what is forgotten is forgiven.

Laws: pure: the time is an argument of whoever makes it. Any thread may ask.

Specification: docs/spec/relay.md, Quota.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from envoy import limits
from envoy.core.structs import Body
from envoy.lean import NamedTuple
from envoy.relay import billing
from envoy.relay.session import Token
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal

_NAME_BYTES: Final = 16
_ROUNDING: Final = 1e-6  # of tokens, or of milliseconds


class Rate(NamedTuple):
    """So many a second in the long run, and so many at once."""

    per_second: float
    burst: int


class Rates(NamedTuple):
    """How fast each may go. Sessions and invites per peer, slots and recon per session."""

    sessions: Rate = Rate(10, 50)
    invites: Rate = Rate(1 / 3, 20)
    frames: Rate = Rate(500, 5_000)
    space_frames: Rate = Rate(1_000, 10_000)
    slots: Rate = Rate(20, 100)
    recon: Rate = Rate(8, limits.RECON_MESSAGES_MAX)


# Calls that cost signatures or guess at secrets, before anybody showed who they are.
SESSIONS: Final = frozenset(("session", "renew", "create", "space_delete", *billing.CALLS))
INVITES: Final = frozenset(("invite_fetch", "invite_request", "invite_reply", "invite_delete"))


class Buckets:
    """Token buckets by name. ``clock`` is in seconds and never runs back."""

    def __init__(
        self, key: bytes, clock: Callable[[], float], *, most: int = limits.BUCKETS_MAX
    ) -> None:
        self._key = key
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._levels = OrderedDict[bytes, tuple[float, float]]()  # tokens, when

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, kind: str, name: bytes, rate: Rate, *, count: int = 1) -> int:
        """Take ``count`` tokens; return 0, or after how many ms there are enough.

        More than a burst is let through by a full bucket, which is then in debt.
        """
        place = self._place(kind, name)
        now = self._clock()
        need = min(count, rate.burst)
        with self._lock:
            level, since = self._levels.pop(place, (float(rate.burst), now))
            level = min(rate.burst, level + (now - since) * rate.per_second)
            enough = level >= need - _ROUNDING
            self._levels[place] = (level - count if enough else level, now)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return (
            0 if enough else max(1, math.ceil((need - level) / rate.per_second * 1000 - _ROUNDING))
        )

    def give(self, kind: str, name: bytes, rate: Rate, *, count: int) -> None:
        """Put back tokens that were taken for what was refused after all."""
        place = self._place(kind, name)
        with self._lock:
            if place in self._levels:  # else it was forgotten, and is full again
                level, since = self._levels[place]
                self._levels[place] = (min(rate.burst, level + count), since)

    def _place(self, kind: str, name: bytes) -> bytes:
        said = kind.encode() + b"\0" + name
        return blake2b(said, key=self._key, digest_size=_NAME_BYTES).digest()


class Pace:
    """The buckets of one relay, by what is asked."""

    def __init__(self, buckets: Buckets, rates: Rates) -> None:
        self._buckets = buckets
        self._rates = rates

    def admit(self, name: str, peer: bytes) -> None:
        """Let ``peer`` make the call ``name``, before its body is read.

        Raises HubRefusal(rate_limited) with ``retry_after_ms``.
        """
        if name in SESSIONS:
            self._take("session", peer, self._rates.sessions)
        elif name in INVITES:
            self._take("invite", peer, self._rates.invites)

    def work(self, tokens: Sequence[Token], call: Body) -> None:
        """Let a session do ``call``. Raises HubRefusal(rate_limited) with ``retry_after_ms``."""
        space = getattr(call, "space", None)
        token = next((one for one in tokens if one.space == space), None)
        if token is None or token.space is None:
            return  # it is refused for that, and costs nothing
        session = token.space + token.holder
        match call:
            case frames.Push():
                self._frames(session, token.space, len(call.frames))
            case frames.BoxPut():
                self._frames(session, token.space, len(call.boxes))
            case frames.Slot():
                self._take("slot", session, self._rates.slots)
            case calls.Recon():
                self._take("recon", session, self._rates.recon)

    def _frames(self, session: bytes, space: bytes, count: int) -> None:
        self._take("frames", session, self._rates.frames, count)
        try:
            self._take("space", space, self._rates.space_frames, count)
        except HubRefusal:  # what is refused costs nothing
            self._buckets.give("frames", session, self._rates.frames, count=count)
            raise

    def _take(self, kind: str, name: bytes, rate: Rate, count: int = 1) -> None:
        wait_ms = self._buckets.take(kind, name, rate, count=count)
        if wait_ms:
            raise HubRefusal("rate_limited", retry_after_ms=wait_ms)

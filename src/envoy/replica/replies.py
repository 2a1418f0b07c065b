"""Replies: what a call under an idempotency key was answered, for acts that are no event.

What writes events keeps its answer in their transaction (``replica.Replica.compose``). What moves a
cursor or founds a space asks here, in the transaction that does it, under the same keys and rules.

Laws: the same key and arguments give the first answer; other arguments are refused, whatever they
are. A key of the number 0 belongs to the profile, not to a space.

Specification: docs/spec/cli.md, Retries.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.errors import ConflictError
from envoy.replica.replica import Call, Profile

PROFILE: Final = 0


def find(profile: Profile, sn: int, call: Call) -> str | None:
    """Return what the call that ``call`` repeats was answered, None if it is a new one.

    The caller holds the transaction. Raises ConflictError(idempotency_mismatch).
    """
    if call.key is None:
        return None
    after = profile.clock.now_ms() - limits.IDEMPOTENCY_SECONDS_MAX * 1000
    found = profile.rows.find_reply(sn, call.key, after)
    if found is None:
        return None
    digest, result = found
    if digest != call.digest:
        raise ConflictError("idempotency_mismatch")
    return result


def keep(profile: Profile, sn: int, call: Call, result: str) -> None:
    """Keep the answer to a new call; the caller holds the transaction."""
    if call.key is not None:
        now = profile.clock.now_ms()
        profile.rows.keep_reply(sn, call.key, call.digest, result, at=now)

"""Verdicts: what a relay's refusals mean to whoever brings it something.

Specification: docs/spec/bridge.md, Up.
"""

from __future__ import annotations

from typing import Final

# Errands that a relay may refuse for good without barring what stands behind them.
CHUNK: Final = "chunk"
GIVEN_UP: Final = frozenset(
    ("box_put", "invite_put", "invite_reply", "invite_delete", "access_put", CHUNK)
)
# Refusals that another try, or somebody who is let in again, may turn.
PASSING: Final = frozenset((
    "space_not_found", "auth_failed", "session_expired", "session_stale", "clock_skew_ahead",
    "clock_skew_behind", "replayed", "epoch_revoked", "capability_expired", "capability_missing",
    "read_only", "subscription_required", "rate_limited", "timeout", "relay_unavailable",
    "storage_failed",
))  # fmt: skip
# Refusals of what goes up that say nothing against what comes down.
BARRED: Final = frozenset((
    "read_only", "subscription_required", "rate_limited", "quota_exceeded", "storage_failed",
))  # fmt: skip

"""Grants: under which of its own grants a profile may write, and why under none.

An event names the grant that it is written under, and has to have seen it. So a grant is chosen
that has the cap, has it still, and is not dated ahead of this clock: what is cannot be cited yet
(docs/spec/event.md, Graph).

Laws: the most senior grant that fits is taken, one for the whole space before one for the task
that the event is about; one for another task is taken where there is none, and the event refused.

Specification: docs/spec/authority.md, Duties of authors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.core.capability import CAPS, AuthEvent
from envoy.errors import AuthorityError, ConflictError, EnvoyError
from envoy.ids import to_text
from envoy.replica.batch import Batch
from envoy.views import rows

_ROLE_CAPS: Final = {
    "read": ("read",),
    "write": ("read", "write"),
    "admin": ("read", "write", "grant", "admin"),
    "owner": ("read", "write", "grant", "admin", "own"),
}


class Grants:
    """The live grants of one profile, the most senior first, by the clock of a batch."""

    def __init__(self, batch: Batch, found: Sequence[rows.Grant]) -> None:
        self._batch = batch
        self._found = found
        self._latest = batch.now_ms + limits.CITABLE_AHEAD_MS

    def under(self, cap: str, about: bytes | None = None) -> bytes:
        """Return what an event that takes ``cap``, and is ``about`` a task, names as its grant.

        Raises AuthorityError, or ConflictError(clock_ahead) where all that have it are dated ahead.
        """
        fitting = [grant for grant in self._found if self._gives(grant, cap)]
        if not fitting:
            raise self._denied(cap)
        grant = min(fitting, key=lambda one: (one.task is not None, one.task != about))
        return self._batch.space.id if grant.kind == "genesis" else grant.id

    def has(self, cap: str) -> bool:
        """Say whether there is one with ``cap``, for the space or for any task."""
        return any(self._gives(grant, cap) for grant in self._found)

    def reaches(self, cap: str, about: bytes | None) -> bool:
        """Say whether there is one with ``cap`` for a task, or, None, for the whole space."""
        return any(self._gives(grant, cap) and grant.task in (None, about) for grant in self._found)

    def is_late(self, ts: int) -> bool:
        """Say whether a time, in milliseconds since 1970, is too far ahead to be cited."""
        return ts > self._latest

    def _gives(self, grant: rows.Grant, cap: str) -> bool:
        """Say whether a grant has ``cap`` and can be cited."""
        return self._holds(grant, cap) and not self._is_ahead(grant)

    def _holds(self, grant: rows.Grant, cap: str) -> bool:
        """Say whether a grant has ``cap``, and has it still."""
        has = cap in _ROLE_CAPS.get(grant.role or grant.verb or "", ())
        return has and (grant.na is None or grant.na >= self._batch.now_ms)

    def _is_ahead(self, grant: rows.Grant) -> bool:
        """Say whether a grant is dated ahead; the genesis is not, every event has seen it."""
        if grant.kind == "genesis":
            return False
        entry = self._batch.events.entry(self._batch.sn, grant.id)
        return entry is not None and self.is_late(entry.ts)

    def _denied(self, cap: str) -> EnvoyError:
        """Return why none has ``cap``."""
        assert cap in CAPS, "caps come from the table of kinds"
        if not self._found:
            return AuthorityError("epoch_revoked", required_verb=cap)
        ahead = [grant for grant in self._found if self._holds(grant, cap)]
        if ahead:
            return dated_ahead(ahead)
        roles = [grant.role for grant in self._found if grant.role]
        if any(grant.na is not None for grant in self._found) and not roles:
            return AuthorityError("capability_expired", required_verb=cap)
        if roles == ["read"] and cap == "write":
            return AuthorityError("read_only", required_verb=cap)
        return AuthorityError("capability_missing", required_verb=cap)


def dated_ahead(acts: Sequence[AuthEvent | rows.Grant]) -> ConflictError:
    """Return that ``acts`` have to be cited and are dated ahead of this clock."""
    return ConflictError("clock_ahead", event_ids=[to_text("evt", act.id) for act in acts])

"""Handover: the handoff that an audit bundle holds, checked with nothing but the file.

Whoever is to take work over may be somebody who has no copy yet. The bundle proves itself first,
all of it (`wiring.auditing`); then the handoff in it is held to what a copy would hold it to. What
the bundle leaves out is unknown, never good.

Specification: docs/spec/tasks.md, Handoffs; docs/spec/audit.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from envoy.errors import NotFoundError
from envoy.lean import NamedTuple
from envoy.replica import capsules
from envoy.replica.actions import handoffs
from envoy.storage.record_views import RecordViews
from envoy.views import names, rows
from envoy.views.handoffs import KIND, Verified, standing
from envoy.wiring import auditing
from envoy.wiring.auditing import Seen
from envoy.wiring.config import Config


class Found(NamedTuple):
    """A bundle that verified, the handoff in it, and what can be said of that."""

    seen: Seen
    row: rows.Record
    verified: Verified


@contextmanager
def handed(config: Config, path: str) -> Iterator[Found]:
    """Verify the bundle ``path`` and a handoff in it: the newest offered one, else the newest.

    Raises IntegrityError (audit_invalid, schema_too_new, signature_invalid), NotFoundError
    (not_found) for a bundle without one, UsageError(invalid_argument).
    """
    with auditing.verified(config, path) as seen:
        every = RecordViews(seen.connection).of_kind(seen.space.sn, KIND)
        offered = [row for row in every if standing(row) == names.OFFERED]
        if not every:
            raise NotFoundError("not_found", kind=KIND, path=path)
        row = (offered or every)[-1]
        yield Found(seen, row, handoffs.checked(seen.replica, row, capsules.is_shown))

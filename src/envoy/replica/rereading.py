"""Rereading: what an older build could not read is read by the first one that can.

An event of an unknown kind is accepted, kept and passed on, but nobody knows what it is about: it
has no entity, and is held to the rules for unknown kinds. A build that knows the kind must come to
what it would have come to had it been there, so before it folds the log anew it reads those events
again, and makes the heads of log and entities anew with them.

Law: after this an event stands as if this build had taken it in.

Specification: docs/spec/store.md, Rebuilding.
"""

from __future__ import annotations

from collections.abc import Set

from envoy import limits
from envoy.core.bodies import TaskClaim
from envoy.core.kinds import KINDS, entity_of, read_body
from envoy.core.log import Entry
from envoy.replica.batch import Batch
from envoy.replica.court import with_fault


def reread(batch: Batch, kinds: Set[str]) -> None:
    """Read the content of ``kinds`` again. Raises IntegrityError(state_corrupt) for a bad frame."""
    events, sn, after = batch.events, batch.sn, 0
    while page := events.entries(sn, after=after, limit=limits.PAGE_FRAMES_MAX):
        frames = dict(events.frames(sn, after=after, limit=limits.PAGE_FRAMES_MAX))
        for entry in page:
            if entry.ix is None and entry.kind in kinds and entry.kind in KINDS:
                _one(batch, entry, frames.get(entry.rid, b""))
        after = page[-1].rid
    events.remake_heads(sn)


def _one(batch: Batch, entry: Entry, frame: bytes) -> None:
    """Give one event the entity and the fault that it has for this build."""
    event = batch.keys.reopen(entry, frame)
    body, entity = read_body(entry.kind, event.body), None
    if body is not None:
        entity = entity_of(entry.kind, body, event=event.id, author=event.author, space=event.space)
    fault = batch.court.content_fault(event, body, entity=entity, seen=entry.saw)
    plain = entry._replace(entity=entity, fault=None, status="ok", cause=None, cause_by=None)
    batch.events.reread(batch.sn, with_fault(plain, fault))
    if isinstance(body, TaskClaim):
        batch.match_receipts(entry, body)

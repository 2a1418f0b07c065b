"""Doubles: writes the conflicts of forked chains and of invites that let in too many.

Beside the projector, and loaded where there is such a thing at all.

Laws: what is written follows from the set of accepted events. Of an author's forked chains the
limits.OPS_BESIDE_MAX with the least ids are shown: an author who forks a thousand makes nobody fold
a thousand (docs/spec/conflicts.md, Doubles). `envoy audit` counts them all.

Specification: docs/spec/conflicts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from envoy.lean import Protocol
from envoy.replica.court import Court
from envoy.replica.ports import EventStore
from envoy.state import doubles
from envoy.state.registers import Conflict

Write = Callable[[bytes, tuple[Conflict, ...]], int]


class Asking(Protocol):
    """The part of a batch that is asked here."""

    events: EventStore
    sn: int
    court: Court


def write(batch: Asking, authors: Collection[bytes], conflicts: Write) -> None:
    """Let ``conflicts`` write those of the chains of ``authors``, and of all over-used invites.

    An invite that was over-used before the batch and is so no more loses its conflicts.
    """
    for author in sorted(authors):
        conflicts(author, doubles.forks(author, batch.events.first_forks(batch.sn, author)))
    judgement, before = batch.court.judgement, batch.court.before
    invites = {*judgement.contested, *(before.contested if before is not None else ())}
    for invite in sorted(invites):
        conflicts(invite, doubles.overused(invite, judgement))

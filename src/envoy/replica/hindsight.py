"""Hindsight: authority as an older event saw it, and whether an epoch may be written under.

What the rows say is of now. To ask what somebody might have done when an event was written, the
rules are applied again, to the ancestry of that event alone; the bodies of authority events are in
the log, so no key is needed.

Laws: nothing is written. An answer about an ancestry never changes.

Specification: docs/spec/authority.md, Explaining verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import cached_property

from envoy.core import bodies
from envoy.core.capability import AuthEvent, ContentEvent
from envoy.core.structs import replace
from envoy.replica.court import Court
from envoy.replica.facts import LogFacts
from envoy.replica.keyring import KeyRing
from envoy.replica.ports import EventStore
from envoy.state import epochs
from envoy.state.authority import Judgement
from envoy.state.authority_pass import judge
from envoy.state.project import grant_rows, invite_rows
from envoy.views import rows


class Hindsight:
    """The log of one space, looked back upon. ``events`` is never written to."""

    def __init__(self, events: EventStore, space: rows.Space) -> None:
        self._events = events
        self._space = space
        self._court = Court(events, space.sn, KeyRing(events, space.sn, space.id), space.id)

    def powers(self, event: bytes) -> tuple[list[rows.Grant], list[rows.Invite]]:
        """Return the grants and invites as they stood for an accepted event, senior first."""
        known, saw = self._known(event)
        found = _narrowed(known, saw)
        number = self._events.actor
        grants = grant_rows(self._space.sn, found, number)
        return (
            sorted(grants, key=lambda row: (row.senior, row.id)),
            invite_rows(self._space.sn, found, number),
        )

    def is_stale(self, event: bytes, epoch: bytes) -> bool:
        """Say whether ``epoch`` is not adequate in the ancestry of an event written under it."""
        known, _ = self._known(event)
        by_kind, views = self._court.ledger.by_kind, self._court.views
        every = [*by_kind["genesis"], *by_kind.get("epoch.create", ())]
        creates = [one for one in every if one.epoch == epoch]
        return not any(epochs.is_adequate(one, known, views) for one in creates)

    def _known(self, event: bytes) -> tuple[Judgement, int]:
        """Return the judgement on the ancestry of an accepted event, and the acts in it."""
        entry = self._events.entry(self._space.sn, event)
        assert entry is not None, "it was looked up"
        sight = _Within(self._court.facts, self._events, self._space.sn, event)
        return judge(self._court.ledger, sight, within=entry.saw), entry.saw

    def epoch(self, create: bytes) -> str:
        """Return the rule that says whether an epoch is written under: a key of EPOCH_WORDS.

        ``create`` is an event that creates one; the words are those of ``views.desk``.
        """
        judgement, views = self._court.judgement, self._court.views
        event = judgement.ledger.by_id[create]
        if not judgement.is_ok(create):
            return "E1 not ok"
        if epochs.read_ending(judgement) & ~event.seen:
            return "E1 not covered"
        if not epochs.is_sound(event, views):
            wanted = epochs.recipients(views.of(event))
            assert isinstance(event.body, bodies.EpochCreate), "a genesis is sound"
            meant = [one.id for one in event.body.rcpt]
            return "E4 no cause" if meant == wanted else "E4 readers"
        if not epochs.is_adequate(event, judgement, views):
            return "E1 creator"
        current = epochs.current(judgement, views)
        return "E2 current" if current is not None and current.id == create else "E2 older"


def _narrowed(judgement: Judgement, seen: int) -> Judgement:
    """Return a judgement within ``seen`` whose ledger knows no grant beyond that."""
    ledger = copy(judgement.ledger)
    ledger.grants = {key: one for key, one in ledger.grants.items() if one.is_in(seen)}
    return replace(judgement, ledger=ledger)


class _Within:
    """The sight of the ancestry of one event, walked only if an invite in it is over-used."""

    def __init__(self, facts: LogFacts, events: EventStore, sn: int, event: bytes) -> None:
        self._facts = facts
        self._events = events
        self._sn = sn
        self._event = event

    def saw(self, later: AuthEvent, event: ContentEvent) -> bool:
        """Say whether ``event`` is in the ancestry of ``later``."""
        return self._facts.saw(later, event)

    def witnesses(self, grants: Iterable[bytes], joins: int) -> Iterable[ContentEvent]:
        """Return the witnesses in that ancestry."""
        found = self._facts.witnesses(grants, joins)
        return [one for one in found if one.id in self._ancestry]

    @cached_property
    def _ancestry(self) -> set[bytes]:
        """Return the ids of all that the event saw."""
        found, todo = set[bytes](), [self._event]
        while todo:
            entry = self._events.entry(self._sn, todo.pop())
            assert entry is not None, "parents are accepted first"
            new = set(entry.parents) - found
            found |= new
            todo += new
        return found

"""Ledger: the AUTH events of one space under the keys by which the rules look for them.

Rule R2 asks "who can end this grant", and asks it of every grant at every pass. So each accepted
AUTH event is filed once: acts by the grant they cite, grants by their key, revocations by what they
aim at. A pass then touches each event once and each grant only with what concerns it.

Laws: the ledger files, it judges nothing; what it answers does not depend on the order of filing.
It only grows, so a judgement may keep looking into the ledger it came from. Events that break an S
rule are kept for their number and are never filed: they are without effect.

Specification: docs/spec/authority.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final

from envoy.core import bodies
from envoy.core.capability import OTHERS, AuthEvent, Grant, Rank, grant_of

_BY_RANK: Final = attrgetter("rank")


class Ledger:
    """The AUTH events of one space, filed; ``events`` in the order of their numbers."""

    def __init__(self, genesis: AuthEvent) -> None:
        """Begin with the ``genesis``: its ``auth`` is the space id."""
        assert isinstance(genesis.body, bodies.Genesis), "a space begins with its genesis"
        self.space = genesis.auth
        self.founder = genesis.author
        self.rules = genesis.body.rules
        self.events: list[AuthEvent] = []
        self.by_id: dict[bytes, AuthEvent] = {}
        self.grants: dict[bytes, Grant] = {}
        self.under: dict[bytes, list[AuthEvent]] = {}
        self.leaves: dict[bytes, list[AuthEvent]] = {}  # by author
        self.undos: dict[bytes, list[AuthEvent]] = {}  # removes by the acts they undo
        self.by_kind: dict[str, list[AuthEvent]] = {}
        # Bitset of the events that can bear on who is a member: all but what writers, readers and
        # delegates do among themselves. A flood of delegations leaves it as it is.
        self.deciding = 0
        self._ranked: list[Grant] = []
        self._is_sorted = True
        self.add(genesis)

    @classmethod
    def of(cls, events: Iterable[AuthEvent]) -> Ledger:
        """Return the ledger of ``events``, which begin with the genesis and ascend by index."""
        rest = iter(events)
        ledger = cls(next(rest))
        for event in rest:
            ledger.add(event)
        return ledger

    def add(self, event: AuthEvent) -> None:
        """File ``event``, the next by index."""
        assert event.index == len(self.events), "numbers are dense"
        self.events.append(event)
        self.by_id[event.id] = event
        if event.fault is not None:
            return
        if event.kind != "genesis":
            self.under.setdefault(event.auth, []).append(event)
        parent = self.grants.get(event.auth)
        grant = grant_of(event, parent if event.kind != "genesis" else None)
        # A second genesis envelope is a fork of the founder's chain, not another grant.
        if grant is not None and grant.key not in self.grants:
            self.grants[grant.key] = grant
            self._ranked.append(grant)
            self._is_sorted = False
        self.by_kind.setdefault(event.kind, []).append(event)
        self._file(event)
        if event.kind in ("genesis", "join", "leave") or (parent and parent.rank[0] < OTHERS):
            self.deciding |= 1 << event.index

    def _file(self, event: AuthEvent) -> None:
        """File a leave under who leaves, a removal under what it undoes."""
        match event.body:
            case bodies.Remove(undo=undo):
                for act in undo:
                    self.undos.setdefault(act, []).append(event)
            case bodies.Leave():
                self.leaves.setdefault(event.author, []).append(event)

    def ranked(self, within: int | None) -> Iterator[Grant]:
        """Yield the grants and invites, those in the bitset ``within`` alone, senior first."""
        if not self._is_sorted:
            self._ranked.sort(key=_BY_RANK)
            self._is_sorted = True
        for grant in self._ranked:
            if within is None or grant.is_in(within):
                yield grant

    def rank(self, event: AuthEvent) -> Rank:
        """Return the rank of an act: that of the grant it cites."""
        return self.grants[event.auth].rank

    def is_below(self, grant: Grant, key: bytes) -> bool:
        """Say whether ``grant`` was made under ``key``, a grant of class 2, directly or by steps.

        Above a grant of class 2 stand at most as many others of it as delegations may be deep.
        """
        parent = None if grant.parent is None else self.grants[grant.parent]
        while parent is not None and parent.rank[0] == OTHERS and parent.key != key:
            parent = None if parent.parent is None else self.grants[parent.parent]
        return parent is not None and parent.key == key

    def greatest(self, kind: str, seen: int) -> int:
        """Return the greatest number of the faultless ``kind`` events in the bitset ``seen``.

        At least what the genesis says: 0 for ``hub.pin``, its rules for ``space.rules``.
        """
        greatest = self.rules if kind == "space.rules" else 0
        for event in self.by_kind.get(kind, ()):
            if seen >> event.index & 1:
                greatest = max(greatest, number_of(event))
        return greatest


def number_of(event: AuthEvent) -> int:
    """Return the number that a ``hub.pin`` or ``space.rules`` carries."""
    match event.body:
        case bodies.HubPin(no=number) | bodies.SpaceRules(rules=number):
            return number
        case _:
            raise AssertionError("only pins and raises are numbered")

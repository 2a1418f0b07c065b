"""Views: authority as an event saw it, the same rules applied to its ancestry alone.

Two questions look back: was the subject of a delegation a member when it was made (S4), and who
were the readers when an epoch was created (E4). Both are asked of an ancestry, so their answers are
fixed for ever, and both are answered by the one pass, over fewer events.

Law: an answer is kept by the bitset it was computed for, and only while no invite in it is
over-used: then R6 asks for content, and two events that saw the same authority events may have seen
different content.

Specification: docs/spec/authority.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from envoy import limits
from envoy.core.capability import AuthEvent, ContentEvent, Grant
from envoy.state.authority import Facts, Judgement, Sight
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge


class Views:
    """The ancestry of every event of one space; answers ``core.capability.Ancestry``."""

    def __init__(self, ledger: Ledger, facts: Facts) -> None:
        """Look into ``ledger``, which may grow."""
        self.ledger, self.facts = ledger, facts
        self.space, self.founder = ledger.space, ledger.founder
        self.sound: dict[bytes, bool] = {}  # what ``state.epochs`` found about epochs, for ever
        self._kept: dict[int, Judgement] = {}

    def grant(self, key: bytes) -> Grant | None:
        """Return the grant or invite that acts cite as ``key``; None if its event broke a rule."""
        return self.ledger.grants.get(key)

    def greatest(self, kind: str, seen: int) -> int:
        """Return the greatest number of the faultless ``kind`` events in ``seen``."""
        return self.ledger.greatest(kind, seen)

    def creates(self, event: AuthEvent) -> bool:
        """Say whether an ``epoch.create`` made the epoch it is sealed under."""
        return self.facts.creates(event)

    def is_member(self, did: bytes, event: AuthEvent) -> bool:
        """Say whether ``did`` has a live role grant in the ancestry of ``event``.

        Delegations and what is done under them have no say in that, so a flood of them is judged
        by one pass and not by one each.
        """
        seen = event.seen & self.ledger.deciding
        return self._judged(seen, self._past(event)).role_of(did) is not None

    def of(self, event: AuthEvent) -> Judgement:
        """Return the judgement on the ancestry of ``event``."""
        return self._judged(event.seen, self._past(event))

    def citable(self, latest: int) -> Judgement:
        """Return the judgement on what an event written now may cite: nothing after ``latest``.

        The ``ts`` of an event is not before those of its parents, so this is an ancestry.
        """
        seen = 0
        for event in self.ledger.events:
            if event.ts <= latest:
                seen |= 1 << event.index
        return self._judged(seen, _Narrow(self.facts, lambda one: one.ts <= latest))

    def _past(self, event: AuthEvent) -> Sight:
        """Return the sight of the ancestry of ``event``."""
        return _Narrow(self.facts, lambda one: self.facts.saw(event, one))

    def _judged(self, seen: int, sight: Sight) -> Judgement:
        """Return the judgement on the events in ``seen``, from a few kept ones if it is there."""
        found = self._kept.get(seen)
        if found is None:
            found = judge(self.ledger, sight, within=seen)
            if not found.contested:
                self._kept[seen] = found
            if len(self._kept) > limits.VIEWS_KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return found


class _Narrow:
    """The sight of a part of the log: of its witnesses only those that it ``keeps``."""

    def __init__(self, sight: Sight, keeps: Callable[[ContentEvent], bool]) -> None:
        self.sight, self.keeps = sight, keeps

    def saw(self, later: AuthEvent, event: ContentEvent) -> bool:
        """Say whether ``event`` is in the ancestry of ``later``."""
        return self.sight.saw(later, event)

    def witnesses(self, grants: Iterable[bytes], joins: int) -> Iterable[ContentEvent]:
        """Return the witnesses in that part."""
        return filter(self.keeps, self.sight.witnesses(grants, joins))

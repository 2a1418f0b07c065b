"""Pass: the R rules over all AUTH events, grant by grant in ascending rank.

Each step settles the acts under one grant. It looks only at acts under grants of smaller rank, all
settled, so one pass is enough, and nobody can make it circular: whoever wants to outrank an act
needs a more senior signer. Kill lists come from the ledger's files; bitsets settle nearly every act
in two tests, and only what falls is searched for its cause.

Law: a step reads verdicts of smaller rank and those of its own acts, nothing else. The one question
beyond the AUTH events is R6's: which content of owners and admins saw the joins of an over-used
invite.

Specification: docs/spec/authority.md, R rules. Test vectors: tests/vectors/authority.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from envoy import limits
from envoy.core import bodies
from envoy.core.capability import OTHERS, AuthEvent, ContentEvent, Grant
from envoy.state.authority import (
    AFTER,
    BESIDE,
    OK,
    OVER_COUNT,
    OVER_USED,
    UNDER_LOST,
    UNDONE,
    Judgement,
    Kill,
    Place,
    Sight,
    Status,
    Verdict,
    place,
)
from envoy.state.authority_ledger import Ledger, number_of

_PLACE_OF_KILL: Final = attrgetter("event.lam", "event.id")
_ENDS: Final = frozenset((bodies.Revoke, bodies.Remove, bodies.Role))
# Place, index, the caps that it leaves its subject, and the act.
Ending = tuple[int, bytes, int, int, Kill]
_LAST: Final[Place] = (limits.INT_MAX + 1, b"")  # behind every event


def judge(ledger: Ledger, sight: Sight, *, within: int | None = None) -> Judgement:
    """Return the verdicts on all AUTH events of ``ledger``, or on those ``within`` a bitset.

    ``within`` is closed under ancestry; ``sight`` then answers for that ancestry alone. Pure; takes
    some 15 times as long as sorting the acts by rank. Source: docs/spec/authority.md, R rules.
    """
    run = _Pass(ledger, sight, within)
    for grant in ledger.ranked(within):
        run.step(grant)
    return run.result()


def preview(judgement: Judgement, sight: Sight, draft: AuthEvent) -> Judgement:
    """Return the judgement as it would be with ``draft``, which has the next index.

    What an author is told before signing: whether the act counts and what it ends.
    """
    return judge(Ledger.of([*judgement.ledger.events, draft]), sight)


def undoing(ledger: Ledger, act: AuthEvent, grant: Grant) -> list[AuthEvent]:
    """Return, ascending by (lam, id), the removes that may undo ``act``, done under ``grant``."""
    return sorted(
        (
            one
            for one in ledger.undos.get(act.id, ())
            if isinstance(one.body, bodies.Remove)
            and one.body.subject == act.author
            and ledger.rank(one) < grant.rank
        ),
        key=place,
    )


class _Pass:
    """One pass by rank. ``step`` settles the acts under one grant; all above are settled."""

    def __init__(self, ledger: Ledger, sight: Sight, within: int | None) -> None:
        self.ledger, self.sight, self.within = ledger, sight, within
        self.verdicts: dict[bytes, Verdict] = {}
        self.kills: dict[bytes, tuple[Kill, ...]] = {}
        # The ok revocations so far, leaves apart, by the grant or the subject that they aim at: a
        # later step need not ask for their rank or verdict. By subject, those in ``_loose`` are
        # not in order yet.
        self._revokes: dict[bytes, list[Kill]] = {}
        self._against: dict[bytes, list[Ending]] = {}
        self._loose: set[bytes] = set()
        self.live: list[Grant] = []
        self.best: dict[bytes, Grant] = {}
        self.uses: dict[bytes, int] = {}
        self.contested: list[bytes] = []
        self.weak: set[bytes] = set()  # leaves that some other act would have ended
        for event in ledger.events:
            if event.fault is not None and self.holds(event):
                self.verdicts[event.id] = Verdict(Status.INVALID, event.fault)
        for event in ledger.by_kind["genesis"]:  # twins are one grant: either stands for it
            self.verdicts[event.id] = OK

    def holds(self, event: AuthEvent) -> bool:
        """Say whether ``event`` belongs to the set that is judged."""
        return self.within is None or self.within >> event.index & 1 == 1

    def is_ok(self, event: bytes) -> bool:
        """Say whether an event is known to count."""
        return self.verdicts.get(event) is OK

    def step(self, grant: Grant) -> None:
        """Judge the acts under ``grant``."""
        acts = self.ledger.under.get(grant.key, [])
        if self.within is not None:
            acts = [event for event in acts if self.holds(event)]
        is_lost = not self.is_ok(grant.act.id)
        if is_lost:
            self.weak |= {event.id for event in acts if event.kind == "leave"}
        kills = self._kills(grant, acts)
        if kills:
            self.kills[grant.key] = kills
        if is_lost:
            self._lose(grant, acts, kills)
            return
        if kills:
            self._cross(acts, kills)
        else:
            self._live(grant)
            for event in acts:
                self.verdicts[event.id] = OK
        if self.ledger.undos:
            self._undo(grant, acts)
        if grant.subject is None:
            self._settle(grant, acts)
        elif grant.rank[0] == OTHERS and len(acts) > limits.AUTH_EVENTS_PER_GRANT_MAX:
            self._count(acts)
        if acts:
            self._file(acts)

    def _file(self, acts: Iterable[AuthEvent]) -> None:
        """Keep what of ``acts``, which are judged, may end the grants of later steps."""
        verdicts, grants = self.verdicts, self.ledger.grants
        for event in acts:
            body = event.body
            if type(body) not in _ENDS or verdicts[event.id] is not OK:
                continue
            kill = Kill(event, weak=False)
            if isinstance(body, bodies.Revoke):
                self._revokes.setdefault(body.target, []).append(kill)
            elif isinstance(body, bodies.Remove | bodies.Role):
                # The caps of a role are those of the lesser ones and more; no grant has less than 1
                spared = grants[event.id].caps if isinstance(body, bodies.Role) else 0
                ending = event.lam, event.id, event.index, spared, kill
                self._against.setdefault(body.subject, []).append(ending)
                self._loose.add(body.subject)

    def _live(self, grant: Grant) -> None:
        """Record that ``grant`` is live."""
        self.live.append(grant)
        subject = grant.subject
        if grant.role is None or subject is None:
            return
        known = self.best.get(subject)
        if known is None or grant.caps > known.caps:
            self.best[subject] = grant

    def _lose(self, grant: Grant, acts: Iterable[AuthEvent], kills: tuple[Kill, ...]) -> None:
        """R1: what is done under a grant that is not ok is void. A leave counts always: R3 (c).

        What saw the end of that grant is no better off by its loss: invalid comes first.
        """
        void = Verdict(Status.VOID, UNDER_LOST, grant.act.id)
        for event in acts:
            crossed = _crossed(event, kills)
            if event.kind == "leave":
                self.verdicts[event.id] = OK
            else:
                self.verdicts[event.id] = crossed if crossed.status is Status.INVALID else void

    # -- R2 ----------------------------------------------------------------------------------

    def _kills(self, grant: Grant, acts: Iterable[AuthEvent]) -> tuple[Kill, ...]:
        """Return Kill(grant), ascending by (lam, id)."""
        subject = grant.subject
        found = [] if subject is None else self._aimed(grant, subject)
        aimed = len(found)  # so many are in order
        found += self._revoking(grant)
        if not grant.is_role and grant.parent is not None:
            known = {kill.event.id for kill in found}
            above = self.kills.get(grant.parent, ())
            found += [kill for kill in above if kill.event.id not in known]
        if acts:
            self._weaken(acts, found)
        if subject in self.ledger.leaves:
            # A leave that came with the grant above, too, is no weaker aimed at this junior one.
            leaves = self._leaves(grant, subject)
            known = {kill.event.id for kill in leaves}
            found = [*leaves, *[kill for kill in found if kill.event.id not in known]]
        if len(found) > aimed:
            found.sort(key=_PLACE_OF_KILL)
        return tuple(found)

    def _aimed(self, grant: Grant, subject: bytes) -> list[Kill]:
        """Return the removals and roles of ``subject`` that end ``grant``, by (lam, id)."""
        against = self._against.get(subject)
        if against is None:
            return []
        if subject in self._loose:
            against.sort()
            self._loose.remove(subject)
        # What was accepted later was not seen; a look into a long bitset costs, so it comes last.
        seen, at, caps = grant.act.seen, grant.act.index, grant.caps if grant.is_role else 1
        return [
            kill
            for _, _, index, spared, kill in against
            if spared < caps and (index > at or not seen >> index & 1)
        ]

    def _revoking(self, grant: Grant) -> list[Kill]:
        """Return the revokes of ``grant``; those of class 2 end only what is below them."""
        ledger, revokes = self.ledger, self._revokes.get(grant.key, ())
        return [
            kill
            for kill in revokes
            if ledger.rank(kill.event)[0] < OTHERS or ledger.is_below(grant, kill.event.auth)
        ]

    def _leaves(self, grant: Grant, subject: bytes) -> list[Kill]:
        """Return the leaves of ``subject`` that end ``grant``, whatever its rank."""
        seen = grant.act.seen
        return [
            Kill(event, weak=event.id in self.weak or grant.rank < self.ledger.rank(event))
            for event in self.ledger.leaves.get(subject, ())
            if _unseen(event, seen) and self.holds(event)
        ]

    def _weaken(self, acts: Iterable[AuthEvent], kills: Iterable[Kill]) -> None:
        """R3 (c): mark the leaves among ``acts`` that an act of somebody else would have ended."""
        for event in acts:
            if event.kind == "leave":
                others = [one for one in kills if not _is_own_leave(one, event.author)]
                if _crossed(event, others) is not OK:
                    self.weak.add(event.id)

    # -- R3, R4 ------------------------------------------------------------------------------

    def _cross(self, acts: Sequence[AuthEvent], kills: tuple[Kill, ...]) -> None:
        """R3: what all of ``kills`` had seen stands, the rest is void or invalid."""
        if not acts:
            return
        after, stays = 0, -1
        for kill in kills:
            after |= 1 << kill.event.index
            if not kill.weak:
                stays &= kill.event.seen
        for event in acts:
            # Two tests settle nearly all; the search is for the cause.
            stands = stays >> event.index & 1 and not event.seen & after
            if stands or event.kind == "leave":
                self.verdicts[event.id] = OK
            else:
                self.verdicts[event.id] = _crossed(event, kills)

    def _undo(self, grant: Grant, acts: Iterable[AuthEvent]) -> None:
        """R4: void the acts that an ok remove of their author, by a senior, names."""
        for event in acts:
            if event.id in self.ledger.undos and self.is_ok(event.id) and event.kind != "leave":
                found = undoing(self.ledger, event, grant)
                by = [one.id for one in found if self.is_ok(one.id)]
                if by:
                    self.verdicts[event.id] = Verdict(Status.VOID, UNDONE, by[0])

    def _count(self, acts: Iterable[AuthEvent]) -> None:
        """R4: of the acts of a writer under one grant the first 256 stand."""
        counted = [one for one in acts if self.is_ok(one.id) and one.kind != "leave"]
        for event in sorted(counted, key=place)[limits.AUTH_EVENTS_PER_GRANT_MAX :]:
            self.verdicts[event.id] = Verdict(Status.VOID, OVER_COUNT)

    # -- R6 ----------------------------------------------------------------------------------

    def _settle(self, invite: Grant, acts: Iterable[AuthEvent]) -> None:
        """R6: of the joins that stand so far the first ``uses_max`` do."""
        joins = [event for event in acts if self.is_ok(event.id)]
        if len(joins) > invite.uses_max:
            self.contested.append(invite.key)
            first = self._first_seen(joins)
            joins.sort(key=lambda join: (first.get(join.index, _LAST), place(join)))
            for event in joins[invite.uses_max :]:
                self.verdicts[event.id] = Verdict(Status.VOID, OVER_USED, invite.act.id)
        self.uses[invite.key] = min(len(joins), invite.uses_max)

    def _first_seen(self, joins: Iterable[AuthEvent]) -> dict[int, Place]:
        """Return by index of a join the least place of an owner's or admin's act that saw it."""
        wanted = 0
        for join in joins:
            wanted |= 1 << join.index
        grants = [one.key for one in self.ledger.ranked(self.within) if one.rank[0] < OTHERS]
        # A leave counts always, so one who was removed could backdate it: it is no witness.
        seen = [
            (place(event), event.seen)
            for key in grants
            for event in self.ledger.under.get(key, ())
            if event.seen & wanted and self.is_ok(event.id) and event.kind != "leave"
        ]
        seen += [
            (place(event), event.seen)
            for event in self.sight.witnesses(grants, wanted)
            if event.fault is None and self._stands(event)
        ]
        found: dict[int, Place] = {}
        for where, bits in sorted(seen):
            new = bits & wanted
            wanted &= ~new
            while new:
                index = new.bit_length() - 1
                found[index] = where
                new ^= 1 << index
        return found

    def _stands(self, event: ContentEvent) -> bool:
        """Say whether content under a senior grant stands by R1 to R3 without (a) and (b)."""
        grant = self.ledger.grants[event.auth]
        if not self.is_ok(grant.act.id):
            return False
        return all(
            not event.seen >> kill.event.index & 1
            and (kill.weak or self.sight.saw(kill.event, event))
            for kill in self.kills.get(grant.key, ())
        )

    # -- result ------------------------------------------------------------------------------

    def _standing(self, kind: str) -> list[AuthEvent]:
        """Return the ok events of ``kind``, ascending by (lam, id)."""
        return sorted(
            (one for one in self.ledger.by_kind.get(kind, ()) if self.is_ok(one.id)), key=place
        )

    def result(self) -> Judgement:
        """Return what the pass found."""
        admits: dict[bytes, list[AuthEvent]] = {}
        for event in self._standing("admit"):
            assert isinstance(event.body, bodies.Admit), "the kind says so"
            for one in event.body.ids:
                admits.setdefault(one, []).append(event)
        pins = self._standing("hub.pin")
        raises = [number_of(event) for event in self._standing("space.rules")]
        return Judgement(
            ledger=self.ledger,
            verdicts=self.verdicts,
            kills=self.kills,
            live=tuple(self.live),
            best=self.best,
            uses=self.uses,
            contested=tuple(sorted(self.contested)),
            closes=tuple(self._standing("close")),
            admits={key: tuple(found) for key, found in admits.items()},
            pin=min(pins, key=self._pin_order) if pins else None,
            rules=max([self.ledger.rules, *raises]),
        )

    def _pin_order(self, pin: AuthEvent) -> tuple[int, object, Place]:
        """Return what decides between pins: the greatest number, the most senior signer."""
        return -number_of(pin), self.ledger.rank(pin), place(pin)


def _unseen(event: AuthEvent, seen: int) -> bool:
    """Say whether ``event`` is not in ``seen``."""
    return not seen >> event.index & 1


def _is_own_leave(kill: Kill, author: bytes) -> bool:
    """Say whether ``kill`` is a leave of ``author``."""
    return kill.event.kind == "leave" and kill.event.author == author


def _crossed(event: AuthEvent, kills: Iterable[Kill]) -> Verdict:
    """Return what ``kills`` make of an AUTH act under the grant they end."""
    beside = OK
    for kill in kills:
        if event.seen >> kill.event.index & 1:
            return Verdict(Status.INVALID, AFTER, kill.event.id)
        if beside is OK and not kill.weak and _unseen(event, kill.event.seen):
            beside = Verdict(Status.VOID, BESIDE, kill.event.id)
    return beside

"""Authority: what a judgement says about the acts of a space, and what it may ask the log.

An admin who is removed can always claim not to have known: it cites old events and so is concurrent
with its removal. So the rule for what is concurrent is the real distribution of power, and it is
strict: a revocation ends what its signer outranks, seen or not; what the revoker had seen stays;
what it had not seen is void, what saw it is invalid. ``authority_pass`` makes the judgement on all
AUTH events in one pass by rank, ``authority_content`` the verdict on content, ``authority_views``
looks back at ancestries; here are the words that they share.

Laws: a judgement is a pure function of the set of events. No arrival order, clock, receipt or name
is asked. The genesis grant is the target of nothing, so a space always has an owner. Nothing here
raises for what a member did.

Specification: docs/spec/authority.md. Test vectors: tests/vectors/authority.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from envoy.core.capability import AuthEvent, ContentEvent, Grant
from envoy.core.structs import State
from envoy.lean import Protocol
from envoy.state.authority_ledger import Ledger


class Status(StrEnum):
    """What an event counts for. Part of the wire contract: add, never rename."""

    OK = "ok"
    ADMITTED = "ok*"
    HELD = "held"
    VOID = "void"
    INVALID = "invalid"


# The R rules as causes: stable, shown by `why`, with the id of the event behind them.
UNDER_LOST: Final = "R1 lost grant"  # by: the grant's own event
AFTER: Final = "R3 after"  # by: the revocation it saw
BESIDE: Final = "R3 beside"  # by: the revocation it is concurrent with
UNDONE: Final = "R4 undone"  # by: the remove
OVER_COUNT: Final = "R4 over count"
ADMITTED: Final = "R5 admitted"  # by: the admit
OVER_USED: Final = "R6 over-used"  # by: the invite
CLOSED: Final = "R7 closed"  # by: the close

Place = tuple[int, bytes]  # (lam, id)


class Verdict(State, frozen=True, gc=False):
    """Status, rule and the event behind it.

    ``beside_close``: content concurrent with the end of the space, shown as such. ``admitted``: of
    ``ok*`` content the (lam, id) at which it counts, that of the admit.
    """

    status: Status
    cause: str | None = None
    by: bytes | None = None
    beside_close: bool = False
    admitted: Place | None = None


OK: Final = Verdict(Status.OK)


class Kill(State, frozen=True, gc=False):
    """An act that ends a grant. A ``weak`` one leaves alone what is concurrent with it: R3 (c)."""

    event: AuthEvent
    weak: bool


class Sight(Protocol):
    """Which content was seen by what. Nothing is asked for ordinary histories."""

    def saw(self, later: AuthEvent, event: ContentEvent) -> bool:
        """Say whether ``event`` is in the ancestry of ``later``.

        Asked for revocations, closes and admits; for delegations and epochs only while an invite
        is over-used or a writer rotates for its own new keys, and then ``later`` may be the very
        event that is being accepted. A forked chain is judged by the branch: on it ``seq`` alone
        says nothing.
        """

    def witnesses(self, grants: Iterable[bytes], joins: int) -> Iterable[ContentEvent]:
        """Return the content under ``grants`` that saw one of ``joins`` (a bitset over ``seen``).

        Asked only while an invite is over-used.
        """


class Facts(Sight, Protocol):
    """What the log knows and authority asks."""

    def keys_of(self, create: AuthEvent) -> Sequence[ContentEvent]:
        """Return the ``member.keys`` events of its author in the ancestry of ``create``.

        Ascending by (lam, id). Asked for epochs that writers create.
        """

    def creates(self, event: AuthEvent) -> bool:
        """Say whether an ``epoch.create`` made the epoch it is sealed under (``core.epoch``)."""


class Judgement(State, frozen=True):
    """The verdicts on a set of AUTH events, and what follows from them.

    ``verdicts`` by event id; ``kills`` by the key of the grant they end, ascending by (lam, id),
    only where there are any; ``live`` grants senior first, ``best`` the best live role grant by
    did; ``uses`` the joins that stand by invite; ``contested``, ascending, are the invites with
    more joins than uses: while there are any, new content of admins may change the judgement.
    """

    ledger: Ledger
    verdicts: Mapping[bytes, Verdict]
    kills: Mapping[bytes, tuple[Kill, ...]]
    live: tuple[Grant, ...]
    best: Mapping[bytes, Grant]
    uses: Mapping[bytes, int]
    contested: tuple[bytes, ...]
    closes: tuple[AuthEvent, ...]
    admits: Mapping[bytes, tuple[AuthEvent, ...]]  # by what they name, ascending by (lam, id)
    pin: AuthEvent | None  # the hub that counts; None: that of the genesis
    rules: int

    def is_ok(self, event: bytes) -> bool:
        """Say whether an AUTH event is in the set and counts."""
        found = self.verdicts.get(event)
        return found is not None and found.status is Status.OK

    def is_live(self, key: bytes) -> bool:
        """Say whether the grant or invite ``key`` counts and nothing ends it."""
        grant = self.ledger.grants.get(key)
        return grant is not None and self.is_ok(grant.act.id) and key not in self.kills

    def role_of(self, did: bytes) -> str | None:
        """Return the role of ``did``: that of its best live role grant."""
        grant = self.best.get(did)
        return None if grant is None else grant.role

    def members(self) -> list[bytes]:
        """Return, ascending, the dids that have a role."""
        return sorted(self.best)

    def readers(self) -> list[bytes]:
        """Return, ascending, the dids that are given the epochs."""
        return sorted({one.subject for one in self.live if one.reads and one.subject is not None})

    def open_invites(self) -> list[bytes]:
        """Return, ascending, the live open invites with uses left: their codes open epochs."""
        return sorted(
            one.key
            for one in self.live
            if one.ipk is not None and self.uses.get(one.key, 0) < one.uses_max
        )

    def acting(
        self, did: bytes, cap: int, task: bytes | None = None, *, latest: int | None = None
    ) -> Grant | None:
        """Return the most senior live grant by which ``did`` has ``cap``, None if it has none.

        A grant for one task counts for ``task`` alone. ``latest``: one dated after it, which no
        event may name yet, is passed over.
        """
        for one in self.live:
            late = latest is not None and one.kind != "genesis" and one.act.ts > latest
            if one.subject == did and one.caps & cap and one.task in (None, task) and not late:
                return one
        return None

    def ended_by(self, event: bytes) -> list[bytes]:
        """Return, ascending, the ok grants that a revocation ends: none means, without effect."""
        return sorted(
            key
            for key, kills in self.kills.items()
            if event in [one.event.id for one in kills]
            and self.is_ok(self.ledger.grants[key].act.id)
        )


def place(event: AuthEvent | ContentEvent) -> Place:
    """Return where an event stands in the order of the space."""
    return event.lam, event.id

"""Doubles: what is there twice and may be there once: two events in one place, a join too many.

Neither is an act on an entity that met another. A fork is a fact about a chain, an over-used invite
one about the joins by it; authority has judged them already (``authority_pass``, rule R6), and
nothing is judged here. They become conflicts so that whoever they concern is told, sees both sides,
and can say that it is settled.

Laws: pure, functions of the set of events. A fork invalidates nothing, so its winner is only the
side that is named first.

Specification: docs/spec/conflicts.md, Doubles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.state.authority import OVER_USED, Judgement, place
from envoy.state.registers import Conflict

FORK: Final = "fork"
OVERUSED: Final = "invite_overused"
KINDS: Final = (FORK, OVERUSED)
_MOST: Final = limits.INVITE_USES_MAX  # whoever has a code can write joins without end
BOTH: Final = "both"
USES: Final = "uses"


def forks(author: bytes, pairs: Sequence[tuple[bytes, bytes]]) -> tuple[Conflict, ...]:
    """Return the conflicts of the forked chains of ``author``.

    ``pairs``: of each the two least ids in its least place that has several. Nothing that comes
    decides anew between them.
    """
    return tuple(
        Conflict(entity=author, kind=FORK, winner=low, loser=high, rule=BOTH, is_open=True)
        for low, high in (sorted(pair) for pair in pairs)
    )


def overused(invite: bytes, judgement: Judgement) -> tuple[Conflict, ...]:
    """Return a conflict for each join that was one too many of ``invite``.

    The other side is the last of the joins that stand. It is open until who lost has a role.
    """
    joins = sorted(judgement.ledger.under[invite], key=place)
    standing = [one for one in joins if judgement.is_ok(one.id)]
    over = [one for one in joins if judgement.verdicts[one.id].cause == OVER_USED]
    return tuple(
        Conflict(
            entity=invite,
            kind=OVERUSED,
            winner=standing[-1].id,  # there is one: an invite lets somebody in
            loser=one.id,
            rule=USES,
            is_open=judgement.role_of(one.author) is None,
        )
        for one in over[:_MOST]
    )

"""Actions of the desk: an admin lets held content count.

What was held was written beside the end of a grant, in good faith or not: people decide. An admit
names events, or a revocation for all that it alone holds. It says beforehand what it would release,
by doing it and taking it back: no second way to compute it could be trusted as much.

Specification: docs/spec/authority.md, R5, Explaining verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.core.bodies import Admit
from envoy.core.log import Entry
from envoy.errors import ConflictError, NotFoundError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.actions import names
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.replica import Author, Call, Replica

REVOKING: Final = ("remove", "role", "revoke", "leave")
COUNTING: Final = ("ok", "ok*")
_HELD: Final = "held"


class Released(NamedTuple):
    """What an admit let count, or would: the admit, None if it was not written, and the events."""

    admit: bytes | None
    n: int | None
    released: tuple[Entry, ...]
    changed: bool
    replayed: bool
    delivery: str


class _TakenBack(Exception):
    """Ends a transaction that was only to show what it would do."""

    def __init__(self, released: tuple[Entry, ...]) -> None:
        self.released = released


def named(replica: Replica, texts: Sequence[str]) -> tuple[bytes, ...]:
    """Return the ids of the events to be admitted, each once.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument),
    ConflictError(limit_exceeded).
    """
    look(replica)
    found = tuple(dict.fromkeys([names.event(replica, text) for text in texts]))
    if len(found) > limits.UNDO_MAX:
        raise ConflictError("limit_exceeded", events=len(found), max=limits.UNDO_MAX)
    return found


def admit(
    replica: Replica,
    events: Sequence[bytes],
    *,
    reason: str,
    dry_run: bool = False,
    key: str | None = None,
) -> Released:
    """Let held ``events`` count, or all that the revocations among them hold.

    Where nothing is released nothing is written. Raises NotFoundError(not_found), ConflictError
    (event_not_ok for what is void or invalid, clock_ahead, idempotency_mismatch), AuthorityError.
    """
    ids = tuple(dict.fromkeys(events))

    def work(author: Author) -> list[Entry]:
        for ident in ids:
            _check(author, ident)
        said = author.say(Admit(ids, reason))
        found = _released(author, said)
        if not found:
            author.batch.check_cited(*ids)
        if dry_run or not found:
            raise _TakenBack(found)
        return [said]

    try:
        written = replica.compose(work, call=Call(key, ("admit", list(ids), reason)))
    except _TakenBack as shown:
        return Released(None, None, shown.released, changed=False, replayed=False, delivery="")
    delivery = deliver(replica)
    assert written.event is not None, "an admit that changes something is written"
    released = tuple(
        one
        for one in replica.profile.events.contents(replica.sn)
        if one.status == "ok*" and one.cause_by == written.event
    )
    return Released(
        written.event,
        written.n,
        released,
        changed=True,
        replayed=written.replayed,
        delivery=delivery,
    )


def _check(author: Author, ident: bytes) -> None:
    """Refuse what no admit can name: it is not here, or nothing lets it count."""
    entry = author.batch.events.entry(author.batch.sn, ident)
    if entry is None:
        raise NotFoundError("not_found", kind="event", event_id=ident)
    if entry.status not in (*COUNTING, _HELD):
        raise ConflictError(
            "event_not_ok",
            event_id=ident,
            status=entry.status,
            cause=entry.cause,
            next_command=f"envoy why {to_text('evt', ident)}",
        )


def _released(author: Author, said: Entry) -> tuple[Entry, ...]:
    """Return what is held now and would count with the admit that was just said."""
    batch = author.batch
    found = list[Entry]()
    for entry in list(batch.events.contents(batch.sn)):
        if entry.status == _HELD:
            verdict = batch.court.verdict(entry)
            if verdict.by == said.id:
                found.append(entry)
    return tuple(found)

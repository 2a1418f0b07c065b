"""Recall: what an act of authority was answered, kept beside its idempotency key.

Who asks again after a crash must be told what the first act ended, freed and held. By then the
space has gone on, so none of that can be measured a second time: it is kept in the transaction of
the act, and goes after the days that any answer under a key is kept.

Law: what is recalled is what was answered, except that nobody says again how far it was sent.

Specification: docs/spec/cli.md, Retries.
"""

from __future__ import annotations

from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RemoteFault
from envoy.replica.replica import Call, Replica, Written
from envoy.views import rows
from envoy.views.reach import Cut, Ended, Reach, Touched


class Kept(Body, frozen=True):
    """A Reach without its event, which the key has, and without what is only of one answer."""

    epoch: bytes | None
    is_new_epoch: bool
    ended: tuple[tuple[bytes, str, int | None], ...]
    freed: tuple[bytes, ...]
    kept: tuple[bytes, ...]
    touched: tuple[tuple[bytes, str, int, str, str | None], ...]
    cut: tuple[int, int | None, int] | None
    acts: tuple[tuple[bytes, str], ...]


def note(found: Reach) -> str:
    """Return ``found`` as it is kept under a key."""
    cut = found.cut
    kept = Kept(
        epoch=found.epoch,
        is_new_epoch=found.is_new_epoch,
        ended=tuple([(one.id, one.kind, one.subject) for one in found.ended]),
        freed=found.freed,
        kept=found.kept,
        touched=tuple(
            [(one.id, one.kind, one.author, one.status, one.cause) for one in found.touched]
        ),
        cut=None if cut is None else (cut.accepted, cut.accepted_ms, cut.uncited),
        acts=tuple([(item.id, item.status) for item in found.acts]),
    )
    return encode(kept).hex()


def reach(replica: Replica, written: Written, delivery: str) -> Reach:
    """Return what the act that ``written`` repeats was answered."""
    try:
        kept = decode(bytes.fromhex(written.note), Kept)
    except (RemoteFault, ValueError) as fault:
        raise IntegrityError("state_corrupt", cause="idempotency") from fault
    items = [_item(replica, ident, status) for ident, status in kept.acts]
    return Reach(
        event=written.event,
        epoch=kept.epoch,
        is_new_epoch=kept.is_new_epoch,
        ended=tuple([Ended(*one) for one in kept.ended]),
        freed=kept.freed,
        kept=kept.kept,
        touched=tuple([Touched(*one) for one in kept.touched]),
        cut=None if kept.cut is None else Cut(*kept.cut),
        acts=tuple([item for item in items if item is not None]),
        is_rehearsal=False,
        delivery=delivery,
        replayed=True,
    )


def _item(replica: Replica, ident: bytes, status: str) -> rows.Item | None:
    """Return an act as it stood, None where its line is gone."""
    entry = replica.profile.events.entry(replica.sn, ident)
    item = None if entry is None else replica.profile.rows.item(entry.rid)
    return None if item is None else item._replace(status=status)


def told(replica: Replica, call: Call) -> Written | None:
    """Return what ``call`` repeats, None if it is new. Raises ConflictError(idempotency_mismatch).

    For what looks before it writes; the transaction that writes asks again.
    """
    if call.key is None:
        return None
    with replica.profile.events.transaction(durable=False):
        return replica.replayed(call)

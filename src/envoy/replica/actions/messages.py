"""Actions on what was said: hide a text.

Redaction hides, it does not erase: what was read was read, and frames stay at hubs and peers.

Specification: docs/spec/messages.md, Redaction.
"""

from __future__ import annotations

from envoy.core.bodies import MessageRedact
from envoy.errors import AuthorityError, NotFoundError
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.fields import check_reason
from envoy.replica.batch import Batch
from envoy.replica.replica import Call, Replica, Written
from envoy.state.transitions import RANK_CREATOR
from envoy.views import rows


def redact(
    replica: Replica, message: bytes, *, reason: str = "", key: str | None = None
) -> rows.Redacted:
    """Hide the text of a message of one's own, or as an admin of anybody's.

    Raises NotFoundError(not_found) for what is no message, AuthorityError(capability_missing).
    """
    check_reason(reason)
    look(replica)

    def plan(batch: Batch) -> list[MessageRedact]:
        entry = batch.events.entry(batch.sn, message)
        item = None if entry is None else batch.rows.item(entry.rid)
        if item is None or item.kind not in ("message", "poll"):
            raise NotFoundError("not_found", kind="message")
        if batch.rho(message) < RANK_CREATOR:
            raise AuthorityError("capability_missing", required_verb="admin")
        return [] if item.redacted is not None else [MessageRedact(message, reason)]

    call = Call(key, ("message redact", message, reason))
    written: Written = replica.write(plan, call=call)
    delivery, changed = deliver(replica), bool(written.entries) or written.replayed
    return rows.Redacted(written.event, changed, written.replayed, delivery)

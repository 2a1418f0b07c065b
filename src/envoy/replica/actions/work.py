"""Actions on messages.

Specification: docs/spec/messages.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import Message, Ref
from envoy.core.log import Entry
from envoy.core.records import Poll
from envoy.errors import ConflictError, NotFoundError
from envoy.replica import slots
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.batch import Batch
from envoy.replica.replica import Author, Call, Replica, check_text
from envoy.state.lines import ATTACH
from envoy.views import rows


def send(
    replica: Replica,
    body: str,
    *,
    reply_to: bytes | None = None,
    refs: Sequence[tuple[str | None, bytes]] = (),
    task: bytes | None = None,
    key: str | None = None,
) -> rows.Sent:
    """Say ``body`` in the space and return what was written.

    ``refs`` pair a relation, or None, with an event; ``attach`` with a reference to an object.
    Raises UsageError(message_too_large),
    NotFoundError(not_found) for what is not known here, ConflictError(event_not_ok).
    """
    check_text(body)
    look(replica)
    named = tuple(Ref(rel, ident, None) for rel, ident in refs if rel != ATTACH)
    attach = tuple(ident for rel, ident in refs if rel == ATTACH)

    def work(author: Author) -> list[Entry]:
        for ident in {one for one in (reply_to, task, *(ref.id for ref in named)) if one}:
            usable(author.batch, ident)
        for ident in attach:
            check_object(author.batch, ident)
        lease = None if task is None else slots.renewal(replica, author.batch, task)
        return [author.say(Message(body, reply_to, named, attach, (), task), slot=lease)]

    asked = ("send", body, reply_to, list(refs), task)
    written = replica.compose(work, call=Call(key, asked))
    assert written.event is not None, "a message always writes an event"
    return rows.Sent(written.event, written.n or 0, written.replayed, deliver(replica))


def ask(
    replica: Replica, question: str, options: Sequence[str], *, key: str | None = None
) -> rows.Sent:
    """Put a poll into the space and return what was written; nobody counts its answers."""
    look(replica)
    body = Poll(question, tuple(options))
    call = Call(key, ("poll", question, list(options)))
    written = replica.compose(lambda author: [author.say(body)], call=call)
    assert written.event is not None, "a poll always writes an event"
    return rows.Sent(written.event, written.n or 0, written.replayed, deliver(replica))


def check_object(batch: Batch, ident: bytes) -> None:
    """Refuse to attach what is no reference to an object, or one that was retracted."""
    usable(batch, ident)
    row = batch.rows.object(batch.sn, ident)
    if row is None:
        raise NotFoundError("not_found", kind="object")
    if row.retracted is not None:
        raise ConflictError("event_not_ok", status="retracted")


def usable(batch: Batch, ident: bytes) -> None:
    """Refuse to build on an event that is not known here, or that does not count."""
    entry = batch.events.entry(batch.sn, ident)
    if entry is None:
        raise NotFoundError("not_found", kind="event")
    if entry.status not in ("ok", "ok*"):
        raise ConflictError("event_not_ok", status=entry.status)

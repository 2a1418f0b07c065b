"""Actions on cards: publish one's own, read those of others as their authors signed them.

A card is labels and hints: a name, what somebody can do, how to reach them. It gives and decides
nothing. It is read from the log and not from a projection, so that its signature is checked
whenever it is shown.

Specification: docs/spec/messages.md, Cards; docs/spec/identity.md, Card strings.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy import limits
from envoy.core import cards as strings
from envoy.core.bodies import Card
from envoy.core.envelope import open_envelope, parse
from envoy.core.log import Entry, split
from envoy.errors import IntegrityError, RemoteFault, UsageError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.actions import recall
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.space import VERSION
from envoy.replica.keyring import KeyRing
from envoy.replica.ports import EventStore
from envoy.replica.replica import Call, Profile, Replica, Written
from envoy.state.content import reduce_member
from envoy.state.registers import Op
from envoy.views import rows

PREFIX = strings.PREFIX
Known = strings.Known


class Shown(NamedTuple):
    """A card with what signed it."""

    event: bytes
    did: bytes
    ts: int
    name: str
    type: str
    version: str
    service: str | None
    capabilities: tuple[str, ...]


class Wanted(NamedTuple):
    """What a card is to say; None: what it says now. An empty service is none."""

    name: str | None
    version: str | None
    service: str | None
    capabilities: tuple[str, ...] | None


class Published(NamedTuple):
    """What publishing did in one space; ``changed`` False: that very card stood there."""

    card: Shown
    n: int | None
    changed: bool
    delivery: str
    replayed: bool = False


class Cards:
    """The counting cards of one space. ``events`` is never written to."""

    def __init__(self, events: EventStore, space: rows.Space) -> None:
        self._events = events
        self._space = space
        self._keys = KeyRing(events, space.sn, space.id)

    def of(self, did: bytes) -> Shown | None:
        """Return the card of ``did`` that counts, its signature checked, None if it has none.

        Raises IntegrityError(signature_invalid) if the stored card is not what its author signed.
        """
        entries = self._events.entity(self._space.sn, did)
        ops = [self._op(entry) for entry in entries if entry.author == did and entry.fault is None]
        labels = reduce_member(did, [op for op in ops if op is not None])
        entry = next((one for one in entries if one.id == labels.card), None)
        return None if entry is None else self._shown(entry)

    def of_all(self, dids: Iterable[bytes]) -> list[Shown]:
        """Return the cards of those of ``dids`` that have one, in their order."""
        return [card for card in map(self.of, dids) if card is not None]

    def _op(self, entry: Entry) -> Op | None:
        """Return an act on the labels of a member as the fold takes it."""
        body = self._keys.body(entry)
        if body is None:
            return None
        return Op(
            id=entry.id,
            author=entry.author,
            lam=entry.lam,
            ts=entry.ts,
            kind=entry.kind,
            body=body,
            basis=split(entry.basis),
            rho=1,
            counts=entry.status in ("ok", "ok*"),
            admitted=self._admitted(entry),
        )

    def _admitted(self, entry: Entry) -> tuple[int, bytes] | None:
        """Return the place of the admit by which an act counts."""
        if entry.status != "ok*" or entry.cause_by is None:
            return None
        admit = self._events.entry(self._space.sn, entry.cause_by)
        return None if admit is None else (admit.lam, admit.id)

    def _shown(self, entry: Entry) -> Shown:
        """Return a card after a look at its signature."""
        frame, space = self._events.frame(entry.rid), self._space.id
        try:
            keys = self._keys.find(parse(frame).epoch)
            if keys is None:
                raise RemoteFault("cannot_open")
            event = open_envelope(frame, space, keys.event_key)
        except RemoteFault as fault:
            raise _unsigned(entry) from fault
        body = self._keys.body(entry)
        if event.id != entry.id or event.author != entry.author or not isinstance(body, Card):
            raise _unsigned(entry)
        return shown(entry, body)


def _unsigned(entry: Entry) -> IntegrityError:
    """Return the error for a card that its author did not sign as it is stored."""
    return IntegrityError("signature_invalid", event_id=to_text("evt", entry.id))


def shown(entry: Entry, body: Card) -> Shown:
    """Return the card in an event."""
    return Shown(
        entry.id,
        entry.author,
        entry.ts,
        body.name,
        body.type,
        body.version,
        body.service,
        body.capabilities,
    )


def publish(replica: Replica, wanted: Wanted, *, key: str | None = None) -> Published:
    """Publish a card in the space; what is not wanted otherwise stays as it stands there.

    Raises UsageError(invalid_argument), AuthorityError, ConflictError (space_closed,
    idempotency_mismatch).
    """
    look(replica)
    profile, call = replica.profile, Call(key, ("card publish", *wanted))
    told = recall.told(replica, call)
    if told is not None:
        return _published(replica, told)
    before = Cards(profile.events, replica.space).of(replica.me)
    stands = before or Shown(b"", b"", 0, profile.name, profile.type, VERSION, None, ())
    card = Card(
        name=wanted.name or stands.name,
        type=profile.type,
        version=stands.version if wanted.version is None else wanted.version,
        service=stands.service if wanted.service is None else wanted.service or None,
        capabilities=stands.capabilities if wanted.capabilities is None else wanted.capabilities,
    )
    check(card)
    if before is not None and before[3:] == _labels(card):
        return Published(before, None, changed=False, delivery="")
    return _published(replica, replica.write(lambda _: [card], call=call))


def _published(replica: Replica, written: Written) -> Published:
    """Return the card of a call, of this one or of the one that it repeats."""
    delivery, events = deliver(replica), replica.profile.events
    entry = None if written.event is None else events.entry(replica.sn, written.event)
    assert entry is not None, "a card that was written here stays"
    body = KeyRing(events, replica.sn, replica.space.id).body(entry)
    assert isinstance(body, Card), "the key is of this call"
    said = shown(entry, body)
    return Published(said, written.n, True, delivery, replayed=written.replayed)


def own_string(profile: Profile, labels: Shown | None) -> str:
    """Return the card string of a profile: with these ``labels``, else with its name and kind."""
    card = Card(profile.name, profile.type, VERSION, None, ())
    if labels is not None:
        card = Card(*labels[3:])
    return strings.make(profile.identity, card, ts=profile.clock.now_ms())


def read_string(text: str) -> Known:
    """Return what a card string that somebody was given says; white space in it does not count.

    Raises UsageError(invalid_argument) for what is none, UsageError(unsupported_operation) for one
    of a later version, IntegrityError(signature_invalid) for one that nobody signed as it stands.
    """
    try:
        return strings.read("".join(text.split()))
    except RemoteFault as fault:
        if fault.code == "unsupported":
            raise UsageError("unsupported_operation", operation="card string") from fault
        if fault.code in ("bad_key", "bad_signature", "wrong_space"):
            raise IntegrityError("signature_invalid", cause=fault.code) from fault
        raise UsageError("invalid_argument", argument="target", cause=fault.code) from fault


def _labels(card: Card) -> tuple[object, ...]:
    """Return what a card says."""
    return (card.name, card.type, card.version, card.service, card.capabilities)


def check(card: Card) -> None:
    """Refuse a card that no replica would read."""
    most = limits.NAME_BYTES_MAX
    texts = (("name", card.name), ("version", card.version), ("service", card.service or ""))
    for name, text in (*texts, *(("capabilities", one) for one in card.capabilities)):
        if len(text.encode()) > most or "\0" in text:
            raise UsageError("invalid_argument", argument=f"--{name}", bytes_max=most)
    if len(card.capabilities) > limits.LABELS_MAX:
        raise UsageError("invalid_argument", argument="--capabilities", max=limits.LABELS_MAX)

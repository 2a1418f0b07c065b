"""Bundle: the bytes of an audit bundle, written and read part by part.

A bundle shows somebody outside what happened in a space. It is a row of parts, each followed by a
hash over all before it, with a signature at the end: whoever reads knows at the first changed byte
that it was changed, and of an event which one, for its id stands in the file before it. There is no
name, no path, no compression and no length without a bound in it, so there is nothing to unpack.

Laws: one pass, with memory for one group of events. Nothing is decoded that the hashes have not
vouched for, nothing is read before its length was judged. What events mean is not asked here:
``replica.auditing`` holds them to the rules of a replica. No key of a space or an epoch fits in.

Specification: docs/spec/audit.md. Test vectors: tests/vectors/audit.json.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final, TypeVar

from envoy import limits
from envoy.core import codec, epoch
from envoy.core.codec import B16, B32, B64, I63, I64, refuse_unless
from envoy.core.crypto import sign
from envoy.core.envelope import OPENER_BYTES
from envoy.core.event import Event, is_kind
from envoy.core.kinds import AUTH
from envoy.core.receipt import receipt_id
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple

MAGIC: Final = b"ENVOYAUD"
VERSION: Final = 1
HEADER, EPOCH, ORDER, SHOWN, STUB, RECEIPT, SEAL = range(1, 8)
NAMES: Final = {
    HEADER: "header",
    EPOCH: "epoch",
    ORDER: "order",
    SHOWN: "event",
    STUB: "event",
    RECEIPT: "receipt",
    SEAL: "seal",
}
GROUP_EVENTS: Final = limits.BUNDLE_GROUP_EVENTS
_ORDER_BYTES_MAX: Final = 3 + 34 * GROUP_EVENTS
_BYTES_MAX: Final = {
    HEADER: 1024,
    EPOCH: 256,
    ORDER: _ORDER_BYTES_MAX,
    SHOWN: OPENER_BYTES + limits.ENVELOPE_BYTES_MAX,
    STUB: 2048,
    RECEIPT: 1024,
    SEAL: 256,
}
_HEAD_BYTES: Final = 5
_CHECK_BYTES: Final = 32
# What may follow, the part that is missed first where it ends before.
_NEXT: Final = {
    EPOCH: (EPOCH, ORDER),
    SHOWN: (ORDER, RECEIPT, SEAL),
    STUB: (ORDER, RECEIPT, SEAL),
    RECEIPT: (RECEIPT, SEAL),
}
BODIES, OBJECTS = "bodies", "objects"  # what can be withheld by its sort
# These are shown in every bundle: who might do what rests on them, and names and epochs.
ALWAYS: Final = AUTH | {"member.keys", "card", "key.request", "merge", "object.request"}
# What is an object, and what has no text of its own: the sorts that can be withheld.
OBJECT_KINDS: Final = frozenset({"object.put", "object.retract"})
OPEN_KINDS: Final = frozenset(
    {"task.claim", "task.assign", "task.release", "task.gate", "space.policy"}
)
# What takes back, in the space itself, what is then withheld from everybody; by what was taken.
TAKES_BACK: Final = {
    "message": "message.redact",
    "poll": "message.redact",
    "object.put": "object.retract",
}
# The kind of a stub where a replica judges it: one that nobody knows, hence without effect.
WITHHELD: Final = "withheld"

Read = Callable[[int], bytes]  # at most so many bytes, fewer only at the end
T = TypeVar("T", bound=Body)


class Header(Body, frozen=True):
    """Whose bundle it is, of which space, and what was withheld. ``at`` and ``since`` in ms."""

    v: I63
    space: B32
    author: B32
    at: I63
    redact: tuple[str, ...]
    member: B32 | None
    task: B32 | None
    since: I63 | None

    def check(self) -> None:
        """Refuse another version, a name that is no key, and sorts that cannot be withheld."""
        refuse_unless(self.v == VERSION and sign.is_valid_key(self.author))
        refuse_unless(list(self.redact) == sorted({*self.redact} & {BODIES, OBJECTS}))


class EpochLine(Body, frozen=True):
    """What an epoch id was made of: enough to see who created the epoch, no key."""

    id: B32
    tag: B32
    commitment: B32
    wrap: B32


class Stub(Body, frozen=True):
    """The place of an event that is not shown, as the bundle's author states it."""

    kind: str
    author: B32
    chain: B16
    seq: I64
    prev: B32 | None
    deps: tuple[B32, ...]
    lam: I64
    auth: B32
    ts: I64
    basis: tuple[B32, ...]

    def check(self) -> None:
        """Refuse a kind that is no name, and deps that are no ascending set without prev."""
        refuse_unless(is_kind(self.kind) and sign.is_valid_key(self.author))
        refuse_unless(len(self.deps) <= limits.DEPS_MAX and self.prev not in self.deps)
        refuse_unless(list(self.deps) == sorted({*self.deps}))


def is_sorted_out(redact: Container[str], kind: str) -> bool:
    """Say whether events of ``kind`` are withheld by their sort."""
    if kind in OBJECT_KINDS:
        return OBJECTS in redact
    return BODIES in redact and kind not in OPEN_KINDS


def accounts(header: Header, stub: Stub) -> bool:
    """Say whether the words of a header say that an event like ``stub`` is withheld.

    What is not about the task of a bundle cannot be told by a stub.
    """
    return (
        header.task is not None
        or header.member not in (None, stub.author)
        or (header.since is not None and stub.ts < header.since)
        or is_sorted_out(header.redact, stub.kind)
    )


class Seal(Body, frozen=True):
    """The end: how much came before, the fingerprint of the space, the signature over all."""

    events: I63
    stubs: I63
    receipts: I63
    fingerprint: B32
    sig: B64


class Shown(NamedTuple):
    """An event that is shown: its envelope, with the key that opens this one alone."""

    number: int  # from 1
    id: bytes
    opener: bytes
    envelope: bytes


class Withheld(NamedTuple):
    """An event that left a stub."""

    number: int
    id: bytes
    stub: Stub


class Group(NamedTuple):
    """Events that stand together, in the order of the space."""

    events: Sequence[Shown | Withheld]


class Witness(NamedTuple):
    """A receipt frame; ``number`` counts receipts from 1."""

    number: int
    id: bytes
    frame: bytes


Part = Header | EpochLine | Group | Witness | Seal


class BundleFault(Exception):
    """A bundle that does not verify: which part is the first bad one, and why.

    ``part`` is a value of NAMES, or "file"; ``number`` that of the event or receipt, and ``event``
    its id, where one is known; ``missing`` what it names and nobody has seen.
    """

    def __init__(
        self,
        reason: str,
        part: str,
        *,
        number: int | None = None,
        event: bytes | None = None,
        missing: bytes | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.part = part
        self.number = number
        self.event = event
        self.missing = missing


# -- writing -----------------------------------------------------------------------------------


class Writer:
    """Makes the bytes of a bundle, in the order in which its methods are called."""

    def __init__(self, header: Header) -> None:
        self._seed_of = header.author
        self._check = sign.tagged("audit", MAGIC)
        self._events = self._stubs = self._receipts = 0
        self._start = MAGIC + self._part(HEADER, codec.encode(header))

    def start(self, epochs: Sequence[EpochLine]) -> bytes:
        """Return what the file begins with; ``epochs`` ascending by id."""
        return self._start + b"".join(self._part(EPOCH, codec.encode(one)) for one in epochs)

    def group(self, events: Sequence[Shown | Withheld]) -> bytes:
        """Return a group of events: of GROUP_EVENTS, but the last one."""
        assert 0 < len(events) <= GROUP_EVENTS, "a group has a bound"
        order = codec.encode(tuple(one.id for one in events))
        return self._part(ORDER, order) + b"".join(map(self._event, events))

    def _event(self, one: Shown | Withheld) -> bytes:
        self._events += 1
        if isinstance(one, Shown):
            return self._part(SHOWN, one.opener + one.envelope)
        self._stubs += 1
        return self._part(STUB, codec.encode(one.stub))

    def receipt(self, frame: bytes) -> bytes:
        """Return a receipt; they come ascending by id."""
        self._receipts += 1
        return self._part(RECEIPT, frame)

    def seal(self, seed: bytes, fingerprint: bytes) -> bytes:
        """Return the end of the file, signed by the author, whose signing seed is ``seed``."""
        assert sign.public_key(seed) == self._seed_of, "the author of the header signs"
        told = (self._events, self._stubs, self._receipts, fingerprint)
        sig = sign.sign(seed, "audit-seal", self._check + codec.encode(told))
        return self._part(SEAL, codec.encode(Seal(*told, sig)))

    def _part(self, sort: int, payload: bytes) -> bytes:
        assert len(payload) <= _BYTES_MAX[sort], "a part has a bound"
        head = bytes((sort,)) + len(payload).to_bytes(4)
        self._check = sign.tagged("audit", self._check, head, payload)
        return head + payload + self._check


# -- reading -----------------------------------------------------------------------------------


def parts(read: Read) -> Iterator[Part]:
    """Yield the parts of a bundle, events in groups, until the seal, which is verified here.

    Raises BundleFault at the first part that fails, EnvoyError never: files are the caller's.
    """
    return _Reader(read).parts()


def stub_event(one: Withheld, space: bytes) -> Event:
    """Return the event that a stub stands for, as far as it says: no body, of no known kind."""
    stub = one.stub
    return Event(
        id=one.id,
        space=space,
        epoch=bytes(32),
        salt=bytes(24),
        author=stub.author,
        chain=stub.chain,
        seq=stub.seq,
        prev=stub.prev,
        deps=stub.deps,
        lam=stub.lam,
        auth=stub.auth,
        ts=stub.ts,
        kind=WITHHELD,
        basis=stub.basis,
        body=b"",
    )


class _Reader:
    """A bundle while it is read."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._check = self._before = sign.tagged("audit", MAGIC)
        self._last = 0
        self._events = self._stubs = self._receipts = 0
        self._id: bytes | None = None  # of the event that is read

    def parts(self) -> Iterator[Part]:
        """Yield the parts until the seal."""
        if self._read(len(MAGIC)) != MAGIC:
            raise BundleFault("not_a_bundle", "file")
        header = self._header(self._part((HEADER,))[1])
        yield header
        line = self._epoch(self._part((EPOCH,))[1], header.space, b"")
        yield line
        receipt, is_over = b"", False
        while not is_over:
            sort, payload = self._part(_NEXT[self._last])
            if sort == EPOCH:
                line = self._epoch(payload, header.space, line.id)
                yield line
            elif sort == ORDER:
                yield self._group(payload, header)
            elif sort == RECEIPT:
                found = Witness(self._receipts, receipt_id(payload), payload)
                self._refuse_unless(found.id > receipt, "misplaced", RECEIPT)
                receipt = found.id
                yield found
            else:
                yield self._seal(payload, header)
                is_over = True

    def _header(self, payload: bytes) -> Header:
        """Return the header. Raises BundleFault(unsupported) for a newer version."""
        version = codec.peek_first(payload)
        is_newer = isinstance(version, int) and version > VERSION
        self._refuse_unless(not is_newer, "unsupported", HEADER)
        return self._decoded(payload, Header, HEADER)

    def _epoch(self, payload: bytes, space: bytes, before: bytes) -> EpochLine:
        """Return an epoch whose id is made of what stands beside it."""
        line = self._decoded(payload, EpochLine, EPOCH)
        made = epoch.epoch_id(space, tag=line.tag, commitment=line.commitment, wrap=line.wrap)
        self._refuse_unless(made == line.id, "wrong_epoch", EPOCH)
        self._refuse_unless(line.id > before, "misplaced", EPOCH)
        return line

    def _group(self, payload: bytes, header: Header) -> Group:
        """Return the events that an order announces: only the last group may be a short one."""
        order = self._ids(payload)
        is_bounded = 0 < len(order) <= GROUP_EVENTS
        self._refuse_unless(is_bounded and self._events % GROUP_EVENTS == 0, "malformed", ORDER)
        found = list[Shown | Withheld]()
        for self._id in order:
            self._events += 1
            sort, payload = self._part((SHOWN, STUB))
            if sort == SHOWN:
                opener, envelope = payload[:OPENER_BYTES], payload[OPENER_BYTES:]
                self._refuse_unless(len(opener) == OPENER_BYTES, "malformed", SHOWN)
                found.append(Shown(self._events, self._id, opener, envelope))
                continue
            self._stubs += 1
            stub = self._decoded(payload, Stub, STUB)
            self._refuse_unless(stub.kind not in ALWAYS, "hidden_authority", STUB)
            is_meant = stub.kind in TAKES_BACK or accounts(header, stub)
            self._refuse_unless(is_meant, "unaccounted", STUB)
            found.append(Withheld(self._events, self._id, stub))
        self._id = None
        return Group(found)

    def _ids(self, payload: bytes) -> tuple[bytes, ...]:
        """Return the ids in an order."""
        try:
            return codec.decode(payload, _Ids)
        except RemoteFault as fault:
            raise self._fault(fault.code, ORDER) from fault

    def _seal(self, payload: bytes, header: Header) -> Seal:
        """Return the seal, signed by the author over all that came before; nothing follows it."""
        seal = self._decoded(payload, Seal, SEAL)
        told = (seal.events, seal.stubs, seal.receipts)
        counted = (self._events, self._stubs, self._receipts)
        self._refuse_unless(told == counted, "wrong_count", SEAL)
        signed = self._before + codec.encode((*told, seal.fingerprint))
        is_signed = sign.verify(header.author, "audit-seal", seal.sig, signed)
        self._refuse_unless(is_signed, "bad_signature", SEAL)
        if self._read(1):
            raise BundleFault("trailing", "file")
        return seal

    # -- parts --------------------------------------------------------------------------------

    def _part(self, allowed: Sequence[int]) -> tuple[int, bytes]:
        """Return the next part, one of ``allowed``, whole and vouched for by its check."""
        head = self._take(_HEAD_BYTES, allowed[0])
        sort, size = head[0], int.from_bytes(head[1:])
        self._refuse_unless(sort in allowed, "misplaced", allowed[0])
        if sort == RECEIPT:
            self._receipts += 1
        self._refuse_unless(size <= _BYTES_MAX[sort], "too_large", sort)
        payload, check = self._take(size, sort), self._take(_CHECK_BYTES, sort)
        self._before, self._last = self._check, sort
        self._check = sign.tagged("audit", self._before, head, payload)
        self._refuse_unless(check == self._check, "changed", sort)
        return sort, payload

    def _take(self, size: int, sort: int) -> bytes:
        """Return exactly ``size`` bytes of a part."""
        found = self._read(size)
        self._refuse_unless(len(found) == size, "truncated", sort)
        return found

    def _decoded(self, payload: bytes, kind: type[T], sort: int) -> T:
        """Return ``payload`` as a ``kind``."""
        try:
            return codec.decode(payload, kind)
        except RemoteFault as fault:
            raise self._fault(fault.code, sort) from fault

    def _refuse_unless(self, holds: object, reason: str, sort: int) -> None:
        """Raise BundleFault where ``holds`` is false."""
        if not holds:
            raise self._fault(reason, sort)

    def _fault(self, reason: str, sort: int) -> BundleFault:
        """Return the fault of the part that is read."""
        number = None
        if self._id is not None:
            number = self._events
        elif sort == RECEIPT:
            number = self._receipts
        return BundleFault(reason, NAMES[sort], number=number, event=self._id)


_Ids = tuple[B32, ...]

"""Event: one signed fact of a space, the inner part of an envelope.

What an author says travels as ``inner``: fifteen fields in one order, signed as bytes. The body is
carried as bytes and never looked into here, so that builds with and without a kind agree on what
is an event (THREATS E11, E12). Everything that a reader must believe is inside and signed; the
outside of the envelope repeats three fields, and they must be equal.

Two groups of rules. ``malformed`` and ``unsupported`` come from the bytes alone. ``bad_link`` comes
from an event and its parents, known by then: who has an event knows what it names, and so the
order (lam, id) puts every cause before its effects on every replica, without a clock.

Law: nothing here reads a local clock; ``ts`` is compared with the ``ts`` of parents only.

Specification: docs/spec/event.md. Test vectors: tests/vectors/event.json, tests/vectors/chain.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy import limits
from envoy.core.codec import B16, B24, B32, I64, decode, encode, peek_first, refuse_unless
from envoy.core.crypto.sign import sign, verify
from envoy.core.structs import Body, State
from envoy.errors import RemoteFault, UsageError
from envoy.lean import Protocol

VERSION: Final = 1
GENESIS: Final = "genesis"
SALT_BYTES: Final = 24

_FIRST: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_REST: Final = "abcdefghijklmnopqrstuvwxyz0123456789_."
# head, v, and two ids with their heads of two bytes come before the salt and its own head.
_SALT_AT: Final = 1 + 1 + 34 + 34 + 2
_SALT_END: Final = _SALT_AT + SALT_BYTES


class Inner(Body, frozen=True, gc=False):
    """The signed part of an event as it stands on the wire, before its id is known."""

    v: I64
    space: B32
    epoch: B32
    salt: B24
    author: B32
    chain: B16
    seq: I64
    prev: B32 | None
    deps: tuple[B32, ...]
    lam: I64
    auth: B32
    ts: I64
    kind: str
    basis: tuple[B32, ...]
    body: bytes

    def check(self) -> None:
        """Refuse a kind that is no name, and deps that are no ascending set without prev."""
        deps = self.deps
        refuse_unless(self.v == VERSION and is_kind(self.kind))
        if deps:
            refuse_unless(_is_ascending(deps, limits.DEPS_MAX) and self.prev not in deps)


class Links(State, frozen=True, gc=False):
    """What an author decides of an event beside its content: its place among the others."""

    chain: bytes
    seq: int
    prev: bytes | None
    deps: tuple[bytes, ...]
    lam: int
    auth: bytes
    ts: int
    basis: tuple[bytes, ...]


class Event(State, frozen=True, gc=False):
    """An opened event: its id and what its author signed. ``body`` is C(body), not yet read.

    ``lam`` is 1 + the greatest ``lam`` of prev and deps (a Lamport clock that every reader checks);
    ``seq`` counts along (author, chain); ``auth`` is the grant acted under; ``basis`` are the heads
    of the entity that the author saw.
    """

    id: bytes
    space: bytes
    epoch: bytes
    salt: bytes
    author: bytes
    chain: bytes
    seq: int
    prev: bytes | None
    deps: tuple[bytes, ...]
    lam: int
    auth: bytes
    ts: int
    kind: str
    basis: tuple[bytes, ...]
    body: bytes


class Parent(State, frozen=True, gc=False):
    """What the link rules ask of an accepted event that another one names."""

    author: bytes
    chain: bytes
    seq: int
    lam: int
    ts: int


class Linked(Protocol):
    """Whatever the link rules can be asked about: a Parent, or an event as the log keeps it."""

    @property
    def author(self) -> bytes:
        """Return the did of its author."""

    @property
    def chain(self) -> bytes:
        """Return its chain."""

    @property
    def seq(self) -> int:
        """Return its number in the chain."""

    @property
    def lam(self) -> int:
        """Return 1 + the greatest lam of its parents."""

    @property
    def ts(self) -> int:
        """Return the time its author stated, ms."""


def build_inner(
    space: bytes, epoch: bytes, author: bytes, *, links: Links, kind: str, body: bytes
) -> bytes:
    """Return C(inner) with 24 zero bytes as salt; ``with_salt`` puts the real one in.

    ``body`` is C(body). Raises UsageError(message_too_large) beyond limits.INNER_BYTES_MAX.
    Source: docs/spec/event.md, Inner.
    """
    inner = encode(
        (
            *(VERSION, space, epoch, bytes(SALT_BYTES), author),
            *(links.chain, links.seq, links.prev, links.deps, links.lam),
            *(links.auth, links.ts, kind, links.basis, body),
        )
    )
    if len(inner) > limits.INNER_BYTES_MAX:
        raise UsageError("message_too_large", bytes_max=limits.INNER_BYTES_MAX)
    return inner


def with_salt(inner: bytes, salt: bytes) -> bytes:
    """Return ``inner`` with ``salt``, 24 bytes, in its place: all before it has a fixed length."""
    assert len(salt) == SALT_BYTES, "the salt is the nonce"
    return inner[:_SALT_AT] + salt + inner[_SALT_END:]


def parse_inner(inner: bytes) -> Inner:
    """Return the fields of ``inner``.

    Raises RemoteFault: ``unsupported`` for another version, whatever its fields; ``malformed``,
    ``non_canonical``. Source: docs/spec/event.md, Inner.
    """
    try:
        return decode(inner, Inner)  # its ``check`` refuses another version
    except RemoteFault:
        version = peek_first(inner)
        if isinstance(version, int) and version != VERSION:
            raise RemoteFault("unsupported") from None
        raise


def identified(inner: Inner, event_id: bytes) -> Event:
    """Return ``inner`` as the event ``event_id``."""
    return Event(  # by place: this is made for every event
        event_id,
        inner.space,
        inner.epoch,
        inner.salt,
        inner.author,
        inner.chain,
        inner.seq,
        inner.prev,
        inner.deps,
        inner.lam,
        inner.auth,
        inner.ts,
        inner.kind,
        inner.basis,
        inner.body,
    )


def sign_inner(seed: bytes, inner: bytes) -> bytes:
    """Return the author's signature over ``inner``, 64 bytes."""
    return sign(seed, "event", inner)


def is_signed(author: bytes, sig: bytes, inner: bytes) -> bool:
    """Say whether ``sig`` is ``author``'s signature over ``inner``. Releases the GIL."""
    return verify(author, "event", sig, inner)


def is_kind(name: str) -> bool:
    """Say whether ``name`` can be a kind: ``[a-z][a-z0-9_.]{0,31}``."""
    return name[:1] in _FIRST and len(name) <= limits.KIND_BYTES_MAX and not name.strip(_REST)


def check_links(event: Event, parents: Mapping[bytes, Linked]) -> None:
    """Refuse an event that contradicts itself or what it names.

    ``parents`` holds at least prev, deps and basis: while one is unknown the event waits. Raises
    RemoteFault(bad_link). Source: docs/spec/event.md, Links.
    """
    check_own_links(event)
    check_parents(event, parents)


def check_parents(event: Event, parents: Mapping[bytes, Linked]) -> None:
    """Refuse an event that contradicts what it names; ``check_own_links`` has let it through.

    Raises RemoteFault(bad_link).
    """
    above, lam = [parents[one] for one in event.deps], event.lam
    if event.prev is not None:
        prev = parents[event.prev]
        is_next = prev.chain == event.chain and prev.seq + 1 == event.seq
        _require(is_next and prev.author == event.author)
        above.append(prev)
    if len(above) == 1:  # nearly every event
        _require(above[0].lam + 1 == lam and above[0].ts <= event.ts)
    elif above:
        most = max([parent.lam for parent in above])
        _require(most + 1 == lam and max([parent.ts for parent in above]) <= event.ts)
    for one in event.basis:
        _require(parents[one].lam < lam)


def check_own_links(event: Event) -> None:
    """Refuse an event whose links are wrong whatever its parents are. Raises RemoteFault(bad_link).

    Only the genesis stands on nothing; every other event names a parent, and so reaches it.
    """
    prev, basis = event.prev, event.basis
    holds = (prev is None) == (event.seq == 0) and _is_ascending(basis, limits.BASIS_MAX)
    if event.kind == GENESIS:
        _require(holds and event.seq == 0 and event.lam == 0 and not event.deps and not basis)
    else:
        _require(holds and (prev is not None or event.deps))


def _is_ascending(ids: tuple[bytes, ...], most: int) -> bool:
    """Say whether ``ids`` are at most ``most``, each greater than the one before."""
    return len(ids) < 2 or (len(ids) <= most and list(ids) == sorted(set(ids)))


def _require(holds: object) -> None:
    """Raise RemoteFault("bad_link") where ``holds`` is false."""
    if not holds:
        raise RemoteFault("bad_link")

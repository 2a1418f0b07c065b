"""Log: what a replica keeps of an event, a head, an epoch, a receipt, beside their bytes.

The store fills these rows and the replica asks about them; they hold numbers of the one replica
(``rid``, ``an``, ``cn``, ``ix``), so nothing hashed, signed or sent depends on them.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

from envoy.lean import NamedTuple

ID_BYTES = 32


def split(joined: bytes) -> tuple[bytes, ...]:
    """Return the ids that stand one behind the other in ``joined``."""
    return tuple(joined[at : at + ID_BYTES] for at in range(0, len(joined), ID_BYTES))


def bits(seen: int) -> bytes:
    """Return a bitset as bytes, no longer than it must be."""
    return seen.to_bytes((seen.bit_length() + 7) // 8, "little")


class Entry(NamedTuple):
    """An accepted event as the log keeps it: header, place, and the verdict so far."""

    rid: int
    id: bytes
    kind: str
    an: int
    author: bytes
    cn: int
    chain: bytes
    seq: int
    lam: int
    ts: int
    auth: bytes
    seen: bytes  # bitset, little-endian, over the numbers of the authority events in its ancestry
    ix: int | None  # its own number, if it is an authority event
    entity: bytes | None
    fault: str | None  # the S rule that it breaks, for ever
    status: str
    cause: str | None
    cause_by: bytes | None
    prev: bytes | None
    deps: bytes  # ids, joined
    basis: bytes  # ids, joined

    @property
    def saw(self) -> int:
        """Return ``seen`` as a number: bit n stands for authority event n."""
        return int.from_bytes(self.seen, "little")

    @property
    def parents(self) -> tuple[bytes, ...]:
        """Return prev, if there is one, and deps."""
        first = () if self.prev is None else (self.prev,)
        return first if not self.deps else (*first, *split(self.deps))


class Authority(NamedTuple):
    """An authority event with its body as bytes, and the epoch it is sealed under."""

    entry: Entry
    epoch: bytes
    body: bytes


class Head(NamedTuple):
    """An accepted event that no accepted one names as a parent."""

    id: bytes
    an: int
    lam: int
    ts: int


class EpochRow(NamedTuple):
    """What is known of an epoch. ``secret`` is K; ``created`` its counting create event."""

    id: bytes
    head: bytes | None
    secret: bytes | None
    created: bytes | None
    lam: int | None
    asked_ms: int | None


class ReceiptRow(NamedTuple):
    """A hub's receipt for a slot; ``good`` once event, slot, holder and key fit."""

    id: bytes
    event: bytes
    slot: bytes
    no: int
    instance: bytes
    fence: int
    holder: bytes
    at: int
    until: int
    good: int
    bytes: bytes


class Parked(NamedTuple):
    """A frame that waits for a parent (``waiting``), a key (``sealed``) or a build."""

    id: bytes
    state: str
    why: bytes | None
    author: bytes | None
    at: int
    bytes: bytes


class Outgoing(NamedTuple):
    """Something a hub has not acknowledged: frame, head, box, slot, invite, invite-delete."""

    o: int
    what: str
    id: bytes | None
    data: bytes

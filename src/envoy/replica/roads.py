"""Roads: the port to relays, for what a profile does about them in so many words.

The hub port lets relays help where they can, and nothing fails when one is away. What is asked here
fails where a relay does. None of a profile's roads is set where no space is connected and nothing
asks for one.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.errors import EnvoyError, UsageError, error
from envoy.lean import Protocol
from envoy.sync.frames import HubRefusal

# What only the wire has a code for -> what a person is told.
_WIRE = {
    "malformed": "relay_unavailable",
    "session_expired": "auth_failed",
    "session_stale": "auth_failed",
    "replayed": "auth_failed",
    "stale": "relay_unavailable",
    "timeout": "relay_unavailable",
    "length_required": "relay_unavailable",
    "slot_moved": "relay_unavailable",
    "slot_taken": "relay_unavailable",
}
TOLD = frozenset(("retry_after_ms",))  # what of a refusal is of use to a person
PIN_BYTES = 32
CHAIN = "chain"  # the note that holds the own chain to a relay


class Roads(Protocol):
    """The relays of one profile's spaces. All raise HubRefusal and RelayError unless said."""

    def find(self, origin: str, pin: bytes | None, *, timeout_s: float) -> tuple[str, bytes]:
        """Return the origin of a relay in its one form, and the key it signs with."""

    def connect(
        self, space: bytes, g: bytes, *, origin: str, pin: bytes | None, hub_key: bytes
    ) -> None:
        """Make the relay keep ``space``, and link it."""

    def isolate(self, space: bytes) -> None:
        """Let ``space`` share no connection with others from now on. Raises nothing."""

    def is_isolated(self, space: bytes) -> bool:
        """Say whether ``space`` shares no connection with others. Raises nothing."""

    def visit(self, origin: str, pin: bytes | None, call: Body) -> Body:
        """Return the reply of a relay to a call that needs no token."""

    def enter(
        self,
        space: bytes,
        key: tuple[bytes, tuple[bytes, ...] | None],
        *,
        origin: str,
        pin: bytes | None,
        hub_key: bytes,
    ) -> None:
        """Link a space that the relay has, and bring its log here, by another's access key."""

    def own(self, space: bytes) -> None:
        """Use the profile's own access key for ``space`` again."""

    def lend(self, space: bytes, key: tuple[bytes, tuple[bytes, ...] | None]) -> None:
        """Let another key speak for ``space`` in this process. Raises nothing."""

    def wait_at(
        self, space: bytes, invite: tuple[bytes, int], *, origin: str, pin: bytes | None, key: bytes
    ) -> None:
        """Let what is asked about ``invite``, lookup id and end, ms, go to a relay."""

    def leave(self, space: bytes) -> None:
        """Forget that ``space`` is connected."""

    def give(
        self, space: bytes, chains: Sequence[tuple[bytes, ...]], statement: bytes | None
    ) -> None:
        """Leave chains for others, and an access statement, for the relay. Raises nothing."""

    def has_invite(self, space: bytes, lookup: bytes) -> bool:
        """Say whether the relay took an invite from this machine. Raises nothing."""

    def put(
        self, space: bytes, chains: Sequence[tuple[bytes, ...]], statement: bytes | None
    ) -> None:
        """Bring chains for others, and an access statement, to the relay now."""

    def know(self, space: bytes, statements: Sequence[bytes]) -> None:
        """Keep the access statements, for a relay that loses them. Raises nothing."""

    def stated(self, space: bytes) -> tuple[bytes, ...]:
        """Return the last access statement of each signer that is known here. Raises nothing."""

    def wants_access(self, space: bytes) -> bool:
        """Say whether the relay refused a statement, since it knew another. Raises nothing."""

    def has_access(self, space: bytes) -> None:
        """Note that what was stated was merged. Raises nothing."""

    def adopt(self, space: bytes, hub_key: bytes) -> None:
        """Believe the signatures of the key that the space pinned. Raises nothing."""

    def instance_of(self, space: bytes) -> bytes | None:
        """Return the instance of the relay's log, None before it was read. Raises nothing."""

    def ask(self, space: bytes, call: Body) -> Body:
        """Return the reply of the relay of ``space``."""

    def place_of(self, space: bytes) -> tuple[str, bytes | None, bytes] | None:
        """Return origin, pin and hub key of the relay of ``space``, or None. Raises nothing."""

    def sync(self, space: bytes) -> tuple[int, int, bool]:
        """Bring both logs to the same frames; return how many went up and came down.

        And whether there was time for all of it.
        """

    def exchange(
        self, space: bytes
    ) -> tuple[tuple[int, int, bool], HubRefusal | EnvoyError | None]:
        """Do as ``sync`` does; return what moved, and what went wrong after that. Raises nothing.

        But what is a fault of this machine.
        """

    def waiting(self, space: bytes) -> int:
        """Return how many frames and calls wait for the relay. Raises nothing."""

    def delivery(self, space: bytes) -> tuple[str, str]:
        """Return what the relay has of what was written, and why not all. Raises nothing."""

    def compare(self, space: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Compare both logs id by id; return the ids of frames that came, and that went up."""

    def carried(self, space: bytes, ids: bytes) -> None:
        """Leave the chunks with these ids, joined, for the relay. Raises nothing."""

    def wants_chunks(self, space: bytes) -> bool:
        """Say whether the relay may lack the chunks of objects. Raises nothing."""

    def has_chunks(self, space: bytes) -> None:
        """Note that all chunks were left for the relay. Raises nothing."""


def told(refusal: HubRefusal) -> EnvoyError:
    """Return the error for what a relay refused."""
    found = error(_WIRE.get(refusal.code, refusal.code))
    found.details.update((name, refusal.details[name]) for name in TOLD & set(refusal.details))
    return found


def pack(chain: Sequence[bytes]) -> bytes:
    """Return a chain as one value, for a note or an invite."""
    return encode(tuple(chain))


def unpack(raw: bytes) -> tuple[bytes, ...]:
    """Return the chain in ``raw``. Raises RemoteFault for what is none."""
    return decode(raw, tuple[bytes, ...])


def pin_text(pin: bytes | None) -> str | None:
    """Return a pin, SHA-256 of a relay's TLS key (SPKI), as it is written: 64 hex digits."""
    return None if pin is None else pin.hex()


def read_pin(text: str | None) -> bytes | None:
    """Return the pin in ``text``, None for none. Raises UsageError(invalid_argument)."""
    if text is None:
        return None
    try:
        pin = bytes.fromhex(text) if text.isascii() else b""
    except ValueError:
        pin = b""
    if len(pin) != PIN_BYTES:
        raise UsageError("invalid_argument", argument="--pin", cause="hex", bytes=PIN_BYTES)
    return pin

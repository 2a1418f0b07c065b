"""Rules: which call takes which role, and what each may take of a relay.

One table of calls, asked before anything of a call is done, inside the transaction that does it. A
relay without an answer to "who may" would be an open store, so what is not in the table is no call.

Laws: a token is believed only with the number of changes of access that the space has now. What a
space and a reader may take is counted exactly, in the transaction that takes it.

Specification: docs/spec/relay.md, Calls; Quota.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.core.access import ADMIN, RANKS, READ, WRITE
from envoy.core.structs import Body
from envoy.lean import NamedTuple
from envoy.relay.session import Token
from envoy.relay.tables import RelayStore
from envoy.sync import frames
from envoy.sync.frames import HubRefusal

# Call -> the role it takes in the space it is about. Those that are not here show what they need
# themselves: a chain, a proof, the secret of an invite, the signature of the root key.
ROLES: Final[Mapping[str, str]] = {
    "head": READ,
    "push": READ,  # a reader leaves, asks for keys and for objects
    "pull": READ,
    "by_id": READ,
    "recon": READ,
    "slot": WRITE,
    "epoch_put": WRITE,
    "box_put": READ,  # a reader posts its own
    "epoch_get": READ,
    "chunk_put": WRITE,
    "chunk_get": READ,
    "chunk_have": READ,
    "invite_put": ADMIN,
    "access_put": READ,
    "access_get": READ,
    "genesis_get": READ,
}
OPEN: Final = frozenset((
    "create", "session", "renew", "invite_fetch", "invite_request", "invite_reply",
    "invite_delete", "space_delete",
))  # fmt: skip
# What each reads only; every other call goes to the writer.
READS: Final = frozenset((
    "head", "pull", "by_id", "recon", "epoch_get", "chunk_get", "access_get", "genesis_get",
    "renew",
))  # fmt: skip
# What makes the store larger: refused where the disk is all but full. Sessions go on, so do reads.
GROWS: Final = frozenset((
    "create", "push", "slot", "epoch_put", "box_put", "chunk_put", "invite_put", "invite_request",
    "invite_reply", "access_put",
))  # fmt: skip
DAY_MS: Final = limits.DAY_SECONDS * 1000


class Allowance(NamedTuple):
    """What one space may take: bytes in all, frames a day, days that a chunk is kept."""

    bytes_max: int
    frames_day_max: int
    chunk_days: int


def authorise(store: RelayStore, tokens: Sequence[Token], space: bytes, need: str) -> Token:
    """Return the token by which the caller has the role ``need`` in ``space``.

    Raises HubRefusal: auth_failed, space_not_found, session_stale, read_only, capability_missing.
    """
    found = next((one for one in tokens if one.space == space), None)
    if found is None:
        raise HubRefusal("auth_failed")
    rev = store.rev(space)
    if rev is None:
        raise HubRefusal("space_not_found")
    if rev != found.rev:
        raise HubRefusal("session_stale")
    if RANKS[found.role] < RANKS[need]:
        raise HubRefusal("read_only" if need == WRITE else "capability_missing")
    return found


def count_reader(store: RelayStore, token: Token, count: int, *, at: int) -> None:
    """Count what a reader pushes. Raises HubRefusal(quota_exceeded) beyond its day.

    What was counted is undone by the caller's savepoint, here and below.
    """
    if token.role != READ:
        return
    space, day = token.space or b"", at // DAY_MS
    if store.use(space, token.holder, day, count) > limits.READER_PUSHES_DAY_MAX:
        raise HubRefusal("quota_exceeded")


def count_space(
    store: RelayStore, space: bytes, allowed: Allowance, *, before: tuple[int, int], at: int
) -> None:
    """Count what a call added to a space since it had ``before``: frames and bytes of its log.

    Raises HubRefusal(quota_exceeded) where that is too much; the caller's savepoint undoes it.
    """
    count, size = taken(store, space)
    day = at // DAY_MS
    added = count - before[0]
    if added and store.use(space, b"", day, added) > allowed.frames_day_max:
        raise HubRefusal("quota_exceeded")
    if size > before[1] and size + store.chunk_bytes(space) > allowed.bytes_max:
        raise HubRefusal("quota_exceeded")


def taken(store: RelayStore, space: bytes) -> tuple[int, int]:
    """Return how many frames and bytes the log of ``space`` has."""
    row = store.find_space(space)
    return (0, 0) if row is None else (row.frame_count, row.byte_count)


def space_of(call: Body, tokens: Sequence[Token]) -> bytes:
    """Return the space that a call is about; one that names none is about its only token's."""
    named = getattr(call, "space", None)
    if isinstance(named, bytes):
        return named
    spaces = {one.space for one in tokens if one.space is not None}
    return spaces.pop() if len(spaces) == 1 else b""


def weight(call: Body) -> int:
    """Return how many frames or boxes a call brings."""
    match call:
        case frames.Push():
            return len(call.frames)
        case frames.BoxPut():
            return len(call.boxes)
    return 1

"""Joining: what a redeem proof is about, and whether one holds.

Whoever has the code of an invite signs its own key with the redeem key that follows from the code.
Every copy checks that for every join, so it stands apart from ``core.invite``: there codes are made
and read, which only few commands do.

Specification: docs/spec/invite.md, Events.
"""

from __future__ import annotations

from envoy.core.crypto.sign import is_valid_key, verify
from envoy.lean import NamedTuple


class Joining(NamedTuple):
    """What a redeem proof is about: each part fixed in length, so that none runs into the next.

    ``kid`` is the id, 16 bytes, of the encryption key that the join states; ``access`` its access
    key; the others are the 32 bytes of the space, the invite event and the joiner.
    """

    space: bytes
    invite: bytes
    author: bytes
    kid: bytes
    access: bytes


def check_proof(ipk: bytes, proof: bytes, joining: Joining) -> bool:
    """Say whether ``proof`` shows that a holder of the code wanted exactly this ``joining``."""
    return is_valid_key(ipk) and verify(ipk, "join", proof, *joining)

"""Proofs: what two members compare by voice or on paper, to know that a key is whose it says.

Apart from the reads, since the words and the safety number come from `core.identity`.

Specification: docs/spec/identity.md, Fingerprints.
"""

from __future__ import annotations

from envoy import ids
from envoy.core.identity import fingerprint_full, fingerprint_words, safety_number
from envoy.lean import NamedTuple


class Proof(NamedTuple):
    """One member's key in every form, and the number of the pair with me."""

    short: str
    full: str
    words: tuple[str, ...]
    safety_number: str | None  # None: it is me


def proof(me: bytes, other: bytes) -> Proof:
    """Return what shows the key of ``other`` to the holder of ``me``, both 32 bytes."""
    number = None if me == other else safety_number(me, other)
    words = tuple(fingerprint_words(other))
    return Proof(ids.fingerprint(other), fingerprint_full(other), words, number)

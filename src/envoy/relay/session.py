"""Session: from a proof of a key to a token, and from a token back to who calls.

A proof costs a signature and names its moment, so it is good once; a token is checked by a MAC and
is good for minutes. It names no member, only the pseudonym of one space, its role there and how
often access to that space had changed when it was given: whoever is put out finds it worthless at
the next call, since that number is read in the transaction that reads the data.

Laws: a token says nothing that the database did not say at its time, and is believed only with the
number of changes of now. Keys and proofs are compared in constant time by the library.

Specification: docs/spec/access.md, Session.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from envoy import limits
from envoy.core import codec
from envoy.core.codec import B32, I63
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync.frames import HubRefusal

KEY_NO: Final = 1
MAC_BYTES: Final = 32
_KNOWN_MAX: Final = 4096


class Token(Body, frozen=True):
    """Who calls: ``holder`` in ``space`` (nil: about an account), until ``exp``, ms.

    ``poster`` is what its places are counted under, ``rev`` the number of changes of access,
    ``born`` the time of the proof.
    """

    key: I63
    space: B32 | None
    holder: B32
    poster: B32
    role: str
    rev: I63
    exp: I63
    born: I63


class Tokens:
    """Makes tokens and reads them back."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known = dict[bytes, Token]()  # whose MAC was good: each is shown with every call

    def issue(self, token: Token) -> bytes:
        """Return the bytes of ``token``, which only this relay can make."""
        raw = codec.encode(token)
        return raw + self._mac(raw)

    def read(self, given: bytes, *, at: int) -> Token:
        """Return the token in ``given``. Raises HubRefusal(auth_failed, session_expired)."""
        token = self._known.get(given)
        if token is None:
            token = self._checked(given)
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[given] = token
        if token.key != KEY_NO or token.exp <= at:
            raise HubRefusal("session_expired")
        return token

    def _checked(self, given: bytes) -> Token:
        """Return the token in ``given``, made by this relay. Raises HubRefusal."""
        raw, mac = given[:-MAC_BYTES], given[-MAC_BYTES:]
        if len(given) <= MAC_BYTES or not hmac.compare_digest(mac, self._mac(raw)):
            raise HubRefusal("auth_failed")
        try:
            return codec.decode(raw, Token)
        except RemoteFault as fault:  # of another version of this relay
            raise HubRefusal("session_expired") from fault

    def renewed(self, token: Token, *, at: int, ends: int) -> Token:
        """Return a younger token for ``token``, which is good until its chain ends at ``ends``.

        Raises HubRefusal(session_expired) a day after its proof.
        """
        if at - token.born >= limits.SESSION_AGE_SECONDS_MAX * 1000:
            raise HubRefusal("session_expired")
        return _until(token, at=at, ends=ends)

    def _mac(self, raw: bytes) -> bytes:
        return hmac.new(self._key, raw, sha256).digest()


def fresh(token: Token, *, at: int, ends: int) -> Token:
    """Return ``token`` as it is given at ``at``; ``ends`` is when its chain ends, 0 never."""
    return _until(token, at=at, ends=ends)


def check_time(ts: int, *, at: int) -> None:
    """Refuse a proof whose author's clock is off. Raises HubRefusal(clock_skew_…) with ``at``."""
    if ts - at > limits.SESSION_SKEW_SECONDS_MAX * 1000:
        raise HubRefusal("clock_skew_ahead", at=at)
    if at - ts > limits.SESSION_SKEW_SECONDS_MAX * 1000:
        raise HubRefusal("clock_skew_behind", at=at)


def _until(token: Token, *, at: int, ends: int) -> Token:
    exp = at + limits.SESSION_SECONDS * 1000
    exp = min(exp, ends) if ends else exp
    return Token(
        token.key, token.space, token.holder, token.poster, token.role, token.rev, exp, token.born
    )

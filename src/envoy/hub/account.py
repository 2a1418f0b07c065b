"""Account: how a profile shows at a relay who pays, without saying who that is.

An account is one more key of an identity, of its own at each relay: the relay learns which spaces
one payer has there, and no did. It is shown by a proof about no space; the token that comes back is
used at once and not kept, since it is asked for a few times a year.

Specification: docs/spec/access.md, Session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from envoy import limits
from envoy.core import access as proofs
from envoy.core.access import PROOF_VERSION, Proof
from envoy.core.crypto.sign import public_key
from envoy.errors import CODES, RelayError, error
from envoy.hub.client import Client
from envoy.sync import access
from envoy.sync.frames import HubRefusal

_SKEWED: Final = frozenset(("clock_skew_ahead", "clock_skew_behind"))
_SECONDS: Final = float(limits.RPC_SECONDS_DEFAULT)


def token(
    client: Client, seed: bytes, now_ms: Callable[[], int], entropy: Callable[[int], bytes]
) -> bytes:
    """Return a token of the account of ``seed``; a clock that is off is set by the relay's.

    Raises HubRefusal, RelayError(relay_unavailable).
    """
    reply = _prove(client, seed, now_ms(), entropy(16))
    entry = reply.entries[0]
    if entry.code in _SKEWED:
        entry = _prove(client, seed, reply.at, entropy(16)).entries[0]
    if entry.token is None:
        raise HubRefusal(entry.code or "auth_failed")
    return entry.token


def ask(
    client: Client,
    name: str,
    said: dict[str, object],
    *,
    seed: bytes | None,
    now_ms: Callable[[], int],
    entropy: Callable[[int], bytes],
) -> dict[str, object]:
    """Return what the relay answers to a call about an account, the one of ``seed`` if given.

    Raises RelayError, and the error that stands behind a refusal: not_found for a code.
    """
    try:
        if seed is not None:
            said = {**said, "token": token(client, seed, now_ms, entropy).hex()}
        return client.tell(f"/v1/billing/{name}", said, timeout_s=_SECONDS)
    except HubRefusal as refusal:
        if refusal.code not in CODES:
            raise RelayError("relay_unavailable", cause=refusal.code) from refusal
        then = "envoy billing plans" if refusal.code == "not_found" else None
        found = error(refusal.code, next_command=then)
        found.details["relay"] = client.reach.origin.text
        raise found from refusal


def _prove(client: Client, seed: bytes, ts: int, nonce: bytes) -> access.Entries:
    """Return what one proof comes to."""
    aud, holder = client.reach.origin.text, public_key(seed)
    proof = Proof(PROOF_VERSION, aud, ts, nonce, None, holder, None)
    session = access.Session((access.Proved(*proofs.prove(seed, proof)),))
    reply = client.ask(session, (), timeout_s=_SECONDS)
    if not isinstance(reply, access.Entries) or len(reply.entries) != 1:
        raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
    return reply

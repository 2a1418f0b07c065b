"""Asked: what the bytes of a request say, before anything is judged.

Specification: docs/spec/relay.md, Calls.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.codec import decode
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple
from envoy.relay.session import Token, Tokens
from envoy.sync import access as calls
from envoy.sync.frames import HubRefusal


class Asked(NamedTuple):
    """A call, by what tokens, and when it came, ms."""

    call: Body
    tokens: Sequence[Token]
    at: int


def read(name: str, body: bytes, tokens: Tokens, *, at: int) -> Asked:
    """Return what the request ``body`` of the call ``name`` asks.

    Raises HubRefusal: unsupported_operation, malformed, message_too_large, auth_failed,
    session_expired.
    """
    if name not in calls.EVERY:
        raise HubRefusal("unsupported_operation")
    try:
        request = decode(body, calls.Request)
        call = decode(request.call, calls.EVERY[name][0])
    except RemoteFault as fault:
        large = fault.code == "too_large"
        raise HubRefusal("message_too_large" if large else "malformed") from fault
    return Asked(call, [tokens.read(one, at=at) for one in request.tokens], at)

"""Directory: encryption keys of people who share no space yet, as the local hub keeps them.

To let an outsider read, an epoch is sealed to its key, and it has no event here to say which. So
each profile puts the statement of its card key into the directory of its hub, and whoever delegates
asks there.

Laws: a statement is believed only if the did itself signed it; the hub can withhold one, and put
none in its place. A hub that does not answer knows nobody.

Specification: docs/spec/identity.md, Keys statements; docs/spec/frames.md, Calls.
"""

from __future__ import annotations

from envoy.core.bodies import Statement
from envoy.core.identity import Identity, check_statement, make_statement
from envoy.errors import EnvoyError, RemoteFault
from envoy.replica.ports import Hub
from envoy.replica.replica import Profile
from envoy.sync import frames
from envoy.sync.frames import HubRefusal


def announce(hub: Hub, identity: Identity, *, now_ms: int) -> bool:
    """Put the card key of ``identity`` into the directory of ``hub``; say if the hub took it."""
    stated = make_statement(identity, None, no=0, ts=now_ms)
    try:
        hub.handle(frames.KeysPut(*stated))
    except (EnvoyError, HubRefusal):
        return False
    return True


def find(profile: Profile, did: bytes) -> Statement | None:
    """Return the statement of the card key of ``did``, None where the hub has none that is good."""
    try:
        reply = profile.hub.handle(frames.KeysGet((did,)))
    except (EnvoyError, HubRefusal):
        return None
    if not isinstance(reply, frames.KeysFound) or len(reply.found) != 1 or reply.found[0] is None:
        return None
    found = Statement(reply.found[0].statement, reply.found[0].sig)
    return found if key_of(found, did) is not None else None


def key_of(statement: Statement, did: bytes) -> bytes | None:
    """Return the card key that ``did`` states, None if it did not sign that."""
    try:
        return check_statement(statement.statement, statement.sig, did=did, space=None).enc
    except RemoteFault:
        return None

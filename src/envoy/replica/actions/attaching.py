"""Attaching: a space that only a relay has comes back to a profile that has its keys.

What a home lost, the words give back as keys; the log of a space comes from the relay, by the
access key that follows from them, and the boxes there are for encryption keys that follow as well.

Law: what this identity never was in leaves nothing behind.

Specification: docs/spec/identity.md, Recovery; docs/spec/access.md.
"""

from __future__ import annotations

from envoy import ids
from envoy.errors import AuthorityError, EnvoyError, UsageError
from envoy.replica.actions import access, connect, enter, identities
from envoy.replica.actions.connect import Connection
from envoy.replica.replica import Profile, Replica
from envoy.replica.roads import told
from envoy.sync.frames import HubRefusal


def read_space(text: str) -> bytes:
    """Return the id of a space in ``text``, all of it: nothing here knows how it goes on.

    Raises UsageError(invalid_argument).
    """
    low, high = ids.span(text, "space")
    if low != high:
        raise UsageError("invalid_argument", argument="space", cause="id_length")
    return low


def attach(
    profile: Profile, place: enter.Place, space: bytes, *, is_isolated: bool = False
) -> Connection:
    """Get a space back from the relay at ``place``; one that is here is connected to it.

    ``is_isolated``: no connection to the relay serves another space as well. Raises
    AuthorityError(capability_missing) for a space that this identity cannot reach,
    NotFoundError(space_not_found), RelayError, IntegrityError.
    """
    roads, known = connect.roads_of(profile), profile.rows.find_space(space)
    is_linked = roads.place_of(space) is not None
    if is_isolated:
        roads.isolate(space)
    try:
        epochs = enter.come_back(profile, place, space)
        if known is None:
            identities.find_spaces(profile, {space: epochs})
        row = profile.rows.find_space(space)
        if row is None:
            raise AuthorityError("capability_missing", space_id=ids.to_text("space", space))
    except (EnvoyError, HubRefusal):
        if not is_linked:
            roads.leave(space)
        raise
    replica = Replica(profile, row.sn)
    access.mark(replica)
    try:
        access.settle(replica, roads, access.due(replica))
    except HubRefusal as refusal:
        raise told(refusal) from refusal
    return connect.stands(replica, changed=not is_linked)

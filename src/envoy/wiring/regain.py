"""Regain: a profile whose replica.db was lost finds its spaces again at the hub of this machine.

Loaded when a file without an origin, or one that was set back, is opened, which is almost never.

Specification: docs/spec/home.md, Repair.
"""

from __future__ import annotations

from envoy.hub.sqlite import LogStore
from envoy.replica.actions import identities
from envoy.replica.replica import Profile
from envoy.storage import replica_file
from envoy.storage.home import Paths
from envoy.system.db import Connection


def regain(profile: Profile, connection: Connection, where: Paths, log: LogStore) -> Profile:
    """Look for the spaces of ``profile`` at the hub, and return it as the spaces know it.

    What fails now is tried again when the profile is opened the next time.
    """
    gone = replica_file.forgotten(connection)
    hubs = {space: log.epochs(space) for space in log.spaces() if space not in gone}
    if identities.find_spaces(profile, hubs).failed:
        return profile
    _, type, _ = identities.labels(profile)
    noted = replica_file.meta(connection, "type")
    with connection.write_transaction(where.replica_lock, sync=replica_file.FULL):
        if noted is None and type is not None:
            replica_file.put_meta(connection, "type", type)
        replica_file.put_meta(connection, "origin", replica_file.origin(where))
    return profile if noted is not None or type is None else profile._replace(type=type)

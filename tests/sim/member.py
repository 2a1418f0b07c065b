"""Members of the simulator: a real profile each, on a virtual disk, with a clock that may be wrong.

A member can end at any moment and begin again from its disk, be set back to a backup of it, with or
without noticing, and exist twice. What is judged afterwards is what its real store holds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from envoy.core.envelope import parse
from envoy.core.identity import Identity
from envoy.replica.ports import Entropy
from envoy.replica.replica import Profile, Replica
from envoy.storage import home, replica_file
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.system import files
from envoy.views import rows
from replica.world import Actor, Clock, Inline
from sim.disk import Disk, blank_replica
from sim.net import Net


class Skewed(Clock):
    """The clock of one member: true time and an error."""

    def __init__(self, true: Callable[[], int]) -> None:
        super().__init__()
        self.true = true
        self.skew = 0

    def now_ms(self) -> int:
        """Return milliseconds since 1970, as far as this clock knows."""
        return self.true() + self.skew


class Copied(NamedTuple):
    """A backup: the image of a disk, and what the file beside it said of the last write."""

    image: bytes
    witness: bytes
    acked: int  # how many of its events the member had been told of


class Member(Actor):
    """One profile: what is on its disk, and the process that runs on it."""

    def __init__(
        self,
        name: str,
        identity: Identity,
        place: str,
        net: Net,
        clock: Skewed,
        *,
        image: bytes | None = None,
    ) -> None:
        """Make its home; on its disk is ``image``, or nothing yet."""
        self.identity = identity
        self.net = net
        self.skewed = clock
        self.name = name
        self.me = identity.did
        self.door = net
        self.clock = clock
        self.where = home.paths(place, name)
        self.place = place
        self.is_hostile = False
        self.is_powerless = False  # its next end is a loss of power
        self.acked = list[bytes]()
        self.backups = list[Copied]()
        self.disk = Disk(blank_replica() if image is None else image)
        self._graves = list[Disk]()
        home.make(self.where)
        files.create(self.where.replica)  # its name tells an original from a copy
        if image is None:
            replica_file.put_meta(self.disk, "origin", replica_file.origin(self.where))

    def boot(self, entropy: Entropy) -> None:
        """Start the process, on the disk as it is."""
        self.disk.disarm()
        self.net.dies_in = 0
        replica_file.settle(self.disk, self.where)
        self.profile = self.opened(entropy, "default")

    def opened(self, entropy: Entropy, session: str) -> Profile:
        """Return the profile as one more process opens it."""
        events, store = EventStore(self.disk, self.where.replica_lock), RowStore(self.disk)
        events.stores.append(store)
        return Profile(
            identity=self.identity,
            events=events,
            rows=store,
            hub=self.net,
            clock=self.clock,
            entropy=entropy,
            workers=Inline(),
            session=session,
            name=self.name,
            type="agent",
        )

    def put(self, image: bytes) -> None:
        """Put another disk in; what was open on the old one is not asked again."""
        self._graves.append(self.disk)
        keeps, self.disk = self.disk.keeps, Disk(image)
        if keeps:
            self.disk.keep()

    def close(self) -> None:
        """Close every disk."""
        for disk in (self.disk, *self._graves):
            disk.close()

    # -- copies -----------------------------------------------------------------------------

    def back_up(self) -> None:
        """Keep a copy of the disk."""
        witness = files.glance(self.where.replica_lock, replica_file.WITNESS_BYTES)
        self.backups.append(Copied(self.disk.image(), witness, len(self.acked)))

    def restore(self, copied: Copied, *, unnoticed: bool) -> list[bytes]:
        """Go back to a backup; return what had been acknowledged since.

        ``unnoticed``: the whole machine went back, so that nothing beside the disk tells.
        """
        self.put(copied.image)
        if unnoticed:
            Path(self.where.replica_lock).touch(0o600)  # who never wrote has none yet
            with open(self.where.replica_lock, "r+b") as lock:
                lock.write(copied.witness or bytes(replica_file.WITNESS_BYTES))
        since = self.acked[copied.acked :]
        self.acked = self.acked[: copied.acked]
        self.backups = [one for one in self.backups if one.acked <= copied.acked]
        return since

    # -- looking ----------------------------------------------------------------------------

    @property
    def spaces(self) -> list[rows.Space]:
        """Return the rows of its spaces: one, or none before it joined."""
        return self.profile.rows.spaces()

    @property
    def is_in(self) -> bool:
        """Say whether there is a copy of the space that has its genesis."""
        return any(one.founder for one in self.spaces)

    def replica(self, session: str = "default") -> Replica:
        """Return its copy of the space, for a session."""
        (row,) = self.spaces
        return Replica(self.profile._replace(session=session), row.sn)

    def ids(self) -> set[bytes]:
        """Return the ids of all events of its log."""
        return set(self.disk.rows(bytes, "SELECT id FROM event"))

    def epochs_of(self) -> dict[bytes, bytes]:
        """Return the epoch that each event of its log is sealed under."""
        sql = "SELECT id, bytes FROM event JOIN frame USING(rid)"
        return dict(self.disk.rows(lambda one, frame: (one, parse(frame).epoch), sql))

    def secrets(self) -> set[bytes]:
        """Return the epochs whose secret it holds."""
        return set(self.disk.rows(bytes, "SELECT id FROM epoch WHERE secret IS NOT NULL"))

    def receipts(self) -> set[bytes]:
        """Return the ids of the receipts it has accepted."""
        return set(self.disk.rows(bytes, "SELECT id FROM receipt"))

    def mine(self) -> list[bytes]:
        """Return the ids of the events it is the author of, in the order they came here."""
        sql = "SELECT e.id FROM event e JOIN actor a USING(an) WHERE a.did = ? ORDER BY rid"
        return self.disk.rows(bytes, sql, (self.me,))

    def parked_ids(self) -> set[bytes]:
        """Return the ids of the frames that wait, or were dropped while they did."""
        sql = "SELECT id FROM parked UNION SELECT id FROM dropped"
        return set(self.disk.rows(bytes, sql))

    def waits(self) -> list[tuple[bytes, bytes]]:
        """Return the frames that wait for an event, each with that."""
        sql = "SELECT id, why FROM parked WHERE state = 'waiting'"
        return self.disk.rows(lambda one, why: (one, why), sql)

    def known_sum(self) -> int:
        """Return a number that stands for the events and receipts that were accepted."""
        sql = "SELECT id FROM event UNION ALL SELECT id FROM receipt"
        return sum(int.from_bytes(one) for one in self.disk.rows(bytes, sql))

"""Reads: a profile opened for looking, without its keys.

The read path of Envoy: home and modes are checked, replica.db is opened read-only, the hub is asked
for one number. Only if that number says that something is new, or the tables are of another
version, is the write side loaded, for at most a second; if it cannot help in that time, the answer
comes all the same and says `stale`.

Laws: a read acknowledges nothing, moves no cursor of an inbox, and loads no key for what is already
here. While it waits it holds no transaction.

Specification: docs/spec/store.md, Reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from envoy import ids, limits
from envoy.errors import EnvoyError, IntegrityError
from envoy.hub import peek
from envoy.lean import Protocol
from envoy.storage import home
from envoy.storage.views import Views
from envoy.system import db, files, host
from envoy.views import rows, space
from envoy.views.objects import NO_OBJECTS, Part, Telling
from envoy.views.people import Json, People, actor, stamp
from envoy.views.space import Tally
from envoy.wiring.config import Config

CONNECTED = "connected"
# Between two looks for a commit that was announced: fast disks need the first, slow ones the last.
SETTLE_MS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Hindsight(Protocol):
    """What is asked about older moments of one space (``replica.hindsight``)."""

    def powers(self, event: bytes) -> tuple[list[rows.Grant], list[rows.Invite]]:
        """Return the grants and invites as they stood for an accepted event, senior first."""

    def epoch(self, create: bytes) -> str:
        """Return the rule that says whether an epoch is written under: a key of EPOCH_WORDS."""

    def is_stale(self, event: bytes, epoch: bytes) -> bool:
        """Say whether ``epoch`` is not adequate in the ancestry of an event written under it."""


class Reader:
    """One profile, read-only, for one thread. A context manager; made by ``open_reader``."""

    def __init__(self, config: Config, where: home.Paths) -> None:
        self.config = config
        self.where = where
        self.me = home.public(where)
        self.now_ms = host.now_ms()
        self.spaces: list[rows.Space] = []
        self._stale: set[int] = set()
        self.relays: dict[bytes, peek.Relay] = {}
        self._heads: dict[bytes, int] = {}
        self._connection: db.Connection | None = None
        self._peek = peek.Peek(where.hub)
        # What takes in what is new: a process that lives on has a way that costs less.
        self.refresh: Callable[[Config, Sequence[bytes]], None] | None = None
        self._snapshot: db.Snapshot | None = None
        self._me_an: int | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()
        self._peek.close()
        if self._connection is not None:
            self._connection.close()

    def adopt(self) -> None:
        """Serve the calling thread from here on: the one before is done."""
        self._peek.adopt()
        if self._connection is not None:
            self._connection.adopt()

    # -- opening and news -----------------------------------------------------------------------

    def look(self) -> None:
        """Open the database if it is there, take in what the hub has, and read the spaces.

        A profile without a database has no spaces yet, which is no error.
        """
        self.now_ms = host.now_ms()
        if self._connection is not None and self._connection.is_replaced():
            self._connect()  # a repair put another file in its place
        if self._connection is None and not self._open():
            return
        self._begin()
        behind = self._behind() if self.config.sync else []
        if behind or self._due():
            self._take_in([*behind, *self._due()])
            self._begin()
            behind = self._behind()
        self._stale = {one.sn for one in behind}

    def _open(self) -> bool:
        """Open the database, brought up to this version if it needs that; False: there is none."""
        if not files.exists(self.where.replica):
            if not files.exists(self.where.hub):
                return False
            refresh(self.config, [])  # it was lost: the hub knows the spaces
        self._connect()
        if not self.views.is_current():
            refresh(self.config, [])
            self._connect()
            if not self.views.is_current():
                raise IntegrityError("state_corrupt", path=self.where.replica, reason="schema")
        return True

    def seen(self) -> tuple[int, list[int]]:
        """Return what changes with every commit, of this database or of the hub's."""
        version = 0 if self._connection is None else db.data_version(self._connection)
        return version, [self._heads.get(one.id, 0) for one in self.spaces]

    def rest(self) -> None:
        """End the snapshot: a reader that waits must not keep the log of the database long."""
        if self._snapshot is not None:
            self._snapshot.__exit__(None, None, None)
            self._snapshot = None

    def _begin(self) -> None:
        """Begin a snapshot, of which all answers are from here on, and read the spaces in it."""
        self.rest()
        self._snapshot = self.views.snapshot()
        self._snapshot.__enter__()
        self.spaces = self.views.spaces()
        if not files.exists(self.where.links):
            return
        heads = self._peek.newest([one.id for one in self.spaces])
        self.relays = peek.relays(self.where.links, heads)
        self.spaces = [
            one if one.id not in self.relays else linked(one, self.relays[one.id])
            for one in self.spaces
        ]

    def _due(self) -> list[rows.Space]:
        """Return the spaces whose relay is to be asked for news, if it did not just fail."""
        if not self.config.sync or not self.relays:
            return []
        return [one for one in self.spaces if self._is_old(one, failed=True)]

    def _is_old(self, one: rows.Space, *, failed: bool) -> bool:
        """Say whether the last news of a relay are old; ``failed``: an attempt counts as news."""
        relay = self.relays.get(one.id)
        if relay is None:
            return False
        times = (relay.asked_ms, relay.tried_ms) if failed else (relay.asked_ms,)
        return all(abs(self.now_ms - at) > limits.FRESH_SECONDS * 1000 for at in times)

    def _take_in(self, behind: Sequence[rows.Space]) -> None:
        """Let the write side fetch what ``behind`` lack; a read answers in any case."""
        self.rest()
        try:
            (self.refresh or refresh)(self.config, [one.id for one in behind])
        except EnvoyError:
            return  # what is still missing is marked stale

    def _connect(self) -> None:
        """Open replica.db, once more if it is open."""
        self.rest()
        if self._connection is not None:
            self._connection.close()
        if self.where.db_key is None and is_locked(self.me, self.where):
            self.where = unlocked(self.config, self.where)
        self._connection = db.connect(self.where.replica, read_only=True, key=self.where.db_key)
        self._views = Views(self._connection)

    def _behind(self) -> list[rows.Space]:
        """Return the spaces whose hub stands elsewhere than this copy's cursor."""
        self._heads = self._peek.newest([one.id for one in self.spaces])
        return [one for one in self.spaces if self._heads.get(one.id, 0) != one.cursor]

    @property
    def connection(self) -> db.Connection:
        """Return the database itself, for questions that few commands ask."""
        assert self._connection is not None
        return self._connection

    @property
    def views(self) -> Views:
        """Return the answers of the database; a profile without spaces is asked for none."""
        assert self._connection is not None
        return self._views

    def waiter(self) -> Waiter:
        """Return a context that waits for changes; make it before looking, so none is missed."""
        return Waiter(self)

    # -- names ----------------------------------------------------------------------------------

    def space(self, text: str | None) -> rows.Space:
        """Return the space that ``text`` means; None means the only one there is.

        Raises NotFoundError, UsageError(missing_required_flag) where there are several or none.
        """
        return space.choose(self.spaces, text)

    def chosen(self, text: str | None) -> list[rows.Space]:
        """Return the space that ``text`` means; None means all."""
        return self.spaces if text is None else [space.find(self.spaces, text)]

    def heard(self, text: str | None) -> list[rows.Space]:
        """Return the space that ``text`` means; None means all that are not muted."""
        return [one for one in self.chosen(text) if text is not None or not one.muted]

    def people(self, of: rows.Space) -> People:
        """Return everybody of a space."""
        return People(self.views.members(of.sn), me=self.me.did, find_did=self.views.did)

    def me_an(self) -> int | None:
        """Return this profile's number in its database; None where it is in no space yet."""
        if self._me_an is None and self._connection is not None:
            self._me_an = self.views.actor(self.me.did)
        return self._me_an

    def actor(self) -> Json:
        """Return this profile as an Actor; what it is differs by space, so no role is named."""
        made = actor(self.me.did, self.me.name)
        if self.spaces:
            found = self.people(self.spaces[0]).member(self.me_an() or 0)
            made["kind"] = None if found is None else found.type
        return made

    def task(self, text: str, within: str | None) -> tuple[rows.Space, rows.Task]:
        """Return the task that ``text`` means, in one space or in any, and its space."""
        low, high = ids.span(text, *ids.EVENT_PREFIXES)
        found = [
            (one, task)
            for one in self.chosen(within)
            for task in self.views.task_ids(one.sn, low, high)
        ]
        wanted = ids.choose(text, [task for _, task in found], "task")
        place = next(one for one, task in found if task == wanted)
        row = self.views.task(place.sn, wanted)
        assert row is not None
        return place, row

    def event(self, text: str, of: rows.Space) -> bytes:
        """Return the id of the accepted event that ``text`` means."""
        low, high = ids.span(text, *ids.EVENT_PREFIXES)
        return ids.choose(text, self.views.events(of.sn, low, high), "evt")

    # -- what stands beside answers ---------------------------------------------------------------

    def tally(self, of: rows.Space) -> Tally:
        """Return what there is to do in a space, and what lies beside it."""
        counts, parked = self.views.counts(of.sn, self.me_an()), self.views.parked(of.sn)
        return Tally(
            *counts,
            quarantined=self.views.quarantined(of.sn),
            waiting=parked.get("waiting", 0),
            sealed=parked.get("sealed", 0),
            isolated=of.id in self.relays and self.relays[of.id].isolated,
        )

    def is_stale(self, spaces: Sequence[rows.Space]) -> bool:
        """Return whether one of ``spaces`` lacks what its hub has, or may lack what a relay has."""
        return self.is_behind(spaces) or (
            self.config.sync and any(self._is_old(one, failed=False) for one in spaces)
        )

    def is_behind(self, spaces: Sequence[rows.Space]) -> bool:
        """Return whether one of ``spaces`` lacks what the hub of this machine has."""
        return any(one.sn in self._stale for one in spaces)

    def beyond(self, of: rows.Space) -> int:
        """Return how many entries the hub of this machine has that this copy has not taken in."""
        if not self._heads:
            self._heads = peek.newest(self.where.hub, [one.id for one in self.spaces])
        return max(0, self._heads.get(of.id, 0) - of.cursor)

    def freshness(self, spaces: Sequence[rows.Space]) -> Json:
        """Return when ``spaces`` were last brought up to date, and whether they are."""
        times = [one.synced_ms for one in spaces if one.synced_ms is not None]
        known = min(times) if len(times) == len(spaces) and times else None
        return {"synced_at": stamp(known), "stale": self.is_stale(spaces)}


class Live(Protocol):
    """Whoever listens to relays meanwhile; it is loaded where a space is connected."""

    def __enter__(self) -> Live:
        """Begin to listen."""

    def __exit__(self, *_: object) -> None:
        """End."""


class Waiter:
    """Waits until the hub or the database of a reader changes, then lets the reader look."""

    def __init__(self, reader: Reader) -> None:
        from envoy.system.watch import Watcher

        self._reader = reader
        self._is_told = False  # that something changed, and nobody has looked since
        self._live: Live | None = None  # made where a relay has a space
        self._watcher = Watcher(
            [peek.wake_path(reader.where.hub), peek.wake_path(reader.where.replica)]
        )

    def __enter__(self) -> Waiter:
        reader = self._reader
        if reader.relays and reader.config.sync:
            from envoy.wiring import live

            self._live = live.listen(reader.config, reader.me.lock)
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.__exit__()
        self._watcher.close()

    def wait(self, seconds: float) -> None:
        """Wait for a change, at most ``seconds``, then take in what is new.

        The kernel tells when pages are written, and they count only once the disk has them: then
        nobody tells again. So the reader looks until something has moved, for half a second. What
        a look had no time for does not announce itself either: it looks again soon.
        """
        reader = self._reader
        before, behind = reader.seen(), reader.is_behind(reader.spaces)
        reader.rest()
        if behind:
            seconds = min(seconds, limits.POLL_MS / 1000)
        # A disk may take longer than the pauses below: so now and then it looks unasked, too.
        told, self._is_told = self._is_told, False
        told = told or self._watcher.wait(min(seconds, limits.WAIT_LOOK_SECONDS))
        if not told and not behind:
            reader.look()
            if reader.seen() == before:
                reader.rest()
            return
        for pause_ms in SETTLE_MS:
            reader.look()
            if reader.seen() != before:
                return
            reader.rest()
            # The last pause, too, may end with a change: nobody has looked at that one yet.
            self._is_told = self._watcher.wait(pause_ms / 1000)


def open_reader(config: Config) -> Reader:
    """Return the profile of ``config``, opened for reading and up to date as far as it can be.

    Raises NotFoundError(profile_not_found), IntegrityError (state_access_denied, state_corrupt,
    schema_too_new), InternalError(storage_failed).
    """
    where = home.paths(config.home, config.profile)
    reader = Reader(config, where)
    reader.look()
    return reader


def linked(of: rows.Space, relay: peek.Relay) -> rows.Space:
    """Return a connected space as this machine knows it: in touch when its relay was reached."""
    return of._replace(
        mode=CONNECTED, synced_ms=relay.asked_ms or None, pending=of.pending + relay.waiting
    )


def is_locked(me: home.Public, where: home.Paths) -> bool:
    """Say whether the database of a profile is encrypted, or should be."""
    return me.lock != "none" or not db.is_plain(where.replica)


def unlocked(config: Config, where: home.Paths) -> home.Paths:
    """Return ``where`` with the key of the database, loading what unlocks first.

    Raises NeedsHumanError(profile_locked), IntegrityError(state_corrupt).
    """
    from envoy.wiring import secrets

    return secrets.keyed(config, where)[1]


def objects_of(reader: Reader, of: rows.Space) -> Part:
    """Return the objects of a space for its Work Record, loading what reads them if it has any."""
    if not reader.views.has_objects(of.sn):
        return NO_OBJECTS
    from envoy.wiring.shelf import Shelf

    return Shelf(reader.connection, reader.where, of).part()


def handoff_of(reader: Reader, of: rows.Space, task: bytes) -> Json | None:
    """Return the handoff that stands of a task, loading what reads it if there are records."""
    if not reader.views.has_records(of.sn):
        return None
    from envoy.storage.record_views import RecordViews
    from envoy.views import handoffs
    from envoy.wiring import handed

    row = handed.of_task(reader.views, RecordViews(reader.connection), of, task)
    if row is None:
        return None
    made = handoffs.handoff(row, reader.people(of), space=space.space_id(of))
    return {**made, "verify": handed.word(reader.views, of, row)}


def told_of(reader: Reader, of: rows.Space, named: Sequence[bytes]) -> Telling | None:
    """Return what records say in the Work Record of a space, loading what reads them if any are.

    ``named`` is what its tasks name as evidence.
    """
    if not reader.views.has_records(of.sn):
        return None
    from envoy.wiring import telling

    found = telling.told(reader.connection, of, reader.people(of), named)
    if not found.given:
        return found
    from envoy.wiring import handed

    return handed.handed(reader.views, of, found)


def damage_of(connection: db.Connection) -> str | None:
    """Return what is wrong with the tables of a database, if anything, loading what asks it."""
    from envoy.storage import soundness

    return next(soundness.shape(connection), None)


def refresh(config: Config, spaces: Sequence[bytes]) -> None:
    """Let the write side take in what is new in ``spaces``, loading it first."""
    from envoy.wiring import seldom

    with seldom.standing_in():
        from envoy.wiring import writes

    writes.refresh(config, spaces)


def give_back(config: Config, held: Sequence[tuple[int, bytes]]) -> None:
    """Release tasks, given with the numbers of their spaces, loading what writes first."""
    from envoy.wiring import seldom

    with seldom.standing_in():
        from envoy.wiring import giving

    giving.give_back(config, held)


def look_back(reader: Reader, of: rows.Space) -> Hindsight:
    """Return the log of a space for questions about older moments, loading the rules first."""
    from envoy.wiring import seldom

    with seldom.standing_in():
        from envoy.wiring import hindsight

    return hindsight.look_back(reader.connection, of)

"""Key ring: the epoch secrets one profile holds, and what they open.

An envelope names its epoch; with that epoch's secret this copy opens it, without it the frame stays
sealed. Secrets come from boxes and from the wraps of later epochs, and each was checked against its
epoch id before it got here.

Laws: a secret leaves only into the store, a box or a wrap. Nothing is cached across spaces.

Specification: docs/spec/epoch.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.core import epoch as epochs
from envoy.core.bodies import EpochCreate
from envoy.core.envelope import OPENER_BYTES, open_parsed, open_shown, parse
from envoy.core.event import Event
from envoy.core.kinds import KINDS, read_body
from envoy.core.log import Entry, EpochRow
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RemoteFault
from envoy.lean import NamedTuple
from envoy.replica.ports import EventStore


class Reader(NamedTuple):
    """Somebody an epoch is sealed to: a did or the id of an open invite, and its key.

    Who has none gets no box. Who is not ``named`` gets just a box: its grant cannot be cited yet.
    """

    id: bytes
    enc: bytes | None
    named: bool = True


class Sealed(NamedTuple):
    """A new epoch with all that goes to hubs beside its event."""

    epoch: epochs.NewEpoch
    body: EpochCreate
    boxes: tuple[tuple[bytes, bytes], ...]  # (tag, box)


class KeyRing:
    """The keys of one space, derived when they are first asked for.

    ``commitments``, by epoch, are those of a copy that was made from an audit bundle: it holds no
    epoch secret, and keeps each frame behind the key that opens it alone.
    """

    def __init__(
        self,
        events: EventStore,
        sn: int,
        space: bytes,
        *,
        commitments: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self._events = events
        self._sn = sn
        self._space = space
        self._is_shown = commitments is not None
        self._keys = {
            one: epochs.EpochKeys(b"", b"", commitment)
            for one, commitment in (commitments or {}).items()
        }

    def find(self, epoch: bytes) -> epochs.EpochKeys | None:
        """Return the keys of an epoch, None while its secret is unknown."""
        found = self._keys.get(epoch)
        if found is None:
            row = self._events.epoch(self._sn, epoch)
            if row is None or row.secret is None:
                return None
            found = self._keys[epoch] = epochs.epoch_keys(self._space, row.secret)
        return found

    def add(self, epoch: bytes, *, secret: bytes, head: bytes | None) -> None:
        """Keep the secret of an epoch, checked by whoever found it."""
        row = self._events.epoch(self._sn, epoch) or EpochRow(epoch, None, None, None, None, None)
        kept = row._replace(secret=secret, head=head or row.head)
        self._events.put_epoch(self._sn, kept)

    def reopen(self, entry: Entry, frame: bytes) -> Event:
        """Return an accepted event from its stored frame.

        Raises IntegrityError(state_corrupt) if the frame no longer opens: it did once.
        """
        if self._is_shown:
            opener, frame = frame[:OPENER_BYTES], frame[OPENER_BYTES:]
            return open_shown(parse(frame), entry.id, self._space, opener).event
        try:
            outer = parse(frame)
            keys = self.find(outer.epoch)
            if keys is None:
                raise RemoteFault("cannot_open")
            return open_parsed(outer, entry.id, self._space, keys.event_key).event
        except RemoteFault as error:
            raise IntegrityError("state_corrupt", cause="frame", rid=entry.rid) from error

    def body(self, entry: Entry) -> Body | None:
        """Return the decoded body of an accepted event, None if it is not of its kind."""
        if entry.kind not in KINDS:
            return None
        return self.body_in(entry, self._events.frame(entry.rid))

    def body_in(self, entry: Entry, frame: bytes) -> Body | None:
        """Return what ``body`` does, for whoever has the frame of the event."""
        if entry.kind not in KINDS:
            return None
        return read_body(entry.kind, self.reopen(entry, frame).body)

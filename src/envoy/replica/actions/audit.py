"""Audit: writes an audit bundle of a space, piece by piece.

Every accepted event goes in, as it is or as a stub, in the order of the space. What decides
authority is never withheld, nor is what acts on something that is shown. An event that is shown
gets the key that opens it alone; no secret of an epoch leaves.

Laws: nothing is written to the log. Memory is that of one group, the authority events and the
receipts, however long the log is. The caller holds one snapshot while this runs.

Specification: docs/spec/audit.md.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator

from envoy import limits
from envoy.core import bodies, bundle, epoch
from envoy.core.bundle import (
    ALWAYS,
    BODIES,
    OBJECTS,
    EpochLine,
    Header,
    Shown,
    Stub,
    Withheld,
    is_sorted_out,
)
from envoy.core.crypto.seal import once_key
from envoy.core.envelope import parse
from envoy.core.identity import space_fingerprint
from envoy.core.kinds import read_body
from envoy.core.log import Entry, EpochRow, split
from envoy.core.receipt import receipt_id
from envoy.errors import AuthorityError, IntegrityError
from envoy.lean import NamedTuple
from envoy.replica.keyring import KeyRing
from envoy.replica.replica import Replica

SORTS = (BODIES, OBJECTS)

Write = Callable[[bytes], object]
Progress = Callable[[str, int], None]


class Chosen(NamedTuple):
    """What is shown: the words of the header, and the events that are about its task.

    ``gone`` is what was redacted or taken back in the space itself: it is shown to nobody.
    ``beside`` is what makes the states of what is shown, by whomever and of whenever.
    """

    redact: tuple[str, ...] = ()
    member: bytes | None = None
    task: bytes | None = None
    since: int | None = None
    about: Container[bytes] = ()
    gone: Container[bytes] = ()
    beside: Container[bytes] = ()

    def hides(self, entry: Entry) -> bool:
        """Say whether a bundle has a stub in the place of an event."""
        if entry.kind in ALWAYS:
            return False
        if is_sorted_out(self.redact, entry.kind) or entry.id in self.gone:
            return True
        return entry.id not in self.beside and (
            self.member not in (None, entry.author)
            or (self.since is not None and entry.ts < self.since)
            or (self.task is not None and not self._is_about(entry))
        )

    def _is_about(self, entry: Entry) -> bool:
        return self.task in (entry.entity, entry.id) or entry.id in self.about


class Exported(NamedTuple):
    """A bundle that was written: its events, how many of them are stubs, receipts, bytes."""

    events: int
    stubs: int
    receipts: int
    size: int
    fingerprint: bytes


def export(
    replica: Replica, entries: Iterable[Entry], chosen: Chosen, *, write: Write, tell: Progress
) -> Exported:
    """Write the bundle of a space; ``entries`` are its accepted events, least (lam, id) first.

    Raises AuthorityError(epoch_revoked) where this profile may not read the space: nobody would
    take its signature; IntegrityError(state_corrupt).
    """
    return _Export(replica, chosen, write=write, tell=tell).run(entries)


class _Export:
    """A bundle while it is written."""

    def __init__(self, replica: Replica, chosen: Chosen, *, write: Write, tell: Progress) -> None:
        profile, space = replica.profile, replica.space
        self._events = profile.events
        self._sn, self._space = replica.sn, space.id
        self._identity = profile.identity
        self._keys = KeyRing(profile.events, replica.sn, space.id)
        self._chosen, self._write, self._tell = chosen, write, tell
        member = profile.rows.members(replica.sn).get(replica.me)
        if member is None or not member.reader:
            raise AuthorityError("epoch_revoked", required_verb="read")
        self._size = self._count = self._stubs = 0
        self._known = set[bytes]()
        header = Header(
            v=bundle.VERSION,
            space=space.id,
            author=replica.me,
            at=profile.clock.now_ms(),
            redact=chosen.redact,
            member=chosen.member,
            task=chosen.task,
            since=chosen.since,
        )
        self._to = bundle.Writer(header)

    def run(self, entries: Iterable[Entry]) -> Exported:
        """Write all of it."""
        self._put(self._to.start(self._epochs()))
        group = list[Shown | Withheld]()
        for entry in entries:
            group.append(self._event(entry))
            if len(group) == limits.BUNDLE_GROUP_EVENTS:
                self._group(group)
                group = []
        if group:
            self._group(group)
        frames = sorted(self._events.receipt_frames(self._sn), key=receipt_id)
        for frame in frames:
            self._put(self._to.receipt(frame))
        heads = [head.id for head in self._events.heads(self._sn, citable=False)]
        fingerprint = space_fingerprint(self._space, heads)
        self._put(self._to.seal(self._identity.signing_seed, fingerprint))
        return Exported(self._count, self._stubs, len(frames), self._size, fingerprint)

    def _put(self, piece: bytes) -> None:
        self._size += len(piece)
        self._write(piece)

    def _group(self, group: list[Shown | Withheld]) -> None:
        self._put(self._to.group(group))
        self._tell("events written", self._count)

    def _event(self, entry: Entry) -> Shown | Withheld:
        """Return an event as it goes into the bundle."""
        self._count += 1
        if self._chosen.hides(entry):
            self._stubs += 1
            return Withheld(self._count, entry.id, _stub(entry))
        frame = self._events.frame(entry.rid)
        outer = parse(frame)
        keys = self._keys.find(outer.epoch)
        if keys is None or outer.epoch not in self._known:
            raise IntegrityError("state_corrupt", cause="epoch", rid=entry.rid)
        return Shown(self._count, entry.id, once_key(keys.event_key, outer.salt), frame)

    # -- epochs -------------------------------------------------------------------------------

    def _epochs(self) -> list[EpochLine]:
        """Return what the ids of the known epochs were made of, ascending by id."""
        made = self._made()
        rows = sorted(self._events.epochs(self._sn), key=lambda one: one.id)
        found = [line for row in rows for line in self._lines(row, made)]
        self._known = {line.id for line in found}
        return found

    def _lines(self, row: EpochRow, made: dict[bytes, tuple[bytes, bytes]]) -> Iterator[EpochLine]:
        """Yield what an epoch id was made of: by its head, else by the event that made it.

        Of one without either nothing was accepted here.
        """
        keys, parts = self._keys.find(row.id), made.get(row.id)
        if row.head is not None:
            head = epoch.read_head(row.head, self._space, row.id)
            parts = head.tag, epoch.wrap_hash(head.prev_wrap)
        if keys is not None and parts is not None:
            tag, wrap = parts
            yield EpochLine(row.id, tag, keys.commitment, wrap)

    def _made(self) -> dict[bytes, tuple[bytes, bytes]]:
        """Return tag and wrap of the epochs that an authority event made, by id."""
        found = dict[bytes, tuple[bytes, bytes]]()
        for row in self._events.authority(self._sn):
            match read_body(row.entry.kind, row.body):
                case bodies.Genesis(nonce=nonce):
                    wrap = epoch.NO_WRAP
                case bodies.EpochCreate(nonce=nonce, wrap=wrap):
                    pass
                case _:
                    continue
            tag, keys = epoch.creator_tag(row.entry.author, nonce), self._keys.find(row.epoch)
            commitment = b"" if keys is None else keys.commitment
            named = epoch.epoch_id(self._space, tag=tag, commitment=commitment, wrap=wrap)
            if named == row.epoch:
                found[row.epoch] = (tag, wrap)
        return found


def _stub(entry: Entry) -> Stub:
    """Return what a bundle says of an event that it does not show."""
    return Stub(
        kind=entry.kind,
        author=entry.author,
        chain=entry.chain,
        seq=entry.seq,
        prev=entry.prev,
        deps=split(entry.deps),
        lam=entry.lam,
        auth=entry.auth,
        ts=entry.ts,
        basis=split(entry.basis),
    )

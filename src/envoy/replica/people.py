"""People: the member rows, which put together what four sorts of events say about one did.

Grants say whether somebody is a member, joins and grants bring a first name and an encryption key,
keys events newer keys, cards the name and type that are shown. Names are labels: nothing is decided
by one.

Laws: a key is taken only from a statement signed by its did. Of several the highest number counts,
of two with one number the smaller kid, a key for this space before a card key; so the order in
which statements arrive does not matter.

Specification: docs/spec/store.md, Projections; docs/spec/identity.md, Keys statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy.core import bodies
from envoy.core.crypto.seal import kid
from envoy.core.identity import KeysStatement, check_statement
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple
from envoy.replica.ports import EventStore, RowStore
from envoy.state.authority import Judgement, place
from envoy.state.content import Labels
from envoy.state.project import arrivals
from envoy.views import rows

CARD_NO: Final = -1  # a card key stands below every key for the space


class People:
    """The member rows of one space while a batch changes it."""

    def __init__(self, events: EventStore, store: RowStore, sn: int) -> None:
        self._events = events
        self._store = store
        self._sn = sn

    def judged(self, judgement: Judgement, space: bytes) -> list[bytes]:
        """Write role, coming and going of everybody; return the dids that are new here."""
        known, readers = self._store.members(self._sn), set(judgement.readers())
        names, fresh, came = _first_names(judgement), list[bytes](), arrivals(judgement)
        for did in known.keys() - came.keys():
            self._store.delete(known[did])  # a late event made void what it came in by
        for did, one in sorted(came.items()):
            row = known.get(did)
            if row is None:
                fresh.append(did)
                row = self._new(did)
            self._save(
                known.get(did),
                row._replace(
                    name=row.name if row.type is not None else names.get(did, ""),
                    role=judgement.role_of(did),
                    reader=int(did in readers),
                    joined_ms=one.joined_ms,
                    via=one.via,
                    removed_ms=one.removed_ms,
                ),
            )
        if fresh:
            # What came before its grant counted said nothing then.
            for event in judgement.ledger.events:
                if event.fault is None and event.body is not None:
                    self.offer(event.author, event.body, space, only=fresh)
        return fresh

    def _new(self, did: bytes) -> rows.Member:
        """Return the row of somebody who was not known here."""
        an = self._events.actor(did)
        return rows.Member(
            sn=self._sn,
            an=an,
            did=did,
            name="",
            type=None,
            role=None,
            reader=0,
            joined_ms=None,
            via=None,
            removed_ms=None,
            enc=None,
            kid=None,
            enc_no=None,
            access=None,
            flags="[]",
        )

    def _save(self, before: rows.Member | None, after: rows.Member) -> None:
        """Write a row that changed."""
        if before != after:
            self._store.save(after)

    def offer(
        self, author: bytes, body: Body, space: bytes, *, only: Sequence[bytes] | None = None
    ) -> None:
        """Take the keys that an event without fault states, if it states any that are newer.

        ``only``: if they are of one of these dids.
        """
        stated = _stated(author, body)
        if stated is not None and (only is None or stated.did in only):
            self._take(stated.did, stated.keys, space, access=stated.access)

    def _take(
        self, did: bytes, keys: bodies.Statement, space: bytes, *, access: bytes | None
    ) -> None:
        """Write a key of ``did`` into its row, unless a better one stands there."""
        row = self._store.members(self._sn).get(did)
        stated = _read(keys, did, space)
        if row is None:
            return
        after = row if access is None else row._replace(access=access)
        if stated is not None:
            no = CARD_NO if stated.space is None else stated.no
            ident = kid(stated.enc)
            better = row.enc_no is None or no > row.enc_no
            if better or (no == row.enc_no and row.kid is not None and ident < row.kid):
                after = after._replace(enc=stated.enc, kid=ident, enc_no=no)
        self._save(row, after)

    def labelled(self, did: bytes, labels: Labels, judgement: Judgement) -> None:
        """Write how somebody wants to be shown; without a card, as it was brought in."""
        row = self._store.members(self._sn).get(did)
        if row is not None:
            name = labels.name
            if name is None:
                name = _first_names(judgement).get(did, "")
            self._save(row, row._replace(name=name, type=labels.type))

    def flag_forks(self) -> None:
        """Flag the authors of forked chains; everybody can check the proof."""
        forked = set(self._events.forked(self._sn).values())
        if not forked:
            return
        for row in self._store.members(self._sn).values():
            if row.an in forked:
                self._save(row, row._replace(flags='["fork"]'))


class _Stated(NamedTuple):
    """Keys that an event brings: whose, and the access key beside them."""

    did: bytes
    keys: bodies.Statement
    access: bytes | None


def _stated(author: bytes, body: Body) -> _Stated | None:
    """Return the keys that an event by ``author`` states, None if it states none."""
    match body:
        case bodies.Join(keys=keys, access=access):
            return _Stated(author, keys, access)
        case bodies.Grant(subject=did, keys=bodies.Statement() as keys, access=granted):
            return _Stated(did, keys, granted)
        case bodies.Delegate(subject=did, keys=bodies.Statement() as keys):
            return _Stated(did, keys, None)
        case bodies.MemberKeys(keys=keys):
            return _Stated(author, keys, None)
        case _:
            return None


def _first_names(judgement: Judgement) -> dict[bytes, str]:
    """Return by did the name that the last join or grant for it gave."""
    found = dict[bytes, str]()
    for event in sorted(judgement.ledger.events, key=place):
        match event.body:
            case bodies.Join(name=name):
                found[event.author] = name
            case bodies.Grant(subject=subject, name=str(name)):
                found[subject] = name
    return found


def _read(keys: bodies.Statement, did: bytes, space: bytes) -> KeysStatement | None:
    """Return a statement that ``did`` signed for this space or as its card key, else None."""
    for where in (space, None):
        try:
            return check_statement(keys.statement, keys.sig, did=did, space=where)
        except RemoteFault:
            continue
    return None

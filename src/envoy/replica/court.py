"""Court: the authority of one space while a batch runs, rules on one side and the log on the other.

It loads the authority events once, answers whether a new event breaks a structural rule, judges the
set again when it has grown, and says which older content has to be looked at then. The rules are
``core.capability`` and ``state.authority``; nothing here adds to them.

Laws: verdicts depend on the set of events alone. What was judged before the batch is remembered
before the first new authority event is filed, so that only what changed is judged again.

Specification: docs/spec/authority.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.core.capability import AuthEvent, is_plain, structural, task_of
from envoy.core.event import Event
from envoy.core.log import Authority, Entry
from envoy.core.structs import Body
from envoy.replica.facts import LogFacts, auth_event, content_event, new_content
from envoy.replica.keyring import KeyRing
from envoy.replica.ports import EventStore
from envoy.state.authority import OK, Judgement, Status, Verdict
from envoy.state.authority_content import changed, content_verdict, is_settled
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge
from envoy.state.authority_views import Views


class Court:
    """Ledger, views and facts of the space ``sn``."""

    def __init__(self, events: EventStore, sn: int, keys: KeyRing, space: bytes) -> None:
        self._events = events
        self._sn = sn
        self.facts = LogFacts(events, sn, keys, space)
        self._views: Views | None = None
        self._before: Judgement | None = None
        self._after: Judgement | None = None
        self._settled_by: Judgement | None = None
        self._settled = dict[bytes, bool]()  # by grant
        # Sound content under plain grants: a page is full of what differs in nothing asked for.
        self._sound = set[tuple[bytes, bytes, str, int, bool]]()
        self.is_grown = False

    @property
    def views(self) -> Views:
        """Return the ancestry of every event; the genesis must have been taken in."""
        found = self._load()
        assert found is not None, "nothing is asked before the genesis"
        return found

    @property
    def ledger(self) -> Ledger:
        """Return the authority events, filed."""
        return self.views.ledger

    @property
    def next_ix(self) -> int:
        """Return the number of the next authority event."""
        found = self._load()
        return 0 if found is None else len(found.ledger.events)

    def _load(self) -> Views | None:
        """Return the views, read once; None before the genesis."""
        if self._views is None:
            rows = self._events.authority(self._sn)
            if rows:
                ledger = Ledger.of(auth_event(row) for row in rows)
                self._views = Views(ledger, self.facts)
        return self._views

    @property
    def judgement(self) -> Judgement:
        """Return the verdicts on all authority events that are filed now."""
        if self._after is None:
            self._after = judge(self.ledger, self.facts)
        return self._after

    def content_fault(
        self, event: Event, body: Body | None, *, entity: bytes | None, seen: int
    ) -> str | None:
        """Return the structural rule that new content breaks, None if it breaks none.

        ``seen`` has the numbers of the authority events in its ancestry.
        """
        like = (event.auth, event.author, event.kind, seen, body is None)
        if like in self._sound:
            return None
        task, views = task_of(event.kind, body, event.id), self.views
        content = new_content(event, entity=entity, task=task, seen=seen)
        fault = structural(content, body, views)
        grant = views.grant(event.auth)
        if fault is None and grant is not None and is_plain(grant):
            self._sound.add(like)
        return fault

    def fault(self, entry: Entry, event: Event, body: Body | None) -> str | None:
        """Return the structural rule that a new authority event breaks, None if it breaks none."""
        if event.kind == "genesis":
            return None
        self.facts.draft = entry  # not stored yet, and its ancestry may be asked for
        row = auth_event(Authority(entry, event.epoch, event.body))
        return structural(row, body, self.views)

    def begin(self) -> None:
        """Judge what is here before the batch adds content: an over-used invite asks about that."""
        if self._after is None and self._before is None:
            self._after = judge(self.ledger, self.facts)

    def file(self, row: Authority) -> None:
        """File a new authority event; the judgement before it is kept for ``rejudged``."""
        if row.entry.kind == "genesis" and row.entry.ix == 0:
            return  # it is stored, so the ledger will begin with it
        if self._before is None and not self.is_grown:
            self._before = self.judgement
        self.is_grown = True
        self.ledger.add(auth_event(row))
        self._after = None

    def verdict(self, entry: Entry) -> Verdict:
        """Return the verdict on a stored event of either sort."""
        if entry.ix is not None:
            return self.judgement.verdicts[entry.id]
        if entry.fault is None and self._is_settled(entry.auth):
            return OK
        return content_verdict(content_event(entry), self.judgement, self.facts)

    def _is_settled(self, auth: bytes) -> bool:
        """Say whether all content under a grant is ok, asked once per judgement."""
        judgement = self.judgement
        if judgement is not self._settled_by:
            self._settled_by, self._settled = judgement, {}
        found = self._settled.get(auth)
        if found is None:
            found = self._settled[auth] = is_settled(auth, judgement)
        return found

    @property
    def is_contested(self) -> bool:
        """Say whether new content may change what is judged: there is an over-used invite."""
        return bool(self.judgement.contested)

    def rejudge_for(self, new: Entry) -> bool:
        """Say whether a new event is content that may change what is judged of such an invite."""
        grant = self.judgement.ledger.grants.get(new.auth)
        return new.ix is None and grant is not None and grant.rank[0] < 2

    @property
    def before(self) -> Judgement | None:
        """Return the judgement before the first new authority event; None: none is new."""
        return self._before

    def rejudge(self) -> None:
        """Judge again although no authority event came: content did that a rule asks about."""
        if self._before is None:
            self._before = self.judgement
        self._after = None
        self.is_grown = True

    def stale(self) -> Iterator[Entry]:
        """Yield the stored events whose verdict this batch may have changed."""
        if self._before is None:
            return
        after = self.judgement
        for row in self._events.authority(self._sn):
            if self._before.verdicts.get(row.entry.id) != after.verdicts[row.entry.id]:
                yield row.entry
        what = changed(self._before, after)
        if what.closes or what.admits:
            yield from list(self._events.contents(self._sn))
            return
        for grant in sorted(what.grants):
            yield from self._events.under(self._sn, grant)

    def heads(self, *, unless: int, latest: int) -> list[AuthEvent]:
        """Return the authority events outside the bitset ``unless`` that none of them saw.

        Those that can be cited: not what is invalid, and not what is dated after ``latest``.
        """
        verdicts = self.judgement.verdicts
        new = [
            event
            for event in self.ledger.events
            if not unless >> event.index & 1
            and event.ts <= latest
            and verdicts[event.id].status is not Status.INVALID
        ]
        covered = 0
        for event in new:
            covered |= event.seen
        return [event for event in new if not covered >> event.index & 1]


def with_fault(entry: Entry, fault: str | None) -> Entry:
    """Return ``entry`` with the structural rule that it breaks."""
    return entry if fault is None else entry._replace(fault=fault, status="invalid", cause=fault)

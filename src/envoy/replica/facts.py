"""Facts: what the authority rules ask about a log, answered from the store.

The rules are pure and look at numbers; now and then they must know whether one event is in the
ancestry of another. For authority events a bitset says so. For content it takes ``past(r)``: per
chain the last event that ``r`` had seen. An ancestry is closed under prev, so on an unforked chain
that is one number; on a forked one the branch decides, and seq alone says nothing.

Laws: a past is computed once, when it is first asked for, from the nearest one that is stored, and
never changes: no ancestry does.

Specification: docs/spec/authority.md, Ancestry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from operator import attrgetter
from typing import Final

from envoy.core import bodies
from envoy.core.capability import AuthEvent, ContentEvent
from envoy.core.crypto.sign import SUITE
from envoy.core.epoch import creator_tag, epoch_id
from envoy.core.event import Event
from envoy.core.kinds import read_body
from envoy.core.log import Authority, Entry
from envoy.replica.keyring import KeyRing
from envoy.replica.ports import EventStore

Tips = dict[int, dict[bytes, int]]  # chain -> last event of each branch -> its seq
_PLACE: Final = attrgetter("lam", "id")


def auth_event(row: Authority) -> AuthEvent:
    """Return a stored authority event as the rules see it."""
    entry = row.entry
    assert entry.ix is not None, "authority events are numbered"
    return AuthEvent(
        index=entry.ix,
        id=entry.id,
        author=entry.author,
        auth=entry.auth,
        chain=entry.chain,
        seq=entry.seq,
        lam=entry.lam,
        ts=entry.ts,
        epoch=row.epoch,
        kind=entry.kind,
        body=read_body(entry.kind, row.body),
        seen=entry.saw,
        fault=entry.fault,
    )


def content_event(entry: Entry, task: bytes | None = None) -> ContentEvent:
    """Return a stored content event as the rules see it."""
    return ContentEvent(
        id=entry.id,
        author=entry.author,
        auth=entry.auth,
        chain=entry.chain,
        seq=entry.seq,
        lam=entry.lam,
        ts=entry.ts,
        kind=entry.kind,
        entity=entry.entity,
        task=task,
        seen=entry.saw,
        fault=entry.fault,
    )


def new_content(
    event: Event, *, entity: bytes | None, task: bytes | None, seen: int
) -> ContentEvent:
    """Return a content event that is no entry yet as the rules see it."""
    return ContentEvent(  # by place: this is made for every event
        event.id,
        event.author,
        event.auth,
        event.chain,
        event.seq,
        event.lam,
        event.ts,
        event.kind,
        entity,
        task,
        seen,
        None,
    )


class LogFacts:
    """The facts of one space (``state.authority.Facts``)."""

    def __init__(self, events: EventStore, sn: int, keys: KeyRing, space: bytes) -> None:
        self._events = events
        self._sn = sn
        self._keys = keys
        self._space = space
        self._tips = dict[int, Tips]()
        self.draft: Entry | None = None  # the event that is being held to the rules just now

    def saw(self, later: AuthEvent, event: ContentEvent) -> bool:
        """Say whether ``event`` is in the ancestry of ``later``."""
        tips = self._tips.get(later.index)
        if tips is None:
            tips = self._tips[later.index] = self._past(later)
        cn = self._events.chain(self._sn, event.author, event.chain)
        branches = tips.get(cn)
        if not branches or max(branches.values()) < event.seq:
            return False
        if len(branches) == 1 and cn not in self._events.forked(self._sn):
            return True
        return any(self._is_below(tip, seq, event) for tip, seq in branches.items())

    def witnesses(self, grants: Iterable[bytes], joins: int) -> Iterable[ContentEvent]:
        """Return the content under ``grants`` that saw one of ``joins``, ascending."""
        found = [
            entry
            for grant in grants
            for entry in self._events.under(self._sn, grant)
            if entry.saw & joins
        ]
        return [content_event(entry) for entry in sorted(found, key=_PLACE)]

    def keys_of(self, create: AuthEvent) -> Sequence[ContentEvent]:
        """Return the ``member.keys`` events of its author in the ancestry of ``create``."""
        found = [
            content_event(entry)
            for entry in self._events.entity(self._sn, create.author)
            if entry.kind == "member.keys" and entry.author == create.author
        ]
        return sorted((one for one in found if self.saw(create, one)), key=_PLACE)

    def creates(self, event: AuthEvent) -> bool:
        """Say whether an ``epoch.create`` made the epoch it is sealed under."""
        keys = self._keys.find(event.epoch)
        body = event.body
        assert keys is not None and isinstance(body, bodies.EpochCreate), "it was opened by them"
        tag = creator_tag(event.author, body.nonce)
        wrap, commitment = body.wrap, keys.commitment
        made = epoch_id(self._space, tag=tag, commitment=commitment, wrap=wrap)
        return body.suite == SUITE and event.epoch == made

    # -- past -------------------------------------------------------------------------------

    def _past(self, later: AuthEvent) -> Tips:
        """Return what ``later`` had seen, computing and keeping it the first time."""
        stored = self._events.past(self._sn, later.index)
        if not stored:
            stored = self._walk(later)
            self._events.add_past(self._sn, later.index, stored)
        tips: Tips = {}
        for cn, seq, tip in stored:
            tips.setdefault(cn, {})[tip] = seq
        return tips

    def _walk(self, later: AuthEvent) -> list[tuple[int, int, bytes]]:
        """Return (cn, seq, tip) of the ancestry of ``later``, newest events first."""
        forked = self._events.forked(self._sn)
        tips = {} if forked else self._nearest(later)
        covered = {cn: max(branches.values()) for cn, branches in tips.items()}
        named, todo, done = set[bytes](), list[tuple[int, bytes]](), set[bytes]()
        start = self.draft
        if start is None or start.id != later.id:
            start = self._events.entry(self._sn, later.id)
        assert start is not None, "what is judged is stored, or about to be"
        self._push(todo, start)
        while todo:
            _, ident = heappop(todo)
            entry = self._events.entry(self._sn, ident)
            assert entry is not None, "parents are accepted first"
            if ident in done or entry.seq <= covered.get(entry.cn, -1):
                continue
            done.add(ident)
            # Greatest lam first: whatever comes after ``entry`` on its branch was here before it.
            if ident not in named:
                self._add_tip(tips, entry, keep=entry.cn in forked)
            if entry.prev is not None:
                named.add(entry.prev)
            self._push(todo, entry)
        return [(cn, seq, tip) for cn, found in tips.items() for tip, seq in found.items()]

    def _push(self, todo: list[tuple[int, bytes]], entry: Entry) -> None:
        """Queue the parents of ``entry``, the greatest lam first."""
        for parent in entry.parents:
            known = self._events.entry(self._sn, parent)
            assert known is not None, "parents are accepted first"
            heappush(todo, (-known.lam, parent))

    @staticmethod
    def _add_tip(tips: Tips, entry: Entry, *, keep: bool) -> None:
        """Record ``entry`` as the end of a branch; an unforked chain has one."""
        branches = tips.setdefault(entry.cn, {})
        if not keep and branches:
            if max(branches.values()) >= entry.seq:
                return
            branches.clear()
        branches[entry.id] = entry.seq

    def _nearest(self, later: AuthEvent) -> Tips:
        """Return the stored past of the newest event that ``later`` saw, with that event."""
        for index in range(later.seen.bit_length() - 1, -1, -1):
            if not later.seen >> index & 1:
                continue
            stored = self._events.past(self._sn, index)
            if stored:
                tips: Tips = {}
                for cn, seq, tip in stored:
                    tips[cn] = {tip: seq}
                return tips
        return {}

    def _is_below(self, tip: bytes, seq: int, event: ContentEvent) -> bool:
        """Say whether ``event`` lies on the branch that ends in ``tip``."""
        at: bytes | None = tip
        while at is not None and seq > event.seq:
            entry = self._events.entry(self._sn, at)
            assert entry is not None, "parents are accepted first"
            at, seq = entry.prev, seq - 1
        return at == event.id

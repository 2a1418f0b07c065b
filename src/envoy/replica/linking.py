"""Linking: the place of the next event, chosen from what this copy has accepted.

An event names what its author had seen: the event before it on its chain, the authority events that
nothing of that saw, the heads of its entity, some heads of the space. What is dated ahead of this
clock is not named, so that no clock drags others along; what it stands on is named in its place, so
that nobody hides a removal, or other people's work, behind a date.

Laws: what an author links, every door lets in: ``lam`` above all that is named, ``ts`` not below a
parent's. A copy whose own last event is dated ahead leaves that chain and starts another.

Specification: docs/spec/event.md, Authoring.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from envoy import limits
from envoy.core import dag
from envoy.core.bodies import Merge
from envoy.core.capability import AuthEvent
from envoy.core.event import Links
from envoy.core.log import Entry, Head, split
from envoy.errors import ConflictError
from envoy.replica.batch import Batch
from envoy.replica.ports import Entropy, EventStore

CHAIN_BYTES: Final = 16
# A flood of events dated ahead costs every other writer no more than this many looks.
AHEAD_WALKED_MAX: Final = 1_000


class Linker:
    """What the next event of one batch may name, by the clock of the batch."""

    def __init__(self, batch: Batch, entropy: Entropy) -> None:
        self._batch = batch
        self._events: EventStore = batch.events
        self._entropy = entropy
        self._latest = batch.now_ms + limits.CITABLE_AHEAD_MS
        # Authority events that ``_seen`` leaves out and none of them saw, by number, newest first:
        # of the first ``_filed`` ones.
        self._filed = -1
        self._seen = 0
        self._beside = dict[int, dag.Head]()

    def links(self, entity: bytes | None, auth: bytes, *, gathers: bool = False) -> Links:
        """Return the place of the next event, an act on ``entity`` under the grant ``auth``.

        ``gathers``: it names heads of the space as they come, not one of each author. Raises
        ConflictError(clock_ahead) where all that is known is dated ahead of this clock.
        """
        tip = self._tip()
        acts = self._acts(entity)
        beside = [one for one in acts if not _is_behind(one, tip)]
        authority, heads, space = self._authority(tip), [_head(one) for one in beside], []
        if len(authority) < limits.DEPS_MAX:  # else there is no room for others
            space = self._space(tip)
        newest = list(islice(authority.values(), limits.DEPS_MAX))
        groups = (newest, [*heads, *space] if gathers else heads, space)
        deps = dag.choose_deps(
            groups,
            is_below_prev=lambda one: tip is not None and one == tip.id,
            latest=self._latest,
        )
        above = [*self._entries(deps), *([] if tip is None else [tip])]
        if not above:
            raise ConflictError("clock_ahead", cause="this_clock_is_behind")
        lam = 1 + max(one.lam for one in above)
        return Links(
            chain=self._chain(tip),
            seq=0 if tip is None else tip.seq + 1,
            prev=None if tip is None else tip.id,
            deps=deps,
            lam=lam,
            auth=auth,
            ts=max(self._batch.now_ms, *(one.ts for one in above)),
            # A head that did not fit is not behind this event, so it was not seen either.
            basis=tuple(one.id for one in acts if one.lam < lam)[: limits.BASIS_MAX],
        )

    def surplus(self, entity: bytes | None) -> Merge | None:
        """Return the merge that comes before the next event, None where all heads fit into it.

        A merge takes up to sixteen heads and leaves one, so asking again comes to an end.
        """
        authority, acts = len(self._authority(self._tip())), len(self._acts(entity))
        if authority > limits.DEPS_MAX or (authority and authority + acts > limits.DEPS_MAX):
            return Merge(None)
        return Merge(entity) if acts > limits.BASIS_MAX else None

    def is_scattered(self) -> bool:
        """Say whether the next event cannot name every head there is."""
        tip = self._tip()
        authority = self._authority(tip)
        if len(authority) > limits.DEPS_MAX:
            return True
        heads = {one.id for one in (*authority.values(), *self._space(tip))}
        return len(heads - ({tip.id} if tip is not None else set())) > limits.DEPS_MAX

    # -- the parts --------------------------------------------------------------------------

    def _tip(self) -> Entry | None:
        """Return my last event in this copy's chain, None if the next one starts a chain."""
        space = self._batch.space
        if space.chain is None or space.tip is None:
            return None
        tip = self._events.entry(self._batch.sn, space.tip)
        return None if tip is None or tip.ts > self._latest else tip

    def _chain(self, tip: Entry | None) -> bytes:
        """Return the chain to write in."""
        chain = self._batch.space.chain
        return self._entropy(CHAIN_BYTES) if tip is None or chain is None else chain

    def _authority(self, tip: Entry | None) -> Mapping[int, dag.Head]:
        """Return the authority events that my tip has not seen and none of them saw, newest first.

        A flood of them is looked through once. What a merge sees is an ancestry, so of the others
        those stay heads that were: only what it saw is taken out, and merging n costs n.
        """
        court = self._batch.court
        seen = 0 if tip is None else tip.saw | (1 << tip.ix if tip.ix is not None else 0)
        if self._filed != court.next_ix or self._seen & ~seen:
            found = court.heads(unless=seen, latest=self._latest)
            found.sort(key=lambda one: (one.lam, one.id), reverse=True)
            self._beside = {one.index: _head(one) for one in found}
            self._filed = court.next_ix
        else:
            for index in _indexes(seen & ~self._seen):
                self._beside.pop(index, None)
        self._seen = seen
        return self._beside

    def _acts(self, entity: bytes | None) -> list[Entry]:
        """Return the heads of an entity, ascending by id: of what is not dated ahead."""
        if entity is None:
            return []
        events, sn = self._events, self._batch.sn
        heads = self._entries([one for one, _ in events.entity_heads(sn, entity)])
        if all(one.ts <= self._latest for one in heads):
            return heads
        every = events.entity(sn, entity)
        acts = [one for one in every if one.fault is None and one.ts <= self._latest]
        named = {one for act in acts for one in split(act.basis)}
        return sorted((one for one in acts if one.id not in named), key=lambda one: one.id)

    def _space(self, tip: Entry | None) -> list[dag.Head]:
        """Return heads of the log that the next event may name."""
        heads = self._events.heads(self._batch.sn, citable=True)
        found = [_bare(one) for one in heads if one.ts <= self._latest]
        ahead = self._entries([one.id for one in heads if one.ts > self._latest])
        return found + [_head(one) for one in self._below(ahead) if not _is_behind(one, tip)]

    def _below(self, ahead: Sequence[Entry]) -> list[Entry]:
        """Return what events dated ahead stand on, as far as that may be named."""
        todo, known, found = list(ahead), {one.id for one in ahead}, list[Entry]()
        while todo and len(known) < AHEAD_WALKED_MAX:
            for one in self._entries(todo.pop().parents):
                if one.id in known:
                    continue
                known.add(one.id)
                (found if one.ts <= self._latest else todo).append(one)
        return [one for one in found if one.fault is None]

    def _entries(self, ids: Iterable[bytes]) -> list[Entry]:
        """Return accepted events."""
        found = [self._events.entry(self._batch.sn, one) for one in ids]
        return [one for one in found if one is not None]


def _indexes(seen: int) -> Iterator[int]:
    """Yield the numbers in a bitset, the greatest first."""
    while seen:
        index = seen.bit_length() - 1
        yield index
        seen ^= 1 << index


def _is_behind(entry: Entry, tip: Entry | None) -> bool:
    """Say whether an event stands on my own chain, up to its tip."""
    return tip is not None and entry.cn == tip.cn and entry.seq <= tip.seq


def _head(entry: Entry | AuthEvent) -> dag.Head:
    """Return an event as something to name."""
    return dag.Head(entry.id, entry.author, entry.lam, entry.ts)


def _bare(head: Head) -> dag.Head:
    """Return a head of the log as something to name; its author's number tells authors apart."""
    return dag.Head(head.id, head.an.to_bytes(8), head.lam, head.ts)

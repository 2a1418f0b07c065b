"""The graph of events: order, ties, what is missing, what the next event names.

Every event names what its author had seen (prev, deps), so the events of a space form a graph that
no hub can reorder. Its order (lam, id) is the same on every replica and puts causes first; ties of
equals go by a hash of entity and author, which leaves nothing to grind but to a task's creator.

Deps are few: at most limits.DEPS_MAX. Heads that decide authority come first, so that no flood of
other heads keeps a removal out of the next event (THREATS D16).

Specification: docs/spec/event.md, Graph. Test vectors: tests/vectors/chain.json.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import TypeVar

from envoy import limits
from envoy.core.crypto.sign import sha256
from envoy.core.structs import State
from envoy.lean import Protocol


class Placed(Protocol):
    """Whatever has a place in the order: Event, Op, AuthEvent."""

    @property
    def lam(self) -> int:
        """Return 1 + the greatest lam of its parents."""

    @property
    def id(self) -> bytes:
        """Return the event id."""


class Head(State, frozen=True):
    """A head that the next event may name."""

    id: bytes
    author: bytes
    lam: int
    ts: int


PlacedT = TypeVar("PlacedT", bound=Placed)


def linearise(events: Iterable[PlacedT]) -> list[PlacedT]:
    """Return ``events`` in causal order; concurrent ones by id, so that no replica can differ."""
    return sorted(events, key=lambda event: (event.lam, event.id))


def tie(entity: bytes, author: bytes) -> bytes:
    """Return what decides between equals on ``entity``: the smaller one wins."""
    return sha256(entity, author)


def missing(
    prev: bytes | None, deps: Sequence[bytes], basis: Sequence[bytes], known: Container[bytes]
) -> tuple[bytes, ...]:
    """Return, ascending, what an event names and ``known`` lacks: while any is, it waits."""
    named = {*deps, *basis} if prev is None else {prev, *deps, *basis}
    return tuple(sorted(one for one in named if one not in known))


def choose_deps(
    groups: Sequence[Iterable[Head]], *, is_below_prev: Callable[[bytes], bool], latest: int
) -> tuple[bytes, ...]:
    """Return the deps of the next event, ascending, at most limits.DEPS_MAX.

    ``groups`` in order of precedence: heads among AUTH events, heads of the entity, heads of the
    space; all accepted, none invalid. Of the last group one head per author is taken, newest
    first. ``latest`` is now + limits.CITABLE_AHEAD_MS: what is dated later is not named yet, so no
    clock drags others. With more AUTH heads than fit, write ``merge`` events first.
    ``is_below_prev`` is asked for prev itself too, and says yes.
    """
    authority, entity, space = groups
    chosen = dict[bytes, None]()
    for head in (*newest(authority), *newest(entity), *one_per_author(space)):
        if len(chosen) == limits.DEPS_MAX:
            break
        if head.ts <= latest and not is_below_prev(head.id):
            chosen[head.id] = None
    return tuple(sorted(chosen))


def newest(among: Iterable[Head]) -> list[Head]:
    """Return ``among``, the newest (lam, id) first."""
    return sorted(among, key=lambda head: (head.lam, head.id), reverse=True)


def one_per_author(among: Iterable[Head]) -> list[Head]:
    """Return the newest head of each author, the newest of all first."""
    last = dict[bytes, Head]()
    for head in newest(among):
        last.setdefault(head.author, head)
    return list(last.values())

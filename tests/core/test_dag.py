"""The graph: one order, what waits, what the next event names, and proof of forks."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.core import dag, envelope, event, genesis
from envoy.core.dag import Head
from envoy.core.event import Event, Parent
from envoy.errors import RemoteFault
from oracle import scene
from vectorfile import good, load
from vectors import make_chain

Case = dict[str, Any]
IDS = st.integers(0, 255).map(lambda number: bytes((number,)) * 32)


def head(number: int, *, author: int = 0, lam: int = 0, ts: int = 0) -> Head:
    """Return the head whose id is ``number``."""
    return Head(bytes((number,)) * 32, bytes((author,)) * 32, lam, ts)


def choose(auth: list[Head], entity: list[Head], space: list[Head], below: bytes = b"") -> bytes:
    """Return the first bytes of the chosen ids; ``below`` are those of heads below prev."""
    groups = (auth, entity, space)
    chosen = dag.choose_deps(groups, is_below_prev=lambda one: one[0] in below, latest=100)
    return bytes(one[0] for one in chosen)


class Log:
    """The least ingest that there can be: what cannot be linked yet is tried again."""

    def __init__(self, case: Case) -> None:
        self.space, self.key = bytes.fromhex(case["space"]), bytes.fromhex(case["event_key"])
        self.accepted: dict[bytes, Event] = {}
        self.refused: dict[bytes, str] = {}
        self.waiting: dict[bytes, Event] = {}

    def take(self, frame: bytes) -> None:
        """Take one frame, and all that waited for it."""
        try:
            found = envelope.open_envelope(frame, self.space, self.key)
        except RemoteFault as fault:
            self.refused[envelope.envelope_id(frame)] = fault.code
            return
        self.waiting[found.id] = found
        while ready := [one for one in self.waiting.values() if not self.lacks(one)]:
            for one in ready:
                self.link(self.waiting.pop(one.id))

    def lacks(self, one: Event) -> tuple[bytes, ...]:
        """Return what ``one`` waits for."""
        return dag.missing(one.prev, one.deps, one.basis, self.accepted)

    def link(self, one: Event) -> None:
        """Accept ``one``, or refuse it for good."""
        parents = {
            known.id: Parent(known.author, known.chain, known.seq, known.lam, known.ts)
            for known in self.accepted.values()
        }
        try:
            if one.kind == event.GENESIS:
                genesis.check_genesis(one)
            event.check_links(one, parents)
        except RemoteFault as fault:
            self.refused[one.id] = fault.code
        else:
            self.accepted[one.id] = one

    def heads(self) -> set[bytes]:
        """Return what no accepted event names as a parent."""
        named = {one for known in self.accepted.values() for one in (known.prev, *known.deps)}
        return self.accepted.keys() - named

    def forks(self) -> list[tuple[bytes, bytes]]:
        """Return the pairs with one place on a chain: the least id and each of the others."""
        places = dict[tuple[bytes, bytes, int], bytes]()
        pairs = list[tuple[bytes, bytes]]()
        for one in sorted(self.accepted.values(), key=lambda known: known.id):
            first = places.setdefault((one.author, one.chain, one.seq), one.id)
            pairs += [(first, one.id)] if first != one.id else []
        return pairs


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("chain") == make_chain.vectors()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("case", "expect"), good("chain"))
def test_a_log_ends_the_same_in_every_order_of_arrival(case: Case, expect: Case, seed: int) -> None:
    frames = [bytes.fromhex(frame) for frame in case["frames"]]
    random.Random(seed).shuffle(frames)
    log = Log(case)
    for frame in frames:
        log.take(frame)
    found = log.accepted.values()
    assert [one.id.hex() for one in dag.linearise(found)] == expect["accepted"]
    assert sorted(one.hex() for one in log.waiting) == expect["waiting"]
    assert {one.hex(): code for one, code in log.refused.items()} == expect["refused"]
    assert sorted(one.hex() for one in log.heads()) == expect["heads"]
    assert [[one.hex(), other.hex()] for one, other in log.forks()] == expect["forks"]


@given(st.lists(st.builds(Head, IDS, IDS, st.integers(0, 9), st.integers())), st.randoms())
def test_the_order_does_not_hang_on_the_order_of_arrival(
    heads: list[Head], order: random.Random
) -> None:
    mixed = list(heads)
    order.shuffle(mixed)
    places = [(one.lam, one.id) for one in dag.linearise(mixed)]
    assert places == sorted((one.lam, one.id) for one in heads)


def test_a_tie_goes_by_the_plain_hash_of_entity_and_author() -> None:
    entity, author = scene.fixed("entity"), scene.fixed("author")
    assert dag.tie(entity, author) == hashlib.sha256(entity + author).digest()
    assert dag.tie(entity, author) != dag.tie(author, entity)


@pytest.mark.parametrize(
    ("prev", "deps", "basis", "lacking"),
    [
        pytest.param(None, (), (), b"", id="nothing is named"),
        pytest.param(b"k", (b"k",), (b"k",), b"", id="all is known"),
        pytest.param(b"x", (), (), b"x", id="prev is unknown"),
        pytest.param(None, (b"x", b"k"), (), b"x", id="a dep is unknown"),
        pytest.param(None, (), (b"x",), b"x", id="a basis is unknown"),
        pytest.param(b"z", (b"y", b"x"), (b"x",), b"xyz", id="each is told once, ascending"),
    ],
)
def test_what_is_named_and_not_known_is_missing(
    prev: bytes | None, deps: tuple[bytes, ...], basis: tuple[bytes, ...], lacking: bytes
) -> None:
    assert b"".join(dag.missing(prev, deps, basis, {b"k"})) == lacking


CROWD = [head(n, author=n, lam=n) for n in range(100, 140)]


@pytest.mark.parametrize(
    ("auth", "entity", "space", "chosen"),
    [
        pytest.param([], [], [], b"", id="the genesis alone, as prev"),
        pytest.param([head(3)], [head(1)], [head(2)], b"\1\2\3", id="of each group, ascending"),
        pytest.param([head(1)], [head(1)], [head(1)], b"\1", id="one id once"),
        pytest.param(
            [head(1, lam=0)],
            [],
            CROWD,
            bytes((1, *range(125, 140))),
            id="an old removal comes before forty newer heads",
        ),
        pytest.param(
            [head(n, lam=n) for n in range(20)],
            [head(90)],
            [],
            bytes(range(4, 20)),
            id="of too many that decide authority, the newest",
        ),
        pytest.param(
            [],
            [head(2, lam=0)],
            CROWD,
            bytes((2, *range(125, 140))),
            id="heads of the entity come before those of the space",
        ),
        pytest.param(
            [],
            [],
            [head(1, author=7, lam=1), head(2, author=7, lam=2), head(3, author=8)],
            b"\2\3",
            id="of each author the newest head",
        ),
        pytest.param(
            [head(1, author=7), head(2, author=7)], [], [], b"\1\2", id="AUTH heads of one author"
        ),
        pytest.param([head(1, ts=100)], [], [], b"\1", id="dated as late as may be"),
        pytest.param([head(1, ts=101)], [], [head(2)], b"\2", id="dated too far ahead"),
    ],
)
def test_deps_come_by_precedence(
    auth: list[Head], entity: list[Head], space: list[Head], chosen: bytes
) -> None:
    assert choose(auth, entity, space) == chosen


def test_what_is_below_prev_takes_no_place() -> None:
    assert choose([head(1)], [head(2)], CROWD, below=b"\1\2") == bytes(range(124, 140))

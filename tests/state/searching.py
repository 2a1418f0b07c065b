"""Searching: every small history there is, in every order of arrival, against the oracle.

A history is a fixed beginning and then `n` acts, each out of a family's alphabet, by one of three
actors. What an act saw beside the beginning is any set of the others that is closed under ancestry:
an author need not see its own earlier acts, so forks and backdating are in. What acts are, and what
is said beside them: tests/state/searching_events.py.

Each history is put to the oracle once, and delivered in every order that puts causes first, each
time to a replica that judges after every act. A walk over deliveries reaches them all: a step takes
in one more act, so what begins alike is taken in once, also where it becomes different histories.
Where two deliveries part, the replica is copied with its ledger, its views and its verdicts.

Nothing is believed there about the code that is searched. Two things are left out:

- Histories that differ by the numbering of their acts alone. Ids are hashes of an act and of what
  it saw, so without twins (acts that do the same and saw the same) these are one set of events; of
  those with twins the first that comes is taken (`searching_shapes.form`).
- Other orders of ids. They decide ties of lam; ids can be made to descend instead.

**Steps** in place of orders (`Walk.STEPS`): for each set of acts that can have arrived one replica
is kept, and from it each next act is taken in. So every step of every order is made, from a set to
a greater one, and whichever way a set is reached, the replica there must be in one state: verdicts,
judgement, files of the ledger, kept views (`Branch.state`). All orders then end alike, if what a
replica does next hangs on that state alone, and not on the numbers that its events got or on the
order within a file. That is the one thing to believe, and what the walk through all orders shows.

Histories are walked through by the bag of what is done in them, so a part of the search is all
histories of some bags. `tests/state/test_authority_searching.py` holds the walk against plain
enumerations (`searching_shapes`) and deliveries from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from enum import Enum
from functools import cache
from itertools import combinations_with_replacement, product
from typing import NamedTuple, TypeVar
from unittest.mock import patch

from envoy.core import capability, identity, joining
from envoy.core.capability import AuthEvent, Grant
from envoy.core.structs import replace
from envoy.state.authority import Verdict
from oracle.authority import Space
from state.delivery import Replica
from state.log import Log, Node
from state.oracled import SPACE, Oracled, by_envoy, by_oracle
from state.searching_events import Deed, Family, World
from state.searching_shapes import Found, Past, form
from state.told import told

Bag = tuple[int, ...]  # the acts of a history by their numbers in the alphabet, ascending
Key = frozenset[str]  # the names of the acts of a history
T = TypeVar("T")


class Differs(AssertionError):
    """A history on which two answers differ, in words."""


class Walk(Enum):
    """Whether each order of arrival is gone through, or each step of them."""

    ORDERS = "orders"
    STEPS = "steps"


class Answer(NamedTuple):
    """What a replica has stored and judged at the end of a delivery, whatever its order."""

    verdicts: dict[str, Verdict]
    live: list[bytes]
    kills: dict[bytes, list[tuple[bytes, bool]]]
    uses: dict[bytes, int]
    pin: bytes | None
    rules: int


# -- one delivery ------------------------------------------------------------------------------


class Asked(Oracled):
    """The oracle's space of one history, made of events that are shared with others."""

    def __init__(self, world: World, deeds: Sequence[Deed]) -> None:
        Space.__init__(self, SPACE, world.events(deeds))
        self.names = world.log.names
        self._ancestry, self._cause, self._ranks = world.ancestry, world.causes, world.ranks


class Branch(Replica):
    """A replica that can be copied, and so go on in more than one way."""

    def __init__(self, world: World) -> None:
        super().__init__(world.log)
        self.world = world
        self.at: dict[str, int] = {}  # the acts that are here, by name, as bits
        for name in world.start.nodes:
            self.accept(name)
        self.judge()
        self.first = (1 << len(self.bits)) - 1  # the AUTH events of the beginning

    def copy(self) -> Branch:
        """Return another replica in the same state; they have no list or dict in common."""
        assert self.views is not None and self.judgement is not None
        ledger, views = _copied(self.views.ledger), _copied(self.views)
        other = _copied(self)
        views.ledger, views.facts = ledger, other
        other.views, other.judgement = views, replace(self.judgement, ledger=ledger)
        return other

    def take(self, deed: Deed) -> None:
        """Take in an act and what is said right after it, and judge."""
        index = len(self.bits)
        for name in deed.arrives:
            node, seen = self.log.nodes[name], self._seen(name)
            if name == deed.name:
                self._accept_auth(node, seen)
                self.at[name] = 1 << index
            else:
                self._accept_content(node, seen)
        self.judge()

    def finish(self) -> None:
        """Take in the last words, and judge."""
        for name in self.world.last:
            self._accept_content(self.log.nodes[name], self._seen(name))
        if self.judgement is not None and self.judgement.contested:
            self.judge()
        else:
            self.judge_content()

    def _seen(self, name: str) -> int:
        """Return the bitset of the AUTH events that one after the beginning saw."""
        at, seen = self.at, self.first
        for one in self.world.saw[name]:
            seen |= at[one]
        return seen

    def _is_past(self, later: bytes, earlier: bytes) -> bool:
        return earlier in self.world.past[later]

    def state(self) -> tuple[Answer, object]:
        """Return all that a replica goes on from, without numbers and orders of arrival."""
        assert self.views is not None
        ledger, kept, answer = self.views.ledger, vars(self.views)["_kept"], self.answer()
        files = {name: _filed(one) for name, one in vars(ledger).items() if type(one) is dict}
        seen = {one.id: (one.fault, self._ids(one.seen)) for one in ledger.events}
        said = {name: (one.fault, self._ids(one.seen)) for name, one in self.content.items()}
        views = {self._ids(key): one.verdicts for key, one in kept.items()}
        every = (files, seen, said, views, self._ids(ledger.deciding))
        return answer._replace(verdicts=dict(answer.verdicts)), every

    def _ids(self, bits: int) -> frozenset[bytes]:
        """Return the AUTH events of a bitset."""
        return frozenset([one.id for one in self.auth.values() if bits >> one.index & 1])

    def answer(self) -> Answer:
        """Return what was judged, without the numbers that come of the order of arrival."""
        found = self.judgement
        assert found is not None
        return Answer(
            self.verdicts,
            [one.key for one in found.live],
            {
                key: [(one.event.id, one.weak) for one in kills]
                for key, kills in found.kills.items()
            },
            dict(found.uses),
            None if found.pin is None else found.pin.id,
            found.rules,
        )


def _copied(one: T) -> T:
    """Return a copy with lists and dicts of its own, and of lists in dicts."""
    other = object.__new__(type(one))
    kept = vars(other)
    for name, value in vars(one).items():
        kept[name] = value.copy() if type(value) in (dict, list) else value
        for key, row in value.items() if type(value) is dict else ():
            if type(row) is list:
                kept[name][key] = row.copy()
    return other


def _filed(file: dict[object, list[AuthEvent] | AuthEvent | Grant]) -> dict[object, object]:
    """Return what a file of a ledger holds, without the order in which it came.

    A grant is what its event and the grant above that make it, so its key stands for it.
    """
    return {
        key: frozenset([one.id for one in row]) if isinstance(row, list) else key
        for key, row in file.items()
    }


# -- all deliveries ----------------------------------------------------------------------------


class Here(NamedTuple):
    """Where the walk is: a replica, the acts in the order they came, what an act may have seen."""

    replica: Branch
    deeds: tuple[Deed, ...]
    left: Counter[int]
    pasts: tuple[frozenset[str], ...]  # the sets of acts that are closed under ancestry


class Search:
    """The histories of one family."""

    def __init__(
        self, family: Family, *, descending: bool = False, walk: Walk = Walk.ORDERS
    ) -> None:
        self.family, self.walk = family, walk
        self.world = World(family, descending=descending)
        self.known: dict[Key, Answer | None] = {}  # of this bag; None: a twin of another history
        self._states: dict[Key, object] = {}  # of what has arrived on the way
        self._forms: set[tuple[Past, tuple[int, ...]]] = set()
        self._orders = 0

    def run(self, bag: Bag) -> Found:
        """Check every history that does what is in a bag; raise `Differs`.

        What was found stays in `known` until the next run. As `deliveries` count the times that a
        history was complete.
        """
        self.known, self._states, self._forms, self._orders = {}, {}, set(), 0
        self.world.forget(len(bag) - 1)
        with _remembered_signatures():
            self._walk(Here(Branch(self.world), (), Counter(bag), (frozenset(),)))
        histories = sum(one is not None for one in self.known.values())
        return Found(histories, self._orders)

    def _walk(self, here: Here) -> None:
        """Take in each act that may come next."""
        is_last = here.left.total() == 1
        for deed in self._next(here):
            deeds = (*here.deeds, deed)
            if is_last:
                self._check(deeds, here.replica)
                continue
            replica = here.replica.copy()
            replica.take(deed)
            if self.walk is Walk.ORDERS or self._is_new(deeds, replica):
                left = here.left - Counter([deed.letter])
                own = deed.seen | {deed.name}
                pasts = [one | own for one in here.pasts if deed.seen <= one]
                self._walk(Here(replica, deeds, left, (*here.pasts, *pasts)))

    def _is_new(self, deeds: tuple[Deed, ...], replica: Branch) -> bool:
        """Say whether these acts arrive for the first time; if not, compare with that."""
        key, state = frozenset(deed.name for deed in deeds), replica.state()
        if self._states.setdefault(key, state) != state:
            raise Differs(f"{self.family.name}, on the way, in this order: {self._in_words(deeds)}")
        return self._states[key] is state

    def _next(self, here: Here) -> Iterator[Deed]:
        """Yield each act that may come next; where it is a twin, those before it can still come."""
        present = {(deed.letter, deed.twin, deed.seen) for deed in here.deeds}
        for letter, seen in product(here.left, here.pasts):
            same = sum(one[0] == letter and one[2] == seen for one in present)
            for twin in range(here.left[letter] + same):
                if (letter, twin, seen) not in present:
                    yield self.world.deed((letter, twin, seen))

    def _check(self, deeds: tuple[Deed, ...], before: Branch) -> None:
        """Deliver the last act of a history; compare with the oracle, or with the first order."""
        key = frozenset(deed.name for deed in deeds)
        if key not in self.known and self._is_twin(deeds):
            self.known[key] = None
        if key in self.known and self.known[key] is None:
            return
        replica = before.copy()
        replica.take(deeds[-1])
        self.world.end(deeds)
        replica.finish()
        self._orders += 1
        answer, known = replica.answer(), self.known.get(key)
        if known is None:
            self._compare(deeds, replica)
            self.known[key] = answer
        elif answer != known:
            raise Differs(f"{self.family.name}, in this order: {self._in_words(deeds)}")

    def _is_twin(self, deeds: tuple[Deed, ...]) -> bool:
        """Say whether another history with the same form was taken, or this is none."""
        if not any(deed.twin for deed in deeds):
            return False
        terms = {(deed.letter, deed.twin, deed.seen) for deed in deeds}
        if any(twin and (letter, twin - 1, seen) not in terms for letter, twin, seen in terms):
            return True
        found = form(_shape(deeds), tuple(deed.letter for deed in deeds))
        if found in self._forms:
            return True
        self._forms.add(found)
        return False

    def _compare(self, deeds: tuple[Deed, ...], replica: Branch) -> None:
        nodes = self.world.nodes(deeds)
        oracle = by_oracle(Asked(self.world, deeds))
        envoy = by_envoy(_only(nodes, replica), replica)
        parts = [part for part in oracle if oracle[part] != envoy[part]]
        if parts:
            both = [f"{part}: {oracle[part]} != {envoy[part]}" for part in parts]
            raise Differs("\n".join([f"{self.family.name}: {self._in_words(deeds)}", *both]))

    def _in_words(self, deeds: tuple[Deed, ...]) -> str:
        """Return the acts of a history, one each line, in the order in which they came."""
        names = [deed.name for deed in deeds]
        rows = {str(row["name"]): row for row in told(self.world.story(deeds))}
        return "".join(
            f"\n  {name}: {rows[name]['by']} {rows[name]['kind']} {rows[name]['body']}"
            f" under {rows[name]['under']} after {rows[name]['saw']}"
            for name in names
        )


def _only(nodes: dict[str, Node], replica: Branch) -> Log:
    """Return a story of these events alone, as far as answers are told by it."""
    log = copy(replica.log)
    log.nodes = nodes
    return log


def _shape(deeds: Sequence[Deed]) -> Past:
    """Return the ancestry of acts in the order in which they came."""
    bits = {deed.name: 1 << number for number, deed in enumerate(deeds)}
    return tuple(sum(bits[one] for one in deed.seen) for deed in deeds)


def _remembered_signatures() -> ExitStack:
    """Return a context in which each signature of a join is checked once, not at each arrival."""
    stack = ExitStack()
    for check in (identity.check_statement, joining.check_proof):
        stack.enter_context(patch.object(capability, check.__name__, cache(check)))
    return stack


def bags(count: int, letters: int) -> list[Bag]:
    """Return what `count` acts out of the first `letters` can be, those of few letters first."""
    found = combinations_with_replacement(range(letters), count)
    return sorted(found, key=lambda bag: (bag[-1], bag))


def search(
    family: Family,
    count: int,
    letters: int = 0,
    *,
    descending: bool = False,
    walk: Walk = Walk.ORDERS,
) -> Found:
    """Check every history of `count` acts out of the first `letters` (0: all) of a family."""
    one = Search(family, descending=descending, walk=walk)
    found = [one.run(bag) for bag in bags(count, letters or len(family.acts))]
    return Found(sum(part.histories for part in found), sum(part.deliveries for part in found))

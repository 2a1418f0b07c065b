"""World: the events that the histories of one family are made of, each told once.

An act is what it does and what it saw, as in life, where an id is a hash over both: so an act is
the same event in every history that holds it, and a history is a set of events closed under
ancestry. Acts that do the same and saw the same are twins, told apart by a number.

Content is probed, not enumerated. Each actor with a role speaks beside all acts and after all.
Whoever is given something by an act speaks right after it twice: what it says first is seen by all
that saw the act, what it says then by none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from hashlib import sha256
from typing import NamedTuple

from envoy.core.kinds import is_auth
from oracle.authority_events import Event, Rank
from state.log import Log, Node, Place
from state.oracled import event_of
from state.told import told_one

Doing = Callable[[Log, str, Place], object]
Term = tuple[int, int, frozenset[str]]  # what is done, which of the twins, the acts that it saw
NAME_DIGITS = 12


class Family(NamedTuple):
    """A beginning, the members that speak at its ends, and the acts that histories are made of."""

    name: str
    begin: Callable[[Log], object]
    speakers: str
    acts: tuple[Doing, ...]


class Deed(NamedTuple):
    """An act: its name, what it is, its place, and the events that arrive with it."""

    name: str
    letter: int
    twin: int
    seen: frozenset[str]
    place: tuple[int, bytes]
    arrives: tuple[str, ...]
    lam: int  # of the last event that arrives with it


class World:
    """The events of one family. Ids descend where otherwise they ascend, if told so."""

    def __init__(self, family: Family, *, descending: bool = False) -> None:
        self.family, self.descending = family, descending
        self.start = Log()
        family.begin(self.start)
        self.start.settle()
        for member in family.speakers:
            self.start.message(f"before {member}", member)
        self.last = [f"after {member}" for member in family.speakers]
        self.log = _copied(self.start)
        self._cones: dict[frozenset[str], Log] = {frozenset(): self.start}
        self.deeds: dict[Term, Deed] = {}
        self.named: dict[str, Deed] = {}
        self.saw: dict[str, frozenset[str]] = {}  # by event the acts that it saw
        self.past: dict[bytes, frozenset[bytes]] = {}  # by event all that it saw
        self.told: dict[str, Event] = {}  # for the oracle
        self.ancestry: dict[bytes, frozenset[bytes]] = {}  # what the oracle finds of each event
        self.causes: dict[bytes, str] = {}
        self.ranks: dict[bytes, Rank] = {}
        self._ids: dict[str, bytes] = {}
        for name in self.start.nodes:
            self._keep(self.start, name, frozenset())
        everything = _copied(self.start)
        for name in self.last:
            everything.message(name, name[-1])
            self._keep(everything, name, frozenset())
        self.log.names = everything.names

    def deed(self, term: Term) -> Deed:
        """Return an act, which is told when it is asked for the first time."""
        if term not in self.deeds:
            self.deeds[term] = self._made(*term)
        return self.deeds[term]

    def forget(self, seen: int) -> None:
        """Forget the acts that saw so many others or more, and stories of so many."""
        for acts in [one for one in self._cones if one and len(one) >= seen]:
            del self._cones[acts]
        for term in [one for one in self.deeds if len(one[2]) >= seen]:
            deed = self.deeds.pop(term)
            del self.named[deed.name]
            for name in deed.arrives:
                node = self.log.nodes.pop(name)
                del self.log.names[node.id], self.saw[name], self._ids[name]
                self.told.pop(name, None)
                for kept in (self.past, self.ancestry, self.causes, self.ranks):
                    kept.pop(node.id, None)

    # -- telling -----------------------------------------------------------------------------

    def _made(self, letter: int, twin: int, seen: frozenset[str]) -> Deed:
        ids = sorted(self.log.nodes[name].id.hex() for name in seen)
        raw = sha256("/".join([self.family.name, str(letter), str(twin), *ids]).encode()).digest()
        name = f"e{raw.hex()[:NAME_DIGITS]}"
        number = int.from_bytes(raw)
        log = _copied(self._cone(seen))
        self._act(log, Deed(name, letter, twin, seen, (0, self._id(number)), (), 0))
        node = log.nodes[name]
        arrives = [name]
        self._keep(log, name, seen)
        self.log.names.update(log.names)  # members, too
        subject = log.subjects.get(name)
        if subject is not None:
            self._keep(log, f"{name} spoke", seen | {name})
            speaks = Place(only=(name,), under=name)
            log.message(f"{name} speaks", log.names[subject], speaks)
            self._keep(log, f"{name} speaks", seen | {name})
            self.log.names[log.nodes[f"{name} speaks"].id] = f"{name} speaks"
            arrives += [f"{name} spoke", f"{name} speaks"]
        lam = node.lam + (len(arrives) > 1)
        found = Deed(name, letter, twin, seen, (node.lam, node.id), tuple(arrives), lam)
        self.named[name] = found
        return found

    def _id(self, number: int) -> bytes:
        return ((1 << 256) - 1 - number if self.descending else number).to_bytes(32)

    def _cone(self, seen: frozenset[str]) -> Log:
        """Return the story of the beginning and `seen`, in the order of the space."""
        if seen not in self._cones:
            last = self.ordered(seen)[-1]
            self._cones[seen] = log = _copied(self._cone(seen - {last.name}))
            self._act(log, last)
        return self._cones[seen]

    def ordered(self, names: Iterable[str]) -> list[Deed]:
        """Return acts in the order of the space."""
        return sorted((self.named[name] for name in names), key=lambda deed: deed.place)

    def _act(self, log: Log, deed: Deed) -> None:
        """Tell one act, whose causes are told, and what its subject says right after it."""
        after = [name for name in log.nodes if name.removesuffix(" spoke") in deed.seen]
        place = Place(after=after, id=int.from_bytes(deed.place[1]))
        self.family.acts[deed.letter](log, deed.name, place)
        subject = log.subjects.get(deed.name)
        if subject is not None:
            under = Place(only=(deed.name,), under=deed.name)
            log.message(f"{deed.name} spoke", log.names[subject], under)

    def _keep(self, log: Log, name: str, saw: frozenset[str]) -> None:
        """Take an event over."""
        node = log.nodes[name]
        self.log.nodes[name] = node
        self._ids[name] = node.id
        self.saw[name] = saw
        if is_auth(node.kind):
            every, past = log.nodes.values(), node.past
            self.past[node.id] = frozenset([one.id for one in every if past >> one.no & 1])

    def _told(self, name: str) -> Event:
        """Return an event for the oracle."""
        if name not in self.told:
            self.told[name] = event_of(told_one(self.log, name), self._ids)
        return self.told[name]

    # -- whole histories ---------------------------------------------------------------------

    def end(self, deeds: Iterable[Deed]) -> None:
        """Let the last words be said after these acts, which are all there are."""
        lam = 1 + max(deed.lam for deed in deeds)
        saw = frozenset([deed.name for deed in deeds])
        for name in self.last:
            self.saw[name] = saw
            if self.log.nodes[name].lam != lam:
                self.log.nodes[name] = self.log.nodes[name]._replace(lam=lam)

    def events(self, deeds: Iterable[Deed]) -> list[Event]:
        """Return the events of the history that was ended last, for the oracle."""
        found = [self._told(name) for name in self.start.nodes]
        acts = [self._told(name) for deed in deeds for name in deed.arrives]
        deps = tuple(one.id for one in acts if not self.log.names[one.id].endswith(" speaks"))
        for name in self.last:
            lam = self.log.nodes[name].lam
            acts.append(self._told(name)._replace(lam=lam, deps=deps))
            self.ancestry.pop(acts[-1].id, None)
            self.causes.pop(acts[-1].id, None)
        return [*found, *acts]

    def names(self, deeds: Iterable[Deed]) -> list[str]:
        """Return the names of all events of a history."""
        acts = [name for deed in deeds for name in deed.arrives]
        return [*self.start.nodes, *acts, *self.last]

    def story(self, deeds: Iterable[Deed]) -> Log:
        """Return a history as a story, told from the beginning."""
        acts = [deed.name for deed in deeds]
        log = _copied(self._cone(frozenset(acts)))
        for name in acts:
            if log.subjects.get(name) is not None:
                under = Place(only=(name,), under=name)
                log.message(f"{name} speaks", log.names[log.subjects[name]], under)
        seen = [name for name in log.nodes if name.removesuffix(" spoke") in acts]
        for name in self.last:
            log.message(name, name[-1], Place(after=seen))
        return log

    def nodes(self, deeds: Iterable[Deed]) -> dict[str, Node]:
        """Return the events of a history, by name."""
        return {name: self.log.nodes[name] for name in self.names(deeds)}


def _copied(story: Log) -> Log:
    """Return a copy of a story to which more can be told."""
    log = copy(story)
    log.nodes, log.names = dict(log.nodes), dict(log.names)
    log.subjects = dict(log.subjects)
    return log

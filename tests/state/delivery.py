"""Delivery: a replica of a story, and the orders in which the story can reach it.

The replica accepts events in any order that puts causes first, judges again after each of them or
after a page, as a real one does, and answers for the log (``Facts``) from real ancestry, forks
included.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from envoy.core.capability import AuthEvent, ContentEvent, structural
from envoy.core.kinds import is_auth
from envoy.core.structs import replace
from envoy.state.authority import Judgement, Status, Verdict
from envoy.state.authority_content import Changed, changed, content_verdict
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge
from envoy.state.authority_views import Views
from state.log import Log, Node


class Replica:
    """One copy of the story's space. ``verdicts`` by name are what it has stored."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.views: Views | None = None
        self.judgement: Judgement | None = None
        self.content: dict[str, ContentEvent] = {}
        self.auth: dict[str, AuthEvent] = {}
        self.bits: list[tuple[int, int]] = []  # (number in the story, index here) of AUTH events
        self.verdicts: dict[str, Verdict] = {}
        self.new: list[str] = []  # content without a verdict

    def accept(self, name: str) -> None:
        """Take in one event, its causes are here; ``judge`` follows."""
        node = self.log.nodes[name]
        seen = 0
        for no, index in self.bits:
            seen |= (node.past >> no & 1) << index
        if is_auth(node.kind):
            self._accept_auth(node, seen)
        else:
            self._accept_content(node, seen)

    def _accept_auth(self, node: Node, seen: int) -> None:
        event = AuthEvent(
            index=len(self.bits),
            id=node.id,
            author=node.author,
            auth=node.auth,
            chain=node.chain,
            seq=node.seq,
            lam=node.lam,
            ts=node.ts,
            epoch=node.epoch,
            kind=node.kind,
            body=node.body,
            seen=seen,
            fault=None,
        )
        if self.views is None:
            self.views = Views(Ledger(event), self)
        else:
            event = replace(event, fault=structural(event, node.body, self.views))
            self.views.ledger.add(event)
        self.bits.append((node.no, event.index))
        self.auth[node.name] = event

    def _accept_content(self, node: Node, seen: int) -> None:
        assert self.views is not None, "the genesis comes first"
        event = ContentEvent(
            id=node.id,
            author=node.author,
            auth=node.auth,
            chain=node.chain,
            seq=node.seq,
            lam=node.lam,
            ts=node.ts,
            kind=node.kind,
            entity=None,
            task=node.task,
            seen=seen,
            fault=None,
        )
        self.content[node.name] = replace(event, fault=structural(event, node.body, self.views))
        self.new.append(node.name)

    def judge(self) -> None:
        """Judge all AUTH events, and the content that is new or may have changed."""
        assert self.views is not None
        before, after = self.judgement, judge(self.views.ledger, self)
        self.judgement = after
        for name, event in self.auth.items():
            self.verdicts[name] = after.verdicts[event.id]
        if before is not None:
            what = changed(before, after)
            stale = [name for name in self.content if self._is_stale(name, what)]
            self.new = [*dict.fromkeys([*self.new, *stale])]
        self.judge_content()

    def judge_content(self) -> None:
        """Judge the content that is new: all there is to do where no AUTH event came.

        And where no invite is over-used: then new content may change the judgement.
        """
        assert self.judgement is not None, "all AUTH events are judged first"
        for name in self.new:
            self.verdicts[name] = content_verdict(self.content[name], self.judgement, self)
        self.new = []

    def _is_stale(self, name: str, what: Changed) -> bool:
        if name not in self.verdicts or what.closes or self.content[name].auth in what.grants:
            return True
        return what.admits and self.verdicts[name].status in (Status.HELD, Status.ADMITTED)

    # -- facts -------------------------------------------------------------------------------

    def _is_past(self, later: bytes, earlier: bytes) -> bool:
        return self.log.saw(self.log.names[later], self.log.names[earlier])

    def saw(self, later: AuthEvent, event: ContentEvent) -> bool:
        """Say whether ``event`` is in the ancestry of ``later``."""
        return self._is_past(later.id, event.id)

    def witnesses(self, grants: Iterable[bytes], joins: int) -> Iterable[ContentEvent]:
        """Return the content under ``grants`` that saw one of ``joins``."""
        chosen = set(grants)
        found = [one for one in self.content.values() if one.auth in chosen and one.seen & joins]
        return sorted(found, key=lambda one: (one.lam, one.id))

    def keys_of(self, create: AuthEvent) -> Sequence[ContentEvent]:
        """Return the new keys its author had stated before ``create``."""
        found = [
            one
            for one in self.content.values()
            if one.kind == "member.keys" and one.author == create.author and self.saw(create, one)
        ]
        return sorted(found, key=lambda one: (one.lam, one.id))

    def creates(self, event: AuthEvent) -> bool:
        """Say whether an ``epoch.create`` made its epoch."""
        return self.log.nodes[self.log.names[event.id]].creates


def deliver(log: Log, order: Iterable[str], *, page: int = 1) -> Replica:
    """Return a replica that took in the story in ``order`` and judged after every ``page``."""
    replica, names = Replica(log), list(order)
    for start in range(0, len(names), page):
        for name in names[start : start + page]:
            replica.accept(name)
        replica.judge()
    return replica


def orders(log: Log, *, most: int, seed: int = 0) -> list[list[str]]:
    """Return all orders of the story that put causes first, or ``most`` of them drawn by chance."""
    found = list(_first(_extensions(log), most + 1))
    if len(found) <= most:
        return found
    drawn = random.Random(seed)
    return [drawn_order(log, drawn) for _ in range(most)]


def _first(orders_: Iterator[list[str]], count: int) -> Iterator[list[str]]:
    for _, order in zip(range(count), orders_, strict=False):
        yield order


def _ready(log: Log, done: int) -> list[Node]:
    """Return the events whose causes are ``done`` and that are not."""
    return [
        node for node in log.nodes.values() if not done >> node.no & 1 and not node.past & ~done
    ]


def _extensions(log: Log) -> Iterator[list[str]]:
    """Yield every order that puts causes first."""
    todo: list[tuple[list[str], int]] = [([], 0)]
    while todo:
        order, done = todo.pop()
        if len(order) == len(log.nodes):
            yield order
        for node in _ready(log, done):
            todo.append(([*order, node.name], done | 1 << node.no))


def drawn_order(log: Log, drawn: random.Random) -> list[str]:
    """Return one order that puts causes first."""
    order, done = list[str](), 0
    while len(order) < len(log.nodes):
        node = drawn.choice(_ready(log, done))
        order.append(node.name)
        done |= 1 << node.no
    return order

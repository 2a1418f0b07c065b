"""Log: a small space written down as a story, and a replica it is delivered to.

A story names its events and says who did what, and what each author had seen; ids, lam, chains,
ancestry and bitsets follow from that. Members are one capital letter, O is the founder. Usually a
fixture is told first and then ``settled``; each later event has seen the fixture (and what stands
in ``after``) and nothing else, so two of them are concurrent unless one says otherwise. Who
pretends not to have seen cites ``only`` what it wants.

The replica accepts events in any order that puts causes first, judges again at each of them, as a
real one does, and answers for the log (``Facts``) from real ancestry, forks included.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from envoy.core import bodies
from envoy.core.capability import AuthEvent, ContentEvent, structural, task_of
from envoy.core.codec import encode
from envoy.core.crypto import sign
from envoy.core.crypto.seal import PUBLIC_BYTES, kid
from envoy.core.identity import STATEMENT_VERSION, KeysStatement
from envoy.core.invite import Joining, check_proof
from envoy.core.kinds import is_auth
from envoy.core.structs import Body, replace
from envoy.state.authority import Judgement, Status, Verdict
from envoy.state.authority_content import Changed, changed, content_verdict
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge
from envoy.state.authority_views import Views

DAY_MS = 24 * 60 * 60 * 1000
SPACE = sha256(b"the space of the story").digest()
FIRST_EPOCH = "E0"


def named(name: str) -> bytes:
    """Return the 32 bytes that stand for ``name``: an event, a task, an epoch."""
    return sha256(name.encode()).digest()


_DIDS: dict[str, bytes] = {}


def did(member: str) -> bytes:
    """Return the did of ``member``, whose signing seed is ``named(member)``."""
    if member not in _DIDS:
        _DIDS[member] = sign.public_key(named(member))
    return _DIDS[member]


class Place(NamedTuple):
    """Where an event stands: what it saw beside or instead of the fixture, and under which grant.

    ``after``: it saw the fixture and these; ``only``: nothing but these and their ancestry.
    ``under`` names a grant; by default the first one made to the author that the event saw.
    ``id`` orders events of one lam; ``fork`` names an event whose place in the chain is taken.
    """

    after: Sequence[str] = ()
    only: Sequence[str] | None = None
    under: str | None = None
    ts: int | None = None
    id: int | None = None
    fork: str | None = None


class Node(NamedTuple):
    """An event of the story; ``past`` is the bitset of the numbers of all events it saw."""

    no: int
    name: str
    id: bytes
    author: bytes
    auth: bytes
    chain: bytes
    seq: int
    parents: tuple[str, ...]
    past: int
    lam: int
    ts: int
    epoch: bytes
    kind: str
    body: Body | None
    task: bytes | None
    creates: bool


HERE = Place()


class Log:
    """A story. Every method that tells an event returns its name."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.names: dict[bytes, str] = {SPACE: "genesis", did("O"): "O"}
        self.subjects: dict[str, bytes] = {}  # grant -> who acts under it
        self.fixture: tuple[str, ...] = ()
        genesis = bodies.Genesis(
            founder=did("O"),
            root_pub=bytes(32),
            suite=1,
            rules=1,
            name="story",
            expires=None,
            policy=(),
            hub=bytes(32),
            nonce=bytes(16),
            salt=bytes(32),
        )
        self.tell("genesis", "O", "genesis", genesis, Place(only=()))
        self.subjects["genesis"] = did("O")

    def settle(self) -> None:
        """Make what was told so far the fixture: all later events have seen it."""
        self.fixture = tuple(self.heads(self.nodes))

    def heads(self, names: Iterable[str]) -> list[str]:
        """Return those of ``names`` that no other of them saw."""
        chosen = [self.nodes[name] for name in names]
        covered = 0
        for node in chosen:
            covered |= node.past
        return [node.name for node in chosen if not covered >> node.no & 1]

    def who(self, member: str) -> bytes:
        """Return the did of ``member`` and remember its name."""
        self.names[did(member)] = member
        return did(member)

    def saw(self, later: str, earlier: str) -> bool:
        """Say whether ``earlier`` is in the ancestry of ``later``."""
        return self.nodes[later].past >> self.nodes[earlier].no & 1 == 1

    # -- what members do ---------------------------------------------------------------------

    def grant(self, name: str, by: str, to: str, role: str, place: Place = HERE) -> str:
        """``by`` grants ``role`` to ``to``."""
        body = bodies.Grant(did(to), role, None, None, None, None)
        return self._give(name, by, to, "grant", body, place=place)

    def role(self, name: str, by: str, to: str, role: str, place: Place = HERE) -> str:
        """``by`` sets the role of ``to``."""
        return self._give(name, by, to, "role", bodies.Role(did(to), role), place=place)

    def delegate(
        self,
        name: str,
        by: str,
        to: str,
        place: Place = HERE,
        *,
        verb: str = "write",
        task: str | None = None,
        depth: int = 0,
        na: int | None = None,
    ) -> str:
        """``by`` delegates ``verb`` to ``to``."""
        scope = None if task is None else named(task)
        body = bodies.Delegate(did(to), verb, scope, depth, na, None)
        return self._give(name, by, to, "delegate", body, place=place)

    def invite(
        self,
        name: str,
        by: str,
        place: Place = HERE,
        *,
        role: str = "write",
        uses: int = 1,
        mode: str = "open",
        na: int = 10 * DAY_MS,
    ) -> str:
        """``by`` makes an invite; its redeem seed is ``named(name)``."""
        is_open = mode == "open"
        body = bodies.Invite(
            ipk=sign.public_key(named(name)),
            access=bytes(32),
            enc=bytes(PUBLIC_BYTES) if is_open else None,
            mode=mode,
            role=role,
            max_uses=uses,
            na=na,
            lookup=bytes(16),
            revoke_auth=bytes(32),
            redeemers=() if is_open else (did(by),),
        )
        return self.tell(name, by, "invite", body, place)

    def join(self, name: str, by: str, invite: str, place: Place = HERE, **other: str) -> str:
        """``by`` joins by ``invite``; ``proof_of`` or ``proof_by`` spoil the proof."""
        enc = named(by) * (PUBLIC_BYTES // 32)
        stated = KeysStatement(STATEMENT_VERSION, did(by), SPACE, 0, enc, 0)
        raw = encode(stated)
        keys = bodies.Statement(raw, sign.sign(named(by), "keys", raw))
        joining = Joining(
            SPACE, self.key(invite), did(other.get("proof_of", by)), kid(enc), bytes(32)
        )
        proof = sign.sign(named(other.get("proof_by", invite)), "join", *joining)
        body = bodies.Join(by, keys, bytes(32), proof)
        return self._give(name, by, by, "join", body, place=place._replace(under=invite))

    def remove(
        self, name: str, by: str, whom: str, place: Place = HERE, *, undo: Iterable[str] = ()
    ) -> str:
        """``by`` removes ``whom``, undoing acts."""
        body = bodies.Remove(self.who(whom), "", tuple(map(self.key, undo)))
        return self.tell(name, by, "remove", body, place)

    def revoke(self, name: str, by: str, target: str, place: Place = HERE) -> str:
        """``by`` revokes a grant or invite."""
        return self.tell(name, by, "revoke", bodies.Revoke(self.key(target), ""), place)

    def leave(self, name: str, by: str, place: Place = HERE) -> str:
        """``by`` leaves."""
        return self.tell(name, by, "leave", bodies.Leave(""), place)

    def admit(self, name: str, by: str, ids: Sequence[str], place: Place = HERE) -> str:
        """``by`` admits held events, or all that named revocations hold."""
        return self.tell(name, by, "admit", bodies.Admit(tuple(map(self.key, ids)), ""), place)

    def close(self, name: str, by: str, place: Place = HERE) -> str:
        """``by`` closes the space."""
        return self.tell(name, by, "close", bodies.Close(""), place)

    def pin(self, name: str, by: str, no: int, place: Place = HERE) -> str:
        """``by`` pins a hub."""
        return self.tell(name, by, "hub.pin", bodies.HubPin(no, named(name), None), place)

    def raise_rules(self, name: str, by: str, rules: int, place: Place = HERE) -> str:
        """``by`` raises the rules."""
        return self.tell(name, by, "space.rules", bodies.SpaceRules(rules), place)

    def epoch(
        self,
        name: str,
        by: str,
        readers: Sequence[str],
        place: Place = HERE,
        *,
        creates: bool = True,
        invites: Iterable[str] = (),
    ) -> str:
        """``by`` creates an epoch for ``readers`` (one letter each) and ``invites``."""
        ids = sorted([*map(self.who, readers), *map(self.key, invites)])
        recipients = tuple(bodies.Recipient(one, None) for one in ids)
        body = bodies.EpochCreate(1, bytes(16), bytes(32), recipients)
        return self.tell(name, by, "epoch.create", body, place, epoch=name, creates=creates)

    def message(self, name: str, by: str, place: Place = HERE, *, task: str | None = None) -> str:
        """``by`` says something, perhaps about a task."""
        about = None if task is None else named(task)
        return self.tell(name, by, "message", bodies.Message("", None, (), (), (), about), place)

    def keys(self, name: str, by: str, place: Place = HERE) -> str:
        """``by`` states a newer encryption key."""
        body = bodies.MemberKeys(bodies.Statement(b"", bytes(64)))
        return self.tell(name, by, "member.keys", body, place)

    def _give(self, name: str, by: str, to: str, kind: str, body: Body, *, place: Place) -> str:
        self.subjects[name] = self.who(to)
        return self.tell(name, by, kind, body, place)

    # -- events ------------------------------------------------------------------------------

    def tell(
        self,
        name: str,
        by: str,
        kind: str,
        body: Body | None,
        place: Place,
        *,
        epoch: str = FIRST_EPOCH,
        creates: bool = True,
    ) -> str:
        """Add an event. ``body`` None: it does not decode."""
        assert name not in self.nodes, f"{name} is told twice"
        cited = [*self.fixture, *place.after] if place.only is None else [*place.only]
        parents = [self.nodes[one] for one in self.heads(dict.fromkeys(cited))]
        past = 0
        for parent in parents:
            past |= parent.past | 1 << parent.no
        lam = 1 + max([parent.lam for parent in parents], default=-1)
        event = named(name) if place.id is None else place.id.to_bytes(32)
        chain, seq = self._chain(name, did(by), past, place.fork)
        self.names[event] = name
        self.nodes[name] = Node(
            no=len(self.nodes),
            name=name,
            id=event,
            author=self.who(by),
            auth=SPACE if kind == "genesis" else self._cited(by, past, place),
            chain=chain,
            seq=seq,
            parents=tuple(parent.name for parent in parents),
            past=past,
            lam=lam,
            ts=max([parent.ts for parent in parents], default=0) if place.ts is None else place.ts,
            epoch=named(epoch),
            kind=kind,
            body=body,
            task=task_of(kind, body, event),
            creates=creates,
        )
        return name

    def key(self, name: str) -> bytes:
        """Return the id of an event as others cite it."""
        if name == "genesis":
            return SPACE
        return self.nodes[name].id if name in self.nodes else named(name)

    def _cited(self, by: str, past: int, place: Place) -> bytes:
        """Return the grant an event cites."""
        if place.under is not None:
            return self.key(place.under)
        for grant, subject in self.subjects.items():
            node = self.nodes.get(grant)
            if subject == did(by) and node is not None and past >> node.no & 1:
                return self.key(grant)
        return named(f"no grant of {by}")

    def _chain(self, name: str, author: bytes, past: int, fork: str | None) -> tuple[bytes, int]:
        """Return chain and seq: on from the last own event seen, or on a new chain."""
        if fork is not None:
            return self.nodes[fork].chain, self.nodes[fork].seq
        own = [node for node in self.nodes.values() if node.author == author]
        taken = {(node.chain, node.seq) for node in own}
        for node in reversed(own):
            if past >> node.no & 1 and (node.chain, node.seq + 1) not in taken:
                return node.chain, node.seq + 1
        return named(f"chain of {name}")[:16], 0


# -- delivery --------------------------------------------------------------------------------


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
        again = set(self.new)
        if before is not None:
            again |= {name for name in self.content if self._is_stale(name, changed(before, after))}
        for name in again:
            self.verdicts[name] = content_verdict(self.content[name], after, self)
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


# -- the story as data -----------------------------------------------------------------------


def told(log: Log) -> list[dict[str, object]]:
    """Return the story as data: names instead of bytes, but for ids, which order events."""
    return [told_one(log, name) for name in log.nodes]


def told_one(log: Log, name: str) -> dict[str, object]:
    """Return one event of the story as data."""
    node = log.nodes[name]
    event: dict[str, object] = {
        "name": node.name,
        "id": node.id.hex(),
        "kind": node.kind,
        "by": log.names[node.author],
        "under": log.names.get(node.auth),
        "saw": list(node.parents),
        "chain": node.chain.hex()[:8],
        "seq": node.seq,
        "lam": node.lam,
        "ts": node.ts,
        "body": None if node.body is None else _body(log, node.body),
    }
    if node.task is not None:
        event["task"] = node.task.hex()
    if isinstance(node.body, bodies.Join):
        event["proved"] = _is_proved(log, node, node.body)
    if node.kind == "epoch.create":
        event["epoch"] = node.epoch.hex()
        event["creates"] = node.creates
    return event


def _is_proved(log: Log, node: Node, body: bodies.Join) -> bool:
    """Say whether the redeem proof of a join is good."""
    invite = log.nodes.get(log.names.get(node.auth, ""))
    if invite is None or not isinstance(invite.body, bodies.Invite):
        return False
    enc = named(log.names[node.author]) * (PUBLIC_BYTES // 32)
    joining = Joining(SPACE, invite.id, node.author, kid(enc), body.access)
    return check_proof(invite.body.ipk, body.proof, joining)


def _body(log: Log, body: Body) -> dict[str, object]:
    """Return the fields of a body that authority looks at."""
    match body:
        case bodies.Grant() | bodies.Role():
            return {"subject": log.names[body.subject], "role": body.role}
        case bodies.Delegate():
            task = None if body.task is None else body.task.hex()
            return {
                "subject": log.names[body.subject],
                "verb": body.verb,
                "task": task,
                "depth": body.depth,
                "na": body.na,
            }
        case bodies.Invite():
            return {"mode": body.mode, "role": body.role, "uses": body.max_uses, "na": body.na}
        case bodies.Remove():
            undo = [log.names.get(one, one.hex()) for one in body.undo]
            return {"subject": log.names[body.subject], "undo": undo}
        case bodies.Revoke():
            return {"target": log.names.get(body.target, body.target.hex())}
        case bodies.Admit():
            return {"ids": [log.names.get(one, one.hex()) for one in body.ids]}
        case bodies.EpochCreate():
            return {"rcpt": sorted(log.names[one.id] for one in body.rcpt)}
        case bodies.HubPin():
            return {"no": body.no}
        case bodies.SpaceRules():
            return {"no": body.rules}
        case _:
            return {}

"""Log: a small space written down as a story, and a replica it is delivered to.

A story names its events and says who did what, and what each author had seen; ids, lam, chains,
ancestry and bitsets follow from that. Members are one capital letter, O is the founder. Usually a
fixture is told first and then ``settled``; each later event has seen the fixture (and what stands
in ``after``) and nothing else, so two of them are concurrent unless one says otherwise. Who
pretends not to have seen cites ``only`` what it wants.

``state.delivery`` delivers a story to a replica, ``state.told`` writes it down as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple, TypedDict, Unpack

from envoy.core import bodies
from envoy.core.capability import task_of
from envoy.core.codec import encode
from envoy.core.crypto import sign
from envoy.core.crypto.seal import PUBLIC_BYTES, kid
from envoy.core.identity import STATEMENT_VERSION, KeysStatement
from envoy.core.joining import Joining
from envoy.core.structs import Body

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


class Delegating(TypedDict, total=False):
    """What is delegated: by default `write` in the space, to be handed on by nobody, for ever."""

    verb: str
    task: str
    depth: int
    na: int


class Inviting(TypedDict, total=False):
    """What an invite gives: by default one use of an open code to write, for ten days."""

    role: str
    uses: int
    mode: str
    na: int


class Sealing(TypedDict, total=False):
    """The epoch an event is sealed under, and whether its fields give that epoch."""

    epoch: str
    creates: bool


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
        self, name: str, by: str, to: str, place: Place = HERE, **terms: Unpack[Delegating]
    ) -> str:
        """``by`` delegates to ``to``."""
        body = bodies.Delegate(
            subject=did(to),
            verb=terms.get("verb", "write"),
            task=named(terms["task"]) if "task" in terms else None,
            depth=terms.get("depth", 0),
            na=terms.get("na"),
            keys=None,
        )
        return self._give(name, by, to, "delegate", body, place=place)

    def invite(self, name: str, by: str, place: Place = HERE, **terms: Unpack[Inviting]) -> str:
        """``by`` makes an invite; its redeem seed is ``named(name)``."""
        mode = terms.get("mode", "open")
        body = bodies.Invite(
            ipk=sign.public_key(named(name)),
            access=bytes(32),
            enc=bytes(PUBLIC_BYTES) if mode == "open" else None,
            mode=mode,
            role=terms.get("role", "write"),
            max_uses=terms.get("uses", 1),
            na=terms.get("na", 10 * DAY_MS),
            lookup=bytes(16),
            revoke_auth=bytes(32),
            redeemers=() if mode == "open" else (did(by),),
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
        **sealing: Unpack[Sealing],
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
            epoch=named(sealing.get("epoch", FIRST_EPOCH)),
            kind=kind,
            body=body,
            task=task_of(kind, body, event),
            creates=sealing.get("creates", True),
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

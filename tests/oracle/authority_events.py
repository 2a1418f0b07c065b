"""What docs/spec/authority.md calls an event, its ancestry, a grant, a cap and a rank.

Plain data for `oracle.authority`; nothing here is a verdict. Ancestries are Python sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Id = bytes
Ids = frozenset[bytes]
Rank = tuple[int, int, int, bytes]
Place = tuple[int, bytes]

ROLES = ("read", "write", "admin", "owner")
CAPS = {
    "read": {"read"},
    "write": {"read", "write"},
    "admin": {"read", "write", "grant", "admin"},
    "owner": {"read", "write", "grant", "admin", "own"},
}
NEEDS = {
    **dict.fromkeys(("leave", "revoke", "member.keys", "card", "key.request"), "read"),
    **dict.fromkeys(("grant", "role", "invite", "remove"), "grant"),
    **dict.fromkeys(("admit", "hub.pin", "space.update", "space.policy"), "admin"),
    **dict.fromkeys(("close", "space.rules"), "own"),
    "join": "join",
}  # every other kind, an unknown one included: write
ROLE_GRANTS = ("genesis", "grant", "role", "join")
GIVING = (*ROLE_GRANTS, "delegate")
REVOCATIONS = ("remove", "role", "revoke", "leave")
AUTH = {*GIVING, *REVOCATIONS, "invite", "admit", "close", "epoch.create", "hub.pin", "space.rules"}
KNOWN = AUTH | {
    *("merge", "member.keys", "key.request", "card", "space.update", "space.policy"),
    *("message", "task.create", "task.assign", "task.claim", "task.release", "task.progress"),
    "task.complete",
}


class Event(NamedTuple):
    """One accepted event; `body` is None if it did not decode or the kind is unknown.

    `proved`: what a join's keys statement and redeem proof come to. `creates`: whether an
    `epoch.create` gives the epoch that it is sealed under, `epoch`.
    """

    id: Id
    author: bytes
    auth: Id
    chain: bytes
    seq: int
    prev: Id | None
    deps: tuple[Id, ...]
    lam: int
    ts: int
    kind: str
    body: Mapping[str, object] | None
    proved: bool = True
    creates: bool = True
    epoch: bytes = b""

    @property
    def place(self) -> Place:
        """The place in the order of the space."""
        return (self.lam, self.id)

    def says(self, field: str) -> object:
        """Return a field of the body; what is absent is nil."""
        return None if self.body is None else self.body.get(field)


class Facts:
    """A set of events, and what may be said of each before any rule is asked."""

    def __init__(self, space: Id, events: Iterable[Event]) -> None:
        self.id = space
        self.events = {event.id: event for event in events}
        self._ancestry: dict[Id, Ids] = {}
        self._ranks: dict[Id, Rank] = {}
        self.genesis = min(
            (event for event in self.events.values() if event.kind == "genesis"),
            key=lambda event: event.id,
        )

    def ancestry(self, event: Event) -> Ids:
        """Return Anc(e): all that is reached through prev and deps, without e."""
        if event.id not in self._ancestry:
            parents = {*event.deps, *([event.prev] if event.prev else [])}
            above = [self.ancestry(self.events[parent]) for parent in parents]
            self._ancestry[event.id] = frozenset(parents).union(*above)
        return self._ancestry[event.id]

    def saw(self, later: Event, earlier: Event) -> bool:
        """Return whether `later` saw `earlier`."""
        return earlier.id in self.ancestry(later)

    def grant(self, named: Id) -> Event | None:
        """Return the grant or invite that `named` cites: the space id cites the genesis."""
        if named == self.id:
            return self.genesis
        event = self.events.get(named)
        gives = event is not None and event.kind in (*GIVING, "invite")
        return event if gives and event is not None and event.kind != "genesis" else None

    def auth(self, event: Event) -> Event:
        """Return the grant that an event which passed S2 acts under."""
        found = self.grant(event.auth)
        assert found is not None
        return found

    def subject(self, grant: Event) -> object:
        """Return who got the grant; an invite has no subject."""
        if grant.kind in ("genesis", "join"):
            return grant.author
        return None if grant.kind == "invite" else grant.says("subject")

    def role(self, grant: Event) -> str:
        """Return what a role grant gives; nothing for the others."""
        if grant.kind == "genesis":
            return "owner"
        if grant.kind == "join":
            return str(self.auth(grant).says("role"))
        return str(grant.says("role")) if grant.kind in ROLE_GRANTS else ""

    def caps(self, grant: Event) -> set[str]:
        """Return what may be done under the grant."""
        if grant.kind == "invite":
            return {"join"}
        return CAPS[str(grant.says("verb")) if grant.kind == "delegate" else self.role(grant)]

    def rank(self, grant: Event) -> Rank:
        """Return rank(g); smaller is more senior."""
        if grant.kind == "genesis":
            return (0, 0, 0, self.id)
        if grant.id not in self._ranks:
            level = self.rank(self.auth(grant))[1] + (grant.kind != "join")
            seniority = {"owner": 0, "admin": 1}.get(self.role(grant), 2)
            self._ranks[grant.id] = (seniority, level, grant.lam, grant.id)
        return self._ranks[grant.id]

    def rank_of_act(self, event: Event) -> Rank:
        """Return rank(e), that of the grant it acts under."""
        return self.rank(self.auth(event))

    def below(self, grant: Event, above: Event) -> bool:
        """Return whether `above` is the parent of `grant`, the parent of that, and so on."""
        while grant.kind != "genesis":
            grant = self.auth(grant)
            if grant.id == above.id:
                return True
        return False

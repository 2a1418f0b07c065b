"""Access: what a relay is told of who may reach a space, made to follow the roles in it.

Nothing is done at the moment of a grant or a removal. What the space says is compared with what the
relay was told last, whoever acted and on whatever machine: members get a chain by their role, those
who are out and the codes that have ended are named in the next access statement. So a crash between
an act and what follows from it costs a delay, and the next client of an admin makes up for it.

Laws: chains go before the statement that ends the chains they replace, so nobody who may stay is
shut out. The founder's statement names what the space says and no current member, whatever an admin
stated; any other admin only adds. A relay that is away fails nothing: the call waits for it.

Specification: docs/spec/access.md, Following roles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar, cast

from envoy import limits
from envoy.core import access
from envoy.core.access import (
    ADMIN,
    DEPTHS,
    FOUNDER_DEPTH,
    RANKS,
    READ,
    WRITE,
    Capability,
    Link,
    Statement,
    latest_end,
)
from envoy.core.codec import I63, decode, encode
from envoy.core.crypto.sign import public_key, sha256
from envoy.core.structs import Body, replace
from envoy.errors import AuthorityError, EnvoyError, IntegrityError, RelayError, RemoteFault
from envoy.lean import NamedTuple
from envoy.replica.actions.stated import ROOT, Stated, read
from envoy.replica.replica import Profile, Replica
from envoy.replica.roads import CHAIN, Roads, pack, unpack
from envoy.sync.access import AccessFound, AccessGet
from envoy.sync.frames import HubRefusal
from envoy.views import rows

T = TypeVar("T")
CONNECTED: Final = "connected"
# Role in the space -> role at a relay.
ROLES: Final = {"owner": ADMIN, "admin": ADMIN, "write": WRITE, "read": READ}
ADMINS: Final = ("owner", "admin")
TOLD: Final = "access"  # the note of what the relay was told last
# What the relay has is looked at again after this time, though nothing changed here.
AGAIN_MS: Final = 3_600_000
TRIES_MAX: Final = 3  # another admin was first
# What a relay refuses of one chain and not of who brings it.
OF_ONE: Final = frozenset(("auth_failed", "epoch_revoked", "capability_expired", "quota_exceeded"))
ENDED: Final = ("revoked", "void", "invalid")
INCONSISTENT: Final = "relay_inconsistent"


class Told(Body, frozen=True):
    """What the relay was told last: when, ms; the state it came from; what chains were given.

    ``instance`` is that of the relay's log: another one was given nothing yet. ``gen`` is that of
    chains; ``given`` are access keys, each with its role behind it.
    """

    at: I63
    state: bytes
    instance: bytes
    gen: I63
    given: tuple[bytes, ...]


_NOTHING: Final = Told(0, b"", b"", 0, ())


class Plan(NamedTuple):
    """What follows from a space: roles by access key, hashes to end, hashes that are known."""

    roles: dict[bytes, str]
    ended: set[bytes]
    known: set[bytes]

    def state(self, instance: bytes) -> bytes:
        """Return what stands for all of it at one log of a relay."""
        roles = tuple(sorted(_mark_of(*one) for one in self.roles.items()))
        return sha256(encode((instance, roles, tuple(sorted(self.ended)))))


def _mark_of(key: bytes, role: str) -> bytes:
    return key + role.encode()


def roads_of(profile: Profile) -> Roads | None:
    """Return the roads of a profile, None where it has none."""
    return cast(Roads | None, profile.roads)  # its type is named where no hot command loads it


# -- chains --------------------------------------------------------------------------------------


def own_chain(profile: Profile, space: rows.Space) -> tuple[bytes, ...] | None:
    """Return the chain that leads to the own access key, None if only a relay may know one.

    A founder makes its own; others keep the one they were given or issued themselves.
    """
    me = profile.identity
    if space.founder == me.did:
        holder = public_key(me.access_seed(space.id))
        own = Capability(space.id, 0, ADMIN, holder, 0, FOUNDER_DEPTH, 0)
        return (access.issue(me.space_root_seed(space.salt), own),)
    raw = profile.rows.note(space.sn, CHAIN)
    return None if raw is None else unpack(raw)


def keep_chain(profile: Profile, sn: int, chain: Sequence[bytes]) -> None:
    """Keep the chain that leads to the own access key."""
    with profile.events.transaction(durable=True):
        profile.rows.keep_note(sn, CHAIN, pack(chain))


def issued(
    profile: Profile, space: rows.Space, holder: bytes, role: str
) -> tuple[bytes, ...] | None:
    """Return a chain for an access key by its role at relays, None where I can give none."""
    below = Capability(space.id, gen_of(profile, space), role, holder, 0, DEPTHS[role], 0)
    return below_mine(profile, space, below)


def below_mine(profile: Profile, space: rows.Space, below: Capability) -> tuple[bytes, ...] | None:
    """Return my chain with ``below`` behind it, depth and end cut to what mine leaves, or None."""
    own = own_chain(profile, space)
    if own is None or len(own) >= limits.CAPABILITY_LINKS_MAX:
        return None
    caps = [decode(decode(link, Link).cap, Capability) for link in own]
    mine, end = caps[-1], latest_end(caps)
    if mine.depth == 0 or RANKS[below.role] > RANKS[mine.role]:
        return None
    depth = min(below.depth, mine.depth - 1)
    exp = min(below.exp or end, end or below.exp)
    cap = Capability(below.space, below.gen, below.role, below.holder, exp, depth, below.uses)
    return (*own, access.issue(profile.identity.access_seed(space.id), cap))


def gen_of(profile: Profile, space: rows.Space) -> int:
    """Return the number that capabilities are issued under."""
    return _told(profile, space.sn).gen


def depth_of(chain: Sequence[bytes]) -> int:
    """Return how many links may follow a chain of one's own making."""
    return decode(decode(chain[-1], Link).cap, Capability).depth


# -- what follows from a space ---------------------------------------------------------------------


def plan(replica: Replica) -> Plan:
    """Return what follows from the roles and invites of a space."""
    store, sn, space = replica.profile.rows, replica.sn, replica.space
    gen, now = gen_of(replica.profile, space), replica.profile.clock.now_ms()
    found, highest = Plan({}, set(), set()), _highest(replica)
    for row in store.members(sn).values():
        if row.access is None:
            continue
        if row.role in ROLES:
            _count_in(found, space.id, row, gen=gen, highest=highest.get(row.an, 0))
        elif not row.reader:
            found.ended.add(sha256(row.access))
    for invite in store.invites(sn).values():
        if invite.mode != "open":
            continue
        found.known.add(sha256(invite.access))
        if invite.status in ENDED and invite.na > now:  # past its end it ends by itself
            found.ended.add(sha256(invite.access))
    # Anybody may have announced the key of somebody else.
    alive = {sha256(key) for key in found.roles}
    found.ended.difference_update(alive)
    found.roles.pop(public_key(replica.profile.identity.access_seed(space.id)), None)
    return found


def _count_in(found: Plan, space: bytes, row: rows.Member, *, gen: int, highest: int) -> None:
    """Count a member in: its role, and the capabilities of a higher one that it had."""
    assert row.access is not None and row.role is not None, "a member with its key"
    role = ROLES[row.role]
    before = found.roles.get(row.access)
    if before is None or RANKS[role] > RANKS[before]:
        found.roles[row.access] = role
    found.known.add(sha256(row.access))
    for higher in DEPTHS:
        hashes = _cap_hashes(space, row.access, higher, gen)
        found.known.update(hashes)
        if RANKS[role] < RANKS[higher] <= highest:
            found.ended.update(hashes)


def _cap_hashes(space: bytes, holder: bytes, role: str, gen: int) -> set[bytes]:
    """Return the hashes of all capabilities that admins give a holder with a role."""
    caps = [
        Capability(space, one, role, holder, 0, depth, 0)
        for one in {0, gen}
        for depth in range(DEPTHS[role] + 1)
    ]
    return {sha256(encode(cap)) for cap in caps}


def _highest(replica: Replica) -> dict[int, int]:
    """Return the rank of the highest role that each member ever had."""
    found = dict[int, int]()
    for grant in replica.profile.rows.grants(replica.sn).values():
        if grant.role in ROLES and grant.status in ("live", "killed"):
            rank = RANKS[ROLES[grant.role]]
            found[grant.subject] = max(rank, found.get(grant.subject, 0))
    return found


def due(replica: Replica) -> Plan:
    """Return what this profile owes the relay: all of it for admins, for others nothing."""
    return plan(replica) if replica.space.role in ADMINS else Plan({}, set(), set())


# -- telling the relay -----------------------------------------------------------------------------


def tend(replica: Replica) -> bool:
    """Let the relay of a connected space know who may reach it; say if it was told anything.

    A relay that is away or refuses is told the next time. Raises nothing about relays.
    """
    roads, space = roads_of(replica.profile), replica.space
    if roads is None or space.role is None or roads.place_of(space.id) is None:
        return False
    mark(replica)
    is_admin, owed = space.role in ADMINS, due(replica)
    told = _told(replica.profile, replica.sn)
    age = replica.profile.clock.now_ms() - told.at
    follow_pin(roads, space)
    is_fresh = 0 <= age < AGAIN_MS and not roads.wants_access(space.id)
    if is_fresh and owed.state(roads.instance_of(space.id) or b"") == told.state:
        return False
    try:
        return settle(replica, roads, owed)
    except (HubRefusal, RelayError, AuthorityError, IntegrityError) as error:
        if isinstance(error, IntegrityError) and error.code != INCONSISTENT:
            raise
        if is_admin:
            _leave(replica, roads, owed)
        return False


def mark(replica: Replica) -> None:
    """Note that the space lives at a relay as well."""
    store = replica.profile.rows
    if replica.space.mode != CONNECTED:
        with replica.profile.events.transaction(durable=True):
            store.save(store.space(replica.sn)._replace(mode=CONNECTED))


def follow_pin(roads: Roads, space: rows.Space) -> bool:
    """Believe the key that a relay has now, in the place of one it lost, if an admin pinned it.

    Say if it does. Asks the relay only where it signed for nothing of what waits here.
    """
    place = roads.place_of(space.id)
    if place is None or space.hub == place[2] or roads.delivery(space.id)[1] != INCONSISTENT:
        return False
    try:
        _, key = roads.find(place[0], place[1], timeout_s=float(limits.RPC_SECONDS_DEFAULT))
    except EnvoyError:
        return False
    if key == space.hub:
        roads.adopt(space.id, key)
    return key == space.hub


def settle(replica: Replica, roads: Roads, owed: Plan) -> bool:
    """Bring what is ``owed`` to the relay, and keep what it has for me; say if it was told any.

    Raises HubRefusal, RelayError, AuthorityError(egress_denied).
    """
    space = replica.space
    for _ in range(TRIES_MAX):
        found = roads.ask(space.id, AccessGet(space.id))
        assert isinstance(found, AccessFound), "the reply of its call"
        _keep_mine(replica, found)
        said = _read(replica, (*found.statements, *roads.stated(space.id)))
        roads.know(space.id, said.raws)
        try:
            _bring_back(roads, space.id, said, found.statements)
            told = _bring(replica, roads, owed, said)
        except HubRefusal as refusal:
            if refusal.code != "stale":
                raise
            continue
        roads.has_access(space.id)
        return told
    return False


def _read(replica: Replica, raws: Sequence[bytes]) -> Stated:
    return read(raws, space=replica.space.id, root_pub=replica.space.root_pub)


def _keep_mine(replica: Replica, found: AccessFound) -> None:
    """Keep the chain that the relay has for me."""
    profile, space = replica.profile, replica.space
    own, chain = own_chain(profile, space), found.chain
    if chain and chain != own and space.founder != replica.me and _leads(replica, chain):
        keep_chain(profile, replica.sn, chain)


def _bring_back(roads: Roads, space: bytes, said: Stated, there: Sequence[bytes]) -> None:
    """Give a relay that lost them the statements that are known here, root's first."""
    for raw in said.raws:
        if raw not in there:
            roads.put(space, (), raw)


def _leads(replica: Replica, chain: Sequence[bytes]) -> bool:
    """Say whether a chain leads to the own access key: a relay could send anything."""
    space = replica.space
    try:
        read = access.read_chain(chain, space=space.id, root_pub=space.root_pub)
    except RemoteFault:
        return False
    return read.leaf.holder == public_key(replica.profile.identity.access_seed(space.id))


def _bring(replica: Replica, roads: Roads, owed: Plan, said: Stated) -> bool:
    """Give chains, then make the statement, then give those that it let in again."""
    space, now = replica.space, replica.profile.clock.now_ms()
    told, instance = _told(replica.profile, replica.sn), roads.instance_of(space.id) or b""
    gen = max(told.gen, said.min_epoch)
    wanted = _wanted(replica, owed, said)
    if wanted is not None or (gen, instance) != (told.gen, told.instance):
        told = Told(0, b"", instance, gen, ())
        _note(replica, told)
    chains = _lacking(replica, owed, told)
    late = _give(roads, space.id, chains)
    if wanted is not None:
        signed = _signed(replica, wanted, said)
        roads.put(space.id, (), signed)
        roads.know(space.id, _read(replica, (*said.raws, signed)).raws)
        late = _give(roads, space.id, late)
    given = sorted(_mark_of(*one) for one in owed.roles.items() if one[0] not in late)
    _note(replica, Told(now, owed.state(instance), instance, gen, tuple(given)))
    return bool(chains) or wanted is not None


def _leave(replica: Replica, roads: Roads, owed: Plan) -> None:
    """Let what is due wait for a relay that is away."""
    space = replica.space
    said = _read(replica, roads.stated(space.id))
    wanted = _wanted(replica, owed, said)
    told = _told(replica.profile, replica.sn)
    if wanted is not None:
        told = replace(told, given=())
    for some in _portions(list(_lacking(replica, owed, told).values())):
        roads.give(space.id, some, None)
    if wanted is not None:
        signed = _signed(replica, wanted, said)
        roads.give(space.id, (), signed)
        roads.know(space.id, _read(replica, (*said.raws, signed)).raws)


def _lacking(replica: Replica, owed: Plan, told: Told) -> dict[bytes, tuple[bytes, ...]]:
    """Return the chains that I can give and have not given, by access key."""
    found = dict[bytes, tuple[bytes, ...]]()
    for key, role in sorted(owed.roles.items()):
        if _mark_of(key, role) not in told.given:
            chain = issued(replica.profile, replica.space, key, role)
            if chain is not None:
                found[key] = chain
    return found


def _give(
    roads: Roads, space: bytes, chains: Mapping[bytes, tuple[bytes, ...]]
) -> dict[bytes, tuple[bytes, ...]]:
    """Give chains, many in a call; return those that the relay refused by themselves."""
    refused = dict[bytes, tuple[bytes, ...]]()
    for some in _portions(list(chains)):
        try:
            roads.put(space, [chains[key] for key in some], None)
        except HubRefusal as refusal:
            if refusal.code not in OF_ONE:
                raise
            if len(some) == 1:
                refused[some[0]] = chains[some[0]]
                continue
            for key in some:
                refused |= _give(roads, space, {key: chains[key]})
    return refused


def _portions(found: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield what one call takes."""
    for start in range(0, len(found), limits.ACCESS_CAPS_MAX):
        yield found[start : start + limits.ACCESS_CAPS_MAX]


def _wanted(replica: Replica, owed: Plan, said: Stated) -> set[bytes] | None:
    """Return the hashes that I am to state, None where what was stated will do."""
    if replica.space.founder != replica.me:
        mine = said.of(_my_key(replica))
        wanted = mine | (owed.ended - said.every)
        is_same = wanted == mine
    else:
        # What an admin named waits for the founder's word; a current member never gets it.
        wanted = owed.ended | (said.every - owed.known)
        is_same = wanted == said.of(ROOT) and not said.admins
    if len(wanted) > limits.ACCESS_REVOKED_MAX:
        wanted = set(sorted(owed.ended)[: limits.ACCESS_REVOKED_MAX])
    return None if is_same else wanted


def _my_key(replica: Replica) -> bytes:
    return public_key(replica.profile.identity.access_seed(replica.space.id))


def _signed(replica: Replica, wanted: set[bytes], said: Stated) -> bytes:
    """Return my next statement, by the root key if I have it, else by my own beside root's."""
    space, me = replica.space, replica.profile.identity
    base, hashes = said.base, tuple(sorted(wanted))
    if space.founder == me.did:
        statement = Statement(space.id, base + 1, 0, said.min_epoch, hashes)
        return access.state_access(me.space_root_seed(space.salt), statement, ())
    mine = said.admins.get(_my_key(replica))
    number = 1 if mine is None else mine[0].statement.n + 1
    statement = Statement(space.id, number, base, 0, hashes)
    chain = own_chain(replica.profile, space) or ()
    return access.state_access(me.access_seed(space.id), statement, chain)


def _told(profile: Profile, sn: int) -> Told:
    raw = profile.rows.note(sn, TOLD)
    return _NOTHING if raw is None else decode(raw, Told)


def _note(replica: Replica, told: Told) -> None:
    """Keep what the relay was told."""
    with replica.profile.events.transaction(durable=False):
        replica.profile.rows.keep_note(replica.sn, TOLD, encode(told))

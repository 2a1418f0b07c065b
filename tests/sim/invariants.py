"""Invariants: what must hold, whatever happened.

After every action those that cost a look at one row; when all have come together everything: equal
copies, nothing lost, heads, removals, keys, slots, the slow oracles, and a rebuild of every row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from envoy.core.log import Entry
from envoy.replica.rebuild import rebuild
from envoy.views import rows
from replica.compare import differences, dump, meaning
from replica.scenes import give_keys
from sim import oracles
from sim.member import Member
from sim.scene import Violated
from sim.world import World

# What is written under an epoch that leaves nobody out: by who may make none, or before it is made.
UNDER_ANY: Final = (
    *("key.request", "card", "member.keys", "join", "leave", "task.release", "merge"),
)

SHOWN: Final = (
    *("events", "frame_sum", "state_sum", "heads_hash", "cursor", "pending", "next_n", "unread"),
    *("ack_n", "tip_seq", "role", "hub_no"),
)


class Watch:
    """What was seen of all copies so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._states = dict[int, tuple[bytes, bytes, str]]()
        self._last = dict[str, rows.Space]()

    def look(self, member: Member) -> bool:
        """Hold a copy to what any copy with the same set has ever been; say if it has changed."""
        if not member.is_in or self._last.get(member.name) == member.space:
            return False
        self._last[member.name] = space = member.space
        state = (space.state_sum, space.heads_hash, member.name)
        before = self._states.setdefault(member.known_sum(), state)
        if before[:2] != state[:2]:
            raise Violated("equal sets, equal states", f"{before[2]} and {member.name}")
        return True

    def restarted(self, member: Member) -> None:
        """Hold a copy that began again to what its member was told."""
        lost = set(member.acked) - member.ids()
        if lost:
            raise Violated("an acknowledged event is there", f"{member.name} lost {len(lost)}")


def shown(member: Member) -> bytes:
    """Return what of a copy goes into the trace."""
    found = [tuple(getattr(one, field) for field in SHOWN) for one in member.spaces]
    return repr((member.name, found)).encode()


def before_sharing(world: World) -> None:
    """Check what each copy has by itself; then let all have every key.

    Copies of those who were removed are compared with all others, too.
    """
    inside = [one for one in world.members if one.is_in]
    world.reckon(at_last=True)
    _nothing_lost(world, inside)
    _keys(world, inside)
    for member in inside:
        for source in inside:
            if source is not member:
                give_keys(source, member)


def everything(world: World, *, deep: bool) -> Iterator[str]:
    """Make every check on copies that have all; yield what there is to tell of it."""
    inside = [one for one in world.members if one.is_in]
    _equal(inside)
    lead = inside[0]
    log = entries(lead)
    _heads(lead, log)
    _removals(lead, log)
    if not world.has_lied:
        _slots(lead)
    oracles.tasks_agree(lead)
    oracles.authority_agrees(lead, log)
    for one in inside if deep else world.dice.sample(inside, 1):
        _rebuilt(one)
    yield f"{len(log)} events, {len(inside)} copies"


def entries(member: Member) -> list[Entry]:
    """Return all events of a copy."""
    return member.events.entries(member.space.sn, after=0, limit=1_000_000)


def _nothing_lost(world: World, inside: list[Member]) -> None:
    """Every event that somebody was told of is known everywhere."""
    for member in inside:
        lost = world.required.keys() - member.ids() - member.parked_ids()
        if lost:
            who = sorted({world.required[one] for one in lost})
            raise Violated("an acknowledged event is there", f"{member.name} lacks {who}")


def _equal(inside: list[Member]) -> None:
    """All copies mean the same."""
    lead, *others = inside
    wanted = meaning(lead) | {"items": _items(lead)}
    for one in others:
        found = meaning(one) | {"items": _items(one)}
        if wrong := differences(wanted, found):
            raise Violated("equal sets, equal states", f"{one.name}: {wrong}")
    for one in inside:
        if lost := lead.ids() & one.parked_ids():
            raise Violated("nothing waits that lacks nothing", f"{one.name}: {len(lost)}")


def _items(member: Member) -> list[tuple[object, ...]]:
    """Return what the lines of a copy say, without the numbers of that copy."""
    sql = (
        "SELECT id, lam, kind, type, ts, role, body, reply_to, task, target, detail, refs, status,"
        " cause, refused, redacted FROM item ORDER BY id"
    )
    return member.disk.rows(_row, sql)


def _row(*values: object) -> tuple[object, ...]:
    return values


def _heads(lead: Member, log: list[Entry]) -> None:
    """Heads are the events that no other names."""
    for citable in (False, True):
        of = [one for one in log if not citable or one.fault is None]
        named = {parent for one in of for parent in one.parents}
        wanted = sorted(one.id for one in of if one.id not in named)
        found = sorted(one.id for one in lead.events.heads(lead.space.sn, citable=citable))
        if wanted != found:
            raise Violated("heads", f"citable={citable}: {len(found)} of {len(wanted)}")


def ancestries(log: list[Entry]) -> dict[bytes, int]:
    """Return for each event the bitset of its ancestry, itself included, by place in the log."""
    number = {one.id: place for place, one in enumerate(log)}
    found = dict[bytes, int]()
    for one in log:
        seen = 1 << number[one.id]
        for parent in one.parents:
            seen |= found[parent]
        found[one.id] = seen
    return found


def _removals(lead: Member, log: list[Entry]) -> None:
    """Nothing that the founder's removal had not seen counts, unless it was admitted.

    A join stands under the invite of whoever made it beside the removal: what it gives is ended
    unless it saw the removal, so what is written under it is looked at like the rest.
    """
    past, number = ancestries(log), {one.id: place for place, one in enumerate(log)}
    founder, space = lead.space.founder, lead.space.id
    kinds = {one.id: one.kind for one in log}
    for removal in log:
        if removal.kind != "remove" or removal.author != founder or removal.status != "ok":
            continue
        subject = oracles.subject_of(lead, removal)
        for one in log:
            if one.author != subject or one.status != "ok" or one.auth == space:
                continue
            at, grant = number[removal.id], number.get(one.auth)
            granted_after = grant is not None and past[one.auth] >> at & 1
            seen = past[removal.id] >> number[one.id] & 1
            if not seen and not granted_after and one.kind not in ("leave", "join"):
                raise Violated("a removal holds", f"{one.kind} under {kinds.get(one.auth)} counts")


def _given(
    lead: Member,
    log: list[Entry],
    evil: set[bytes],
    past: dict[bytes, int],
    number: dict[bytes, int],
) -> set[bytes]:
    """Return the epochs under which somebody hostile wrote without naming what created them."""
    made = defaultdict[bytes, int](int)
    for one in log:
        if one.kind in ("genesis", "epoch.create"):
            made[oracles.epoch_of(lead, one)] |= 1 << number[one.id]
    found = [(oracles.epoch_of(lead, one), past[one.id]) for one in log if one.author in evil]
    return {epoch for epoch, seen in found if not made[epoch] & seen}


def _keys(world: World, inside: list[Member]) -> None:
    """Who was removed, all together, cannot open what was sealed by who had seen that.

    But for those who were let in again, and who hold a code: they read as long as it lives. And but
    for what a hostile reader helped them to, who as well could have sent them the key: it wrote
    under an epoch as if it had not seen what that was made against.
    """
    lead = inside[0]
    log = entries(lead)
    past, number = ancestries(log), {one.id: place for place, one in enumerate(log)}
    out = _removed(world, lead, log, past)
    evil = {one.me for one in world.members if one.is_hostile}
    held = {one.me: one.secrets() for one in inside if one.me in out}
    given = _given(lead, log, evil, past, number)
    for one in log:
        if one.author in evil or one.author in out or one.kind in UNDER_ANY or one.ix is not None:
            continue
        if oracles.epoch_of(lead, one) in given:
            continue
        ended = [who for who, acts in out.items() if any(past[one.id] >> n & 1 for n in acts)]
        world.counts["trial decryptions"] += len(ended)
        opens = {who for who in ended if oracles.epoch_of(lead, one) in held.get(who, ())}
        if not opens:
            continue
        # What a junior says ends nothing: who only left later had a right to read this.
        seen = {other.id for other in log if past[one.id] >> number[other.id] & 1} - {one.id}
        if opens - oracles.readers(lead, log, seen):
            raise Violated("a removed member reads nothing", f"{one.kind} {number[one.id]}")


def _removed(
    world: World, lead: Member, log: list[Entry], past: dict[bytes, int]
) -> dict[bytes, list[int]]:
    """Return who was removed for good, by the places of the removals that stand."""
    members, found = lead.store.members(lead.space.sn), dict[bytes, list[int]]()
    for place, one in enumerate(log):
        if one.kind != "remove" or one.status != "ok":
            continue
        subject = oracles.subject_of(lead, one)
        row = members.get(subject)
        again = any(_gives(lead, other, subject) and past[other.id] >> place & 1 for other in log)
        if row is not None and not row.reader and not again and subject not in world.had_code:
            found.setdefault(subject, []).append(place)
    return found


def _gives(lead: Member, entry: Entry, subject: bytes) -> bool:
    """Say whether an event is a grant to somebody."""
    if entry.kind not in ("grant", "role", "delegate"):
        return False
    body = lead.copy.batch().keys.body(entry)
    return getattr(body, "subject", None) == subject


def _slots(lead: Member) -> None:
    """Each fence of each slot went to one event."""
    sql = "SELECT slot, no, fence FROM receipt GROUP BY 1, 2, 3 HAVING count(DISTINCT event) > 1"
    found = lead.disk.rows(_three, sql)
    if found:
        raise Violated("each slot has one winner", f"{len(found)} fences went to two")


def _three(slot: bytes, no: int, fence: int) -> tuple[bytes, int, int]:
    return slot, no, fence


def _rebuilt(member: Member) -> None:
    """Folding everything anew changes nothing."""
    before = dump(member)
    rebuild(member.profile)
    after = dump(member)
    wrong = [table for table in before if before[table] != after[table]]
    if wrong:
        raise Violated("a rebuild changes nothing", f"{member.name}: {wrong}")

"""World: one seed under way. One thread, one heap of what is to happen, one die for each action.

Everything random hangs on the seed and on the number of the action that asks: keys, salts, chains,
what is lost, who speaks next. Boxes alone are sealed with randomness of the library; nothing that
is hashed, ordered or compared here hangs on their bytes.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush

from envoy.core.identity import Identity
from envoy.core.structs import Body
from envoy.errors import EnvoyError
from envoy.hub.handler import LocalHub
from envoy.storage import replica_file
from envoy.sync.frames import HubRefusal
from envoy.views import rows
from replica.world import NOW_MS
from sim.hubs import VirtualHub, drawn
from sim.member import Copied, Member, Skewed
from sim.net import Net
from sim.scene import FAIR, Violated, Weather

Late = tuple[int, int, str, Body]
Won = tuple[bytes, bytes]  # by whom, by which event


def nobody(_: str) -> None:
    """Let nobody act."""


class World:
    """Members, their hub and the time. ``name`` is what everything random hangs on."""

    def __init__(self, place: str, name: object) -> None:
        self.place = place
        self.name = name
        self.now = NOW_MS
        self.deep = 0
        self.dice = random.Random(0)
        self.weather: Weather = FAIR
        self.counts = Counter[str]()
        self.members = list[Member]()
        self.cast = 0  # members without clones
        self.codes = list[str]()
        self.had_code = set[bytes]()
        self.required = dict[bytes, str]()  # acknowledged event -> who was told
        self.has_lied = False
        # Those whose author went back to before them, with the epoch they are sealed under.
        self._orphans = dict[bytes, bytes]()
        self.acting = -1
        self.beside: Callable[[str], None] = nobody
        self.hub = VirtualHub(place, name, lambda: self.now)
        self._identities = dict[str, Identity]()
        self._drawn = 0
        self._late = list[Late]()
        self._wins = dict[tuple[bytes, tuple[int, bytes], int], Won]()

    def close(self) -> None:
        """Close every database."""
        for member in self.members:
            member.close()
        self.hub.close()

    def turn(self, number: int, dice: random.Random) -> tuple[int, random.Random, int]:
        """Let an action begin; return what to turn back to when it has ended."""
        before = self.acting, self.dice, self._drawn
        self.acting, self.dice, self._drawn = number, dice, 0
        return before

    def turn_back(self, before: tuple[int, random.Random, int]) -> None:
        """Let the action go on that was under way before."""
        self.acting, self.dice, self._drawn = before

    def entropy(self, count: int, /) -> bytes:
        """Return random bytes, of the action that runs."""
        self._drawn += 1
        return drawn(self.name, self.acting, self._drawn, size=count)

    # -- members ----------------------------------------------------------------------------

    def add(
        self, name: str, identity: Identity, *, place: str = "home", image: bytes | None = None
    ) -> Member:
        """Add a member with an empty disk, or that ``image`` on it; it has not started."""
        self._identities[name] = identity
        net, clock = Net(self, name), Skewed(lambda: self.now)
        where = os.path.join(self.place, place)
        member = Member(name, identity, where, net, clock, image=image)
        self.members.append(member)
        return member

    def answering(self, member: str, /) -> LocalHub:
        """Return the hub as a member meets it now."""
        return self.hub.for_member(member, self._identities[member])

    def set_back(self, member: Member, copied: Copied, *, unnoticed: bool) -> None:
        """Restore a backup; what nobody else has of what came after is lost, as it must be."""
        epochs = member.epochs_of()
        lost = member.restore(copied, unnoticed=unnoticed)
        member.boot(self.entropy)
        self._orphans |= {one: epochs[one] for one in lost}
        self.reckon()

    def reckon(self, *, at_last: bool = False) -> None:
        """Forget what went with a backup and is nowhere else any more: it is lost, as it must be.

        ``at_last``, when all have come together, so is what only they hold who are out, or only
        they could open: they hand on neither frames nor keys; and what waits for such a one.
        Nothing else is ever forgotten: what a member was told of stays asked for.
        """
        if not self._orphans:
            return
        elsewhere = self.hub.frame_ids()
        there = [one for one in self.members if one.is_in and one.space.role is not None]
        asked = there if at_last else self.members
        elsewhere.update(*(one.ids() | one.parked_ids() for one in asked))
        opens = set[bytes]().union(*(one.secrets() for one in there))
        known = set[bytes]().union(*(one.ids() for one in there))
        waits = dict(pair for one in there for pair in one.waits()) if at_last else {}
        for one, epoch in [*self._orphans.items()]:
            shut = at_last and one not in known and epoch not in opens
            lacks = one
            while lacks in waits:
                lacks = waits[lacks]
            if shut or not {one, lacks} <= elsewhere:
                del self._orphans[one]
                self.required.pop(one, None)
                self.counts["lost with a backup"] += 1

    def double(self, member: Member, *, unnoticed: bool) -> None:
        """Let a copy of a home live beside it; ``unnoticed``: it takes itself for the original."""
        image = member.disk.image()
        twin = self.add(f"{member.name}2", member.identity, place="other", image=image)
        if member.disk.keeps:
            twin.disk.keep()
        if unnoticed:
            replica_file.put_meta(twin.disk, "origin", replica_file.origin(twin.where))
        twin.is_hostile = member.is_hostile
        twin.skewed.skew = member.skewed.skew
        twin.boot(self.entropy)

    def ack(self, member: Member, events: list[bytes]) -> None:
        """Note that a member was told that its events are saved.

        What another copy of its home wrote, and this one read, it was not told of.
        """
        twins = [one for one in self.members if one is not member and one.me == member.me]
        told = set[bytes]().union(*(one.ids() for one in twins))
        events = [one for one in events if one not in told]
        member.acked += events
        self.required.update(dict.fromkeys(events, member.name))
        self.counts["acked"] += len(events)

    # -- the hub ----------------------------------------------------------------------------

    def lie(self) -> None:
        """Note that the hub is not honest any more."""
        self.has_lied = True

    def won(self, row: rows.Task, hub: tuple[int, bytes], by: Won) -> None:
        """Note that somebody was told to be the one holder by a fence: nobody else may be."""
        assert row.fence is not None, "a confirmed claim has one"
        before = self._wins.setdefault((row.id, hub, row.fence), by)
        if before != by and not self.has_lied:
            raise Violated("a fence with two winners", f"{row.fence}")

    def later(self, call: Body, member: str, at: int, /) -> None:
        """Let the hub hear a call at ``at``."""
        self.counts["later"] += 1
        heappush(self._late, (at, self.counts["later"], member, call))

    def hear(self, until: int) -> None:
        """Let the hub hear what was on its way until now."""
        while self._late and self._late[0][0] <= until:
            at, _, member, call = heappop(self._late)
            self.now = max(self.now, at)
            try:
                self.answering(member).handle(call)
            except (HubRefusal, EnvoyError):
                self.counts["refused late"] += 1

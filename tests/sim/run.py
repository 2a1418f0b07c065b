"""Run: plays one plan and says what came of it.

Every action is followed by the checks that cost little; when the plan is over, everybody comes
together at an honest hub and all of them are made. What is done, and what each copy holds after it,
goes into a hash: the same plan gives the same hash in every process.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tempfile
from collections import Counter
from typing import Final, NamedTuple

from envoy.errors import EnvoyError, RemoteFault
from envoy.sync.frames import HubRefusal
from replica.world import NOW_MS
from sim import base, invariants, settle
from sim.acts import HONEST, Act
from sim.disk import Killed
from sim.evil import EVIL
from sim.faults import DISK, FAULTS
from sim.member import Member
from sim.plan import Action, Plan
from sim.scene import BROKEN, Violated
from sim.world import World

ACTS: Final[dict[str, Act]] = {**HONEST, **FAULTS, **EVIL}
# What is no copy's own doing, and may come while another waits for the hub.
MOVING: Final = (*HONEST, "hand", *EVIL)
# Whatever else the product raises is a fault of it.
ODD: Final = (
    *(AssertionError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError),
    *(RuntimeError, OSError, EnvoyError, HubRefusal, RemoteFault),
)
MEMORY: Final = "/dev/shm"


class Report(NamedTuple):
    """What a run came to; ``failure`` is None where everything held."""

    seed: int
    trace: str
    steps: int
    events: int
    counts: Counter[str]
    failure: str | None
    what: str | None
    lines: list[str]


class Run:
    """One plan under way."""

    def __init__(self, plan: Plan, place: str, *, tells: bool = False, deep: bool = False) -> None:
        self.world = World(place, plan.seed)
        self.plan = plan
        self.deep = deep
        self.left = list(plan.actions)
        self.hash = hashlib.sha256()
        self.lines = list[str]()
        self.tells = tells
        self.active = list[str]()
        self.watch = invariants.Watch(self.world)
        self.world.beside = self.beside

    def play(self) -> None:
        """Let everything happen, then bring all together and look at everything."""
        base.populate(self.world, self.plan.base)
        if any(action.kind == "cut" for action in self.plan.actions):
            for member in self.world.members:
                member.disk.keep()
        for action in iter(self._next, None):
            self.world.hear(NOW_MS + action.at)
            self.step(action)
        self.world.hear(self.world.now + 3_600_000)
        before = self.world.turn(-2, random.Random(self.plan.seed))
        settle.settle(self.world, self.watch)
        invariants.before_sharing(self.world)
        settle.gather(
            self.world, self.watch, cares=False
        )  # who writes no more is sealed out no more
        for line in invariants.everything(self.world, deep=self.deep):
            self._note(line)
        self.world.turn_back(before)

    def _next(self) -> Action | None:
        return self.left.pop(0) if self.left else None

    def beside(self, waiting: str) -> None:
        """Let the next one act while ``waiting`` waits for the hub, if it is another's turn."""
        if not self.left or self.left[0].kind not in MOVING:
            return
        disk = next(one.disk for one in self.world.members if one.name == waiting)
        with disk.held():
            if self._who(self.left[0]).name in (waiting, *self.active):
                return
            self.world.deep += 1
            self.world.counts["beside"] += 1
            try:
                self.step(self.left.pop(0))
            finally:
                self.world.deep -= 1

    def _who(self, action: Action) -> Member:
        """Return whose action it is: of a join somebody who is not in, if there is anybody."""
        members = self.world.members
        if action.kind == "join":
            members = [one for one in members if not one.is_in or one.space.role is None] or members
        elif action.kind in HONEST:
            members = [one for one in members if one.is_in]
        return members[action.who % len(members)]

    def step(self, action: Action) -> None:
        """Let one action happen."""
        world, member = self.world, self._who(action)
        world.now = max(world.now, NOW_MS + action.at)
        before = world.turn(action.n, random.Random(action.seed))
        self.active.append(member.name)
        if action.n % 8 == 0:
            world.hub.keep()
        try:
            outcome = self._perform(action.kind, member)
        finally:
            self.active.pop()
            world.turn_back(before)
        world.counts[action.kind] += 1
        world.reckon()
        self._note(f"{action.n:3} {action.kind:9} {member.name:5} {outcome}")
        for one in world.members:
            if self.watch.look(one):
                self.hash.update(invariants.shown(one))

    def _note(self, line: str) -> None:
        self.hash.update(line.encode())
        if self.tells:
            self.lines.append(line)

    def _perform(self, kind: str, member: Member) -> str:
        """Do it; return what came of it, in a word."""
        world, had = self.world, member.mine()
        try:
            outcome = ACTS[kind](world, member, world.dice)
        except Killed:
            return self._end(member)
        except HubRefusal as refusal:
            outcome = refusal.code
        except EnvoyError as error:
            outcome = self._judged(kind, error)
        else:
            if kind in HONEST and not member.is_hostile:
                world.ack(member, member.mine()[len(had) :])
        self._calm(member)
        return outcome

    def _end(self, member: Member) -> str:
        """Let a process end and another one begin on what the disk holds."""
        # Another process opens the disk anew: nothing of the one that ended holds on to it.
        member.put(member.disk.durable if member.is_powerless else member.disk.image())
        word = "lost power" if member.is_powerless else "killed"
        self._calm(member)
        member.boot(self.world.entropy)
        self.watch.restarted(member)
        self.world.counts[word] += 1
        return word

    @staticmethod
    def _calm(member: Member) -> None:
        """Let a disk be sound again."""
        member.disk.disarm()
        member.is_powerless = False
        member.net.dies_in = 0

    def _judged(self, kind: str, error: EnvoyError) -> str:
        """Return the code of a refusal; what no refusal may say is a fault."""
        if kind == "defy" and (error.code == "internal" or "cause" in error.details):
            return error.code  # the pen itself refuses to sign what could never count
        if error.details.get("cause") == "genesis_missing":
            return "genesis_missing"  # of a hub that lost the head of the first epoch
        if error.code in BROKEN:
            raise Violated("an error that must not be", f"{kind}: {error.code} {error.details}")
        if error.code == "storage_failed" and kind not in DISK:
            raise Violated("a disk that is sound", f"{kind}: {error.code}")
        if error.code == "relay_inconsistent" and not self.world.has_lied:
            raise Violated("an honest hub", f"is called {error.code}")
        return error.code


def run(plan: Plan, *, tells: bool = False, deep: bool = False) -> Report:
    """Play a plan from its beginning to its end."""
    place = tempfile.mkdtemp(prefix="sim", dir=MEMORY if os.path.isdir(MEMORY) else None)
    played = Run(plan, place, tells=tells, deep=deep)
    failure = what = None
    try:
        played.play()
    except Violated as violated:
        failure, what = str(violated), violated.what
    except ODD as error:
        failure, what = f"uncaught: {_where(error)}", f"uncaught {type(error).__name__}"
    finally:
        events = max((one.count("event") for one in played.world.members), default=0)
        played.world.close()
        shutil.rmtree(place, ignore_errors=True)
    counts, steps = played.world.counts, len(plan.actions)
    trace = played.hash.hexdigest()
    return Report(plan.seed, trace, steps, events, counts, failure, what, played.lines)


def _where(error: Exception) -> str:
    """Return an error with the last places it went through."""
    places, at = list[str](), error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return f"{error!r} at {' < '.join(places[::-1][:6])}"

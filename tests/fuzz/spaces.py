"""Spaces: what a member with a modified client writes, taken in by a real replica.

Each event is signed with a real key and sealed under the real epoch; its kind, its body, and where
it says it stands are drawn. Two copies take the same pages, in another order, and must come to the
same; what they hold is read by people's commands; a rebuild makes the same rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from console import Console
from envoy.core.bodies import TaskComplete, TaskProgress
from envoy.core.codec import encode
from envoy.core.kinds import KINDS
from envoy.core.log import Entry
from envoy.core.records import TaskReview
from envoy.core.structs import Body, replace
from envoy.errors import IntegrityError, InternalError, UsageError
from envoy.replica.actions import tasks
from envoy.replica.ingest import take_in
from envoy.replica.rebuild import rebuild
from fuzz.kit import ODD, Target, hold
from fuzz.mutate import TEXTS, Tree
from fuzz.reducers import MEANT, known_bodies
from histories import MADE
from replica.compare import differences, dump, meaning
from replica.forge import Forger, Value
from replica.world import Actor, World

PAGES_MAX: Final = 40  # in one space, then it is another one
PAGE: Final = 6
WORK: Final = tuple(sorted({one for one in KINDS if one.startswith("task.")}))
# Who may end a space or take everybody's rights ends the story: seldom.
FINAL: Final = ("genesis", "close", "space.rules", "remove", "leave", "revoke", "admit")
OTHERS: Final = tuple(sorted({*KINDS} - {*FINAL}))
READS: Final = (
    ("status",), ("task", "list"), ("history", "--limit", "200"), ("inbox", "count"),
    ("work-record",), ("conflicts", "list"), ("record", "list"), ("object", "list"),
    ("spaces",), ("roster",), ("permissions",), ("quarantine", "list"), ("review", "list"),
)  # fmt: skip


class Spaces(Target[int]):
    """A number is a page of events."""

    name = "space"
    milliseconds = 0  # commits of a real store

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.console = Console(place / "console")
        self.world: World | None = None
        self.stand()

    def stand(self) -> None:
        """Found a space with a founder and two writers."""
        self.close()
        shutil.rmtree(self.place / "world", ignore_errors=True)
        (self.place / "world").mkdir()
        self.world = World(self.place / "world")
        self.lead, self.bob, self.carol = self.world.team("lead", "bob", "carol")
        for number in range(3):
            task = tasks.create(self.lead.copy, f"task {number}").after.id
            if number:
                tasks.claim(self.bob.copy, task, session="default")
        self.bob.send("a message")
        for one in (self.lead, self.bob, self.carol):
            one.sync()
        self.pages = 0
        self.late = list[list[bytes]]()

    def draw(self, dice: Random) -> Iterator[int]:
        """Yield pages."""
        yield from (dice.getrandbits(64) for _ in range(4))

    def accepts(self, given: int) -> bool:
        """Take one page in, and at the end of a story compare everything."""
        dice = Random(given)
        frames, said = self.page(dice)
        self.acts += len(frames)
        try:
            taken = take_in(self.lead.copy, frames, source="hand")
            take_in(self.bob.copy, frames[::-1], source="hand")
        except ODD as error:
            error.add_note(f"page of {said}")
            raise
        self.late.append(frames)
        self.pages += 1
        if self.pages >= PAGES_MAX:
            self.ends(dice)
            self.stand()
        return bool(taken)

    def page(self, dice: Random) -> tuple[list[bytes], list[str]]:
        """Return frames of a hostile member and what they say."""
        actor = self.bob if dice.random() < 0.7 else self.carol
        actor = self.lead if dice.random() < 0.1 else actor
        log = self.lead.events.entries(self.lead.space.sn, after=0, limit=100_000)
        forger = Forger(actor, draw=dice.randbytes)
        if dice.random() < 0.03:
            return self.behind(dice, actor, log)
        frames, said = list[bytes](), list[str]()
        for _ in range(dice.randrange(1, PAGE)):
            kind = dice.choice(WORK if dice.random() < 0.6 else OTHERS)
            kind = dice.choice(FINAL[2:]) if dice.random() < 0.02 else kind
            body = self.body(dice, kind, log)
            raw = encode(body) if dice.random() < 0.95 else next(Tree(encode(body)).near(dice, 1))
            place = self.links(dice, forger, log, actor)
            try:
                frame, _ = forger.say(body, kind=kind, raw=raw, **place)
            except (IntegrityError, InternalError, UsageError):  # nobody can even sign it
                self.codes["unsigned"] += 1
                continue
            self.codes[kind] += 1
            frames.append(frame)
            said.append(f"{kind} {raw.hex()[:300]} {sorted(place)}")
        dice.shuffle(frames)
        return frames, said

    def behind(
        self, dice: Random, actor: Actor, log: Sequence[Entry]
    ) -> tuple[list[bytes], list[str]]:
        """Return a task, and acts on it that are dated before it and that nobody has seen."""
        frame, event = Forger(actor, draw=dice.randbytes).say(MADE)
        frames, start = [frame], next(one for one in log if one.author == actor.me)
        place: dict[str, Value] = {"deps": (start.id,), "lam": start.lam + 1, "ts": start.ts}
        for number in range(dice.choice((7, 8, 9))):
            body = TaskProgress(event.id, event.id, "blocked", str(number))
            odd, _ = Forger(actor, draw=dice.randbytes).say(body, **place, basis=())
            frames.append(odd)
        done = TaskComplete(event.id, event.id, "done", (), False)
        more, last = Forger(self.bob, draw=dice.randbytes).say(done, basis=())
        place = {"deps": (last.id,), "lam": last.lam + 1, "ts": last.ts, "basis": (last.id,)}
        verdict = TaskReview(event.id, last.id, "approve", None, ())
        said, _ = Forger(self.bob, draw=dice.randbytes).say(verdict, **place)
        return [*frames, more, said], ["a task behind acts on it"]

    def body(self, dice: Random, kind: str, log: Sequence[Entry]) -> Body:
        """Return a sound body of a kind with ids of what there is."""
        drawn = dice.choice(known_bodies(kind) or known_bodies("message"))
        ids = {one: [e.id for e in log if e.kind in MEANT.get(one, ())] for one in MEANT}
        made = [one.id for one in log if one.kind == "task.create"]
        every = [one.id for one in log]
        people = [self.lead.me, self.bob.me, self.carol.me]
        changes: dict[str, object] = {}
        for name in drawn.__struct_fields__:
            value = getattr(drawn, name)
            if name == "task" and value is not None:
                changes[name] = dice.choice(made if dice.random() < 0.9 else every)
            elif name in ids and value is not None:
                changes[name] = dice.choice(ids[name] or every)
            elif name in ("subject", "to", "assignee") and isinstance(value, bytes):
                changes[name] = dice.choice(people)
            elif isinstance(value, bytes) and len(value) == 32 and dice.random() < 0.8:
                changes[name] = dice.choice(every)
            elif name in ("text", "body", "title", "name", "note") and dice.random() < 0.3:
                changes[name] = dice.choice(TEXTS[1:])
        return replace(drawn, **changes) if changes else drawn

    def links(
        self, dice: Random, forger: Forger, log: Sequence[Entry], actor: Actor
    ) -> dict[str, Value]:
        """Return what an event says of its place, where it does not stand where it should."""
        pick = dice.random()
        if pick < 0.5 or forger.tip is not None:
            basis = tuple(sorted({dice.choice(log).id for _ in range(2)}))
            return {} if dice.random() < 0.7 else {"basis": basis}
        entry = dice.choice(log[-40:] if pick < 0.8 else log)
        place: dict[str, Value] = {
            "deps": (entry.id,),
            "lam": entry.lam + 1,
            "ts": max(entry.ts, actor.clock.now_ms()),
            "basis": () if dice.random() < 0.7 else (dice.choice(log).id,),
        }
        if dice.random() < 0.1:
            place["auth"] = dice.choice(log).id
        return place

    def ends(self, dice: Random) -> None:
        """Let another copy take all pages in another order, read everything, and rebuild."""
        dice.shuffle(self.late)
        for frames in self.late:
            take_in(self.carol.copy, frames, source="hand")
        for one in (self.bob, self.carol):
            wrong = differences(meaning(self.lead), meaning(one))
            hold(not wrong, f"two copies differ in {wrong}")
        self.read_all()
        before = dump(self.lead)
        rebuild(self.lead.profile)
        after = dump(self.lead)
        hold(after == before, f"a rebuild changes {[k for k in after if after[k] != before[k]]}")

    def read_all(self) -> None:
        """Read what is there as people and programs do."""
        self.console.home = self.place / "world" / "home"
        for words in READS:
            for more in ((), ("--json",)):
                done = self.console.call("--profile", "lead", "--no-sync", *words, *more)
                hold(done.status in (0, 2, 3, 5, 6), f"{words}: {done.status} {done.err[:300]}")

    def told(self, given: int) -> object:
        """Return the number of the page, and where it stood."""
        return {"page": given, "number": self.pages}

    def read(self, kept: Any) -> int:
        """Return the number of a page."""
        number: int = kept["page"]
        return number

    def close(self) -> None:
        """Close what is open."""
        if self.world is not None:
            self.world.close()
            self.world = None

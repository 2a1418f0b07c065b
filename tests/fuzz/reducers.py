"""Reducers: acts that nobody would do, with bodies that types alone drew, folded.

Whatever was signed by somebody with the right to write comes into a fold, and no fold may raise:
a losing act is a row. So stories are drawn (who, what, having seen what, counting or not) and
folded twice, in another order: equal sets give equal states. Some go through the slow reducer of
``oracle`` as well, and some are stories of authority (``state.wild``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy.core.bodies import TaskCreate, TaskEdit
from envoy.core.codec import encode
from envoy.core.kinds import KINDS, read_body
from envoy.core.records import VERDICTS, TaskGate, TaskHandoff, TaskReview
from envoy.core.structs import Body, replace
from envoy.state import content, fields, lines, project, records, settling, tasks
from envoy.state.claims import Receipt
from envoy.state.registers import Op
from envoy.state.reviews import Panel
from fuzz.kit import Target, hold
from fuzz.mutate import EDGES
from fuzz.shape import Shaper
from histories import ADMIN, CREATOR, FIRST, MADE, OTHER_ADMIN, SECOND, TASK, THIRD, History, fixed
from oracle.tasks import Slow
from state.delivery import deliver, drawn_order
from state.wild import wild
from vectorfile import load

LOT: Final = 16
AUTHORS: Final = (FIRST, SECOND, THIRD, CREATOR, ADMIN, OTHER_ADMIN)
OTHERS: Final = tuple(fixed(("other", number)) for number in range(4))
# An act that makes a task is its own task: no other makes the same one.
OF_TASKS: Final = ("merge", *sorted({one for one in KINDS if one[:5] == "task."} - {"task.create"}))
WORK: Final = ("task.claim", "task.complete", "task.progress", "task.review", "task.handoff")
MEANT: Final = {
    "tenure": ("task.claim", "task.assign", "task.create", "task.handoff"),
    "completion": ("task.complete",),
    "handoff": ("task.handoff",),
}
KNOWN: Final = 0.85  # of the bodies of a story; the others are drawn for it
DRAWS, BODIES_MAX = 400, 120
OF: Final = {
    "member": ("card", "member.keys"),
    "message": ("message", "message.redact", "poll"),
    "object": ("object.put", "object.retract"),
    "space": ("space.update", "space.policy"),
    "record": ("record", "record.retract"),
    "conflict": ("conflict.resolve",),
}
SIDES: Final = settling.Sides(OTHERS[0], OTHERS[1], FIRST)
SLOW_OF: Final = 16  # one story of so many is told to the slow reducer
WILD_OF: Final = 256  # one of so many is a story of authority


class Reducers(Target[int]):
    """A number is a story."""

    name = "reducers"
    milliseconds = 0  # a story is no input of a stranger: what one act costs is THREATS D15

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.folds: dict[str, Callable[[bytes, Sequence[Op]], object]] = {
            "member": content.reduce_member,
            "message": content.reduce_message,
            "object": content.reduce_object,
            "space": content.reduce_space,
            "record": records.reduce,
            "conflict": lambda one, ops: settling.reduce(one, ops, SIDES),
        }

    def draw(self, dice: Random) -> Iterator[int]:
        """Yield stories."""
        yield from (dice.getrandbits(64) for _ in range(LOT))

    def accepts(self, given: int) -> bool:
        """Tell a story and fold it. Says whether all its bodies were ones that a door lets in."""
        dice = Random(given)
        if given % WILD_OF == 0:
            self.wild(given, dice)
            return True
        pick = dice.random()
        if pick < 0.7:
            return self.task(dice, is_slow=given % SLOW_OF == 1)
        return self.simple(dice, dice.choice(list(OF)))

    # -- tasks ------------------------------------------------------------------------------

    def task(self, dice: Random, *, is_slow: bool) -> bool:
        """Fold a story about one task."""
        history = History(None)
        creation = drawn_creation(dice)
        lone = dice.choice(AUTHORS) if dice.random() < 0.1 else None
        if creation is not None and dice.random() < 0.9:
            history.act(CREATOR, creation, id=TASK)
            creation = None
        for _ in range(dice.randrange(1, 14)):
            body = drawn_body(dice, history, dice.choice((*OF_TASKS, *WORK)))
            if body is None:
                self.codes["invalid"] += 1
                continue
            self.note(body)
            op = act(dice, history, body, lone or dice.choice(AUTHORS))
            if op.kind == "task.claim" and dice.random() < 0.6:
                receipt(dice, history, op)
        if creation is not None:  # named in acts before it came: an id is known who made it
            late = history.act(CREATOR, creation, [], id=TASK)
            history.ops[-1] = replace(late, lam=dice.choice((1, 2, 50)))
        self.acts += len(history.ops)
        ops, receipts = list(history.ops), list(history.receipts)
        bench = Panel() if tasks.is_reviewed(ops) or dice.random() < 0.5 else None
        task = tasks.reduce(TASK, ops, receipts, bench)
        dice.shuffle(ops)
        dice.shuffle(receipts)
        bench = None if bench is None else Panel()
        hold(tasks.reduce(TASK, ops, receipts, bench) == task, "another order, another task")
        self.shown(task)
        self.asked(task, dice, history)
        if is_slow and any(op.id == TASK for op in history.ops) and all(map(is_plain, ops)):
            self.agree(task, history)
        return True

    def shown(self, task: tasks.Task) -> None:
        """Make the rows of a task."""
        row = project.task_row(1, task, lambda _: 1)
        for text in (row.labels, row.needs, row.refs, row.gate, row.reviews, row.evidence):
            json.loads(text)
        project.edge_rows(1, task)
        known = {one for one, _ in task.refused}
        hold(len(known) == len(task.refused), "refused twice")
        hold(all(one.winner != one.loser for one in task.conflicts), "an act against itself")

    def asked(self, task: tasks.Task, dice: Random, history: History) -> None:
        """Ask the rules about one act more, and fold it: what was said before is what comes."""
        author, body = dice.choice(AUTHORS), drawn_body(dice, history, dice.choice(OF_TASKS))
        if body is None or isinstance(body, TaskCreate | TaskReview | TaskGate | TaskHandoff):
            return
        rho = {ADMIN: 3, OTHER_ADMIN: 3, CREATOR: 2}.get(author, 1)
        tasks.refusal(task, body, author, rho=rho)
        tasks.repeats(task, body, author)

    def agree(self, task: tasks.Task, history: History) -> None:
        """Ask the slow reducer."""
        slow = Slow(TASK, history.ops, history.receipts).outcome()
        found = (task.state, task.tenure and task.tenure.id, task.completion, dict(task.refused))
        told = (slow.state, slow.tenure, slow.completion, slow.refused)
        hold(found == told, f"the slow reducer says {told}, the fast one {found}")
        hold(list(task.heads) == slow.heads, "the slow reducer has other heads")

    # -- the simple ones ----------------------------------------------------------------------

    def simple(self, dice: Random, entity: str) -> bool:
        """Fold a story about a member, a message, an object, the space, a record or a conflict."""
        history = History(None)
        for _ in range(dice.randrange(1, 10)):
            body = drawn_body(dice, history, dice.choice(OF[entity]))
            if body is None:
                self.codes["invalid"] += 1
                continue
            self.note(body)
            ident = TASK if not history.ops else None
            act(dice, history, body, dice.choice(AUTHORS), ident)
        self.acts += len(history.ops)
        ops, fold = list(history.ops), self.folds[entity]
        state = fold(TASK, ops)
        dice.shuffle(ops)
        hold(fold(TASK, ops) == state, f"another order, another {entity}")
        if entity == "record":
            records.rivals(TASK, ops)
        return bool(ops)

    def note(self, body: Body) -> None:
        """Make the line of an act, and what is searched and linked."""
        line = lines.line(body)
        hold(isinstance(lines.words(body), str), "words are a text")
        lines.links(body)
        if line is not None and isinstance(body, TaskCreate):
            fields.named(body.title, body.body)

    def wild(self, seed: int, dice: Random) -> None:
        """Judge a story of authority in two orders and pages."""
        log = wild(seed, dice.randrange(1, 30))
        self.acts += len(log.nodes)
        verdicts = deliver(log, log.nodes, page=7).verdicts
        again = deliver(log, drawn_order(log, dice), page=dice.randrange(1, 9)).verdicts
        hold(again == verdicts, "another order, other verdicts")

    def told(self, given: int) -> object:
        """Return the number."""
        return given

    def read(self, kept: Any) -> int:
        """Return the number."""
        number: int = kept
        return number


def is_plain(op: Op) -> bool:
    """Say whether the slow reducer knows what an act asks: it reads sound gates alone."""
    gate = getattr(op.body, "gate", ())
    policy = tuple((f"gate.{name}", value) for name, value in gate)
    return content.sound_policy(policy) == policy


def drawn_creation(dice: Random) -> TaskCreate | None:
    """Return how a task began: as one is, oddly, or not at all."""
    pick = dice.random()
    if pick < 0.05:
        return None
    if pick < 0.5:
        return replace(MADE, assignee=dice.choice((None, None, FIRST, SECOND)))
    body = dice.choice(known_bodies("task.create"))
    assert isinstance(body, TaskCreate), "bodies of a kind are of its class"
    return body


def drawn_body(dice: Random, history: History, kind: str) -> Body | None:
    """Return the body of an act as a door lets it in, None for one that no door does.

    Most are sound ones that were drawn once, with the ids of this story in them.
    """
    is_known = dice.random() < KNOWN
    drawn = dice.choice(known_bodies(kind)) if is_known else new_body(dice, history, kind)
    names = drawn.__struct_fields__
    changes: dict[str, object] = {}
    if "task" in names and dice.random() < 0.95:
        changes["task"] = TASK
    for name in ("tenure", "completion", "handoff"):
        if name in names and history.ops and getattr(drawn, name) and dice.random() < 0.9:
            given = [op.id for op in history.ops if op.kind in MEANT[name]]
            changes[name] = dice.choice(given or (TASK,))
    for name in ("message", "reference", "record", "conflict"):
        if name in names:
            changes[name] = TASK
    if "keep" in names:
        changes["keep"] = dice.choice(OTHERS[:3])
    for name in ("to", "assignee"):
        if getattr(drawn, name, None) and kind != "task.progress":
            changes[name] = dice.choice(AUTHORS)
    if isinstance(drawn, TaskEdit):
        changes |= {"title": None} if dice.random() < 0.5 else {}
    drawn = replace(drawn, **changes) if changes else drawn
    return drawn if is_known else read_body(kind, encode(drawn))


def new_body(dice: Random, history: History | None, kind: str) -> Body:
    """Return a body that types alone drew, with some words that its kind asks for."""
    known = [] if history is None else [op.id for op in history.ops]
    pools = {32: [*known, *known[-3:], TASK, *AUTHORS, *OTHERS[:2], bytes(32)]}
    drawn = Shaper(dice, pools).body(KINDS[kind].body)
    match kind:
        case "task.progress":
            return replace(drawn, to=dice.choice(("in_progress", "blocked")))
        case "task.review":
            return replace(drawn, verdict=dice.choice(VERDICTS))
        case "task.claim":
            return replace(drawn, lease_s=dice.choice((60, 900, 86_400, dice.choice(EDGES))))
    return drawn


@cache
def known_bodies(kind: str) -> tuple[Body, ...]:
    """Return sound bodies of a kind: of those that types draw, and of the vectors."""
    dice, found = Random(f"bodies of {kind}"), list[Body]()
    for vector in load("kinds"):
        if (
            vector["input"].get("kind") == kind
            and "expect" in vector
            and "tail" not in vector["input"]
        ):
            body = read_body(kind, bytes.fromhex(vector["input"]["body"]))
            found += [] if body is None else [body]
    for _ in range(DRAWS):
        body = read_body(kind, encode(new_body(dice, None, kind)))
        found += [] if body is None else [body]
    return tuple(found[:BODIES_MAX])


def act(
    dice: Random, history: History, body: Body, author: bytes, ident: bytes | None = None
) -> Op:
    """Append an act whose author saw all, some, or nothing, and one that it does not know."""
    ops, pick = history.ops, dice.random()
    sees = None
    if ops and pick < 0.4:
        sees = dice.sample(ops, min(len(ops), dice.randrange(1, 4)))
    elif ops and pick < 0.45:
        sees = []
    counts = dice.random() < 0.9
    admitted = (dice.randrange(1, 20), dice.choice(OTHERS)) if dice.random() < 0.1 else None
    op = history.act(
        author, body, sees, counts=counts or admitted is not None, admitted=admitted, id=ident
    )
    if dice.random() < 0.03:
        op = replace(op, basis=tuple(sorted({*op.basis, dice.choice(OTHERS)})))
        history.ops[-1] = op
    return op


def receipt(dice: Random, history: History, op: Op) -> None:
    """Append a receipt for a claim, sometimes a false or a second one."""
    right = getattr(op.body, "holder_hash", bytes(32))
    history.receipts.append(
        Receipt(
            event=op.id,
            no=dice.randrange(2),
            fence=dice.choice((1, 1, 2, 3, 2**40, 2**63 - 1)),
            holder=right if dice.random() < 0.8 else bytes(32),
            at=1_000,
            until=dice.choice((0, 1_000_000, 2**63 - 1)),
            instance=bytes(16),
            id=fixed((op.id, len(history.receipts))),
        )
    )
    if dice.random() < 0.1:
        receipt(dice, history, op)

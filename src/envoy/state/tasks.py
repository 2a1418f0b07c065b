"""Tasks: what the acts about one task mean.

A task is never stored, it is folded: every replica makes the same task of the same acts, also after
two members worked on it while apart. Who may do what from which state is ``state.transitions``, who
holds it ``state.claims``, how far it is ``state.status``; here all comes together.

Law 1: a pure function of the set of acts and of the hub's receipts. Equal sets in, equal task out.
Law 2: nothing is raised, nothing is dropped: a losing act is a row of ``refused`` or ``conflicts``.
Law 3: one rule, asked twice (``transitions.judge``): ``refusal`` answers an author before an act is
signed, the fold asks it on every replica about everybody's acts.

Specification: docs/spec/tasks.md. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from envoy.core.bodies import (
    Ref,
    TaskAssign,
    TaskCancel,
    TaskClaim,
    TaskComplete,
    TaskCreate,
    TaskEdit,
    TaskProgress,
    TaskRelease,
    TaskReopen,
)
from envoy.core.records import TaskGate, TaskHandoff, TaskReview
from envoy.core.structs import Body, State
from envoy.ids import sha256
from envoy.state import claims, fields, registers, transitions
from envoy.state.claims import NO_FENCE, Fence, Receipt, Tenure
from envoy.state.fields import NO_PARENT, Edge
from envoy.state.registers import Conflict, Graph, Op
from envoy.state.status import Bench, Fold, Unreviewed
from envoy.state.transitions import HELD, Act, Standing, judge, tenure_of
from envoy.views import names

NONE: Final = transitions.NONE  # the state without a counting creation: nothing to show
Gate = tuple[tuple[str, bool | int | str | tuple[str, ...] | None], ...]


class Review(State, frozen=True):
    """A standing verdict on a completion; ``note`` is member text."""

    id: bytes
    author: bytes
    verdict: str
    note: str | None
    evidence: tuple[bytes, ...]
    ts: int


class Handoff(State, frozen=True):
    """A handoff that counts: ``standing`` is what became of it, ``act`` the act that decided so."""

    id: bytes
    standing: str
    act: bytes | None


class Task(State, frozen=True):
    """A task as all acts together make it. Ids are raw, times ms; texts are member text.

    ``held`` are all tenures there ever were, (id, holder) in order; ``completion`` is the act that
    ``summary`` and ``evidence`` come from, None unless the state follows from it; ``refused`` are
    (event id, reason) in order; ``heads`` are what the next act names; ``version`` is their hash;
    ``edges`` are the needs and the parent with the acts that say so; ``gate`` is what the task asks
    of its completion by itself, ``reviews`` are the standing verdicts on that; ``handoffs`` stand
    in causal order.
    """

    id: bytes
    creator: bytes
    lam: int
    created: int
    changed: int
    title: str
    body: str
    labels: tuple[str, ...]
    priority: int
    due_at: int | None
    needs: tuple[bytes, ...]
    parent: bytes | None
    refs: tuple[Ref, ...]
    edges: tuple[Edge, ...]
    gate: Gate
    state: str
    tenure: Tenure | None
    held: tuple[tuple[bytes, bytes], ...]
    completion: bytes | None
    completed_by: bytes | None
    summary: str | None
    evidence: tuple[bytes, ...]
    for_review: bool
    reviews: tuple[Review, ...]
    handoffs: tuple[Handoff, ...]
    refused: tuple[tuple[bytes, str], ...]
    conflicts: tuple[Conflict, ...]
    heads: tuple[bytes, ...]
    version: bytes


def refusal(
    task: Task,
    body: Body,
    author: bytes,
    *,
    rho: int,
    fence: Fence = NO_FENCE,
    is_named: bool = False,
) -> str | None:
    """Return why ``author`` cannot do this to ``task`` as it stands here, or None.

    ``fence`` is the (no, fence) that a claim is about to ask the hub for; ``is_named`` says that a
    gate names the author, who wants to give a verdict.
    """
    tenure = tenure_of(body)
    named = next((holder for one, holder in task.held if one == tenure), None)
    now = Standing(task.state, task.tenure, task.completion)
    return judge(now, Act(body, author, rho, fence, tenure, named, is_named))


def repeats(task: Task, body: Body, author: bytes) -> bool:
    """Say whether this would change nothing, so that no event is written (``changed:false``).

    Asked before ``refusal``: a task that is done cannot be completed, but it need not be.
    """
    state, tenure = task.state, task.tenure
    holder = tenure.holder if tenure else None
    match body:
        case TaskAssign():
            return state == names.ASSIGNED and holder == body.to
        case TaskClaim():
            session = tenure.session if tenure else None
            return state in HELD and holder == author and session == body.session
        case TaskRelease():
            return state == names.OPEN
        case TaskProgress():
            return state == body.to and holder == author and body.note is None
        case TaskComplete():
            return state == names.COMPLETED and task.completed_by == author
        case TaskCancel():
            return state == names.CANCELLED
        case TaskReopen():
            return state == names.OPEN
        case TaskReview():
            return any(_says(one, body, author) for one in task.reviews)
        case TaskEdit():
            return not _changes(task, body)
        case _:
            return False


def _says(review: Review, body: TaskReview, author: bytes) -> bool:
    """Say whether a standing verdict is what its author is about to say again."""
    said = (review.author, review.verdict, review.note, review.evidence)
    return said == (author, body.verdict, body.note, body.evidence)


def _changes(task: Task, body: TaskEdit) -> bool:
    """Say whether an edit would make any field another than it is."""
    text = task.body if body.body is None else body.body
    return (
        (body.title is not None and fields.named(body.title, text) != task.title)
        or text != task.body
        or body.priority not in (None, task.priority)
        or body.due_at not in (None, task.due_at or 0)
        or body.parent not in (None, task.parent or NO_PARENT)
        or not {*body.label} <= {*task.labels}
        or not {*body.need} <= {*task.needs}
        or not {*body.ref} <= {*task.refs}
        or bool({*body.unlabel} & {*task.labels})
        or bool({*body.unneed} & {*task.needs})
        or bool({*body.unref} & {*task.refs})
    )


def reduce(
    task: bytes, ops: Iterable[Op], receipts: Sequence[Receipt], bench: Bench | None = None
) -> Task:
    """Return the task that ``ops`` make, its creation among them, whatever order they came in.

    ``ops`` are all accepted acts on the entity that pass the S rules, held ones too; ``receipts``
    those of its slot under pinned keys. ``bench`` judges completions where ``is_reviewed``, or a
    policy, says that there is more to ask than whether they were made. Without a counting creation
    the state is ``none``.
    """
    graph = Graph(task, ops)
    made = _made(graph)
    bench = Unreviewed(is_gated=bool(made.gate)) if bench is None else bench
    fold = Fold(graph, claims.grips(graph.ops, receipts), bench)
    return _task(fold, made, receipts)


BLANK: Final = TaskCreate(
    title=None,
    body="",
    labels=(),
    priority=0,
    due_at=None,
    needs=(),
    parent=None,
    refs=(),
    gate=(),
    assignee=None,
)


def _task(fold: Fold, made: TaskCreate, receipts: Iterable[Receipt]) -> Task:
    """Return the task that a fold came to."""
    graph = fold.graph
    creation = _creation(graph)
    standing = fold.standing(fold.last)
    number = fold.result(fold.last)
    done = None if number is None else graph.ops[number]
    result = done.body if done and isinstance(done.body, TaskComplete) else None
    losses = [*fold.losses, *claims.double_fences(graph, fold.keys, receipts)]
    said = fields.fields(graph, made, fold.refused)
    return Task(
        id=graph.entity,
        creator=creation.author if creation else b"",
        lam=creation.lam if creation else 0,
        created=creation.ts if creation else 0,
        changed=max((op.ts for op in graph.ops if op.counts), default=0),
        title=said.title,
        body=said.body,
        labels=said.labels,
        priority=said.priority,
        due_at=said.due_at,
        needs=said.needs,
        parent=said.parent,
        refs=said.refs,
        edges=said.edges,
        gate=fold.bench.gate(fold, fold.last, number) if creation else (),
        state=standing.state,
        tenure=standing.tenure,
        held=_held(fold),
        completion=done.id if done and result else None,
        completed_by=done.author if done and result else None,
        summary=result.summary if result else None,
        evidence=result.evidence if result else (),
        for_review=bool(result and result.for_review),
        reviews=_reviews(fold, number),
        handoffs=_handoffs(fold, standing.state),
        refused=_refused(fold),
        conflicts=(*registers.conflicts(graph, losses, fold.last.cover), *said.conflicts),
        heads=graph.heads,
        version=sha256(b"".join(graph.heads)).digest(),
    )


def _creation(graph: Graph) -> Op | None:
    """Return the act that made the task, None where it is not here or does not count."""
    number = graph.numbers.get(graph.entity)
    op = None if number is None else graph.ops[number]
    return op if op and op.counts and isinstance(op.body, TaskCreate) else None


def _made(graph: Graph) -> TaskCreate:
    """Return what the task was made as, blank without a creation."""
    creation = _creation(graph)
    return creation.body if creation and isinstance(creation.body, TaskCreate) else BLANK


def _reviews(fold: Fold, completion: int | None) -> tuple[Review, ...]:
    """Return the standing verdicts on a completion."""
    numbers = [] if completion is None else fold.bench.verdicts(fold, fold.last, completion)
    ops = [fold.graph.ops[number] for number in numbers]
    return tuple(
        Review(op.id, op.author, op.body.verdict, op.body.note, op.body.evidence, op.ts)
        for op in ops
        if isinstance(op.body, TaskReview)
    )


def _handoffs(fold: Fold, state: str) -> tuple[Handoff, ...]:
    """Return what became of each handoff. Source: docs/spec/tasks.md, Handoffs."""
    found = [n for n in fold.keys if isinstance(fold.graph.ops[n].body, TaskHandoff)]
    return tuple(_handoff(fold, number, state) for number in found)


def _handoff(fold: Fold, number: int, state: str) -> Handoff:
    """Return what became of a handoff: the first of the acts that came upon it decides."""
    given, first = fold.graph.ops[number], fold.last.first
    upon = [n for n in fold.keys if fold.view(n).first == number]
    if not upon and first == number:
        is_over = state in names.ENDED
        return Handoff(given.id, names.SUPERSEDED if is_over else names.OFFERED, None)
    by = fold.graph.ops[min(upon, key=fold.keys.__getitem__) if upon else first or 0]
    is_own = bool(upon) and by.author == given.author
    standing = names.WITHDRAWN if is_own else names.SUPERSEDED
    return Handoff(given.id, names.ACCEPTED if _accepts(by, given) else standing, by.id)


def _accepts(by: Op, given: Op) -> bool:
    """Say whether an act that came upon a handoff is a claim that countersigns it."""
    if not isinstance(by.body, TaskClaim) or by.body.handoff != given.id:
        return False
    return claims.holder(given) in (None, by.author)


def is_reviewed(ops: Iterable[Op]) -> bool:
    """Say whether a task has a gate of its own or a verdict: ``state.reviews`` is asked then."""
    return any(
        isinstance(op.body, TaskReview | TaskGate)
        or (isinstance(op.body, TaskCreate) and bool(op.body.gate))
        for op in ops
    )


def _held(fold: Fold) -> tuple[tuple[bytes, bytes], ...]:
    """Return the tenures that there were and who held them."""
    ops = [fold.graph.ops[number] for number in fold.keys]
    return tuple((op.id, who) for op in ops if (who := claims.holder(op)) is not None)


def _refused(fold: Fold) -> tuple[tuple[bytes, str], ...]:
    """Return the refused acts in their order, each with its reason."""
    found = [(fold.graph.ops[number], reason) for number, reason in fold.refused.items()]
    found += [(op, registers.OVER_LIMIT) for op in fold.graph.over if op.counts]
    found.sort(key=lambda one: (one[0].lam, one[0].id))
    return tuple((op.id, reason) for op, reason in found)

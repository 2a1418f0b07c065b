"""Actions on what is handed in: hand it in, approve it, ask for changes, reject it.

Specification: docs/spec/tasks.md, Reviews and Gates.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.log import Entry
from envoy.core.records import APPROVE, TaskGate, TaskReview
from envoy.errors import AuthorityError, ConflictError, EnvoyError
from envoy.ids import to_text
from envoy.replica import gating
from envoy.replica.actions.tasks import answer, check_version, known, say
from envoy.replica.actions.work import usable
from envoy.replica.batch import Batch
from envoy.replica.replica import Author, Call, Replica, check_text
from envoy.state import gates, tasks
from envoy.state.gates import Gate
from envoy.views import rows


def gate(replica: Replica, task: bytes, wanted: Gate, *, key: str | None = None) -> rows.Transition:
    """Write what a completion of a task must meet, in the place of what the task asked before.

    Raises AuthorityError(capability_missing).
    """
    body = TaskGate(task, gates.written(wanted))
    return say(replica, task, lambda _: body, call=Call(key, ("task gate", task, str(body.gate))))


def review(
    replica: Replica,
    task: bytes,
    verdict: str,
    *,
    note: str | None = None,
    evidence: Sequence[bytes] = (),
    key: str | None = None,
) -> rows.Transition:
    """Give a verdict on the completion that a task stands by.

    Raises AuthorityError (capability_missing, self_review_denied), ConflictError
    (invalid_transition where nothing is handed in; evidence_missing, evidence_stale for an
    approval where what it rests on shows less by now than its gate asks for).
    """
    check_text(note or "")
    before, shown = known(replica, task), tuple(evidence)

    def work(author: Author) -> list[Entry]:
        batch = author.batch
        check_version(replica, batch, task)
        for ident in shown:
            usable(batch, ident)
        found = batch.folded(task)
        if found is None or found.completion is None:
            state = before.state if found is None else found.state
            raise ConflictError("invalid_transition", task_id=to_text("task", task), state=state)
        body = TaskReview(task, found.completion, verdict, note, shown)
        if tasks.repeats(found, body, batch.me):
            return []
        refused = refusal(batch, found, body)
        if refused is not None:
            raise refused
        if verdict == APPROVE:
            gating.check(batch.rows, batch.space, task, found.evidence, judged=True)
        return [author.say(body)]

    call = Call(key, ("review", task, verdict, note, list(shown)))
    return answer(replica, task, before, replica.compose(work, call=call))


def refusal(batch: Batch, task: tasks.Task, body: TaskReview) -> EnvoyError | None:
    """Return why this profile cannot give that verdict, or None."""
    asked, me = gates.read(task.gate), batch.me
    named = {"task_id": to_text("task", task.id), "state": task.state}
    is_named = gates.names(asked, batch.space.role)
    reason = tasks.refusal(task, body, me, rho=batch.rho(task.id), is_named=is_named)
    own = me == task.completed_by
    held = own or me in {who for _, who in task.held}
    if (reason and own) or (held and asked.no_self_review and body.verdict == APPROVE):
        return AuthorityError("self_review_denied", **named)
    if reason is None:
        return None
    return AuthorityError("capability_missing", required_verb="admin", **named)

"""Who holds a task: the order of tenure acts, and which of a hub's receipts count."""

from __future__ import annotations

from typing import Any

import pytest

from envoy.core.bodies import Merge
from envoy.state import claims, tasks
from envoy.state.claims import NO_FENCE
from envoy.state.registers import Graph
from histories import ADMIN, CREATOR, FIRST, SECOND, TASK, History, made, read
from vectorfile import good


@pytest.mark.parametrize(("given", "expect"), good("claims"))
def test_of_tenure_acts_beside_each_other_one_is_effective(
    given: dict[str, Any], expect: dict[str, Any]
) -> None:
    task, acts, receipts = read(given)
    graph = Graph(task, acts)
    held = claims.grips(graph.ops, receipts)
    assert {one.hex(): list(grip.fence) for one, grip in held.items()} == expect["fences"]

    tenures = [n for n, op in enumerate(graph.ops) if claims.is_tenure(op)]
    keys = {n: claims.key(task, graph.ops[n], held) for n in tenures}
    heads = sorted(graph.newest(tenures), key=keys.__getitem__)
    assert [graph.ops[n].id.hex() for n in heads] == expect["order"]
    assert [claims.rule(keys[heads[0]], keys[n]) for n in heads[1:]] == expect["rules"]

    doubles = claims.double_fences(graph, keys, receipts)
    found = [[graph.ops[one.winner].id.hex(), graph.ops[one.loser].id.hex()] for one in doubles]
    assert found == expect["double_fence"]

    tenure = claims.tenure(graph.ops[heads[0]], held)
    assert (tenure and tenure.claim_state) == expect["claim_state"]


def test_a_refused_claim_is_no_proof_against_a_hub() -> None:
    history = History()
    history.claim(FIRST, fence=1)
    history.claim(SECOND, fence=1)
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert [reason for _, reason in task.refused] == ["claim_of_owned"]
    assert task.conflicts == ()


def test_a_forked_hub_is_shown_beside_the_lost_claim() -> None:
    history = History()
    one, two = (history.claim(who, history.ops[:1], fence=1) for who in (FIRST, SECOND))
    task = tasks.reduce(TASK, history.ops, history.receipts)
    found = [(c.kind, c.winner, c.loser, c.rule) for c in task.conflicts]
    assert found == [
        ("double_fence", one.id, two.id, "tie"),
        ("lost_claim", one.id, two.id, "tie"),
    ]


def test_a_receipt_for_another_holder_is_no_proof_against_a_hub() -> None:
    history = History()
    one, two = (history.claim(who, history.ops[:1]) for who in (FIRST, SECOND))
    history.receipt(one, 1)
    history.receipt(two, 1, holder=bytes(32))
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert [found.kind for found in task.conflicts] == ["lost_claim"]


def test_a_creation_is_an_assignment_of_no_rank_whoever_made_the_task() -> None:
    history = History(None)
    creation = history.act(ADMIN, made(assignee=FIRST))
    by_admin, by_creator = history.assign(ADMIN, SECOND), history.assign(CREATOR, SECOND)
    claim = history.claim(SECOND)
    first, one, other, last = (
        claims.key(TASK, op, {}) for op in (by_admin, creation, by_creator, claim)
    )
    assert first < one < last and first < other < last
    assert claims.rule(first, one) == claims.rule(one, last) == "assign"
    assert claims.rule(*sorted((one, other))) == "tie"


def test_of_receipts_with_one_fence_the_latest_end_of_the_lease_is_shown() -> None:
    history = History()
    claim = history.claim(FIRST)
    for _ in range(3):
        history.receipt(claim, 1)
    ends = [one.until for one in history.receipts]
    for receipts in (history.receipts, history.receipts[::-1]):
        assert claims.grips(history.ops, receipts)[claim.id].until == max(ends)


def test_a_tenure_says_who_holds_and_who_gave() -> None:
    history = History(made(assignee=FIRST))
    history.assign(ADMIN, SECOND)
    history.claim(SECOND, fence=3)
    history.release(SECOND)
    history.act(CREATOR, Merge(TASK))
    held = claims.grips(history.ops, history.receipts)
    shown = [claims.tenure(op, held) for op in history.ops]
    assert shown[3] is shown[4] is None
    assert [(one.kind, one.holder, one.giver) for one in shown[:3] if one] == [
        ("create", FIRST, CREATOR),
        ("assign", SECOND, ADMIN),
        ("claim", SECOND, SECOND),
    ]
    assert [one.full_fence for one in shown[:3] if one] == [NO_FENCE, NO_FENCE, (0, 3)]
    assert [claims.is_tenure(op) for op in history.ops] == [True, True, True, True, False]

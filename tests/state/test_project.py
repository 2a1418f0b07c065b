"""Project: rows say what the folds say, with the numbers of the replica that asks."""

from __future__ import annotations

import pytest

from envoy import ids, jsontext
from envoy.core import bodies
from envoy.core.bodies import Ref, TaskCreate
from envoy.core.objects import ObjectPut
from envoy.core.records import TaskReview
from envoy.core.structs import replace
from envoy.state import project, tasks
from envoy.state.authority import Judgement, place
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge
from envoy.state.content import PolicyValue
from envoy.state.gates import ALONE
from envoy.state.reviews import Panel
from envoy.views import rows
from envoy.views.people import stamp
from histories import ADMIN, CREATOR, FIRST, MADE, TASK, UNCHANGED, History, fixed
from state.delivery import deliver
from state.log import DAY_MS, Log, Place, did
from state.stories import after, cast

SN = 7


def number(actor: bytes) -> int:
    """Return a local number for a did."""
    return actor[0] + 1000


def folded(history: History) -> rows.Task:
    """Return the row of the task that a history comes to."""
    task = tasks.reduce(history.entity, history.ops, history.receipts)
    return project.task_row(SN, task, number)


def judged(log: Log) -> Judgement:
    """Return the judgement of a replica that has the whole story."""
    replica = deliver(log, list(log.nodes))
    assert replica.judgement is not None
    return replica.judgement


# -- tasks ---------------------------------------------------------------------------------------


def test_a_task_that_nobody_holds() -> None:
    row = folded(History())
    assert (row.sn, row.id, row.creator) == (SN, TASK, number(CREATOR))
    assert (row.state, row.assignee, row.tenure, row.is_claim) == ("open", None, None, 0)
    assert (row.claim_state, row.session, row.fence, row.lease_ms) == (
        *("unclaimed", None, None, None),
    )
    assert (row.title, row.body, row.priority) == (MADE.title, MADE.body, 2)
    assert (row.summary, row.completion, row.completed_by, row.conflicts) == (None, None, None, 0)
    assert row.labels == row.needs == row.refs == row.evidence == "[]" and row.gate == "{}"
    assert row.digest == b"" and row.version


def test_a_task_that_was_assigned_is_held_and_not_claimed() -> None:
    history = History()
    given = history.assign(CREATOR, FIRST)
    row = folded(history)
    assert (row.assignee, row.tenure, row.is_claim) == (number(FIRST), given.id, 0)


def test_a_task_that_is_claimed_and_done() -> None:
    history = History()
    claim = history.claim(FIRST, fence=3)
    row = folded(history)
    assert (row.assignee, row.tenure, row.is_claim) == (number(FIRST), claim.id, 1)
    assert (row.claim_state, row.session, row.fence) == ("confirmed", "default", 3)
    assert row.lease_ms == history.receipts[0].until
    done = history.complete(claim)
    row = folded(history)
    assert (row.state, row.summary, row.completion) == ("completed", "done", done.id)
    assert row.completed_by == number(FIRST)


def test_lists_are_json_of_ids_as_text() -> None:
    other = fixed("other")
    body = replace(
        MADE,
        labels=("b", "a"),
        needs=(other,),
        refs=(Ref("supports", other, None), Ref(None, TASK, None)),
        gate=(("evidence", ("test", "lint")), ("reviews", 1)),
    )
    assert isinstance(body, TaskCreate)
    row = folded(History(body))
    assert jsontext.loads(row.labels) == ["b", "a"]
    assert jsontext.loads(row.needs) == [ids.to_text("task", other)]
    assert jsontext.loads(row.refs) == [
        {"rel": "supports", "id": ids.to_text("evt", other)},
        {"rel": None, "id": ids.to_text("evt", TASK)},
    ]
    assert jsontext.loads(row.gate) == {"evidence": ["test", "lint"], "reviews": 1}


def test_open_conflicts_are_counted() -> None:
    history = History()
    history.claim(FIRST, sees=history.ops[:1])
    history.claim(fixed("another"), sees=history.ops[:1])
    assert folded(history).conflicts == 1


# -- authority -----------------------------------------------------------------------------------


def test_of_two_envelopes_of_the_genesis_the_first_in_order_founded_the_space() -> None:
    log = Log()
    replica = deliver(log, log.nodes)
    genesis = replica.auth["genesis"]
    for twin in (replace(genesis, index=1, id=bytes(32)), replace(genesis, index=1, lam=9)):
        found = project.founding(judge(Ledger.of([genesis, twin]), replica))
        assert found is min((genesis, twin), key=place)


def grants(log: Log) -> dict[str, rows.Grant]:
    """Return the grant rows of a story by name."""
    found = project.grant_rows(SN, judged(log), number)
    return {log.names[row.id]: row for row in found}


def test_grants_say_whether_they_stand_and_what_ended_them() -> None:
    log = Log()
    cast(log, "")
    log.remove("r", "B", "W")
    found = grants(log)
    assert (found["gW"].status, found["gW"].cause) == ("killed", log.nodes["r"].id)
    assert found["gW"].senior == project.NOWHERE
    assert (found["gB"].status, found["gB"].role, found["gB"].verb) == ("live", "admin", None)
    assert found["gB"].subject == number(did("B")) and found["gB"].author == number(did("O"))
    live = sorted((row.senior, name) for name, row in found.items() if row.status == "live")
    assert live[0][1] not in ("gB", "gC")  # the founder comes first
    assert len(live) > 2 and live[-1][0] < found["gW"].senior, "what ended stands behind them all"


def test_a_grant_beside_its_makers_removal_is_void() -> None:
    log = Log()
    cast(log, "")
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    found = grants(log)
    assert (found["gZ"].status, found["gZ"].cause) == ("void", log.nodes["r"].id)


def test_a_delegation_has_a_verb_and_no_role() -> None:
    log = Log()
    cast(log, "")
    log.delegate("d", "B", "X", verb="read", depth=1)
    log.delegate("w", "B", "Y", verb="write")
    log.invite("i", "B")  # nobody's grant
    found = grants(log)
    assert (found["d"].role, found["d"].verb, found["d"].depth) == (None, "read", 1)
    assert found["w"].verb == "write" and found["gB"].depth == 0
    assert "i" not in found


STORIES = [
    pytest.param([], "active", 0, id="nobody came"),
    pytest.param(["X"], "active", 1, id="one of two came"),
    pytest.param(["X", "Y"], "used", 2, id="two of two came"),
    pytest.param(["X", "Y", "Z"], "used", 2, id="three came for two uses"),
]


@pytest.mark.parametrize(("joiners", "status", "uses"), STORIES)
def test_an_invite_says_how_much_of_it_is_left(joiners: list[str], status: str, uses: int) -> None:
    log = Log()
    cast(log, "")
    log.invite("i", "B", uses=2)
    for name in joiners:
        log.join(f"j{name}", name, "i", after("i"))
    (row,) = project.invite_rows(SN, judged(log), number)
    assert (row.status, row.uses, row.max_uses) == (status, uses, 2)
    assert row.author == number(did("B"))


def test_an_invite_that_was_revoked_says_so() -> None:
    log = Log()
    cast(log, "")
    log.invite("i", "B")
    log.revoke("r", "B", "i", after("i"))
    (row,) = project.invite_rows(SN, judged(log), number)
    assert row.status == "revoked"


def test_an_invite_of_somebody_who_was_out_is_void() -> None:
    log = Log()
    cast(log, "")
    log.remove("r", "O", "C")
    log.invite("i", "C")
    (row,) = project.invite_rows(SN, judged(log), number)
    assert row.status == "void"


# -- coming and going ----------------------------------------------------------------------------


def arrivals(log: Log) -> dict[bytes, project.Arrival]:
    """Return who came and went."""
    return project.arrivals(judged(log))


def test_a_member_came_by_its_first_grant_and_has_not_gone() -> None:
    log = Log()
    cast(log, "")
    log.grant("again", "B", "W", "write")
    found = arrivals(log)[did("W")]
    assert found.via == log.nodes["gW"].id and found.removed_ms is None
    assert found.joined_ms == log.nodes["gW"].ts


def test_who_came_by_an_invite_names_the_invite() -> None:
    log = Log()
    cast(log, "")
    log.invite("i", "B")
    log.join("j", "X", "i", after("i"))
    assert arrivals(log)[did("X")].via == log.nodes["i"].id


def test_who_is_out_went_when_the_last_grant_ended() -> None:
    log = Log()
    cast(log, "")
    log.remove("r", "B", "W")
    found = arrivals(log)[did("W")]
    assert found.removed_ms == log.nodes["r"].ts
    log.grant("back", "B", "W", "write", after("r"))
    assert arrivals(log)[did("W")].removed_ms is None


@pytest.mark.parametrize("days", [(5, 3, 4), (3, 5, 4), (3, 4, 5)])
def test_who_lost_several_grants_went_with_the_last_end_of_any(days: tuple[int, ...]) -> None:
    log = Log()
    cast(log, "")
    log.grant("again", "C", "W", "write")
    for name, target, day in zip("abc", ("gW", "again", "gW"), days, strict=True):
        log.revoke(name, "O", target, after("again", ts=day * DAY_MS))
    assert arrivals(log)[did("W")].removed_ms == 5 * DAY_MS


def test_who_lost_one_grant_of_two_has_not_gone() -> None:
    log = Log()
    cast(log, "")
    log.grant("again", "C", "W", "write")
    log.revoke("r", "O", "again", after("again"))
    assert arrivals(log)[did("W")].removed_ms is None


def test_who_came_by_nothing_that_counts_never_came() -> None:
    log = Log()
    cast(log, "")
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    assert did("Z") not in arrivals(log)


# -- rows of what stands beside a task -----------------------------------------------------------


def test_a_standing_verdict_is_shown_with_all_that_it_says() -> None:
    history = History(replace(MADE, gate=(("reviews", 2),)))
    done = history.complete(history.claim(FIRST))
    proof = fixed("proof")
    verdict = history.act(CREATOR, TaskReview(TASK, done.id, "approve", "dry", (proof,)))
    beside = replace(ALONE, roles={verdict.id: "write"})
    task = tasks.reduce(TASK, history.ops, (), Panel(beside))
    assert jsontext.loads(project.task_row(SN, task, number).reviews) == [
        {
            "review_id": ids.to_text("evt", verdict.id),
            "reviewer_id": ids.did_text(CREATOR),
            "verdict": "approve",
            "note": "dry",
            "evidence": [ids.to_text("evt", proof)],
            "at": stamp(verdict.ts),
        }
    ]
    assert folded(History()).reviews == "[]"


def test_each_edge_of_a_task_is_a_row_in_its_place() -> None:
    need, parent = fixed("a need"), fixed("the whole")
    history = History(replace(MADE, needs=(need,)))
    edit = history.act(ADMIN, replace(UNCHANGED, parent=parent))
    task = tasks.reduce(history.entity, history.ops, ())
    made = history.ops[0]
    assert project.edge_rows(SN, task) == [
        rows.Edge(SN, TASK, "need", need, 0, made.id, made.lam, made.id, 1, 0),
        rows.Edge(SN, TASK, "parent", parent, 1, edit.id, edit.lam, edit.id, 0, 0),
    ]
    assert folded(history).edges == 2 and folded(History()).edges == 0


FILE = ObjectPut(
    *(fixed("object"), "crash.log", "text/plain", 9, fixed("key"), fixed("sum")),
    *((fixed(1), fixed(2)), TASK, fixed("older")),
)


@pytest.mark.parametrize("retracted", [None, fixed("who took it back")])
def test_a_reference_to_an_object_shows_no_key_and_once_retracted_no_name(
    retracted: bytes | None,
) -> None:
    put = History(None, entity=fixed("put")).act(FIRST, FILE)
    found = project.object_row(SN, put, FILE, retracted=retracted, number=number)
    assert found == rows.Object(
        sn=SN,
        id=put.id,
        object=FILE.object,
        lam=put.lam,
        created_ms=put.ts,
        an=number(FIRST),
        name="" if retracted else "crash.log",
        media="text/plain",
        size=9,
        sha256=FILE.sha256,
        chunks=fixed(1) + fixed(2),
        task=TASK,
        supersedes=FILE.supersedes,
        retracted=retracted,
    )


def test_what_was_written_of_a_policy_covers_what_the_space_began_with() -> None:
    founded: dict[str, PolicyValue] = {"lease_s": 60, "gate.review_by": ("write",), "audit": "keep"}
    written = (("gate.review_by", ("admin", "human")), ("gate.reviews", 2))
    assert project.policy_text(founded, written) == jsontext.dumps(
        {
            "audit": "keep",
            "gate.review_by": ["admin", "human"],
            "gate.reviews": 2,
            "lease_s": 60,
        }
    )


# -- invites that others redeem, and where a copy stands -----------------------------------------


def given(log: Log, name: str, by: str, to: str, invite: str) -> None:
    """``by`` lets ``to`` in by an invite that asks for approval."""
    body = bodies.Grant(did(to), "write", None, None, None, log.nodes[invite].id)
    log.tell(name, by, "grant", body, after(invite))


def test_an_invite_with_approval_is_used_by_the_grants_that_name_it_and_stand() -> None:
    log = Log()
    cast(log, "")
    log.invite("i", "B", uses=2, mode="approve")
    log.invite("k", "B", uses=2, mode="approve")
    given(log, "gX", "B", "X", "i")
    given(log, "gY", "C", "Y", "i")
    given(log, "gZ", "B", "Z", "k")
    log.remove("r", "O", "C")
    found = {log.names[row.id]: row for row in project.invite_rows(SN, judged(log), number)}
    assert (found["i"].uses, found["i"].status, found["i"].mode) == (1, "active", "approve")
    assert (found["k"].uses, found["k"].status) == (1, "active")


def test_an_invite_is_shown_as_it_was_made() -> None:
    log = Log()
    cast(log, "")
    log.invite("i", "B", uses=3, role="read")
    (row,) = project.invite_rows(SN, judged(log), number)
    node = log.nodes["i"]
    assert isinstance(node.body, bodies.Invite)
    assert row == rows.Invite(
        sn=SN,
        id=node.id,
        author=number(did("B")),
        role="read",
        mode="open",
        max_uses=3,
        uses=0,
        na=node.body.na,
        created_ms=node.ts,
        lookup=node.body.lookup,
        revoke_auth=node.body.revoke_auth,
        enc=node.body.enc,
        access=node.body.access,
        status="active",
    )


@pytest.mark.parametrize(
    ("role", "before", "now"),
    [
        pytest.param("read", "pending_approval", "member", id="let in"),
        pytest.param("read", "removed", "member", id="let in again"),
        pytest.param(None, "member", "removed", id="out"),
        pytest.param(None, "pending_approval", "pending_approval", id="waiting"),
        pytest.param(None, "removed", "removed", id="still out"),
    ],
)
def test_what_a_copy_is_to_its_holder(role: str | None, before: str, now: str) -> None:
    assert project.join_state(role, before) == now


def test_a_member_came_by_the_first_of_its_grants_whatever_arrived_first() -> None:
    log = Log()
    cast(log, "")
    log.grant("late", "B", "W", "write", Place(ts=9 * DAY_MS))
    log.grant("early", "C", "V", "write", Place(ts=8 * DAY_MS))
    log.grant("earlier", "B", "V", "write", Place(ts=7 * DAY_MS))
    found = arrivals(log)
    assert (found[did("V")].via, found[did("V")].joined_ms) == (
        log.nodes["earlier"].id,
        7 * DAY_MS,
    )
    assert found[did("O")].via == project.founding(judged(log)).auth

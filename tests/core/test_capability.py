"""Capability: what each role may do, what a grant gives, and every structural rule by itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import bodies, objects, records
from envoy.core.capability import (
    CAPS,
    JOIN,
    ROLE_CAPS,
    ROLE_NEEDS,
    Grant,
    cap_of,
    is_plain,
    structural,
    task_of,
)
from envoy.core.kinds import KINDS
from envoy.core.structs import Body, replace
from histories import capsule
from state.delivery import deliver
from state.log import HERE, Delegating, Log, Place, did, named
from state.stories import after, cast, only

ROLES = ("read", "write", "admin", "owner")
# Written by hand, beside the table in the code: kind -> roles that may.
MAY = {
    **dict.fromkeys(("leave", "revoke", "member.keys", "card", "key.request"), ROLES),
    "object.request": ROLES,
    **dict.fromkeys(
        (
            *("epoch.create", "merge", "message", "task.create", "task.assign", "task.claim"),
            *("task.release", "task.progress", "task.complete", "poll", "vote"),
            *("task.edit", "task.cancel", "task.reopen", "message.redact"),
            *("task.gate", "task.handoff", "task.review", "record", "record.retract"),
            "conflict.resolve",
            *("object.put", "object.retract"),
        ),
        ROLES[1:],
    ),
    **dict.fromkeys(("delegate", "delegate inside"), ROLES[1:]),
    **dict.fromkeys(("grant read", "grant write", "role read", "role write"), ROLES[2:]),
    **dict.fromkeys(("invite", "remove", "delegate outside"), ROLES[2:]),
    **dict.fromkeys(("grant admin", "role admin", "admit", "hub.pin", "space.update"), ROLES[2:]),
    "space.policy": ROLES[2:],
    **dict.fromkeys(("grant owner", "role owner", "close", "space.rules"), ROLES[3:]),
}
# The kinds of the matrix that are an act of their own; the others say what they give or to whom.
PLAIN = {kind: may for kind, may in MAY.items() if " " not in kind and kind in KINDS}


def members(log: Log) -> None:
    """Tell a member of each role, named by its first letter, and a member M."""
    for role in ROLES:
        member = role[0].upper() if role != "owner" else "P"
        place = Place(only=tuple(log.heads(log.nodes)))
        log.grant(f"g{member}", "O", member, role, place)
    log.grant("gM", "O", "M", "read", Place(only=tuple(log.heads(log.nodes))))
    log.settle()


def who(role: str) -> str:
    """Return the member of that role."""
    return role[0].upper() if role != "owner" else "P"


def body_of(kind: str) -> Body | None:
    """Return a body that breaks no other rule."""
    zero, task = bytes(32), named("T")
    known: dict[str, Body] = {
        "leave": bodies.Leave(""),
        "revoke": bodies.Revoke(zero, ""),
        "member.keys": bodies.MemberKeys(bodies.Statement(b"", bytes(64))),
        "card": bodies.Card("n", "human", "", None, ()),
        "key.request": bodies.KeyRequest((zero,)),
        "epoch.create": bodies.EpochCreate(1, bytes(16), zero, ()),
        "merge": bodies.Merge(None),
        "message": bodies.Message("", None, (), (), (), None),
        "task.create": bodies.TaskCreate("t", "", (), 2, None, (), None, (), (), None),
        "task.assign": bodies.TaskAssign(task, zero),
        "task.claim": bodies.TaskClaim(task, "s", 900, zero, None),
        "task.release": bodies.TaskRelease(task, None),
        "task.progress": bodies.TaskProgress(task, zero, "blocked", None),
        "task.complete": bodies.TaskComplete(task, zero, "", (), False),
        "task.edit": bodies.TaskEdit(task, "t", None, None, None, None, (), (), (), (), (), ()),
        "task.cancel": bodies.TaskCancel(task, ""),
        "task.reopen": bodies.TaskReopen(task, ""),
        "message.redact": bodies.MessageRedact(zero, ""),
        "poll": records.Poll("q", ("a", "b")),
        "task.gate": records.TaskGate(task, ()),
        "task.handoff": capsule(task, zero, None),
        "task.review": records.TaskReview(task, zero, "approve", None, ()),
        "record": records.Record("decision", None, task, "t", (), None, ()),
        "conflict.resolve": records.ConflictResolve(zero, zero, None),
        "record.retract": records.RecordRetract(zero, ""),
        "object.put": objects.ObjectPut(zero, "n", "m", 0, zero, zero, (zero,), None, None),
        "object.retract": objects.ObjectRetract(zero, ""),
        "object.request": objects.ObjectRequest(zero),
        "remove": bodies.Remove(zero, "", ()),
        "admit": bodies.Admit((zero,), ""),
        "hub.pin": bodies.HubPin(1, zero, None),
        "space.update": bodies.SpaceUpdate(None, None),
        "space.policy": bodies.SpacePolicy((("audit", "keep"),)),
        "close": bodies.Close(""),
        "space.rules": bodies.SpaceRules(2),
    }
    return known.get(kind)


def act(log: Log, kind: str, by: str) -> str:
    """Tell an act of a row of the matrix."""
    name, _, what = kind.partition(" ")
    if name == "grant":
        return log.grant("e", by, "N", what)
    if name == "role":
        return log.role("e", by, "M", what)
    if name == "delegate":
        to = "Z" if what == "outside" else "M"
        return log.delegate("e", by, to, verb="read")
    if name == "invite":
        return log.invite("e", by)
    return log.tell("e", by, name, body_of(name), HERE)


def fault(log: Log, name: str = "e") -> str | None:
    """Return the structural rule that an event breaks."""
    replica = deliver(log, log.nodes)
    found = replica.auth.get(name) or replica.content[name]
    return found.fault


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", sorted(MAY))
def test_a_role_may_what_the_table_says(kind: str, role: str) -> None:
    log = Log()
    members(log)
    act(log, kind, who(role))
    if role in MAY[kind]:
        assert fault(log) is None
    else:
        outsider = kind == "delegate outside" and role == "write"
        assert fault(log) == ("S4 outsider" if outsider else "S3 cap")


def test_the_matrix_has_every_kind() -> None:
    named_kinds = {kind.partition(" ")[0] for kind in MAY}
    assert named_kinds == KINDS.keys() - {"genesis", "join"} | {"vote"}


def test_a_cap_of_a_kind_is_that_of_the_least_role_that_may() -> None:
    for kind, may in PLAIN.items():
        least = [role for role in ROLES if ROLE_CAPS[role] & cap_of(kind)]
        assert tuple(least) == may, kind
    assert cap_of("join") == JOIN and not any(JOIN & caps for caps in ROLE_CAPS.values())


def test_caps_are_single_bits_and_greater_roles_hold_lesser_ones() -> None:
    assert sorted(CAPS.values()) == [1 << bit for bit in range(len(CAPS))]
    for less, more in pairwise(ROLES):
        assert ROLE_CAPS[less] & ROLE_CAPS[more] == ROLE_CAPS[less] != ROLE_CAPS[more]
    for role in ROLES:  # nobody gives a role with caps beyond its own
        givers = [one for one in ROLES if ROLE_CAPS[one] & ROLE_NEEDS[role]]
        assert all(not ROLE_CAPS[role] & ~ROLE_CAPS[one] for one in givers)


# -- grants ---------------------------------------------------------------------------------------


def grants() -> tuple[Log, dict[str, Grant]]:
    """Return one grant of each sort by name."""
    log = Log()
    cast(log, "Ydw", settle=False)
    log.invite("i", "B", only("w"), role="read", uses=7, na=9000)
    log.invite("a", "B", only("i"), mode="approve")
    log.join("j", "N", "i", only("a"))
    log.role("s", "C", "Y", "write", only("j"))
    log.delegate("t", "W", "Y", only("s"), task="T", verb="write", depth=3, na=5000)
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    return log, {log.names[key]: one for key, one in replica.views.ledger.grants.items()}


@pytest.mark.parametrize(
    ("name", "subject", "role", "class_and_level", "parent", "reads"),
    [
        pytest.param("genesis", "O", "owner", (0, 0), None, True, id="the genesis"),
        pytest.param("gB", "B", "admin", (1, 1), "genesis", True, id="an admin by the founder"),
        pytest.param("gW", "W", "write", (2, 1), "genesis", True, id="a writer by the founder"),
        pytest.param("d", "X", None, (2, 2), "gB", True, id="a delegation by an admin"),
        pytest.param("w", "Y", None, (2, 2), "gW", False, id="a delegation by a writer"),
        pytest.param("i", None, "read", (2, 2), "gB", True, id="an open invite"),
        pytest.param("a", None, "write", (2, 2), "gB", False, id="an approve invite"),
        pytest.param("j", "N", "read", (2, 2), "i", True, id="a join: on its invite's level"),
        pytest.param("s", "Y", "write", (2, 2), "gC", True, id="a role by a junior admin"),
    ],
)
def test_what_a_grant_is(
    name: str,
    subject: str | None,
    role: str | None,
    class_and_level: tuple[int, int],
    parent: str | None,
    reads: bool,
) -> None:
    log, every = grants()
    grant = every[name]
    assert grant.subject == (None if subject is None else did(subject))
    assert grant.role == role
    node = log.nodes[name]
    assert grant.rank == (*class_and_level, node.lam, log.key(name))
    assert grant.parent == (None if parent is None else log.key(parent))
    assert grant.reads is reads
    assert (grant.event, grant.kind, grant.author) == (node.id, node.kind, node.author)


def test_what_limits_a_delegation_and_an_invite() -> None:
    _, every = grants()
    t, i, a = every["t"], every["i"], every["a"]
    assert (t.caps, t.task, t.depth, t.na) == (ROLE_CAPS["write"], named("T"), 3, 5000)
    assert (i.caps, i.uses_max, i.na, i.depth) == (JOIN, 7, 9000, 0)
    assert i.ipk is not None and a.ipk is None
    assert not i.is_role and every["j"].is_role and not t.is_role


def test_only_a_grant_without_scope_and_end_asks_nothing_more() -> None:
    _, every = grants()
    assert is_plain(every["gW"]) and is_plain(every["d"])
    assert not is_plain(every["t"]) and not is_plain(every["i"])
    assert not is_plain(replace(every["d"], task=named("T")))
    assert not is_plain(replace(every["d"], na=0))


def test_a_grant_is_in_an_ancestry_by_its_number() -> None:
    _, every = grants()
    grant = every["gB"]
    assert grant.is_in(1 << grant.index) and not grant.is_in(~(1 << grant.index))
    assert every["genesis"].is_in(0)


def test_what_is_no_grant_gives_none() -> None:
    log = Log()
    cast(log)
    log.remove("r", "B", "W")
    log.tell("g", "B", "grant", None, HERE)
    log.grant("h", "W", "Z", "write")
    log.message("m", "C", after("r"))
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    for name in ("r", "g", "h", "m"):
        assert replica.views.grant(log.key(name)) is None
    assert replica.views.grant(log.key("gB")) is not None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("read", "write")),
            st.sampled_from((None, "S", "T")),
            st.integers(0, 11),
            st.sampled_from((None, 1000, 2000, 3000)),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_chain_of_delegations_only_narrows(
    links: list[tuple[str, str | None, int, int | None]],
) -> None:
    log = Log()
    cast(log, "Y")
    givers = "BYWYWY"
    under = "gB"
    for number, (verb, task, depth, na) in enumerate(links):
        last = (f"e{number - 1}",) if number else ()
        terms = Delegating(verb=verb, depth=depth)
        if task is not None:
            terms["task"] = task
        if na is not None:
            terms["na"] = na
        log.delegate(
            f"e{number}",
            givers[number],
            givers[number + 1],
            Place(after=last, under=under),
            **terms,
        )
        under = f"e{number}"
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    known = replica.views.ledger.grants
    for number in range(1, len(links)):
        child, parent = known.get(log.key(f"e{number}")), known.get(log.key(f"e{number - 1}"))
        if child is not None:
            assert parent is not None, "nothing stands on what is no grant"
            assert not child.caps & ~parent.caps and child.depth < parent.depth
            assert parent.task in (None, child.task)
            assert parent.na is None or (child.na is not None and child.na <= parent.na)
            assert child.rank > parent.rank


# -- what a content event is about ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        pytest.param("task.create", "its own id", id="a new task is about itself"),
        pytest.param("task.assign", "T", id="an assignment"),
        pytest.param("task.claim", "T", id="a claim"),
        pytest.param("task.release", "T", id="a release"),
        pytest.param("task.progress", "T", id="progress"),
        pytest.param("task.complete", "T", id="a completion"),
        pytest.param("task.edit", "T", id="an edit"),
        pytest.param("task.cancel", "T", id="a cancellation"),
        pytest.param("task.reopen", "T", id="a reopening"),
        pytest.param("task.gate", "T", id="a gate"),
        pytest.param("task.handoff", "T", id="a handoff"),
        pytest.param("task.review", "T", id="a verdict"),
        pytest.param("card", None, id="a card is about no task"),
        pytest.param("message", None, id="a message without task"),
        pytest.param("vote", None, id="an unknown kind is about no task"),
    ],
)
def test_the_task_of_a_content_event(kind: str, about: str | None) -> None:
    body = None if kind == "vote" else body_of(kind)
    expect = None if about is None else named(about)
    assert task_of(kind, body, named("its own id")) == expect


FILE = objects.ObjectPut(bytes(32), "a", "b", 1, bytes(32), bytes(32), (), named("T"), None)


def test_a_file_is_attached_to_the_task_that_it_names() -> None:
    assert task_of("object.put", FILE, bytes(32)) == named("T")
    assert task_of("object.put", replace(FILE, task=None), bytes(32)) is None
    assert task_of("object.retract", objects.ObjectRetract(named("T"), ""), bytes(32)) is None


def test_a_record_is_about_the_task_that_it_names() -> None:
    record = records.Record("decision", None, named("T"), "grey", (), None, ())
    assert task_of("record", record, bytes(32)) == named("T")
    assert task_of("record", replace(record, task=None), bytes(32)) is None


def test_what_a_message_and_a_merge_name_is_their_task() -> None:
    message = bodies.Message("", None, (), (), (), named("T"))
    assert task_of("message", message, bytes(32)) == named("T")
    assert task_of("merge", bodies.Merge(named("T")), bytes(32)) == named("T")


# -- the order of the rules ---------------------------------------------------------------------


def test_each_rule_has_one_cause_and_the_first_that_is_broken_is_told() -> None:
    log = Log()
    cast(log, settle=False)
    log.delegate("c", "B", "X", only("gW"), task="T", na=1000)
    log.settle()
    log.message("e", "X", after(ts=2000), task="S")  # beyond scope and end
    assert fault(log) == "S3 scope"


def test_a_join_that_does_not_decode_has_a_bad_body_not_a_bad_proof() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"))
    log.settle()
    log.tell("e", "Z", "join", None, after(under="i"))
    assert fault(log) == "S3 body"


@pytest.mark.parametrize(
    ("spoil", "expect"),
    [
        pytest.param(lambda keys: keys, None, id="the control: a good statement"),
        pytest.param(
            lambda keys: bodies.Statement(keys.statement, bytes(64)), "S2 proof", id="signature"
        ),
        pytest.param(lambda keys: bodies.Statement(b"", keys.sig), "S2 proof", id="no statement"),
    ],
)
def test_a_join_states_keys_that_its_author_signed(spoil: object, expect: str | None) -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"))
    log.settle()
    log.join("j", "Z", "i")
    body = log.nodes["j"].body
    assert isinstance(body, bodies.Join) and callable(spoil)
    spoilt = bodies.Join(body.name, spoil(body.keys), body.access, body.proof)
    log.tell("e", "Z", "join", spoilt, after(under="i"))
    assert fault(log) == expect


@pytest.mark.parametrize(
    ("uses", "expect"),
    [(0, "S3 invite"), (1, None), (limits.INVITE_USES_MAX, None), (101, "S3 invite")],
)
def test_uses_of_an_invite_at_the_bounds(uses: int, expect: str | None) -> None:
    log = Log()
    cast(log)
    log.invite("e", "B", uses=uses)
    assert fault(log) == expect


@pytest.mark.parametrize(
    ("depth", "expect"),
    [(0, None), (limits.DELEGATION_DEPTH_MAX, None), (limits.DELEGATION_DEPTH_MAX + 1, "S4 depth")],
)
def test_depth_of_a_delegation_at_the_bounds(depth: int, expect: str | None) -> None:
    log = Log()
    cast(log)
    log.delegate("e", "B", "X", depth=depth)
    assert fault(log) == expect


@pytest.mark.parametrize(
    ("na", "expect"), [(999, None), (1000, None), (1001, "S4 end"), (None, "S4 end")]
)
def test_what_is_handed_on_ends_no_later_than_what_it_came_from(
    na: int | None, expect: str | None
) -> None:
    log = Log()
    cast(log, settle=False)
    log.delegate("c", "B", "X", only("gW"), depth=1, na=1000)
    log.settle()
    terms = Delegating() if na is None else Delegating(na=na)
    log.delegate("e", "X", "W", **terms)
    assert fault(log) == expect


def test_the_genesis_has_no_fault_nor_has_its_twin() -> None:
    log = Log()
    replica = deliver(log, log.nodes)
    genesis = replica.auth["genesis"]
    assert replica.views is not None and genesis.fault is None
    assert structural(genesis, genesis.body, replica.views) is None

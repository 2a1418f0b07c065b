"""Authority in stories drawn by chance: one answer for all, and what no story may ever break."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from envoy.core.bodies import Invite, Remove
from envoy.core.capability import OTHERS, Grant
from envoy.state import epochs
from envoy.state.authority import OK, Judgement, Status
from envoy.state.authority_content import content_verdict, is_settled
from envoy.state.authority_pass import judge
from state import slow_epochs
from state.delivery import Replica, deliver, drawn_order
from state.log import SPACE, Log, did
from state.slow import Slow
from state.stories import text
from state.told import told
from state.wild import wild

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)
COUNTS = st.integers(min_value=1, max_value=40)


def at_end(log: Log) -> tuple[Replica, Judgement]:
    """Return a replica that has it all."""
    replica = deliver(log, log.nodes, page=7)
    assert replica.judgement is not None
    return replica, replica.judgement


@settings(max_examples=60, deadline=None)
@given(SEEDS, COUNTS)
def test_the_rules_word_by_word_say_the_same(seed: int, count: int) -> None:
    log = wild(seed, count)
    slow = Slow(told(log))
    replica, judgement = at_end(log)
    assert replica.views is not None
    assert {name: text(log, replica.verdicts[name]) for name in log.nodes} == {
        name: slow.text(name) for name in log.nodes
    }
    assert sorted(log.names[one.key] for one in judgement.live) == slow.live(slow.all)
    found = epochs.recipients(judgement)
    assert sorted(log.names[one] for one in found) == slow.recipients(slow.all)
    create = epochs.current(judgement, replica.views)
    key = None if create is None else SPACE if create.kind == "genesis" else create.id
    assert ("" if key is None else log.names[key]) == slow_epochs.current(slow, slow.all)


@settings(max_examples=100, deadline=None)
@given(SEEDS, COUNTS)
def test_under_a_settled_grant_all_content_without_a_fault_counts(seed: int, count: int) -> None:
    log = wild(seed, count)
    replica, judgement = at_end(log)
    settled = {key for key in judgement.ledger.grants if is_settled(key, judgement)}
    for name, event in replica.content.items():
        if event.fault is None and event.auth in settled:
            assert content_verdict(event, judgement, replica) == OK, name
    assert (SPACE in settled) is not bool(judgement.closes)  # nothing else ends the founder's


@settings(max_examples=60, deadline=None)
@given(SEEDS, COUNTS, st.integers(min_value=1, max_value=9))
def test_order_and_pages_of_arrival_change_nothing(seed: int, count: int, page: int) -> None:
    log = wild(seed, count)
    expect = at_end(log)[0].verdicts
    drawn = random.Random(seed)
    for _ in range(3):
        assert deliver(log, drawn_order(log, drawn), page=page).verdicts == expect


@settings(max_examples=60, deadline=None)
@given(SEEDS, COUNTS)
def test_what_no_story_may_break(seed: int, count: int) -> None:
    log = wild(seed, count)
    replica, judgement = at_end(log)
    assert judgement.role_of(did("O")) == "owner"
    for grant in judgement.live:
        assert is_within_signer(grant, judgement), "a grant gives what its signer has, at most"
        assert is_junior(grant, judgement)
        assert is_not_removed(grant, judgement)
    for one in judgement.ledger.grants.values():
        if isinstance(one.act.body, Invite):
            assert joins_by(one, judgement) <= one.uses_max
    every = judgement.ledger.grants.values()
    ok_grants = {one.key for one in every if judgement.is_ok(one.act.id)}
    for name, content in replica.content.items():
        kills = judgement.kills.get(content.auth, ())
        is_seen = kills and all(replica.saw(one.event, content) for one in kills)
        if content.fault is None and is_seen and content.auth in ok_grants:
            status = replica.verdicts[name].status
            assert status is Status.OK or judgement.closes, "what all had seen stays"


@settings(max_examples=60, deadline=None)
@given(SEEDS, COUNTS)
def test_writers_readers_and_delegates_change_nothing_above_them(seed: int, count: int) -> None:
    log = wild(seed, count)
    replica, judgement = at_end(log)
    ledger = judgement.ledger
    # Their acts, but leaves, as far as nothing that stays has seen them.
    without = (1 << len(ledger.events)) - 1
    for event in reversed(ledger.events):
        later = [one for one in ledger.events if without >> one.index & 1]
        seen = any(one.seen >> event.index & 1 for one in later)
        if not seen and event.fault is None and event.kind not in ("genesis", "leave"):
            without &= ~(1 << event.index) if ledger.rank(event)[0] == OTHERS else without
    before = judge(ledger, replica, within=without)
    for event in ledger.events:
        if event.fault is None and event.kind != "genesis" and ledger.rank(event)[0] < OTHERS:
            assert before.verdicts[event.id] == judgement.verdicts[event.id]
    for did_, grant in before.best.items():
        if grant.rank[0] < OTHERS:
            assert judgement.best[did_].rank <= grant.rank


def is_within_signer(grant: Grant, judgement: Judgement) -> bool:
    """Say whether ``grant`` gives no cap that its signer lacks; an invite gives its role's."""
    if grant.parent is None or grant.kind == "invite":
        return True
    above = judgement.ledger.grants[grant.parent]
    if above.kind == "invite":
        assert above.parent is not None
        above = judgement.ledger.grants[above.parent]
    return not grant.caps & ~above.caps


def is_junior(grant: Grant, judgement: Judgement) -> bool:
    """Say whether ``grant`` ranks behind the one it was made under."""
    return grant.parent is None or judgement.ledger.grants[grant.parent].rank < grant.rank


def is_not_removed(grant: Grant, judgement: Judgement) -> bool:
    """Say whether every ok remove of its subject by a senior precedes a live grant."""
    return all(
        grant.act.seen >> act.index & 1
        for act in judgement.ledger.by_kind.get("remove", ())
        if isinstance(act.body, Remove) and act.body.subject == grant.subject
        if judgement.is_ok(act.id) and judgement.ledger.rank(act) < grant.rank
    )


def joins_by(invite: Grant, judgement: Judgement) -> int:
    """Return how many joins by ``invite`` count."""
    acts = judgement.ledger.under.get(invite.key, ())
    return sum(judgement.is_ok(act.id) for act in acts)


def test_the_generator_reaches_every_rule() -> None:
    found = set[str]()
    for seed in range(60):
        log = wild(seed, 60)
        verdicts = at_end(log)[0].verdicts.values()
        found |= {(verdict.cause or str(verdict.status))[:2] for verdict in verdicts}
    assert found == {"ok", "S2", "S3", "S4", "S5", "R1", "R3", "R4", "R5", "R6", "R7"}

"""What the deep look sees: one planted damage at a time, each of which some finding names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.replica.actions import hold, members, tasks
from envoy.replica.inspection import Inspection
from envoy.storage import soundness
from replica.world import Actor, World

NEWEST = "(SELECT max(rid) FROM event)"
DAMAGE = [
    pytest.param(
        "UPDATE stream SET type = 'task_claimee' WHERE n = (SELECT max(n) FROM stream)",
        "a type in the stream",
        id="a type that is none",
    ),
    pytest.param(
        "UPDATE stream SET reason = 'messagf' WHERE n = (SELECT max(n) FROM stream)",
        "a reason in the stream",
        id="a reason that is none",
    ),
    pytest.param(
        "UPDATE stream SET an = an + 1 WHERE n = (SELECT max(n) FROM stream)",
        "not as their event",
        id="an actor of the stream",
    ),
    pytest.param(
        "UPDATE stream SET at = at + 256 WHERE n = (SELECT max(n) FROM stream)",
        "not as their event",
        id="a time of the stream",
    ),
    pytest.param(
        "UPDATE stream SET object = zeroblob(32) WHERE n = (SELECT max(n) FROM stream)",
        "not as their event",
        id="what the stream is about",
    ),
    pytest.param(
        "UPDATE stream SET own = 2 WHERE n = (SELECT max(n) FROM stream)",
        "not as their event",
        id="a flag of the stream",
    ),
    pytest.param(
        f"UPDATE frame SET bytes = zeroblob(length(bytes)) WHERE rid = {NEWEST}",
        "altered frames",
        id="an envelope",
    ),
    pytest.param(
        f"DELETE FROM frame WHERE rid = {NEWEST}", "without their frame", id="an envelope is gone"
    ),
    pytest.param(
        f"UPDATE event SET kind = 'task.create' WHERE rid = {NEWEST}",
        "whose row says something else",
        id="a kind",
    ),
    pytest.param(
        f"UPDATE event SET lam = lam + 1 WHERE rid = {NEWEST}",
        "whose row says something else",
        id="a lam",
    ),
    pytest.param(
        f"UPDATE event SET auth = zeroblob(32) WHERE rid = {NEWEST}",
        "whose row says something else",
        id="a grant",
    ),
    pytest.param(
        f"UPDATE event SET entity = zeroblob(32) WHERE rid = {NEWEST}",
        "whose row says something else",
        id="an entity",
    ),
    pytest.param(
        f"UPDATE event SET seen = (SELECT min(k) FROM seen) WHERE rid = {NEWEST}",
        "whose ancestry is wrong",
        id="an ancestry",
    ),
    pytest.param(
        f"UPDATE event SET fault = 'S1', status = 'invalid' WHERE rid = {NEWEST}",
        "wrong lists of heads",
        id="a fault",
    ),
    pytest.param("DELETE FROM head", "wrong lists of heads", id="the heads"),
    pytest.param("DELETE FROM entity_head", "heads of an entity", id="the heads of entities"),
    pytest.param(
        "UPDATE authority SET body = x'90' WHERE ix = 1", "with another body", id="a grant's body"
    ),
    pytest.param(
        "UPDATE receipt SET fence = fence + 1",
        "receipts whose row says something else",
        id="a fence",
    ),
    pytest.param(
        "UPDATE receipt SET until = at",
        "receipts whose row says something else",
        id="a lease that ends early",
    ),
    pytest.param(
        "UPDATE receipt SET bytes = x'90'", "receipts that do not hold", id="a receipt's bytes"
    ),
    pytest.param(
        "UPDATE epoch SET secret = zeroblob(32)", "that do not open", id="the secrets of epochs"
    ),
    pytest.param("UPDATE chain SET forked = 1", "wrongly told to be forked", id="a fork"),
    pytest.param("UPDATE space SET frame_sum = zeroblob(32)", "sum of all frames", id="the sum"),
    pytest.param("UPDATE space SET events = events + 1", "counts of events", id="a count"),
    pytest.param("UPDATE space SET unread = unread + 1", "what is unread", id="unread"),
    pytest.param("UPDATE space SET pending = 7", "what is to be sent", id="pending"),
    pytest.param("UPDATE space SET ack_n = next_n", "cursors beyond", id="a cursor"),
    pytest.param("UPDATE space SET mode = 'loc:l_only'", "a mode that is none", id="a mode"),
    pytest.param("UPDATE stream SET rid = 999 WHERE n = 2", "of the stream", id="the stream"),
    pytest.param("UPDATE event SET an = 999 WHERE rid = 3", "without author", id="an author"),
]


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Actor]:
    """Return a member of a space in which a little of everything happened."""
    made = World(tmp_path_factory.mktemp("world"))
    lead, agent = made.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    tasks.claim(agent.copy, task, session="default")
    members.revoke_invite(lead.copy, next(iter(lead.store.invites(1))))
    lead.send("done")
    for one in (agent, lead, agent):
        one.sync()
    yield agent
    made.close()


def findings(actor: Actor) -> list[str]:
    """Return what is found wrong with a copy."""
    rows = list(soundness.findings(actor.connection))
    told = list[int]()
    try:
        found = [*rows, *Inspection(actor.copy, told.append).findings()]
    except (AssertionError, LookupError):  # rows that make no sense are a finding of the caller's
        return rows
    assert (told and told[-1] == actor.count("event")) or rows
    return found


def test_a_sound_copy_has_no_findings(actor: Actor) -> None:
    assert findings(actor) == []


@pytest.mark.parametrize(
    "lease_s", [pytest.param(7_200, id="longer"), pytest.param(60, id="shorter")]
)
def test_a_lease_that_was_renewed_is_sound(actor: Actor, lease_s: int) -> None:
    before = actor.connection.rows(int, "SELECT until FROM receipt")
    task = actor.store.task_ids(1, bytes(32), b"\xff" * 32)[0]
    hold.heartbeat(actor.copy, task, lease_s=lease_s)
    assert actor.connection.rows(int, "SELECT until FROM receipt") != before
    assert findings(actor) == []


@pytest.mark.parametrize(("sql", "words"), DAMAGE)
def test_each_damage_is_named(actor: Actor, sql: str, words: str) -> None:
    with pytest.raises(InterruptedError), actor.events.transaction(durable=False):
        actor.connection.run(sql)
        assert actor.connection.changes() > 0
        assert [one for one in findings(actor) if words in one], findings(actor)
        raise InterruptedError
    assert findings(actor) == [], "control"


def test_the_digests_change_with_each_projection(actor: Actor, tmp_path: Path) -> None:
    before = soundness.digests(actor.connection)
    changes = {
        "item": "UPDATE item SET body = 'x' WHERE rid = (SELECT max(rid) FROM item)",
        "words": "DELETE FROM words WHERE rowid = (SELECT max(rowid) FROM words)",
        "member": "UPDATE member SET role = 'owner'",
        "grant_": "UPDATE grant_ SET status = 'void'",
        "task": "UPDATE task SET state = 'open'",
        "verdicts": "UPDATE event SET status = 'held' WHERE rid = 5",
    }
    for name, sql in changes.items():
        with pytest.raises(InterruptedError), actor.events.transaction(durable=False):
            actor.connection.run(sql)
            after = soundness.digests(actor.connection)
            assert [one for one in before if before[one] != after[one]] == [name]
            raise InterruptedError
    assert soundness.digests(actor.connection) == before

"""`agent revoke` over many spaces: one command, and an answer that says what there was to lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console
from envoy import ids
from envoy.core import bodies
from envoy.replica.actions import authority, local, members, space, tasks
from envoy.replica.actions.authority import Delegation
from envoy.replica.keyring import KeyRing
from envoy.replica.replica import Replica
from replica.beside import today
from replica.world import DAY_MS, Actor
from schemas import problems

SPACES = 20


def recipients(actor: Actor, replica: Replica) -> list[bytes]:
    """Return whom the epoch that is written under was made for; it is no genesis."""
    sql = (
        "SELECT e.id FROM authority a JOIN event e USING(rid)"
        " WHERE a.sn = ? AND a.epoch = ? AND e.kind = 'epoch.create'"
    )
    row = replica.space
    (create,) = actor.connection.rows(bytes, sql, (row.sn, row.epoch))
    entry = actor.events.entry(row.sn, create)
    assert entry is not None and row.adequate
    body = KeyRing(actor.events, row.sn, row.id).body(entry)
    assert isinstance(body, bodies.EpochCreate)
    return [one.id for one in body.rcpt]


@pytest.mark.slow
def test_a_stolen_agent_loses_twenty_spaces_by_one_command(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, agent = world.actor("lead"), world.actor("agent")
    held: dict[str, tuple[str, str]] = {}  # by space: the task, and what it gave to another
    for number in range(SPACES):
        replica = Replica(lead.profile, space.create(lead.profile, f"place {number}").sn)
        joined = agent.join(members.make(replica, role="write", max_uses=1, ttl_ms=DAY_MS).code)
        theirs = Replica(agent.profile, joined.space.sn)
        task = tasks.create(theirs, "work", assignee=agent.me).after.id
        lent = authority.delegate(theirs, Delegation(lead.me, "write", task, 0, DAY_MS)).event
        assert lent is not None
        place = ids.to_text("space", replica.space.id)
        held[place] = ids.to_text("task", task), ids.to_text("grant", lent)
    before = {row.id: row.epoch for row in lead.store.spaces()}

    found = console.ok("--profile", "lead", "agent", "revoke", ids.did_text(agent.me))

    assert problems(found, "agent_revoke") == []
    told = {one["space_id"]: one for one in found["results"]}
    assert told.keys() == held.keys() and len(told) == SPACES
    for place, (task_id, grant_id) in held.items():
        one = told[place]
        assert one["removed"] and one["error_code"] is None
        assert one["minted"] == [grant_id] and one["wrote"] >= 4  # join, card, task, delegation
        effect = one["effect"]
        assert effect["freed"] == [task_id] and effect["holds"] == []
        assert {row["kind"] for row in effect["ended"]} >= {"join", "delegate"}
        assert effect["new_epoch"] and effect["relay_delivery"] == "not_attempted"
    for row in lead.store.spaces():
        replica = Replica(lead.profile, row.sn)
        assert row.epoch != before[row.id] and recipients(lead, replica) == [lead.me]
        assert lead.store.members(row.sn)[agent.me].role is None
    local.sync_all(agent.profile, None)
    assert {row.role for row in agent.store.spaces()} == {None}
    assert {row.role for row in lead.store.spaces()} == {"owner"}
    again = console.ok("--profile", "lead", "agent", "revoke", ids.did_text(agent.me))
    assert {one["effect"]["changed"] for one in again["results"]} == {False}
    world.close()

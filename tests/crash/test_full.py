"""A full disk, stood for by a page limit on the databases: one code, nothing acknowledged, and
everything goes on once there is room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envoy.errors import InternalError
from envoy.replica.actions import local, members, space, tasks, work
from envoy.system import db, host
from envoy.system.db import Connection
from processes import python
from replica.compare import differences, meaning
from replica.scenes import deliver, frames_of
from replica.world import MINUTE_MS, Actor, World

LONG = "x" * 30_000


def fill(connection: Connection) -> None:
    """Let a database grow no further, but for what is left of its last page."""
    pages = connection.find(int, "PRAGMA page_count")
    connection.run(f"PRAGMA max_page_count={pages}")


def empty(connection: Connection) -> None:
    """Let a database grow again."""
    connection.run("PRAGMA max_page_count=1000000")


def refuse(act: Callable[[], object]) -> None:
    """Try something that there is no room for."""
    with pytest.raises(InternalError) as caught:
        for _ in range(50):
            act()
    assert caught.value.code == "storage_failed"


ACTS: dict[str, Callable[[Actor], object]] = {
    "a message": lambda actor: work.send(actor.copy, LONG),
    "a task": lambda actor: tasks.create(actor.copy, LONG),
    "an invite": lambda actor: members.make(actor.copy, role="read", max_uses=1, ttl_ms=MINUTE_MS),
    "a new name": lambda actor: space.update(
        actor.copy, name=None, description=str(actor.space.events) + "x" * 400
    ),
    "a new space": lambda actor: space.create(actor.profile, "other" + "x" * 100),
}


@pytest.mark.parametrize("what", ACTS)
def test_what_does_not_fit_is_not_written_and_is_written_later(world: World, what: str) -> None:
    (lead,) = world.team("lead")
    act = ACTS[what]
    fill(lead.connection)
    told = 0

    def once() -> None:
        nonlocal told
        act(lead)
        told += 1

    before = lead.count("event")
    refuse(once)
    after = lead.count("event")
    assert lead.count("frame") == after
    with db.connect(lead.where.replica) as connection:
        assert db.quick_check(connection) == []
    empty(lead.connection)
    act(lead)
    assert lead.count("event") > after >= before
    again = world.open("lead")
    assert again.count("event") == lead.count("event")
    assert all(row.pending == 0 for row in lead.store.spaces())


LIMITED = """
import os, resource, sys
from envoy.errors import EnvoyError
from envoy.replica.actions import work
from envoy.wiring import config, writes

home, name = sys.argv[1:]
os.environ["ENVOY_HOME"] = home
settings = config.load({"profile": name}, read_toml=lambda path: {})
with writes.open_profile(settings) as profile:
    copy = writes.open_space(profile, None)
    size = max(os.path.getsize(path) for path in (os.path.join(root, one)
        for root, _, found in os.walk(home) for one in found))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50_000, resource.RLIM_INFINITY))
    try:
        while True:
            print(work.send(copy, "x" * 30_000).event.hex(), flush=True)
    except EnvoyError as error:
        print(error.code)
"""


def test_a_process_that_may_write_no_larger_files_is_told_and_loses_nothing(world: World) -> None:
    world.clock.now = host.now_ms()
    lead, agent = world.team("lead", "agent")
    out, _ = python(LIMITED, agent.where.home, "agent").communicate(timeout=60)
    *told, code = out.split()
    assert code == "storage_failed"
    world.clock.now = host.now_ms()
    assert set(told) <= {one.id.hex() for one in agent.events.entries(1, after=0, limit=999)}
    assert agent.send("x" * 30_000).delivery == "delivered"
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []


def test_what_is_read_into_a_full_log_is_read_later(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    for _ in range(6):
        agent.send(LONG)
    before = lead.space
    fill(lead.connection)
    refuse(lead.pull)
    assert lead.space == before
    empty(lead.connection)
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []
    assert lead.space.frame_sum == agent.space.frame_sum


def test_an_ack_that_could_not_be_kept_is_not_told(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    agent.send("hello")
    lead.sync()
    unread = lead.space.unread
    assert unread > 0
    fill(lead.connection)
    try:
        local.ack(lead.copy, None)
    except InternalError:
        assert lead.space.unread == unread
    else:
        assert lead.space.unread == 0  # it fitted: a number in a row that is there
    empty(lead.connection)
    assert local.ack(lead.copy, None).remaining == 0


def test_a_full_hub_makes_a_delivery_pending_and_loses_nothing(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    fill(agent.door.log.connection)
    sent = [agent.send(LONG) for _ in range(4)]
    assert sent[-1].delivery == "pending" and agent.space.pending > 0
    with pytest.raises(InternalError, match="storage_failed"):
        agent.sync()
    task = tasks.create(agent.copy, LONG)
    claim = tasks.claim(agent.copy, task.after.id, session="default")
    assert (claim.after.claim_state, claim.delivery) == ("provisional", "pending")
    empty(agent.door.log.connection)
    agent.sync()
    assert agent.space.pending == 0
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []
    row = lead.store.task(1, task.after.id)
    assert row is not None and row.claim_state == "confirmed"


def test_who_joins_through_a_full_hub_is_in_and_told_of_later(world: World) -> None:
    (lead,) = world.team("lead")
    code = lead.code()
    agent = world.actor("agent")
    agent.door.log.connection.run("PRAGMA max_page_count=1")
    fill(agent.door.log.connection)
    try:
        joined = agent.join(code)
    except InternalError as error:
        assert error.code == "storage_failed"  # its use could not be burnt
        assert agent.store.spaces() == []
    else:
        assert joined.role == "write"
    empty(agent.door.log.connection)
    assert agent.join(code).role == "write"
    lead.sync()
    assert agent.me in lead.store.members(1)


def test_a_copy_that_is_made_on_a_full_disk_is_finished_later(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    for _ in range(3):
        lead.send(LONG)
    twin = world.actor("twin")
    code = lead.code()
    fill(twin.connection)
    refuse(lambda: twin.join(code))
    empty(twin.connection)
    assert twin.join(code).role == "write"
    lead.sync()
    assert differences(meaning(lead), meaning(twin)) == []
    deliver(agent, frames_of(lead))
    assert differences(meaning(agent), meaning(twin)) == []

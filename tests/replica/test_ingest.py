"""Taking in what others wrote: doors, order, repeats. One bad frame stops nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from envoy import limits
from envoy.core.bodies import Remove, TaskClaim, TaskCreate
from envoy.core.crypto.sign import sha256
from envoy.replica.actions import space, tasks
from envoy.replica.ingest import Taken, take_in
from replica.compare import differences, meaning
from replica.forge import Forger, Value, ident
from replica.scenes import HAND, frames_of, message, parked, quarantine, reader, status_of
from replica.world import YEAR_MS, Actor, World

Make = Callable[[Forger], bytes]


def altered(frame: bytes) -> bytes:
    """Return an envelope with another last bit of its ciphertext."""
    return frame[:-1] + bytes((frame[-1] ^ 1,))


def said(forger: Forger, **place: int) -> bytes:
    """Return the envelope of a message in a place that the test chose."""
    return forger.say(message(), **place)[0]


# The place of a genesis.
FIRST: dict[str, Value] = {"seq": 0, "prev": None, "deps": (), "lam": 0, "basis": ()}

# What it is -> who makes it, the code of the door.
DOORS: dict[str, tuple[Make, str]] = {
    "what is no frame": (lambda f: b"\xc1" + os.urandom(4), "malformed"),
    "an array that ends in its head": (lambda f: b"\x94\x01" + os.urandom(4), "malformed"),
    "a long array head": (lambda f: b"\xdc\x00\x04" + said(f)[1:], "non_canonical"),
    "a frame over the bound": (lambda f: b"\x94\x01" + os.urandom(70_000), "too_large"),
    "a suite nobody knows": (lambda f: b"\x94\x02" + said(f)[2:], "unknown_suite"),
    "a flipped bit": (lambda f: altered(said(f)), "cannot_open"),
    "an inner of another space": (lambda f: f.misplaced(message()), "wrong_space"),
    "an author who is no key": (lambda f: f.anonymous(message()), "bad_key"),
    "another's signature": (lambda f: f.unsigned(message()), "bad_signature"),
    "a lam out of its place": (lambda f: said(f, lam=99), "bad_link"),
    "a time below that of a parent": (lambda f: said(f, ts=5), "bad_link"),
    "a seq without its prev": (lambda f: said(f, seq=7), "bad_link"),
    "a genesis that is none": (lambda f: f.say(message(), kind="genesis", **FIRST)[0], "malformed"),
    "a genesis behind others": (lambda f: f.say(message(), kind="genesis")[0], "bad_link"),
}


@pytest.mark.parametrize("what", DOORS)
def test_what_a_door_refuses_is_a_row_and_the_rest_of_the_page_goes_on(
    pair: list[Actor], what: str
) -> None:
    lead, agent = pair
    make, code = DOORS[what]
    bad, good = make(Forger(agent)), said(Forger(agent))
    before, known = lead.space, quarantine(lead)

    taken = take_in(lead.copy, [bad, good], source=HAND)

    assert taken == Taken(accepted=1, parked=0, quarantined=1)
    (row,) = [row for one, row in quarantine(lead).items() if one not in known]
    assert (row.code, row.source, row.size) == (code, HAND, len(bad))
    assert row.first_ms == lead.clock.now
    after = lead.space
    assert after.events == before.events + 1 and after.frame_count == before.frame_count + 2


def test_rejects_change_no_state_and_are_counted_once(pair: list[Actor]) -> None:
    lead, agent = pair
    page = [make(Forger(agent)) for make, _ in DOORS.values()]
    before, count, known = meaning(lead), lead.space.frame_count, len(quarantine(lead))
    for _ in range(2):
        take_in(lead.copy, [*page, *page], source=HAND)
    assert differences(before, meaning(lead)) == []
    assert len(quarantine(lead)) - known == lead.space.frame_count - count == len(page)


def test_a_newer_version_of_the_event_is_kept_for_a_newer_build(pair: list[Actor]) -> None:
    lead, agent = pair
    frame = Forger(agent).versioned(2)
    assert take_in(lead.copy, [frame], source=HAND) == Taken(accepted=0, parked=1, quarantined=0)
    assert parked(lead)[ident(frame)] == "unsupported"


def test_a_kind_nobody_knows_is_carried_and_changes_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    frame, event = Forger(agent).say(message(), kind="task.dance", raw=os.urandom(40))
    before = lead.space.next_n
    take_in(lead.copy, [frame], source=HAND)
    assert status_of(lead, event.id) == "ok"
    assert lead.space.next_n == before  # told to nobody


INVALID = [
    pytest.param({"raw": b"\xc1"}, "S3 body", id="a body that does not decode"),
    pytest.param({"raw": b"\x91\xa1x"}, "S3 body", id="a body of another shape"),
    pytest.param({"auth": bytes(32)}, "S2 no grant", id="a grant that does not exist"),
]


@pytest.mark.parametrize(("change", "cause"), INVALID)
def test_an_event_that_breaks_a_rule_is_invalid_for_ever_and_can_be_cited(
    pair: list[Actor], change: dict[str, bytes], cause: str
) -> None:
    lead, agent = pair
    forger = Forger(agent)
    bad, event = forger.say(message(), **change)
    good, after = forger.say(message("after it"))
    take_in(lead.copy, [bad, good], source=HAND)
    entry = lead.events.entry(1, event.id)
    assert entry is not None and (entry.status, entry.cause) == ("invalid", cause)
    assert status_of(lead, after.id) == "ok"
    assert event.id not in {one.id for one in lead.events.heads(1, citable=True)}


def test_a_writer_cannot_remove_anybody(pair: list[Actor]) -> None:
    lead, agent = pair
    frame, event = Forger(agent).say(Remove(lead.me, "", ()))
    take_in(lead.copy, [frame], source=HAND)
    assert status_of(lead, event.id) == "invalid"
    assert lead.space.role == "owner"


# -- repeats and order ---------------------------------------------------------------------------


def test_the_same_frame_ten_thousand_times_is_one_event(pair: list[Actor]) -> None:
    lead, agent = pair
    frame = said(Forger(agent))
    before, heads = lead.space, lead.events.heads(1, citable=False)
    for _ in range(10):
        take_in(lead.copy, [frame] * 1_000, source=HAND)
    after = lead.space
    assert after.events == before.events + 1 and after.frame_count == before.frame_count + 1
    assert len(lead.events.heads(1, citable=False)) <= len(heads) + 1


def test_a_page_in_any_order_is_the_same_state(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(agent.copy, "work").after.id
    tasks.claim(agent.copy, task, session="default")
    tasks.complete(agent.copy, task, summary="done")
    lead.sync()
    wanted, frames = meaning(lead), frames_of(lead)
    for number, page in enumerate((frames, frames[::-1], [*frames[1::2], *frames[::2]])):
        one, other = reader(world, f"r{number}", lead), reader(world, f"s{number}", lead)
        take_in(one.copy, page, source=HAND)
        for frame in page:
            take_in(other.copy, [frame], source=HAND)
        assert differences(wanted, meaning(one)) == []
        assert differences(wanted, meaning(other)) == []
        assert not parked(one) and not parked(other)


def test_two_processes_take_in_the_same_page(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    again = world.open("lead")
    page = [said(Forger(agent)) for _ in range(3)]
    for one in (lead, again, lead):
        take_in(one.copy, page, source=HAND)
    assert lead.space.events == again.space.events == meaning(lead)["events"]
    assert lead.space.frame_count == 3 + agent.space.frame_count


# -- time ----------------------------------------------------------------------------------------


def test_an_event_of_the_far_future_is_taken_in_and_not_cited(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    frame, event = Forger(agent).say(message("from 2037"), ts=lead.clock.now + 10 * YEAR_MS)
    take_in(lead.copy, [frame], source=HAND)
    sent = lead.send("now")
    mine = lead.events.entry(1, sent.event)
    assert status_of(lead, event.id) == "ok" and mine is not None
    assert event.id not in mine.parents and mine.ts == lead.clock.now
    agent.sync()
    assert status_of(agent, sent.event) == "ok"


def test_who_claims_for_a_holder_it_does_not_know_gets_no_receipt(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    body = TaskClaim(task, "default", limits.LEASE_SECONDS_DEFAULT, sha256(b"another"), None)
    frame, _ = Forger(agent).say(body)
    take_in(lead.copy, [frame], source=HAND)
    row = lead.store.task(1, task)
    assert row is not None and row.claim_state == "provisional"


def test_a_task_of_a_body_nobody_can_read_is_no_task(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    body = TaskCreate("t", "", (), 2, None, (), None, (), (), None)
    frame, event = Forger(agent).say(body, raw=b"\xc0")
    take_in(lead.copy, [frame], source=HAND)
    assert lead.store.task(1, event.id) is None


# -- the first event -----------------------------------------------------------------------------


def twin(lead: Actor, *, later_ms: int) -> bytes:
    """Return a second envelope of the genesis, as only its founder can make one."""
    (first, *_) = lead.events.authority(1)
    entry = first.entry
    forger = Forger(lead, chain=entry.chain)
    place = {"seq": 0, "prev": None, "deps": (), "lam": 0, "basis": (), "auth": entry.auth}
    ts = entry.ts + later_ms
    return forger.say(message(), kind="genesis", raw=first.body, ts=ts, **place)[0]


@pytest.mark.parametrize("later_ms", [-5, 5])
def test_a_second_envelope_of_the_genesis_is_a_fork_and_nothing_new(
    world: World, later_ms: int
) -> None:
    lead, agent = world.team("lead", "agent")
    space.update(lead.copy, name="renamed", description=None)
    frame = twin(lead, later_ms=later_ms)
    take_in(lead.copy, [frame], source=HAND)
    assert lead.count("fork") == 1 and lead.space.name == "renamed"
    assert lead.store.members(1)[lead.me].flags == '["fork"]'
    copy = reader(world, "copy", lead)
    take_in(copy.copy, [frame, *frames_of(lead)[::-1]], source=HAND)
    assert differences(meaning(lead), meaning(copy)) == []
    agent.sync()
    take_in(agent.copy, [frame], source=HAND)
    assert agent.send("goes on").delivery == "delivered"


# -- numbers -------------------------------------------------------------------------------------


def test_numbers_that_a_page_gives_beyond_its_block_are_made_durable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ARRIVALS_RESERVED", 1)
    lead, agent = world.team("lead", "agent")
    forger = Forger(agent)
    parent, *line = [forger.say(message(f"{number}"))[0] for number in range(12)]
    take_in(lead.copy, line, source=HAND)
    row = lead.space
    lead.connection.run("UPDATE space SET reserved_n = ?", (row.next_n + 3,))
    before = dict(lead.connection.commits)
    take_in(lead.copy, [parent], source=HAND)  # looks small, and sets eleven others free
    after = lead.connection.commits
    assert (after["normal"], after["full"]) == (before["normal"] + 1, before["full"] + 1)
    assert row.next_n + 12 == lead.space.next_n <= lead.space.reserved_n


def test_a_page_within_its_block_is_not_waited_for(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    forger = Forger(agent)
    take_in(lead.copy, [forger.say(message("reserves"))[0]], source=HAND)
    before = dict(lead.connection.commits)
    take_in(lead.copy, [forger.say(message("one more"))[0]], source=HAND)
    after = lead.connection.commits
    assert (after["normal"], after["full"]) == (before["normal"] + 1, before["full"])
    assert lead.space.reserved_n >= lead.space.next_n

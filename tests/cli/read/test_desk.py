"""`why`, `can` and the quarantine desk, on a space in which somebody was removed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import ids
from envoy.core import bodies
from envoy.storage import home
from envoy.views.desk import EPOCH_WORDS, WORDS
from hostile import CONTROLS
from replica.beside import HOSTILE_NAME, HOSTILE_TEXT, Removal, removal, say, settle, today
from replica.scenes import message
from replica.world import DAY_MS
from schemas import problems


class Desk:
    """A removal and the command line on the same homes."""

    def __init__(self, root: Path) -> None:
        self.world = today(root)
        self.console = Console(root)
        self.found = removal(self.world, name=HOSTILE_NAME[:20], text=HOSTILE_TEXT)

    def ok(self, schema: str, *args: str, profile: str = "lead") -> dict[str, Any]:
        """Return an answer that fits its schema."""
        found = self.console.call("--json", *args, ENVOY_PROFILE=profile)
        assert found.status == 0, found
        assert problems(found.data, schema) == []
        return found.data

    def text(self, *args: str, profile: str = "lead") -> str:
        """Return what a person reads, which holds no control character and no forged line."""
        found = self.console.call(*args, ENVOY_PROFILE=profile)
        assert found.status == 0, found
        assert not [char for char in CONTROLS if char != "\n" and char in found.out]
        assert "\u202e" not in found.out and "\u200b" not in found.out
        lines = found.out.splitlines()
        assert not [one for one in lines if one.startswith(("| envoy:", "error[internal]"))]
        return found.out

    def fails(self, *args: str, profile: str = "lead") -> str:
        """Return the code of a command that has to fail."""
        found = self.console.call("--json", *args, ENVOY_PROFILE=profile)
        assert found.status > 0 and problems(found.data, "error") == []
        return str(found.data["error_code"])


def evt(event: bytes) -> str:
    """Return an event id as text."""
    return ids.to_text("evt", event)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.world.close()


@pytest.fixture(scope="module")
def found(desk: Desk) -> Removal:
    return desk.found


def test_a_held_event_is_explained_with_the_removal_behind_it(desk: Desk, found: Removal) -> None:
    data = desk.ok("why", "why", evt(found.held[0]))
    assert (data["status"], data["rule"]) == ("held", "R3 beside")
    (cause,) = data["causes"]
    assert cause["event_id"] == evt(found.remove) and cause["reason"] == "key lost"
    assert cause["by"]["display_name"] == "lead" and cause["by"]["fingerprint"]
    assert data["chain"][0]["kind"] == "genesis" and data["chain"][-1]["kind"] == "join"
    assert data["chain"][-1]["status"] == "killed"
    assert data["chain"][-1]["ended_by"] == evt(found.remove)
    assert data["next_action"] == "admit" and "quarantine admit" in data["next_command"]
    assert data["distance"]["holds"] == 2 and data["distance"]["invalidates"] == 1
    assert data["distance"]["uncited_written"] == 0


def test_who_is_no_admin_is_sent_to_one(desk: Desk, found: Removal) -> None:
    data = desk.ok("why", "why", evt(found.held[0]), profile="other")
    assert data["next_action"] == "ask_admin_to_admit"


def test_every_verdict_of_the_space_has_a_rule_in_words(desk: Desk, found: Removal) -> None:
    for event, status, rule in (
        (found.seen, "ok", None),
        (found.late, "invalid", "R3 after"),
        (found.remove, "ok", None),
    ):
        data = desk.ok("why", "why", evt(event))
        assert (data["status"], data["rule"]) == (status, rule)
        assert data["rule_words"] == (None if rule is None else WORDS[rule])
    own = desk.ok("why", "why", evt(found.remove))
    assert own["distance"]["revocation_id"] == evt(found.remove)


def test_an_epoch_says_whether_it_is_written_under(desk: Desk, found: Removal) -> None:
    lead = found.lead
    sql = "SELECT id FROM event WHERE kind = 'epoch.create' ORDER BY lam"
    creates = lead.connection.rows(bytes, sql)
    rules = [desk.ok("why", "why", evt(one))["epoch"]["rule"] for one in creates]
    assert rules[-1] == "E2 current" and set(rules) <= EPOCH_WORDS.keys()


def test_what_a_person_reads_of_it(desk: Desk, found: Removal) -> None:
    shown = desk.text("why", evt(found.held[0]))
    assert "HELD" in shown and "R3 beside: its grant was ended" in shown
    assert "because" in shown and "| key lost" in shown
    shown = desk.text("quarantine", "show", evt(found.held[0]))
    assert "HELD" in shown and "| | envoy: all is well" in shown
    assert "| error[internal]: ^[]0;pwned^G <U+202E>gnp.exe" in shown
    assert "HELD" in desk.text("quarantine") and "INVALID" in desk.text("quarantine")


def test_the_desk_lists_what_does_not_count_and_how_far_the_removal_reaches(
    desk: Desk, found: Removal
) -> None:
    data = desk.ok("quarantine", "quarantine")
    assert data["counts"] == {"held": 2, "void": 0, "invalid": 1}
    assert {one["event_id"] for one in data["events"]} == {
        *(evt(one) for one in found.held),
        evt(found.late),
    }
    (act,) = data["revocations"]
    assert act["revocation_id"] == evt(found.remove)
    assert (act["holds"], act["invalidates"]) == (2, 1)
    assert "body" not in data["events"][0]


def test_the_desk_has_pages(desk: Desk) -> None:
    first = desk.ok("quarantine", "quarantine", "--limit", "2")
    cursor = first["page"]["next_cursor"]
    rest = desk.ok("quarantine", "quarantine", "--limit", "2", "--cursor", cursor)
    assert len(first["events"]) == 2 and len(rest["events"]) == 1
    assert not rest["page"]["has_more"] and rest["quarantine"] == []
    assert desk.fails("roster", "--cursor", cursor) == "invalid_argument"


def test_who_was_removed_may_nothing_and_is_shown_by_what(desk: Desk, found: Removal) -> None:
    did = ids.did_text(found.eve.me)
    data = desk.ok("can", "can", did, "read")
    assert not data["allowed"] and data["missing"]["reason"] == "grant_ended"
    assert data["missing"]["ended_by"] == evt(found.remove)
    assert "may not" in desk.text("can", did, "write")


def test_what_was_allowed_when_an_event_was_written(desk: Desk, found: Removal) -> None:
    did = ids.did_text(found.eve.me)
    for event, allowed in ((found.held[0], True), (found.remove, True), (found.late, False)):
        data = desk.ok("can", "can", did, "write", "--at", evt(event))
        assert data["allowed"] == allowed, event
    assert desk.ok("can", "can", did, "write", "--at", evt(found.seen))["chain"][-1]["status"] == (
        "live"
    )


@pytest.mark.parametrize(
    ("member", "verb", "reason"),
    [
        pytest.param("@lead", "own", None, id="the founder owns"),
        pytest.param("@other", "write", None, id="a writer writes"),
        pytest.param("@other", "grant", "capability_missing", id="a writer grants nothing"),
        pytest.param(
            "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
            "read",
            "no_grant",
            id="a stranger reads nothing",
        ),
    ],
)
def test_who_may(desk: Desk, member: str, verb: str, reason: str | None) -> None:
    data = desk.ok("can", "can", member, verb)
    missing = data["missing"]
    assert data["allowed"] == (reason is None)
    assert (missing is None and reason is None) or missing["reason"] == reason
    assert data["chain_complete"]


def test_nobody_by_that_name_is_an_error(desk: Desk) -> None:
    assert desk.fails("can", "@nobody", "read") == "not_found"
    assert desk.fails("can", "@lead", "fly") == "invalid_argument"
    assert desk.fails("why", "evt_" + "a" * 52) == "not_found"


def test_whoever_was_removed_is_asked_about_by_name_and_nothing_is_done_to_them(
    desk: Desk, found: Removal
) -> None:
    name = f"@{HOSTILE_NAME[:20]}"
    data = desk.ok("can", "can", name, "write")
    assert data["member"]["member_id"] == ids.did_text(found.eve.me)
    assert (data["removed"], data["allowed"]) == (True, False)
    assert ", removed, may not write" in desk.text("can", name, "write")
    assert not desk.ok("can", "can", "@other", "write")["removed"]
    (row,) = desk.ok("roster", "roster", "--member", name)["members"]
    assert (row["status"], row["member_id"]) == ("removed", data["member"]["member_id"])
    assert desk.fails("space", "role", "--member", name, "--role", "read") == "not_found"


def test_no_key_is_loaded_to_explain(desk: Desk, found: Removal) -> None:
    code = (
        "import sys; from envoy.cli.main import main; status = main(sys.argv[1:]);"
        "print(sorted(m for m in sys.modules if m.startswith(('envoy.core', 'nacl'))));"
    )
    script = desk.console.bin / "loaded"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    script.chmod(0o755)
    for words in (f"why {evt(found.held[0])}", "can @other write", "quarantine"):
        shown = desk.console.sh(f"loaded {words}", ENVOY_PROFILE="lead")
        assert shown.out.splitlines()[-1] == "[]", shown


def test_a_delegation_for_one_task_gives_nothing_elsewhere(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, agent = world.team("lead", "agent", role="read")
    created = bodies.TaskCreate("a", "", (), 2, None, (), None, (), (), None)
    task, other = say(lead, created, created)
    na = world.clock.now + DAY_MS
    say(lead, bodies.Delegate(agent.me, "write", task, 0, na, None))
    settle([lead, agent])
    world.close()

    def asked(*more: str) -> dict[str, Any]:
        return console.ok("--profile", "lead", "can", "@agent", "write", *more)

    assert asked("--task", ids.to_text("task", task))["allowed"]
    refused = asked("--task", ids.to_text("task", other))
    assert refused["missing"]["reason"] == "scope" and asked()["missing"]["reason"] == "scope"


def test_what_never_became_an_event_is_explained_too(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    (lead,) = world.team("lead")
    sn = lead.space.sn
    waiting, refused, dropped = (bytes([number]) * 32 for number in (1, 2, 3))
    lead.connection.run(
        "INSERT INTO parked VALUES(?, ?, 'waiting', ?, NULL, 1, x'00')", (sn, waiting, refused)
    )
    sql = "INSERT INTO quarantine VALUES(?, ?, 'bad_signature', ?, 9, 1)"
    lead.connection.run(sql, (sn, refused, HOSTILE_TEXT))
    lead.connection.run("INSERT INTO dropped VALUES(?, ?, ?)", (sn, dropped, waiting))
    world.close()
    assert home.paths(str(console.home), "lead").name == "lead"

    def asked(ident: bytes) -> dict[str, Any]:
        found = console.ok("--profile", "lead", "why", evt(ident))
        assert problems(found, "why") == []
        return found

    assert asked(waiting)["status"] == "waiting"
    assert asked(waiting)["frame"]["lacks"] == evt(refused)
    assert (asked(refused)["rule"], asked(refused)["frame"]["code"]) == ("S1", "bad_signature")
    assert asked(dropped)["status"] == "dropped"
    listed = console.ok("--profile", "lead", "quarantine")
    assert problems(listed, "quarantine") == []
    assert listed["quarantine_count"] == 1
    assert listed["parked"] == {"waiting": 1, "sealed": 0, "unsupported": 0, "dropped": 1}
    shown = console.call("--profile", "lead", "quarantine")
    assert "\x1b" not in shown.out and "bad_signature" in shown.out


def test_what_was_done_under_a_lost_grant_leads_on_to_the_removal(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, admin, new = world.team("lead", "admin", "new", role="read")
    say(lead, bodies.Role(admin.me, "admin"))
    settle([admin, new])
    lead.door.away = True
    (removal,) = [
        entry.id
        for entry in lead.copy.compose(
            lambda author: [author.say(bodies.Remove(admin.me, "stolen", ()))]
        ).entries
    ]
    (granted,) = say(admin, bodies.Role(new.me, "write"))
    settle([new])
    said = new.send("in good faith").event
    new.sync()
    lead.door.away = False
    settle([lead, new])
    world.close()
    data = console.ok("--profile", "lead", "why", evt(said))
    assert problems(data, "why") == [] and (data["status"], data["rule"]) == (
        "held",
        "R1 lost grant",
    )
    assert [(one["event_id"], one["event_status"]) for one in data["causes"]] == [
        (evt(granted), "void"),
        (evt(removal), "ok"),
    ]
    assert data["causes"][1]["reason"] == "stolen"
    assert (data["distance"]["holds"], data["distance"]["voids"]) == (1, 1)
    assert [one["status"] for one in data["chain"]][-1] == "void"
    listed = console.ok("--profile", "lead", "quarantine")
    assert listed["counts"] == {"held": 1, "void": 1, "invalid": 0}
    done = console.ok("--profile", "lead", "quarantine", "admit", evt(removal), "--reason", "fine")
    assert [one["event_id"] for one in done["released"]] == [evt(said)]
    after = console.ok("--profile", "lead", "why", evt(said))
    assert (after["status"], after["rule"]) == ("ok*", "R5 admitted")
    assert after["causes"][0]["event_id"] == done["event_id"]


def test_a_revoker_who_knew_more_elsewhere_is_shown_with_its_distance(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, eve = world.team("lead", "eve")
    settle([lead, eve])
    twin = world.clone(lead, "twin", unnoticed=False)
    known = eve.send("seen by the other copy").event
    eve.sync()
    twin.sync()
    world.clock.now += 10
    twin.send("elsewhere")
    lead.door.away = True
    written = lead.copy.compose(lambda author: [author.say(bodies.Remove(eve.me, "", ()))])
    remove = next(one.id for one in written.entries if one.kind == "remove")
    lead.door.away = False
    settle([lead, twin])
    world.close()
    data = console.ok("--profile", "lead", "why", evt(known))
    assert data["status"] == "held"
    assert data["distance"]["revocation_id"] == evt(remove)
    assert data["distance"]["uncited_written"] >= 1 and data["distance"]["uncited_seen"] >= 1
    assert data["distance"]["uncited_oldest"] == evt(known)
    (act,) = console.ok("--profile", "lead", "quarantine")["revocations"]
    assert act == data["distance"]
    shown = console.call("--profile", "lead", "quarantine")
    assert "does not cite" in shown.out


def test_a_stale_epoch_and_a_date_ahead_are_flagged(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, other, gone = world.team("lead", "other", "gone")
    before = lead.send("before").event
    # Removed, and written on without the new epoch: what a client that forgot E2 would do.
    acts = (bodies.Remove(gone.me, "", ()), message("stale"))
    written = lead.copy.compose(lambda author: [author.say(one) for one in acts])
    remove, stale = (entry.id for entry in written.entries)
    after = lead.send("after").event
    settle([lead, other])
    world.clock.now += DAY_MS
    ahead = other.send("ahead").event
    settle([other, lead])
    world.close()
    found = {
        one: console.ok("--profile", "lead", "why", evt(one))
        for one in (before, remove, stale, after, ahead)
    }
    assert [problems(one, "why") for one in found.values()] == [[]] * 5
    assert {one["status"] for one in found.values()} == {"ok"}
    assert [one["flags"] for one in found.values()] == [
        [], [], ["stale_epoch"], [], ["clock_ahead"]
    ]  # fmt: skip
    shown = console.call("--profile", "lead", "why", evt(stale)).out
    assert "stale_epoch: written" in shown


def test_what_was_said_beside_the_close_and_a_fork_are_flagged(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, other = world.team("lead", "other")
    before = other.send("before").event
    settle([other, lead])
    other.door.away = True
    beside = other.send("beside").event
    say(lead, bodies.Close("done"))
    other.door.away = False
    settle([other, lead])
    row = lead.events.entry(lead.space.sn, before)
    assert row is not None
    with lead.events.transaction(durable=False):
        lead.events.add_fork(lead.space.sn, row.cn, row.seq, (before, beside))
    world.close()
    found = {one: console.ok("--profile", "lead", "why", evt(one)) for one in (before, beside)}
    assert [problems(one, "why") for one in found.values()] == [[], []]
    assert found[before]["flags"] == ["fork"] and found[beside]["flags"] == ["beside_close"]
    assert found[beside]["status"] == "ok"
    assert "beside_close: written" in console.call("--profile", "lead", "why", evt(beside)).out
    assert not console.ok("--profile", "lead", "can", "@other", "write")["allowed"]

"""Answers of the writing commands: each against its schema, each with an error of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import schemas
from console import Console


class Town(NamedTuple):
    """A home where `lead` has the space bughunt, `a1` may write in it and `a2` may read."""

    console: Console
    space: str

    def did(self, profile: str, schema: str, *args: str, stdin: str = "") -> dict[str, Any]:
        """Run a command that has to succeed; return its answer, which fits ``schema``."""
        args = ("--profile", profile, *args)
        found = self.console.ok(*args, stdin=stdin, ENVOY_SPACE=self.space)
        assert found["schema"] == f"envoy.{schema}/1"
        assert schemas.problems(found, schema) == []
        return found

    def failed(self, profile: str, *args: str, stdin: str = "") -> tuple[int, str]:
        """Run a command that has to fail; return its exit status and code."""
        args = ("--profile", profile, "--json", *args)
        found = self.console.call(*args, stdin=stdin, ENVOY_SPACE=self.space)
        assert found.status != 0 and found.err == "", found
        assert schemas.problems(found.data, "error") == []
        return found.status, found.data["error_code"]

    def task(self, text: str = "Repro crash") -> str:
        """Return a new task."""
        return str(self.did("lead", "task", "task", "create", "bughunt", text)["task_id"])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    console = Console(tmp_path_factory.mktemp("town"))
    made = console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    console.ok("--profile", "a1", "join", made["invite_code"])
    code = console.ok("--profile", "lead", "invite", "--role", "reader")["invite_code"]
    console.ok("--profile", "a2", "join", code)
    return Town(console, made["space_id"])


# -- home ----------------------------------------------------------------------------------------


def test_quickstart_makes_identity_space_and_invite(town: Town) -> None:
    made = town.did("q1", "quickstart", "quickstart", "--human", "--name", "Ada", "--reusable")
    assert made["identity"]["display_name"] == "Ada" and made["identity"]["kind"] == "human"
    assert made["identity"]["role"] == "owner" and made["space_name"] == "bughunt"  # the directory
    assert made["max_uses"] == 100 and made["recovery_delivery"] == "skipped"
    assert [one["code"] for one in made["warnings"]] == ["recovery_words_not_shown"]


def test_quickstart_again_keeps_the_identity_and_makes_another_space(town: Town) -> None:
    first = town.did("q2", "quickstart", "quickstart", "--space-name", "one")
    again = town.did("q2", "quickstart", "quickstart", "--space-name", "two", "--human")
    assert again["identity"]["member_id"] == first["identity"]["member_id"]
    assert again["space_id"] != first["space_id"] and again["warnings"] == []
    members = town.console.ok("--profile", "q2", "space", "members", "two")["members"]
    assert [one["kind"] for one in members] == ["human"]


@pytest.mark.parametrize("flag", ["--cross-machine", "--publish-invite", "--open"])
def test_quickstart_that_needs_a_relay_makes_all_here_and_says_so(town: Town, flag: str) -> None:
    name = f"q{flag.strip('-')}"
    assert town.failed(name, "quickstart", flag) == (7, "connected_intent_unsatisfied")
    assert len(town.console.ok("--profile", name, "status")["spaces"]) == 1


def test_init_makes_an_identity_once(town: Town) -> None:
    made = town.did("i1", "init", "init", "--name", "Ada", "--human", "--recovery-output", "skip")
    assert made["identity"]["kind"] == "human" and made["warnings"] == []
    assert town.failed("i1", "init") == (5, "already_exists")


def test_identity_create_makes_another_profile(town: Town) -> None:
    made = town.did("lead", "identity_create", "identity", "create", "i2")
    assert made["profile"] == "i2" and made["export"] == "export ENVOY_PROFILE=i2"
    assert town.failed("lead", "identity", "create", "i2") == (5, "already_exists")
    assert town.failed("lead", "identity", "create", "../i2") == (2, "invalid_argument")


# -- spaces and ways in --------------------------------------------------------------------------


def test_space_create_update_and_close(town: Town) -> None:
    args = ("--name", "other", "--expires", "7d", "--description", "D")
    made = town.did("lead", "space", "space", "create", *args)
    assert made["space_name"] == "other" and made["description"] == "D" and made["expires_at"]
    space = made["space_id"]
    renamed = town.did("lead", "space", "space", "update", space, "--name", "O\u0308l")
    assert renamed["space_name"] == "\u00d6l" and renamed["description"] == "D"
    assert town.did("lead", "changed", "space", "close", space)["changed"] is True
    again = town.did("lead", "changed", "space", "close", space)
    assert again["changed"] is False and again["closed_at"] is not None
    assert town.failed("lead", "send", "--space", space, "late") == (5, "space_closed")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(("create", " "), "invalid_argument", id="a blank name"),
        pytest.param(("create", "x" * 129), "invalid_argument", id="a long name"),
        pytest.param(("create", "x", "--expires", "31d"), "invalid_argument", id="too far away"),
        pytest.param(("create",), "missing_required_flag", id="no name"),
        pytest.param(("update", "bughunt"), "missing_required_flag", id="nothing to update"),
        pytest.param(("create", "x", "--name", "y"), "invalid_argument", id="two names"),
    ],
)
def test_a_space_command_without_sense_is_refused(
    town: Town, args: tuple[str, ...], code: str
) -> None:
    assert town.failed("lead", "space", *args) == (2, code)


def test_a_writer_neither_renames_nor_closes(town: Town) -> None:
    update = town.failed("a1", "space", "update", town.space, "--name", "mine")
    assert update == (4, "capability_missing")
    assert town.failed("a1", "space", "close", town.space) == (4, "capability_missing")


def test_invite_and_revoke_by_id_and_by_code(town: Town) -> None:
    made = town.did("lead", "invite", "space", "invite", "--space", town.space, "--ttl", "30m")
    assert made["role"] == "write" and made["max_uses"] == 1 and made["uses"] == 0
    ident, code = made["invite_id"], made["invite_code"]
    revoked = town.did("lead", "changed", "invites", "revoke", town.space, ident)
    assert revoked["changed"] is True and revoked["invite_status"] == "revoked"
    assert town.did("lead", "changed", "invites", "revoke", town.space, code)["changed"] is False
    assert town.failed("a3", "join", code) == (5, "invalid_invite")


@pytest.mark.parametrize(
    ("word", "role"), [("reader", "read"), ("append", "write"), ("writer", "write")]
)
def test_an_invite_knows_the_public_words_for_roles(town: Town, word: str, role: str) -> None:
    made = town.did("lead", "invite", "invite", town.space, "--role", word, "--max-uses", "0")
    assert made["role"] == role and made["max_uses"] == 100


@pytest.mark.parametrize(
    ("args", "failure"),
    [
        pytest.param(("invite", "--publish"), (5, "space_local_only"), id="to publish it"),
        pytest.param(("invite", "--role", "admin"), (2, "invalid_argument"), id="for an admin"),
        pytest.param(("invite", "--ttl", "8d"), (2, "invalid_argument"), id="for too long"),
        pytest.param(("invite", "--max-uses", "101"), (2, "invalid_argument"), id="for too many"),
        pytest.param(("invite", "--mode", "shut"), (2, "invalid_argument"), id="by no mode"),
        pytest.param(
            ("invites", "revoke", "inv_aaaaaa"), (3, "not_found"), id="an unknown one to revoke"
        ),
        pytest.param(
            ("invites", "revoke", "K7QX"), (5, "invalid_invite"), id="half a code to revoke"
        ),
    ],
)
def test_an_invite_is_refused(town: Town, args: tuple[str, ...], failure: tuple[int, str]) -> None:
    assert town.failed("lead", *args, "--space", town.space) == failure


def test_join_by_code_by_uri_and_from_stdin(town: Town) -> None:
    made = town.did("lead", "invite", "invite", town.space, "--max-uses", "3")
    joined = town.did("j1", "join", "join", "--human", "--name", "Bo", made["invite_code"].lower())
    assert joined["space_id"] == town.space and joined["join_state"] == "member"
    assert joined["role"] == "write" and joined["identity"]["kind"] == "human"
    town.did("j2", "join", "join", made["invite_uri"])
    town.did("j3", "join", "join", "-", stdin=made["invite_code"] + "\n")
    assert town.failed("j4", "join", made["invite_code"]) == (5, "invite_already_redeemed")
    again = town.did("j1", "join", "join", made["invite_code"])
    assert again["member_id"] == joined["member_id"]


def test_a_text_that_is_no_code_makes_no_identity(town: Town) -> None:
    assert town.failed("j5", "join", "K7QX-3MPA") == (5, "invalid_invite")
    assert town.failed("j5", "status") == (3, "profile_not_found")


def test_a_join_that_fails_tells_of_the_identity_it_made(town: Town) -> None:
    code = "2222-2222-2222-2222-2222-2222"
    made = town.did("lead", "invite", "invite", town.space)
    town.did("lead", "changed", "invites", "revoke", town.space, made["invite_id"])
    found = town.console.call("--json", "--profile", "j6", "join", made["invite_code"])
    assert found.data["identity_made"] == "j6"
    assert town.failed("j6", "join", code) == (5, "invalid_invite")


def test_a_relay_is_looked_up_only_where_this_machine_knows_no_invite(town: Town) -> None:
    made = town.did("lead", "invite", "invite", town.space)
    town.did("j7", "join", "join", "--allow-relay-lookup", made["invite_code"])
    code = made["invite_code"]
    assert town.failed("j8", "join", "--allow-relay-lookup", "K7QX") == (5, "invalid_invite")
    spent = town.failed("j8", "join", "--allow-relay-lookup", code)
    assert spent == (5, "invite_already_redeemed")
    revoked = town.did("lead", "invite", "invite", town.space)
    town.did("lead", "changed", "invites", "revoke", town.space, revoked["invite_id"])
    unknown = town.failed("j8", "join", "--allow-relay-lookup", revoked["invite_code"])
    assert unknown == (2, "missing_required_flag")


# -- talk ----------------------------------------------------------------------------------------


def test_send_says_where_it_stands(town: Town) -> None:
    first = town.did("a1", "send", "send", "--space", town.space, "Ready to work.")
    assert first["delivery_mode"] == "local_only" and first["relay_delivery"] == "not_attempted"
    assert first["pending_sync"] is False and first["replayed"] is False
    assert first["message_id"][4:] == first["event_id"][4:]
    ids = ("--refs", first["message_id"][:10], "--ref", f"supports:{first['event_id']}")
    second = town.did("a1", "send", "send", "again", town.space, *ids)
    assert [one["rel"] for one in second["references"]] == [None, "supports"]
    task = town.task()
    about = town.did("a1", "send", "send", "on it", "--task-id", task)
    assert about["task_id"] == task


def test_the_same_key_sends_once(town: Town) -> None:
    args = ("send", "--space", town.space, "--idempotency-key", "k1")
    first = town.did("a1", "send", *args, "once")
    again = town.did("a1", "send", *args, "once")
    assert again["message_id"] == first["message_id"] and again["replayed"] is True
    assert again["cursor"] == first["cursor"]
    assert town.failed("a1", *args, "twice") == (5, "idempotency_mismatch")


def test_send_makes_a_task_or_moves_one(town: Town) -> None:
    made = town.did("lead", "send", "send", "--task", "Write it", "--assignee", "@a1")
    task = town.console.ok("--profile", "a1", "task", "show", made["task_id"])
    assert task["is_mine"] is True and task["title"] == "Write it"
    args = ("--task-id", made["task_id"], "--task-status", "in_progress")
    said = town.did("a1", "send", "send", *args, "half of it")
    assert said["task_id"] == made["task_id"]
    shown = town.console.ok("--profile", "a1", "task", "show", made["task_id"])
    assert shown["state"] == "in_progress" and shown["history"][-1]["body"] == "half of it"
    ended = (*args[:3], "completed", "--idempotency-key", "e1", "all of it")
    first = town.did("a1", "send", "send", *ended)
    again = town.did("a1", "send", "send", *ended)
    assert again["replayed"] is True and again["message_id"] == first["message_id"]
    shown = town.console.ok("--profile", "a1", "task", "show", made["task_id"])
    assert shown["state"] == "completed" and shown["summary"] == "all of it"


@pytest.mark.parametrize(
    ("args", "failure"),
    [
        pytest.param((), (2, "missing_required_flag"), id="nothing said"),
        pytest.param(("",), (2, "invalid_argument"), id="an empty text"),
        pytest.param(("a", "--stdin"), (2, "invalid_argument"), id="two texts"),
        pytest.param(("a", "--reply-to", "msg_aaaaaa"), (3, "not_found"), id="an unknown message"),
        pytest.param(("a", "--refs", "room_aaaaaa"), (2, "invalid_argument"), id="no id"),
        pytest.param(("a", "--ref", "likes:msg_aaaaaa"), (2, "invalid_argument"), id="no relation"),
        pytest.param(("a", "--task", "b"), (2, "invalid_argument"), id="a text beside a task"),
        pytest.param(("a", "--assignee", "@a1"), (2, "invalid_argument"), id="for whom what"),
        pytest.param(
            ("a", "--task-status", "blocked"), (2, "missing_required_flag"), id="a status of what"
        ),
        pytest.param(("a", "--task-id", "task_aaaaaa"), (3, "task_not_found"), id="unknown task"),
        pytest.param(("--task", "a", "--assignee", "@x"), (3, "not_found"), id="unknown member"),
        pytest.param(("a", "--as", "a1"), (2, "invalid_argument"), id="as two profiles"),
        pytest.param(("a", "--vdr", "x"), (2, "unsupported_operation"), id="what comes later"),
        pytest.param(("a", "--body-file", "/nowhere"), (2, "invalid_argument"), id="two again"),
        pytest.param(("--body-file", "/nowhere"), (2, "invalid_argument"), id="no file"),
    ],
)
def test_a_send_is_refused(town: Town, args: tuple[str, ...], failure: tuple[int, str]) -> None:
    assert town.failed("lead", "send", *args, "--space", town.space) == failure


def test_a_reader_says_nothing(town: Town) -> None:
    assert town.failed("a2", "send", "--space", town.space, "hm") == (4, "read_only")
    assert town.failed("a2", "task", "create", "hm") == (4, "read_only")
    assert town.failed("a2", "task", "claim", town.task()) == (4, "read_only")


def test_acknowledging_moves_the_cursor_and_never_back(town: Town) -> None:
    town.did("lead", "inbox_ack", "inbox", "ack", "--space", town.space)
    town.did("a1", "send", "send", "one")
    town.did("a1", "send", "send", "two")
    shown = town.did("lead", "inbox_read_ack", "inbox", "read-ack", "--limit", "1")
    assert shown["acked"] == 1 and shown["remaining"] == 1
    assert [one["body"] for one in shown["messages"]] == ["one"]
    done = town.did("lead", "inbox_ack", "inbox", "--space", town.space, "ack")
    assert done["acked"] == 1 and [one["code"] for one in done["warnings"]] == ["acknowledged_all"]
    back = town.did("lead", "inbox_ack", "inbox", "ack", "--up-to-cursor", "1")
    assert back["acked"] == 0 and back["cursor"] == done["cursor"] and back["warnings"] == []
    assert town.did("lead", "inbox_read_ack", "inbox", "read-ack")["messages"] == []
    nowhere = town.failed("lead", "inbox", "ack", "--space", "nowhere")
    assert nowhere == (3, "space_not_found")


def test_sync_counts_what_moved(town: Town) -> None:
    done = town.did("lead", "sync", "sync")
    assert done["pushed"] == 0 and done["pending"] == 0 and town.space in done["spaces"]
    assert town.failed("lead", "sync", "--space", "nowhere") == (3, "space_not_found")
    verified = town.did("lead", "sync", "sync", "--verify")
    assert verified["repaired"] == [] and {one["state"] for one in verified["checks"]} == {"ok"}


# -- tasks ---------------------------------------------------------------------------------------


def test_a_task_from_its_first_word_to_its_last(town: Town) -> None:
    made = town.did("lead", "task", "task", "create", "--space", town.space, "--body", "One\ntwo")
    assert made["title"] == "One" and made["state"] == "open" and made["replayed"] is False
    task = made["task_id"]
    claim = ("task", "claim", "--space", town.space, "--task-id", task, "--require", "confirmed")
    done = town.did("a1", "transition", *claim, "--lease", "1h")
    assert done["claim_state"] == "confirmed" and done["fence"] == 1 and done["changed"] is True
    assert town.did("a1", "transition", *claim)["changed"] is False
    assert town.failed("lead", *claim) == (5, "task_already_claimed")
    moved = town.did("a1", "transition", "task", "set", task, "blocked", "--note", "why?")
    assert moved["status"] == "blocked" and moved["previous_status"] == "assigned"
    note = ("--note", "off by one", "--evidence", made["event_id"])
    ended = town.did("a1", "transition", "task", "complete", task, *note)
    assert ended["status"] == "completed" and ended["relay_delivery"] == "not_attempted"
    shown = town.console.ok("--profile", "lead", "task", "show", task)
    assert shown["summary"] == "off by one" and len(shown["evidence"]) == 1


def test_a_task_is_given_given_back_and_given_on(town: Town) -> None:
    task = town.task()
    args = ("task", "create", town.space, "For you", "--assignee", "@a1", "--title", "A title")
    mine = town.did("lead", "task", *args)
    assert mine["state"] == "assigned" and mine["title"] == "A title"
    back = town.did("a1", "transition", "task", "release", mine["task_id"], "--note", "no time")
    assert back["assignment_state"] == "unassigned"
    given = town.did("lead", "transition", "task", "assign", task, "@a1")
    assert given["assignee_display"] == "a1" and given["lifecycle_state"] == "assigned"
    kept = town.did("lead", "transition", "task", "set", task, "assigned", "--assignee", "@me")
    assert kept["previous_assignee"] == given["assignee_id"]


def test_the_same_key_makes_one_task_and_one_claim(town: Town) -> None:
    args = ("task", "create", town.space, "Once", "--idempotency-key", "t1")
    task = town.did("lead", "task", *args)
    assert town.did("lead", "task", *args)["task_id"] == task["task_id"]
    claim = ("task", "claim", task["task_id"], "--idempotency-key", "t2")
    first = town.did("a1", "transition", *claim)
    again = town.did("a1", "transition", *claim)
    assert again["event_id"] == first["event_id"] and again["replayed"] is True
    other = ("task", "release", task["task_id"], "--idempotency-key", "t2")
    assert town.failed("a1", *other) == (5, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("profile", "verb", "failure"),
    [
        pytest.param("lead", "claim", (5, "task_already_claimed"), id="taken by another"),
        pytest.param("lead", "complete", (4, "not_assignee"), id="not mine to complete"),
        pytest.param("lead", "set blocked", (4, "not_assignee"), id="not mine to set"),
        pytest.param("a1", "assign @lead", (4, "capability_missing"), id="not mine to give"),
        pytest.param("lead", "assign @nobody", (3, "not_found"), id="nobody to give it to"),
        pytest.param("lead", "assign", (2, "missing_required_flag"), id="to give to whom"),
        pytest.param("a1", "set assigned", (2, "missing_required_flag"), id="to set for whom"),
        pytest.param("a1", "set done", (2, "invalid_argument"), id="no status"),
        pytest.param("a1", "set blocked --assignee @a1", (2, "invalid_argument"), id="both"),
        pytest.param("a1", "complete --evidence evt_aaaaaa", (3, "not_found"), id="no evidence"),
        pytest.param("a1", "claim --lease 1s", (2, "invalid_argument"), id="a short lease"),
        pytest.param("a1", "claim --if-version v_1", (5, "version_conflict"), id="version"),
        pytest.param("a2", "claim", (5, "task_already_claimed"), id="a reader claims"),
    ],
)
def test_an_act_on_a_claimed_task_is_refused(
    town: Town, claimed: str, profile: str, verb: str, failure: tuple[int, str]
) -> None:
    name, *rest = verb.split()
    assert town.failed(profile, "task", name, claimed, *rest) == failure


@pytest.fixture(scope="module")
def claimed(town: Town) -> str:
    task = town.task("Taken")
    town.did("a1", "transition", "task", "claim", task)
    return task


def test_nobody_works_on_what_nobody_holds(town: Town) -> None:
    task = town.task()
    found = town.console.call("--json", "--profile", "a1", "task", "complete", task)
    assert found.status == 5 and found.data["error_code"] == "task_unassigned"
    assert found.data["next_command"] == f"envoy task claim {task}"
    assert found.data["task_id"] == task
    assert town.failed("a1", "task", "claim", "task_aaaaaa") == (3, "task_not_found")
    assert town.failed("a1", "task", "claim") == (2, "missing_required_flag")


def test_sessions_of_one_profile_compete(town: Town) -> None:
    task = town.task()
    args = ("--profile", "a1", "--json", "task", "claim", task)
    assert town.console.call(*args, ENVOY_SESSION="s1").status == 0
    second = town.console.call(*args, ENVOY_SESSION="s2")
    assert second.status == 5 and second.data["session"] == "s1"

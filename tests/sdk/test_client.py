"""Clients: what opens and closes them, arguments of no form, homes that are broken."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

import envoy
from envoy.wiring import config, toml, writes
from sdkhome import Pair, pair


@pytest.fixture
def two(tmp_path: Path) -> Pair:
    return pair(tmp_path / "h")


def test_environment_and_project_are_read_by_open_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("ENVOY_PROFILE", "worker")
    monkeypatch.setenv("ENVOY_SESSION", "run-7")
    with envoy.open(create="agent") as client:
        first = client.spaces.create("one")
        client.spaces.create("two")
        monkeypatch.setenv("ENVOY_HOME", str(tmp_path / "other"))
        assert client.profile == "worker" and client.session == "run-7"
        assert client.spaces.get("one") == first
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("ENVOY_SPACE", "two")
    assert str(envoy.open().spaces.get().name) == "two"
    assert envoy.open(home=tmp_path / "h", session="run-8").session == "run-8"


def test_a_profile_that_is_not_there_is_made_only_where_that_is_asked(tmp_path: Path) -> None:
    with pytest.raises(envoy.NotFoundError, match="profile_not_found") as caught:
        envoy.open("nobody", home=tmp_path / "h")
    assert caught.value.next_action == "init_profile" and caught.value.exit == 3
    assert not (tmp_path / "h" / "profiles" / "nobody").exists()
    made = envoy.open("nobody", home=tmp_path / "h", create="human").me
    assert envoy.open("nobody", home=tmp_path / "h", create="agent").me == made


def test_a_closed_client_refuses_everything(two: Pair) -> None:
    two.led.tasks.create("Repro")
    with two.agent as client:
        assert "closed" not in repr(client)
        work = two.worked.tasks.next().claim()
        work.__enter__()
    assert "closed" in repr(client)
    client.close()
    for call in (client.status, client.__enter__, two.worked.inbox, work.heartbeat):
        with pytest.raises(envoy.UsageError) as caught:
            call()
        assert caught.value.details == {"argument": "client", "cause": "closed"}
    assert two.led.reload().id == two.led.id, "the other client works on"


def test_a_client_that_asks_no_hub_writes_and_says_so(two: Pair) -> None:
    with envoy.open("a1", home=two.home, sync=False) as alone:
        sent = alone.spaces.get().send("later")
        assert sent.pending_sync
        assert alone.spaces.get().pending_sync


def test_a_profile_with_a_passphrase_opens_by_file(tmp_path: Path) -> None:
    home, words = tmp_path / "h", tmp_path / "words"
    words.write_text("correct horse")
    words.chmod(0o600)
    flags = {"profile": "p", "home": str(home), "passphrase_file": str(words)}
    chosen = config.load(flags, read_toml=toml.read)
    writes.init_profile(chosen, name="p", type="agent", lock="passphrase")
    with envoy.open("p", home=home, passphrase_file=words) as client:
        assert client.spaces.create("locked").role == "owner"
        assert client.status().spaces[0].name.text == "locked"


Made = Callable[[Pair], object]
LONG = "x" * 40_000


def of_any(value: object) -> Any:
    """Return a value as if it had any type: what a program without a type checker passes."""
    return cast(Any, value)


GARBAGE: Mapping[str, Made] = {
    "a body that is no text": lambda two: two.led.send(of_any(7)),
    "an empty body": lambda two: two.led.send(""),
    "half of a pair": lambda two: two.led.send("\ud800"),
    "a zero": lambda two: two.led.send("a\0b"),
    "a body that is too long": lambda two: two.led.send(LONG),
    "references as one text": lambda two: two.led.send("x", refs="evt_aaaaaa"),
    "a reference of three": lambda two: two.led.send("x", refs=of_any([(1, 2, 3)])),
    "a relation that there is not": lambda two: two.led.send("x", refs=[("likes", two.led)]),
    "an id of another sort": lambda two: two.led.send("x", refs=["space_aaaaaa"]),
    "a number as id": lambda two: two.led.send("x", task=of_any(3)),
    "a key of odd symbols": lambda two: two.led.send("x", key="a b"),
    "a long key": lambda two: two.led.send("x", key="k" * 65),
    "a role that there is not": lambda two: two.led.invite(role="owner"),
    "no uses": lambda two: two.led.invite(max_uses=0),
    "uses as truth": lambda two: two.led.invite(max_uses=of_any(True)),
    "uses as text": lambda two: two.led.invite(max_uses=of_any("1")),
    "a span without unit": lambda two: two.led.invite(ttl="30"),
    "a span of no number": lambda two: two.led.invite(ttl="-1m"),
    "a span that is over": lambda two: two.led.invite(ttl=timedelta(seconds=-1)),
    "a lease that is too short": lambda two: two.led.tasks.next().claim(lease="59s"),
    "a title of two lines": lambda two: two.led.tasks.create("a\nb"),
    "a title of blanks": lambda two: two.led.tasks.create("  "),
    "a title that is too long": lambda two: two.led.tasks.create("x" * 600),
    "an argument that there is not": lambda two: two.led.tasks.create("x", **of_any({"no": 1})),
    "a priority beyond": lambda two: two.led.tasks.create("x", priority=9),
    "a date as text": lambda two: two.led.tasks.create("x", due=of_any("2030-01-01")),
    "a date before time": lambda two: two.led.tasks.create("x", due=datetime(1900, 1, 1)),
    "labels as one text": lambda two: two.led.tasks.create("x", labels="abc"),
    "many labels": lambda two: two.led.tasks.create("x", labels=[str(n) for n in range(600)]),
    "a reviewer that there is not": lambda two: two.led.tasks.create("x", review_by=["boss"]),
    "a rule as number": lambda two: two.led.tasks.create("x", no_self_review=of_any(1)),
    "a status that there is not": lambda two: list(two.led.tasks.list(status="lost")),
    "mine as text": lambda two: list(two.led.tasks.list(mine=of_any("yes"))),
    "a kind that there is not": lambda two: two.led.records.add("poem", "x"),
    "fields as list": lambda two: two.led.records.add("risk", "x", fields=of_any([1])),
    "fields of numbers": lambda two: two.led.records.add("risk", "x", fields=of_any({"a": 1})),
    "many fields": lambda two: two.led.records.add(
        "risk", "x", fields={str(n): "y" for n in range(99)}
    ),
    "a cursor as text": lambda two: two.led.ack(of_any("1")),
    "a cursor below zero": lambda two: two.led.ack(-1),
    "a place that there is not": lambda two: two.led.events(since="yesterday"),
    "a type that there is not": lambda two: two.led.events(types=["poem"]),
    "patience below zero": lambda two: two.led.events(timeout=-1),
    "no number": lambda two: two.led.events(timeout=float("nan")),
    "a path of nothing": lambda two: two.led.objects.put(""),
    "a path of a zero": lambda two: two.led.objects.put("a\0b"),
    "a number as path": lambda two: two.led.objects.get("obj_aaaaaa", of_any(3)),
    "a verb that there is not": lambda two: two.led.can("@me", "dance"),
    "no verdict without words": lambda two: two.led.reviews.reject("task_aaaaaa", ""),
    "a budget of nothing": lambda two: two.led.work_record(budget=0),
    "a profile that is a path": lambda two: envoy.open("../x", home=two.home),
    "a home of nothing": lambda two: envoy.open("lead", home=""),
    "a kind of profile": lambda two: envoy.open("lead", home=two.home, create="robot"),
    "sync as text": lambda two: envoy.open("lead", home=two.home, sync=of_any("no")),
    "a code of nothing": lambda two: two.agent.join(""),
    "a space as number": lambda two: two.lead.spaces.get(of_any(1)),
}


def test_an_argument_of_no_form_is_a_usage_error_that_writes_nothing(two: Pair) -> None:
    two.led.tasks.create("Repro")
    before = len(list(two.led.history()))
    for name, call in GARBAGE.items():
        with pytest.raises(envoy.UsageError) as caught:
            call(two)
        assert caught.value.exit == 2, name
    assert len(list(two.led.history())) == before


def calls(two: Pair, task: envoy.Task, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every public call, as `Class.method`."""
    led = two.led
    yield "Client.me", lambda: two.lead.me
    yield "Client.status", two.lead.status
    yield "Client.join", lambda: two.lead.join("AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")
    yield "Spaces.create", lambda: two.lead.spaces.create("x")
    yield "Spaces.list", lambda: list(two.lead.spaces.list())
    yield "Spaces.get", lambda: two.lead.spaces.get()
    yield "Space.reload", led.reload
    yield "Space.invite", led.invite
    yield "Space.send", lambda: led.send("x")
    yield "Space.history", lambda: list(led.history())
    yield "Space.search", lambda: list(led.search("x"))
    yield "Space.inbox", led.inbox
    yield "Space.ack", lambda: led.ack(1)
    yield "Space.events", lambda: list(led.events(timeout=0))
    yield "Space.members", lambda: list(led.members())
    yield "Space.permissions", led.permissions
    yield "Space.can", lambda: led.can("@me", "read")
    yield "Space.why", lambda: led.why(task)
    yield "Space.work_record", led.work_record
    yield "Tasks.create", lambda: led.tasks.create("x")
    yield "Tasks.list", lambda: list(led.tasks.list())
    yield "Tasks.ready", lambda: list(led.tasks.ready())
    yield "Tasks.next", led.tasks.next
    yield "Tasks.take", led.tasks.take
    yield "Tasks.get", lambda: led.tasks.get(task)
    yield "Records.add", lambda: led.records.add("decision", "x")
    yield "Records.list", lambda: list(led.records.list())
    yield "Records.get", lambda: led.records.get("rec_aaaaaa")
    yield "Records.retract", lambda: led.records.retract("rec_aaaaaa")
    yield "Reviews.list", lambda: list(led.reviews.list())
    yield "Reviews.get", lambda: led.reviews.get(task)
    yield "Reviews.approve", lambda: led.reviews.approve(task)
    yield "Reviews.request_changes", lambda: led.reviews.request_changes(task, "x")
    yield "Reviews.reject", lambda: led.reviews.reject(task, "x")
    yield "Handoffs.accept", lambda: led.handoffs.accept("rec_aaaaaa")
    yield "Handoffs.verify", lambda: led.handoffs.verify("rec_aaaaaa")
    yield "Objects.put", lambda: led.objects.put(b"x", name="x")
    yield "Objects.get", lambda: led.objects.get("obj_aaaaaa", folder / "x")
    yield "Objects.read", lambda: led.objects.read("obj_aaaaaa")
    yield "Objects.list", lambda: list(led.objects.list())
    yield "Objects.retract", lambda: led.objects.retract("obj_aaaaaa")
    yield from calls_on_work(two, task)


def calls_on_work(two: Pair, task: envoy.Task) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every public call on a task and on work."""
    work = two.worked.tasks.get(task).claim()
    yield "Task.reload", task.reload
    yield "Task.claim", task.claim
    yield "Task.release", task.release
    yield "Task.assign", lambda: task.assign("@a1")
    yield "Task.cancel", task.cancel
    yield "Task.reopen", task.reopen
    yield "Task.edit", lambda: task.edit(priority=1)
    yield "Work.task", lambda: work.task
    yield "Work.heartbeat", work.heartbeat
    yield "Work.progress", work.progress
    yield "Work.block", work.block
    yield "Work.record", lambda: work.record("decision", "x")
    yield "Work.complete", work.complete
    yield "Work.submit", work.submit
    yield "Work.release", work.release
    yield "Work.hand_off", lambda: work.hand_off("x")


# What opens nothing: handles, and what a program asks of what it has.
QUIET = {
    *("Client.close", "Client.profile", "Client.session", "Client.spaces", "Space.description"),
    *("Space.tasks", "Space.records", "Space.reviews", "Space.handoffs", "Space.objects"),
    *("Work.id", "Work.fence", "Work.lost"),
}


def test_every_public_call_is_among_those_that_cross_a_broken_home(
    two: Pair, tmp_path: Path
) -> None:
    crossed = {name for name, _ in calls(two, two.led.tasks.create("x"), tmp_path)}
    holders = (
        *(envoy.Client, envoy.Spaces, envoy.Space, envoy.Tasks, envoy.Task, envoy.Work),
        *(envoy.Records, envoy.Reviews, envoy.Handoffs, envoy.Objects),
    )
    named = {
        f"{kind.__name__}.{name}"
        for kind in holders
        for name in vars(kind)
        if not name.startswith("_") and name not in ("SCHEMA", "NAMED_BY")
    }
    own = {name for name in named if name.startswith("Task.") and name not in crossed}
    assert own <= {f"Task.{name}" for name in FIELDS_OF_TASKS}
    assert crossed <= named and named - crossed - own == QUIET


FIELDS_OF_TASKS = {
    *("id", "space_id", "title", "body", "state", "is_mine", "assignee_id", "claim_state", "fence"),
    *("lease_expires_at", "priority", "labels", "due_at", "unmet", "summary", "version"),
}


def garble(two: Pair) -> None:
    """Spoil both databases of a profile, and the hub's."""
    for path in two.home.rglob("*.db"):
        path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)


def truncate(two: Pair) -> None:
    """Leave nothing in the databases."""
    for path in [*two.home.rglob("*.db"), *two.home.rglob("*.db-wal")]:
        path.write_bytes(b"")


def open_wide(two: Pair) -> None:
    """Let everybody read the profiles."""
    for path in two.home.rglob("*"):
        path.chmod(0o777)


def not_json(two: Pair) -> None:
    """Spoil the identities."""
    for path in two.home.rglob("identity.json"):
        path.write_bytes(b"\xff{")


def no_folder(two: Pair) -> None:
    """Put a file in the place of the home."""
    shutil.rmtree(two.home)
    two.home.write_text("")


def no_hub(two: Pair) -> None:
    """Put folders in the place of the database of the hub."""
    for path in two.home.rglob("hub.db*"):
        path.unlink()
        path.mkdir()


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [garble, truncate, open_wide, not_json, no_folder, no_hub],
    ids=lambda one: one.__name__,
)
def test_nothing_but_errors_of_envoy_comes_out_of_a_broken_home(
    two: Pair, tmp_path: Path, spoil: Callable[[Pair], None]
) -> None:
    every = list(calls(two, two.led.tasks.create("x"), tmp_path))
    spoil(two)
    failed = 0
    for _, call in every:
        try:
            call()
        except envoy.EnvoyError as error:
            failed += 1
            assert error.code and error.next_action
    assert failed > 0


def test_a_disk_that_fails_is_storage_failed(two: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/secret/path")

    monkeypatch.setattr("envoy.replica.actions.work.send", full)
    with pytest.raises(envoy.InternalError, match="storage_failed") as caught:
        two.led.send("x")
    assert caught.value.details == {"reason": "enospc"}


def test_ids_and_times_in_errors_are_text(two: Pair) -> None:
    task = two.led.tasks.create("x")
    two.worked.tasks.get(task).claim()
    with pytest.raises(envoy.AlreadyClaimedError) as caught:
        task.claim()
    details = caught.value.details
    assert details["task_id"] == task.id and str(details["lease_expires_at"]).endswith("Z")
    assert not any(isinstance(value, bytes) for value in details.values())
    assert str(caught.value).startswith("task_already_claimed: ")
    bare = envoy.AlreadyClaimedError("task_already_claimed")
    assert bare.holder is None and bare.fence is None
    assert envoy.VersionConflictError("version_conflict").version is None
    gate = envoy.GateError("review_required")
    assert gate.missing == () and gate.reviews_missing == 0
    assert envoy.RelayError("connected_intent_unsatisfied").saved_locally
    assert not envoy.RelayError("relay_unavailable").saved_locally


def test_a_client_works_on_after_a_fork(two: Pair) -> None:
    two.led.send("parent")
    gc.collect()  # what other tests left in the middle of a read would be in use in the child
    child = os.fork()
    if child == 0:
        status = 1
        try:
            two.led.send("child")
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert [str(one.body) for one in two.led.history(kinds=["message"])] == ["child", "parent"]

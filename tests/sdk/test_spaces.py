"""Spaces through the SDK: talk, inbox, files, records, reviews, handoffs, people, authority."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import envoy
from sdkhome import Pair, pair


@pytest.fixture
def two(tmp_path: Path) -> Pair:
    return pair(tmp_path / "h")


def test_spaces_are_made_listed_and_found(two: Pair) -> None:
    other = two.lead.spaces.create(
        "other", description="for later", expires=datetime(2040, 1, 1, tzinfo=UTC)
    )
    assert [one.id for one in two.lead.spaces.list()] == [two.led.id, other.id]
    assert two.lead.spaces.get("other") == two.lead.spaces.get(other.id[:14]) == other
    assert other.description.text == "for later" and other.role == "owner"
    assert other.mode == "local_only" and other.join_state == "member" and other.closed_at is None
    assert two.agent.spaces.get().id == two.led.id, "the only one there is"
    with pytest.raises(envoy.UsageError, match="missing_required_flag"):
        two.lead.spaces.get()
    with pytest.raises(envoy.NotFoundError, match="space_not_found"):
        two.lead.spaces.get("nowhere")


def test_the_status_says_who_and_where(two: Pair) -> None:
    two.led.send("hello")
    status = two.agent.status()
    assert status.profile == "a1" and status.me == two.agent.me and status.version
    assert [one.unread_count for one in status.spaces] == [1]
    space = status.spaces[0]
    assert space.name.text == "bughunt" and space.open_tasks == 0 and not space.pending_sync
    assert two.agent.me.name == envoy.Untrusted("a1") and two.lead.me.kind == "human"


def test_an_invite_shows_its_code_only_when_it_is_asked(two: Pair) -> None:
    invite = two.led.invite(role="read", max_uses=2, ttl="30m")
    code = invite.reveal()
    shown = f"{invite} {invite!r} {invite.to_dict()} {[invite]}"
    assert code not in shown and "envoy://" not in shown
    assert invite.to_dict(secrets=True)["invite_code"] == code
    assert invite.role == "read" and invite.max_uses == 2 and invite.expires_at > datetime.now(UTC)
    third = envoy.open("a3", home=two.home, create="agent")
    joined = third.join(f" {code}\n", name="third")
    assert joined.role == "read" and joined.id == two.led.id
    assert [str(one.name) for one in two.led.members()] == ["lead", "a1", "third"]
    with pytest.raises(envoy.AuthorityError, match="read_only"):
        joined.send("not allowed")
    with pytest.raises(envoy.ConflictError, match="invalid_invite"):
        third.join("AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")


def test_who_must_be_let_in_waits(two: Pair) -> None:
    code = two.led.invite(mode="approve").reveal()
    waiting = envoy.open("a3", home=two.home, create="agent").join(code)
    assert waiting.join_state == "pending_approval" and waiting.role is None


def test_messages_answer_refer_and_are_found(two: Pair) -> None:
    first = two.led.send("it crashes on an empty line")
    task = two.led.tasks.create("Repro")
    file = two.led.objects.put(b"log", name="crash.log")
    answer = two.worked.send(
        "seen",
        reply_to=first,
        refs=[("supports", first.id), task, ("answers", file.id)],
        attach=[file],
        task=task,
    )
    assert answer.relay_delivery == "not_attempted" and not answer.pending_sync
    assert not answer.replayed and answer.cursor > 0
    lines = list(two.led.history(kinds=["message"]))
    assert [str(one.body) for one in lines] == ["seen", "it crashes on an empty line"]
    said = lines[0]
    assert said.reply_to is not None and said.reply_to[4:] == first.id[4:]
    assert said.task_id == task.id and said.sender_id == two.agent.me.id
    assert said.sender_name == envoy.Untrusted("a1") and said.status == "ok"
    assert said.kind == "message" and said.type == "new_message" and said.sent_at.tzinfo
    references = said.to_dict()["references"]
    assert isinstance(references, list) and len(references) == 4
    assert [one.id for one in two.worked.search("empty line")] == [lines[1].id]
    assert len(list(two.led.history(thread=first))) == 2
    about = [one.kind for one in two.led.history(task=task)]
    assert about == ["message", "task.create"]


def test_long_lists_are_read_page_by_page(two: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envoy.sdk.reading.PAGE", 2)
    for number in range(5):
        two.led.send(f"word {number}")
        two.led.records.add("decision", f"d{number}")
        two.led.objects.put(b"x", name=f"o{number}")
    words = [f"word {number}" for number in reversed(range(5))]
    assert [str(one.body) for one in two.worked.history(kinds=["message"])] == words
    assert [str(one.body) for one in two.worked.search("word")] == words
    assert [str(one.text) for one in two.worked.records.list()] == ["d4", "d3", "d2", "d1", "d0"]
    assert [str(one.name) for one in two.worked.objects.list()] == ["o4", "o3", "o2", "o1", "o0"]


def test_the_inbox_is_emptied_by_ack_alone(two: Pair) -> None:
    for number in range(3):
        two.led.send(f"m{number}")
    inbox = two.worked.inbox(limit=2)
    assert [str(one.body) for one in inbox] == ["m0", "m1"] and len(inbox) == 2
    assert inbox.unread_count == 3 and inbox.items[0].reason == "message"
    done = two.worked.ack(inbox.items[-1])
    assert (done.acked, done.remaining) == (2, 1) and done.cursor == inbox.items[-1].cursor
    assert [str(one.body) for one in two.worked.inbox()] == ["m2"]
    assert two.worked.inbox(tasks_only=True).unread_count == 0
    assert two.worked.ack(2**53).remaining == 0


def test_a_file_comes_back_byte_by_byte(two: Pair, tmp_path: Path) -> None:
    source, target = tmp_path / "crash.log", tmp_path / "got.log"
    source.write_bytes(b"boom\n" * 1000)
    task = two.led.tasks.create("Repro")
    made = two.led.objects.put(source, media_type="text/plain", task=task)
    assert made.name.text == "crash.log" and made.size == 5000 and made.state == "complete"
    assert made.media_type == envoy.Untrusted("text/plain") and made.task_id == task.id
    assert two.worked.objects.read(made) == source.read_bytes()
    assert two.worked.objects.get(made.event_id, target).sha256 == made.sha256
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(envoy.ConflictError, match="already_exists"):
        two.worked.objects.get(made, target)
    two.worked.objects.get(made, str(target), overwrite=True)
    assert [one.id for one in two.worked.objects.list(task=task)] == [made.id]
    assert two.led.objects.retract(made, "wrong file").state == "retracted"
    with pytest.raises(envoy.ConflictError, match="event_not_ok"):
        two.worked.objects.read(made)


def test_the_name_of_a_file_is_a_label(two: Pair, tmp_path: Path) -> None:
    odd = tmp_path / ("x\n" + "é" * 100)
    odd.write_bytes(b"1")
    assert len(two.led.objects.put(odd).name.text.encode()) <= 256
    with pytest.raises(envoy.UsageError, match="missing_required_flag"):
        two.led.objects.put(b"1")
    with pytest.raises(envoy.UsageError, match="invalid_argument"):
        two.led.objects.put(tmp_path / "nowhere")
    with pytest.raises(envoy.UsageError, match="invalid_argument"):
        two.led.objects.put(b"1", name="x", media_type="no media")


def test_records_say_what_they_speak_of(two: Pair) -> None:
    task = two.led.tasks.create("Repro")
    file = two.worked.objects.put(b"log", name="crash.log", task=task)
    proof = two.worked.records.add("evidence", type="test", task=task, refs=[("produced_by", file)])
    assert proof.subject == envoy.Untrusted(f"object:crash.log@{file.sha256}")
    assert (
        proof.fields == ((envoy.Untrusted("result"), envoy.Untrusted("info")),)
        and proof.state == "current"
    )
    assert proof.grade == "self_reported" and proof.task_id == task.id
    assert proof.by is not None and proof.by.id == two.agent.me.id
    other = two.worked.records.add(
        "evidence",
        type="test",
        subject="git:repo@abc123",
        fields={"result": "fail", "cases": "12"},
    )
    assert str(other.field("cases")) == "12" and str(other.field("result")) == "fail"
    assert other.field("nothing") is None
    decision = two.led.records.add("decision", "We ship.")
    assert decision.type is None and decision.kind == "decision"
    two.worked.records.add(
        "objection",
        "Not yet.",
        fields={"severity": "blocking"},
        refs=[("contradicts", decision)],
    )
    assert two.led.records.get(decision).state == "contested"
    assert two.led.records.get(decision.id[:12]).text.text == "We ship."
    assert [one.id for one in two.led.records.list(task=task)] == [proof.id]
    assert two.worked.records.retract(other, "wrong run").state == "retracted"
    with pytest.raises(envoy.UsageError, match="field_invalid"):
        two.led.records.add("evidence", type="test")
    with pytest.raises(envoy.NotFoundError, match="not_found"):
        two.led.records.get(task.id)


def submitted(two: Pair) -> envoy.Task:
    """Return a task that the agent has handed in."""
    task = two.led.tasks.create("Repro", reviews=1, no_self_review=True)
    two.worked.tasks.get(task).claim().complete("done")
    return task.reload()


def test_a_review_completes_or_sends_back(two: Pair) -> None:
    task = submitted(two)
    review = next(two.led.reviews.list())
    assert review.id == task.id and review.waits_for_me and review.reviews_missing == 1
    assert str(review.title) == "Repro" and str(review.summary) == "done"
    assert review.evidence_missing == () and review.state == "submitted"
    assert review.by is not None and review.handed_in_at is not None
    assert list(two.worked.reviews.list()) == []
    assert [one.id for one in two.worked.reviews.list(every=True)] == [task.id]
    with pytest.raises(envoy.AuthorityError):
        two.worked.reviews.approve(task)
    done = two.led.reviews.request_changes(task, "add a test")
    assert done.state == "changes_requested"
    verdict = two.led.reviews.get(task).verdicts[0]
    assert verdict.verdict == "request_changes" and str(verdict.note) == "add a test"
    assert not verdict.counts and verdict.by is not None and verdict.id.startswith("evt_")
    two.worked.tasks.get(task)
    work = two.worked.tasks.get(task).claim()
    work.submit("with a test")
    assert two.led.reviews.approve(task, "good").state == "completed"


def test_a_rejected_task_is_open_again(two: Pair) -> None:
    assert two.led.reviews.reject(submitted(two), "wrong").state == "unassigned"


def test_every_review_is_found_page_by_page(two: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envoy.sdk.reading.PAGE", 1)
    every = {submitted(two).id for _ in range(3)}
    assert {one.id for one in two.led.reviews.list()} == every


def test_work_is_handed_over_and_countersigned(two: Pair) -> None:
    two.led.tasks.create("Repro")
    note = two.worked.send("line 3")
    with two.worked.tasks.next().claim() as work:
        given = work.hand_off(
            "Fix the empty line",
            to="@lead",
            completed=["reproduced"],
            remaining=["fix"],
            commands=["make test"],
            risks=["slow"],
            questions=["why now?"],
            evidence=[note],
        )
    assert given.state == "offered" and str(given.next) == "Fix the empty line"
    assert given.task_id == work.id and given.by is not None and given.to is not None
    lists = (given.completed, given.remaining, given.commands, given.risks, given.questions)
    said = ["reproduced", "fix", "make test", "slow", "why now?"]
    assert [str(one[0]) for one in lists] == said and len(given.evidence) == 1
    checked = two.led.handoffs.verify(given)
    assert checked.verdict == "valid" and checked.since >= 0
    with two.led.handoffs.accept(given, require="confirmed") as taken:
        assert taken.fence == 2 and taken.task.is_mine


def test_people_and_what_they_may_do(two: Pair) -> None:
    me = next(one for one in two.worked.members() if one.is_me)
    assert me.is_current and me.joined_at is not None and me.removed_at is None
    assert me.role == "write" and len(me.fingerprint) == 9
    powers = two.worked.permissions()
    assert powers.me is not None and powers.me.verbs == ("read", "write")
    grant = powers.me.grants[0]
    assert grant.status == "live" and grant.role == "write" and grant.verb == "write"
    assert grant.id.startswith("grant_") and grant.expires_at is None
    assert {one.id for one in powers.members} == {one.id for one in two.led.members(ever=True)}
    answer = two.worked.can("@me", "admin")
    assert not answer.allowed and answer.member.id == me.id and answer.verb == "admin"
    task = two.led.tasks.create("Repro")
    assert two.worked.can("@lead", "own", task=task, at=task).allowed
    reason = two.worked.why(task)
    assert reason.status == "ok" and reason.rule is None and reason.rule_words is None
    assert reason.by is not None and reason.id[4:] == task.id[5:]
    with pytest.raises(envoy.NotFoundError):
        two.worked.can("@nobody", "read")


def test_the_work_record_counts_what_it_cuts(two: Pair) -> None:
    for number in range(20):
        two.led.tasks.create(f"T{number}", body="words " * 50)
    whole = two.worked.work_record()
    assert whole.is_complete and whole.omitted == {} and whole.space_id == two.led.id
    brief = two.worked.work_record(budget=1500)
    assert not brief.is_complete and sum(brief.omitted.values()) > 0
    task = two.led.tasks.next()
    about = two.worked.work_record(task=task, member="@lead", since=0)
    assert about.to_dict()["task_id"] == task.id

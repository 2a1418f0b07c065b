"""What a program with strict types may write: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_type

import envoy


def opens(home: Path) -> None:
    with envoy.open("a1", session="s", home=home, create="agent", sync=False) as client:
        assert_type(client, envoy.Client)
        assert_type(client.me, envoy.Actor)
        assert_type(client.status().spaces, tuple[envoy.SpaceInfo, ...])
        assert_type(client.spaces.create("x"), envoy.Space)
        assert_type(client.join("CODE"), envoy.Space)
        for space in client.spaces.list():
            assert_type(space.id, envoy.SpaceId)
            assert_type(space.name.text, str)
    assert_type(envoy.__version__, str)


def works(space: envoy.Space) -> None:
    task = space.tasks.create(
        "x",
        body="y",
        assignee="@a1",
        priority=0,
        labels=["a"],
        due=datetime.now(),
        needs=[space.tasks.next(), "task_aaaaaa"],
        reviews=1,
        review_by=["human"],
        no_self_review=True,
        require_evidence=["test"],
        key="k",
    )
    assert_type(task, envoy.Task)
    assert_type(task.edit(due=None, label=["b"], if_version=task.version), envoy.Transition)
    with task.claim(require="confirmed", lease=timedelta(hours=1)) as work:
        assert_type(work, envoy.Work)
        file = space.objects.put(b"x", name="x")
        proof = work.record("evidence", type="test", refs=[("produced_by", file.id), file])
        assert_type(proof, envoy.Record)
        assert_type(work.complete("done", evidence=[proof, "rec_aaaaaa"]), envoy.Transition)
        assert_type(work.lost, envoy.EnvoyError | None)
        assert_type(work.hand_off("next", to=None, risks=["x"]), envoy.Handoff)
    assert_type(space.tasks.take(), envoy.Work)
    assert_type(space.handoffs.accept("rec_aaaaaa"), envoy.Work)
    assert_type(space.reviews.approve(task), envoy.Transition)


def reads(space: envoy.Space) -> Iterator[str]:
    for line in space.history(kinds=["message"]):
        assert_type(line.body, envoy.Untrusted | None)
        yield "" if line.body is None else line.body.text
    for event in space.events(since="last-ack", types={"new_message"}, timeout=60):
        assert_type(event.task.title, envoy.Untrusted)
        assert_type(event.actor.fingerprint, str)
        space.ack(event)
    assert_type(space.inbox().items, tuple[envoy.InboxItem, ...])
    assert_type(space.work_record(budget=1000).omitted, dict[str, int])
    assert_type(space.can("@me", "write").allowed, bool)
    assert_type(space.objects.read("obj_aaaaaa"), bytes)
    assert_type(space.invite(ttl="30m").reveal(), str)
    assert_type(space.to_dict(), dict[str, object])


def fails(task: envoy.Task) -> object:
    try:
        task.claim()
    except envoy.AlreadyClaimedError as error:
        return assert_type(error.holder, str | None), assert_type(error.fence, int | None)
    except envoy.GateError as error:
        return assert_type(error.missing, tuple[envoy.Untrusted, ...])
    except envoy.RelayError as error:
        return assert_type(error.saved_locally, bool)
    except envoy.EnvoyError as error:
        return error.code, error.exit, error.next_action, error.details
    return None

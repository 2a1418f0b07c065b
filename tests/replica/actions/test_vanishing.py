"""What goes while somebody acts on it: its author is removed, unseen, by another process."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from envoy import ids
from envoy.core.bodies import Remove
from envoy.errors import ConflictError, NotFoundError
from envoy.ids import to_text
from envoy.replica import slots
from envoy.replica.actions import conflicts, fields, handoffs, hold, objects, records, tasks
from envoy.replica.actions.fields import Changes
from envoy.replica.actions.records import Said
from replica.test_epochs import act, admin
from replica.world import Actor, Inline, World

Act = Callable[[], object]


def meanwhile(patch: pytest.MonkeyPatch, module: object, name: str, happens: Act) -> None:
    """Let something happen once, right after a step of an action."""
    step = getattr(module, name)

    def then(*args: object, **named: object) -> object:
        patch.setattr(module, name, step)
        found = step(*args, **named)
        happens()
        return found

    patch.setattr(module, name, then)


@pytest.fixture
def scene(world: World) -> tuple[Actor, Actor, Act]:
    """Return who writes, who acts on that, and how the first goes with all that it wrote."""
    lead, author, w = world.team("lead", "author", "w")
    admin(lead, author)
    w.sync()

    def goes() -> None:
        act(lead, Remove(author.me, "", ()))
        w.pull()

    return author, w, goes


def made(author: Actor, w: Actor) -> bytes:
    """Return a task of ``author`` that both know, and nobody else."""
    task = tasks.create(author.copy, "soon gone").event
    assert task is not None
    w.sync()
    return task


def test_a_claim(scene: tuple[Actor, Actor, Act], monkeypatch: pytest.MonkeyPatch) -> None:
    author, w, goes = scene
    task = made(author, w)
    meanwhile(monkeypatch, tasks, "deliver", goes)
    with pytest.raises(NotFoundError, match="task_not_found"):
        tasks.claim(w.copy, task, session="default")


def test_an_edit(scene: tuple[Actor, Actor, Act], monkeypatch: pytest.MonkeyPatch) -> None:
    author, w, goes = scene
    task = made(author, w)
    meanwhile(monkeypatch, fields, "known", goes)
    with pytest.raises(NotFoundError, match="task_not_found"):
        fields.edit(w.copy, task, Changes(title="new"))


def test_a_sign_of_life(scene: tuple[Actor, Actor, Act], monkeypatch: pytest.MonkeyPatch) -> None:
    author, w, goes = scene
    task = made(author, w)
    tasks.claim(w.copy, task, session="default", require="confirmed")
    meanwhile(monkeypatch, slots, "renew", goes)
    with pytest.raises(NotFoundError, match="task_not_found"):
        hold.heartbeat(w.copy, task, lease_s=900)


def test_a_handoff(scene: tuple[Actor, Actor, Act]) -> None:
    author, w, goes = scene
    task = made(author, w)
    tasks.claim(w.copy, task, session="default")
    given = handoffs.create(w.copy, task, handoffs.Capsule("go on")).event
    assert given is not None
    goes()
    with pytest.raises(ConflictError, match="event_not_ok"):
        handoffs.is_accepted(w.copy.batch(), given, "default")


def test_a_record(scene: tuple[Actor, Actor, Act]) -> None:
    author, w, goes = scene
    record = records.add(author.copy, Said("decision", "we ship")).event
    w.sync()
    assert records.shown(w.copy, record).state == "in_force"
    goes()
    with pytest.raises(NotFoundError, match="not_found"):
        records.shown(w.copy, record)


def test_an_object(scene: tuple[Actor, Actor, Act], monkeypatch: pytest.MonkeyPatch) -> None:
    author, w, goes = scene
    label, tools = objects.Label("log", "text/plain", None), objects.Tools(Inline(), lambda _: None)
    put = objects.put(author.copy, BytesIO(b"x" * 99).read, label, tools=tools).row
    w.sync()
    text = to_text("evt", put.id)
    assert objects.find(w.copy, text).id == put.id
    meanwhile(monkeypatch, objects, "shared", goes)
    with pytest.raises(NotFoundError, match="not_found"):
        objects.find(w.copy, text)


def test_a_conflict(scene: tuple[Actor, Actor, Act], monkeypatch: pytest.MonkeyPatch) -> None:
    author, w, goes = scene
    task = made(w, author)
    for one in (author, w):
        one.door.away = True
        fields.edit(one.copy, task, Changes(title=one.name))
        one.door.away = False
    for one in (author, w, author):
        one.sync()
    (ident,) = w.connection.rows(bytes, "SELECT id FROM conflict")
    meanwhile(monkeypatch, ids, "choose", goes)
    with pytest.raises(NotFoundError, match="not_found"):
        conflicts.find(w.profile, None, to_text("cfl", ident))

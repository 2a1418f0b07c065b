"""A text that is taken back leaves every view, here and at everybody who hears of it."""

from __future__ import annotations

import pytest

from envoy.core.bodies import MessageRedact
from envoy.errors import EnvoyError
from envoy.ids import sha256
from envoy.replica.actions import authority, messages, tasks, work
from envoy.replica.rebuild import rebuild
from envoy.views import rows
from replica.compare import differences, dump, meaning
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def code(act: object) -> str:
    assert callable(act)
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code


def item(actor: Actor, message: bytes) -> rows.Item:
    """Return the line of a message as a copy has it."""
    entry = actor.events.entry(actor.space.sn, message)
    found = None if entry is None else actor.store.item(entry.rid)
    assert found is not None
    return found


def finds(actor: Actor, word: str) -> int:
    """Return how many texts with a word a copy finds."""
    sql = "SELECT count(*) FROM words WHERE words MATCH ?"
    return actor.connection.find(int, sql, (word,)) or 0


@pytest.mark.parametrize("by", ["author", "admin"])
def test_a_text_is_hidden_and_the_fact_stays(team: list[Actor], by: str) -> None:
    lead, one, two = team
    message = work.send(one.copy, "hunter2 is the word").event
    for actor in (lead, two):
        actor.sync()
    assert (finds(two, "hunter2"), two.space.unread) == (1, two.space.unread)
    unread = two.space.unread
    done = messages.redact((one if by == "author" else lead).copy, message, reason="oops")
    assert done.changed and not messages.redact(lead.copy, message).changed
    for actor in team:
        actor.sync()
        shown = item(actor, message)
        assert (shown.body, shown.redacted) == (None, sha256(b"hunter2 is the word").digest())
        assert (shown.an, shown.ts, shown.status) == (actor.events.actor(one.me), shown.ts, "ok")
        assert finds(actor, "hunter2") == 0
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
    assert two.space.unread == unread - 1
    assert differences(meaning(lead), meaning(two)) == []


def test_who_is_neither_author_nor_admin_hides_nothing(team: list[Actor]) -> None:
    lead, one, two = team
    message = work.send(lead.copy, "as I said").event
    task = tasks.create(lead.copy, "work").after.id
    assert code(lambda: messages.redact(one.copy, message)) == "capability_missing"
    assert code(lambda: messages.redact(lead.copy, task)) == "not_found"
    assert code(lambda: messages.redact(lead.copy, bytes(32))) == "not_found"
    assert code(lambda: messages.redact(lead.copy, message, reason="x" * 513)) == (
        "invalid_argument"
    )
    one.copy.write(lambda _: [MessageRedact(message, "by force")])
    one.copy.write(lambda _: [MessageRedact(bytes(32), "of nothing")])
    one.copy.write(lambda _: [MessageRedact(task, "of a task")])
    one.sync()
    for actor in (two, lead):
        actor.sync()
        assert item(actor, message).body == "as I said"
        refused = actor.connection.rows(
            str, "SELECT refused FROM item WHERE refused IS NOT NULL ORDER BY refused"
        )
        assert refused == ["redact_without_rank", "wrong_state"]
        assert actor.store.task(actor.space.sn, task) is not None
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before


def test_a_key_repeats_the_first_answer(team: list[Actor]) -> None:
    lead, _, _ = team
    message = work.send(lead.copy, "text").event
    first = messages.redact(lead.copy, message, key="k")
    again = messages.redact(lead.copy, message, key="k")
    assert again.replayed and again.event == first.event


def test_a_text_comes_back_when_its_redaction_does_not_count(team: list[Actor]) -> None:
    lead, one, two = team
    authority.set_role(lead.copy, one.me, "admin")
    message = work.send(two.copy, "a finding").event
    for actor in team:
        actor.sync()
    messages.redact(one.copy, message)
    two.sync()
    assert item(two, message).body is None and finds(two, "finding") == 0
    lead.door.away = True
    authority.remove(lead.copy, one.me, reason="", undo=())
    lead.door.away = False
    lead.sync()
    for actor in (two, lead):
        actor.sync()
        assert item(actor, message).body == "a finding" and finds(actor, "finding") == 1
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
    assert differences(meaning(lead), meaning(two)) == []

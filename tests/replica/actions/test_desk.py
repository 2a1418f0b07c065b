"""Admits: what they release, what they cannot, and what a dry run leaves behind."""

from __future__ import annotations

import pytest

from envoy import ids, limits
from envoy.core import bodies
from envoy.errors import AuthorityError, ConflictError, NotFoundError
from envoy.replica.actions import desk
from envoy.replica.rebuild import rebuild
from replica.beside import Removal, removal, say, settle
from replica.compare import dump, meaning
from replica.scenes import status_of
from replica.world import World


@pytest.fixture
def found(world: World) -> Removal:
    """Return a space after a removal beside which its subject wrote."""
    return removal(world)


def test_what_was_seen_counts_what_is_beside_is_held_what_came_after_is_invalid(
    found: Removal,
) -> None:
    for actor in (found.lead, found.eve, found.other):
        assert status_of(actor, found.seen) == "ok"
        assert [status_of(actor, one) for one in found.held] == ["held", "held"]
        assert status_of(actor, found.late) == "invalid"


def test_an_event_is_released_by_its_id_and_no_other(found: Removal) -> None:
    done = desk.admit(found.lead.copy, found.held[:1], reason="good")
    assert done.changed and [one.id for one in done.released] == [found.held[0]]
    settle([found.other])
    assert [status_of(found.other, one) for one in found.held] == ["ok*", "held"]
    assert meaning(found.lead) == meaning(found.other)


def test_the_id_of_a_revocation_releases_all_that_it_holds(found: Removal) -> None:
    done = desk.admit(found.lead.copy, [found.remove], reason="all of it")
    assert sorted(one.id for one in done.released) == sorted(found.held)
    again = desk.admit(found.lead.copy, [found.remove], reason="all of it")
    assert not again.changed and again.released == () and again.admit is None


def test_a_dry_run_shows_what_would_be_released_and_leaves_nothing(found: Removal) -> None:
    before = dump(found.lead)
    done = desk.admit(found.lead.copy, [found.remove], reason="x", dry_run=True)
    assert sorted(one.id for one in done.released) == sorted(found.held)
    assert not done.changed and done.admit is None and dump(found.lead) == before
    real = desk.admit(found.lead.copy, [found.remove], reason="x")
    assert {one.id for one in real.released} == {one.id for one in done.released}


def test_nothing_held_writes_nothing(found: Removal) -> None:
    before = dump(found.lead)
    done = desk.admit(found.lead.copy, [found.seen], reason="x")
    assert not done.changed and dump(found.lead) == before


def test_what_is_invalid_is_never_admitted(found: Removal) -> None:
    with pytest.raises(ConflictError) as caught:
        desk.admit(found.lead.copy, [found.held[0], found.late], reason="x")
    assert caught.value.code == "event_not_ok"
    assert caught.value.details["status"] == "invalid"
    assert status_of(found.lead, found.held[0]) == "held"


def test_only_an_admin_admits(found: Removal) -> None:
    with pytest.raises(AuthorityError) as caught:
        desk.admit(found.other.copy, [found.held[0]], reason="x")
    assert caught.value.code == "capability_missing"
    with pytest.raises(AuthorityError):
        desk.admit(found.other.copy, [found.held[0]], reason="x", dry_run=True)


def test_an_event_that_is_not_here_is_not_found(found: Removal) -> None:
    with pytest.raises(NotFoundError):
        desk.admit(found.lead.copy, [bytes(32)], reason="x")


def test_a_retry_with_its_key_answers_what_was_released(found: Removal) -> None:
    first = desk.admit(found.lead.copy, [found.remove], reason="x", key="k")
    again = desk.admit(found.lead.copy, [found.remove], reason="x", key="k")
    assert again.replayed and again.admit == first.admit
    assert {one.id for one in again.released} == set(found.held)
    with pytest.raises(ConflictError) as caught:
        desk.admit(found.lead.copy, [found.held[0]], reason="x", key="k")
    assert caught.value.code == "idempotency_mismatch"


def test_more_ids_than_an_admit_holds_are_refused(
    found: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNDO_MAX", 1)
    texts = [ids.to_text("evt", one) for one in found.held]
    assert desk.named(found.lead.copy, [texts[0], texts[0][:12]]) == (found.held[0],)
    with pytest.raises(ConflictError) as caught:
        desk.named(found.lead.copy, texts)
    assert caught.value.code == "limit_exceeded"


def test_an_admit_that_was_itself_held_off_by_a_removal_releases_nothing(world: World) -> None:
    found = removal(world)
    say(found.lead, bodies.Role(found.other.me, "admin"))
    settle([found.other])
    found.lead.door.away = True
    found.lead.copy.compose(lambda author: [author.say(bodies.Remove(found.other.me, "", ()))])
    done = desk.admit(found.other.copy, [found.held[0]], reason="in good faith")
    assert done.changed
    found.lead.door.away = False
    settle([found.lead, found.other])
    assert done.admit is not None
    for actor in (found.lead, found.other):
        assert status_of(actor, done.admit) == "void"
        assert status_of(actor, found.held[0]) == "held"
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before

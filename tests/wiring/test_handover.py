"""The handoff in a bundle: shown and checked by the file alone, and never better than it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import bundles
from envoy.errors import EnvoyError, IntegrityError, NotFoundError
from envoy.replica.actions import handoffs, messages, records, tasks
from envoy.replica.actions.audit import Chosen
from envoy.replica.actions.handoffs import Capsule
from envoy.replica.actions.records import Said
from envoy.views.handoffs import standing
from envoy.wiring import handover
from replica.world import Actor, World


@pytest.fixture
def team(tmp_path: Path) -> Iterator[list[Actor]]:
    """Return two members of a space."""
    world = World(tmp_path)
    yield world.team("lead", "one")
    world.close()


def given(actor: Actor, title: str) -> bytes:
    """Return the handoff of a new task that rests on evidence."""
    task = tasks.create(actor.copy, title).after.id
    tasks.claim(actor.copy, task, session="default")
    said = Said("evidence", "it runs", "test", task, (("result", "pass"),), "git:hull@1")
    proof = records.add(actor.copy, said).event
    capsule = Capsule(f"go on with {title}", evidence=(proof,))
    done = handoffs.create(actor.copy, task, capsule)
    assert done.event is not None
    return done.event


def bundle(actor: Actor, place: Path, chosen: Chosen | None = None) -> str:
    """Write the bundle of what an actor has."""
    path = place / "space.bundle"
    path.write_bytes(bundles.exported(actor, chosen))
    return os.fspath(path)


def found(place: Path, path: str) -> tuple[str, str, dict[str, tuple[str, str | None]]]:
    """Return of the handoff in a bundle its state, its word, and what was checked."""
    with handover.handed(bundles.config(place / "none"), path) as one:
        checks = {each.name: (each.state, each.detail) for each in one.verified.checks}
        return standing(one.row), one.verified.word, checks


def test_the_newest_that_is_offered_is_shown_and_then_the_newest(
    team: list[Actor], tmp_path: Path
) -> None:
    lead, one = team
    given(lead, "the keel")
    second = given(lead, "the hull")
    path = bundle(lead, tmp_path)
    with handover.handed(bundles.config(tmp_path / "none"), path) as shown:
        assert shown.row.id == second
    handoffs.accept(one.copy, second, session="default")
    lead.sync()
    state, word, _ = found(tmp_path, bundle(lead, tmp_path))
    assert (state, word) == ("offered", "valid")  # the first one waits


def test_what_was_taken_over_shows_its_countersignature(team: list[Actor], tmp_path: Path) -> None:
    lead, one = team
    handoffs.accept(one.copy, given(lead, "the hull"), session="default")
    lead.sync()
    state, word, checks = found(tmp_path, bundle(lead, tmp_path))
    assert (state, word, checks["countersignature"]) == ("accepted", "valid", ("ok", None))
    assert checks["evidence"] == checks["signature"] == checks["frontier"] == ("ok", None)


def test_evidence_that_a_bundle_withholds_is_unknown_and_never_good(
    team: list[Actor], tmp_path: Path
) -> None:
    lead, one = team
    task = tasks.create(lead.copy, "the hull").after.id
    said = Said("evidence", "it runs", "test", None, (("result", "pass"),), "git:hull@1")
    proof, words = records.add(one.copy, said).event, one.send("it ran before").event
    lead.sync()
    tasks.claim(lead.copy, task, session="default")
    handoffs.create(lead.copy, task, Capsule("go on", evidence=(proof, words)))
    for chosen in (Chosen(task=task), Chosen()):  # what a handoff rests on goes with it
        _, word, checks = found(tmp_path, bundle(lead, tmp_path, chosen))
        assert (word, checks["evidence"]) == ("valid", ("ok", None))
    messages.redact(lead.copy, words, reason="a name was in it")
    for chosen in (Chosen(task=task), Chosen()):
        _, word, checks = found(tmp_path, bundle(lead, tmp_path, chosen))
        assert (word, checks["evidence"]) == ("partial", ("unknown", "digest"))


def test_a_bundle_without_one_and_one_that_was_changed_are_refused(
    team: list[Actor], tmp_path: Path
) -> None:
    lead = team[0]
    with pytest.raises(NotFoundError, match="not_found"):
        found(tmp_path, bundle(lead, tmp_path))
    given(lead, "the hull")
    path = Path(bundle(lead, tmp_path))
    assert found(tmp_path, os.fspath(path))[1] == "valid"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(IntegrityError, match="audit_invalid") as caught:
        found(tmp_path, os.fspath(path))
    assert caught.value.details["first_bad"]
    with pytest.raises(EnvoyError, match="invalid_argument"):
        found(tmp_path, os.fspath(tmp_path / "nowhere.bundle"))

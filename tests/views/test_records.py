"""What records come to beside each other, from their rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from envoy.jsontext import dumps
from envoy.views import records, rows
from envoy.views.records import Beside
from histories import fixed

TASK = fixed("task")
ONE, OTHER = 1, 2


def row(kind: str, an: int = ONE, lam: int = 1, *, ranked: int = 0, **more: object) -> rows.Record:
    """Return a record; ``more`` are fields of it, ``subject`` and ``retracted`` apart."""
    retracted, subject = more.pop("retracted", None), more.pop("subject", None)
    assert retracted is None or isinstance(retracted, bytes)
    assert subject is None or isinstance(subject, str)
    return rows.Record(
        sn=1,
        id=fixed((kind, an, lam)),
        lam=lam,
        created_ms=lam,
        an=an,
        kind=kind,
        type="test",
        task=TASK,
        text="",
        fields=dumps(more),
        subject=subject,
        refs="[]",
        ranked=ranked,
        retracted=retracted,
        digest=b"",
    )


GONE = fixed("gone")
BLOCKING = row("objection", OTHER, severity="blocking")


@pytest.mark.parametrize(
    ("found", "beside", "stale", "state"),
    [
        pytest.param(row("decision"), [], False, "in_force", id="a decision"),
        pytest.param(row("decision", retracted=GONE), [], False, "retracted", id="taken back"),
        pytest.param(
            row("decision"),
            [Beside("supersedes", row("decision", lam=2))],
            False,
            "superseded",
            id="another in its place",
        ),
        pytest.param(
            row("decision"),
            [Beside("supersedes", row("decision", lam=2, retracted=GONE))],
            False,
            "in_force",
            id="the other was taken back",
        ),
        pytest.param(
            row("decision"), [Beside("contradicts", BLOCKING)], False, "contested", id="contested"
        ),
        pytest.param(
            row("decision"),
            [Beside("contradicts", row("objection", OTHER, severity="major"))],
            False,
            "in_force",
            id="an objection that blocks nothing",
        ),
        pytest.param(
            row("decision"), [Beside("supports", BLOCKING)], False, "in_force", id="other relation"
        ),
        pytest.param(row("evidence"), [], False, "current", id="evidence"),
        pytest.param(row("evidence"), [], True, "stale", id="stale evidence"),
        pytest.param(row("objection"), [], False, "open", id="an objection"),
        pytest.param(
            row("objection", retracted=GONE), [], False, "withdrawn", id="a withdrawn objection"
        ),
        pytest.param(
            row("objection"),
            [Beside("answers", row("decision", ONE, 2))],
            False,
            "repaired",
            id="the objector answers",
        ),
        pytest.param(
            row("objection"),
            [Beside("answers", row("decision", OTHER, 2, ranked=1))],
            False,
            "overruled",
            id="an admin answers",
        ),
        pytest.param(
            row("objection"),
            [Beside("answers", row("decision", OTHER, 2))],
            False,
            "open",
            id="somebody answers",
        ),
        pytest.param(row("risk"), [], False, "open", id="a risk"),
        pytest.param(
            row("risk"), [Beside("answers", row("decision"))], False, "closed", id="closed"
        ),
        pytest.param(row("repair"), [], False, "proposed", id="a repair"),
        pytest.param(
            row("repair"),
            [Beside("answers", row("decision", OTHER, ranked=1))],
            False,
            "accepted",
            id="accepted",
        ),
        pytest.param(row("approval"), [], False, "stands", id="an approval"),
        pytest.param(row("approval"), [], True, "stale", id="of another version"),
        pytest.param(row("charter"), [], False, "in_force", id="a charter"),
    ],
)
def test_a_record_stands(
    found: rows.Record, beside: Sequence[Beside], stale: bool, state: str
) -> None:
    look = records.Look(lambda one: beside if one is found else [], lambda _: None)
    assert records.state(found, look, stale=stale) == state


@pytest.mark.parametrize(
    ("later", "stale"),
    [
        pytest.param(row("evidence", lam=2, subject="git:hull@2"), True, id="another version"),
        pytest.param(row("evidence", lam=2, subject="git:hull@1"), False, id="the same version"),
        pytest.param(row("evidence", lam=2, subject="git:keel@2"), False, id="another thing"),
        pytest.param(row("evidence", lam=0, subject="git:hull@2"), False, id="an earlier one"),
        pytest.param(row("evidence", lam=2), False, id="of nothing"),
        pytest.param(
            row("evidence", lam=2, subject="git:hull@2", retracted=GONE), False, id="taken back"
        ),
        pytest.param(
            row("evidence", lam=2, subject="git:hull@2")._replace(task=None), False, id="no task"
        ),
    ],
)
def test_evidence_is_stale_once_a_later_record_speaks_of_another_version(
    later: rows.Record, stale: bool
) -> None:
    found = row("evidence", subject="git:hull@1", result="pass")
    assert records.is_stale(found, [found, later]) is stale
    assert not records.is_stale(found._replace(task=None), [later])
    assert records.shows(found, stale=stale) is not stale


def test_what_failed_or_is_taken_back_or_no_evidence_shows_nothing() -> None:
    assert not records.shows(row("evidence", result="fail"), stale=False)
    assert not records.shows(row("evidence", result="pass", retracted=GONE), stale=False)
    assert not records.shows(row("decision", result="pass"), stale=False)
    assert records.shows(row("evidence", result="info"), stale=False)


def test_a_grade_is_what_can_be_proved() -> None:
    proof: dict[str, Any] = {
        "argv": ["make"],
        "cwd": ".",
        "exit": 0,
        "output_bytes": 3,
        "output_sha256": "4f" * 32,
        "output_tail": "ok",
        "started_at": "2026-01-01T00:00:00.000Z",
        "took_ms": 7,
    }
    assert records.grade(row("decision")) is None
    assert records.grade(row("evidence", grade="recorded")) == "self_reported"
    assert records.grade(row("evidence", **proof)) == "self_reported"
    assert records.grade(row("evidence", grade="recorded", **proof)) == "recorded"
    for name in proof:
        typed = {**proof, name: str(proof[name]) if name != "cwd" else 1}
        if typed[name] != proof[name]:
            assert records.grade(row("evidence", grade="recorded", **typed)) == "self_reported"
    wrongs: list[dict[str, Any]] = [{"argv": []}, {"exit": True}, {"output_sha256": "4F" * 32}]
    for wrong in wrongs:
        found = row("evidence", grade="recorded", **{**proof, **wrong})
        assert records.grade(found) == "self_reported"


def test_what_another_ran_elsewhere_makes_no_evidence_stale_and_is_shown_beside_it() -> None:
    found = row("evidence", subject="git:hull@1", result="pass")
    other = row("evidence", OTHER, lam=2, subject="git:hull@2")
    nothing = records.Look(lambda _: [], lambda _: None)
    shown = records.shown(found, nothing, of_task=[found, other])
    assert (shown.state, shown.versions) == ("current", (other,))
    assert shown.stale_for(OTHER) and not shown.stale_for(ONE)
    assert not records.is_stale(found, [other])
    assert records.is_stale(found, [other], completer=OTHER), "who hands it in has another one"
    assert records.is_stale(found, [other._replace(ranked=1)])
    assert records.is_stale(found, [other._replace(kind=records.OBJECT)])
    assert records.is_stale(found._replace(kind="approval"), [other])

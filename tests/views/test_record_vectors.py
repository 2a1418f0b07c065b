"""The vectors of records: what a small story of records comes to, by folds and rows together."""

from __future__ import annotations

from typing import Any

import pytest

from envoy import ids, jsontext
from envoy.core.bodies import Ref
from envoy.core.records import Record, RecordRetract
from envoy.core.structs import replace
from envoy.state import records as folds
from envoy.state.registers import Op
from envoy.views import records, rows
from envoy.views.records import Beside, Look, may_replace
from vectorfile import good

Given = dict[str, Any]


def body_of(one: Given) -> Record:
    """Return the body of a record."""
    refs = tuple(Ref(rel, bytes.fromhex(target), None) for rel, target in one["refs"])
    fields = tuple(
        (key, tuple(value) if isinstance(value, list) else value)
        for key, value in sorted(one["fields"].items())
    )
    task = None if one["task"] is None else bytes.fromhex(one["task"])
    return Record(one["kind"], one["type"], task, one["text"], fields, one["subject"], refs)


def op_of(one: Given) -> Op:
    """Return the act that made a record."""
    return Op(
        id=bytes.fromhex(one["id"]),
        author=bytes.fromhex(one["author"]),
        lam=one["lam"],
        ts=0,
        kind="record",
        body=body_of(one),
        basis=(),
        rho=one["rho"],
        counts=True,
        admitted=None,
    )


def acts_of(one: Given, retractions: list[Given]) -> list[Op]:
    """Return the acts on a record."""
    made = op_of(one)
    found = [made]
    for number, act in enumerate(retractions):
        if act["record"] == one["id"]:
            body = RecordRetract(made.id, "")
            found.append(
                replace(
                    made,
                    id=bytes([number + 1]) * 32,
                    author=bytes.fromhex(act["author"]),
                    lam=made.lam + 10,
                    kind="record.retract",
                    body=body,
                    basis=(made.id,) if act["saw_it"] else (),
                    rho=act["rho"],
                )
            )
    return found


def row_of(one: Given, fold: folds.Fold, numbers: dict[str, int]) -> rows.Record:
    """Return the row of a record that counts."""
    body = fold.body
    assert body is not None
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in body.fields}
    refs = [{"rel": ref.rel, "id": ids.to_text("evt", ref.id)} for ref in body.refs]
    return rows.Record(
        sn=1,
        id=bytes.fromhex(one["id"]),
        lam=one["lam"],
        created_ms=0,
        an=numbers.setdefault(one["author"], len(numbers)),
        kind=body.kind,
        type=body.type,
        task=body.task,
        text=body.text,
        fields=jsontext.dumps(plain),
        subject=body.subject,
        refs=jsontext.dumps(refs),
        ranked=int(fold.is_ranked),
        retracted=fold.retracted,
        digest=b"",
    )


@pytest.mark.parametrize(("given", "expect"), good("records"))
def test_records_come_to_what_the_vectors_say(given: Given, expect: Given) -> None:
    every, retractions = given["records"], given["retractions"]
    reduced = {
        one["id"]: folds.reduce(bytes.fromhex(one["id"]), acts_of(one, retractions))
        for one in every
    }
    numbers = dict[str, int]()
    made = {
        one["id"]: row_of(one, reduced[one["id"]], numbers)
        for one in every
        if reduced[one["id"]].body is not None
    }
    found = dict[str, list[object]]()
    for one in every:
        name = one["id"]
        if name not in made:
            refused = dict(reduced[name].refused)
            found[name] = [refused[bytes.fromhex(name)], None, None, None]
            continue
        shown = records.shown(made[name], look(every, made), of_task=list(made.values()))
        found[name] = [None, shown.state, records.grade(shown.row), shown.stale]
    assert found == expect["records"]
    conflicts = [
        [one.winner.hex(), one.loser.hex(), one.rule, "open" if one.is_open else "resolved"]
        for older in every
        for one in folds.rivals(bytes.fromhex(older["id"]), successors(older, every, made))
    ]
    assert conflicts == expect["conflicts"]


def look(every: list[Given], made: dict[str, rows.Record]) -> Look:
    """Return where the records of a story are found."""

    def beside(row: rows.Record) -> list[Beside]:
        return [
            Beside(rel, made[other["id"]])
            for other in every
            if other["id"] in made
            for rel, target in other["refs"]
            if target == row.id.hex()
        ]

    return Look(beside, lambda ident: made.get(ident.hex()))


def successors(older: Given, every: list[Given], made: dict[str, rows.Record]) -> list[Op]:
    """Return what takes the place of a record, each with the others of these that it saw."""
    live = [
        one
        for one in every
        if ["supersedes", older["id"]] in one["refs"]
        and one["id"] in made
        and made[one["id"]].retracted is None
        and may_replace(made[older["id"]], made[one["id"]])
    ]
    names = {one["id"] for one in live}
    found = list[Op]()
    for one in live:
        basis = tuple(bytes.fromhex(name) for name in one["sees"] if name in names)
        own = 2 if one["author"] == older["author"] else 1
        found.append(replace(op_of(one), basis=basis, rho=3 if one["rho"] == 3 else own))
    return found

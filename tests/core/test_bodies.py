"""Bodies: what each kind may say, field by field, and what makes an event invalid."""

from __future__ import annotations

from typing import Any

import pytest

from envoy.core import kinds
from envoy.core.codec import encode
from envoy.core.structs import Body
from oracle import messagepack, scene
from vectorfile import bad, good, load
from vectors import make_kinds

Case = dict[str, Any]
# One value of every type of the codec; a field is of one of them, or nil where it may be.
VALUES: dict[str, object] = {
    "nil": None,
    "bool": True,
    "int": 1,
    "bin": bytes(32),
    "str": "text",
    "array": [[1, 1, 1]],
    "bin of 33": bytes(33),
}


def read(case: Case) -> Body | None:
    """Read the body of a vector."""
    hexes: str = case["body"]
    if "repeat" in case:
        hexes += case["repeat"]["hex"] * case["repeat"]["times"] + case["tail"]
    return kinds.read_body(case["kind"], bytes.fromhex(hexes))


def plain(value: object) -> object:
    """Return a Body as the arrays that it is on the wire, at any depth."""
    if isinstance(value, Body):
        return [plain(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def type_of(value: object) -> str:
    """Return the name of the codec's type of ``value``."""
    names = {bool: "bool", int: "int", bytes: "bin", str: "str", list: "array"}
    return names.get(type(value), "nil")


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("kinds") == make_kinds.vectors()


def test_the_vectors_speak_of_every_kind() -> None:
    assert list(make_kinds.FULL) == list(kinds.KINDS)


@pytest.mark.parametrize(("case", "expect"), good("kinds"))
def test_a_body_is_read_and_written_back(case: Case, expect: Case) -> None:
    found = read(case)
    assert found is not None
    assert list(found.__struct_fields__) == list(expect)
    assert scene.shown(plain(found)) == list(expect.values())
    assert kinds.read_body(case["kind"], encode(found)) == found


@pytest.mark.parametrize(("case", "code"), bad("kinds"))
def test_a_body_that_breaks_a_rule_is_not_read(case: Case, code: str) -> None:
    assert code == "invalid"
    assert read(case) is None


@pytest.mark.parametrize("kind", make_kinds.FULL)
def test_no_field_is_read_as_another_type(kind: str) -> None:
    fields = make_kinds.FULL[kind]
    for name, value in fields.items():
        for other, wrong in VALUES.items():
            may_be_nil = name in make_kinds.NIL.get(kind, ())
            same = type_of(wrong) == type_of(value) and other != "bin of 33"
            if same or (other == "nil" and may_be_nil):
                continue
            raw = messagepack.write(list((fields | {name: wrong}).values()))
            assert kinds.read_body(kind, raw) is None, (name, other)


@pytest.mark.parametrize("kind", make_kinds.FULL)
def test_no_body_is_read_with_its_fields_in_another_order(kind: str) -> None:
    values = list(make_kinds.FULL[kind].values())
    right = messagepack.write(values)
    assert kinds.read_body(kind, right) is not None
    for at in range(len(values) - 1):
        if type_of(values[at]) != type_of(values[at + 1]):
            swapped = [*values[:at], values[at + 1], values[at], *values[at + 2 :]]
            assert kinds.read_body(kind, messagepack.write(swapped)) is None

"""Structures: every Body of the program is one that the codec can hold to its laws."""

from __future__ import annotations

import importlib
import pkgutil

import msgspec
import pytest
from msgspec import inspect

import envoy
from envoy.core.structs import Body, State, replace

PLAIN = (inspect.NoneType, inspect.BoolType, inspect.IntType, inspect.BytesType)


class Kept(State, frozen=True):
    """A state of the test."""

    count: int
    name: str


class Defaulted(Body, frozen=True):
    """A Body with a default, which must be found."""

    value: int = 0


class Floating(Body, frozen=True):
    """A Body with a float, which must be found."""

    value: float | None


class Mapped(Body, frozen=True):
    """A Body with a map in an array, which must be found."""

    value: tuple[dict[str, int], ...]


class Opaque(Body, frozen=True):
    """A Body with a raw element, which must be found."""

    value: msgspec.Raw


def bodies() -> list[type[Body]]:
    """Return every Body below ``envoy``."""
    for module in pkgutil.walk_packages(envoy.__path__, "envoy."):
        if module.name.split(".")[1] in ("core", "sync", "hub"):
            importlib.import_module(module.name)
    found: list[type[Body]] = []
    todo = Body.__subclasses__()
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found += [kind] if kind.__module__.startswith("envoy.") else []
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def faults(kind: type[Body]) -> list[str]:
    """Return what the laws of Body find in ``kind``."""
    listed = msgspec.structs.fields(kind)
    found = [f"{field.name} has a default" for field in listed if not field.required]
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    if not (described.array_like and described.forbid_unknown_fields):
        found.append("is no closed array")
    todo: list[inspect.Type] = [field.type for field in described.fields]
    while todo:
        match todo.pop():
            case inspect.UnionType(types) | inspect.TupleType(types):
                todo += types
            case inspect.VarTupleType(item):
                todo.append(item)
            case inspect.StructType(inner):
                found += [] if issubclass(inner, Body) else [f"{inner.__name__} is no Body"]
            case inspect.StrType() as text:
                found += ["a text is bounded in characters"] if text.max_length else []
            case inspect.Type() as other if not isinstance(other, PLAIN):
                found.append(f"{type(other).__name__} has no form on the wire")
            case _:
                pass
    return found


def test_every_body_keeps_the_laws() -> None:
    found = {kind.__qualname__: faults(kind) for kind in bodies()}
    assert "KeysStatement" in found
    assert {name: listed for name, listed in found.items() if listed} == {}


@pytest.mark.parametrize("kind", [Defaulted, Floating, Mapped, Opaque])
def test_a_body_that_breaks_a_law_is_found(kind: type[Body]) -> None:
    assert faults(kind)


def test_a_state_is_frozen_and_changed_by_replacing() -> None:
    kept, field = Kept(1, "a"), "count"
    assert replace(kept, count=2) == Kept(2, "a")
    with pytest.raises(AttributeError):
        setattr(kept, field, 2)
    assert kept == Kept(1, "a")

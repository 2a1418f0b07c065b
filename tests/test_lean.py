"""Lean: named tuples as the standard ones are, made without loading `typing`."""

from __future__ import annotations

import subprocess
import sys
import types
import typing

import pytest

from envoy.lean import FIELDS_MAX, NamedTuple, Protocol

NAME = "one"


class Lean(NamedTuple):
    """Three fields, one of them with a default."""

    one: int
    two: str
    three: int = 3

    @property
    def both(self) -> str:
        """Return two of the fields."""
        return f"{self.one}{self.two}"


class Standard(typing.NamedTuple):
    """The same by the standard library."""

    one: int
    two: str
    three: int = 3


@pytest.mark.parametrize("kind", [Lean, Standard])
def test_it_is_made_by_place_or_by_name(kind: type[Lean]) -> None:
    assert kind(1, "2") == kind(1, two="2") == kind(one=1, two="2", three=3) == (1, "2", 3)
    assert kind(1, "2", 4).three == kind(three=4, two="2", one=1)[2] == 4
    assert kind._make([1, "2", 3]) == kind(1, "2")


@pytest.mark.parametrize("kind", [Lean, Standard])
@pytest.mark.parametrize(
    ("places", "named"),
    [
        pytest.param((), {}, id="nothing"),
        pytest.param((1,), {}, id="a value missing"),
        pytest.param((1, "2", 3, 4), {}, id="a value too many"),
        pytest.param((1, "2"), {"four": 4}, id="an unknown name"),
        pytest.param((1, "2"), {"one": 1}, id="a value twice"),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: type[Lean], places: tuple[typing.Any, ...], named: dict[str, typing.Any]
) -> None:
    with pytest.raises(TypeError):
        kind(*places, **named)


@pytest.mark.parametrize("kind", [Lean, Standard])
def test_it_behaves_as_a_tuple_with_names(kind: type[Lean]) -> None:
    found = kind(1, "2")
    assert kind._fields == ("one", "two", "three") == kind.__match_args__
    assert found._asdict() == {"one": 1, "two": "2", "three": 3}
    assert found._replace(two="x") == (1, "x", 3) and found == (1, "2", 3)
    assert repr(found) == f"{kind.__name__}(one=1, two='2', three=3)"
    assert hash(found) == hash((1, "2", 3))
    with pytest.raises(AttributeError):
        setattr(found, NAME, 2)
    unknown: dict[str, typing.Any] = {NAME + "s": 4}
    with pytest.raises((TypeError, ValueError)):
        found._replace(**unknown)


def test_its_fields_may_be_matched() -> None:
    match Lean(1, "2"):
        case Lean(one, two, three):
            assert (one, two, three) == (1, "2", 3)


def test_it_may_have_methods_and_no_other_state() -> None:
    found = Lean(1, "2")
    assert found.both == "12" and not hasattr(found, "__dict__")


def test_a_protocol_asks_nothing_at_run_time() -> None:
    class Asked(Protocol):
        def answer(self) -> int: ...

    class More(Asked, Protocol):
        def again(self) -> int: ...

    assert type(More) is type and More.__mro__[1:3] == (Asked, Protocol)


def test_a_class_of_too_many_fields_is_refused() -> None:
    def made(count: int) -> type:
        fields = {f"field{index}": "int" for index in range(count)}
        root = Lean.__mro__[1]  # NamedTuple, which type checkers do not take for a class
        return types.new_class(
            "Wide", (root,), {}, lambda body: body.update(__annotations__=fields)
        )

    assert made(FIELDS_MAX)(*range(FIELDS_MAX)) == tuple(range(FIELDS_MAX))
    with pytest.raises(AssertionError):
        made(FIELDS_MAX + 1)


def test_it_loads_next_to_nothing() -> None:
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; before = 'typing' in sys.modules;"
        " from envoy import lean; print('typing' in sys.modules and not before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"

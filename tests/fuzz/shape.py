"""Shape: values of any structure of the wire, drawn by its types alone.

What a schema says is all that is asked: lengths, bounds, unions, tuples. So every call of a hub and
a relay and every body of an event is reached, those without a vector too, as long as the schema has
them. Words (roles, kinds, modes) are drawn from those that the vectors use, as no type knows them.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from functools import cache
from random import Random
from typing import Any, Final

from msgspec import inspect

import envoy
from envoy.core.codec import encode
from envoy.core.structs import Body
from fuzz.kit import every
from fuzz.mutate import EDGES, LENGTHS, TEXTS
from vectorfile import VECTORS

PLACES: Final = ("core", "sync", "hub", "relay")
WORD_CHARS_MAX: Final = 40


@cache
def bodies() -> tuple[type[Body], ...]:
    """Return every Body below ``envoy`` that an event, a file or a call may be."""
    for module in pkgutil.walk_packages(envoy.__path__, "envoy."):
        if module.name.split(".")[1] in PLACES:
            importlib.import_module(module.name)
    found, todo = list[type[Body]](), Body.__subclasses__()
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found += [kind] if kind.__module__.startswith("envoy.") else []
    return tuple(sorted(found, key=lambda kind: (kind.__module__, kind.__name__)))


@cache
def words() -> tuple[str, ...]:
    """Return the short words of the vectors: roles, kinds, verbs, modes, labels."""
    found = set[str]()
    for path in sorted(VECTORS.glob("*.json")):
        texts = (one for one in every(json.loads(path.read_text("utf-8"))) if type(one) is str)
        found |= {text for text in texts if text.isascii() and 0 < len(text) <= WORD_CHARS_MAX}
    return tuple(sorted(one for one in found if not any(map(str.isdigit, one)) and " " not in one))


class Shaper:
    """Draws values; ``pools`` are bytes of some length that are known to mean something."""

    def __init__(self, dice: Random, pools: dict[int, list[bytes]] | None = None) -> None:
        self.dice = dice
        self.pools = pools or {}

    def data(self, kind: type[Body]) -> bytes:
        """Return the encoding of a value that has the types of ``kind``."""
        return encode(self.fields(kind))

    def body(self, kind: type[Body]) -> Body:
        """Return a ``kind`` that has its types; its ``check`` is not asked."""
        return kind(*(self.typed(one) for one in types(kind)))

    def fields(self, kind: type[Body]) -> tuple[Any, ...]:
        """Return the fields of a ``kind``."""
        return tuple(self.typed(one) for one in types(kind))

    def typed(self, kind: inspect.Type) -> Any:
        """Return a value of a type."""
        dice = self.dice
        match kind:
            case inspect.UnionType(options):
                return self.typed(dice.choice(options))
            case inspect.NoneType():
                return None
            case inspect.BoolType():
                return dice.random() < 0.5
            case inspect.IntType():
                return self.number(kind)
            case inspect.BytesType():
                return self.bytes_of(kind.min_length, kind.max_length)
            case inspect.StrType():
                return self.text()
            case inspect.TupleType(items):
                return tuple(self.typed(one) for one in items)
            case inspect.VarTupleType(item):
                count = dice.choice((0, 0, 1, 1, 1, 2, 3, 5, 17))
                return tuple(self.typed(item) for _ in range(count))
            case inspect.StructType(inner):
                assert issubclass(inner, Body), "tests/core/test_structs holds that"
                return self.body(inner)
        raise AssertionError(f"{kind} is no type of the wire")

    def number(self, kind: inspect.IntType) -> int:
        """Return a number within the bounds of its type, often a small one."""
        dice = self.dice
        low = -(2**63) if kind.ge is None else int(kind.ge)
        drawn = dice.choice((0, 1, 1, 2, 60, 900, dice.choice(EDGES), 1_700_000_000_000))
        return min(max(drawn, low), 2**63 - 1)

    def bytes_of(self, least: int | None, most: int | None) -> bytes:
        """Return bytes of a bounded length, known ones if there are any of it."""
        dice = self.dice
        size = least if least is not None and least == most else dice.choice(LENGTHS[:-1])
        known = self.pools.get(size, ())
        if known and dice.random() < 0.8:
            return dice.choice(known)
        return dice.randbytes(size)

    def text(self) -> str:
        """Return a word that is used, or one that nobody should use."""
        dice = self.dice
        return dice.choice(words()) if dice.random() < 0.85 else dice.choice(TEXTS)


@cache
def types(kind: type[Body]) -> tuple[inspect.Type, ...]:
    """Return the types of the fields of ``kind``."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType), f"{kind} is a structure"
    return tuple(field.type for field in described.fields)

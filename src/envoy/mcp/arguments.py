"""Arguments: what a client gave to a tool, held against the table before anything else sees it.

Models make arguments up, so a wrong one is answered like any other error: with its name and what
was expected, as a result that the model reads. Only a call that is no call is left to the protocol.

Laws: an argument that the table does not name is refused, not ignored; null is as good as absent;
nothing the caller wrote is repeated in an error.

Specification: docs/spec/mcp.md, Arguments.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy import limits
from envoy.errors import UsageError
from envoy.mcp.table import Json, Schema, Tool, input_schema
from envoy.replica.actions import names
from envoy.wiring.config import NAME_SYMBOLS

ITEMS_MAX = 256  # of one list; acts have tighter bounds of their own
TYPES: Mapping[str, type] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "object": dict,
    "string": str,
}


class Given:
    """The checked arguments of one call. Texts are as they came; ``line`` and ``text`` compose."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values

    def text(self, name: str) -> str | None:
        """Return a text, None where it was not given."""
        value = self.values.get(name)
        assert value is None or isinstance(value, str), name
        return value

    def need(self, name: str) -> str:
        """Return a text. Raises UsageError(missing_required_flag)."""
        value = self.text(name)
        if value is None:
            raise missing(name)
        return value

    def number(self, name: str) -> int | None:
        """Return an integer, None where it was not given and has no default."""
        value = self.values.get(name)
        assert value is None or isinstance(value, int), name
        return value

    def count(self, name: str) -> int:
        """Return an integer that has a default or has to be given."""
        value = self.number(name)
        assert value is not None, name
        return value

    def switch(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self.values.get(name) is True

    def items(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list, none where it was not given."""
        value = self.values.get(name, [])
        assert isinstance(value, list), name
        return tuple(value)

    def group(self, name: str) -> Given | None:
        """Return the members of an object, None where it was not given."""
        value = self.values.get(name)
        assert value is None or isinstance(value, dict), name
        return None if value is None else Given(value)

    def said(self, name: str) -> str | None:
        """Return a text as it is signed, None where it was not given. Raises UsageError."""
        value = self.text(name)
        return None if value is None else names.typed_text(value, name)

    def line(self, name: str, bytes_max: int) -> str | None:
        """Return a text of one line as it is signed, None where it was not given."""
        value = self.text(name)
        return None if value is None else names.typed_line(value, name, bytes_max=bytes_max)

    def lines(self, name: str, bytes_max: int) -> tuple[str, ...]:
        """Return the texts of a list as they are signed, each once."""
        found = [names.typed_line(one, name, bytes_max=bytes_max) for one in self.items(name)]
        return tuple(dict.fromkeys(found))

    def key(self) -> str:
        """Return the idempotency key. Raises UsageError(invalid_argument)."""
        found, most = self.need("key"), limits.IDEMPOTENCY_KEY_CHARS_MAX
        if not (NAME_SYMBOLS.issuperset(found) and 0 < len(found) <= most):
            raise UsageError("invalid_argument", argument="key", cause="symbols", max=most)
        return found


def missing(name: str) -> UsageError:
    """Return the error for an argument that has to be given."""
    return UsageError("missing_required_flag", argument=name, expected=[name])


def check(tool: Tool, given: Mapping[str, object]) -> Given:
    """Return the arguments of a call of ``tool``, defaults filled in.

    Raises UsageError (missing_required_flag, invalid_argument with `argument` and `cause`).
    """
    return Given(_members(input_schema(tool), given, ""))


def _members(schema: Schema, given: Mapping[str, object], path: str) -> Json:
    """Return the members of an object that fit ``schema``, with defaults."""
    known, needed = schema["properties"], schema.get("required", [])
    assert isinstance(known, dict) and isinstance(needed, list)
    unknown = sorted(name for name in given if name not in known)
    if unknown:
        expected = [f"{path}{name}" for name in known]
        raise UsageError("invalid_argument", cause="unknown_argument", expected=expected)
    found: Json = {}
    for name, wanted in known.items():
        value = given.get(name, wanted.get("default"))
        if value is not None:
            found[name] = _value(wanted, value, f"{path}{name}")
        elif name in needed:
            raise missing(f"{path}{name}")
    return found


def _value(schema: Schema, value: object, path: str) -> object:
    """Return ``value`` if it fits ``schema``."""
    options = schema.get("enum")
    if isinstance(options, list):
        if value not in options:
            raise UsageError("invalid_argument", argument=path, expected=options)
        return value
    kind = str(schema["type"])
    if isinstance(value, float) and kind == "integer" and value.is_integer():
        value = int(value)  # many writers of JSON know one sort of number
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise UsageError("invalid_argument", argument=path, expected=kind)
    match value:
        case list():
            return _items(value, path)
        case dict() if "properties" in schema:
            return _members(schema, value, f"{path}.")
        case int() if not isinstance(value, bool):
            _check_bounds(schema, value, path)
    return value


def _items(value: list[object], path: str) -> list[object]:
    """Return a list of texts."""
    if len(value) > ITEMS_MAX:
        raise UsageError("invalid_argument", argument=path, max=ITEMS_MAX)
    if not all(isinstance(one, str) for one in value):
        raise UsageError("invalid_argument", argument=path, expected="array of strings")
    return value


def _check_bounds(schema: Schema, value: int, path: str) -> None:
    """Refuse a number outside its bounds."""
    least, most = schema["minimum"], schema["maximum"]
    assert isinstance(least, int) and isinstance(most, int)
    if not least <= value <= most:
        raise UsageError("invalid_argument", argument=path, min=least, max=most)

"""Given: what a program passes in, checked before anything is opened, fit to be signed.

What is signed can never be changed, so a text is composed (NFC) here, as the command line does with
what is typed. Whatever has no valid form is `invalid_argument` with the name of the argument; a
wrong type is no TypeError from somewhere deep below.

Specification: docs/spec/text.md; docs/sdk.md.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from envoy import limits
from envoy.errors import UsageError
from envoy.sdk.types import Shape, name_of
from envoy.wiring.config import NAME_SYMBOLS

# What names an event, a record, an object, a task: its id or the answer that stands for it.
Named = str | Shape
# A reference: what it names, or a relation and what it names.
Ref = Named | tuple[str | None, Named]
# How long: "90s", "30m", "24h", "7d", or a timedelta.
Span = str | timedelta

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
KEY_BYTES = 16
# Dates that a double, hence most JSON readers, can hold, and that have four digits for the year.
LATEST_MS = 253_402_300_799_999


def wrong(argument: str, cause: str, **details: object) -> UsageError:
    """Return the error for an argument of no valid form."""
    made = UsageError("invalid_argument", argument=argument, cause=cause)
    made.details.update(details)
    return made


def text(value: object, argument: str) -> str:
    """Return a text, composed. Raises UsageError (invalid_argument, message_too_large)."""
    if not isinstance(value, str):
        raise wrong(argument, "type", expected="str")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise wrong(argument, "utf8") from error
    composed = unicodedata.normalize("NFC", value)
    if "\0" in composed:
        raise wrong(argument, "nul")
    size = len(composed.encode())
    if size > limits.TEXT_BYTES_MAX:
        raise UsageError(
            "message_too_large", argument=argument, bytes=size, bytes_max=limits.TEXT_BYTES_MAX
        )
    return composed


def body(value: object, argument: str) -> str:
    """Return a text that says something."""
    found = text(value, argument)
    if not found:
        raise wrong(argument, "empty")
    return found


def line(value: object, argument: str, *, bytes_max: int) -> str:
    """Return a name or a title: one line, not blank."""
    found = text(value, argument)
    if len(found.encode()) > bytes_max:
        raise wrong(argument, "length", bytes_max=bytes_max)
    if not found.strip() or "\n" in found:
        raise wrong(argument, "one_line")
    return found


def find_line(value: object, argument: str, *, bytes_max: int) -> str | None:
    """Return a line, or nothing where nothing was given."""
    return None if value is None else line(value, argument, bytes_max=bytes_max)


def lines(values: object, argument: str, *, bytes_max: int) -> tuple[str, ...]:
    """Return lines, each once, in their order."""
    found = listed(values, argument)
    return tuple(dict.fromkeys(line(one, argument, bytes_max=bytes_max) for one in found))


def listed(values: object, argument: str) -> Sequence[object]:
    """Return a list, a tuple or a set as a sequence; one text is no list of letters."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise wrong(argument, "type", expected="list")
    found = list(values)
    if len(found) > limits.ROWS_MAX:
        raise wrong(argument, "length", max=limits.ROWS_MAX)
    return found


def ident(value: object, argument: str) -> str:
    """Return the id that a text or an answer stands for."""
    found = name_of(value) if isinstance(value, Shape) else value
    if not isinstance(found, str):
        raise wrong(argument, "type", expected="id")
    return found


def find_ident(value: object, argument: str) -> str | None:
    """Return an id, or nothing where nothing was given."""
    return None if value is None else ident(value, argument)


def idents(values: object, argument: str) -> tuple[str, ...]:
    """Return the ids of a list."""
    return tuple(ident(one, argument) for one in listed(values, argument))


def choice(value: object, argument: str, allowed: Sequence[str]) -> str:
    """Return one of a few words."""
    if not isinstance(value, str) or value not in allowed:
        raise wrong(argument, "choice", expected=list(allowed))
    return value


def count(value: object, argument: str, *, least: int, most: int) -> int:
    """Return a whole number in its bounds."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(argument, "type", expected="int")
    if not least <= value <= most:
        raise wrong(argument, "range", least=least, most=most)
    return value


def switch(value: object, argument: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise wrong(argument, "type", expected="bool")
    return value


def seconds(value: object, argument: str, *, most: int, least: int = 1) -> int:
    """Return how many seconds a span has."""
    if isinstance(value, timedelta):
        found = int(value.total_seconds())
    elif isinstance(value, str) and value[-1:] in UNITS and is_number(value[:-1]):
        found = int(value[:-1]) * UNITS[value[-1]]
    else:
        raise wrong(argument, "span", expected=["90s", "30m", "24h", "7d"])
    if not least <= found <= most:
        raise wrong(argument, "range", least=least, most=most)
    return found


def lease(value: object) -> int:
    """Return how many seconds a task is held without a sign of life."""
    return seconds(value, "lease", most=limits.LEASE_SECONDS_MAX, least=limits.LEASE_SECONDS_MIN)


def is_number(digits: str) -> bool:
    """Say whether a text is a number of some digits."""
    return digits.isascii() and digits.isdigit() and len(digits) <= limits.ARGUMENT_DIGITS_MAX


def patience(value: object, argument: str) -> float | None:
    """Return how many seconds somebody waits; None is for ever."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise wrong(argument, "type", expected="seconds")
    return float(min(value, limits.FOREVER_SECONDS))


def moment(value: object, argument: str) -> int:
    """Return the milliseconds since 1970 of a time; one without zone is in UTC."""
    if not isinstance(value, datetime):
        raise wrong(argument, "type", expected="datetime")
    when = value if value.tzinfo else value.replace(tzinfo=UTC)
    found = int(when.timestamp() * 1000)
    if not 0 < found <= LATEST_MS:
        raise wrong(argument, "range")
    return found


def key(value: object) -> str:
    """Return the idempotency key of a call: the one given, else a new one."""
    if value is None:
        return secrets.token_hex(KEY_BYTES)
    fits = isinstance(value, str) and 0 < len(value) <= limits.IDEMPOTENCY_KEY_CHARS_MAX
    if not isinstance(value, str) or not fits or not NAME_SYMBOLS.issuperset(value):
        raise wrong("key", "symbols")
    return value


def ref(value: object) -> tuple[str | None, str]:
    """Return a reference as a relation, or None, and an id."""
    if isinstance(value, tuple):
        if len(value) != 2 or not (value[0] is None or isinstance(value[0], str)):
            raise wrong("refs", "type", expected="(relation, id)")
        return value[0], ident(value[1], "refs")
    return None, ident(value, "refs")


def refs(values: object) -> tuple[tuple[str | None, str], ...]:
    """Return references, each once."""
    return tuple(dict.fromkeys(ref(one) for one in listed(values, "refs")))

"""Show: how people, spaces, ids and times are written for people, everywhere alike.

Takes values of the documented JSON objects, so text says what JSON says. A name never stands
without the fingerprint of its bearer, and is quoted, so it cannot pose as anything of ours.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from envoy import ids
from envoy.cli.render import Span, Spans
from envoy.limits import NAME_CELLS_MAX
from envoy.untrusted import cut, escape
from envoy.views.people import milliseconds

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
NOBODY = "-"


def text(value: object) -> str:
    """Return a value of a JSON object as text; nothing for null."""
    return "" if value is None else str(value)


def mapping(value: object) -> Mapping[str, object]:
    """Return a value of a JSON object that is one itself."""
    assert isinstance(value, Mapping)
    return value


def listed(value: object) -> list[Mapping[str, object]]:
    """Return a value of a JSON object that is a list of objects."""
    assert isinstance(value, list)
    return value


def quoted(name: object) -> str:
    """Return a label of a member in quotes, one line, cut to 40 cells."""
    return '"' + cut(escape(text(name)).replace('"', "'"), NAME_CELLS_MAX) + '"'


def label(name: object) -> str:
    """Return the name of a space: bare if it is one plain word, else quoted."""
    return str(name) if name and PLAIN.issuperset(str(name)) else quoted(name)


def who(name: object, fingerprint: object, *, collides: object = False) -> Spans:
    """Return a member as `"name" (fingerprint)`; `!` where another name looks like it."""
    mark: list[Span] = [(" !", "warn")] if collides else []
    return [quoted(name), *mark, f" ({fingerprint})"]


def person(actor: object) -> Spans:
    """Return an Actor."""
    if actor is None:
        return [NOBODY]
    found = mapping(actor)
    return who(found["display_name"], found["fingerprint"], collides=found["name_collides"])


def by_id(member_id: object, name: object) -> Spans:
    """Return a member of whom an object has id and label apart."""
    if member_id is None:
        return [NOBODY]
    return who(name, ids.fingerprint(ids.did_key(text(member_id))))


def short(id_text: object) -> str:
    """Return an id cut for people."""
    return NOBODY if id_text is None else ids.short(text(id_text))


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def clock(stamp: object, *, now_ms: int) -> str:
    """Return a time as the clock on the wall says it, with the date if it is another day."""
    if stamp is None:
        return NOBODY
    then, now = (time.localtime(ms // 1000) for ms in (milliseconds(text(stamp)), now_ms))
    hours = f"{then.tm_hour:02}:{then.tm_min:02}:{then.tm_sec:02}"
    if then[:3] == now[:3]:
        return hours
    return f"{then.tm_year:04}-{then.tm_mon:02}-{then.tm_mday:02} {hours[:5]}"


def left(stamp: object, *, now_ms: int) -> str:
    """Return how far away a time is: `12m left`, `over`."""
    if stamp is None:
        return ""
    seconds = (milliseconds(text(stamp)) - now_ms) // 1000
    if seconds <= 0:
        return "over"
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit} left"
    return f"{seconds}s left"


def now() -> int:
    """Return the wall clock in milliseconds, for texts only."""
    return time.time_ns() // 1_000_000

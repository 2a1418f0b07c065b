"""Details: what stands beside the code of an error, as text for programs and for people.

Below the faces an error carries what it found: raw ids, milliseconds. Their names say what they
are, so they are written here, once, the way every answer writes them.

Specification: docs/spec/cli.md, Failure.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy import ids
from envoy.views.people import Json, stamp

# Name of a detail without `_id` or `_ids` -> prefix of the ids it holds.
PREFIXES = {
    "conflict": "cfl",
    "epoch": "epoch",
    "event": "evt",
    "grant": "grant",
    "invite": "inv",
    "message": "msg",
    "space": "space",
    "task": "task",
}
MEMBERS = ("holder", "member", "subject", "author")
MEMBER_SYMBOLS = 12  # behind z6Mk, for people


def legible(details: Mapping[str, object]) -> Json:
    """Return ``details`` as a documented object holds them: ids and times as text, in full."""
    return {name: value_of(name, value) for name, value in details.items()}


def value_of(name: str, value: object) -> object:
    """Return one detail as text or number."""
    match value:
        case bytes():
            return id_text(name, value)
        case int() if name.endswith("_at"):
            return stamp(value)
        case list() | tuple():
            return [value_of(name, one) for one in value]
    return value


def id_text(name: str, raw: bytes) -> str:
    """Return raw bytes as the id that their name says; digests and other bytes in hex."""
    noun = name.removesuffix("s").removesuffix("_id")
    if noun in MEMBERS:
        return ids.did_text(raw)
    return ids.to_text(PREFIXES[noun], raw) if noun in PREFIXES else raw.hex()


def typed(command: str) -> str:
    """Return a command line as a person would type it: ids cut."""
    words = command.split(" ")
    return " ".join([str(brief(one)) if "_" in one else one for one in words])


def brief(value: object) -> str | None:
    """Return a legible value on one line for people, ids cut; None where it has no such form."""
    match value:
        case str() if value.startswith(ids.DID_PREFIX):
            return ids.fingerprint(ids.did_key(value))
        case str() if value.partition("_")[0] in ids.PREFIXES and len(value) > ids.ID_SYMBOLS:
            return ids.short(value)
        case str():
            return value
        case int() if not isinstance(value, bool):
            return str(value)
        case list():
            return ", ".join([str(brief(one)) for one in value])
        case dict():
            known = ((brief(name), brief(one)) for name, one in value.items())
            return ", ".join([f"{name} {one}" for name, one in known if one is not None])
    return None

"""Pages: opaque cursors, bound to the profile and the list that they continue.

A page cursor holds the sort key of the last row, so a page costs the same at the first and at the
last of a hundred thousand rows, and rows that arrive meanwhile neither repeat nor hide others. It
means nothing in another profile, space or list, and is refused there.

Specification: docs/spec/cli.md, Paging.
"""

from __future__ import annotations

from envoy import ids, limits
from envoy.errors import UsageError
from envoy.lean import NamedTuple

Key = tuple[int | bytes, ...]

TAG_DIGITS = 8


class Page(NamedTuple):
    """What part of a list is wanted: rows behind ``after`` (None: from the start)."""

    scope: str
    limit: int
    after: Key | None


def scope_of(*parts: bytes | str) -> str:
    """Return the name of a list: whose it is, of which space, and with which filters."""
    whole = b"".join(
        [len(raw).to_bytes(4, "big") + raw for raw in map(as_bytes, ("envoy/1 page", *parts))]
    )
    digest: str = ids.sha256(whole).hexdigest()
    return digest[:TAG_DIGITS]


def as_bytes(part: bytes | str) -> bytes:
    """Return ``part`` as bytes."""
    return part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")


def page(scope: str, limit: int, cursor: str | None, *, shape: tuple[type, ...]) -> Page:
    """Return the page that ``cursor`` continues; ``shape`` is int or bytes for each part of a key.

    Raises UsageError(invalid_argument) for a cursor of another list, or none at all.
    """
    if cursor is None:
        return Page(scope, limit, None)
    tag, *parts = cursor[: limits.CURSOR_CHARS_MAX].split(".")
    try:
        key = tuple([bytes.fromhex(part[1:]) if part[:1] == "x" else int(part) for part in parts])
    except ValueError:
        key = ()
    if tag != scope or tuple([type(part) for part in key]) != shape:
        raise UsageError("invalid_argument", argument="--cursor", cause="other_list")
    return Page(scope, limit, key)


def cursor_of(scope: str, key: Key) -> str:
    """Return the cursor that continues a list behind the row with ``key``."""
    return ".".join([scope, *[str(x) if isinstance(x, int) else f"x{x.hex()}" for x in key]])


def page_json(scope: str, key: Key | None) -> dict[str, object]:
    """Return the `page` object; ``key`` is that of the last row where more follow, else None."""
    next_cursor = None if key is None else cursor_of(scope, key)
    return {"next_cursor": next_cursor, "has_more": key is not None}

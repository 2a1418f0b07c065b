"""Tables: does a database consist of just what its version made?

SQLite keeps the tables of a file as text in the file. A byte that changes there may leave text that
still is a statement: a column of another name, an option that means something else, a trigger that
nobody wrote. No check of pages sees that, so the text is compared with that of a database that was
just made.

Laws: columns that a migration added stand elsewhere in the text, so its parts are compared without
their order. What a finding says comes from the version, never from the file.

Specification: docs/spec/home.md, Looking deeply.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from envoy.system import db
from envoy.system.db import Connection

Shape = dict[tuple[str, str, str], tuple[str, ...]]  # by type, name and table: the parts of it
_PARTS = re.compile(r"[(),]")
_SHADOW = ("_data", "_idx", "_content", "_docsize", "_config")


def findings(
    connection: Connection, statements: str, *, but: Collection[str] = ()
) -> Iterator[str]:
    """Yield what in a database is not as ``statements`` make it, in our own words.

    ``but``: tables that may be as they like.
    """
    wanted, found = _wanted(statements, tuple(but)), _shape(connection, but)
    for kind, name, table in sorted(wanted):
        if found.get((kind, name, table)) != wanted[kind, name, table]:
            yield f"{kind} {name} is not as it was made"
    if found.keys() - wanted.keys():
        yield "it holds tables, views or triggers that nobody made"


@cache
def _wanted(statements: str, but: tuple[str, ...]) -> Shape:
    """Return what ``statements`` make; one deep look asks for the same more than once."""
    with db.scratch() as made:
        made.run(statements)
        return _shape(made, but)


def _shape(connection: Connection, but: Collection[str]) -> Shape:
    """Return what a database consists of."""
    sql = (
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema"
        " WHERE name NOT GLOB 'sqlite_stat*'"
    )
    rows = connection.rows(_row, sql)
    virtual = [name for _, name, _, text in rows if text.upper().startswith("CREATE VIRTUAL")]
    shadows = {name + end for name in virtual for end in _SHADOW}
    free = {*but, *(name + end for name in but for end in _SHADOW)}
    return {
        # What FTS5 writes of its own tables may change with SQLite.
        (kind, name, table): () if name in shadows else _parts(text)
        for kind, name, table, text in rows
        if table not in free or kind in ("view", "trigger")
    }


def _parts(text: str) -> tuple[str, ...]:
    """Return the parts of a statement, each in one line, without their order."""
    return tuple(sorted(" ".join(part.split()) for part in _PARTS.split(text)))


def _row(kind: str, name: str, table: str, text: str) -> tuple[str, str, str, str]:
    return kind, name, table, text

"""Showing: the three files that a verified bundle is shown by, in a new directory.

They are made from the copy that a bundle was verified into and from nothing else, so whoever
verifies sees the same as whoever exported.

Law: nothing that is there is replaced; a directory that could not be filled is removed.

Specification: docs/spec/audit.md, Views.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Final

from envoy import ids, limits
from envoy.errors import ConflictError
from envoy.storage.audit_views import AuditViews
from envoy.storage.views import Views
from envoy.system import files
from envoy.views import attest, auditpage, rows
from envoy.views.audit import EVERYTHING, Act, states
from envoy.views.auditpage import WITHHELD, Sheet
from envoy.views.names import found_by
from envoy.views.people import stamp
from envoy.wiring import objects
from envoy.wiring.auditing import Seen, fingerprint
from envoy.wiring.config import Config

PAGE, GRAPH, STATEMENTS = "index.html", "prov.json", "statements.jsonl"
NAMES: Final = (PAGE, GRAPH, STATEMENTS)
# Pieces are gathered to about this much before they are written.
PIECE_CHARS: Final = 64 * 1024


def check(directory: str) -> None:
    """Refuse a place that is taken, before any work. Raises ConflictError(already_exists)."""
    if files.exists(directory):
        raise ConflictError("already_exists", path=directory)


def write(config: Config, seen: Seen, directory: str) -> tuple[str, ...]:
    """Write the views of a bundle into the new directory; return the names of the files.

    Raises ConflictError(already_exists), InternalError(storage_failed).
    """
    check(directory)
    try:
        os.mkdir(directory, 0o700)
    except OSError as error:
        raise files.fault(error, directory) from error
    is_whole = False
    try:
        texts = (auditpage.page(sheet(seen)), attest.prov(_log(seen)), _statements(seen))
        for name, pieces in zip(NAMES, texts, strict=True):
            _put(config, os.path.join(directory, name), pieces)
        is_whole = True
    finally:
        if not is_whole:
            shutil.rmtree(directory, ignore_errors=True)
    return NAMES


def _put(config: Config, path: str, pieces: Iterable[str]) -> None:
    """Write a text into a new file."""
    with objects.target(config, path, force=False) as put:
        for piece in _gathered(pieces):
            put(piece)


def _gathered(pieces: Iterable[str]) -> Iterator[bytes]:
    """Yield a text in pieces worth writing."""
    kept, size = list[str](), 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size >= PIECE_CHARS:
            yield "".join(kept).encode()
            kept, size = [], 0
    yield "".join(kept).encode()


def sheet(seen: Seen) -> Sheet:
    """Return what the page of a bundle is made of."""
    sn, most = seen.space.sn, limits.BUNDLE_PAGE_EVENTS_MAX
    views, audit = Views(seen.connection), AuditViews(seen.connection)
    acts, found = audit.acts(sn, EVERYTHING, most), seen.examined
    shown = found.events - found.stubs
    facts = [
        ("events shown", str(shown)),
        ("withheld, hash kept", str(found.stubs)),
        ("of these pinned by a signature", str(found.pinned)),
        ("states", states(found.stubs, seen.header.redact)),
        ("under a key nobody here made", str(found.unmade)),
        ("receipts of the hub", str(found.receipts)),
        ("members", str(len(seen.people.all()))),
    ]
    bound = limits.LIST_ROWS_DEFAULT
    tasks = views.tasks(sn, states=found_by("all"), after=None, limit=bound)
    return Sheet(
        space=seen.space,
        people=seen.people,
        author=seen.header.author,
        at_ms=seen.header.at,
        withheld=withheld(seen),
        facts=facts,
        fingerprint=fingerprint(seen.space.id, audit.heads(sn)),
        grants=audit.given(sn, None),
        tasks=tasks,
        records=_some(audit.each_record(sn), bound),
        acts=acts,
        items=views.items(sn, [one.id for one in acts]),
        hidden=seen.hidden,
        omitted=found.events - len(acts),
    )


def withheld(seen: Seen) -> list[str]:
    """Return in words what its author left out of a bundle."""
    header, told = seen.header, list[str]()
    told += [f"all {sort}" for sort in header.redact]
    if header.member is not None:
        told.append(f"what others than {ids.fingerprint(header.member)} wrote")
    if header.task is not None:
        told.append(f"what is not about {ids.to_text('task', header.task)}")
    if header.since is not None:
        told.append(f"what is dated before {stamp(header.since)}")
    if seen.examined.stubs and not told:
        told.append("what was redacted or taken back in the space")
    return told


def _some(found: Iterator[rows.Record], count: int) -> list[rows.Record]:
    """Return the first of many."""
    return [one for one, _ in zip(found, range(count), strict=False)]


def _log(seen: Seen) -> attest.Log:
    """Return what a graph is made of."""
    sn, audit = seen.space.sn, AuditViews(seen.connection)

    def acts() -> Iterator[Act]:
        return audit.each_act(sn)

    def kind(event: bytes) -> str | None:
        found = audit.kind(sn, event)
        return None if found == WITHHELD else found

    return attest.Log(seen.people, acts, lambda: audit.each_link(sn), kind)


def _statements(seen: Seen) -> Iterator[str]:
    """Return a Statement for each evidence record that names a digest."""
    records = AuditViews(seen.connection).each_record(seen.space.sn)
    return attest.statements(records, seen.people, seen.space)

"""The queries behind explained verdicts, on a home made of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.storage.desk_views import Desk
from envoy.views import rows
from rowhome import RowHome, digest


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RowHome]:
    made = RowHome(tmp_path)
    yield made
    made.connection.close()


def test_what_does_not_count_comes_in_pages_without_what_counts(home: RowHome) -> None:
    space = home.space()
    lead = home.member(space, "lead", role="owner")
    home.item(space, lead, "fine")
    bad = [
        home.item(space, lead, f"{number}", status=status)
        for number, status in enumerate(("held", "void", "invalid", "held"))
    ]
    other = home.space("other")
    home.item(other, home.member(other, "lead", role="owner"), "elsewhere", status="held")
    desk = Desk(home.connection)
    first = desk.not_counting(space.sn, after=None, limit=3)
    rest = desk.not_counting(space.sn, after=(first[-1].lam, first[-1].id), limit=3)
    assert [one.id for one in [*first, *rest]] == [one.id for one in reversed(bad)]
    assert desk.counts(space.sn) == {"held": 2, "void": 1, "invalid": 1}


def test_a_frame_that_is_no_event_is_found_wherever_it_lies(home: RowHome) -> None:
    space = home.space()
    for name, sql in (
        ("parked", "INSERT INTO parked VALUES(?, ?, 'sealed', NULL, NULL, 1, x'0102')"),
        ("refused", "INSERT INTO quarantine VALUES(?, ?, 'bad_signature', 'hub', 9, 5)"),
        ("dropped", "INSERT INTO dropped VALUES(?, ?, NULL)"),
    ):
        home.write(sql, (space.sn, digest(name)))
    desk = Desk(home.connection)
    found = {name: desk.frame(space.sn, digest(name)) for name in ("parked", "refused", "dropped")}
    states = [one.state for one in found.values() if one is not None]
    assert states == ["sealed", "quarantined", "dropped"]
    assert desk.frame(space.sn, digest("nothing")) is None
    assert desk.frame(space.sn + 1, digest("parked")) is None
    every = desk.frames(space.sn, bytes(32), b"\xff" * 32)
    assert sorted(every) == sorted(map(digest, found))
    refused = rows.Quarantined(space.sn, digest("refused"), "bad_signature", "hub", 9, 5)
    assert desk.quarantined(space.sn, 10) == [refused]


def test_who_wrote_one_unforked_chain_is_known_to_have_done_so(home: RowHome) -> None:
    space = home.space()
    sql = "INSERT INTO chain(sn, an, chain, forked) VALUES(?, ?, ?, ?)"
    for an, chain, forked in ((71, b"a", 0), (72, b"b", 0), (72, b"c", 0), (73, b"d", 1)):
        home.write(sql, (space.sn, an, chain, forked))
    desk = Desk(home.connection)
    assert [desk.chains(space.sn, an) for an in (71, 72, 73, 74)] == [
        (1, 0),
        (2, 0),
        (1, 1),
        (0, 0),
    ]

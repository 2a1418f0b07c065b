"""Access statements at a relay: each signer's last one is kept, and comes back as its own.

A relay that lost its data gets them from any member, in any order; what root stated is root's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from envoy import limits
from envoy.core import access
from envoy.core.access import Statement
from envoy.core.crypto.sign import sha256
from envoy.relay import ddl, doctor, tables
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE
from relay.scenes import ADMIN, CHAINS, FOUNDER, ROOT, Relay, key_of, link, seed_of

BELOW = (*ADMIN, link("admin", "below", "w", 1))


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    found = Relay(tmp_path / "relay")
    found.create()
    yield found
    found.close()


def root_says(n: int, *names: str, min_epoch: int = 0) -> bytes:
    """Return a statement of the root key."""
    return access.state_access(ROOT, Statement(SPACE, n, 0, min_epoch, gone(names)), ())


def admin_says(n: int, base: int, *names: str) -> bytes:
    """Return a statement of the admin beside root's statement ``base``."""
    said = Statement(SPACE, n, base, 0, gone(names))
    return access.state_access(seed_of("admin"), said, ADMIN)


def gone(names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(sorted(sha256(key_of(name)) for name in names))


def put(relay: Relay, raw: bytes) -> str | None:
    """Bring a statement; return the code of the refusal."""
    try:
        relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("founder"))
    except HubRefusal as refusal:
        return refusal.code
    return None


def kept(relay: Relay) -> tuple[bytes, ...]:
    """Return the statements that the relay tells."""
    asked = calls.AccessGet(SPACE)
    return relay.ask(asked, calls.AccessFound, relay.token("founder")).statements


def test_a_removal_that_root_stated_and_an_admin_repeated_comes_back_as_roots(
    relay: Relay, tmp_path: Path
) -> None:
    relay.token("writer")
    assert put(relay, root_says(1, "writer")) is None
    assert put(relay, admin_says(1, 1, "writer", "reader")) is None
    assert relay.entry("writer").code == "epoch_revoked"
    known = kept(relay)
    assert len(known) == 2
    for number, order in enumerate(permutations(known)):
        fresh = Relay(tmp_path / str(number))
        fresh.create()
        assert [put(fresh, raw) for raw in order] == [None, None]
        assert fresh.entry("writer", CHAINS["writer"]).code == "epoch_revoked"
        assert fresh.entry("reader", CHAINS["reader"]).code is None  # an admin is not above it
        assert kept(fresh) == known
        fresh.close()


@pytest.mark.parametrize("n", [1, 70_000, 2**62])
def test_a_relay_that_knows_no_statement_takes_roots_whatever_its_number(
    relay: Relay, n: int
) -> None:
    assert put(relay, root_says(n, "writer")) is None
    assert put(relay, root_says(n, "reader")) == "stale"
    assert put(relay, root_says(n + 1, "reader")) is None


def test_a_statement_that_is_known_changes_nothing_and_ends_no_session(relay: Relay) -> None:
    said = root_says(1, "writer")
    assert put(relay, said) is None
    token = relay.token("reader")
    assert put(relay, said) is None
    relay.ask(frames.HeadGet(SPACE), frames.Head, token)


def test_no_admin_lifts_the_number_of_root_or_of_another_admin(relay: Relay) -> None:
    assert put(relay, admin_says(2**62, 0, "reader")) is None
    assert put(relay, root_says(1, "writer")) is None
    assert kept(relay) == (root_says(1, "writer"),)  # it took in what was there before


@pytest.mark.parametrize(
    ("base", "code"),
    [
        pytest.param(4, "stale", id="one that root has replaced"),
        pytest.param(5, None, id="root's last"),
        pytest.param(6, "stale", id="one that root never made"),
    ],
)
def test_an_admin_adds_to_the_statement_of_root_that_stands(
    relay: Relay, base: int, code: str | None
) -> None:
    put(relay, root_says(5))
    assert put(relay, admin_says(1, base, "reader")) == code


def test_an_admin_takes_nothing_back_that_it_stated_until_root_speaks(relay: Relay) -> None:
    assert put(relay, admin_says(1, 0, "below")) is None
    assert put(relay, admin_says(2, 0)) == "stale"
    assert put(relay, admin_says(2, 0, "below", "reader")) is None
    assert put(relay, admin_says(2, 0, "below", "reader", "writer")) == "stale"
    assert relay.entry("below", BELOW).code == "epoch_revoked"
    assert put(relay, root_says(1)) is None
    assert relay.entry("below", BELOW).code is None
    assert put(relay, admin_says(1, 1)) is None


def test_a_relay_keeps_the_statements_of_so_many_admins_and_always_roots(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ACCESS_SIGNERS_MAX", 1)
    assert put(relay, admin_says(1, 0, "below")) is None
    other = (*FOUNDER, link("founder", "other", "a", 2))
    said = Statement(SPACE, 1, 0, 0, ())
    assert put(relay, access.state_access(seed_of("other"), said, other)) == "quota_exceeded"
    assert put(relay, admin_says(2, 0, "below", "reader")) is None
    assert put(relay, root_says(1)) is None
    said = Statement(SPACE, 1, 1, 0, ())
    assert put(relay, access.state_access(seed_of("other"), said, other)) is None


def test_what_an_older_relay_was_told_counts_on_until_somebody_states_it_anew(
    tmp_path: Path,
) -> None:
    relay = Relay(tmp_path / "relay")
    relay.create()
    relay.token("writer")
    put(relay, root_says(3, "writer", min_epoch=0))
    relay.close()
    _set_back(relay.directory)
    looked = doctor.examine(doctor.Place(relay.directory, None, None))
    (spaces,) = (one for one in looked if one.name == "spaces")
    assert (spaces.state, spaces.command) == ("warning", "envoy relay serve")
    again = Relay(tmp_path / "relay")
    assert again.entry("writer").code == "epoch_revoked"
    assert kept(again) == ()
    assert put(again, root_says(1, "reader")) is None
    assert (again.entry("writer").code, again.entry("reader", CHAINS["reader"]).code) == (
        None,
        "epoch_revoked",
    )
    again.close()


def _set_back(directory: str) -> None:
    """Give a relay the tables of version 1."""
    store = tables.open_store(directory, tables.read_keys(directory), read_only=False)
    with store.group():
        for sql in (
            "CREATE TABLE statement(space BLOB PRIMARY KEY, raw BLOB NOT NULL, n INTEGER NOT NULL,"
            " min_epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "INSERT INTO statement SELECT space, raw, n, min_epoch FROM stated",
            "DROP TABLE stated",
            "DROP TABLE born",
            "DROP TABLE shelf",
            "ALTER TABLE cap DROP COLUMN poster",
            "ALTER TABLE cap DROP COLUMN ends",
        ):
            store.connection.run(sql)
        store.connection.run("UPDATE meta SET v = ? WHERE k = 'relay'", ((1).to_bytes(4),))
    store.close()
    assert len(ddl.STEPS) == ddl.VERSION - 1

"""L12: a migration that is killed goes on, five times here; a newer home is refused unharmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from envoy.errors import IntegrityError
from envoy.storage import replica_file, schema
from envoy.system import db
from processes import python
from storage.test_migrations import OPEN, unpack, version


@pytest.mark.slow
def test_killed_at_five_points(tmp_path: Path) -> None:
    where = unpack(tmp_path / "home")
    for step in (1, 3, 6, 9, 12):
        python(OPEN, where.home, str(step)).communicate(timeout=60)
        assert 1 <= version(where) <= schema.VERSION
    with replica_file.open_file(where) as connection:
        assert version(where) == schema.VERSION and db.full_check(connection) == []
        assert connection.find(int, "SELECT count(*) FROM event") == 13


def test_a_newer_home(tmp_path: Path) -> None:
    where = unpack(tmp_path / "home")
    with db.connect(where.replica) as connection:
        connection.run(f"PRAGMA user_version={schema.VERSION + 1}")
        replica_file.put_meta(connection, "schema", schema.VERSION + 1)
    with pytest.raises(IntegrityError, match="schema_too_new"):
        replica_file.open_file(where)
    assert version(where) == schema.VERSION + 1

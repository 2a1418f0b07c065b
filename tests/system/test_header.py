"""Whatever stands in the header of a database: it is read, or it is damage, and never a bug."""

from __future__ import annotations

from pathlib import Path

import pytest

from envoy.errors import EnvoyError
from envoy.system import db

HEADER_BYTES = 100
MASKS = (1, 2, 4, 8, 16, 32, 64, 128, 39, 255)


def used(path: str, lock: str) -> str:
    """Return the code that reading, writing and looking through a database end with, or ""."""
    try:
        with db.connect(path) as connection:
            connection.find(int, "SELECT count(*) FROM t")
            with connection.write_transaction(lock, sync="full"):
                connection.run("INSERT INTO t VALUES(1)")
            db.full_check(connection)
    except EnvoyError as error:
        return error.code
    return ""


@pytest.mark.parametrize("first", range(0, HEADER_BYTES, 25))
def test_a_byte_of_the_header_that_changed_is_damage_or_nothing(first: int, tmp_path: Path) -> None:
    path, lock = tmp_path / "test.db", str(tmp_path / "test.lock")
    with db.connect(str(path), create=True) as connection:
        with connection.write_transaction(lock, sync="full"):
            connection.run("CREATE TABLE t(n INTEGER) STRICT")
        connection.fold()
    sound, codes = path.read_bytes(), dict[str, int]()
    for at in range(first, first + 25):
        for mask in MASKS:
            path.write_bytes(sound[:at] + bytes([sound[at] ^ mask]) + sound[at + 1 :])
            code = used(str(path), lock)
            codes[code] = codes.get(code, 0) + 1
            assert code != "internal", (at, mask)
            for end in ("-wal", "-shm"):
                Path(f"{path}{end}").unlink(missing_ok=True)
    assert sum(codes.values()) == 25 * len(MASKS)
    assert first or codes["state_corrupt"] > 16 * len(MASKS), "its first words say what it is"

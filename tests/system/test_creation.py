"""A database that is made while the power goes: whoever comes next makes it, nobody has to mend."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import powerloss
from envoy.errors import IntegrityError
from envoy.system import db


def test_a_database_whose_first_write_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir(mode=0o700)
    with powerloss.recording(tmp_path / "first") as made:
        db.connect(os.fspath(tmp_path / "first" / "some.db"), create=True).close()
    for number, state in enumerate(powerloss.states(made, 80, seed=1)):
        place = tmp_path / f"{number}"
        state.restore(place)
        with db.connect(os.fspath(place / "some.db"), create=True) as connection:
            connection.run("CREATE TABLE t(a)")
            assert db.quick_check(connection) == []


def test_control_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "some.db"
    path.write_bytes(b"what somebody else keeps here" * 99)
    path.chmod(0o600)
    with pytest.raises(IntegrityError, match="state_corrupt"):
        db.connect(os.fspath(path), create=True)
    assert path.read_bytes().startswith(b"what somebody else")

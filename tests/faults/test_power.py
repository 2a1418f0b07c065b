"""A power cut under two profiles and the hub of their machine; the relay's: tests/relay."""

from __future__ import annotations

import pytest

from faults.suite import run

OFF = """
from envoy.system import db
db._SYNCHRONOUS["full"] = "PRAGMA synchronous=OFF"
"""


@pytest.mark.parametrize(
    "states", [pytest.param(16, id="some"), pytest.param(400, id="many", marks=pytest.mark.prove)]
)
def test_a_power_cut_loses_nothing_that_a_profile_acknowledged(states: int) -> None:
    done = run("power", "--only", "home", "--states", f"{states}")
    assert done.status == 0 and done.figures["count"] == states, done.out


def test_control_without_syncs_it_loses() -> None:
    done = run("power", "--only", "home", "--states", "8", program=OFF)
    assert done.status == 1 and done.figures["failures"] > 1, done.out

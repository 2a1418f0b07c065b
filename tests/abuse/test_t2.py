"""T2: a name that looks like another one is marked beside both, wherever members are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console
from rowhome import RowHome

LOOKALIKES = [
    *("\u0430dmin", "ADMIN", "adm\u0131n", "adm1n", "a\u200bdmin", "\u202eadmin", "\uff41dmin"),
    *("a\u0301dmin", "ad\u00admin", "adrnin", "\U000e0061admin", "admin\u2060"),
]


def shown(root: Path, *names: str) -> str:
    """Return the members of a space whose members have ``names``."""
    home = RowHome(root)
    space = home.space()
    for number, name in enumerate(names):
        home.member(space, f"m{number}", name=name)
    home.connection.close()
    found = Console(root).call("space", "members", ENVOY_PROFILE="lead")
    assert found.status == 0, found
    return found.out


@pytest.mark.parametrize("name", LOOKALIKES, ids=ascii)
def test_a_lookalike_is_marked(name: str, tmp_path: Path) -> None:
    text = shown(tmp_path, "admin", name, "somebody")
    assert text.count('" ! (') == 2 and "compare fingerprints" in text


def test_names_that_differ_bear_no_mark(tmp_path: Path) -> None:
    assert "!" not in shown(tmp_path, "admin", "agent", "\u65e5\u672c", "b2")

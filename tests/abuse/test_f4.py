"""F4: a search is for a phrase; no character of it is an operator of the full-text index."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console
from rowhome import RowHome

TEXT = "alpha beta gamma"
# Samples that would find the text, or fail, if they were passed on raw.
RAW = [
    *("alpha OR zeta", "zeta OR gamma", "NOT zeta", "alpha NOT zeta", "alpha AND gamma", "alph*"),
    *("NEAR(alpha gamma)", "gamma + alpha", "body:gamma alpha", "{body}:zeta", '"gamma" "alpha"'),
    *('"', "(", "-zeta", "'; DROP TABLE words; --"),
]


@pytest.fixture
def console(tmp_path: Path) -> Console:
    home = RowHome(tmp_path)
    space = home.space()
    home.item(space, home.member(space, "a1"), TEXT)
    home.connection.close()
    return Console(tmp_path)


@pytest.mark.parametrize("query", RAW)
def test_no_syntax_changes_what_is_found(query: str, console: Console) -> None:
    found = console.ok("search", f"--query={query}", ENVOY_PROFILE="lead")
    assert found["hits"] == []


@pytest.mark.parametrize("query", [TEXT, "alpha beta", "BETA", '"beta gamma"', "beta-gamma"])
def test_a_phrase_is_found(query: str, console: Console) -> None:
    found = console.ok("search", f"--query={query}", ENVOY_PROFILE="lead")
    assert [hit["body"] for hit in found["hits"]] == [TEXT]

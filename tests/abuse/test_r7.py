"""R7: a relay learns no word, no name, no role and nobody's did, wherever in it one looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay import canary
from relay.test_canary import CONTENT, everywhere, history, secrets, watched

pytestmark = pytest.mark.slow


def test_nothing_that_was_written_and_nobodys_name_is_at_the_relay(tmp_path: Path) -> None:
    with watched(tmp_path) as at:
        actors, codes = history(at, tmp_path)
        words = secrets(at, actors, codes)
        assert everywhere(at, tmp_path, words) == {}
        heard = len(at.proxy.heard or b"")
    assert heard > CONTENT and list((at.served.directory / "chunks").rglob("*"))
    # What was planted is read where it may be read.
    read = canary.in_files(tmp_path / "three" / "home", canary.patterns(words))
    assert {"a planted word", "key 0", "key 1"} <= set[str]().union(*read.values())

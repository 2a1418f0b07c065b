"""Live: who may listen to relays while a command waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envoy.hub.live import Live
from envoy.wiring import config as configs
from envoy.wiring import live


@pytest.mark.parametrize(
    ("lock", "passphrase_file", "listens"),
    [
        pytest.param("none", None, True, id="no lock"),
        pytest.param("keyring", None, True, id="a lock that opens without a word"),
        pytest.param("passphrase", None, False, id="a passphrase that would be asked for"),
        pytest.param("passphrase", "-", False, id="a passphrase that stdin had once"),
        pytest.param("passphrase", "file", True, id="a passphrase that stands in a file"),
    ],
)
def test_who_listens(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lock: str,
    passphrase_file: str | None,
    *,
    listens: bool,
) -> None:
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path))
    flags = {"profile": "lead", "passphrase_file": passphrase_file}
    config = configs.load(flags, read_toml=lambda _: {})
    assert isinstance(live.listen(config, lock), Live) is listens

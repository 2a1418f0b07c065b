"""L4: with a passphrase neither text nor key lies in any file of the home; without one it does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envoy.core import identity
from envoy.replica.actions import space, tasks, work
from envoy.wiring import config as configs
from envoy.wiring import secrets, writes
from envoy.wiring.config import Config

CANARIES = [b"canary-of-a-message", b"canary-of-a-task", b"canary-of-a-space"]


def home_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Config, bytes]:
    """Return a profile that has said something, and its root."""
    monkeypatch.setattr(identity, "PASSES", 1)
    monkeypatch.setattr(identity, "KIB", 64)
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", os.fspath(tmp_path))
    config = configs.load({"profile": "lead"}, read_toml=lambda _: {})
    writes.init_profile(config, name="lead", type="human")
    with writes.open_profile(config) as profile:
        message, task, name = (one.decode() for one in CANARIES)
        space.create(profile, name)
        copy = writes.open_space(profile, None)
        work.send(copy, message)
        tasks.create(copy, task)
        return config, profile.identity.root


def everything(root: Path) -> bytes:
    """Return the bytes of every file below a directory."""
    return b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def test_a_locked_home_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, root = home_of(tmp_path, monkeypatch)
    before = everything(tmp_path)
    assert all(one in before for one in CANARIES), "the control: without a lock it lies in clear"
    hub = everything(tmp_path / "home/hub")
    assert not any(one in hub for one in CANARIES), "at a hub it never does"
    given = tmp_path / "given"
    given.write_text("correct horse battery\n")
    given.chmod(0o600)
    secrets._KNOWN.clear()
    secrets.change(config, "passphrase", new_file=os.fspath(given))
    given.unlink()
    after = everything(tmp_path)
    keys = [root, identity._to_base64(root).encode(), identity.Identity(root).db_key]
    assert not any(one in after for one in [*CANARIES, *keys])

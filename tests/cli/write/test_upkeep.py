"""Upkeep by the command line: what mutes, forgets, backs up, restores, clears, and refuses."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path

import pytest

from console import Console
from envoy.core.identity import Identity
from envoy.storage import archive, schema
from envoy.storage.archive import Source


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home with two members in one space, of whom one has an unread message."""
    made = Console(tmp_path)
    first = made.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    made.ok("--profile", "a1", "join", first["invite_code"])
    made.ok("--profile", "lead", "send", "@a1 look")
    made.ok("--profile", "a1", "sync")
    return made


def refused(console: Console, *args: str) -> tuple[int, str]:
    """Return status and code of a call that is refused."""
    found = console.call("--json", *args)
    return found.status, found.data["error_code"]


def test_a_muted_space_is_heard_only_by_its_name(console: Console) -> None:
    ok = console.ok
    before = ok("--profile", "a1", "inbox")["unread_count"]
    assert before > 0 and ok("--profile", "a1", "space", "mute")["changed"]
    assert ok("--profile", "a1", "inbox")["unread_count"] == 0
    assert ok("--profile", "a1", "inbox", "read")["messages"] == []
    assert ok("--profile", "a1", "status")["spaces"][0]["unread_count"] == 0
    assert console.call("--profile", "a1", "--json", "events", "--since", "0",
                        "--watch-timeout", "0").out == ""  # fmt: skip
    named = ok("--profile", "a1", "inbox", "--space", "bughunt")
    assert named["unread_count"] == before
    assert not ok("--profile", "a1", "space", "mute")["changed"]
    assert ok("--profile", "a1", "space", "unmute")["changed"]
    assert ok("--profile", "a1", "inbox")["unread_count"] == before


def test_a_pinned_space_stands_first(console: Console) -> None:
    console.ok("--profile", "lead", "space", "create", "second")
    console.ok("--profile", "lead", "space", "pin", "second")
    shown = console.ok("--profile", "lead", "status")["spaces"]
    assert [(one["space_name"], one["pinned"]) for one in shown] == [
        ("second", True),
        ("bughunt", False),
    ]


def test_a_forgotten_space_stays_away_until_its_owner_joins_again(console: Console) -> None:
    ok = console.ok
    ok("--profile", "a1", "space", "forget")
    assert ok("--profile", "a1", "status")["spaces"] == []
    assert ok("--profile", "a1", "sync", "--verify")["repaired"] == []
    for path in (console.home / "profiles/a1").glob("replica.db*"):
        assert path.stat().st_size > 0
    assert ok("--profile", "a1", "status")["spaces"] == []
    code = ok("--profile", "lead", "invite", "bughunt")["invite_code"]
    ok("--profile", "a1", "join", code)
    bodies = {one["body"] for one in ok("--profile", "a1", "history")["records"]}
    assert "@a1 look" in bodies
    ok("--profile", "a1", "send", "back again")


def test_a_space_is_not_forgotten_while_the_hub_is_damaged(console: Console) -> None:
    hub = console.home / "hub/hub.db"
    kept = hub.read_bytes()
    hub.write_bytes(b"no database" * 400)
    found = console.call("--profile", "a1", "space", "forget")
    assert found.status == 8
    hub.write_bytes(kept)
    assert console.ok("--profile", "a1", "status")["spaces"]


def test_a_backup_opens_by_its_passphrase_in_another_home(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    key = ("--passphrase-file", os.fspath(file))
    packed = tmp_path / "all.envoy"
    made = console.ok("--profile", "a1", "backup", "--all", "--out", os.fspath(packed), *key)
    assert made["profiles"] == ["a1", "lead"] and made["hub"] and made["opens_with"] == "passphrase"
    assert packed.stat().st_mode & 0o777 == 0o600
    (tmp_path / "there").mkdir()
    other = Console(tmp_path / "there")
    assert refused(other, "restore", os.fspath(packed))[1] == "profile_locked"
    other.ok("restore", os.fspath(packed), *key)
    for name in made["profiles"]:
        assert other.call("--profile", name, "diagnose", "--deep").status == 0
        other.ok("--profile", name, "send", f"from {name}", "--space", "bughunt")
    file.write_text("wrong\n")
    assert refused(other, "restore", os.fspath(packed), *key) == (8, "signature_invalid")


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        pytest.param({"schema": schema.VERSION + 1}, "schema_too_new", id="newer tables"),
        pytest.param({"v": 2}, "schema_too_new", id="a newer archive"),
        pytest.param({"profiles": ["../lead"]}, "signature_invalid", id="a name that leads out"),
        pytest.param({"profiles": "a1"}, "signature_invalid", id="no list of profiles"),
        pytest.param({"hub": None}, "signature_invalid", id="no version of the hub"),
    ],
)
def test_an_archive_that_is_not_for_this_version_changes_nothing(
    console: Console, tmp_path: Path, manifest: dict[str, object], code: str
) -> None:
    told = {"v": 1, "schema": 1, "hub": 1, "profiles": [], **manifest}
    packed = os.fspath(tmp_path / "odd.envoy")
    record = json.loads((console.home / "profiles/a1/identity.json").read_text())
    root = bytes.fromhex(_hex(str(record["root"])))
    secret = archive.backup_key(Identity(root).backup_key)
    archive.write_archive(packed, [Source("manifest.json", json.dumps(told).encode())], secret)
    before = sorted(path for path in console.home.rglob("*"))
    assert refused(console, "--profile", "a1", "restore", packed)[1] == code
    assert sorted(path for path in console.home.rglob("*")) == before


def _hex(text: str) -> str:
    """Return base64url without padding as hex digits."""
    from_url = text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4)
    return b64decode(from_url).hex()


def test_a_backup_of_everything_holds_the_objects_of_profiles_and_hub(
    console: Console, tmp_path: Path
) -> None:
    text = os.urandom(70_000)
    (console.cwd / "crash.log").write_bytes(text)
    made = console.ok("--profile", "lead", "object", "put", "crash.log", "--space", "bughunt")
    secret = console.cwd / "secret"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    out = tmp_path / "all.envoy"
    words = ("backup", "--all", "--out", str(out), "--passphrase-file", str(secret))
    console.ok("--profile", "lead", *words)
    other = Console(tmp_path / "elsewhere")
    other.ok("restore", str(out), "--passphrase-file", str(secret))
    for profile, name in (("lead", "one"), ("a1", "two")):
        get = ("object", "get", made["object_id"], "--output", name, "--space", "bughunt")
        other.ok("--profile", profile, *get)
        assert (other.cwd / name).read_bytes() == text


def test_reset_sets_a_profile_aside_or_deletes_it_and_leaves_the_rest(console: Console) -> None:
    assert refused(console, "--profile", "a1", "reset") == (9, "confirmation_required")
    done = console.ok("--profile", "a1", "--yes", "reset")
    assert (Path(done["backup_path"]) / "identity.json").exists()
    assert refused(console, "--profile", "a1", "status") == (3, "profile_not_found")
    assert console.ok("--profile", "lead", "history")["records"]
    assert console.ok("--profile", "lead", "--yes", "reset", "--no-backup")["backup_path"] is None
    assert not (console.home / "profiles/lead").exists() and (console.home / "hub/hub.db").exists()


def test_plain_diagnose_sees_every_field_of_an_identity_and_the_notes_of_the_hub(
    console: Console,
) -> None:
    path = console.home / "profiles/a1/identity.json"
    kept = path.read_text()
    path.write_text(kept.replace('"enc_no":0', '"enc_no":1'))
    found = console.call("--profile", "a1", "--json", "diagnose").data["checks"]
    assert {one["name"]: one["state"] for one in found}["identity"] == "failed"
    path.write_text(kept)
    assert console.call("--profile", "a1", "diagnose").status == 0, "control"

"""Upkeep by the command line: what mutes, forgets, backs up, restores, clears, and refuses."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

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


def failed(console: Console, *words: str) -> set[str]:
    """Return the names of the checks that failed."""
    found = console.call("--json", "--profile", "lead", *words)
    names = {one["name"] for one in found.data["checks"] if one["state"] == "failed"}
    assert (found.status == 8) == bool(names)
    return names


def test_a_chunk_that_the_disk_spoilt_is_noticed_and_deleted(console: Console) -> None:
    (console.cwd / "crash.log").write_bytes(os.urandom(70_000))
    console.ok("--profile", "lead", "object", "put", "crash.log", "--space", "bughunt")
    assert failed(console, "diagnose", "--deep") == set(), "a shared chunk is no hard link"
    chunk = next(console.home.glob("profiles/lead/objects/*/*"))
    with chunk.open("r+b") as file:
        file.seek(1000)
        file.write(b"spoilt")
    assert failed(console, "diagnose", "--deep") == {"objects"}
    done = console.ok("--profile", "lead", "sync", "--verify")
    assert done["repaired"] == ["objects"] and not chunk.exists()
    assert not list(console.home.glob(f"hub/chunks/*/{chunk.name}"))
    shown = console.ok("--profile", "lead", "object", "list", "--space", "bughunt")["objects"]
    assert [one["state"] for one in shown] == ["missing"]


def test_a_chunk_with_a_name_elsewhere_is_one_that_others_reach(
    console: Console, tmp_path: Path
) -> None:
    (console.cwd / "crash.log").write_bytes(os.urandom(7_000))
    console.ok("--profile", "lead", "object", "put", "crash.log", "--space", "bughunt")
    chunk = next(console.home.glob("profiles/lead/objects/*/*"))
    (tmp_path / "elsewhere").hardlink_to(chunk)
    assert failed(console, "diagnose", "--deep") == {"modes"}


def test_chunks_of_a_profile_that_was_put_aside_are_no_links_of_others(
    console: Console, tmp_path: Path
) -> None:
    (console.cwd / "crash.log").write_bytes(os.urandom(7_000))
    console.ok("--profile", "a1", "object", "put", "crash.log", "--space", "bughunt")
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    (tmp_path / "passphrase").chmod(0o600)
    secret = ("--passphrase-file", os.fspath(tmp_path / "passphrase"))
    console.ok("--profile", "a1", "backup", "--out", os.fspath(tmp_path / "b.envoy"), *secret)
    kept = ("--replace", "--yes", *secret)
    console.ok("--profile", "a1", "restore", os.fspath(tmp_path / "b.envoy"), *kept)
    assert list(console.home.glob("aside/*/objects/*/*")), "control: the old ones are still there"
    assert console.ok("--profile", "a1", "diagnose", "--deep")["sound"]


def packed(console: Console, root: Path, *sources: Source, profiles: list[str]) -> str:
    """Write an archive that opens with the identity of a1, and return its path."""
    told = {"v": 1, "schema": 1, "hub": 1, "profiles": profiles}
    path = os.fspath(root / "made.envoy")
    record = json.loads((console.home / "profiles/a1/identity.json").read_text())
    secret = archive.backup_key(Identity(bytes.fromhex(_hex(str(record["root"])))).backup_key)
    manifest = Source("manifest.json", json.dumps(told).encode())
    archive.write_archive(path, [manifest, *sources], secret)
    return path


def test_a_chunk_that_is_not_what_its_name_says_is_left_out(
    console: Console, tmp_path: Path
) -> None:
    record = Source(
        "profiles/b/identity.json", (console.home / "profiles/a1/identity.json").read_bytes()
    )
    good, bad = hashlib.sha256(b"good").hexdigest(), hashlib.sha256(b"bad").hexdigest()
    chunks = [Source(f"chunks/{good}", b"good"), Source(f"chunks/{bad}", b"altered")]
    file = packed(console, tmp_path, record, *chunks, profiles=["b"])
    assert console.ok("--profile", "a1", "restore", file)["profiles"] == ["b"]
    found = [one.name for one in (console.home / "profiles/b").rglob("?" * 64)]
    assert found == [good]


def test_an_archive_without_a_passphrase_opens_only_with_its_identity(
    console: Console, tmp_path: Path
) -> None:
    file = tmp_path / "a1.envoy"
    console.ok("--profile", "a1", "backup", "--out", os.fspath(file))
    (tmp_path / "there").mkdir()
    other = Console(tmp_path / "there")
    found = other.call("--json", "--profile", "a1", "restore", os.fspath(file)).data
    assert (found["error_code"], found["cause"]) == ("profile_locked", "needs_words")
    assert found["next_command"] == "envoy restore FILE --stdin"


def test_the_words_bring_a_whole_home_back_with_its_hub(console: Console, tmp_path: Path) -> None:
    file, words = os.fspath(tmp_path / "all.envoy"), tmp_path / "words"
    console.ok("--profile", "lead", "backup", "--all", "--out", file)
    shown = ("identity", "recovery", "--recovery-output", f"file:{words}")
    console.ok("--profile", "lead", *shown)
    (tmp_path / "there").mkdir()
    other = Console(tmp_path / "there")

    def restore(given: str) -> dict[str, Any]:
        call = ("--json", "restore", file, "--stdin")
        found: dict[str, Any] = other.call(*call, stdin=given).data
        return found

    assert restore("no word")["cause"] == "word_count"
    foreign = " ".join(["abandon"] * 23 + ["art"])
    assert restore(foreign)["reason"] == "wrong_passphrase_or_damaged"
    done = restore(words.read_text())
    assert done["profiles"] == ["a1", "lead"] and done["hub"]
    other.ok("--profile", "a1", "send", "back")
    assert other.call("--profile", "lead", "diagnose", "--deep").status == 0


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("identity", "recovery", "--recovery-output"), id="words"),
        pytest.param(("audit", "export", "--output"), id="a bundle for somebody outside"),
        pytest.param(("backup", "--out"), id="a backup"),
    ],
)
def test_a_file_for_a_directory_that_is_not_there_is_a_slip_of_who_typed_it(
    console: Console, tmp_path: Path, args: tuple[str, ...]
) -> None:
    how = "file:" if "--recovery-output" in args else ""
    bad, good = (f"{how}{tmp_path / name / 'file'}" for name in ("nowhere", "here"))
    (tmp_path / "here").mkdir()
    found = console.call("--json", "--profile", "lead", *args, bad).data
    assert (found["error_code"], found["cause"]) == ("invalid_argument", "no_such_directory")
    console.ok("--profile", "lead", *args, good)


def test_a_profile_without_a_database_comes_back_as_what_it_was_and_a_hub_that_is_there_stays(
    console: Console, tmp_path: Path
) -> None:
    secret, file = tmp_path / "secret", os.fspath(tmp_path / "all.envoy")
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    key = ("--passphrase-file", os.fspath(secret))
    for path in (console.home / "profiles/a1").glob("replica.db*"):
        path.unlink()
    made = console.ok("--profile", "lead", "backup", "--all", "--out", file, *key)
    assert made["profiles"] == ["a1", "lead"] and made["hub"]
    console.ok("--profile", "lead", "send", "later")
    for name in made["profiles"]:
        console.ok("--profile", name, "--yes", "reset", "--no-backup")
    (console.home / "profiles/lead").mkdir(mode=0o700)  # empty, as a kill leaves it
    done = console.ok("restore", file, *key)
    assert done["profiles"] == ["a1", "lead"] and not done["hub"]
    assert not (console.home / "profiles/a1/replica.db").exists()
    for name in made["profiles"]:
        console.ok("--profile", name, "sync")
        bodies = {one["body"] for one in console.ok("--profile", name, "history")["records"]}
        assert {"@a1 look", "later"} <= bodies


def test_a_profile_that_cannot_be_deleted_is_said_to_be_there(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(path: str, **_: object) -> None:
        """Delete nothing: the file system is read only by now."""

    monkeypatch.setattr(shutil, "rmtree", keep)
    found = console.call("--profile", "a1", "--json", "--yes", "reset", "--no-backup")
    assert (found.status, found.data["error_code"]) == (8, "state_access_denied")
    assert found.data["reason"] == "not_removed" and Path(found.data["path"]).exists()

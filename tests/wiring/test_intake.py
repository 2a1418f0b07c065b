"""A backup is read by the page alone, and one that was made to harm is refused as a whole."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from console import Console
from envoy.storage import schema
from oracle import archive_by_page as by_page
from storage.test_migrations import FROZEN, unpack

PASSPHRASE = "correct horse, Zoë"
SALT = bytes(range(16))
REPLICA = "profiles/lead/replica.db"
RECORD = "profiles/lead/identity.json"
HUB = "hub/hub.db"
NO_LOCK = by_page.Lock("none", 0, 0, 0, b"")
Files = dict[str, bytes]


class Scene:
    """A home with one space, and what its backup holds as the page reads it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.console = Console(root)
        self.console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "lab")
        self.console.ok("--profile", "lead", "task", "create", "crash on start")
        (self.console.cwd / "log").write_bytes(os.urandom(2_000_000))
        self.console.ok("--profile", "lead", "object", "put", "log")
        self.key = root / "passphrase"
        self.key.write_text(PASSPHRASE + "\n")
        self.key.chmod(0o600)
        self.record = (self.console.home / RECORD).read_bytes()
        self.me = by_page.root_of(self.record)

    def backup(self, *more: str) -> bytes:
        """Return the archive that a backup writes."""
        path = self.root / f"{len(list(self.root.iterdir()))}.envoy"
        self.console.ok("--profile", "lead", "backup", "--out", str(path), *more)
        return path.read_bytes()

    def files(self) -> Files:
        """Return what a backup of everything holds."""
        packed = self.backup("--all", "--passphrase-file", str(self.key))
        return by_page.files_of(by_page.opened(packed, PASSPHRASE))

    def restored(self, files: Files) -> tuple[Console, str]:
        """Restore what the page makes of ``files``; return the new home and code with reason."""
        place = self.root / f"there{len(list(self.root.iterdir()))}"
        there = Console(place)
        packed = place / "made.envoy"
        packed.write_bytes(by_page.sealed(by_page.tar_of(files), PASSPHRASE, SALT))
        found = there.call("--json", "restore", str(packed), "--passphrase-file", str(self.key))
        data = found.data
        return there, " ".join(filter(None, (data.get("error_code"), data.get("reason"))))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return one scene for all tests, which only read it."""
    return Scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def packed(scene: Scene) -> Files:
    """Return the files of one backup."""
    return scene.files()


def changed(raw: bytes, sql: str, root: Path) -> bytes:
    """Return the database ``raw`` after ``sql``, its log folded in."""
    path = root / "changed.db"
    path.write_bytes(raw)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(sql)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


def test_what_backup_writes_opens_by_the_page(scene: Scene, packed: Files) -> None:
    chunks = [name for name in packed if name.startswith("chunks/")]
    assert list(packed)[:3] == ["manifest.json", RECORD, REPLICA] and len(chunks) == 2
    told = json.loads(packed["manifest.json"])
    assert told == {"v": 1, "schema": schema.VERSION, "hub": 2, "profiles": ["lead"]}
    assert by_page.root_of(packed[RECORD]) == scene.me
    assert by_page.did_of(scene.me)[0] == json.loads(scene.record)["did"]
    own = by_page.files_of(by_page.opened(scene.backup(), scene.me))
    assert set(own) == set(packed) - {HUB}
    with pytest.raises(by_page.Refused, match="chunk 0"):
        by_page.opened(scene.backup(), bytes(32))


def test_what_export_writes_opens_by_the_page_and_the_other_way(scene: Scene) -> None:
    file = scene.root / "me.envoy-id"
    key = ("--new-passphrase-file", str(scene.key))
    scene.console.ok("--profile", "lead", "identity", "export", "--file", str(file), *key)
    files = by_page.files_of(by_page.opened(file.read_bytes(), PASSPHRASE))
    assert list(files) == ["identity.json"] and by_page.root_of(files["identity.json"]) == scene.me
    made = {"identity.json": by_page.record_of(scene.me, "Ada", NO_LOCK)}
    file.write_bytes(by_page.sealed(by_page.tar_of(made), PASSPHRASE, SALT))
    there = Console(scene.root / "imported")
    words = ("identity", "import", str(file), "--passphrase-file", str(scene.key))
    there.ok(*words)
    assert there.ok("status")["identity"]["member_id"] == by_page.did_of(scene.me)[0]


def test_a_lock_is_that_of_the_page_both_ways(scene: Scene) -> None:
    place = Console(scene.root / "locked")
    key = ("--passphrase-file", str(scene.key))
    place.ok("init", "--lock", "passphrase", *key)
    path = place.home / "profiles/default/identity.json"
    kept = path.read_bytes()
    root = by_page.root_of(kept, PASSPHRASE)
    assert by_page.root_of(kept, PASSPHRASE.replace("ë", "e\u0308")) == root
    with pytest.raises(by_page.Refused, match="wrong secret"):
        by_page.root_of(kept, "another")
    lock = by_page.Lock("passphrase", 1, 64, 2, SALT)
    path.write_bytes(by_page.record_of(root, "Ada", lock, PASSPHRASE))
    place.ok("identity", "recovery", "--recovery-output", f"file:{scene.root / 'w'}", *key)
    assert len((scene.root / "w").read_text().split()) == 24


def test_what_the_page_writes_is_restored(scene: Scene, packed: Files) -> None:
    there, refusal = scene.restored(packed)
    assert refusal == ""
    assert there.call("--profile", "lead", "diagnose", "--deep").status == 0
    there.ok("--profile", "lead", "task", "create", "and on it goes")
    assert there.ok("--profile", "lead", "object", "list")["objects"][0]["state"] == "complete"


def test_a_backup_of_the_first_version_is_restored(scene: Scene) -> None:
    where = unpack(scene.root / FROZEN.name)
    old = Path(where.profile)
    replica = changed((old / "replica.db").read_bytes(), "", scene.root)
    told = {"v": 1, "schema": 1, "hub": 1, "profiles": ["lead"]}
    record = (old / "identity.json").read_bytes()
    files = {"manifest.json": json.dumps(told).encode(), RECORD: record, REPLICA: replica}
    there, refusal = scene.restored(files)
    assert refusal == ""
    assert there.ok("--profile", "lead", "status")["spaces"]


def manifest(**more: object) -> Callable[[Files, Path], Files]:
    """Return the change of a backup that says something else in its manifest."""

    def change(files: Files, _: Path) -> Files:
        told = {**json.loads(files["manifest.json"]), **more}
        return {**files, "manifest.json": json.dumps(told).encode()}

    return change


def without(name: str) -> Callable[[Files, Path], Files]:
    """Return the change of a backup that lacks a file."""
    return lambda files, _: {key: body for key, body in files.items() if key != name}


def having(name: str, body: bytes) -> Callable[[Files, Path], Files]:
    """Return the change of a backup with another file."""
    return lambda files, _: {**files, name: body}


def after(name: str, sql: str) -> Callable[[Files, Path], Files]:
    """Return the change of a backup whose database was written to."""
    return lambda files, root: {**files, name: changed(files[name], sql, root)}


def locked(files: Files, _: Path) -> Files:
    """Return a backup with a lock on the identity, and the database in clear."""
    lock = by_page.Lock("passphrase", 1, 64, 2, SALT)
    root = by_page.root_of(files[RECORD])
    return {**files, RECORD: by_page.record_of(root, "Ada", lock, PASSPHRASE)}


def torn(files: Files, _: Path) -> Files:
    """Return a backup whose database lost the content of its later pages."""
    raw = files[REPLICA]
    return {**files, REPLICA: raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2)}


TRIGGER = "CREATE TRIGGER evil AFTER INSERT ON event BEGIN DELETE FROM event; END"
NEWER = "PRAGMA user_version=99; UPDATE meta SET v = {} WHERE k = 'schema'"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(manifest(profiles=[]), "manifest", id="no profile"),
        pytest.param(manifest(profiles=["lead", "lead"]), "manifest", id="a profile twice"),
        pytest.param(manifest(profiles=[["lead"]]), "manifest", id="a name that is no text"),
        pytest.param(manifest(schema=0), "manifest", id="a version that never was"),
        pytest.param(manifest(v=True), "manifest", id="a truth for a version"),
        pytest.param(manifest(profiles=["../lead"]), "content", id="a name that leads out"),
        pytest.param(having("profiles/x/replica.db", b""), "content", id="a profile too many"),
        pytest.param(having("config.toml", b""), "content", id="settings"),
        pytest.param(without("manifest.json"), "manifest", id="no manifest"),
        pytest.param(having("manifest.json", b"[]"), "manifest", id="a list for a manifest"),
        pytest.param(torn, "database", id="pages of a database that are zeros"),
        pytest.param(without(RECORD), "content", id="no identity"),
        pytest.param(having(RECORD, b"{}"), "no_identity", id="an identity that is none"),
        pytest.param(
            having(RECORD, by_page.record_of(bytes(32), "Eve", NO_LOCK)),
            *("database",),
            id="the identity of another",
        ),
        pytest.param(locked, "database", id="a lock over a database in clear"),
        pytest.param(having(REPLICA, b""), "database", id="an empty database"),
        pytest.param(having(REPLICA, b"no database" * 99), "database", id="no database"),
        pytest.param(after(REPLICA, TRIGGER), "database", id="a trigger"),
        pytest.param(after(REPLICA, "CREATE VIEW evil AS SELECT 1"), "database", id="a view"),
        pytest.param(after(REPLICA, "ALTER TABLE event ADD evil"), "database", id="a column more"),
        pytest.param(after(REPLICA, "DROP TABLE item"), "database", id="a table less"),
        pytest.param(after(REPLICA, "DELETE FROM actor"), "database", id="rows of nobody"),
        pytest.param(after(REPLICA, "PRAGMA user_version=99"), "database", id="a version alone"),
        pytest.param(having(HUB, b"no database" * 99), "database", id="no hub"),
        pytest.param(after(HUB, "DROP TABLE frame"), "database", id="a table of the hub less"),
        pytest.param(after(REPLICA, NEWER.format(99)), "", id="newer tables"),
        pytest.param(after(HUB, NEWER.format("x'00000063'")), "", id="newer tables of the hub"),
    ],
)
def test_a_backup_made_to_harm_leaves_nothing(
    scene: Scene, packed: Files, change: Callable[[Files, Path], Files], code: str
) -> None:
    there, refusal = scene.restored(change(packed, scene.root))
    assert refusal == (f"signature_invalid {code}" if code else "schema_too_new")
    assert [one for one in there.home.rglob("*") if one.name != "profiles"] == []


def test_a_profile_without_a_database_finds_its_spaces_at_the_hub(
    scene: Scene, packed: Files
) -> None:
    there, refusal = scene.restored({key: packed[key] for key in packed if key != REPLICA})
    assert refusal == ""
    assert there.ok("--profile", "lead", "status")["spaces"]


def test_a_chunk_that_is_not_of_its_name_is_left_out(scene: Scene, packed: Files) -> None:
    name = next(one for one in packed if one.startswith("chunks/"))
    there, refusal = scene.restored({**packed, name: b"altered"})
    assert refusal == ""
    assert there.ok("--profile", "lead", "object", "list")["objects"][0]["state"] == "partial"

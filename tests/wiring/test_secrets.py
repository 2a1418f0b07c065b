"""Locks: who has the secret opens the profile, who has not learns that and nothing else."""

from __future__ import annotations

import configparser
import getpass
import io
import json
import os
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyrings.alt.file import PlaintextKeyring

from envoy import limits
from envoy.core import identity
from envoy.errors import EnvoyError
from envoy.replica.actions import space, work
from envoy.storage import home, relock, replica_file
from envoy.system import db, files
from envoy.wiring import config as configs
from envoy.wiring import reads, secrets, writes
from envoy.wiring.config import Config
from filestore import in_place
from oracle import archive_by_page as by_page

RIGHT, OTHER = "correct horse", "battery staple"
SAID = "what was said in confidence"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a guess cost little: the costs stand in the file, so nothing else changes."""
    monkeypatch.setattr(identity, "PASSES", 1)
    monkeypatch.setattr(identity, "KIB", 64)
    secrets._KNOWN.clear()


@pytest.fixture
def lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a profile without lock, with something to hide."""
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    config = configs.load({"profile": "lead"}, read_toml=lambda _: {})
    writes.init_profile(config, name="Ada", type="human")
    with writes.open_profile(config) as profile:
        space.create(profile, "bughunt")
        work.send(writes.open_space(profile, None), SAID)
    return config


def file(config: Config, text: str) -> str:
    """Return a file that holds a passphrase."""
    path = Path(config.home).parent / f"{abs(hash(text))}.txt"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


def keyed(config: Config, text: str | None) -> Config:
    """Return ``config`` as of a process that knows nothing yet but a passphrase."""
    secrets._KNOWN.clear()
    return config._replace(passphrase_file=None if text is None else file(config, text))


def lock(config: Config, mode: str, new: str | None = None) -> secrets.Relocked:
    """Change the lock."""
    return secrets.change(config, mode, new_file=None if new is None else file(config, new))


def said(config: Config) -> list[str]:
    """Return the messages that a read shows, and that a write finds."""
    with reads.open_reader(config) as reader:
        found = [row.name for row in reader.spaces]
    with writes.open_profile(config) as profile:
        assert [row.name for row in profile.rows.spaces()] == found
    return found


def refusal(act: Callable[[], object]) -> tuple[str, object]:
    """Return code and cause of what ``act`` fails with."""
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code, caught.value.details.get("cause")


def on_disk(config: Config) -> bytes:
    """Return all bytes of a profile."""
    where = home.paths(config.home, config.profile)
    return b"".join(path.read_bytes() for path in sorted(Path(where.profile).iterdir()))


# -- modes ------------------------------------------------------------------------------------


def test_a_passphrase_locks_identity_and_database_and_opens_both(lead: Config) -> None:
    root = writes.unlocked(lead)[0].identity.root
    assert SAID.encode() in on_disk(lead), "the control: without a lock it lies in clear"
    assert lock(lead, "passphrase", RIGHT) == secrets.Relocked("none", "passphrase", True)
    assert SAID.encode() not in on_disk(lead) and identity._to_base64(root).encode() not in on_disk(
        lead
    )
    assert said(keyed(lead, RIGHT)) == ["bughunt"]
    assert writes.unlocked(keyed(lead, RIGHT))[0].identity.root == root


@pytest.mark.parametrize("given", [None, OTHER, "", RIGHT.upper(), RIGHT + " "])
def test_without_the_passphrase_nothing_opens(given: str | None, lead: Config) -> None:
    lock(lead, "passphrase", RIGHT)
    before = on_disk(lead)
    for act in (reads.open_reader, lambda one: writes.open_profile(one).__enter__()):
        code, cause = refusal(partial(act, keyed(lead, given)))
        wanted = {None: ("profile_locked", "no_terminal"), "": ("invalid_argument", "empty")}
        assert (code, cause) == wanted.get(given, ("profile_locked", "wrong_secret"))
    assert on_disk(lead) == before


def test_a_passphrase_is_changed_and_taken_away(lead: Config) -> None:
    lock(lead, "passphrase", RIGHT)
    assert refusal(lambda: lock(keyed(lead, OTHER), "passphrase", "x")) == (
        "profile_locked",
        "wrong_secret",
    )
    assert lock(keyed(lead, RIGHT), "passphrase", OTHER).changed
    assert refusal(lambda: said(keyed(lead, RIGHT))) == ("profile_locked", "wrong_secret")
    assert said(keyed(lead, OTHER)) == ["bughunt"]
    assert lock(keyed(lead, OTHER), "none").changed
    assert said(keyed(lead, None)) == ["bughunt"] and SAID.encode() in on_disk(lead)
    assert not lock(keyed(lead, None), "none").changed


def test_a_change_of_passphrase_leaves_the_database_alone(lead: Config) -> None:
    lock(lead, "passphrase", RIGHT)
    replica = home.paths(lead.home, lead.profile).replica
    before = files.identity(replica)
    lock(keyed(lead, RIGHT), "passphrase", OTHER)
    assert files.identity(replica) == before


def test_a_locked_profile_is_made_locked(tmp_path: Path, lead: Config) -> None:
    config = keyed(lead._replace(profile="new"), RIGHT)
    writes.init_profile(config, name="New", type="agent", lock="passphrase")
    with writes.open_profile(config) as profile:
        space.create(profile, "secret plans")
    assert b"secret plans" not in on_disk(config)
    assert refusal(lambda: said(keyed(config, None)))[0] == "profile_locked"
    assert said(keyed(config, RIGHT)) == ["secret plans"]


def test_the_same_passphrase_is_meant_however_it_is_typed(lead: Config) -> None:
    lock(lead, "passphrase", "grün")  # one letter
    assert said(keyed(lead, "grün")) == ["bughunt"]  # a letter and two dots


def test_a_locked_profile_is_renamed_without_a_secret(lead: Config) -> None:
    lock(lead, "passphrase", RIGHT)
    assert secrets.rename(keyed(lead, None), "Grace") and not secrets.rename(lead, "Grace")
    assert writes.unlocked(keyed(lead, RIGHT))[0].name == "Grace"


def test_one_command_asks_once(lead: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(lead, "passphrase", RIGHT)
    config = keyed(lead, RIGHT)
    said(config)
    assert config.passphrase_file is not None
    os.unlink(config.passphrase_file)
    assert said(config) == ["bughunt"]


def test_who_has_the_file_open_to_write_opens_the_new_one(lead: Config) -> None:
    with writes.open_profile(lead) as profile:
        copy = writes.open_space(profile, None)
        lock(lead, "passphrase", RIGHT)
        with pytest.raises(EnvoyError) as caught:
            work.send(copy, "into a file that has no name")
    assert (caught.value.code, caught.value.details["reason"]) == ("timeout", "replaced")
    assert said(keyed(lead, RIGHT)) == ["bughunt"]


# -- damage is told from a wrong passphrase -----------------------------------------------------


@pytest.mark.parametrize("mode", ["none", "passphrase"])
def test_any_changed_value_of_identity_json_is_damage(mode: str, lead: Config) -> None:
    if mode != "none":
        lock(lead, mode, RIGHT)
    where = home.paths(lead.home, lead.profile)
    sound = Path(where.identity).read_bytes()
    config = keyed(lead, RIGHT)
    secrets.check(where)
    for at in range(0, len(sound)):
        raw = bytearray(sound)
        raw[at] ^= 1
        Path(where.identity).write_bytes(raw)
        if json.loads(sound) == loads(bytes(raw)):
            continue
        for act in (lambda: secrets.check(where), lambda: writes.unlocked(config)):
            secrets._KNOWN.clear()
            assert refusal(act)[0] in ("state_corrupt", "schema_too_new"), (at, bytes(raw))
    Path(where.identity).write_bytes(sound)
    assert said(config) == ["bughunt"]


def loads(raw: bytes) -> object:
    """Return what JSON says, None for what is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def test_a_plain_database_of_a_locked_identity_is_damage(lead: Config) -> None:
    where = home.paths(lead.home, lead.profile)
    with db.connect(where.replica) as connection:
        connection.fold()
    plain = Path(where.replica).read_bytes()
    lock(lead, "passphrase", RIGHT)
    Path(where.replica).write_bytes(plain)
    assert refusal(lambda: said(keyed(lead, RIGHT)))[0] == "state_corrupt"


def test_a_changed_page_of_an_encrypted_database_is_damage(lead: Config) -> None:
    lock(lead, "passphrase", RIGHT)
    where = home.paths(lead.home, lead.profile)
    raw = bytearray(Path(where.replica).read_bytes())
    raw[200] ^= 1  # of the page that every query begins with
    Path(where.replica).write_bytes(raw)
    assert refusal(lambda: said(keyed(lead, RIGHT)))[0] == "state_corrupt"


def test_an_encrypted_database_of_an_open_identity_opens(lead: Config) -> None:
    # What a kill between the two writes of a change leaves.
    stored, where = writes.unlocked(lead)
    relock.rekey(where, stored.identity.db_key)
    assert said(keyed(lead, None)) == ["bughunt"]
    assert lock(keyed(lead, None), "none").changed and db.is_plain(where.replica)
    assert said(keyed(lead, None)) == ["bughunt"]


# -- the database -----------------------------------------------------------------------------


def test_a_reader_that_holds_the_log_delays_a_change_and_loses_nothing(
    lead: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, where = writes.unlocked(lead)
    monkeypatch.setattr(relock, "WAIT_MS", 20)
    with db.connect(where.replica, read_only=True) as reader:
        snapshot = reader.snapshot()
        with snapshot:
            reader.find(int, "SELECT count(*) FROM event")
            with writes.open_profile(lead) as profile:
                work.send(writes.open_space(profile, None), "one more")
            key = stored.identity.db_key
            assert refusal(lambda: relock.rekey(where, key))[0] == "timeout"
    assert db.is_plain(where.replica) and said(lead) == ["bughunt"]
    assert relock.rekey(where, key) and not db.is_plain(where.replica)


def test_what_a_killed_change_left_is_swept(lead: Config) -> None:
    stored, where = writes.unlocked(lead)
    for ending in ("", "-wal", "-shm", "-journal"):
        Path(where.replica + relock.SUFFIX + ending).write_bytes(b"half")
    relock.rekey(where, stored.identity.db_key)
    assert [one for one in os.listdir(where.profile) if relock.SUFFIX in one] == []


def test_a_profile_without_a_database_has_nothing_to_change(lead: Config) -> None:
    where = home.paths(lead.home, "nobody")
    assert not relock.rekey(where, b"\1" * 32)


def test_after_a_change_the_copy_begins_a_new_chain(lead: Config) -> None:
    def chain() -> bytes | None:
        with writes.open_profile(keyed(lead, RIGHT)) as profile:
            work.send(writes.open_space(profile, None), "next")
            return profile.rows.spaces()[0].chain

    before = chain()
    lock(lead, "passphrase", RIGHT)
    assert before != chain() and before is not None


def test_a_copy_of_an_encrypted_database_is_encrypted(lead: Config, tmp_path: Path) -> None:
    lock(lead, "passphrase", RIGHT)
    _, where = writes.unlocked(keyed(lead, RIGHT))
    with replica_file.open_file(where) as connection:
        db.backup(connection, str(tmp_path / "copy.db"), key=where.db_key)
    assert not db.is_plain(str(tmp_path / "copy.db"))


# -- passphrases ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        pytest.param(b"one line\n", b"one line", id="a line"),
        pytest.param(b"one line", b"one line", id="a line without end"),
        pytest.param(b"one line\r\n", b"one line", id="a line of Windows"),
        pytest.param(b" \n", b" ", id="a blank is a passphrase"),
        pytest.param(b"x" * 1024 + b"\n", b"x" * 1024, id="as long as one may be"),
        pytest.param(b"x" * 1025, "too_long", id="too long"),
        pytest.param(b"x" * 100_000, "too_long", id="a file by mistake"),
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"\n", "empty", id="an empty line"),
        pytest.param(b"one\ntwo\n", "one_line", id="two lines"),
        pytest.param(b"a\0b", "one_line", id="a NUL"),
        pytest.param(b"\xff", "utf8", id="no UTF-8"),
    ],
)
def test_a_passphrase_is_one_line_of_a_file(
    raw: bytes, outcome: bytes | str, tmp_path: Path
) -> None:
    path = tmp_path / "p"
    path.write_bytes(raw)
    path.chmod(0o600)
    if isinstance(outcome, bytes):
        assert secrets.passphrase(str(path), "") == outcome
    else:
        assert refusal(lambda: secrets.passphrase(str(path), "")) == ("invalid_argument", outcome)


def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text("open secret")
    path.chmod(0o644)
    with pytest.raises(EnvoyError) as caught:
        secrets.passphrase(str(path), "")
    assert caught.value.code == "state_access_denied"
    assert caught.value.next_command == f"chmod 600 {path}"
    assert refusal(lambda: secrets.passphrase(str(tmp_path / "q"), "")) == (
        "invalid_argument",
        "missing",
    )


def test_a_passphrase_comes_from_a_pipe_or_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"piped\n")
    os.close(writer)
    assert secrets.passphrase(f"/dev/fd/{reader}", "") == b"piped"
    os.close(reader)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"typed\n")))
    assert secrets.passphrase("-", "") == b"typed"


class Person:
    """Somebody at a terminal, who answers in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        terminal = SimpleNamespace(closed=False, isatty=lambda: True, write=lambda _: None)
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr(getpass, "getpass", self.answer)
        self.answers = list(answers)

    def answer(self, _: str, *, stream: object) -> str:
        """Return what is typed next."""
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)


def test_a_person_may_mistype_twice(lead: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(lead, "passphrase", RIGHT)
    Person(monkeypatch, OTHER, OTHER, RIGHT)
    assert said(keyed(lead, None)) == ["bughunt"]
    Person(monkeypatch, OTHER, OTHER, OTHER, RIGHT)
    assert refusal(lambda: said(keyed(lead, None))) == ("profile_locked", "wrong_secret")
    Person(monkeypatch)
    assert refusal(lambda: said(keyed(lead, None)))[0] == "confirmation_required"


def test_a_new_passphrase_is_typed_twice(lead: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    Person(monkeypatch, RIGHT, OTHER)
    assert refusal(lambda: lock(lead, "passphrase")) == ("invalid_argument", "not_the_same")
    assert said(keyed(lead, None)) == ["bughunt"]
    Person(monkeypatch, RIGHT, RIGHT)
    lock(lead, "passphrase")
    assert said(keyed(lead, RIGHT)) == ["bughunt"]


# -- the store of the operating system ----------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PlaintextKeyring]:
    """Put a store in a file in the place of that of the system, for one test."""
    with in_place(tmp_path / "store.cfg") as made:
        yield made


def entries(store: PlaintextKeyring) -> dict[str, str]:
    """Return what the file of a store holds, users as it writes them."""
    found = configparser.RawConfigParser()
    found.read(store.file_path)
    return dict(found["envoy"]) if found.has_section("envoy") else {}


def test_a_key_of_the_system_locks_and_opens(lead: Config, store: PlaintextKeyring) -> None:
    assert lock(lead, "keyring").changed and len(entries(store)) == 1
    assert SAID.encode() not in on_disk(lead)
    assert said(keyed(lead, None)) == ["bughunt"]
    before = entries(store)
    lock(keyed(lead, None), "keyring")
    assert len(entries(store)) == 1 and entries(store) != before, "each write has its own"
    lock(keyed(lead, None), "passphrase", RIGHT)
    assert entries(store) == {} and said(keyed(lead, RIGHT)) == ["bughunt"]
    lock(keyed(lead, RIGHT), "keyring")
    lock(keyed(lead, None), "none")
    assert entries(store) == {} and said(keyed(lead, None)) == ["bughunt"]


def test_a_lock_of_the_keyring_is_that_of_the_page(lead: Config, store: PlaintextKeyring) -> None:
    root = writes.unlocked(lead)[0].identity.root
    lock(lead, "keyring")
    kept = Path(home.paths(lead.home, lead.profile).identity).read_bytes()
    record = json.loads(kept)
    salt = by_page.bin64(record["lock"]["salt"])
    entry = store.get_password("envoy", f"{record['did']} {salt.hex()}")
    assert by_page.root_of(kept, b64decode(entry)) == root


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        pytest.param(None, "keyring_entry", id="gone"),
        pytest.param("A", "keyring_entry", id="no base64"),
        pytest.param("AAAA", "keyring_entry", id="a short key"),
        pytest.param("A" * 43 + "=", "wrong_secret", id="another key"),
    ],
)
def test_an_entry_that_does_not_fit_opens_nothing(
    entry: str | None, cause: str, lead: Config, store: PlaintextKeyring
) -> None:
    lock(lead, "keyring")
    record = json.loads(Path(home.paths(lead.home, lead.profile).identity).read_text())
    user = f"{record['did']} {by_page.bin64(record['lock']['salt']).hex()}"
    store.delete_password("envoy", user)
    if entry is not None:
        store.set_password("envoy", user, entry)
    assert refusal(lambda: said(keyed(lead, None))) == ("profile_locked", cause)


@pytest.mark.parametrize("backend", [keyring.backends.fail, keyring.backends.null])
def test_where_there_is_no_store_nothing_is_locked(
    backend: ModuleType, lead: Config, store: PlaintextKeyring
) -> None:
    keyring.set_keyring(backend.Keyring())
    assert refusal(lambda: lock(lead, "keyring"))[0] == "unsupported_operation"
    keyring.set_keyring(store)
    assert said(keyed(lead, None)) == ["bughunt"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("garbage", id="no section"),
        pytest.param("[envoy]\n= = =\n[[\n", id="lines that are none"),
        pytest.param("\x00\xff\xfe", id="bytes"),
        pytest.param("[envoy]\n{user} = \xff\n", id="a value that is no base64"),
    ],
)
def test_a_damaged_store_is_told_and_costs_nothing(
    text: str, lead: Config, store: PlaintextKeyring
) -> None:
    lock(lead, "keyring")
    path = Path(store.file_path)
    kept = path.read_bytes()
    path.write_bytes(text.format(user=next(iter(entries(store)))).encode("latin-1"))
    assert refusal(lambda: said(keyed(lead, None)))[0] == "profile_locked"
    path.write_bytes(kept)
    assert said(keyed(lead, None)) == ["bughunt"]


def test_without_the_package_there_is_no_such_lock(
    lead: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(EnvoyError) as caught:
        lock(lead, "keyring")
    assert caught.value.code == "unsupported_operation"
    assert caught.value.details == {"extra": "keyring", "reason": "not_installed"}
    assert said(keyed(lead, None)) == ["bughunt"]


def test_limits_bound_what_a_file_can_ask_for() -> None:
    assert identity.is_bounded(limits.KDF_PASSES_MAX, limits.KDF_KIB_MAX, limits.KDF_LANES_MAX)
    assert not identity.is_bounded(limits.KDF_PASSES_MAX + 1, limits.KDF_KIB_MAX, 1)

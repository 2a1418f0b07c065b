"""Recovery: a home that is gone comes back from the words, or an archive, and the hub."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envoy.cli.write import identity as cli
from envoy.core import identity
from envoy.errors import EnvoyError, InternalError
from envoy.jsontext import dumps, loads
from envoy.replica.actions import identities as actions
from envoy.replica.actions import local, members, space, tasks, work
from envoy.storage import archive, home
from envoy.storage.archive import Source
from envoy.system import db
from envoy.wiring import config as configs
from envoy.wiring import reads, recovery, secrets, writes
from envoy.wiring.config import Config

LEFT = 7 * 24 * 3600 * 1000


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a guess cost little."""
    monkeypatch.setattr(identity, "PASSES", 1)
    monkeypatch.setattr(identity, "KIB", 64)
    secrets._KNOWN.clear()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the configuration of a home with two members of one space."""
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    config = configs.load({"profile": "lead"}, read_toml=lambda _: {})
    writes.init_profile(config, name="Ada", type="human")
    writes.init_profile(of(config, "a1"), name="Bot", type="agent")
    with writes.open_profile(config) as profile:
        space.create(profile, "bughunt")
        space.create(profile, "private")
        copy = writes.open_space(profile, "bughunt")
        work.send(copy, "before the joiner")
        made = members.make(copy, role="write", max_uses=1, ttl_ms=LEFT)
    with writes.open_profile(of(config, "a1")) as profile:
        members.join(profile, made.code, name="Bot")
        work.send(writes.open_space(profile, "bughunt"), "by the joiner")
    return config


def of(config: Config, profile: str) -> Config:
    """Return the configuration of another profile."""
    return config._replace(profile=profile)


def words(config: Config) -> str:
    """Return the words of a profile."""
    return " ".join(recovery.words(recovery.open_stored(config)))


def drop(config: Config) -> None:
    """Delete a profile."""
    shutil.rmtree(home.paths(config.home, config.profile).profile)


def events(config: Config, name: str = "bughunt") -> list[tuple[bytes, str]]:
    """Return all events of a space with their verdicts."""
    with writes.open_profile(config) as profile:
        local.sync_all(profile, None)
        copy = writes.open_space(profile, name)
        found = profile.events.entries(copy.sn, after=0, limit=10_000)
        return sorted((one.id, one.status) for one in found)


def refusal(act: Callable[[], object]) -> EnvoyError:
    """Return what ``act`` fails with."""
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


# -- from the words ---------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["lead", "a1"])
def test_a_deleted_profile_comes_back_with_all_it_had(who: str, machine: Config) -> None:
    config = of(machine, who)
    said, before, stored = words(config), events(config), recovery.open_stored(config)
    drop(config)
    done = recovery.recover(config, said, name=None)
    assert recovery.open_stored(config).identity == stored.identity
    assert (done.did, done.name, done.is_new) == (stored.identity.did, stored.name, True)
    assert done.type == ("human" if who == "lead" else "agent") and done.failed == []
    wanted = ["bughunt", "private"] if who == "lead" else ["bughunt"]
    assert sorted(row.name for row in done.spaces) == wanted
    assert events(config) == before


def test_who_came_back_writes_under_a_new_chain_and_is_believed(machine: Config) -> None:
    config = of(machine, "a1")
    said = words(config)
    with writes.open_profile(config) as profile:
        old = profile.rows.spaces()[0].chain
    drop(config)
    recovery.recover(config, said, name=None)
    with writes.open_profile(config) as profile:
        copy = writes.open_space(profile, None)
        task = tasks.create(copy, "a task of after")
        tasks.claim(copy, task.after.id, session="default")
        assert copy.space.chain not in (None, old) and copy.space.pending == 0
    found = events(machine)
    assert events(config) == found
    assert {status for _, status in found} == {"ok"}
    with writes.open_profile(machine) as profile:
        assert writes.open_space(profile, "bughunt").profile.events.forked(1) == {}


def test_all_profiles_of_a_machine_come_back_from_words_and_hub(machine: Config) -> None:
    both = [machine, of(machine, "a1")]
    said, before = [words(one) for one in both], [events(one) for one in both]
    shutil.rmtree(os.path.join(machine.home, "profiles"))
    for config, text in zip(both, said, strict=True):
        recovery.recover(config, text, name=None)
    assert [events(one) for one in both] == before
    with writes.open_profile(machine) as profile:
        copy = writes.open_space(profile, "bughunt")
        assert copy.space.role == "owner" and copy.space.adequate
        work.send(copy, "on we go")
        members.make(copy, role="write", max_uses=1, ttl_ms=LEFT)
    assert events(both[1]) == events(machine)


def test_history_from_before_an_epoch_of_mine_comes_back(machine: Config) -> None:
    config = of(machine, "a1")
    with writes.open_profile(machine) as profile:
        local.sync_all(profile, None)  # the used-up invite ends, and with it the epoch
        work.send(writes.open_space(profile, "bughunt"), "under the new epoch")
        assert len(profile.events.epochs(1)) > 1
    said, before = words(config), events(config)
    drop(config)
    recovery.recover(config, said, name=None)
    assert events(config) == before and len(before) > 6


def test_a_space_of_others_leaves_nothing(machine: Config) -> None:
    config = of(machine, "stranger")
    done = recovery.recover(config, " ".join(identity.recovery_words(b"\7" * 32)), name="Eve")
    assert done.spaces == [] and done.name == "Eve"
    with writes.open_profile(config) as profile:
        assert profile.rows.spaces() == []
        kept = [profile.events.epochs(sn) for sn in range(4)]
        assert kept == [[], [], [], []]


def test_a_new_name_is_told_to_the_spaces(machine: Config) -> None:
    config = of(machine, "a1")
    said = words(config)
    drop(config)
    assert recovery.recover(config, said, name="Botty").name == "Botty"
    events(machine)
    with reads.open_reader(machine) as reader:
        names = [one.name for one in reader.people(reader.space("bughunt")).all()]
    assert sorted(names) == ["Ada", "Botty"]


def test_repeating_looks_for_what_was_missing(machine: Config) -> None:
    said, aside = words(machine), machine.home + "-hub"
    shutil.rmtree(home.paths(machine.home, "lead").profile)
    os.rename(os.path.join(machine.home, "hub"), aside)
    assert recovery.recover(machine, said, name="Ada").spaces == []
    shutil.rmtree(os.path.join(machine.home, "hub"))
    os.rename(aside, os.path.join(machine.home, "hub"))
    again = recovery.recover(machine, said, name=None)
    assert [again.is_new, sorted(row.name for row in again.spaces)] == [
        False,
        ["bughunt", "private"],
    ]
    assert recovery.recover(machine, said, name=None).spaces == []


def test_a_profile_of_somebody_else_stays(machine: Config) -> None:
    other = " ".join(identity.recovery_words(b"\7" * 32))
    assert refusal(lambda: recovery.recover(machine, other, name=None)).code == "already_exists"
    assert recovery.open_stored(machine).name == "Ada"


def test_a_lost_identity_file_costs_nothing_that_was_not_sent(
    machine: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = words(machine)
    with writes.open_profile(machine) as profile, monkeypatch.context() as patch:
        patch.setattr(profile.hub, "handle", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work.send(writes.open_space(profile, "bughunt"), "never sent")
    before = [one for one, _ in unsynced(machine)]
    os.unlink(home.paths(machine.home, "lead").identity)
    recovery.recover(machine, said, name=None)
    assert {one for one, _ in events(machine)} >= set(before)
    assert not os.path.exists(os.path.join(machine.home, "aside"))


def unsynced(config: Config) -> list[tuple[bytes, str]]:
    """Return the events of this copy alone."""
    with writes.open_profile(config) as profile:
        copy = writes.open_space(profile, "bughunt")
        found = profile.events.entries(copy.sn, after=0, limit=10_000)
        return [(one.id, one.status) for one in found]


def test_the_database_of_somebody_else_is_put_aside(machine: Config) -> None:
    os.unlink(home.paths(machine.home, "lead").identity)
    writes.init_profile(machine, name="New", type="agent")
    with writes.open_profile(machine) as profile:
        assert profile.rows.spaces() == []
    (aside,) = os.listdir(os.path.join(machine.home, "aside"))
    assert os.path.exists(os.path.join(machine.home, "aside", aside, "replica.db"))


def test_a_locked_profile_without_its_file_comes_back_without_lock(
    machine: Config, tmp_path: Path
) -> None:
    said, before = words(machine), events(machine)
    secrets.change(machine, "passphrase", new_file=passphrase(tmp_path, "x"))
    where = home.paths(machine.home, "lead")
    os.unlink(where.identity)
    recovery.recover(machine, said, name=None)
    assert db.is_plain(where.replica) and events(machine) == before


@pytest.mark.parametrize("how", ["damaged", "locked"])
def test_the_words_need_neither_a_sound_file_nor_a_passphrase(
    how: str, machine: Config, tmp_path: Path
) -> None:
    said, before, where = words(machine), events(machine), home.paths(machine.home, "lead")
    if how == "locked":
        secrets.change(machine, "passphrase", new_file=passphrase(tmp_path, "x"))
    else:
        Path(where.identity).write_text(Path(where.identity).read_text().replace("Ada", "Eve"))
    secrets._KNOWN.clear()
    assert refusal(lambda: events(machine)).code in ("state_corrupt", "profile_locked")
    other = " ".join(identity.recovery_words(b"\7" * 32))
    assert refusal(lambda: recovery.recover(machine, other, name=None)).code == "already_exists"
    done = recovery.recover(machine, said, name=None)
    assert (done.name, done.is_new, done.aside) == ("Ada", True, None)
    assert db.is_plain(where.replica) and events(machine) == before


def test_a_lock_stays_where_the_passphrase_is_known(machine: Config, tmp_path: Path) -> None:
    secret = passphrase(tmp_path, "x")
    said = words(machine)
    secrets.change(machine, "passphrase", new_file=secret)
    config = machine._replace(passphrase_file=secret)
    assert not recovery.recover(config, said, name=None).is_new
    assert home.public(home.paths(machine.home, "lead")).lock == "passphrase"


def test_words_are_on_the_disk_before_there_is_an_identity(
    machine: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, path = of(machine, "new"), str(tmp_path / "words")
    outlet = cli.Outlet(cli.FILE, path, chosen=True)

    def full(*_: object, **__: object) -> None:
        raise InternalError("storage_failed")

    for place, name in ((recovery, "save"), (home, "write_record")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            error = refusal(lambda: cli.make(config, name="New", type="agent", words=outlet))
        assert error.code == "storage_failed"
        assert not home.is_made(home.paths(config.home, "new")) and not os.path.exists(path)
    made = cli.make(config, name="New", type="agent", words=outlet)
    assert Path(path).read_text().split() == words(config).split() and made.is_new


# -- archives ---------------------------------------------------------------------------------


def passphrase(where: Path, text: str) -> str:
    """Return a file with a passphrase."""
    path = where / f"passphrase-{text}"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def test_an_identity_leaves_and_comes_back(machine: Config, tmp_path: Path) -> None:
    config = of(machine, "a1")
    path, secret = str(tmp_path / "a1.envoy-id"), passphrase(tmp_path, "x")
    before, stored = events(config), recovery.open_stored(config)
    recovery.export_file(config, path, passphrase_file=secret)
    assert stored.identity.root not in Path(path).read_bytes()
    assert os.stat(path).st_mode & 0o777 == 0o600
    drop(config)
    done = recovery.import_file(config._replace(passphrase_file=secret), path, replace=False)
    assert recovery.open_stored(config) == stored and events(config) == before
    assert [row.name for row in done.spaces] == ["bughunt"] and done.aside is None
    assert [one for one in os.listdir(machine.home) if one.startswith(".")] == []


def test_an_import_replaces_on_demand_and_puts_the_old_one_aside(
    machine: Config, tmp_path: Path
) -> None:
    path, secret = str(tmp_path / "x"), passphrase(tmp_path, "x")
    recovery.export_file(machine, path, passphrase_file=secret)
    config = of(machine, "a1")._replace(passphrase_file=secret)
    kept = words(config)
    assert refusal(lambda: recovery.import_file(config, path, replace=False)).code == (
        "already_exists"
    )
    assert words(config) == kept
    done = recovery.import_file(config, path, replace=True)
    assert words(config) == words(machine) and done.aside is not None
    assert os.path.exists(os.path.join(done.aside, "identity.json"))
    assert events(config) == events(machine)


def test_a_damaged_identity_file_is_replaced_and_the_database_stays(
    machine: Config, tmp_path: Path
) -> None:
    path, secret = str(tmp_path / "x"), passphrase(tmp_path, "x")
    recovery.export_file(machine, path, passphrase_file=secret)
    where, before = home.paths(machine.home, "lead"), events(machine)
    Path(where.identity).write_bytes(b"{}")
    assert refusal(lambda: events(machine)).code == "state_corrupt"
    config = machine._replace(passphrase_file=secret)
    assert recovery.import_file(config, path, replace=True).aside is None
    assert events(machine) == before


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        pytest.param([], "no_identity", id="nothing"),
        pytest.param([Source("replica.db", b"x")], "no_identity", id="something else"),
        pytest.param([Source("identity.json", b"[]")], "no_identity", id="no record"),
        pytest.param([Source("identity.json", b"{")], "no_identity", id="no JSON"),
        pytest.param([Source("identity.json", b"{}")], "no_identity", id="an empty record"),
    ],
)
def test_an_archive_without_an_identity_changes_nothing(
    sources: list[Source], reason: str, machine: Config, tmp_path: Path
) -> None:
    path, secret = str(tmp_path / "x"), passphrase(tmp_path, "x")
    archive.write_archive(path, sources, archive.passphrase(b"x"))
    config, kept = machine._replace(passphrase_file=secret), words(machine)
    error = refusal(lambda: recovery.import_file(config, path, replace=True))
    assert (error.code, error.details["reason"]) == ("signature_invalid", reason)
    assert words(machine) == kept
    assert [one for one in os.listdir(machine.home) if one.startswith(".")] == []


def test_a_record_that_was_changed_inside_is_refused(machine: Config, tmp_path: Path) -> None:
    record = loads(dumps(identity.to_record(recovery.open_stored(machine))).encode())
    assert isinstance(record, dict)
    path, secret = str(tmp_path / "x"), passphrase(tmp_path, "x")
    sources = [Source("identity.json", dumps(record | {"enc_no": 1}).encode())]
    archive.write_archive(path, sources, archive.passphrase(b"x"))
    config = machine._replace(passphrase_file=secret)
    assert refusal(lambda: recovery.import_file(config, path, replace=True)).code == (
        "signature_invalid"
    )


def test_a_wrong_passphrase_and_a_key_instead_of_one_are_told(
    machine: Config, tmp_path: Path
) -> None:
    path, other = str(tmp_path / "x"), passphrase(tmp_path, "y")
    recovery.export_file(machine, path, passphrase_file=passphrase(tmp_path, "x"))
    config = machine._replace(passphrase_file=other)
    error = refusal(lambda: recovery.import_file(config, path, replace=True))
    assert error.details["reason"] == "wrong_passphrase_or_damaged"
    archive.write_archive(path + "2", [], archive.backup_key(b"\1" * 32))
    error = refusal(lambda: recovery.import_file(config, path + "2", replace=True))
    assert error.details["reason"] == "kdf"


def test_what_a_killed_import_left_is_swept(machine: Config, tmp_path: Path) -> None:
    path, secret = str(tmp_path / "x"), passphrase(tmp_path, "x")
    recovery.export_file(machine, path, passphrase_file=secret)
    left = Path(machine.home) / ".import-dead"
    left.mkdir()
    (left / "identity.json").write_text("a root")
    config = machine._replace(passphrase_file=secret)
    recovery.import_file(config, path, replace=True)
    assert not left.exists()


def test_nothing_is_exported_over_a_file(machine: Config, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("mine")
    assert refusal(lambda: recovery.export_file(machine, str(path), passphrase_file=None)).code == (
        "already_exists"
    )
    assert path.read_text() == "mine"


# -- names ------------------------------------------------------------------------------------


def test_a_new_name_reaches_every_space_that_takes_one(machine: Config) -> None:
    with writes.open_profile(machine) as profile:
        space.close(writes.open_space(profile, "private"))
        done = actions.rename(profile, "Grace")
        again = actions.rename(profile, "Grace")
    assert [(one.changed, one.error) for one in done] == [(True, None), (False, "space_closed")]
    assert [one.changed for one in again] == [False, False]
    events(of(machine, "a1"))
    with reads.open_reader(of(machine, "a1")) as reader:
        found = {one.name: one.type for one in reader.people(reader.space(None)).all()}
    assert found == {"Grace": "human", "Bot": "agent"}

"""Writes: a profile opened with everything behind its ports, and closed again whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.crypto.sign import tagged
from envoy.errors import EnvoyError
from envoy.ids import to_text
from envoy.replica.actions import members, space, work
from envoy.storage import home, replica_file, schema
from envoy.system import db, host
from envoy.wiring import config as configs
from envoy.wiring import writes
from envoy.wiring.config import Config


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    return configs.load({"profile": "lead"}, read_toml=lambda _: {})


@pytest.fixture
def lead(config: Config) -> Config:
    writes.init_profile(config, name="Ada", type="human")
    return config


def refusal(act: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


def opened(config: Config) -> str:
    """Open and close a profile; return its name."""
    with writes.open_profile(config) as profile:
        return profile.name


def test_a_profile_has_what_it_was_made_with(lead: Config) -> None:
    with writes.open_profile(lead) as profile:
        assert (profile.name, profile.type, profile.session) == ("Ada", "human", "default")
        assert profile.rows.spaces() == [] and len(profile.hub.hub_key) == 32
        assert abs(profile.clock.now_ms() - host.now_ms()) < 60_000
        assert len(profile.entropy(8)) == 8
    where = home.paths(lead.home, lead.profile)
    for path in (where.identity, where.replica, where.hub):
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_there_is_one_identity_per_profile(lead: Config) -> None:
    record = Path(home.paths(lead.home, lead.profile).identity).read_bytes()
    error = refusal(lambda: writes.init_profile(lead, name="Eve", type="agent"))
    assert error.code == "already_exists"
    assert Path(home.paths(lead.home, lead.profile).identity).read_bytes() == record
    with writes.open_profile(lead) as profile:
        assert (profile.name, profile.type) == ("Ada", "human")


def test_a_profile_that_was_cut_short_while_it_was_made_is_made_again(config: Config) -> None:
    where = home.paths(config.home, config.profile)
    home.make(where)
    with replica_file.open_file(where):
        pass
    assert refusal(lambda: opened(config)).code == "profile_not_found"
    writes.init_profile(config, name="Ada", type="human")
    with writes.open_profile(config) as profile:
        assert profile.type == "human"


def test_a_profile_nobody_made_is_not_found(config: Config) -> None:
    assert refusal(lambda: opened(config)).code == "profile_not_found"


BROKEN = [
    pytest.param("identity", b"{", "state_corrupt", id="an identity that is no JSON"),
    pytest.param("identity", b"{}", "state_corrupt", id="an identity without fields"),
    pytest.param("replica", b"x" * 5_000, "state_corrupt", id="a log that is no database"),
    pytest.param("hub", b"x" * 5_000, "state_corrupt", id="a hub that is no database"),
]


@pytest.mark.parametrize(("part", "data", "code"), BROKEN)
def test_what_is_broken_is_named_and_everything_is_closed(
    lead: Config, part: str, data: bytes, code: str
) -> None:
    opened(lead)
    path = Path(getattr(home.paths(lead.home, lead.profile), part))
    for one in path.parent.glob(path.name + "-*"):
        one.unlink()
    path.write_bytes(data)
    error = refusal(lambda: opened(lead))
    assert error.code == code and error.details.get("path", os.fspath(path)) == os.fspath(path)


@pytest.mark.parametrize("part", ["identity", "replica", "hub"])
def test_what_others_can_read_is_refused(lead: Config, part: str) -> None:
    opened(lead)
    path = getattr(home.paths(lead.home, lead.profile), part)
    os.chmod(path, 0o644)
    assert refusal(lambda: opened(lead)).code == "state_access_denied"
    os.chmod(path, 0o600)
    assert opened(lead) == "Ada"


def test_a_log_of_a_newer_build_is_refused(lead: Config) -> None:
    with replica_file.open_file(home.paths(lead.home, lead.profile)) as connection:
        connection.run(f"PRAGMA user_version={schema.VERSION + 1}")
        replica_file.put_meta(connection, "schema", schema.VERSION + 1)
    assert refusal(lambda: opened(lead)).code == "schema_too_new"


def test_rows_of_another_build_are_made_anew(lead: Config) -> None:
    with writes.open_profile(lead) as profile:
        row = space.create(profile, "bughunt")
        work.send(writes.open_space(profile, None), "hello")
    with replica_file.open_file(home.paths(lead.home, lead.profile)) as connection:
        connection.run("DELETE FROM item; DELETE FROM member; DELETE FROM words")
        replica_file.put_meta(connection, "projection", schema.PROJECTION - 1)
    with writes.open_profile(lead) as profile:
        assert len(profile.rows.members(row.sn)) == 1
        assert profile.rows.last_item(row.sn) is not None
        assert writes.open_space(profile, None).space.state_sum != row.state_sum
    with replica_file.open_file(home.paths(lead.home, lead.profile)) as connection:
        assert not replica_file.is_outdated(connection)
        assert connection.find(int, "SELECT count(*) FROM words") == 1


def test_a_space_is_found_by_name_id_and_alone(lead: Config) -> None:
    with writes.open_profile(lead) as profile:
        assert refusal(lambda: writes.open_space(profile, None)).code == "space_not_found"
        row = space.create(profile, "bughunt")
        text = to_text("space", row.id)
        for ref in (None, "bughunt", text, text[:14]):
            assert writes.open_space(profile, ref).sn == row.sn
        space.create(profile, "other")
        assert refusal(lambda: writes.open_space(profile, None)).code == "missing_required_flag"
        assert refusal(lambda: writes.open_space(profile, "nothing")).code == "space_not_found"
        space.create(profile, "other")
        assert refusal(lambda: writes.open_space(profile, "other")).code == "space_name_ambiguous"


def joined(lead: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the profile of an agent in the space of ``lead``."""
    del monkeypatch
    agent = configs.load({"profile": "agent"}, read_toml=lambda _: {})
    writes.init_profile(agent, name="agent", type="agent")
    with writes.open_profile(lead) as profile:
        space.create(profile, "bughunt")
        copy = writes.open_space(profile, None)
        code = members.make(copy, role="write", max_uses=1, ttl_ms=60_000).code
    with writes.open_profile(agent) as profile:
        members.join(profile, code, name="agent")
    return agent


def test_a_refresh_takes_in_what_is_new_and_writes_nothing_of_its_own(
    lead: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = joined(lead, monkeypatch)
    with writes.open_profile(agent) as profile:
        work.send(writes.open_space(profile, None), "hello")
    with writes.open_profile(lead) as profile:
        before = writes.open_space(profile, None).space
    writes.refresh(lead, [before.id])
    with writes.open_profile(lead) as profile:
        after = writes.open_space(profile, None).space
    assert after.events > before.events and after.cursor > before.cursor
    # The invite is used up, but ending it is no business of a read.
    assert after.pending == 0 and after.adequate == 1
    with writes.open_profile(lead) as profile:
        (invite,) = profile.rows.invites(after.sn).values()
    assert invite.status == "used"


def test_a_refresh_ends_after_its_time(lead: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = joined(lead, monkeypatch)
    with writes.open_profile(agent) as profile:
        work.send(writes.open_space(profile, None), "hello")
    with writes.open_profile(lead) as profile:
        before = writes.open_space(profile, None).space
    monkeypatch.setattr(limits, "PULL_SECONDS_MAX", 0)
    writes.refresh(lead, [before.id])
    with writes.open_profile(lead) as profile:
        assert writes.open_space(profile, None).space == before


def test_a_long_page_is_verified_on_threads_in_its_order() -> None:
    few, many = list(range(3)), list(range(writes.THREADS_MIN * 4))
    before = tagged("env", b"frame")
    with ExitStack() as open_until:
        threads = writes.Threads(open_until)
        assert threads.begin(lambda one: one + 1, few)() == [1, 2, 3]
        waits = [threads.begin(lambda one: one + 1, many), threads.begin(lambda one: -one, many)]
        assert waits[0]() == [one + 1 for one in many] and waits[1]() == [-one for one in many]
    assert tagged("env", b"frame") == before  # by the SHA-256 that came with the threads


def test_no_did_reaches_the_hub(lead: Config) -> None:
    with writes.open_profile(lead) as profile:
        name = writes.poster(profile.identity)
        space.create(profile, "bughunt")
        assert name != profile.identity.did and len(name) == 32
        assert name == writes.poster(profile.identity)
    hub = Path(home.paths(lead.home, lead.profile).hub)
    with db.connect(str(hub), read_only=True) as connection:
        tables = connection.rows(str, "SELECT name FROM sqlite_schema WHERE type = 'table'")
        data = b"".join(
            repr(connection.rows(lambda *row: row, f"SELECT * FROM {table}")).encode()
            for table in tables
            if table != "keys"  # the directory of this machine: whom something can be sealed to
        )
    assert repr(name).encode() in data and repr(profile.identity.did).encode() not in data
    files = b"".join(path.read_bytes() for path in hub.parent.glob("hub.db*"))
    assert b"bughunt" not in files and b"Ada" not in files


def test_who_is_told_to_ask_nobody_writes_and_sends_nothing(lead: Config) -> None:
    with writes.open_profile(lead) as profile:
        row = space.create(profile, "bughunt")
    with writes.open_profile(lead._replace(sync=False)) as profile:
        sent = work.send(writes.open_space(profile, None), "kept here")
        assert (sent.delivery, profile.rows.space(row.sn).pending) == ("pending", 1)
    with writes.open_profile(lead) as profile:
        sent = work.send(writes.open_space(profile, None), "and now both")
        assert (sent.delivery, profile.rows.space(row.sn).pending) == ("delivered", 0)

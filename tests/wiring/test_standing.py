"""Standing: a profile that stays open is the one that would be opened now."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy.errors import IntegrityError, NotFoundError, UsageError
from envoy.hub import links
from envoy.replica.actions import space, work
from envoy.replica.replica import Replica
from envoy.storage import home
from envoy.storage.events import EventStore
from envoy.system import db
from envoy.wiring import config as configs
from envoy.wiring import writes
from envoy.wiring.config import Config
from envoy.wiring.standing import Standing


@pytest.fixture
def lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    config = configs.load({"profile": "lead"}, read_toml=lambda _: {})
    writes.init_profile(config, name="Ada", type="human")
    with writes.open_profile(config) as profile:
        space.create(profile, "Launch")
    return config


@pytest.fixture
def standing(lead: Config) -> Iterator[Standing]:
    made = Standing(lead)
    yield made
    made.close()


def say(standing: Standing, text: str) -> EventStore:
    """Say something in the only space; return the log that it was written to."""
    with standing.opened() as profile:
        (row,) = profile.rows.spaces()
        assert work.send(Replica(profile, row.sn), text).delivery == "delivered"
        assert isinstance(profile.events, EventStore)
        return profile.events


def another(path: str) -> None:
    """Put a copy in the place of a file."""
    shutil.copy2(path, path + ".copy")
    os.replace(path + ".copy", path)


def settled(path: str) -> None:
    """Put a copy in the place of a database that nobody writes to."""
    with db.connect(path) as connection:
        connection.fold()
    another(path)


def outdated(path: str) -> None:
    """Leave projections that were made by other rules."""
    with db.connect(path) as connection:
        connection.run("UPDATE meta SET v = -1 WHERE k = 'projection'")


def test_act_after_act_uses_one_opening(standing: Standing) -> None:
    assert say(standing, "one") is say(standing, "two")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda where: settled(where.replica), id="another database of the profile"),
        pytest.param(lambda where: settled(where.hub), id="another database of the hub"),
        pytest.param(lambda where: another(where.identity), id="another record of the identity"),
        pytest.param(lambda where: outdated(where.replica), id="projections of another version"),
    ],
)
def test_what_would_be_opened_otherwise_is_opened_anew(
    standing: Standing, lead: Config, change: Callable[[home.Paths], None]
) -> None:
    before = say(standing, "one")
    change(home.paths(lead.home, lead.profile))
    after = say(standing, "two")
    assert after is not before
    assert say(standing, "three") is after


def test_a_refusal_leaves_it_open_and_damage_does_not(standing: Standing) -> None:
    before = say(standing, "one")
    with pytest.raises(UsageError), standing.opened():
        raise UsageError("invalid_argument")
    assert say(standing, "two") is before
    for error in (IntegrityError("state_corrupt"), ValueError("a bug")):
        with pytest.raises(type(error)), standing.opened():
            raise error
        after = say(standing, "three")
        assert after is not before
        before = after


def test_with_relays_or_without_a_hub_each_act_opens_it(standing: Standing, lead: Config) -> None:
    before = say(standing, "one")
    links.open_links(home.hub_directory(home.paths(lead.home, lead.profile))).close()
    assert say(standing, "two") is not before
    alone = Standing(lead._replace(sync=False))
    with alone.opened() as one, alone.opened() as two:
        assert one.events is not two.events


def test_a_profile_that_nobody_made_is_not_found(lead: Config) -> None:
    with pytest.raises(NotFoundError), Standing(lead._replace(profile="eve")).opened():
        pass

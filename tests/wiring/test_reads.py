"""Reads: opened without keys, up to date as far as can be, and never in the way of a writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from envoy.errors import IntegrityError, WaitTimeoutError
from envoy.hub import peek
from envoy.storage import schema
from envoy.views import rows
from envoy.wiring import config as configs
from envoy.wiring import reads
from envoy.wiring.config import Config
from rowhome import RowHome


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RowHome]:
    made = RowHome(tmp_path)
    made.member(made.space(), "lead")
    yield made
    made.connection.close()


@pytest.fixture
def config(home: RowHome, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("ENVOY_HOME", str(home.root))
    return configs.load({"profile": "lead"}, read_toml=lambda _: {})


class Hub:
    """What stands for the hub and the write side."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: RowHome) -> None:
        self.heads: dict[bytes, int] = {}
        self.asked: list[list[bytes]] = []
        self.home = home
        self.works = True
        monkeypatch.setattr(peek.Peek, "newest", lambda *_: dict(self.heads))
        monkeypatch.setattr(reads, "refresh", self.refresh)

    def refresh(self, _: Config, spaces: Sequence[bytes]) -> None:
        """Take in what is new, or fail."""
        self.asked.append(list(spaces))
        if not self.works:
            raise WaitTimeoutError("timeout")
        for space, head in self.heads.items():
            self.home.write("UPDATE space SET cursor = ? WHERE id = ?", (head, space))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, home: RowHome) -> Hub:
    return Hub(monkeypatch, home)


def only(reader: reads.Reader) -> rows.Space:
    """Return the one space of a reader."""
    (space,) = reader.spaces
    return space


def test_with_nothing_new_the_write_side_is_not_asked(config: Config, hub: Hub) -> None:
    with reads.open_reader(config) as reader:
        assert hub.asked == [] and not reader.is_stale(reader.spaces)
        assert reader.freshness(reader.spaces)["stale"] is False


def test_what_is_new_is_taken_in_first(config: Config, hub: Hub, home: RowHome) -> None:
    space = home.connection.find(bytes, "SELECT id FROM space") or b""
    hub.heads = {space: 7}
    with reads.open_reader(config) as reader:
        assert hub.asked == [[space]] and only(reader).cursor == 7
        assert not reader.is_stale(reader.spaces)


def test_what_cannot_be_taken_in_is_told_and_the_answer_comes(
    config: Config, hub: Hub, home: RowHome
) -> None:
    hub.works = False
    hub.heads = {home.connection.find(bytes, "SELECT id FROM space") or b"": 7}
    with reads.open_reader(config) as reader:
        assert reader.is_stale(reader.spaces) and only(reader).cursor == 0


def test_a_hub_that_lost_everything_is_noticed(config: Config, hub: Hub, home: RowHome) -> None:
    home.write("UPDATE space SET cursor = 7")
    hub.works = False
    with reads.open_reader(config) as reader:
        assert reader.is_stale(reader.spaces) and len(hub.asked) == 1


def test_without_sync_nobody_is_asked(config: Config, hub: Hub, home: RowHome) -> None:
    hub.heads = {home.connection.find(bytes, "SELECT id FROM space") or b"": 7}
    with reads.open_reader(config._replace(sync=False)) as reader:
        assert hub.asked == [] and not reader.is_stale(reader.spaces)


def test_an_older_database_is_brought_up_by_the_write_side(
    config: Config, hub: Hub, home: RowHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("UPDATE meta SET v = 0 WHERE k = 'projection'")
    with pytest.raises(IntegrityError, match="state_corrupt"):
        reads.open_reader(config)

    def rebuild(_: Config, spaces: Sequence[bytes]) -> None:
        home.write(f"UPDATE meta SET v = {schema.PROJECTION} WHERE k = 'projection'")
        assert spaces == []

    monkeypatch.setattr(reads, "refresh", rebuild)
    with reads.open_reader(config) as reader:
        assert only(reader).name == "bughunt"


def test_all_answers_of_a_reader_are_of_one_moment(config: Config, hub: Hub, home: RowHome) -> None:
    with reads.open_reader(config) as reader:
        space = only(reader)
        home.save(space._replace(name="renamed"))
        assert reader.views.spaces()[0].name == "bughunt"
        reader.look()
        assert only(reader).name == "renamed"


def test_a_reader_that_waits_holds_nothing(config: Config, hub: Hub, home: RowHome) -> None:
    with reads.open_reader(config) as reader, reader.waiter() as waiter:
        waiter.wait(0)
        home.save(home.space("another"))
        home.connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = home.connection.rows(lambda *row: row[0], "PRAGMA wal_checkpoint(TRUNCATE)")
        assert busy == [0], "a read transaction would have stopped the checkpoint"
        assert reader.spaces


def test_a_wait_ends_with_the_commit_and_not_with_its_first_page(
    config: Config, hub: Hub, home: RowHome
) -> None:
    """The kernel tells of pages while they are written; what they say counts only afterwards."""
    with reads.open_reader(config) as reader, reader.waiter() as waiter:
        reader.look()
        later = home.later(lambda twin: twin.space("another"))
        waiter.wait(20)
        assert [space.name for space in reader.spaces] == ["bughunt", "another"]
        later.join()


def test_a_profile_that_gets_its_first_space_while_it_waits_sees_it(
    config: Config, hub: Hub, home: RowHome
) -> None:
    path = Path(home.where.replica)
    path.rename(path.with_name("elsewhere.db"))
    with reads.open_reader(config) as reader:
        assert reader.spaces == [] and reader.me_an() is None
        path.with_name("elsewhere.db").rename(path)
        reader.look()
        assert only(reader).name == "bughunt"

"""Links: what a machine keeps of the relays of its spaces, and what waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.errors import IntegrityError
from envoy.hub import links as linking
from hub.scenes import NOW_MS, SPACE, Hub
from hub.test_bridge import OWNER, Scene


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.links.close()


def test_a_link_and_what_waits_for_it_can_be_forgotten(at: Scene) -> None:
    at.links.send_later(SPACE, "box_put", b"call", owner=OWNER)
    at.links.keep_pass(SPACE, bytes(32), linking.Pass(b"token", 5))
    at.links.point(bytes(16), SPACE, NOW_MS + 1)
    assert at.links.pointed(bytes(16), NOW_MS) == at.link
    assert at.links.pointed(bytes(16), NOW_MS + 1) is None
    assert at.links.every() == [at.link]
    at.links.drop(SPACE)
    assert at.links.find(SPACE) is None
    assert at.links.errand_count(SPACE, OWNER) == 0
    assert at.links.find_pass(SPACE, bytes(32)) is None
    assert at.links.pointed(bytes(16), NOW_MS) is None


def test_a_token_is_kept_until_it_is_forgotten(at: Scene) -> None:
    found = linking.Pass(b"token", 5)
    at.links.keep_pass(SPACE, bytes(32), found)
    assert at.links.find_pass(SPACE, bytes(32)) == found
    at.links.keep_pass(SPACE, bytes(32), None)
    assert at.links.find_pass(SPACE, bytes(32)) is None


def test_a_machine_without_a_relay_has_no_file_of_links(tmp_path: Path) -> None:
    Hub(tmp_path / "local")
    assert not linking.exists(str(tmp_path / "local"))
    linking.open_links(str(tmp_path / "local")).close()
    assert linking.exists(str(tmp_path / "local"))


def test_links_of_a_newer_version_are_refused(tmp_path: Path, at: Scene) -> None:
    directory = str(tmp_path / "local")
    connection = at.links._connection
    newer = linking.VERSION + 1
    connection.run(f"PRAGMA user_version={newer}")
    connection.run("UPDATE meta SET v = ?", (newer.to_bytes(8),))
    with pytest.raises(IntegrityError) as caught:
        linking.open_links(directory)
    assert caught.value.code == "schema_too_new"

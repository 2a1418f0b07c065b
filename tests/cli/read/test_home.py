"""Home: who I am, where I stand, and what is wrong with a home that is not as it must be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.read.conftest import Place
from console import Console
from envoy.storage import schema
from rowhome import RowHome


def test_status_names_me_and_what_there_is_to_do(busy: Place) -> None:
    data = busy.ok("status", "status")
    (space,) = data["spaces"]
    counts = ("unread_count", "open_tasks", "my_tasks", "conflicts", "held")
    assert [space[name] for name in counts] == [4, 3, 1, 1, 1]
    assert (data["profile"], data["identity"]["display_name"]) == ("lead", "lead")
    assert (data["identity"]["kind"], data["daemon"]) == ("human", "not_used")


def test_status_is_read_at_a_glance(busy: Place) -> None:
    head, columns, space = busy.text("status").splitlines()
    assert head.startswith("envoy ") and '"lead" (' in head
    assert columns.split() == ["SPACE", "MODE", "ROLE", "UNREAD", "OPEN", "YOURS"]
    assert space.split()[0] == "bughunt" and space.endswith("1 conflict, 1 held")


def test_what_lies_beside_a_space_is_counted(place: Place) -> None:
    sql = "INSERT INTO quarantine VALUES(1, x'00', 'bad_signature', 'hub', 9, 0)"
    place.home.write(sql)
    for number, state in enumerate(("waiting", "sealed", "sealed")):
        values = (number.to_bytes(1), state)
        place.home.write("INSERT INTO parked VALUES(1, ?, ?, NULL, NULL, 0, x'')", values)
    (space,) = place.ok("status", "status")["spaces"]
    assert (space["quarantined"], space["waiting"], space["sealed"]) == (1, 1, 2)
    assert "1 quarantined, 1 waiting, 2 sealed" in place.text("spaces")


def test_a_profile_without_spaces_is_told_what_to_do(tmp_path: Path) -> None:
    home = RowHome(tmp_path)
    home.connection.close()
    for name in ("replica.db", "replica.db-wal", "replica.db-shm"):
        (tmp_path / "home/profiles/lead" / name).unlink(missing_ok=True)
    console = Console(tmp_path)
    assert "envoy join CODE" in console.call("status", ENVOY_PROFILE="lead").out
    assert console.ok("spaces", ENVOY_PROFILE="lead")["spaces"] == []
    assert console.ok("task", "list", ENVOY_PROFILE="lead")["tasks"] == []
    lost = console.call("--json", "history", ENVOY_PROFILE="lead")
    assert (lost.status, lost.data["error_code"]) == (3, "space_not_found")


def test_a_profile_that_does_not_exist_is_refused(place: Place) -> None:
    found = place.fails("profile_not_found", "--profile", "nobody", "status")
    assert found["next_command"] == "envoy quickstart" and found["profile"] == "nobody"


def test_spaces_come_page_by_page(place: Place) -> None:
    for name in ("second", "third"):
        place.home.member(place.home.space(name), "lead")
    first = place.ok("spaces", "spaces", "--limit", "2")
    rest = place.ok("spaces", "spaces", "--limit", "2", "--cursor", first["page"]["next_cursor"])
    found = [space["space_name"] for space in (*first["spaces"], *rest["spaces"])]
    assert found == ["bughunt", "second", "third"] and not rest["page"]["has_more"]


@pytest.mark.parametrize("words", [("spaces",), ("space", "list"), ("rooms",), ("room", "list")])
def test_the_list_of_spaces_has_several_names(words: tuple[str, ...], place: Place) -> None:
    assert len(place.ok("spaces", *words)["spaces"]) == 1


def test_profiles_are_listed_with_those_that_cannot_be_read(place: Place) -> None:
    broken = place.home.root / "profiles/broken"
    broken.mkdir(mode=0o700)
    (broken / "identity.json").write_text("{")
    (broken / "identity.json").chmod(0o600)
    (place.home.root / "profiles/empty").mkdir(mode=0o700)
    found = {one["profile"]: one for one in place.ok("identities", "identity", "list")["profiles"]}
    assert found.keys() == {"lead", "broken"}
    assert found["broken"]["error_code"] == "state_corrupt" and found["lead"]["current"]
    assert "state_corrupt" in place.text("identity", "list")


def test_a_shell_may_evaluate_what_use_prints(place: Place) -> None:
    assert place.text("identity", "use", "lead") == "export ENVOY_PROFILE=lead\n"
    assert place.ok("identity_use", "identity", "use", "lead")["profile"] == "lead"
    place.fails("profile_not_found", "identity", "use", "nobody")
    place.fails("invalid_argument", "identity", "use", "x; rm -rf ~")


# -- diagnose ------------------------------------------------------------------------------------


def states(place: Place, *, status: int) -> dict[str, str]:
    """Return the outcome of each check of `diagnose`, which has to exit with ``status``."""
    found = place.call("--json", "diagnose")
    assert found.status == status, found
    return {one["name"]: one["state"] for one in found.data["checks"]}


def test_a_sound_home_passes_every_check(place: Place) -> None:
    place.ok("diagnose", "diagnose")
    assert set(states(place, status=0).values()) == {"ok"}


def test_a_wide_mode_is_refused_with_the_command_that_mends_it(place: Place) -> None:
    os.chmod(place.home.root, 0o755)
    found = place.fails("state_access_denied", "status")
    assert found["next_command"].startswith("chmod 700 ") and found["reason"] == "mode"
    assert states(place, status=8)["home"] == "failed"
    os.chmod(place.home.root, 0o700)
    assert states(place, status=0)["home"] == "ok"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("profiles", "symlink", id="a link to the profiles"),
        pytest.param("profiles/lead/identity.json", "symlink", id="a link to the identity"),
        pytest.param("profiles/lead/replica.db", "symlink", id="a link to the database"),
    ],
)
def test_no_link_is_followed(name: str, reason: str, place: Place) -> None:
    path = place.home.root / name
    moved = path.with_name(path.name + ".moved")
    path.rename(moved)
    path.symlink_to(moved)
    assert place.fails("state_access_denied", "status")["reason"] == reason


def test_a_database_of_a_newer_version_is_refused_as_it_is(place: Place) -> None:
    place.home.connection.run(f"PRAGMA user_version={schema.VERSION + 1}")
    note = "INSERT OR REPLACE INTO meta(k, v) VALUES('schema', ?)"
    place.home.connection.run(note, (schema.VERSION + 1,))
    assert place.fails("schema_too_new", "status")["next_action"] == "upgrade"
    assert states(place, status=8)["tables"] == "failed"


def test_an_identity_of_a_newer_version_is_refused(place: Place) -> None:
    path = Path(place.home.where.identity)
    path.write_text(path.read_text().replace('"v":1', '"v":2'))
    assert place.fails("schema_too_new", "status")["path"] == str(path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="no object"),
        pytest.param('{"v":1}', id="fields missing"),
        pytest.param('{"v":1,"name":"n","did":"did:key:zz","lock":{"mode":"none"}}', id="no did"),
        pytest.param('{"v":1,"v":1}', id="a field twice"),
        pytest.param("x" * 20_000, id="too long"),
    ],
)
def test_an_identity_that_is_none_is_corrupt(text: str, place: Place) -> None:
    Path(place.home.where.identity).write_text(text)
    place.fails("state_corrupt", "status")


def test_damage_in_the_database_is_found(place: Place) -> None:
    place.home.connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    place.home.connection.close()
    path = Path(place.home.where.replica)
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    path.write_bytes(data)
    assert states(place, status=8)["database"] == "failed"


def test_what_is_not_in_order_in_a_space_is_a_warning(busy: Place) -> None:
    busy.home.write("INSERT INTO quarantine VALUES(1, x'00', 'bad_signature', 'hub', 9, 0)")
    busy.home.write("INSERT INTO parked VALUES(1, x'00', 'sealed', NULL, NULL, 0, x'')")
    busy.update(pending=2)
    checks = {one["name"]: one for one in busy.ok("diagnose", "diagnose")["checks"]}
    detail = "1 waiting for a key; 1 refused at the door; 1 held; 2 not sent"
    assert (checks["spaces"]["state"], checks["spaces"]["detail"]) == ("warning", detail)
    assert "hint: envoy sync" in busy.text("diagnose")


def test_an_older_database_is_a_warning(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.home.write("UPDATE meta SET v = 0 WHERE k = 'projection'")
    monkeypatch.setattr("envoy.wiring.reads.refresh", lambda *_: None)
    assert states(place, status=8)["tables"] == "warning"


def test_a_home_on_a_network_is_told_apart(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envoy.system.files.is_network", lambda _: True)
    assert states(place, status=8)["file system"] == "warning"

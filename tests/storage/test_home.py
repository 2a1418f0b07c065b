"""Home: modes, owners and links of what holds keys; who a profile is without them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envoy.errors import EnvoyError
from envoy.storage import home
from envoy.storage.home import Paths
from rowhome import digest, record

DID = digest("did lead")


@pytest.fixture
def where(tmp_path: Path) -> Paths:
    """Return the paths of a profile that exists."""
    found = home.paths(str(tmp_path / "home"), "lead")
    home.make(found)
    home.write_record(found, record(DID, "lead"), replace=False)
    return found


def code_of(act: object) -> str:
    """Return the code that ``act`` fails with."""
    assert callable(act)
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code


def test_a_profile_tells_who_it_is(where: Paths) -> None:
    assert home.public(where) == home.Public(DID, "lead", "none")
    assert where.name == "lead" and home.profiles(where.home) == ["lead"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_made_is_mine_alone_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        found = home.paths(str(tmp_path / "home"), "lead")
        home.make(found)
        home.write_record(found, record(DID, "lead"), replace=False)
    finally:
        os.umask(before)
    for path in (found.home, found.profile, os.path.dirname(found.hub)):
        assert os.stat(path).st_mode & 0o777 == 0o700
    assert os.stat(found.identity).st_mode & 0o777 == 0o600


def test_an_identity_is_made_once(where: Paths) -> None:
    assert code_of(lambda: home.write_record(where, {}, replace=False)) == "already_exists"
    home.write_record(where, record(DID, "renamed"), replace=True)
    assert home.public(where).name == "renamed"


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    found = home.paths(str(tmp_path / "home"), "lead")
    assert code_of(lambda: home.public(found)) == "profile_not_found"
    assert home.profiles(found.home) == [] and not (tmp_path / "home").exists()


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o750, 0o755, 0o777])
@pytest.mark.parametrize("part", ["home", "profile"])
def test_a_directory_that_others_enter_is_refused(mode: int, part: str, where: Paths) -> None:
    os.chmod(getattr(where, part), mode)
    assert code_of(lambda: home.public(where)) == "state_access_denied"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o666, 0o700])
def test_an_identity_that_others_read_is_refused(mode: int, where: Paths) -> None:
    os.chmod(where.identity, mode)
    assert code_of(lambda: home.public(where)) == "state_access_denied"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_narrower_mode_is_fine(mode: int, where: Paths) -> None:
    os.chmod(where.identity, mode)
    assert home.public(where).did == DID


def test_no_second_name_no_link_no_pipe(where: Paths) -> None:
    path = Path(where.identity)
    (path.parent / "second").hardlink_to(path)
    assert code_of(lambda: home.public(where)) == "state_access_denied"
    (path.parent / "second").unlink()
    assert home.public(where).did == DID
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")
    assert code_of(lambda: home.public(where)) == "state_access_denied"
    path.unlink()
    os.mkfifo(path, 0o600)
    assert code_of(lambda: home.public(where)) == "state_access_denied"
    path.unlink()
    path.mkdir(0o700)
    assert code_of(lambda: home.public(where)) == "state_access_denied"


def test_what_belongs_to_somebody_else_is_refused(
    where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(where.home).st_uid + 1)
    assert code_of(lambda: home.public(where)) == "state_access_denied"

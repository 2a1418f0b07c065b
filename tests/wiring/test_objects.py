"""Where bytes of objects come from and go to: whole under the name asked for, or not at all."""

from __future__ import annotations

import errno
import io
import os
import resource
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from envoy.core.objects import OBJECT_BYTES_MAX
from envoy.errors import EnvoyError, RelayError, UsageError
from envoy.storage import home
from envoy.wiring import config as configs
from envoy.wiring import objects
from envoy.wiring.config import Config


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the configuration of a home with one profile."""
    monkeypatch.setenv("ENVOY_HOME", os.fspath(tmp_path / "home"))
    found = configs.load({"profile": "lead"}, read_toml=lambda _: {})
    home.make(home.paths(found.home, found.profile))
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory to write into."""
    made = tmp_path / "place"
    made.mkdir()
    return made


def read_all(path: str) -> bytes:
    """Return all that an object would be made of."""
    with objects.source(path) as read:
        return b"".join(iter(lambda: read(3), b""))


def write(
    config: Config,
    path: Path,
    data: bytes = b"new",
    *,
    force: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Write ``data`` for the file ``path``; ``meanwhile`` is what happens before that ends."""
    with objects.target(config, os.fspath(path), force=force) as put:
        put(data)
        meanwhile()


def refusal(call: Callable[[], object]) -> tuple[str, object]:
    """Return the code and the reason of what is refused."""
    with pytest.raises(EnvoyError) as caught:
        call()
    details = caught.value.details
    return caught.value.code, details.get("cause", details.get("reason"))


# -- reading -------------------------------------------------------------------------------------


def test_an_object_is_made_of_a_file_or_of_what_comes_from_stdin(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").write_bytes(b"a file")
    assert read_all(os.fspath(place / "file")) == b"a file"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a stream")))
    assert read_all(objects.STREAM) == b"a stream"


def test_a_stdin_that_is_closed_is_no_empty_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal(lambda: read_all(objects.STREAM)) == ("invalid_argument", "closed")


def test_a_path_that_no_file_has_is_refused(place: Path) -> None:
    assert refusal(lambda: read_all("a\0b")) == ("invalid_argument", "nul")
    assert refusal(lambda: read_all(os.fspath(place / "gone"))) == ("invalid_argument", "missing")


def test_what_breaks_while_it_is_read_is_told_by_its_path() -> None:
    path = "/proc/self/mem"  # nothing is mapped at its beginning
    with pytest.raises(UsageError, match="invalid_argument") as caught:
        read_all(path)
    assert caught.value.details["path"] == path and caught.value.details["cause"] == "eio"


# -- writing -------------------------------------------------------------------------------------


def test_what_comes_out_is_there_whole_and_mine_alone_once_it_is_done(
    config: Config, place: Path
) -> None:
    path, seen = place / "out", list[list[str]]()
    write(config, path, meanwhile=lambda: seen.append(os.listdir(place)))
    assert [name.endswith(".tmp") for (name,) in seen] == [True]
    assert path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(place) == ["out"]


@pytest.mark.parametrize("force", [False, True])
def test_what_fails_on_the_way_leaves_nothing(config: Config, place: Path, force: bool) -> None:
    def fail() -> None:
        raise RelayError("object_incomplete")

    if force:
        (place / "out").write_bytes(b"old")
    with pytest.raises(RelayError):
        write(config, place / "out", force=force, meanwhile=fail)
    assert [path.read_bytes() for path in place.iterdir()] == [b"old"] * force


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system have no hard links."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_a_file_that_came_meanwhile_stays(
    config: Config, place: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / "out"
    if not links:
        without_links(monkeypatch)
    found = refusal(lambda: write(config, path, meanwhile=lambda: path.write_bytes(b"theirs")))
    assert found == ("already_exists", None) and path.read_bytes() == b"theirs"
    assert os.listdir(place) == ["out"]
    write(config, path, force=True)
    assert path.read_bytes() == b"new"


def test_where_there_are_no_hard_links_a_new_file_gets_its_name_as_well(
    config: Config, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_links(monkeypatch)
    write(config, place / "out")
    assert (place / "out").read_bytes() == b"new" and os.listdir(place) == ["out"]


def test_a_directory_that_came_meanwhile_is_no_place_for_a_file(
    config: Config, place: Path
) -> None:
    path = place / "out"
    found = refusal(lambda: write(config, path, force=True, meanwhile=path.mkdir))
    assert found == ("state_access_denied", "not_a_file")
    assert os.listdir(place) == ["out"] and os.listdir(path) == []


def test_a_full_disk_is_told_and_leaves_the_old_file(config: Config, place: Path) -> None:
    path = place / "out"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        found = refusal(lambda: write(config, path, b"n" * 1000, force=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found == ("storage_failed", "efbig")
    assert path.read_bytes() == b"old" and os.listdir(place) == ["out"]
    write(config, path, b"n" * 1000, force=True)


def test_a_directory_that_is_not_there_is_told_before_any_work(config: Config, place: Path) -> None:
    found = refusal(lambda: write(config, place / "no" / "out"))
    assert found == ("invalid_argument", "no_such_directory")


def test_to_stdout_goes_only_what_is_whole_and_nothing_of_it_stays(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RelayError("object_incomplete")

    out, profile = io.BytesIO(), home.paths(config.home, config.profile).profile
    before = sorted(os.listdir(profile))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    with pytest.raises(RelayError):
        write(config, Path(objects.STREAM), meanwhile=fail)
    assert out.getvalue() == b""
    write(config, Path(objects.STREAM), b"n" * 3_000_000)
    assert out.getvalue() == b"n" * 3_000_000
    assert sorted(os.listdir(profile)) == before


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        pytest.param("", "path", id="no name"),
        pytest.param("a\0b", "path", id="a zero byte"),
        pytest.param("new/", "path", id="a directory that is not there"),
        pytest.param("there", "is_a_directory", id="a directory that is"),
    ],
)
def test_a_path_that_no_new_file_has_is_refused_before_any_work(
    config: Config, place: Path, name: str, cause: str
) -> None:
    (place / "there").mkdir()

    def begin() -> None:
        with objects.target(config, f"{place}/{name}", force=True):
            raise AssertionError("there is nothing to be done")

    assert refusal(begin) == ("invalid_argument", cause)
    write(config, place / "name")


def test_what_is_no_file_or_too_large_makes_no_object(place: Path) -> None:
    with (place / "large").open("wb") as file:
        file.truncate(OBJECT_BYTES_MAX + 1)
    assert refusal(lambda: read_all(os.fspath(place / "large"))) == ("object_too_large", None)
    os.mkfifo(place / "pipe")
    for path in (place, place / "pipe"):
        assert refusal(partial(read_all, os.fspath(path))) == ("invalid_argument", "not_a_file")

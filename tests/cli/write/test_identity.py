"""Where recovery words go, and what a profile is called that nobody named."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from console import Console
from envoy import limits
from envoy.cli.args import Args, Call
from envoy.cli.write import home, identity
from envoy.cli.write.identity import Outlet
from envoy.errors import UsageError
from envoy.wiring import config


class Terminal(io.StringIO):
    """A stream with a person behind it."""

    def isatty(self) -> bool:
        """Return that there is one."""
        return True


def call(given: Mapping[str, object], **flags: object) -> Call:
    """Return a call with the arguments ``given`` and global ``flags``."""
    return Call(config.load(flags, read_toml=lambda _: {}), Args(given))


@pytest.mark.parametrize(
    ("given", "flags", "expected"),
    [
        pytest.param({}, {}, Outlet("stderr", None, False), id="auto shows them"),
        pytest.param({}, {"json": True}, Outlet("skip", None, False), id="not beside JSON"),
        pytest.param({}, {"quiet": True}, Outlet("skip", None, False), id="not if quiet"),
        pytest.param(
            {"recovery_output": "skip"}, {}, Outlet("skip", None, True), id="skip if told so"
        ),
        pytest.param(
            {"show_recovery_phrase": True}, {}, Outlet("stderr", None, True), id="the public flag"
        ),
        pytest.param(
            {"recovery_output": "file:/a/b"},
            {"json": True},
            Outlet("file", "/a/b", True),
            id="file",
        ),
    ],
)
def test_words_go_where_it_is_said(
    given: dict[str, object],
    flags: dict[str, object],
    expected: Outlet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert identity.outlet(call(given, **flags)) == expected


def test_without_a_terminal_words_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        assert identity.outlet(call({})).how == "skip"


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"recovery_output": "stderr"}, {"json": True}),
        ({"show_recovery_phrase": True, "recovery_output": "skip"}, {}),
        ({"recovery_output": "file:"}, {}),
        ({"recovery_output": "skip:"}, {}),
        ({"recovery_output": "printer"}, {}),
    ],
)
def test_words_have_no_other_place(given: dict[str, object], flags: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="invalid_argument"):
        identity.outlet(call(given, **flags))


@pytest.mark.parametrize(
    ("profile", "type", "expected"),
    [
        pytest.param("lead", "agent", "lead", id="a chosen profile"),
        pytest.param(None, "human", "ada", id="a human: the login"),
        pytest.param(None, "agent", "agent", id="an agent"),
    ],
)
def test_a_profile_that_nobody_named(
    profile: str | None, type: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENVOY_PROFILE", raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    found = call({}, **({} if profile is None else {"profile": profile})).config
    assert identity.default_label(found, type) == expected


def test_somebody_is_human_or_agent() -> None:
    assert identity.declared(call({"human": True})) == "human"
    assert identity.declared(call({"agent": True})) == "agent"
    assert identity.declared(call({})) is None
    with pytest.raises(UsageError, match="invalid_argument"):
        identity.declared(call({"human": True, "agent": True}))


def test_the_words_are_numbered(capsys: pytest.CaptureFixture[str]) -> None:
    identity.show([f"word{number}" for number in range(24)], "lead\x1b[2J", bytes(32))
    shown = capsys.readouterr()
    assert shown.out == "" and "\x1b" not in shown.err
    assert "24 word23" in shown.err and shown.err.count("\n") == 6


@pytest.mark.parametrize(
    ("directory", "expected"),
    [("bughunt", "bughunt"), ("a\nb", "space"), ("x" * 200, "space")],
)
def test_a_space_is_called_like_the_directory(
    directory: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / directory).mkdir()
    monkeypatch.chdir(tmp_path / directory)
    assert home.space_name(call({})) == expected
    assert home.space_name(call({"space_name": "other"})) == "other"


def test_words_in_a_file_are_the_words_of_the_identity(tmp_path: Path) -> None:
    console = Console(tmp_path)
    shown = console.call("init", "--recovery-output", "file:w").out
    assert str(console.cwd / "w") in shown
    assert console.call("init", "--recovery-output", "file:v").status == 5
    assert not (console.cwd / "v").exists() and (console.cwd / "w").exists()


def test_waiting_tells_who_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(tmp_path)
    real = home.wait_for_join

    def joining(call: Call, data: dict[str, object]) -> dict[str, object]:
        console.ok("--profile", "b", "join", str(data["invite_code"]))
        return real(call, data)

    monkeypatch.setattr(home, "wait_for_join", joining)
    assert console.ok("--profile", "a", "quickstart", "--wait")["joined"]["display_name"] == "b"
    monkeypatch.setattr(limits, "INVITE_SECONDS_DEFAULT", 1)
    monkeypatch.setattr(home, "wait_for_join", real)
    found = console.call("--json", "--profile", "c", "quickstart", "--wait")
    assert found.status == 6 and found.data["error_code"] == "wait_timeout"

"""The command line of the server: what it takes, and that it needs no SDK to say so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import envoy
from envoy.errors import UsageError
from envoy.mcp import main
from envoy.mcp.session import Bounds
from envoy.wiring.config import Config

WITHOUT_SDK = "import sys; sys.modules['mcp'] = None; from envoy.mcp.main import main; "


def python(program: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ENVOY_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_it_says_what_it_is_without_the_sdk(flag: str, tmp_path: Path) -> None:
    done = python(f"{WITHOUT_SDK}main(['{flag}'])", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("envoy-mcp " + envoy.__version__, "usage: envoy-mcp"))


def test_where_the_sdk_is_missing_it_says_so(tmp_path: Path) -> None:
    done = python(f"{WITHOUT_SDK}sys.exit(main([]))", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error[unsupported_operation]: {main.MISSING}\n"


def test_the_flags_of_scripts_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[tuple[Config, Bounds]]()
    from_sdk = "envoy.mcp.server.run"
    monkeypatch.setattr(from_sdk, lambda config, bounds: seen.append((config, bounds)))
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path))
    monkeypatch.delenv("ENVOY_SESSION", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main.main(["--envoy-bin", "/abs/envoy", "--profile", "a1"]) == 0
    assert main.main(["--space", "s", "--deny-cross-space", "--read-only", "--root", "/"]) == 0
    (config, bounds), (other, strict) = seen
    assert (config.profile, bounds) == ("a1", Bounds(str(tmp_path.resolve())))
    assert strict == Bounds("/", "s", no_crossing=True, read_only=True)
    assert config.session.startswith("mcp-") and config.session != other.session
    monkeypatch.setenv("ENVOY_SESSION", "cc-51")
    main.main([])
    assert seen[-1][0].session == "cc-51"


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["--root", "/nowhere/at/all"], id="a root that is none"),
        pytest.param(["--profile", "../x"], id="a profile that is a path"),
    ],
)
def test_what_cannot_work_ends_at_once(
    argv: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path))
    assert main.main(argv) == UsageError.exit
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("error[invalid_argument]")


def test_an_interrupt_is_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(config: Config, bounds: Bounds) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("envoy.mcp.server.run", interrupted)
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path))
    assert main.main([]) == main.EXIT_INTERRUPT

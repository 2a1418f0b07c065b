"""What `hooks install` writes, and the bundles, as the programs of the vendors read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import nodetools
from console import Console

pytestmark = pytest.mark.slow

BUNDLES = Path(__file__).parents[2] / "integrations"
# Nothing is sent anywhere, and no folder is asked about.
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """Return a console with a profile."""
    found = Console(tmp_path)
    found.ok("quickstart")
    yield found


def asked(console: Console, *words: str) -> subprocess.CompletedProcess[str]:
    """Ask a program of a vendor something, as the user whose files Envoy wrote."""
    name, *rest = words
    node = Path(nodetools.node() or "")
    environment = console.environment(**QUIET)
    environment["PATH"] = f"{node.parent}:{environment['PATH']}"
    return subprocess.run(
        [*nodetools.command(name), *rest],
        env=environment,
        cwd=console.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that was said, blanks as one."""
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("asking", "good", "broken_by"),
    [
        pytest.param(
            ("claude", "plugin", "validate"),
            "Validation passed",
            ("claude-code", "hooks/hooks.json", '{"hooks": {"SessionBegin": []}}'),
            id="claude-code",
        ),
        pytest.param(
            ("gemini", "extensions", "validate"),
            "successfully validated",
            ("gemini", "gemini-extension.json", '{"version": 1}'),
            id="gemini",
        ),
    ],
)
def test_a_bundle_is_what_its_vendor_asks_for(
    console: Console, asking: tuple[str, ...], good: str, broken_by: tuple[str, str, str]
) -> None:
    name, file, text = broken_by
    done = asked(console, *asking, str(BUNDLES / name))
    assert done.returncode == 0 and good in said(done), done
    broken = console.cwd / name
    shutil.copytree(BUNDLES / name, broken)
    assert (broken / file).exists()
    (broken / file).write_text(text)
    done = asked(console, *asking, str(broken))
    assert done.returncode != 0 or good not in said(done), "the validator validates"


@pytest.mark.parametrize(
    ("runtime", "words", "good"),
    [
        pytest.param(
            "claude-code",
            ("claude", "mcp", "get", "envoy"),
            "Status: ✔ Connected",
            id="claude-code",
        ),
        pytest.param(
            "codex", ("codex", "mcp", "list"), r"envoy \S*envoy-mcp .* enabled", id="codex"
        ),
        pytest.param(
            "gemini", ("gemini", "mcp", "list"), r"envoy: \S*envoy-mcp .* Connected", id="gemini"
        ),
    ],
)
def test_a_runtime_finds_the_server_that_was_installed(
    console: Console, runtime: str, words: tuple[str, ...], good: str
) -> None:
    assert not re.search(good, said(asked(console, *words))), "nothing is installed yet"
    console.ok("hooks", "install", runtime)
    done = asked(console, *words)
    assert re.search(good, said(done)), done
    console.ok("hooks", "uninstall", runtime)
    assert not re.search(good, said(asked(console, *words)))

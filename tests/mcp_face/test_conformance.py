"""The protocol's own conformance suite, against the server behind loopback HTTP.

The suite asks for tools, prompts and resources of its own names: they are other names here for
ours. It knows the protocol up to 2025-11-25. What it cannot ask of this server, because the server
does not offer it, stands in ``NOT_OFFERED``; together that is the whole suite.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import nodetools
from envoy import limits
from envoy.mcp import resources, table, tools
from envoy.mcp.resources import Address, Prompt
from envoy.mcp.table import READS, Arg, Tool, number
from mcphttp import over_http
from mcpplay import team

pytestmark = pytest.mark.slow

HELD = (
    *("server-initialize", "ping", "dns-rebinding-protection"),
    *("tools-list", "tools-call-simple-text", "tools-call-error", "tools-call-with-progress"),
    *("resources-list", "resources-read-text", "resources-templates-read"),
    *("resources-subscribe", "resources-unsubscribe"),
    *("prompts-list", "prompts-get-simple", "prompts-get-with-args"),
    "server-sse-multiple-streams",
)
NOT_OFFERED = {
    "logging": ("logging-set-level", "tools-call-with-logging"),
    "completion": ("completion-complete",),
    "pictures, sounds, embedded resources": (
        *("tools-call-image", "tools-call-audio", "tools-call-embedded-resource"),
        *("tools-call-mixed-content", "resources-read-binary"),
        *("prompts-get-embedded-resource", "prompts-get-with-image"),
    ),
    "sampling, elicitation": (
        *("tools-call-sampling", "tools-call-elicitation"),
        *("elicitation-sep1034-defaults", "elicitation-sep1330-enums"),
    ),
    "a schema of the suite's own tool": ("json-schema-2020-12",),
    "streams that are taken up again: there is no HTTP for users": ("server-sse-polling",),
}
WAITS = Tool(
    "events_wait",
    "",
    READS,
    (Arg("since", number(0, 10**9, 10**6)), Arg("wait_s", number(0, 50, 3)), table.SPACE),
    (),
)
SUITE = nodetools.command(nodetools.CONFORMANCE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve a profile under the names of the suite; return the address and a directory."""
    root = tmp_path_factory.mktemp("conformance")
    console, space = team(root, "lead", "a1")
    said = console.ok("--profile", "lead", "send", "--space", space, "Parameter 123")["event_id"]
    known = resources.address

    def address(uri: str) -> Address:
        if uri == "test://static-text":
            return Address(space, "brief", "")
        if uri == "test://template/123/data":
            return Address(space, "event", said)
        return known(uri)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MCP_PROGRESS_SECONDS", 0)
        patch.setattr(limits, "WAIT_LOOK_SECONDS", 0.5)
        patch.setattr(resources, "address", address)
        patch.setitem(table.BY_NAME, "test_simple_text", table.BY_NAME["status"])
        patch.setitem(table.BY_NAME, "test_error_handling", table.BY_NAME["trace"])
        patch.setitem(table.BY_NAME, "test_tool_with_progress", WAITS)
        patch.setattr(tools, "WAITING", (*tools.WAITING, "test_tool_with_progress"))
        named = {
            "test_simple_prompt": resources.PROMPTS["take_next_task"],
            "test_prompt_with_arguments": Prompt("Two", ("arg1", "arg2"), "See{arg1} and{arg2}."),
        }
        patch.setattr(resources, "PROMPTS", {**resources.PROMPTS, **named})
        with over_http(console.home, "a1") as url:
            yield url, root


def run(url: str, directory: Path, *words: str) -> str:
    """Return what the suite printed."""
    done = subprocess.run(
        [*SUITE, "server", "--url", url, "--output-dir", str(directory / "results"), *words],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("scenario", HELD)
def test_the_server_conforms(place: tuple[str, Path], scenario: str) -> None:
    shown = run(*place, "--scenario", scenario)
    found = re.search(r"Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings", shown)
    assert found, shown
    passed, every, failed, warned = map(int, found.groups())
    assert (passed, failed, warned) == (every, 0, 0), shown


def test_every_scenario_of_the_suite_is_held_or_not_offered() -> None:
    listed = subprocess.run(
        [*SUITE, "list", "--server"], capture_output=True, text=True, timeout=60, check=True
    )
    names = set(re.findall(r"^\s+- (\S+)", listed.stdout, re.MULTILINE))
    assert names == {*HELD, *(one for some in NOT_OFFERED.values() for one in some)}

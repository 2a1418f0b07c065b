"""Files of runtimes against the formats of their vendors, and the bundles against both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envoy.cli.tables import hooks as table
from envoy.runtimes import edits, vendors
from envoy.runtimes.vendors import Place, Tools

ROOT = Path(__file__).parents[2] / "integrations"
PLACE = Place("/h", "/p", {}, "linux")
TOOLS = Tools("/b/envoy", "/b/envoy-mcp", "a1", "/e x", "skill", prompts=True)
# Documented events of each runtime that hooks can be registered for (docs/spec/hooks.md, Runtimes).
EVENTS = {
    "claude-code": {
        *("SessionStart", "UserPromptSubmit", "PreToolUse", "PermissionRequest", "PostToolUse"),
        *("Notification", "SubagentStart", "SubagentStop", "Stop", "PreCompact", "SessionEnd"),
    },
    "codex": {
        *("SessionStart", "UserPromptSubmit", "PreToolUse", "PermissionRequest", "PostToolUse"),
        *("PreCompact", "PostCompact", "SubagentStart", "SubagentStop", "Stop"),
    },
    "gemini": {
        *("SessionStart", "SessionEnd", "BeforeAgent", "AfterAgent", "BeforeModel", "AfterModel"),
        *("BeforeToolSelection", "BeforeTool", "AfterTool", "PreCompress", "Notification"),
    },
    "cursor": {
        *("sessionStart", "sessionEnd", "preToolUse", "postToolUse", "beforeSubmitPrompt"),
        *("stop", "preCompact", "beforeShellExecution", "afterShellExecution", "afterFileEdit"),
    },
}
KEYS = {
    "claude-code": {"type", "command", "timeout"},
    "codex": {"type", "command", "timeout", "statusMessage"},
    "gemini": {"type", "command", "name", "timeout", "description"},
    "cursor": {"type", "command", "timeout", "loop_limit", "matcher", "failClosed"},
}


def commands(runtime: str, found: Any) -> list[dict[str, Any]]:
    """Return the commands in a table of hooks, each held against the documented form."""
    assert found["hooks"].keys() <= EVENTS[runtime]
    if runtime == "cursor":
        assert found["version"] == 1
        return [one for many in found["hooks"].values() for one in many]
    groups = [one for many in found["hooks"].values() for one in many]
    assert all(one.keys() <= {"matcher", "hooks"} for one in groups)
    inner = [one for group in groups for one in group["hooks"]]
    assert all(one["type"] == "command" for one in inner)
    return inner


@pytest.mark.parametrize("runtime", sorted(EVENTS))
def test_installed_hooks_have_the_form_of_the_vendor(runtime: str) -> None:
    text = vendors.hooks(runtime, TOOLS).added("")
    found = commands(runtime, json.loads(text))
    for one in found:
        assert one.keys() <= KEYS[runtime]
        assert one["timeout"] == (5000 if runtime == "gemini" else 5)
        assert one["command"].startswith("env 'ENVOY_HOME=/e x' /b/envoy hook ")
        assert "--profile a1" in one["command"]
    names = {one["command"].split(" hook ")[1].split()[0] for one in found}
    assert names == set(vendors.EVENTS[runtime].values()) <= set(edits.NAMES)


@pytest.mark.parametrize("runtime", sorted(EVENTS))
def test_a_bundle_has_the_same_hooks_by_names_on_the_path(runtime: str) -> None:
    found = json.loads((ROOT / runtime / "hooks/hooks.json").read_text("utf-8"))
    for one in commands(runtime, found):
        assert one["command"].startswith("envoy hook ")
        assert edits.OUR_HOOK.search(one["command"])
    assert not any("user-prompt" in one["command"] for one in commands(runtime, found))


@pytest.mark.parametrize(
    ("runtime", "path"),
    [
        ("claude-code", ".claude-plugin/plugin.json"),
        ("codex", ".codex-plugin/plugin.json"),
        ("gemini", "gemini-extension.json"),
        ("cursor", ".cursor-plugin/plugin.json"),
    ],
)
def test_a_bundle_says_what_it_is(runtime: str, path: str) -> None:
    found = json.loads((ROOT / runtime / path).read_text("utf-8"))
    assert found["name"] == "envoy" and found["version"].count(".") == 2
    assert (ROOT / runtime / "skills/envoy/SKILL.md").read_text("utf-8").startswith("---\nname: ")
    servers = {"claude-code": ".mcp.json", "codex": ".mcp.json", "cursor": "mcp.json"}
    table = json.loads((ROOT / runtime / servers.get(runtime, path)).read_text("utf-8"))
    assert table["mcpServers"] == {"envoy": {"command": "envoy-mcp", "args": []}}
    for name in ("skills", "hooks", "mcpServers"):
        if isinstance(found.get(name), str):
            assert found[name].startswith("./") and (ROOT / runtime / found[name]).exists()


def test_a_market_leads_to_its_bundle() -> None:
    for name in (".claude-plugin", ".agents/plugins", ".cursor-plugin"):
        (plugin,) = json.loads((ROOT / name / "marketplace.json").read_text("utf-8"))["plugins"]
        source = plugin["source"]
        path = source["path"] if isinstance(source, dict) else source
        assert (ROOT / path / "hooks/hooks.json").exists()


@pytest.mark.parametrize("scope", vendors.SCOPES)
@pytest.mark.parametrize("runtime", vendors.RUNTIMES)
def test_no_two_files_of_a_runtime_are_the_same(runtime: str, scope: str) -> None:
    if (runtime, scope) == ("any", "user"):
        return
    files = vendors.files(runtime, scope, PLACE, TOOLS)
    paths = [one.path for one in files]
    root = "/h" if scope == "user" else "/p"
    assert len(set(paths)) == len(paths) and all(path.startswith(f"{root}/") for path in paths)


def test_the_words_of_the_command_line_are_those_of_the_table() -> None:
    assert table.RUNTIMES == vendors.RUNTIMES
    assert set(table.CALLING) == set(vendors.EVENTS)
    assert tuple(table.HOOKS) == edits.NAMES


def test_vscode_lives_elsewhere_on_a_mac() -> None:
    place = PLACE._replace(platform="darwin")
    (only,) = vendors.files("vscode", "user", place, TOOLS)
    assert only.path == "/h/Library/Application Support/Code/User/mcp.json"


def test_a_runtime_has_its_own_way_or_none() -> None:
    own = {one: vendors.own_command(one, TOOLS) for one in vendors.RUNTIMES}
    assert own["claude-code"] == "claude mcp add envoy -- /b/envoy-mcp --profile a1"
    assert own["cursor"] is None

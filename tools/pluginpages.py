"""Make the plugin bundles of agent runtimes, below `integrations/`, from the tables that install.

A bundle is for whoever gets Envoy through a runtime's own market: what `envoy hooks install` writes
into settings lies there as files of a plugin, with the same hooks, the same server and the same
skills. It names programs by their names alone, since it is the same for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import agentpages
import envoy
from envoy.runtimes import vendors
from envoy.runtimes.edits import Hooks
from envoy.runtimes.jsonedit import pretty
from envoy.runtimes.vendors import CLAUDE_CODE, CODEX, CURSOR, GEMINI, Tools

Json = dict[str, object]

ROOT = "integrations"
TOOLS = Tools("envoy", "envoy-mcp", None, None, skill="", prompts=False)
SAY = "Envoy spaces for agents: tasks with one holder, signed messages, evidence, reviews."
HEAD: Json = {"name": "envoy", "version": envoy.__version__, "description": SAY}
MORE: Json = {"license": "Apache-2.0", "keywords": ["agents", "tasks", "mcp", "audit"]}
README: Mapping[str, str] = {
    CLAUDE_CODE: "`claude --plugin-dir integrations/claude-code` tries it for one session",
    CODEX: "`codex plugin marketplace add integrations`, then `codex plugin add envoy@envoy`",
    GEMINI: "`gemini extensions link integrations/gemini` installs it",
    CURSOR: "the market of `integrations` offers it to Cursor",
}


def written(value: object) -> Iterator[str]:
    """Yield a JSON file."""
    yield pretty(value, "", "\n", "  ")


def listed(runtime: str) -> Json:
    """Return the hooks of a runtime as a file has them: a list for each event."""
    edit = vendors.hooks(runtime, TOOLS)
    assert isinstance(edit, Hooks)
    return {**edit.base, "hooks": {event: [one] for event, one in edit.entries.items()}}


def servers() -> Json:
    """Return the table of servers."""
    return {"mcpServers": {"envoy": vendors.server(TOOLS)}}


def readme(runtime: str) -> Iterator[str]:
    """Yield what the bundle is."""
    yield f"# Envoy for {vendors.TITLES[runtime]}\n"
    yield "<!-- Written by `make docs` from the tables of `envoy.runtimes`; do not edit. -->\n"
    yield f"Hooks, the server `envoy-mcp` and skills as a plugin: {README[runtime]}."
    yield "It needs `envoy` and `envoy-mcp` on the PATH of the runtime, and an identity:"
    yield "`envoy init --agent`. Use either the plugin or `envoy hooks install`, not both:"
    yield "[docs/hooks.md](../../docs/hooks.md)."


def rule() -> Iterator[str]:
    """Yield the rule of Cursor."""
    yield f"{vendors.RULE}\n{vendors.CONTEXT}"


def context() -> Iterator[str]:
    """Yield the context of Gemini CLI."""
    yield vendors.CONTEXT


Page = Callable[[], Iterator[str]]

MANIFESTS: Mapping[str, tuple[str, Json]] = {
    CLAUDE_CODE: (".claude-plugin/plugin.json", {**HEAD, "author": {"name": "Envoy"}, **MORE}),
    CODEX: (
        ".codex-plugin/plugin.json",
        {
            **HEAD,
            "author": {"name": "Envoy"},
            **MORE,
            "skills": "./skills/",
            "hooks": "./hooks/hooks.json",
            "mcpServers": "./.mcp.json",
        },
    ),
    GEMINI: ("gemini-extension.json", {**HEAD, **servers(), "contextFileName": "GEMINI.md"}),
    CURSOR: (".cursor-plugin/plugin.json", {**HEAD, "author": {"name": "Envoy"}, **MORE}),
}


def bundle(runtime: str) -> dict[str, Page]:
    """Return the files of one bundle by their paths in it."""
    path, manifest = MANIFESTS[runtime]
    found: dict[str, Page] = {
        path: partial(written, manifest),
        "hooks/hooks.json": partial(written, listed(runtime)),
        "README.md": partial(readme, runtime),
    }
    if runtime in (CLAUDE_CODE, CODEX):
        found[".mcp.json"] = partial(written, servers())
    if runtime == CURSOR:
        found |= {"mcp.json": partial(written, servers()), "rules/envoy.mdc": rule}
    if runtime == GEMINI:
        found["GEMINI.md"] = context
    for name in agentpages.SKILLS:
        found[f"skills/{name}/SKILL.md"] = partial(agentpages.skill, name)
    return found


MARKETS: Mapping[str, Json] = {
    ".claude-plugin/marketplace.json": {
        "name": "envoy",
        "owner": {"name": "Envoy"},
        "metadata": {"description": SAY},
        "plugins": [{"name": "envoy", "source": "./claude-code", "description": SAY}],
    },
    ".agents/plugins/marketplace.json": {
        "name": "envoy",
        "interface": {"displayName": "Envoy"},
        "plugins": [
            {
                "name": "envoy",
                "source": {"source": "local", "path": "./codex"},
                "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"},
                "category": "Productivity",
            }
        ],
    },
    ".cursor-plugin/marketplace.json": {
        "name": "envoy",
        "owner": {"name": "Envoy"},
        "metadata": {"description": SAY},
        "plugins": [{"name": "envoy", "source": "cursor", "description": SAY}],
    },
}
PAGES: dict[str, Page] = {
    f"{ROOT}/{runtime}/{path}": page
    for runtime in MANIFESTS
    for path, page in bundle(runtime).items()
}
PAGES |= {f"{ROOT}/{path}": partial(written, market) for path, market in MARKETS.items()}

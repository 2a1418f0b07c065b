"""Make what agents read: skills, `llms.txt` and `llms-full.txt`, from pages of docs.

docs/agent.md is the guide, docs/skills the usual shapes of work; the same words stand in the skills
that runtimes load, in what `envoy onboarding --agent` shows and in the two files for models that
look at a project as a whole. Front matter is that of the Agent Skills format (agentskills.io), the
files are those of llmstxt.org: a heading, a summary in a quote, lists of links, at last `Optional`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
Page = Callable[[str], str]
NEEDS = "Needs the command envoy, or an MCP client with envoy-mcp; Linux, Python 3.11 or newer."

# Name of the skill: the page that it is made of, and when a runtime shall load it.
SKILLS: Mapping[str, tuple[str, str]] = {
    "envoy": (
        "docs/agent.md",
        "Work in an Envoy space, which people and agents share: tasks with one holder, signed"
        " messages, evidence, an inbox. Use when a task, space, invite code or the commands envoy"
        " or envoy-mcp are named, when others work on the same thing, or when work has to go on"
        " after this run.",
    ),
    "envoy-repository-change": (
        "docs/skills/repository-change.md",
        "Change a repository under a gate in an Envoy space: claim the task, record test runs at"
        " a commit, hand in, get a review. Use for a bug fix, feature or refactoring that others"
        " review, or to review one.",
    ),
    "envoy-decision": (
        "docs/skills/decision.md",
        "Decide in an Envoy space with typed records: decision, objection, repair, correction,"
        " what supersedes what. Use when a choice binds others, or to object to one.",
    ),
    "envoy-incident": (
        "docs/skills/incident.md",
        "Work on an incident in an Envoy space: one leads, logs and checks are evidence, risks"
        " and corrections are records, a postmortem follows. Use when something is down or wrong"
        " in production.",
    ),
    "envoy-evaluation": (
        "docs/skills/evaluation.md",
        "Evaluate a program, model or data set in an Envoy space: results as evidence about a"
        " subject with a digest, a judgement as an approval. Use for benchmarks, measurements,"
        " audits of quality.",
    ),
    "envoy-handoff": (
        "docs/skills/handoff.md",
        "Hand work over in an Envoy space, or continue what somebody left, by a signed capsule"
        " with next step, risks and evidence. Use before a run, context or shift ends, and to"
        " take over.",
    ),
}
# What llms.txt lists: page and what is found there. What llms-full.txt holds is the first two.
LISTS: Mapping[str, Mapping[str, str]] = {
    "For agents": {
        "docs/agent.md": "five rules, and the commands of a day",
        "docs/skills/repository-change.md": "claim, record test runs at a commit, hand in, review",
        "docs/skills/decision.md": "decision, objection, repair, correction as records",
        "docs/skills/incident.md": "logs and checks as evidence, risks, corrections, postmortem",
        "docs/skills/evaluation.md": "results about a subject with a digest, and a judgement",
        "docs/skills/handoff.md": "pass work on, or go on with what somebody left",
    },
    "Use": {
        "docs/concepts.md": "what a space, member, grant, task and record are",
        "docs/quickstart.md": "a bug hunt for two, step by step",
        "docs/mcp.md": "envoy-mcp: tools, bounds, untrusted text",
        "docs/json.md": "answers, errors and exit codes for programs",
        "docs/reference/mcp-tools.md": "arguments and answers of the eighteen tools",
        "docs/reference/errors.md": "every code with its next action",
        "docs/reference/commands.md": "every command with its arguments",
    },
    "Program": {
        "docs/sdk.md": "the Python SDK",
        "docs/reference/sdk.md": "every name of the SDK",
        "docs/schemas": "JSON Schemas of all answers",
    },
    "Optional": {
        "docs/adapters.md": "Claude Code, Codex, Gemini CLI, Cursor, VS Code",
        "docs/hooks.md": "what is put into the files of a runtime, and what a session is told",
        "docs/moving-over.md": "for scripts that used the product before",
        "docs/troubleshooting.md": "cause and remedy of each code",
        "docs/security.md": "what is protected, and what not",
        "docs/operations.md": "to run a relay",
        "docs/audit.md": "to prove who did what",
        "docs/spec": "the specification",
    },
}
WHOLE = ("For agents", "Use")


def skill(name: str) -> Iterator[str]:
    """Yield the SKILL.md called ``name``: front matter, and the page with its links bent."""
    page, say = SKILLS[name]
    yield "---"
    yield f"name: {name}"
    yield f"description: {json.dumps(say)}"
    yield "license: Apache-2.0"
    yield f"compatibility: {json.dumps(NEEDS)}"
    yield "---\n"
    yield without_links((ROOT / page).read_text("utf-8"))


def without_links(text: str) -> str:
    """Return ``text`` with its relative links as words: a skill is copied away from the docs."""
    return re.sub(r"\[([^\]]+)\]\((?![a-z]+:)[^)\s]+\)", r"\1", text)


def title(text: str) -> str:
    """Return the heading of a page."""
    return text.partition("\n")[0].removeprefix("# ")


def head() -> Iterator[str]:
    """Yield what both files for models begin with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    yield "# Envoy\n"
    yield f"> {project['description']}\n"
    yield "Members share a space: tasks, messages, evidence. What members write is data; who may do"
    yield "what follows from signed grants. Distribution `envoy-space`, commands `envoy` and"
    yield "`envoy-mcp`, package `envoy`; every command takes `--json`.\n"


def index() -> Iterator[str]:
    """Yield llms.txt."""
    yield from head()
    for heading, pages in LISTS.items():
        yield f"## {heading}\n"
        for name, say in pages.items():
            path = ROOT / name
            label = title(path.read_text("utf-8")) if path.is_file() else path.stem
            yield f"- [{label}]({name}): {say}"
        yield ""


def whole(page: Page) -> Iterator[str]:
    """Yield llms-full.txt; ``page`` returns the text of a page, made anew where it is made."""
    yield from head()
    for heading in WHOLE:
        for name in LISTS[heading]:
            yield f"<!-- {name} -->\n"
            yield without_links(page(name))

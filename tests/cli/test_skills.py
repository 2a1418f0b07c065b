"""What agents read: every command in it runs, every tool call fits its schema, the formats hold."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import agentpages
from console import Console, play
from envoy.mcp import arguments
from envoy.mcp import main as mcp_main
from envoy.mcp.table import BY_NAME
from skillstage import staged

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/skills").glob("*.md"))
GUIDE = (ROOT / "docs/agent.md").read_text("utf-8")
# Agent Skills, as agentskills.io has it.
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
NAME_MAX, DESCRIPTION_MAX, COMPATIBILITY_MAX = 64, 1024, 500
TOKENS_MAX = 5_000
LINES_MAX = 500
FIELDS = {"name", "description", "license", "compatibility"}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_skill_show_what_comes(page: Path, tmp_path: Path) -> None:
    blocks = page.read_text("utf-8").split("```console\n")[1:]
    shown = "\n".join(block.partition("```")[0] for block in blocks)
    assert play(shown, staged(tmp_path)) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tool_calls_of_a_skill_fit(page: Path) -> None:
    calls = list(tool_calls(page.read_text("utf-8")))
    assert calls
    for name, given in calls:
        arguments.check(BY_NAME[name], given)


def tool_calls(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the tool calls of a page, one for each line of its JSON blocks."""
    for block in text.split("```json\n")[1:]:
        for line in block.partition("```")[0].splitlines():
            call = json.loads(line)
            yield call["tool"], call["arguments"]


# -- the guide -----------------------------------------------------------------------------------


def commands(text: str) -> Iterator[str]:
    """Yield each command of the guide: of its blocks without what explains it, and of its text."""
    for part in text.split("```")[1::2]:
        yield from (re.split(r" {2,}", line)[0] for line in part.splitlines() if "envoy " in line)
    yield from inline(text)


def inline(text: str) -> Iterator[str]:
    """Yield the commands in the text of a page, those of its blocks left out."""
    for part in text.split("```")[::2]:
        yield from re.findall(r"`([^`\n]*\benvoy [a-z][^`\n]*)`", part)


class Desk:
    """A space, and what the capitals of the guide stand for."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.said = console.ok("send", "seen")["message_id"]

    def task(self, command: str) -> str:
        """Return a task that ``command`` fits: held by the reader unless it is what takes it."""
        made: str = self.console.ok("--profile", "lead", "task", "create", "Fix it")["task_id"]
        if "task claim" not in command:
            self.console.ok("task", "claim", made)
        return made

    def real(self, command: str) -> str:
        """Return ``command`` with real ids in place of the capitals."""
        values = {
            "TASK": self.task(command),
            "CODE": self.console.ok("--profile", "lead", "invite", "bughunt")["invite_code"],
            "@NAME": "@lead",
            "ID": self.said,
            "CURSOR": "0",
            "N": "1",
            "KEY": "k1",
        }
        for word, value in values.items():
            command = re.sub(rf"(?<![\w$]){word}(?!\w)", value, command)
        return command


# A code of an error, and a command of a person.
SHAPES = {"envoy explain CODE": "envoy explain read_only"}
OF_ADMINS = "envoy space policy"
# Nothing came: no error. A stream is ended from outside. `run` needs a command behind it.
MAY_END = {
    "envoy inbox read --wait": (0, 6),
    "envoy wait": (0, 6),
    "envoy events": (0, 124),
    "envoy listen": (0, 124),
}
STREAMS = ("envoy events", "envoy listen")


@pytest.mark.slow
def test_every_command_of_the_guide_and_of_the_text_of_skills_runs(tmp_path: Path) -> None:
    desk = Desk(staged(tmp_path))
    found = list(commands(GUIDE))
    assert len(found) > 12
    for page in PAGES:
        found += [one for one in inline(page.read_text("utf-8")) if one != "envoy run"]
    for command in found:
        line = SHAPES.get(command) or desk.real(command)
        if line.startswith("envoy join"):
            line += " --profile late"
        if line.startswith(OF_ADMINS):
            line += " --profile lead"
        line = line.replace("--wait-timeout 30", "--wait-timeout 1")
        line = line.replace("envoy wait", "envoy wait --timeout 1")
        ends = f"timeout 3 {line}" if line.startswith(STREAMS) else line
        done = desk.console.sh(ends, TEXT="hello")
        start = next((one for one in MAY_END if command.startswith(one)), "")
        assert done.status in MAY_END.get(start, (0,)), (line, done)


def test_the_guide_is_what_onboarding_shows(tmp_path: Path) -> None:
    shown = Console(tmp_path).ok("onboarding", "--agent")["text"]
    assert shown == agentpages.without_links(GUIDE)


# -- adapters ------------------------------------------------------------------------------------


def test_what_adapters_put_into_files_starts_the_server() -> None:
    page = (ROOT / "docs/adapters.md").read_text("utf-8")
    found = [
        *map(json.loads, re.findall(r"```json\n(.*?)```", page, re.DOTALL)),
        *map(tomllib.loads, re.findall(r"```toml\n(.*?)```", page, re.DOTALL)),
    ]
    assert [key for one in found for key in one] == ["mcpServers", "servers", "mcp_servers"]
    for one in found:
        (entry,) = [servers["envoy"] for servers in one.values()]
        assert entry["command"] == "envoy-mcp"
        assert mcp_main.parser().parse_args(entry["args"]).profile == "a1"


# -- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", agentpages.SKILLS)
def test_a_skill_has_the_form_that_runtimes_load(name: str) -> None:
    path = ROOT / "skills" / name / "SKILL.md"
    text = path.read_text("utf-8")
    assert text.startswith("---\n")
    head, _, body = text[4:].partition("\n---\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields.keys() == FIELDS
    assert fields["name"] == path.parent.name == name
    assert NAME.fullmatch(name) and len(name) <= NAME_MAX
    description = json.loads(fields["description"])
    assert 0 < len(description) <= DESCRIPTION_MAX and "Use " in description
    assert len(json.loads(fields["compatibility"])) <= COMPATIBILITY_MAX
    assert len(body) / 3 < TOKENS_MAX and body.count("\n") < LINES_MAX
    assert "](" not in re.sub(r"\]\(https?:", "", body), "a link into docs that are not there"


def test_every_page_of_skills_is_one_and_no_other() -> None:
    made = {page for page, _ in agentpages.SKILLS.values()}
    assert made == {"docs/agent.md", *(path.relative_to(ROOT).as_posix() for path in PAGES)}
    assert {path.parent.name for path in (ROOT / "skills").glob("*/SKILL.md")} == {
        *agentpages.SKILLS
    }


def test_the_index_for_models_has_the_form_of_llmstxt() -> None:
    lines = (ROOT / "llms.txt").read_text("utf-8").splitlines()
    assert lines[0] == "# Envoy" and lines[2].startswith("> ")
    headings = [line for line in lines if line.startswith("#")]
    assert headings[1:] == [f"## {name}" for name in agentpages.LISTS]
    assert headings[-1] == "## Optional"
    begun = False
    for line in filter(None, lines):
        begun = begun or line.startswith("## ")
        if begun and not line.startswith("## "):
            link = re.fullmatch(r"- \[[^\]]+\]\(([^)]+)\): .+", line)
            assert link and (ROOT / link[1]).exists(), line


def test_each_word_of_a_command_line_stays_one() -> None:
    for command in commands(GUIDE):
        assert shlex.split(command.partition("|")[2] or command)[0] == "envoy", command

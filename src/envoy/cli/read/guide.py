"""Guide: what explains Envoy at the terminal. Needs neither a home nor a profile.

The texts of guides and completion scripts are files of the package, written by `make docs` from
the documents and the tables of commands.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from envoy.cli.args import Answer, Call
from envoy.cli.causes import CAUSES
from envoy.cli.parse import unknown
from envoy.cli.render import Block, Flow, Line, line, pairs_table, table
from envoy.cli.schemas import ANSWERS, json_schema
from envoy.cli.table import every
from envoy.errors import CODES, InternalError, NotFoundError
from envoy.jsontext import dumps

GUIDES = os.path.join(os.path.dirname(__file__), "..", "..", "guides")
DOCUMENTS = os.path.join(sys.prefix, "share", "doc", "envoy-space")
# What somebody reads, in this order.
TITLES = (
    ("README.md", "what Envoy is, and the first two minutes"),
    ("quickstart.md", "a space for two, step by step"),
    ("concepts.md", "spaces, members, grants, tasks, hubs"),
    ("agent.md", "for an agent that works in a space"),
    ("mcp.md", "the tools of envoy-mcp, and what bounds them"),
    ("hooks.md", "Envoy in Claude Code, Codex, Gemini CLI, Cursor, VS Code"),
    ("adapters.md", "Envoy in the runtime of an agent: tools, skills, sessions"),
    ("json.md", "answers, errors and exit codes for programs"),
    ("sdk.md", "the Python SDK"),
    ("moving-over.md", "for scripts that used the product before"),
    ("glossary.md", "the words"),
    ("reference/commands.md", "every command with its arguments"),
    ("reference/errors.md", "every error code"),
    ("troubleshooting.md", "causes and remedies, by code"),
    ("reference/limits.md", "every limit with its reason"),
    ("security.md", "what is protected, and what is not"),
    ("audit.md", "checking a space, and showing it to somebody outside"),
    ("threat-model.md", "each attack and the test that answers it"),
)


def shipped(name: str) -> str:
    """Return a text file of the package."""
    try:
        with open(os.path.join(GUIDES, name), encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise InternalError("internal", guide=name) from error


def onboarding(call: Call) -> Answer:
    """Answer with the guide for a person or an agent."""
    for_agent = call.args.switch("agent")
    text = shipped("agent.md" if for_agent else "person.md")
    follow = ["envoy work-record --json", "envoy task list"] if for_agent else START
    return Answer(
        {"text": text, "next_commands": list(follow)},
        lambda: flowing(text),
    )


def flowing(text: str) -> Iterator[Block]:
    """Yield a page of Markdown, in paragraphs that a terminal breaks as its width asks for.

    What stands between fences keeps its lines.
    """
    held, fenced = list[str](), False
    for one in text.rstrip().split("\n"):
        is_fence = one.startswith("```")
        if held and (is_fence or begins_anew(one)):
            yield Flow(tuple(held), hanging(held[0]))
            held = []
        if is_fence or fenced or not one or one.startswith("#"):
            yield line(one)
        else:
            held.append(one)
        fenced = fenced != is_fence
    if held:
        yield Flow(tuple(held), hanging(held[0]))


def begins_anew(one: str) -> bool:
    """Say whether a line of Markdown does not go on with the paragraph before it."""
    return not one or one.startswith("#") or hanging(one) > 0


def hanging(one: str) -> int:
    """Return how far the lines below the first one stand in: those of a list, by its mark."""
    mark = one.partition(" ")[0]
    return len(mark) + 1 if mark == "-" or (mark[:-1].isdigit() and mark.endswith(".")) else 0


START = ("envoy quickstart --human", "envoy help")


def docs(_: Call) -> Answer:
    """Answer with the documents that are installed here."""
    found = [
        (os.path.join(DOCUMENTS, name), say)
        for name, say in TITLES
        if os.path.exists(os.path.join(DOCUMENTS, name))
    ]
    text = "\n".join(f"{path}: {say}" for path, say in found)
    data: dict[str, object] = {"text": text, "next_commands": ["envoy onboarding", "envoy help"]}
    if not found:
        return Answer(data, lambda: [line("no documents are installed beside this program")])
    return Answer(data, lambda: [pairs_table([([path], [say]) for path, say in found])])


def explain(call: Call) -> Answer:
    """Answer with what a code means, what leads to it and what helps. Raises NotFoundError."""
    code = call.args.need("code")
    if code not in CODES:
        near = unknown("code", code, tuple(CODES)).details.get("nearest")
        if near is None:
            raise NotFoundError("not_found", kind="code", next_command="envoy schema error")
        command = f"envoy explain {near}"
        raise NotFoundError("not_found", kind="code", nearest=near, next_command=command)
    exit_status, action, sentence = CODES[code]
    cause = CAUSES[code]
    data: dict[str, object] = {
        "code": code,
        "exit": exit_status,
        "next_action": action,
        "meaning": sentence,
        "cause": cause.why,
        "remedy": cause.remedy,
        "commands": [row.path for row in every() if code in row.errors],
    }
    return Answer(data, lambda: explained(data))


def explained(data: dict[str, object]) -> Iterator[Block]:
    """Yield the explanation of a code for people."""
    yield line((f"{data['code']}", "strong"), f"  exit {data['exit']}, {data['next_action']}")
    yield line(f"{data['meaning']}")
    yield pairs_table([(["cause"], [f"{data['cause']}"]), (["remedy"], [f"{data['remedy']}"])])


def schema(call: Call) -> Answer:
    """Answer with the JSON Schema of an answer, or with the names of all."""
    name = call.args.text("name")
    names = sorted(ANSWERS)
    if name is None:
        return Answer(
            {"name": None, "names": names, "json_schema": None},
            lambda: [line(one) for one in names],
        )
    if name not in ANSWERS:
        raise unknown("name", name, names)
    found = json_schema(name)
    return Answer(
        {"name": name, "names": [], "json_schema": found},
        lambda: [Line((dumps(found),), deep=None)],
    )


def completion(call: Call) -> Answer:
    """Answer with the completion script of a shell."""
    shell = call.args.need("shell")
    script = shipped(f"completion.{shell}")
    return Answer(
        {"shell": shell, "script": script},
        lambda: [Line((one,), deep=None) for one in script.rstrip("\n").split("\n")],
    )


def settings(call: Call) -> Answer:
    """Answer with the settings in force and where each comes from."""
    config = call.config
    values = {
        "home": config.home,
        "profile": config.profile,
        "space": config.space,
        "session": config.session,
        "timeout": str(config.timeout_ms),
        "relay_url": config.relay_url,
        "color": config.color,
    }
    rows = [
        {"name": name, "value": value, "origin": config.origins[name]}
        for name, value in values.items()
    ]
    lines = [
        ((name,), (value or "-",), ((config.origins[name], "dim"),))
        for name, value in values.items()
    ]
    return Answer(
        {"settings": rows},
        lambda: [table(("SETTING", "VALUE", "SET BY"), lines, soft=(1,))],
    )


def daemon(_: Call) -> Answer:
    """Answer that there is no daemon: scripts of the public product ask."""
    return Answer(
        {"daemon": "not_used", "changed": False},
        lambda: [line("Envoy has no daemon: commands exchange news with the hub themselves")],
    )

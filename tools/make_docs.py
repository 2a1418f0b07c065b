"""Write the reference pages from the tables that the program itself uses: `make docs`.

A page that is generated cannot drift: tests/test_docs.py makes every page again and compares. What
stands here only puts tables into Markdown; the words are those of the tables.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import agentpages
import pluginpages
import sdkreference
import shellwords
from envoy import errors, limits
from envoy.cli.causes import CAUSES
from envoy.cli.parse import GLOBALS
from envoy.cli.read.help import examples_of, flag_row, usage_of
from envoy.cli.schemas import ANSWERS, json_schema
from envoy.cli.table import NOUNS, RESERVED, every
from envoy.cli.tables.guide import SHELLS
from envoy.mcp import table as mcp

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/envoy"
BEGIN, END = "<!-- begin: written by make docs -->", "<!-- end -->"
# Package by package, from the ground up.
FLOORS = {
    "0 ground": ("errors", "ids", "jsontext", "lean", "limits", "untrusted"),
    "1 core": ("core",),
    "2 meaning": ("views", "state"),
    "3 sync": ("sync",),
    "4 replica": ("replica",),
    "5 edges": ("system", "storage", "hub", "runtimes"),
    "6 wiring": ("wiring",),
    "7 faces": ("cli", "mcp", "sdk"),
}
NATURES = {
    mcp.READS: "Reads: it changes nothing.",
    mcp.REPEATS: "Writes; the same again changes nothing.",
    mcp.ADDS: "Writes; once for each `key`.",
}
NOTE = "<!-- Written by `make docs`. Change the table that it comes from, not this page. -->\n"


def errors_page() -> Iterator[str]:
    """Yield the reference of error codes, by exit status."""
    yield "# Errors\n"
    yield NOTE
    yield "Every failure has one stable code, an exit status and a next action. With `--json` they"
    yield "stand in `error_code` and `next_action`, for people on stderr in `error[code]`."
    yield "Texts hold codes and ids, never what a member wrote.\n"
    for exit_status, kind in errors.CLASSES.items():
        summary = (kind.__doc__ or "").splitlines()[0]
        yield f"## Exit {exit_status}: {kind.__name__}\n\n{summary}\n"
        yield "| Code | Next action | Meaning |\n|---|---|---|"
        for code, (exit_of_code, action, sentence) in errors.CODES.items():
            if exit_of_code == exit_status:
                yield f"| `{code}` | `{action}` | {sentence} |"
        yield ""
    yield "## Door codes\n"
    yield "Bytes that fail at the door never become an event. These codes stand in quarantine rows"
    yield "and warnings and end no command: " + ", ".join(
        f"`{code}`" for code in sorted(errors.DOOR_CODES)
    )


def limits_page() -> Iterator[str]:
    """Yield the reference of limits: each constant, its value, its reason."""
    source = Path(limits.__file__).read_text("utf-8")
    yield "# Limits\n"
    yield NOTE
    yield "`_MAX` is still allowed, one more is not. The unit stands last in the name.\n"
    reason: list[str] = []  # of the constants that follow, up to the next comment
    told = False
    for line in source.splitlines():
        if heading := re.fullmatch(r"# --- (.*) ---", line):
            yield f"\n## {heading[1].capitalize()}\n\n| Limit | Value | Reason |\n|---|---|---|"
            reason = []
        elif line.startswith("# "):
            reason = [line[2:]] if told else [*reason, line[2:]]
            told = False
        elif (assigned := re.match(r"([A-Z][A-Z0-9_]+) = ", line)) and reason:
            yield f"| `{assigned[1]}` | {getattr(limits, assigned[1]):,} | {' '.join(reason)} |"
            told = True


def commands_page() -> Iterator[str]:
    """Yield the reference of commands: usage, arguments, schema, own errors."""
    yield "# Commands\n"
    yield NOTE
    yield "Flags of every command: " + ", ".join(f"`{arg.flag}`" for arg in GLOBALS) + ".\n"
    for row in sorted(every()):
        yield f"## envoy {row.path}\n\n{row.say}. {row.more}".rstrip() + "\n"
        lines = "\n".join([usage_of(row.path, row), "", *examples_of(row)]).rstrip()
        yield f"```\n{lines}\n```\n"
        if row.also:
            yield "Also: " + ", ".join(f"`envoy {path}`" for path in row.also) + "\n"
        for arg in row.args:
            (flags,), (meaning,) = flag_row(arg)
            yield f"- `{flags.strip()}` {meaning}"
        own = ", ".join(f"`{code}`" for code in row.errors) or "only those of every command"
        yield f"\nAnswer: `envoy.{row.schema}/1`. Errors: {own}.\n"
    yield "## Reserved names\n"
    yield "They belong to later versions and answer `unsupported_operation`: " + ", ".join(
        f"`{name}`" for name in sorted(RESERVED)
    )


def sdk_page() -> Iterator[str]:
    """Yield the reference of the SDK: every name that `import envoy` gives."""
    yield "# Names of the SDK\n"
    yield NOTE
    yield "What `import envoy` gives, with arguments and types; how it is used: [SDK](../sdk.md).\n"
    yield from sdkreference.page()


def tools_page() -> Iterator[str]:
    """Yield the reference of the tools of `envoy-mcp`: arguments, bounds, answers."""
    yield "# Tools of envoy-mcp\n"
    yield NOTE
    yield "How to start it and what its answers look like: [MCP](../mcp.md). An argument in"
    yield "**bold** has to be given. Answers are those of docs/schemas, every text of a member as"
    yield "an object.\n"
    for tool in mcp.TOOLS:
        yield f"## {tool.name}\n\n{tool.say}\n"
        yield f"{NATURES[tool.nature]}\n"
        if tool.args:
            yield "| Argument | Form | |\n|---|---|---|"
        for arg in tool.args:
            name = f"**`{arg.name}`**" if arg.needed else f"`{arg.name}`"
            yield f"| {name} | {form_of(arg.schema)} | {arg.schema.get('description', '')} |"
        schemas = ", ".join(f"`envoy.{name}/1`" for name in tool.answers)
        more = f" and {mcp.ADDED[tool.name]}" if tool.name in mcp.ADDED else ""
        yield f"\nAnswer: {schemas}{more}.\n"
    yield "## Answers of this face alone\n"
    yield from (f"- `envoy.{name}/1`: {say}." for name, say in mcp.OWN_ANSWERS.items())


def form_of(schema: Mapping[str, object]) -> str:
    """Return the form of an argument in words."""
    match schema:
        case {"enum": list(words)}:
            return ", ".join(f"`{word}`" for word in words)
        case {"type": "integer", "minimum": least, "maximum": most}:
            default = f", default {schema['default']:,}" if "default" in schema else ""
            return f"integer {least:,} to {most:,}{default}"
        case {"type": "array"}:
            return "list of texts"
        case {"properties": dict(members)}:
            return "object of " + ", ".join(f"`{name}`" for name in members)
    return {"string": "text", "boolean": "true or false"}.get(str(schema["type"]), "object")


def schema_page(name: str) -> Iterator[str]:
    """Yield the JSON Schema of the answer ``name``."""
    yield json.dumps(json_schema(name), indent=1, ensure_ascii=True)


def troubleshooting_page() -> Iterator[str]:
    """Yield cause and remedy of each code, by exit status."""
    yield "# Troubleshooting\n"
    yield NOTE
    yield "What `envoy explain CODE` says, code by code. An error shows its code in brackets, as in"
    yield "`error[task_already_claimed]`, and with `--json` in `error_code`.\n"
    for exit_status, kind in errors.CLASSES.items():
        yield f"## Exit {exit_status}: {kind.__name__}\n"
        for code, (exit_of_code, _, sentence) in errors.CODES.items():
            if exit_of_code == exit_status:
                cause = CAUSES[code]
                yield f"### {code}\n\n{sentence}\n\n- Cause: {cause.why}"
                yield f"- Remedy: {cause.remedy}\n"


def copied(name: str) -> Iterator[str]:
    """Yield a document as the program shows it: without links into the docs."""
    yield agentpages.without_links((ROOT / name).read_text("utf-8"))


def proven_rows() -> Iterator[str]:
    """Yield which abuse cases of the threat model have their test today."""
    names = sorted(
        (path.stem.removeprefix("test_").upper() for path in (ROOT / "tests/abuse").glob("test_*")),
        key=lambda name: (name[0], int(name[1:])),
    )
    yield f"Proved by a test today: {', '.join(names) or 'none'}."


def modules_of_floors() -> Iterator[str]:
    """Yield every module with the sentence it opens with, floor by floor."""
    yield "| Module `envoy.` | Opens with |\n|---|---|"
    for title, packages in FLOORS.items():
        yield f"| **{title}** | |"
        for package in packages:
            modules = [*SOURCE.glob(f"{package}.py"), *SOURCE.glob(f"{package}/**/*.py")]
            yield from (row_of(path) for path in sorted(modules) if path.stem != "__init__")


def row_of(path: Path) -> str:
    """Return the row of the module at ``path``: its name and the first paragraph of its text."""
    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    paragraph = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n\n")[0]
    return f"| `{name}` | {' '.join(paragraph.split()).replace('|', '/')} |"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "docs/reference/commands.md": commands_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/limits.md": limits_page,
    "docs/reference/mcp-tools.md": tools_page,
    "docs/reference/sdk.md": sdk_page,
}
PAGES |= {
    "docs/troubleshooting.md": troubleshooting_page,
    "src/envoy/guides/agent.md": partial(copied, "docs/agent.md"),
    "src/envoy/guides/person.md": partial(copied, "docs/onboarding.md"),
}
PAGES |= {
    f"src/envoy/guides/completion.{shell}": partial(shellwords.completion, shell)
    for shell in SHELLS
}
PAGES |= {
    f"man/envoy{'-' + noun if noun else ''}.1": partial(shellwords.man_page, noun)
    for noun in ("", *NOUNS)
}
PAGES["man/envoy-mcp.1"] = shellwords.server_page
PAGES |= {f"skills/{name}/SKILL.md": partial(agentpages.skill, name) for name in agentpages.SKILLS}
PAGES |= {
    f"src/envoy/guides/skills/{name}.md": partial(agentpages.skill, name)
    for name in agentpages.SKILLS
}
PAGES |= pluginpages.PAGES
PAGES |= {"llms.txt": agentpages.index, "llms-full.txt": lambda: agentpages.whole(text_of)}
PAGES |= {f"docs/schemas/{name}.json": partial(schema_page, name) for name in ANSWERS}
BLOCKS: dict[str, Callable[[], Iterator[str]]] = {
    "docs/ARCHITECTURE.md": modules_of_floors,
    "docs/threat-model.md": proven_rows,
}


def text_of(name: str) -> str:
    """Return the text of a page, made anew where it is made from tables."""
    return page(name) if name in PAGES else (ROOT / name).read_text("utf-8")


def page(name: str) -> str:
    """Return the text that the page ``name`` must have; of a BLOCKS page the block is renewed."""
    if name in PAGES:
        return "\n".join(PAGES[name]()).rstrip() + "\n"
    before, _, rest = (ROOT / name).read_text("utf-8").partition(BEGIN)
    block = "\n".join(BLOCKS[name]())
    return f"{before}{BEGIN}\n{block}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Write every page."""
    for name in (*PAGES, *BLOCKS):
        target = ROOT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Write tests/vectors/hooks.json: files of agent runtimes before, after install, after uninstall.

Every text is written by hand, from docs/spec/hooks.md; nothing of envoy is used. A vector without
``back`` is given back byte for byte by what stands in the file alone; one with it only by its copy.
What is refused breaks one rule.
"""

from __future__ import annotations

import json
from pathlib import Path

TARGET = Path(__file__).with_name("hooks.json")
Json = dict[str, object]

SERVER = '"envoy": {\n      "command": "/bin/envoy-mcp",\n      "args": ["--profile", "a1"]\n    }'
FLAT = '"envoy": {"command": "/bin/envoy-mcp", "args": ["--profile", "a1"]}'
HOOK = """{
        "hooks": [
          {
            "type": "command",
            "command": "/bin/envoy hook stop"
          }
        ]
      }"""
FLAT_HOOK = '{"hooks": [{"type": "command", "command": "/bin/envoy hook stop"}]}'
TOML = """\
# >>> envoy >>>
[mcp_servers.envoy]
command = "/bin/envoy-mcp"
args = ["--profile","a1"]
# <<< envoy <<<
"""
WORDS = "<!-- envoy:begin -->\nwords\n<!-- envoy:end -->\n"


def good(name: str, edit: str, before: str, after: str, back: str | None = None) -> Json:
    """Return a text, what installing makes of it, and what is left of that when ours is out."""
    left = before if back is None else back
    return {"name": name, "input": {"edit": edit, "text": before},
            "expect": {"after": after, "back": left}}  # fmt: skip


def bad(name: str, edit: str, text: str, cause: str) -> Json:
    """Return a text that is refused."""
    return {"name": name, "input": {"edit": edit, "text": text, "cause": cause},
            "code": "invalid_argument"}  # fmt: skip


def crlf(text: str) -> str:
    """Return ``text`` with the line ends of Windows."""
    return text.replace("\n", "\r\n")


MULTI = '{\n  "theme": "dark"\n}\n'
MULTI_AFTER = '{\n  "theme": "dark",\n  "mcpServers": {\n    ' + SERVER + "\n  }\n}\n"
ALONE = '{\n  "mcpServers": {\n    ' + SERVER + "\n  }\n}\n"
HOOKS_ALONE = '{\n  "hooks": {\n    "Stop": [\n      ' + HOOK + "\n    ]\n  }\n}\n"

VECTORS: list[Json] = [
    good("no file yet", "servers", "", ALONE, "{}\n"),
    good("an empty object", "servers", "{}\n", ALONE),
    good("an empty object over two lines", "servers", "{\n}\n", ALONE, "{}\n"),
    good("other settings", "servers", MULTI, MULTI_AFTER),
    good("line ends of Windows", "servers", crlf(MULTI), crlf(MULTI_AFTER)),
    good("a byte order mark", "servers", "\ufeff" + MULTI, "\ufeff" + MULTI_AFTER),
    good("all on one line", "servers", '{"theme": "dark"}',
         '{"theme": "dark", "mcpServers": {"envoy": '
         + FLAT.partition(": ")[2] + "}}"),
    good("numbers with a point stay as they are", "servers", '{"size": 1.50e0}',
         '{"size": 1.50e0, "mcpServers": {' + FLAT + "}}"),
    good("a comment behind the last value", "servers", '{\n  "a": 1 // why\n}\n',
         '{\n  "a": 1, // why\n  "mcpServers": {\n    ' + SERVER + "\n  }\n}\n"),
    good("a comment on a line of its own", "servers", '{\n  // first\n  "a": 1\n  /* last */\n}\n',
         '{\n  // first\n  "a": 1,\n  "mcpServers": {\n    ' + SERVER + "\n  }\n  /* last */\n}\n"),
    good("a comma behind the last value", "servers", '{\n  "a": 1,\n}\n',
         '{\n  "a": 1,\n  "mcpServers": {\n    ' + SERVER + "\n  },\n}\n"),
    good("tabs", "servers", '{\n\t"a": 1\n}\n',
         '{\n\t"a": 1,\n\t"mcpServers": {\n\t\t"envoy": {\n\t\t\t"command": "/bin/envoy-mcp",\n'
         '\t\t\t"args": ["--profile", "a1"]\n\t\t}\n\t}\n}\n'),
    good("another server", "servers",
         '{\n  "mcpServers": {\n    "x": {"command": "x"}\n  }\n}\n',
         '{\n  "mcpServers": {\n    "x": {"command": "x"},\n    ' + SERVER + "\n  }\n}\n"),
    good("an empty table of servers", "servers", '{\n  "mcpServers": {}\n}\n',
         '{\n  "mcpServers": {\n    ' + SERVER + "\n  }\n}\n"),
    good("no hooks yet", "hooks", "{}\n", HOOKS_ALONE),
    good("a hook for the same event", "hooks",
         '{\n  "hooks": {\n    "Stop": [{"hooks": [{"command": "say done"}]}]\n  }\n}\n',
         '{\n  "hooks": {\n    "Stop": [{"hooks": [{"command": "say done"}]}, '
         + FLAT_HOOK + "]\n  }\n}\n"),
    good("a hook for another event", "hooks",
         '{\n  "hooks": {\n    "Start": []\n  }\n}\n',
         '{\n  "hooks": {\n    "Start": [],\n    "Stop": [\n      ' + HOOK + "\n    ]\n  }\n}\n"),
    good("a TOML file", "toml", '# mine\na = "x" # why\n', '# mine\na = "x" # why\n' + TOML),
    good("a TOML file that ends in a table", "toml", "[a]\nb = 1\n", "[a]\nb = 1\n" + TOML),
    good("no TOML file yet", "toml", "", TOML),
    good("a Markdown file", "words", "# Rules\n", "# Rules\n" + WORDS),
    good("Markdown without a line end", "words", "# Rules", "# Rules\n" + WORDS, "# Rules\n"),
    bad("no JSON", "servers", "{", "json"),
    bad("a word without quotes", "servers", "{a: 1}", "json"),
    bad("a list", "servers", "[]", "shape"),
    bad("two commas", "servers", '{"a": 1,, "b": 2}', "json"),
    bad("a comma first", "servers", '{, "a": 1}', "json"),
    bad("a bracket of the other kind", "servers", '{"a": [1}}', "json"),
    bad("two values", "servers", "{} {}", "json"),
    bad("a comment without an end", "servers", '{"a": 1} /* ', "json"),
    bad("servers that are a list", "servers", '{"mcpServers": []}', "shape"),
    bad("servers twice", "servers", '{"mcpServers": {}, "mcpServers": {}}', "json"),
    bad("hooks that are a list", "hooks", '{"hooks": []}', "shape"),
    bad("an event that is no list", "hooks", '{"hooks": {"Stop": {}}}', "shape"),
    bad("half a surrogate pair in a name", "servers", '{"\\ud800": 1}', "json"),
    bad("33 levels", "servers", '{"a":' * 33 + "1" + "}" * 33, "json"),
    bad("no TOML", "toml", "model = \n", "toml"),
    bad("servers that can hold no more", "toml", "mcp_servers = {}\n", "toml"),
    bad("a mark without its end", "toml", "# >>> envoy >>>\n", "marks"),
    bad("the end first", "words", "<!-- envoy:end -->\n<!-- envoy:begin -->\n", "marks"),
    bad("marks twice", "words", WORDS * 2, "marks"),
]  # fmt: skip


def main() -> None:
    """Write the file."""
    TARGET.write_text(json.dumps(VECTORS, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

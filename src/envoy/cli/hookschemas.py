"""Hookschemas: the answers of the commands for runtimes of agents, and the shapes in them.

Apart from `cli.schemas`, which it is a part of, for their length alone.

Specification: docs/spec/hooks.md; docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

SCOPE = "{user project}"
PART = "{mcp hooks mcp+hooks skill context}"

ANSWERS: Mapping[str, Fields] = {
    "hook": {
        "hook": "text",
        "runtime": "text",
        "session": "text",
        "answer": "Any",
        "untrusted_fields": "[text]",
    },
    "hooks": {
        "runtime": "text",
        "scope": SCOPE,
        "profile": "text",
        "dry_run": "bool",
        "changed": "bool",
        "files": "[HookFile]",
        "warnings": "[Warning]",
        "next_commands": "[text]",
    },
    "hooks_check": {"runtime": "text", "scope": SCOPE, "checks": "[Check]", "sound": "bool"},
    "hooks_list": {"profile": "text", "runtimes": "[HookRuntime]"},
}

SHAPES: Mapping[str, Fields] = {
    "HookFile": {
        "part": PART,
        "path": "text",
        "action": "{created changed unchanged removed restored kept absent shared}",
        "backup": "text?",
        "diff": "text?",
    },
    "HookRuntime": {"runtime": "text", "name": "text", "files": "[HookState]"},
    "HookState": {
        "scope": SCOPE,
        "part": PART,
        "path": "text",
        "state": "{absent installed differs kept malformed denied}",
    },
}

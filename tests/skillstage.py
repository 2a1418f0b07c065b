"""Skill stage: where the examples of docs/skills happen.

`a1`, who reads the skill, works in a small git repository; `lead`, a human, made the space, and
`a2` is a second agent. A skill is then a transcript like any other.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from console import Console

READER = "a1"
FILES = {
    "next_token.py": (
        "def next_token(text, start):\n"
        "    end = len(text)\n"
        "    return text[start] if start <= end else None\n"
    ),
    "check.py": (
        "from next_token import next_token\n"
        "try:\n"
        "    next_token('', 0)\n"
        "except IndexError as error:\n"
        "    raise SystemExit(f'next_token: {error}')\n"
        "print('ok')\n"
    ),
    ".gitignore": "__pycache__/\n*.log\n*.txt\n",
}
GIT = (
    ("init", "-q", "-b", "main"),
    ("config", "user.name", "a1"),
    ("config", "user.email", "a1@example.org"),
    ("add", "."),
    ("commit", "-q", "-m", "the parser"),
)


class Staged(Console):
    """A console whose commands are those of the reader unless they name a profile."""

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a command."""
        return super().environment(**{"ENVOY_PROFILE": READER, **more})


def staged(root: Path) -> Console:
    """Return a console in a space of three, in a repository with one fault."""
    console = Staged(root)
    made = console.ok(
        "--profile", "lead", "quickstart", "--human", "--space-name", "bughunt", "--reusable"
    )
    for name in (READER, "a2"):
        console.ok("--profile", name, "join", "--name", name, "-", stdin=made["invite_code"])
    for name, text in FILES.items():
        (console.cwd / name).write_text(text, encoding="utf-8")
    for words in GIT:
        done = ["git", "-C", str(console.cwd), *words]
        subprocess.run(done, check=True, capture_output=True, env=console.environment(), timeout=30)
    return console

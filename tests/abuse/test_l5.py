"""L5: no secret leaves in an output, an error or a log; each can come in by stdin or a file."""

from __future__ import annotations

from pathlib import Path

from console import Console
from envoy.core.identity import from_record, to_record
from envoy.core.invite import parse
from envoy.storage import home

COMMANDS = [
    *[("status",), ("spaces",), ("invites", "list"), ("identity", "list"), ("diagnose",)],
    *[("space", "members"), ("permissions",), ("task", "show", "task_nothing"), ("join", "-")],
    *[("send", "x" * 50_000), ("history", "--since", "-1"), ("why", "nothing"), ("roster",)],
]


def test_no_output_holds_one(tmp_path: Path) -> None:
    console = Console(tmp_path)
    code = console.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")["invite_code"]
    console.ok("--profile", "guest", "join", "-", stdin=code)  # never an argument
    where = home.paths(str(console.home), "lead")
    record = home.read_record(where)
    root = from_record(record).identity.root
    wrapped = str(to_record(from_record(record))["root"])
    secrets = [code, code.replace("-", ""), root.hex(), wrapped, parse(code).secret.hex()]
    for command in COMMANDS:
        for flags in ((), ("--json",), ("--verbose",)):
            found = console.call("--profile", "lead", *flags, *command, stdin=code)
            shown = found.out + found.err
            assert not any(one in shown for one in secrets), command
    assert wrapped in Path(where.identity).read_text()  # the control: it is what to look for
    logs = [path for path in tmp_path.rglob("*") if path.suffix in (".log", ".txt", ".trace")]
    assert not logs

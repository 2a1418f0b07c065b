"""Agent mail: messages between agents over MCP (`mcp-agent-mail`, of the Python package index).

What it promises beside Envoy: a message is a row of SQLite (WAL, synchronous=NORMAL) and a commit
in a Git archive, both written before the answer and neither synced. Nothing is signed or encrypted;
who may connect reads everything. It is served over HTTP alone (Streamable, one JSON answer for each
POST), so its calls cross loopback where those of `envoy-mcp` cross a pipe. Its logs are off, which
favours it; it lists all its tools, as `envoy-mcp` does and as the original did: as it comes it
lists ten of 29, in 20 KB.

``VERSION`` is what the package index has, of a fork; the original's releases (0.3.2 and on) are not
there. What it ran with is pinned in `mail.txt` beside this file. It has to be in a virtual
environment of its own, whose `bin` is one of ``ENVOY_PEERS``.

Specification: docs/MEASURES.md, section 5.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from bench.peers import finding
from bench.peers.child import Child
from bench.peers.finding import Program
from bench.relay.process import free_port
from bench.rounds import Wrong
from bench.setting import Json, environment

PACKAGE, VERSION = "mcp-agent-mail", "0.1.0"
PROMISE = "SQLite NORMAL and a commit in Git, neither synced; not signed or encrypted; over HTTP"
SENDER, READER = "GreenCastle", "BlueLake"  # it takes no names but such
READ_MAX = 100_000
SECONDS_MAX = 60
_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
}


def find() -> Program | None:
    """Return the `python` that has the version that is pinned, None where there is none."""
    found = finding.python_with(PACKAGE)
    return found if found is not None and found.version == VERSION else None


class Server:
    """A server with two agents of one project, and a connection to it."""

    def __init__(self, python: Program, place: Path) -> None:
        place.mkdir(parents=True)
        port = free_port()
        env = {
            **environment(),
            "HOME": str(place),
            "DATABASE_URL": f"sqlite+aiosqlite:///{place / 'mail.db'}",
            "STORAGE_ROOT": str(place / "archive"),
            "MCP_TOOLS_MODE": "extended",
            "LLM_ENABLED": "false",
            "TOOLS_LOG_ENABLED": "false",
            "LOG_RICH_ENABLED": "false",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices
        }
        listen = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
        argv = [python.path, "-m", "mcp_agent_mail.http", *listen]
        self._child = Child(argv, env, place, port=port)
        self._line = http.client.HTTPConnection(*self._child.address, timeout=SECONDS_MAX)
        self._project = str(place / "project")
        self._count = 0
        self.call("ensure_project", human_key=self._project)
        for name in (SENDER, READER):
            told = {"name": name, "program": "bench", "model": "bench"}
            self.call("register_agent", project_key=self._project, **told)

    def ask(self, method: str, **params: object) -> Json:
        """Send a request and return the result. Raises Wrong for an error."""
        self._count += 1
        asked = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        self._line.request("POST", "/mcp/", json.dumps(asked).encode(), _HEADERS)
        answer = self._line.getresponse()
        raw = answer.read()
        found: Json = json.loads(raw) if answer.status == http.client.OK else {}
        if "result" not in found or found["result"].get("isError"):
            raise Wrong(f"{method}: {answer.status} {raw[:300]!r}")
        result: Json = found["result"]
        return result

    def call(self, tool: str, **arguments: object) -> Json:
        """Call a tool and return its structured answer."""
        found: Json = self.ask("tools/call", name=tool, arguments=arguments)["structuredContent"]
        return found

    def send(self, subject: str, text: str) -> None:
        """Send a message from one agent to the other."""
        found = self.call(
            "send_message",
            project_key=self._project,
            sender_name=SENDER,
            to=[READER],
            subject=subject,
            body_md=text,
        )
        if found["count"] != 1:
            raise Wrong(f"sent to {found['count']}")

    def inbox(self, limit: int) -> list[Json]:
        """Return messages of the other agent, the newest first."""
        given = {"agent_name": READER, "limit": limit, "include_bodies": True}
        rows: list[Json] = self.call("fetch_inbox", project_key=self._project, **given)["result"]
        return rows

    def tools(self) -> Json:
        """Return its list of tools as it is answered."""
        return self.ask("tools/list")

    def close(self) -> None:
        """End it."""
        self._line.close()
        self._child.stop()

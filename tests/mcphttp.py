"""MCP over loopback HTTP: for the protocol's conformance suite, which speaks nothing else.

Users get stdio alone. Here the same server object stands behind the SDK's own HTTP, on a port of
127.0.0.1, for as long as a test looks.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from envoy.mcp import server
from envoy.mcp.session import Bounds
from envoy.wiring import attending
from mcpplay import config

SECONDS_MAX = 20


@contextmanager
def over_http(home: Path, profile: str) -> Iterator[str]:
    """Serve a profile; give the address."""
    settings = config(home, profile)
    core = server.Core(settings, Bounds(str(home)))
    bell = server.Bell(lambda: attending.watch(settings))
    app = server.make(server.Face(core, bell)).streamable_http_app()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = uvicorn.Server(
            uvicorn.Config(app, log_level="error", ws="none", lifespan="on", loop="asyncio")
        )
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until = time.monotonic() + SECONDS_MAX
            while not served.started:
                assert time.monotonic() < until, "it starts"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            served.should_exit = True
            thread.join(SECONDS_MAX)
            bell.end()
            core.close()

"""Health: what an operator's machinery asks a relay, on a socket that nobody else reaches.

Whether the loop lives, whether the store can be read and written, and the numbers. On a Unix socket
the file's mode says who may ask; on loopback, where every account of the machine may, a token does.

Laws: nothing here tells of a user. The public address has none of these paths.

Specification: docs/spec/relay.md, Observability.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from envoy import jsontext
from envoy.errors import EnvoyError
from envoy.relay.metrics import Metrics
from envoy.sync.frames import HubRefusal

ADMIN_FILE: Final = "admin.token"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_JSON: Final = "application/json"


class Admin:
    """The operator's paths as an ASGI application; ``token`` None: whoever reaches it may ask.

    ``probe`` raises where the store does not work; ``state`` is "ready" or why it is not.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        token: str | None,
        probe: Callable[[], Awaitable[None]],
        state: Callable[[], str],
        gauges: Callable[[], Mapping[str, float]],
    ) -> None:
        self._metrics = metrics
        self._token = token
        self._probe = probe
        self._state = state
        self._gauges = gauges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close"})
            return
        status, media, text = await self._answer(scope)
        body = text.encode()
        headers = [
            (b"content-type", media.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope) -> tuple[int, str, str]:
        if not self._may_ask(Headers(scope=scope)):
            return 403, _JSON, _said("forbidden")
        if scope["method"] != "GET":
            return 405, _JSON, _said("unsupported_operation")
        match scope["path"]:
            case "/healthz":
                return 200, _JSON, _said("alive")
            case "/readyz":
                return await self._ready()
            case "/metrics":
                return 200, _TEXT, self._metrics.text(self._gauges())
        return 404, _JSON, _said("not_found")

    async def _ready(self) -> tuple[int, str, str]:
        state = self._state()
        if state == "ready":
            try:
                await self._probe()
            except HubRefusal as refusal:
                state = refusal.code
            except EnvoyError as error:
                state = error.code
        return 200 if state == "ready" else 503, _JSON, _said(state)

    def _may_ask(self, headers: Headers) -> bool:
        """Say whether a request shows the token, and is none of a browser's page."""
        if "origin" in headers:
            return False
        if self._token is None:
            return True
        shown = headers.get("authorization", "").removeprefix("Bearer ").encode()
        return hmac.compare_digest(shown, self._token.encode())


def _said(status: str) -> str:
    return jsontext.dumps({"status": status})

"""Bare: what the server library does without a relay: `asgi_null`, a group commit, an echo.

Started as ``python -m bench.relay.bare WHAT DIRECTORY``. ``commit`` puts each body that is posted
into a row of SQLite, synchronous=FULL, all that wait in one transaction, and answers behind its
commit. ``echo`` sends each body to every WebSocket. ``null`` reads it and answers. None of them
looks at what it is given, bounds anything, or knows who asks. ``lean`` is ``commit`` behind the
connections of the relay instead of the library's own: what those alone would make of it.
"""

from __future__ import annotations

import asyncio
import queue
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bench.relay.process import say
from bench.yardsticks import ROW, WARM_TRANSACTIONS
from envoy import limits
from envoy.relay import doors, exchange, wire
from envoy.relay.peers import Peers

Message = dict[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Take = Callable[[bytes], Awaitable[None]]
Waiting = tuple[bytes, asyncio.Future[None]]


class App:
    """The application: a body that was posted is taken, then answered; sockets are kept."""

    def __init__(self, take: Take, sockets: set[Send]) -> None:
        self._take = take
        self._sockets = sockets

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or keep one WebSocket."""
        if scope["type"] == "websocket":
            await self._listen(receive, send)
            return
        parts, more = list[bytes](), True
        while more:
            message = await receive()
            part, more = message.get("body", b""), bool(message.get("more_body"))
            assert isinstance(part, bytes)
            parts.append(part)
        await self._take(b"".join(parts))
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _listen(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self._sockets.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self._sockets.discard(send)


async def nothing(_: bytes) -> None:
    """Take a body and do nothing with it."""


class Committer:
    """Bodies into rows, all that wait in one durable transaction, by a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._waiting = queue.SimpleQueue[Waiting]()
        threading.Thread(target=self._run, daemon=True).start()

    async def take(self, body: bytes) -> None:
        """Return when ``body`` is durable."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.put((body, done))
        await done

    def _run(self) -> None:
        connection = apsw.Connection(self._path)
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("CREATE TABLE row(bytes BLOB)")
        connection.execute("PRAGMA synchronous=NORMAL")
        for _ in range(WARM_TRANSACTIONS):
            connection.execute("INSERT INTO row(bytes) VALUES(?)", (ROW,))
        connection.execute("PRAGMA synchronous=FULL")
        while True:
            group = [self._waiting.get()]
            while len(group) < limits.GROUP_CALLS_MAX and not self._waiting.empty():
                group.append(self._waiting.get())
            connection.execute("BEGIN IMMEDIATE")
            rows = [(body,) for body, _ in group]
            connection.executemany("INSERT INTO row(bytes) VALUES(?)", rows)
            connection.execute("COMMIT")
            group[0][1].get_loop().call_soon_threadsafe(_answer, group)


def _answer(group: list[Waiting]) -> None:
    for _, done in group:
        done.set_result(None)


def application(what: str, directory: Path) -> App:
    """Return the application that is named."""
    sockets = set[Send]()

    async def echo(body: bytes) -> None:
        for send in list(sockets):
            await send({"type": "websocket.send", "bytes": body})

    if what in ("commit", "lean"):
        return App(Committer(directory / f"{what}.db").take, sockets)
    return App(echo if what == "echo" else nothing, sockets)


def library(app: App) -> uvicorn.Server:
    """Return the server of the library, with its own connections."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=H11Protocol,
        ws=WebSocketsSansIOProtocol,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        interface="asgi3",
        timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)


def lean(app: App) -> uvicorn.Server:
    """Return the server of the relay, with the relay's connections."""
    config = doors.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=exchange.Http,
        interface="asgi3",
        timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
    )
    config.doors = doors.Doors(Peers(), most_of_peer=limits.CONNECTIONS_MAX)
    return wire.Server(config)


def main(what: str, directory: Path) -> None:
    """Serve until a signal comes."""
    app = application(what, directory)
    # As the relay does: said in so many words, asyncio sends small answers at once only where it is
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen(limits.CONNECTIONS_MAX)
    say(f"http://127.0.0.1:{bound.getsockname()[1]}")
    (lean(app) if what == "lean" else library(app)).run(sockets=[bound])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

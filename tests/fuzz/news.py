"""News: what a listener says over an open line of a relay, sound words among odd ones.

Apart from the calls, since a line lives on: whatever is said on it, what comes back are messages of
the page, or a close with a code, and the relay tells others on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy.core.codec import encode
from envoy.sync import frames, live
from fuzz.kit import Target, hold
from fuzz.mutate import TEXTS, Tree, near
from fuzz.relays import Relays
from hub.scenes import SPACE, envelope

Line = tuple[bytes | str | None, ...]
CLOSES: Final = frozenset({1000, 1001, 4400, 4401, 4403, 4408, 4413, 4429})
LOT: Final = 8
TURNS: Final = 40  # of the loop, in which what was said is answered


class News(Target[Line]):
    """Lines of listeners at the face of a relay in this process."""

    name = "news"
    milliseconds = 0  # threads of its own work for it

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.at = Relays(place)

    def draw(self, dice: Random) -> Iterator[Line]:
        """Yield what some listeners say, each up to its end."""
        for _ in range(LOT):
            yield tuple(self.message(dice) for _ in range(dice.randrange(1, 6)))

    def message(self, dice: Random) -> bytes | str | None:
        """Return one message; some are no bytes at all."""
        token = self.at.maker.token(dice)
        count = dice.choice((1, 1, 2, 64, 65))
        wanted = tuple(live.Wanted(token, dice.choice((0, 1, 2**62))) for _ in range(count))
        sub = live.Sub("sub", dice.choice((1, 2**63 - 1)), wanted)
        data = encode(dice.choice((sub, sub, live.Unsub("unsub", SPACE), live.Pong("pong"))))
        match dice.getrandbits(4):
            case 0:
                return dice.choice((None, *TEXTS))
            case 1 | 2:
                return next(near(data, dice, 1))
            case 3 | 4:
                return next(Tree(data).near(dice, 1))
        return data

    def accepts(self, given: Line) -> bool:
        """Play a line while the space grows; say whether it was listened to."""
        sent = self.at.loop.run_until_complete(self.line(given))
        took = False
        for one in sent:
            if one["type"] == "websocket.close":
                hold(one["code"] in CLOSES, f"closed with {one['code']}")
                self.codes[str(one["code"])] += 1
                continue
            said = live.read(one["bytes"], live.TOLD)
            self.codes[type(said).__name__] += 1
            took = took or isinstance(said, live.Subbed)
        return took

    async def line(self, given: Line) -> list[dict[str, Any]]:
        """Return what is sent to a listener who says ``given`` and goes."""
        sent, todo = list[dict[str, Any]](), list(given)

        async def receive() -> dict[str, Any]:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if not todo:
                return {"type": "websocket.disconnect"}
            one = todo.pop(0)
            key = "bytes" if isinstance(one, bytes) else "text"
            return {"type": "websocket.receive", key: one}

        async def send(message: Any) -> None:
            sent.append(message)

        relay = self.at.relay
        relay.ask(frames.Push(SPACE, (envelope(f"{len(given)}"),)), frames.Pushed, self.token())
        async with asyncio.timeout(20):
            await self.at.face.fanout.serve(receive, send, lambda: None, lambda _: False)
        return sent

    def token(self) -> bytes:
        """Return the token of the founder."""
        return self.at.maker.tokens[0]

    def told(self, given: Line) -> object:
        """Return the messages: bytes as hex in an object, texts as they are."""
        return [{"hex": one.hex()} if isinstance(one, bytes) else one for one in given]

    def read(self, kept: Any) -> Line:
        """Return the messages."""
        return tuple(bytes.fromhex(one["hex"]) if isinstance(one, dict) else one for one in kept)

    def close(self) -> None:
        """End the relay."""
        self.at.close()

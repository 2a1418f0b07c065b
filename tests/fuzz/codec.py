"""The codec: every structure of the wire, from the vectors and from its types."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy.core import codec
from envoy.core.codec import decode, encode, peek_first
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from fuzz import shape
from fuzz.kit import Target, blobs, hold
from fuzz.mutate import Tree, near
from oracle import messagepack

Input = tuple[type[Body], bytes]
# ``check`` of some bodies names more than what is wrong with the form.
CODES: Final = frozenset({"malformed", "non_canonical", "too_large", "unsupported"})
LOT: Final = 256
SEEDS_EACH: Final = 12
DRAWS: Final = 300
EVERY: Final = 15  # one of sixteen is looked at in the slow ways too


class Codec(Target[Input]):
    """``decode`` of every Body. What is taken is one value in its one form, in a second reader too.

    Fast and slow: the plan of a type that leaves settled fields out, and the check of everything.
    """

    name = "codec"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.seeds = every_seed()
        self.count = 0

    def draw(self, dice: Random) -> Iterator[Input]:
        """Yield what is near one sound structure, by bytes and by structure."""
        kind, data, tree = dice.choice(self.seeds)
        others = [dice.choice(self.seeds)[1] for _ in range(4)]
        yield from ((kind, one) for one in near(data, dice, LOT // 2, others))
        yield from ((kind, one) for one in tree.near(dice, LOT // 2))

    def accepts(self, given: Input) -> bool:
        """Decode; of some inputs ask the slow ways as well."""
        kind, data = given
        self.count += 1
        looks = not self.count & EVERY
        try:
            value = decode(data, kind)
        except RemoteFault as fault:
            hold(fault.code in CODES, f"another code: {fault.code}")
            if looks:
                peek_first(data)
            return False
        if looks:
            self.look(value, data)
        return True

    def look(self, value: Body, data: bytes) -> None:
        """Read what was taken in the slow ways."""
        hold(encode(value) == data, "it encodes to other bytes")
        plain = messagepack.read(data)
        hold(messagepack.write(plain) == data, "a second writer writes other bytes")
        assert isinstance(plain, list), "a Body is an array"
        first = plain[0] if plain and type(plain[0]) in (int, str) else None
        hold(peek_first(data) == first, "its first element is another one")
        codec._check((value,))

    def told(self, given: Input) -> object:
        """Return the name of the structure and the bytes."""
        return {"kind": f"{given[0].__module__}.{given[0].__name__}", "hex": given[1].hex()}

    def read(self, kept: Any) -> Input:
        """Return the input that ``told`` wrote."""
        named = {f"{kind.__module__}.{kind.__name__}": kind for kind in shape.bodies()}
        return named[kept["kind"]], bytes.fromhex(kept["hex"])


@cache
def every_seed() -> list[tuple[type[Body], bytes, Tree]]:
    """Return the seeds, which take two seconds to find."""
    return list(seeds(Random("codec seeds")))


def seeds(dice: Random) -> Iterator[tuple[type[Body], bytes, Tree]]:
    """Yield sound encodings of every Body: those that vectors have, and some that types give."""
    known = [one for one in blobs(most=2048) if 0x90 <= one[0] <= 0x9F or one[0] == 0xDC]
    shaper = shape.Shaper(dice)
    for kind in shape.bodies():
        found = dict.fromkeys(one for one in known if is_sound(one, kind))
        drawn = (shaper.data(kind) for _ in range(DRAWS))
        for one in drawn:
            if len(found) >= SEEDS_EACH:
                break
            if len(one) <= 2048 and is_sound(one, kind):
                found[one] = None
        for one in list(found)[:SEEDS_EACH] or [shaper.data(kind)]:
            yield kind, one, Tree(one)


def is_sound(data: bytes, kind: type[Body]) -> bool:
    """Say whether ``data`` is a ``kind``."""
    try:
        decode(data, kind)
    except RemoteFault:
        return False
    return True

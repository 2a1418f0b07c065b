"""K1: ciphertexts and their pieces cannot be swapped, cut, moved or taken from elsewhere."""

from __future__ import annotations

import os
from itertools import permutations

import pytest

from abuse.siege import mirrored, turned_away
from envoy.core import chunks
from envoy.core.codec import encode
from envoy.core.envelope import parse
from envoy.errors import RemoteFault
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message
from replica.world import Actor, World


def test_no_part_of_an_envelope_fits_another(pair: list[Actor]) -> None:
    lead, agent = pair
    one, other = (parse(Forger(agent).say(message(text))[0]) for text in ("one", "other"))
    swapped = encode((1, one.epoch, one.salt, other.ct))
    resalted = encode((1, one.epoch, other.salt, one.ct))
    cut = encode((1, one.epoch, one.salt, one.ct[:256]))
    short = encode((1, one.epoch, one.salt, one.ct[:-1]))
    assert turned_away(lead, swapped, resalted, cut) == ["cannot_open"] * 3
    assert turned_away(lead, short) == ["malformed"]


def test_the_order_of_envelopes_means_nothing(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    base, forger = frames_of(lead), Forger(agent)
    page = [forger.say(message(f"{number}"))[0] for number in range(3)]
    deliver(lead, page)
    mirrored(world, lead, [[*base, *order] for order in permutations(page)][::2])


def test_chunks_open_in_their_place_alone() -> None:
    key, aad = os.urandom(32), b"row"
    plain = [os.urandom(chunks.PLAIN_BYTES), os.urandom(chunks.PLAIN_BYTES), b"the end"]
    row = [chunks.seal(key, n, aad, part, last=n == 2) for n, part in enumerate(plain)]

    def opens(number: int, chunk: bytes, *, last: bool, aad: bytes = aad) -> bool:
        try:
            chunks.open_chunk(key, number, aad, chunk, last=last)
        except RemoteFault:
            return False
        return True

    assert [opens(n, chunk, last=n == 2) for n, chunk in enumerate(row)] == [True] * 3
    found = [(n, m) for n in range(3) for m in range(3) if opens(n, row[m], last=n == 2)]
    assert found == [(0, 0), (1, 1), (2, 2)]
    assert not opens(1, row[1], last=True) and not opens(2, row[2], last=False)
    assert not opens(0, row[0], last=False, aad=b"another row")
    with pytest.raises(RemoteFault):
        chunks.open_chunk(key, 2, aad, row[2][:-1], last=True)

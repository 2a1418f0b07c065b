"""Frames: whatever comes over a wire and is read without a key, by the reader that it comes to.

Calls and replies of every hub and relay, frames, receipts, messages of a line, reconciliation,
capability chains, statements, proofs, heads of epochs and the history that an epoch carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy.core import access, epoch, receipt
from envoy.core.codec import decode, encode
from envoy.core.crypto.aead import encrypt
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync import access as calls
from envoy.sync import frames, live, recon
from fuzz.codec import is_sound
from fuzz.kit import Target, blobs, hold
from fuzz.mutate import Tree, is_tree, near
from fuzz.shape import Shaper
from oracle import events, scene

Input = tuple[str, bytes]
Reader = Callable[[bytes], object]
# What a reader of a wire may say; access names more reasons than frames do.
CODES: Final = frozenset(
    {
        *("malformed", "non_canonical", "too_large", "unsupported", "wrong_space", "bad_key"),
        *("bad_link", "bad_signature", "cannot_open", "unknown_suite"),
    }
)
LOT: Final = 96
ZERO: Final = bytes(24)
IDS: Final = recon.Ids(sorted(scene.fixed(f"id {number}") for number in range(200)))
WRAP_KEY, TAG = scene.fixed("wrap key"), scene.fixed("tag")
ROOT: Final = scene.fixed("space root seed")


class Frames(Target[Input]):
    """Every reader of the wire. What is a structure is written again to the same bytes."""

    name = "frames"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.readers: dict[str, Reader] = dict(readers())
        self.seeds = list(seeds(self.readers, Random("frames seeds")))

    def draw(self, dice: Random) -> Iterator[Input]:
        """Yield what is near one message; some of it goes to a reader that it is not for."""
        name, data, tree = dice.choice(self.seeds)
        others = [dice.choice(self.seeds)[1] for _ in range(4)]
        odd = name if dice.random() < 0.9 else dice.choice(list(self.readers))
        yield from ((odd, one) for one in near(data, dice, LOT // 2, others))
        yield from ((odd, one) for one in tree.near(dice, LOT // 2))

    def accepts(self, given: Input) -> bool:
        """Read a message."""
        name, data = given
        try:
            self.readers[name](data)
        except RemoteFault as fault:
            hold(fault.code in CODES, f"another code: {fault.code}")
            return False
        return True

    def told(self, given: Input) -> object:
        """Return reader and bytes."""
        return {"reader": given[0], "hex": given[1].hex()}

    def read(self, kept: Any) -> Input:
        """Return the input."""
        return kept["reader"], bytes.fromhex(kept["hex"])


def readers() -> Iterator[tuple[str, Reader]]:
    """Yield every reader by its name."""
    pairs = {**frames.CALLS, **calls.EVERY}
    for name, (asked, told) in sorted(pairs.items()):
        yield f"call {name}", _structure(asked)
        yield f"reply {name}", _structure(told)
    yield "request", _structure(calls.Request)
    yield "frame", _frame
    yield "receipt", lambda data: receipt.read_receipt(data, scene.SPACE)
    yield "asked", lambda data: _same(live.read(data, live.ASKED), data)
    yield "told", lambda data: _same(live.read(data, live.TOLD), data)
    yield "recon", _recon
    yield "asker", _asker
    yield "link", lambda data: access.read_chain([data], space=scene.SPACE, root_pub=scene.ROOT_PUB)
    yield "proof", lambda data: access.read_proof(data, _signature(data))
    yield "statement", _statement
    yield "head", _head
    yield "wrap", _wrap


def _structure(kind: type[Body]) -> Reader:
    return lambda data: _same(decode(data, kind), data)


def _same(value: object, data: bytes) -> None:
    hold(encode(value) == data, "it encodes to other bytes")


def _frame(data: bytes) -> None:
    """Ask for the id of a frame, and add it to a sum and a chain."""
    ident = frames.frame_id(data)
    hold(len(ident) == 32, "an id has 32 bytes")
    hold(len(frames.sum_after(bytes(32), [ident])) == 32, "a sum has 32 bytes")
    hold(len(frames.chain_after(bytes(32), [ident])) == 32, "a chain has 32 bytes")


def _recon(data: bytes) -> None:
    """Answer a message of reconciliation; the answer is one too."""
    _same(recon.read(data), data)
    recon.read(recon.answer(IDS, data))


def _asker(data: bytes) -> None:
    """Take a message for an answer; what is asked next is a message."""
    asker = recon.Asker(IDS)
    asker.begin()
    following = asker.take(data)
    if following is not None:
        recon.read(following)


def _signature(data: bytes) -> bytes:
    return events.sig(scene.WRITER_SEED, "session", data[:64])


def _statement(data: bytes) -> None:
    access.read_statement(data, space=scene.SPACE, root_pub=scene.ROOT_PUB)


def _head(data: bytes) -> None:
    """Read the head of an epoch, in the place of the epoch that it makes."""
    found = decode(data, frames.EpochHead)
    epoch.read_head(data, scene.SPACE, found.epoch(scene.SPACE))


def _wrap(data: bytes) -> None:
    """Read older secrets that somebody sealed with the right key."""
    wrap = encrypt(WRAP_KEY, ZERO, "hist", scene.SPACE + TAG, data)
    found = epoch.open_wrap(WRAP_KEY, scene.SPACE, TAG, wrap)
    hold(encode(found) == data, "it encodes to other bytes")


def seeds(known: dict[str, Reader], dice: Random) -> Iterator[tuple[str, bytes, Tree]]:
    """Yield sound messages of every reader: of the vectors, and some that types give."""
    shaper = Shaper(dice)
    named = ("frames", "access", "recon", "receipt", "epoch", "slot", "object", "identity")
    found = [one for one in blobs(*named, most=2048) if is_tree(one)]
    pairs = {**frames.CALLS, **calls.EVERY}
    for name, read in known.items():
        sound = [one for one in found if _passes(read, one)][:16]
        word, _, call = name.partition(" ")
        if call:
            kind = pairs[call][word == "reply"]
            drawn = (shaper.data(kind) for _ in range(200))
            sound += [one for one in drawn if len(one) <= 2048 and is_sound(one, kind)][:8]
        for one in sound or found[:8]:
            yield name, one, Tree(one)


def _passes(read: Reader, data: bytes) -> bool:
    try:
        read(data)
    except RemoteFault:
        return False
    return True

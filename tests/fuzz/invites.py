"""Invites: what people paste and type (codes, URIs, words, ids, cards), and what is sealed in one.

A blob, a request and a reply are opened by whoever has the code, so whoever has it may seal
anything into one: plaintexts with an odd place, in the right box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy import ids
from envoy.core import cards, identity, invite
from envoy.core.codec import encode
from envoy.core.crypto.aead import encrypt
from envoy.core.crypto.seal import public_key, seal
from envoy.core.crypto.sign import prefixed
from envoy.errors import EnvoyError, InternalError, RemoteFault
from fuzz.kit import Target, every, hold
from fuzz.mutate import Tree, near, near_text
from oracle import scene
from vectorfile import load
from vectors import make_invite

Input = tuple[str, str | bytes]
KEYS: Final = invite.invite_keys(make_invite.SECRET)
FILES: Final = ("invite", "ids", "did", "people", "identity")
LOT: Final = 64
# A box costs a key exchange of two kinds to make and to open; a blob costs a cipher.
BOXED: Final = 0.02


class Invites(Target[Input]):
    """All readers of pasted text, and of what a code opens."""

    name = "invite"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.texts: dict[str, Callable[[str], None]] = {
            "invite": _invite, "card": _card, "words": _words, "id": _id, "short": _short,
            "did": _did,
        }  # fmt: skip
        self.seeds = list(texts())
        self.plain = list(plaintexts())
        self.trees = [Tree(one) for one in self.plain]
        self.enc = public_key(KEYS.enc)

    def draw(self, dice: Random) -> Iterator[Input]:
        """Yield texts that are near one, and odd plaintexts in boxes."""
        text = dice.choice(self.seeds)
        for _ in range(LOT // 2):
            odd = near_text(text, dice.getrandbits(40))
            if dice.random() < 0.2:
                odd = near_text(odd, dice.getrandbits(40))
            yield dice.choice(list(self.texts)), odd
        tree, sound = dice.choice(list(zip(self.trees, self.plain, strict=True)))
        for plain in (*tree.near(dice, LOT // 4), *near(sound, dice, LOT // 8)):
            yield ("box" if dice.random() < BOXED else "blob"), padded(plain, dice)

    def accepts(self, given: Input) -> bool:
        """Read a text or open a box."""
        how, what = given
        try:
            if isinstance(what, str):
                self.texts[how](what)
            else:
                self.open(how, what)
        except RemoteFault as fault:
            self.codes[fault.code] += 1
            return False
        except EnvoyError as error:
            hold(not isinstance(error, InternalError), f"{error.code} for foreign text")
            self.codes[error.code] += 1
            hold(isinstance(what, bytes) or secretless(error, what), "an error repeats the text")
            return False
        return True

    def open(self, how: str, plain: bytes) -> None:
        """Open a plaintext in the right box."""
        if how == "box":
            size = invite._SEALED_BYTES
            box = seal(self.enc, prefixed("join-request", KEYS.lookup), plain.ljust(size, b"\0"))
            invite.open_request(KEYS.enc, KEYS.lookup, box)
            return
        plain = plain.ljust(invite._PLAIN_BYTES, b"\0")[: invite._PLAIN_BYTES]
        nonce = bytes(24)
        blob = nonce + encrypt(KEYS.blob, nonce, "blob", KEYS.lookup, plain)
        info = invite.open_blob(KEYS, blob)
        hold(invite.seal_blob(KEYS, info, nonce) == blob, "it is sealed to another blob")

    def told(self, given: Input) -> object:
        """Return how it is read, and text or hex."""
        how, what = given
        return {"how": how, "text": what} if isinstance(what, str) else {
            "how": how, "hex": what.hex()
        }  # fmt: skip

    def read(self, kept: Any) -> Input:
        """Return the input."""
        return kept["how"], kept["text"] if "text" in kept else bytes.fromhex(kept["hex"])


def secretless(error: EnvoyError, text: str) -> bool:
    """Say whether an error holds nothing of a code or of words that were typed."""
    said = f"{error} {error.details}"
    return not any(len(word) > 3 and word in said for word in text.split() if word.isupper())


def texts() -> Iterator[str]:
    """Yield every text that the vectors of names have, and what people may type."""
    for name in FILES:
        for one in every([vector["input"] for vector in load(name)]):
            if isinstance(one, str) and 4 <= len(one) <= 3000:
                yield one
    yield " ".join(identity.recovery_words(scene.fixed("root")))
    yield make_invite.CODE
    yield ids.did_text(scene.WRITER)
    yield ids.to_text("space", scene.SPACE)
    yield "task_" + ids.to_text("task", scene.SPACE)[5:11]


def padded(plain: bytes, dice: Random) -> bytes:
    """Return a plaintext behind its length, which is seldom a false one."""
    size = len(plain)
    if not dice.getrandbits(4):
        size = dice.choice((0, 1, size - 1, size + 1, 2**16, 2**32 - 1)) % 2**32
    return size.to_bytes(4) + plain[:3500] + (b"\1" if not dice.getrandbits(5) else b"")


def plaintexts() -> Iterator[bytes]:
    """Yield what is inside the blobs and requests of the vectors, and a reply."""
    for vector in load("invite"):
        given = vector["input"]
        if "expect" not in vector or given["op"] not in ("blob", "request", "answer"):
            continue
        raw = {name: bytes.fromhex(text) for name, text in given.items() if name != "op"}
        match given["op"]:
            case "blob":
                keys = invite.invite_keys(raw["secret"])
                yield encode(invite.open_blob(keys, raw["blob"]))
            case "request":
                yield encode(invite.open_request(raw["seed"], raw["lookup"], raw["sealed"]))
            case _:
                yield encode(invite.open_reply(raw["seed"], raw["lookup"], raw["sealed"]))


def _invite(text: str) -> None:
    found = invite.parse(text)
    again = invite.uri(found.secret, relay=found.relay, pin=found.pin)
    hold(invite.parse(again) == found, "its URI says something else")


def _card(text: str) -> None:
    found = cards.read(text)
    hold(ids.did_key(ids.did_text(found.did)) == found.did, "its did is another one as text")


def _words(text: str) -> None:
    root = identity.root_from_words(text)
    hold(identity.recovery_words(root) == text.lower().split(), "its words are others")


def _id(text: str) -> None:
    raw = ids.from_text(text, *ids.PREFIXES)
    prefix = text.lower().partition("_")[0]
    hold(ids.to_text(prefix, raw) == text.lower(), "another text has this id")


def _short(text: str) -> None:
    low, high = ids.span(text, *ids.PREFIXES)
    hold(len(low) == len(high) == 32 and low <= high, "a span is one of ids")


def _did(text: str) -> None:
    hold(ids.did_text(ids.did_key(text)) == text, "another text has this did")

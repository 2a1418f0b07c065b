"""K2: one ciphertext that opens under two keys is made here; only one of them is the epoch's."""

from __future__ import annotations

import os

import pytest

from envoy.core.codec import encode
from envoy.core.crypto import aead
from envoy.core.envelope import parse
from envoy.core.epoch import NO_WRAP, check_secret, creator_tag, epoch_id, epoch_keys
from envoy.errors import RemoteFault
from oracle import chacha

BLOCKS = 15  # of a ciphertext of 256 bytes, the tag apart


def blocks(data: bytes) -> list[int]:
    """Return the numbers that Poly1305 makes of whole or padded blocks."""
    padded = data.ljust(-(-len(data) // 16) * 16, b"\0")
    return [
        int.from_bytes(padded[at : at + 16] + b"\x01", "little") for at in range(0, len(padded), 16)
    ]


def one_time(key: bytes, nonce: bytes) -> tuple[int, int]:
    """Return r and s of Poly1305 for a key and nonce of XChaCha20-Poly1305."""
    block = chacha._block(chacha.hchacha(key, nonce[:16]), 0, bytes(4) + nonce[16:])
    r, s = (int.from_bytes(block[at : at + 16], "little") for at in (0, 16))
    return r & chacha.CLAMP, s


def colliding(one: bytes, other: bytes, nonce: bytes, aad: bytes) -> bytes:
    """Return a ciphertext with one tag that is right under both keys: one block is solved for."""
    (r1, s1), (r2, s2) = one_time(one, nonce), one_time(other, nonce)
    p, ends = chacha.PRIME, len(aad).to_bytes(8, "little") + (BLOCKS * 16).to_bytes(8, "little")
    while True:
        body = os.urandom(BLOCKS * 16 - 16)
        numbers = [*blocks(aad), *blocks(body), 0, *blocks(ends)]

        def poly(r: int, numbers: list[int] = numbers) -> int:
            total = 0
            for number in numbers:
                total = (total + number) * r % p
            return total

        gap = (s2 - s1 - poly(r1) + poly(r2)) % p
        free = gap * pow(pow(r1, 2, p) - pow(r2, 2, p), -1, p) % p
        if not 1 << 128 <= free < 1 << 129:
            continue
        numbers[-2] = free
        tags = {(poly(r, numbers) + s) % (1 << 128) for r, s in ((r1, s1), (r2, s2))}
        if len(tags) == 1:
            last = free - (1 << 128)
            return body + last.to_bytes(16, "little") + tags.pop().to_bytes(16, "little")


def test_the_cipher_does_not_commit_and_the_epoch_does() -> None:
    space, salt, tag = os.urandom(32), os.urandom(24), creator_tag(bytes(32), bytes(16))
    mine, theirs = os.urandom(32), os.urandom(32)
    keys = [epoch_keys(space, secret) for secret in (mine, theirs)]
    epoch = epoch_id(space, tag=tag, commitment=keys[0].commitment, wrap=NO_WRAP)
    place = b"\x01" + space + epoch + salt
    one, other = (found.event_key for found in keys)
    ct = colliding(one, other, salt, b"envoy/1 evt\0" + place)
    outer = parse(encode((1, epoch, salt, ct)))
    plain = [aead.decrypt(key, outer.salt, "evt", place, outer.ct) for key in (one, other)]
    assert plain[0] != plain[1]  # the control: it does open under both
    check_secret(space, epoch, tag=tag, wrap=NO_WRAP, secret=mine)
    with pytest.raises(RemoteFault, match="cannot_open"):
        check_secret(space, epoch, tag=tag, wrap=NO_WRAP, secret=theirs)

"""K8: X25519 points that make every secret the same are refused, in keys and in boxes."""

from __future__ import annotations

import os

import pytest

from envoy.core.crypto import seal
from envoy.errors import RemoteFault

P = 2**255 - 19
POINTS = {
    "zero": 0,
    "one": 1,
    "order 8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    "order 8, the other": (
        39382357235489614581723060781553021112529911719440698176882885853963445705823
    ),
    "p - 1": P - 1,
    "p": P,
    "p + 1": P + 1,
}
SEED = bytes(range(32))


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_such_a_point(point: int) -> None:
    key, low = seal.public_key(SEED), point.to_bytes(32, "little")
    with pytest.raises(RemoteFault, match="bad_key"):
        seal.seal(key[:-32] + low, b"info", os.urandom(32))
    box = seal.seal(key, b"info", b"k" * 32)
    assert seal.open_box(SEED, b"info", box) == b"k" * 32  # the control
    with pytest.raises(RemoteFault, match=r"cannot_open|bad_key"):
        seal.open_box(SEED, b"info", box[: 1120 - 32] + low + box[1120:])

"""Write tests/vectors/seal.json: X-Wing keys and boxes.

The key and the encapsulation are the first vector of draft-connolly-cfrg-xwing-kem-08, appendix C;
what HPKE does with the shared secret is computed here from RFC 9180 by hmac and
tests/oracle/chacha.py. ML-KEM alone is the library's: the script refuses to write anything that
contradicts the draft. ``op`` is the function: ``public``, ``open`` or ``usable``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from oracle import chacha

TARGET = Path(__file__).with_name("seal.json")

SEED = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
PUBLIC_SHA3 = "5121745904643ad9dfacca7869292c19a8a69533b53e60666b7db910b4ad6367"
SHARED = bytes.fromhex("d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384")
ENCAPSULATION = bytes.fromhex(
    "b83aa828d4d62b9a83ceffe1d3d3bb1ef31264643c070c5798927e41fb07914a273f8f96e7826cd5375a283d7da8"
    "85304c5de0516a0f0654243dc5b97f8bfeb831f68251219aabdd723bc6512041acbaef8af44265524942b902e68f"
    "fd23221cda70b1b55d776a92d1143ea3a0c475f63ee6890157c7116dae3f62bf72f60acd2bb8cc31ce2ba0de364f"
    "52b8ed38c79d719715963a5dd3842d8e8b43ab704e4759b5327bf027c63c8fa857c4908d5a8a7b88ac7f2be394d9"
    "3c3706ddd4e698cc6ce370101f4d0213254238b4a2e8821b6e414a1cf20f6c1244b699046f5a01caa0a1a5551630"
    "0b40d2048c77cc73afba79afeea9d2c0118bdf2adb8870dc328c5516cc45b1a2058141039e2c90a110a9e16b318d"
    "fb53bd49a126d6b73f215787517b8917cc01cabd107d06859854ee8b4f9861c226d3764c87339ab16c3667d2f493"
    "84e55456dd40414b70a6af841585f4c90c68725d57704ee8ee7ce6e2f9be582dbee985e038ffc346ebfb4e22158b"
    "6c84374a9ab4a44e1f91de5aac5197f89bc5e5442f51f9a5937b102ba3beaebf6e1c58380a4a5fedce4a4e5026f8"
    "8f528f59ffd2db41752b3a3d90efabe463899b7d40870c530c8841e8712b733668ed033adbfafb2d49d37a44d406"
    "4e5863eb0af0a08d47b3cc888373bc05f7a33b841bc2587c57eb69554e8a3767b7506917b6b70498727f16eac1a3"
    "6ec8d8cfaf751549f2277db277e8a55a9a5106b23a0206b4721fa9b3048552c5bd5b594d6e247f38c18c591aea7f"
    "56249c72ce7b117afcc3a8621582f9cf71787e183dee09367976e98409ad9217a497df888042384d7707a6b78f5f"
    "7fb8409e3b535175373461b776002d799cbad62860be70573ecbe13b246e0da7e93a52168e0fb6a9756b895ef7f0"
    "147a0dc81bfa644b088a9228160c0f9acf1379a2941cd28c06ebc80e44e17aa2f8177010afd78a97ce0868d1629e"
    "bb294c5151812c583daeb88685220f4da9118112e07041fcc24d5564a99fdbde28869fe0722387d7a9a4d16e1cc8"
    "555917e09944aa5ebaaaec2cf62693afad42a3f518fce67d273cc6c9fb5472b380e8573ec7de06a3ba2fd5f931d7"
    "25b493026cb0acbd3fe62d00e4c790d965d7a03a3c0b4222ba8c2a9a16e2ac658f572ae0e746eafc4feba023576f"
    "08942278a041fb82a70a595d5bacbf297ce2029898a71e5c3b0d1c6228b485b1ade509b35fbca7eca97b2132e7cb"
    "6bc465375146b7dceac969308ac0c2ac89e7863eb8943015b24314cafb9c7c0e85fe543d56658c213632599efabf"
    "c1ec49dd8c88547bb2cc40c9d38cbd3099b4547840560531d0188cd1e9c23a0ebee0a03d5577d66b1d2bcb4baaf2"
    "1cc7fef1e03806ca96299df0dfbc56e1b2b43e4fc20c37f834c4af62127e7dae86c3c25a2f696ac8b589dec71d59"
    "5bfbe94b5ed4bc07d800b330796fda89edb77be0294136139354eb8cd37591578f9c600dd9be8ec6219fdd507adf"
    "3397ed4d68707b8d13b24ce4cd8fb22851bfe9d632407f31ed6f7cb1600de56f17576740ce2a32fc5145030145cf"
    "b97e63e0e41d354274a079d3e6fb2e15"
)
SECRET = bytes(range(32))  # what the box holds
INFO = b"envoy/1 epoch-seal\0" + b"space" + b"epoch" + b"kid"
SUITE = b"HPKE" + bytes.fromhex("647a 0001 0003")
LABEL = bytes.fromhex("5c2e2f2f5e5c")  # X-Wing, drawn in six characters
P = 2**255 - 19
# Every X25519 key whose shared secret is zero: of order 1, 2, 4 and 8, and odd forms of them.
LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P - 1,
    P,
    P + 1,
]


def halves(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    """Return the two private keys of an X-Wing seed."""
    both = hashlib.shake_256(seed).digest(96)
    first = mlkem.MLKEM768PrivateKey.from_seed_bytes(both[:64])
    return first, x25519.X25519PrivateKey.from_private_bytes(both[64:])


def public(seed: bytes) -> bytes:
    """Return the public key of ``seed``."""
    return b"".join(key.public_key().public_bytes_raw() for key in halves(seed))


def combined(kem: bytes, curve: bytes, encapsulation: bytes) -> bytes:
    """Return the shared secret of X-Wing. Source: the draft, 5.3."""
    place = encapsulation[1088:] + public(SEED)[1184:]
    return hashlib.sha3_256(kem + curve + place + LABEL).digest()


def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """Return LabeledExtract. Source: RFC 9180, 4."""
    return hmac.digest(salt, b"HPKE-v1" + SUITE + label + ikm, "sha256")


def expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """Return LabeledExpand of at most 32 bytes. Source: RFC 9180, 4."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info
    return hmac.digest(key, labeled + b"\x01", "sha256")[:length]


def boxed(shared: bytes, encapsulation: bytes) -> bytes:
    """Return the box of SECRET under a shared secret of X-Wing. Source: RFC 9180, 5.1, 6.1."""
    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", INFO)
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return encapsulation + chacha.encrypt(key, nonce, b"", SECRET)


def opening(box: bytes, *, seed: bytes = SEED, info: bytes = INFO) -> dict[str, str]:
    """Return an input of ``open``."""
    return {"op": "open", "seed": seed.hex(), "info": info.hex(), "box": box.hex()}


def flipped(box: bytes, at: int) -> bytes:
    """Return ``box`` with one bit changed."""
    return box[:at] + bytes((box[at] ^ 1,)) + box[at + 1 :]


def bad_boxes(box: bytes, kem: bytes) -> dict[str, dict[str, str]]:
    """Return boxes that break one rule each."""
    low = [number.to_bytes(32, "little") for number in LOW_ORDER]
    return {
        "box for another key": opening(box, seed=bytes(32)),
        "box under another info": opening(box, info=INFO + b"x"),
        "bit of the ML-KEM part": opening(flipped(box, 0)),
        "bit of the X25519 part": opening(flipped(box, 1088)),
        "bit of the ciphertext": opening(flipped(box, 1120)),
        "bit of the tag": opening(flipped(box, -1 % len(box))),
        "a byte less": opening(box[:-1]),
        "a byte more": opening(box + b"\0"),
        "the encapsulation alone": opening(box[:1120]),
        "half an encapsulation": opening(box[:500]),
        "no bytes": opening(b""),
        # All else is right: whoever made it knows that the shared secret of X25519 is zero.
        **{
            f"low-order X25519 part {number}": opening(
                boxed(combined(kem, bytes(32), box[:1088] + point), box[:1088] + point)
            )
            for number, point in enumerate(low)
        },
    }


def keys() -> list[tuple[str, bytes, bool]]:
    """Return encryption keys and whether they can be sealed to."""
    good = public(SEED)
    return [
        ("a key", good, True),
        ("a key of 1,215 bytes", good[:-1], False),
        ("a key of 1,217 bytes", good + b"\0", False),
        ("no key", b"", False),
        ("all zero", bytes(1216), False),
        ("a coefficient of 4,095", b"\xff\x0f" + good[2:], False),
        *(
            (f"low-order X25519 key {number}", good[:1184] + value.to_bytes(32, "little"), False)
            for number, value in enumerate(LOW_ORDER)
        ),
    ]


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    first, second = halves(SEED)
    kem = first.decapsulate(ENCAPSULATION[:1088])
    curve = second.exchange(x25519.X25519PublicKey.from_public_bytes(ENCAPSULATION[1088:]))
    assert hashlib.sha3_256(public(SEED)).hexdigest() == PUBLIC_SHA3
    assert combined(kem, curve, ENCAPSULATION) == SHARED
    box = boxed(SHARED, ENCAPSULATION)
    found: list[dict[str, object]] = [
        {
            "name": "the key of the draft's first vector, as SHA3-256",
            "input": {"op": "public", "seed": SEED.hex()},
            "expect": PUBLIC_SHA3,
        },
        {"name": "a box of 32 bytes", "input": opening(box), "expect": SECRET.hex()},
    ]
    for name, key, usable in keys():
        given = {"op": "usable", "key": key.hex()}
        found.append({"name": name, "input": given, "expect": usable})
    for name, given in bad_boxes(box, kem).items():
        found.append({"name": name, "input": given, "code": "cannot_open"})
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

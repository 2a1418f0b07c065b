"""Write tests/vectors/sign.json: hashes, key derivation and Ed25519, published and with labels.

Labelled values come from the standard library's hmac and hashlib, signatures from the integers of
make_did; nothing is taken from libsodium or envoy. ``op`` names the function: ``extract``,
``hkdf`` and ``ed25519`` are the plain ones of the papers, ``tagged``, ``expand``, ``public``,
``sign`` and ``verify`` those with labels. What ``verify`` expects is "valid"; its code is what
every door says of a signature that does not fit.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from vectors.make_did import NEUTRAL, L, P, Point, add, encoded, find_point, small_order, times

TARGET = Path(__file__).with_name("sign.json")

BASE = find_point(4 * pow(5, -1, P) % P, 0) or NEUTRAL
SEED = bytes(range(32))
PARTS = [b"space", b"", b"body"]

# RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
# RFC 5869, A.1 to A.3: ikm, salt, info, pseudorandom key, output.
HKDF = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e"
        "590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


def prefixed(label: str, parts: list[bytes]) -> bytes:
    """Return what the spec puts before every labelled message."""
    return b"envoy/1 " + label.encode() + b"\0" + b"".join(parts)


def expanded(key: bytes, info: bytes, length: int) -> bytes:
    """Return HKDF-Expand. Source: RFC 5869, 2.3."""
    stream = block = b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes((number,)), "sha256")
        stream += block
    return stream[:length]


def scalars(seed: bytes) -> tuple[int, bytes]:
    """Return the secret scalar and the prefix of ``seed``. Source: RFC 8032, 5.1.5."""
    digest = hashlib.sha512(seed).digest()
    number = int.from_bytes(digest[:32], "little")
    return number & (1 << 254) - 8 | 1 << 254, digest[32:]


def public(seed: bytes) -> bytes:
    """Return the public key of ``seed``."""
    return encoded(times(scalars(seed)[0], BASE))


def signed(seed: bytes, message: bytes, *, shift: Point = NEUTRAL, r: int | None = None) -> bytes:
    """Return the signature of ``message``; ``shift`` is added to R, ``r`` replaces its scalar.

    Whatever R is, the hash is over its encoding and s is right, so that only R is at fault.
    """
    secret, prefix = scalars(seed)
    hashed = hashlib.sha512(prefix + message).digest()
    r = int.from_bytes(hashed, "little") % L if r is None else r
    point = encoded(add(times(r, BASE), shift))
    digest = hashlib.sha512(point + public(seed) + message).digest()
    s = (r + int.from_bytes(digest, "little") * secret) % L
    return point + s.to_bytes(32, "little")


def good() -> list[tuple[str, dict[str, object], str]]:
    """Return vectors that must come out."""
    text = [part.hex() for part in PARTS]
    message = prefixed("event", PARTS)
    digest = hashlib.sha256(prefixed("env", PARTS)).hexdigest()
    rows: list[tuple[str, dict[str, object], str]] = []
    for number, (ikm, salt, info, prk, okm) in enumerate(HKDF, 1):
        name, length = f"RFC 5869, A.{number}", len(okm) // 2
        rows.append((f"{name}, extract", {"op": "extract", "salt": salt, "ikm": ikm}, prk))
        given = {"op": "hkdf", "key": prk, "info": info, "length": length}
        rows.append((f"{name}, expand", given, okm))
    for number, (seed, key, raw, sig) in enumerate(ED25519, 1):
        name = f"RFC 8032, 7.1, test {number}"
        rows.append((f"{name}, key", {"op": "public", "seed": seed}, key))
        rows.append((name, {"op": "ed25519", "seed": seed, "message": raw}, sig))
    rows.append(("H of three parts", {"op": "tagged", "label": "env", "parts": text}, digest))
    for length in (8, 16, 24, 32, 60):
        given = {"op": "expand", "key": SEED.hex(), "label": "sn-digits", "parts": text}
        okm = expanded(SEED, prefixed("sn-digits", PARTS), length).hex()
        rows.append((f"KDF of {length} bytes", given | {"length": length}, okm))
    sig = signed(SEED, message).hex()
    given = {"op": "sign", "seed": SEED.hex(), "label": "event", "parts": text}
    rows.append(("SIG of three parts", given, sig))
    rows.append(("SIG of three parts verifies", verifying(sig), "valid"))
    return rows


def verifying(sig: str, **other: object) -> dict[str, object]:
    """Return an input of ``verify`` for ``sig``."""
    given = {"op": "verify", "key": public(SEED).hex(), "label": "event", "sig": sig}
    return given | {"parts": [part.hex() for part in PARTS]} | other


def bad() -> dict[str, dict[str, object]]:
    """Return signatures that break one rule each."""
    message = prefixed("event", PARTS)
    sig = signed(SEED, message)
    s = int.from_bytes(sig[32:], "little")
    torsion = small_order()
    return {
        "another label": verifying(sig.hex(), label="keys"),
        "another message": verifying(sig.hex(), parts=["00"]),
        "another key": verifying(sig.hex(), key=public(bytes(32)).hex()),
        "no label at all": verifying(signed(SEED, b"".join(PARTS)).hex()),
        "s + L": verifying((sig[:32] + (s + L).to_bytes(32, "little")).hex()),
        "R plus torsion": verifying(signed(SEED, message, shift=torsion[1]).hex()),
        **{
            f"small-order R, {number} times the generator of order 8": verifying(
                signed(SEED, message, shift=point, r=0).hex()
            )
            for number, point in enumerate(torsion)
        },
        "63 bytes": verifying(sig[:63].hex()),
        "65 bytes": verifying(sig.hex() + "00"),
        "no bytes": verifying(""),
        "all zero": verifying(bytes(64).hex()),
        "the identity as key, for which one signature fits any message": verifying(
            (encoded(NEUTRAL) + bytes(32)).hex(), key=encoded(NEUTRAL).hex()
        ),
    }


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    for seed, key, raw, sig in ED25519:  # the integers above against the paper
        assert public(bytes.fromhex(seed)).hex() == key
        assert signed(bytes.fromhex(seed), bytes.fromhex(raw)).hex() == sig
    found: list[dict[str, object]] = [
        {"name": name, "input": given, "expect": out} for name, given, out in good()
    ]
    for name, given in bad().items():
        found.append({"name": name, "input": given, "code": "bad_signature"})
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

"""Write tests/vectors/aead.json: XChaCha20-Poly1305, published and with Envoy's labels.

Computed by tests/oracle/chacha.py; the published ciphertext stands here as the draft prints it, and
the script refuses to write anything that contradicts it.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import chacha

TARGET = Path(__file__).with_name("aead.json")

# draft-irtf-cfrg-xchacha-03, A.3.1.
PLAINTEXT = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
AAD = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
KEY = bytes(range(0x80, 0xA0))
NONCE = bytes(range(0x40, 0x58))
PUBLISHED = bytes.fromhex(
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
    "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
    "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
    "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780a"
    "cf49"
)


def sealed(label: str, ctx: bytes, plaintext: bytes) -> dict[str, str]:
    """Return an input of ``decrypt`` that opens."""
    aad = b"envoy/1 " + label.encode() + b"\0" + ctx
    ciphertext = chacha.xchacha_encrypt(KEY, NONCE, aad, plaintext)
    return {
        "key": KEY.hex(),
        "nonce": NONCE.hex(),
        "label": label,
        "ctx": ctx.hex(),
        "ciphertext": ciphertext.hex(),
    }


def changed(given: dict[str, str], field: str, at: int) -> dict[str, str]:
    """Return ``given`` with one bit of ``field`` flipped."""
    raw = bytearray.fromhex(given[field])
    raw[at] ^= 1
    return given | {field: raw.hex()}


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    assert chacha.xchacha_encrypt(KEY, NONCE, AAD, PLAINTEXT) == PUBLISHED
    golden = sealed("evt", b"place", PLAINTEXT)
    published = {"key": KEY.hex(), "nonce": NONCE.hex(), "aad": AAD.hex()}
    good: dict[str, tuple[dict[str, str], bytes]] = {
        "draft-irtf-cfrg-xchacha-03, A.3.1": (
            published | {"ciphertext": PUBLISHED.hex()},
            PLAINTEXT,
        ),
        "a label and a ctx before it": (golden, PLAINTEXT),
        "an empty plaintext": (sealed("evt", b"", b""), b""),
    }
    tag = len(PLAINTEXT)
    bad = {
        "first bit of the ciphertext": changed(golden, "ciphertext", 0),
        "last bit of the ciphertext": changed(golden, "ciphertext", tag - 1),
        "first bit of the tag": changed(golden, "ciphertext", tag),
        "last bit of the tag": changed(golden, "ciphertext", -1),
        "another key": changed(golden, "key", 31),
        "another nonce, first half": changed(golden, "nonce", 0),
        "another nonce, second half": changed(golden, "nonce", 23),
        "another ctx": changed(golden, "ctx", 0),
        "another label": golden | {"label": "hist"},
        "a byte less": golden | {"ciphertext": golden["ciphertext"][:-2]},
        "a byte more": golden | {"ciphertext": golden["ciphertext"] + "00"},
        "15 bytes": golden | {"ciphertext": golden["ciphertext"][:30]},
        "16 bytes": golden | {"ciphertext": golden["ciphertext"][:32]},
        "no bytes": golden | {"ciphertext": ""},
    }
    found: list[dict[str, object]] = []
    for name, (given, plaintext) in good.items():
        found.append({"name": name, "input": given, "expect": plaintext.hex()})
    for name, given in bad.items():
        found.append({"name": name, "input": given, "code": "cannot_open"})
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

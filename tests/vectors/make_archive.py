"""Write tests/vectors/archive.json: heads, chunks and small archives, whole and at fault.

The tar comes from the standard library, AES-GCM and argon2id from OpenSSL by other ways than the
product takes. ``op`` is what reads the input; ``details`` is the reason beside a code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from oracle import messagepack
from vectors import make_sign

TARGET = Path(__file__).with_name("archive.json")

SALT = b"\x51" * 16
SECRET = {"argon2id": b"correct horse", "backup": b"\x52" * 32}
KEY, AAD = b"\x53" * 32, make_sign.prefixed("export", [hashlib.sha256(b"start").digest()])
Given = dict[str, object]


# -- heads ------------------------------------------------------------------------------------


def fields(kdf: str = "backup", /, **changed: object) -> list[object]:
    """Return the fields of a header."""
    costs = {"t": 1, "m": 1024, "p": 2} if kdf == "argon2id" else {"t": 0, "m": 0, "p": 0}
    return list(({"v": 1, "kdf": kdf} | costs | {"salt": SALT} | changed).values())


def header(kdf: str = "backup", /, **changed: object) -> Given:
    """Return an input of ``read_header``."""
    return {"op": "header", "header": messagepack.write(fields(kdf, **changed)).hex()}


def key_of(kdf: str) -> bytes:
    """Return the key of the chunks, by the formula of the spec."""
    ikm = SECRET[kdf]
    if kdf == "argon2id":
        derive = Argon2id(salt=SALT, length=32, iterations=1, lanes=2, memory_cost=1024).derive
        ikm = derive(ikm)
    return make_sign.expanded(ikm, make_sign.prefixed("export", [SALT]), 32)


# -- chunks -----------------------------------------------------------------------------------


def sealed(key: bytes, number: int, aad: bytes, plaintext: bytes, *, last: bool = True) -> bytes:
    """Return a chunk; the caller has padded it."""
    gcm = Cipher(AES256(key), GCM(number.to_bytes(11, "big") + bytes([last]))).encryptor()
    gcm.authenticate_additional_data(aad)
    return gcm.update(plaintext) + gcm.finalize() + gcm.tag


def chunk(number: int = 0, *, size: int = 240, place: int | None = None, **other: object) -> Given:
    """Return an input of ``open_chunk``: one sealed as ``number``, read in ``place``."""
    made = sealed(KEY, number, AAD, b"plain".ljust(size, b"\0"), last=bool(other.get("made", 1)))
    return {
        "op": "chunk",
        "key": KEY.hex(),
        "number": number if place is None else place,
        "aad": AAD.hex(),
        "last": other.get("last", True),
        "ciphertext": made.hex(),
    }


# -- archives ---------------------------------------------------------------------------------


def entry(name: str, data: bytes = b"", /, **changed: object) -> bytes:
    """Return a file of a tar, by the standard library."""
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o600, len(data)
    for field, value in changed.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def archive(content: bytes, *, kdf: str = "backup", end: bytes = bytes(1024)) -> bytes:
    """Return an archive of one chunk that holds ``content``."""
    encoded = messagepack.write(fields(kdf))
    start = b"ENVOYEXP" + len(encoded).to_bytes(4, "big") + encoded
    aad = make_sign.prefixed("export", [hashlib.sha256(start).digest()])
    plain = content + end
    size = next(size for size in (2048, 4096, 8192, 16384) if size >= len(plain) + 16)
    return start + sealed(key_of(kdf), 0, aad, plain.ljust(size - 16, b"\0"))


def asked(made: bytes, *, kdf: str = "backup", secret: bytes | None = None) -> Given:
    """Return an input of ``read_archive``."""
    value = SECRET[kdf] if secret is None else secret
    text = base64.b64encode(made).decode()
    return {"op": "archive", "kdf": kdf, "secret": value.hex(), "file": text}


FILE = entry("identity.json", b"{}")
GOOD = archive(FILE)


def flipped(at: int) -> bytes:
    """Return the good archive with one bit changed."""
    made = bytearray(GOOD)
    made[at] ^= 1
    return bytes(made)


def good() -> list[tuple[str, Given, object]]:
    """Return what has to pass."""
    named = ("objects/ab/Z-9_z.x", "a" * 100)
    return [
        ("a header for a passphrase", header("argon2id"), {"kdf": "argon2id", "t": 1, "m": 1024}),
        ("a header for a backup key", header(), {"kdf": "backup", "t": 0, "m": 0}),
        (
            "the largest costs",
            header("argon2id", t=10, m=2**20, p=16),
            {"kdf": "argon2id", "t": 10, "m": 2**20},
        ),
        (
            "a key from a passphrase",
            {"op": "key", "kdf": "argon2id"} | secret("argon2id"),
            key_of("argon2id").hex(),
        ),
        (
            "a key from a backup key",
            {"op": "key", "kdf": "backup"} | secret("backup"),
            key_of("backup").hex(),
        ),
        ("a last chunk", chunk(), b"plain".ljust(240, b"\0").hex()),
        ("a last chunk behind others", chunk(7), b"plain".ljust(240, b"\0").hex()),
        ("an archive for a backup key", asked(GOOD), {"identity.json": "{}"}),
        (
            "an archive for a passphrase",
            asked(archive(FILE, kdf="argon2id"), kdf="argon2id"),
            {"identity.json": "{}"},
        ),
        ("an archive of nothing", asked(archive(b"")), {}),
        (
            "an archive of several files",
            asked(archive(b"".join(entry(name, b"x") for name in named))),
            dict.fromkeys(named, "x"),
        ),
    ]


def secret(kdf: str) -> Given:
    """Return header and secret of an input of ``key``."""
    return {"header": messagepack.write(fields(kdf)).hex(), "secret": SECRET[kdf].hex()}


def bad() -> list[tuple[str, Given, str, str | None]]:
    """Return what breaks one rule each."""
    heads: dict[str, tuple[Given, str]] = {
        "no pass": (header("argon2id", t=0), "too_large"),
        "11 passes": (header("argon2id", t=11), "too_large"),
        "more than a gibibyte": (header("argon2id", m=2**20 + 1), "too_large"),
        "2**62 KiB": (header("argon2id", m=2**62), "too_large"),
        "less memory than the lanes take": (header("argon2id", m=15), "too_large"),
        "no lane": (header("argon2id", p=0), "too_large"),
        "17 lanes": (header("argon2id", p=17), "too_large"),
        "a backup key with a cost": (header(t=1), "malformed"),
        "an unknown way": (header("scrypt"), "malformed"),
        "a salt of 15 bytes": (header(salt=SALT[:15]), "malformed"),
        "version 0": (header(v=0), "malformed"),
        "version 2": (header(v=2), "unsupported"),
        "a field more": (
            {"op": "header", "header": messagepack.write([*fields(), 1]).hex()},
            "malformed",
        ),
        "a field less": (
            {"op": "header", "header": messagepack.write(fields()[:5]).hex()},
            "malformed",
        ),
    }
    pieces: dict[str, tuple[Given, str]] = {
        "a chunk in another place": (chunk(place=1), "cannot_open"),
        "a chunk that says it is the last and is not": (chunk(made=0), "cannot_open"),
        "a short chunk in the middle": (chunk(last=False, made=0), "malformed"),
        "a last chunk of an odd length": (chunk(size=241), "malformed"),
        "a chunk under another aad": (chunk() | {"aad": AAD[:-1].hex() + "00"}, "cannot_open"),
        "a chunk under another key": (chunk() | {"key": SALT.hex() * 2}, "cannot_open"),
    }
    found: list[tuple[str, Given, str, str | None]] = []
    found += [(name, given, code, None) for name, (given, code) in (heads | pieces).items()]
    for name, (given, reason) in files().items():
        code = "schema_too_new" if name == "an archive of version 2" else "signature_invalid"
        found.append((name, given, code, reason))
    return found


def files() -> dict[str, tuple[Given, str | None]]:
    """Return archives at fault, each with the reason that is told."""
    names = {
        "an absolute name": "/etc/passwd",
        "a name that climbs": "../x",
        "a name that climbs in the middle": "a/../../x",
        "a hidden name": ".ssh",
        "a name with an empty part": "a//b",
        "a name like a flag": "-rf",
        "a name with a blank": "a b",
        "a name of nine parts": "a/b/c/d/e/f/g/h/i",
        "a name with a backslash": "a\\b",
        "no name": "",
    }
    kinds: dict[str, dict[str, object]] = {
        "a link": {"type": b"2", "linkname": "/etc/passwd"},
        "a hard link": {"type": b"1", "linkname": "identity.json"},
        "a character device": {"type": b"3"},
        "a block device": {"type": b"4"},
        "a directory": {"type": b"5"},
        "a FIFO": {"type": b"6"},
        "a long name of GNU": {"type": b"L"},
        "an extended header": {"type": b"x"},
    }
    return {
        **{name: (asked(archive(entry(text))), "name") for name, text in names.items()},
        **{
            name: (asked(archive(entry("a", **more))), "not_a_file") for name, more in kinds.items()
        },
        **contents(),
        **damages(),
    }


def contents() -> dict[str, tuple[Given, str | None]]:
    """Return archives whose tar is at fault."""
    return {
        "a file with a wide mode": (asked(archive(entry("a", mode=0o4755))), "content"),
        "a file with an owner": (asked(archive(entry("a", uid=1000))), "content"),
        "a file twice": (asked(archive(FILE + FILE)), "name"),
        "a file and a directory of one name": (
            asked(archive(entry("a", b"x") + entry("a/b"))),
            "name",
        ),
        "a tar with a wrong sum": (
            asked(archive(FILE[:148] + b"000000\0 " + FILE[156:])),
            "content",
        ),
        "a file longer than its archive": (
            asked(archive(entry("a", b"x" * 6000)[:1024])),
            "content",
        ),
        "padding that is none": (asked(archive(FILE[:-1] + b"x")), "content"),
        "an end of one block": (asked(archive(FILE + bytes(512) + b"x")), "content"),
        "something behind the end": (asked(archive(FILE, end=bytes(1024) + b"x")), "content"),
    }


def damages() -> dict[str, tuple[Given, str | None]]:
    """Return archives that are at fault themselves."""
    later = messagepack.write([2, "future"])
    return {
        "another magic": (asked(b"ENVOYBDL" + GOOD[8:]), "not_an_archive"),
        "no archive at all": (asked(b"{}"), "not_an_archive"),
        "a header longer than any": (asked(GOOD[:8] + b"\xff\xff\xff\xff" + GOOD[12:]), "header"),
        "an archive of version 2": (asked(GOOD[:8] + len(later).to_bytes(4, "big") + later), None),
        "another backup key": (asked(GOOD, secret=SALT * 2), "wrong_passphrase_or_damaged"),
        "another passphrase": (
            asked(archive(FILE, kdf="argon2id"), kdf="argon2id", secret=b"x"),
            "wrong_passphrase_or_damaged",
        ),
        "a passphrase where a key is wanted": (asked(GOOD, kdf="argon2id"), "kdf"),
        "a changed salt": (asked(flipped(GOOD.index(SALT))), "wrong_passphrase_or_damaged"),
        "a changed chunk": (asked(flipped(100)), "wrong_passphrase_or_damaged"),
        "a changed tag": (asked(flipped(len(GOOD) - 1)), "wrong_passphrase_or_damaged"),
        "nothing behind the header": (asked(GOOD[: GOOD.index(SALT) + 16]), "truncated"),
        "the last byte cut off": (asked(GOOD[:-1]), "truncated"),
        "a byte more": (asked(GOOD + b"\0"), "truncated"),
    }


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    found = [{"name": name, "input": given, "expect": expect} for name, given, expect in good()]
    for name, given, code, reason in bad():
        found.append({"name": name, "input": given, "code": code, "details": {"reason": reason}})
    return [dict(vector) for vector in found]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

"""A second reader and writer of archives and of identity.json, from docs/spec alone.

Nothing of envoy is used: AES-GCM, Argon2id and Ed25519 are OpenSSL's, the cipher of the lock, HKDF
and the codec are written out in ``oracle``. What ``backup`` and ``identity export`` write must open
here, and what is written here must open there.

Specification: docs/spec/archive.md; docs/spec/identity.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from oracle import chacha, events, messagepack

MAGIC = b"ENVOYEXP"
PIECE = 1_048_560
CHUNK = 1_048_576
BLOCK = 512
MAY_BE_NAMED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
COSTS = (3, 65_536, 4)
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Refused(Exception):
    """The bytes are no archive or record of the page; the argument says which rule is broken."""


class Head(NamedTuple):
    """The header of an archive, and the bytes that its aad covers."""

    kdf: str
    t: int
    m: int
    p: int
    salt: bytes
    raw: bytes


def costs_hold(t: int, m: int, p: int) -> bool:
    """Return whether a reader may spend this."""
    return 1 <= t <= 10 and 1 <= p <= 16 and 8 * p <= m <= 1_048_576


def stretched(passphrase: str, salt: bytes, costs: tuple[int, int, int]) -> bytes:
    """Return argon2id of ``passphrase``: 32 bytes."""
    t, m, p = costs
    text = unicodedata.normalize("NFC", passphrase).encode()
    if not 1 <= len(text) <= 1024:
        raise Refused("passphrase")
    return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(text)


def head_of(data: bytes) -> tuple[Head, bytes]:
    """Return the header of an archive and what follows it."""
    if data[:8] != MAGIC or len(data) < 12:
        raise Refused("not_an_archive")
    size = int.from_bytes(data[8:12], "big")
    if size > 256 or len(data) < 12 + size:
        raise Refused("header")
    try:
        value = messagepack.read(data[12 : 12 + size])
    except messagepack.Refused as error:
        raise Refused("header") from error
    match value:
        case [1, "argon2id", int(t), int(m), int(p), bytes(salt)] if len(salt) == 16:
            if not costs_hold(t, m, p):
                raise Refused("kdf_bounds")
            return Head("argon2id", t, m, p, salt, data[: 12 + size]), data[12 + size :]
        case [1, "backup", 0, 0, 0, bytes(salt)] if len(salt) == 16:
            return Head("backup", 0, 0, 0, salt, data[: 12 + size]), data[12 + size :]
        case _:
            raise Refused("header")


def key_of(head: Head, secret: str | bytes) -> bytes:
    """Return the key of the chunks; ``secret`` is a passphrase or the root of an identity."""
    if isinstance(secret, str) != (head.kdf == "argon2id"):
        raise Refused("kdf")
    if isinstance(secret, str):
        base = stretched(secret, head.salt, (head.t, head.m, head.p))
    else:
        base = events.kdf(secret, "id-backup")
    return events.kdf(base, "export", head.salt)


def nonce(number: int, *, last: bool) -> bytes:
    """Return the nonce of chunk ``number``."""
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def opened(data: bytes, secret: str | bytes) -> bytes:
    """Return the plaintext of an archive, with the zeros of its end."""
    head, rest = head_of(data)
    cipher = AESGCM(key_of(head, secret))
    aad = b"envoy/1 export\x00" + hashlib.sha256(head.raw).digest()
    chunks = [rest[at : at + CHUNK] for at in range(0, len(rest), CHUNK)]
    plain = b""
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        try:
            plain += cipher.decrypt(nonce(number, last=last), chunk, aad)
        except InvalidTag as error:
            raise Refused(f"chunk {number}") from error
    if not chunks or bucket(len(chunks[-1])) != len(chunks[-1]):
        raise Refused("truncated")
    return plain


def bucket(size: int) -> int:
    """Return P(size) of docs/spec/event.md."""
    for small in (256, 512, 1024, 2048, 4096):
        if size <= small:
            return small
    step = 1 << (size.bit_length() - 1 - 4)
    return -(-size // step) * step


def sealed(plain: bytes, secret: str | bytes, salt: bytes) -> bytes:
    """Return the archive of ``plain``, with the costs that a writer takes."""
    kdf, costs = ("argon2id", COSTS) if isinstance(secret, str) else ("backup", (0, 0, 0))
    header = messagepack.write([1, kdf, *costs, salt])
    raw = MAGIC + len(header).to_bytes(4, "big") + header
    cipher = AESGCM(key_of(Head(kdf, *costs, salt, raw), secret))
    aad = b"envoy/1 export\x00" + hashlib.sha256(raw).digest()
    pieces = [plain[at : at + PIECE] for at in range(0, len(plain), PIECE)] or [b""]
    pieces[-1] = pieces[-1].ljust(bucket(len(pieces[-1]) + 16) - 16, b"\x00")
    ends = [number == len(pieces) - 1 for number in range(len(pieces))]
    parts = [
        cipher.encrypt(nonce(number, last=last), piece, aad)
        for number, (piece, last) in enumerate(zip(pieces, ends, strict=True))
    ]
    return raw + b"".join(parts)


def name_holds(raw: bytes) -> bool:
    """Return whether ``raw`` is a name that a tar of the page may have."""
    parts = raw.split(b"/")
    whole = 1 <= len(raw) <= 100 and len(parts) <= 8
    return whole and all(
        part and part[:1] not in (b".", b"-") and MAY_BE_NAMED.issuperset(part) for part in parts
    )


def tar_header(name: bytes, size: int) -> bytes:
    """Return the one header for a file."""
    start = name.ljust(100, b"\x00") + b"0000600\x000000000\x000000000\x00"
    start += b"%011o\x00" % size + b"00000000000\x00"
    end = (b"0" + bytes(100) + b"ustar\x0000").ljust(BLOCK - len(start) - 8, b"\x00")
    total = sum(start) + sum(end) + 8 * 0x20
    return start + b"%06o\x00 " % total + end


def files_of(plain: bytes) -> dict[str, bytes]:
    """Return the files of a tar; anything but the one form of a header is refused."""
    found: dict[str, bytes] = {}
    at = 0
    while (block := plain[at : at + BLOCK]) != bytes(BLOCK):
        name = block[:100].rstrip(b"\x00")
        digits = block[124:135]
        if len(block) != BLOCK or not name_holds(name) or not set(digits) <= set(b"01234567"):
            raise Refused("name or size")
        size = int(digits, 8)
        if block != tar_header(name, size):
            raise Refused("header of a file")
        folders = {"/".join(other.split("/")[:n]) for other in found for n in range(1, 9)}
        text = name.decode()
        above = {"/".join(text.split("/")[:n]) for n in range(1, 9)}
        if text in folders or above & set(found):
            raise Refused("a name twice, or below a file")
        body = plain[at + BLOCK : at + BLOCK + size]
        at += BLOCK + -(-size // BLOCK) * BLOCK
        if len(body) != size or any(plain[at - (-size % BLOCK) : at]):
            raise Refused("content")
        found[text] = body
    if len(plain) < at + 2 * BLOCK or any(plain[at:]):
        raise Refused("end")
    return found


def tar_of(files: dict[str, bytes]) -> bytes:
    """Return the tar of ``files``."""
    parts = [
        tar_header(name.encode(), len(body)) + body + bytes(-len(body) % BLOCK)
        for name, body in files.items()
    ]
    return b"".join(parts) + bytes(2 * BLOCK)


class Lock(NamedTuple):
    """The lock of an identity, as C(lock) writes it."""

    mode: str
    t: int
    m: int
    p: int
    salt: bytes


def did_of(root: bytes) -> tuple[str, bytes]:
    """Return the member id that follows from ``root``: its text and its 32 bytes."""
    key = events.public(events.kdf(root, "id-sign"))
    number = int.from_bytes(b"\xed\x01" + key, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "did:key:z" + text, key


def bin64(text: object) -> bytes:
    """Return the bytes of base64url without padding in its one form."""
    if not isinstance(text, str):
        raise Refused("form")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if text64(raw) != text:
        raise Refused("form")
    return raw


def text64(raw: bytes) -> str:
    """Return base64url of ``raw`` without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def wrapping(lock: Lock, secret: str | bytes) -> bytes:
    """Return w of the table of lock modes; ``secret`` is a passphrase or 32 bytes of a keyring."""
    if lock.mode == "passphrase" and isinstance(secret, str):
        return stretched(secret, lock.salt, (lock.t, lock.m, lock.p))
    if lock.mode == "keyring" and isinstance(secret, bytes):
        return events.kdf(secret, "lock", lock.salt)
    raise Refused("another secret is wanted")


def sum_of(record: dict[str, object]) -> bytes:
    """Return the sum of a record, each value as it stands in the file."""
    lock = record["lock"]
    if not isinstance(lock, dict):
        raise Refused("lock")
    values = [record[name] for name in ("v", "name", "did", "enc_no")]
    values.append([lock[name] for name in ("mode", "t", "m", "p", "salt")])
    values += [record["root"], record["check"]]
    return events.h("id-sum", messagepack.write(values))[:8]


def root_of(text: bytes, secret: str | bytes | None = None) -> bytes:
    """Return the root that an identity.json holds, with all its checks."""
    record = json.loads(text)
    if record["v"] != 1 or bin64(record["sum"]) != sum_of(record):
        raise Refused("sum")
    kept = record["lock"]
    lock = Lock(kept["mode"], kept["t"], kept["m"], kept["p"], bin64(kept["salt"]))
    root = bin64(record["root"])
    if lock.mode != "none" and secret is not None:
        root = _unwrapped(lock, wrapping(lock, secret), root, record["did"])
    did, _ = did_of(root)
    if did != record["did"] or events.kdf(root, "id-check", length=8) != bin64(record["check"]):
        raise Refused("another root")
    return root


def _unwrapped(lock: Lock, key: bytes, wrapped: bytes, did: str) -> bytes:
    """Return the root below ``lock``."""
    aad = events.prefix("lock") + key_of_did(did) + messagepack.write(list(lock))
    subkey = chacha.hchacha(key, bytes(16))
    try:
        return chacha.decrypt(subkey, bytes(12), aad, wrapped)
    except chacha.Forged as error:
        raise Refused("wrong secret") from error


def key_of_did(did: str) -> bytes:
    """Return the 32 bytes of a did:key."""
    number = 0
    for symbol in did.removeprefix("did:key:z"):
        number = number * 58 + BASE58.index(symbol)
    return number.to_bytes(34, "big")[2:]


def record_of(root: bytes, name: str, lock: Lock, secret: str | bytes | None = None) -> bytes:
    """Return an identity.json of ``root`` under ``lock``, at encryption key 0."""
    did, key = did_of(root)
    kept = root
    if secret is not None:
        ctx = key + messagepack.write(list(lock))
        kept = events.aead(wrapping(lock, secret), bytes(24), "lock", ctx, root)
    record: dict[str, object] = {
        **{"v": 1, "name": name, "did": did, "enc_no": 0},
        "lock": {**lock._asdict(), "salt": text64(lock.salt)},
        "root": text64(kept),
        "check": text64(events.kdf(root, "id-check", length=8)),
    }
    record["sum"] = text64(sum_of(record))
    return json.dumps(record).encode()

"""Ids: 32 bytes inside, text with a prefix at the edges; did:key for members; fingerprints.

Signed data holds the 32 bytes, so the prefix is a label for people and two prefixes may name one
event. One form for one value: a text that decodes is the text that encoding gives back, letter case
aside. Every command loads this module, so it imports next to nothing.

Specification: docs/spec/ids.md. Test vectors: tests/vectors/ids.json, tests/vectors/did.json.
"""

# hashlib loads OpenSSL, 3 ms of the 12 a bare Python takes; the standard library's own `random`
# avoids it in the same way. Without the lean modules hashlib gives the same bytes.
# `as`, because core.crypto.sign takes it from here.
try:
    from _sha2 import sha256 as sha256
except ImportError:
    try:
        from _sha256 import sha256 as sha256  # its name before Python 3.12
    except ImportError:
        from hashlib import sha256 as sha256

from collections.abc import Iterable

from envoy.errors import NotFoundError, UsageError
from envoy.limits import SHORT_ID_SYMBOLS_MIN

# Ids of events: the same symbols after any of these name the same event.
EVENT_PREFIXES = ("evt", "msg", "task", "rec", "inv", "grant")
PREFIXES = ("space", *EVENT_PREFIXES, "epoch", "obj", "cfl", "req")

ID_BYTES = 32
# 32 bytes are 51.2 symbols of 5 bits; the four bits left over are zero.
ID_SYMBOLS = 52
SPARE_BITS = ID_SYMBOLS * 5 - ID_BYTES * 8

SYMBOLS = "abcdefghijklmnopqrstuvwxyz234567"
VALUES = {symbol: value for value, symbol in enumerate(SYMBOLS)}
# How the 5-bit digits of a number part to a byte each, by halves: of every 2n digits the upper n
# move up by 3n bits, which adds them 2**3n - 1 times. A page of history shows a thousand ids.
HALVES = (32, 16, 8, 4, 2, 1)
SPREAD = tuple(
    [
        (sum([((1 << 5 * n) - 1) << 5 * n << group * 16 * n for group in range(32 // n)]),
         (1 << 3 * n) - 1)
        for n in HALVES
    ]
)  # fmt: skip
DIGITS = SYMBOLS.encode() + bytes(256 - len(SYMBOLS))  # what `bytes.translate` asks for

DID_PREFIX = "did:key:z"
ED25519_CODEC = b"\xed\x01"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE58_VALUES = {symbol: value for value, symbol in enumerate(BASE58)}
# 34 bytes that begin with ED are always 47 symbols: 58**46 < 0xed << 264 and 2**272 < 58**47.
DID_SYMBOLS = 47


def to_text(prefix: str, raw: bytes) -> str:
    """Return the id ``raw``, 32 bytes, as ``prefix`` and 52 symbols of lower-case base32."""
    assert prefix in PREFIXES and len(raw) == ID_BYTES
    number = int.from_bytes(raw, "big") << SPARE_BITS
    for upper, times in SPREAD:
        number += (number & upper) * times
    return f"{prefix}_{number.to_bytes(ID_SYMBOLS, 'big').translate(DIGITS).decode()}"


def from_text(text: str, *prefixes: str) -> bytes:
    """Return the 32 bytes that ``text``, an id in full, stands for under one of ``prefixes``.

    Letter case is ignored. Raises UsageError(invalid_argument) for any other text.
    """
    low, high = span(text, *prefixes)
    if low != high:
        raise UsageError("invalid_argument", cause="id_length")
    return low


def span(text: str, *prefixes: str) -> tuple[bytes, bytes]:
    """Return the least and the greatest id that ``text``, in full or shortened, may stand for.

    A short form keeps the prefix and at least 6 symbols; in full both ends are equal. With them a
    store finds the candidates by range. Raises UsageError(invalid_argument) for any other text.
    """
    prefix, _, symbols = text.lower().rpartition("_")
    if prefix not in prefixes or not text.isascii():
        raise UsageError("invalid_argument", cause="id_prefix", expected=list(prefixes))
    if not SHORT_ID_SYMBOLS_MIN <= len(symbols) <= ID_SYMBOLS:
        raise UsageError("invalid_argument", cause="id_length")
    number = 0
    for symbol in symbols:
        if symbol not in VALUES:
            raise UsageError("invalid_argument", cause="id_symbol")
        number = number << 5 | VALUES[symbol]
    open_bits = (ID_SYMBOLS - len(symbols)) * 5
    least = number << open_bits
    greatest = least | (1 << open_bits) - 1
    if not open_bits and least & (1 << SPARE_BITS) - 1:
        raise UsageError("invalid_argument", cause="id_spare_bits")
    return (
        (least >> SPARE_BITS).to_bytes(ID_BYTES, "big"),
        (greatest >> SPARE_BITS).to_bytes(ID_BYTES, "big"),
    )


def choose(text: str, found: Iterable[bytes], prefix: str) -> bytes:
    """Return the one id in ``found``, the ids that ``text`` may stand for.

    Raises NotFoundError: ``id_ambiguous`` with `matching_ids` for several, for none ``not_found``,
    of a task ``task_not_found``, of a space ``space_not_found``.
    """
    matching = sorted(set(found))
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise NotFoundError("id_ambiguous", matching_ids=[to_text(prefix, raw) for raw in matching])
    raise NotFoundError(f"{prefix}_not_found" if prefix in ("space", "task") else "not_found")


def short(text: str) -> str:
    """Return the id ``text`` cut for people to its prefix and 6 symbols."""
    prefix, _, symbols = text.rpartition("_")
    return f"{prefix}_{symbols[:SHORT_ID_SYMBOLS_MIN]}"


def did_text(public_key: bytes) -> str:
    """Return the member id, a did:key, of an Ed25519 ``public_key`` of 32 bytes."""
    assert len(public_key) == ID_BYTES
    number = int.from_bytes(ED25519_CODEC + public_key, "big")
    symbols = []
    while number:
        number, value = divmod(number, 58)
        symbols.append(BASE58[value])
    return DID_PREFIX + "".join(reversed(symbols))


def did_key(text: str) -> bytes:
    """Return the 32 bytes of the Ed25519 key in the member id ``text``.

    Whether they are a point that can sign is asked of core.crypto.sign.is_valid_key. Raises
    UsageError(invalid_argument), its cause `bad_key`, for a text of any other form.
    """
    symbols = text[len(DID_PREFIX) :]
    if not text.startswith(DID_PREFIX) or len(symbols) != DID_SYMBOLS:
        raise UsageError("invalid_argument", cause="bad_key")
    number = 0
    for symbol in symbols:
        if symbol not in BASE58_VALUES:
            raise UsageError("invalid_argument", cause="bad_key")
        number = number * 58 + BASE58_VALUES[symbol]
    codec, key = divmod(number, 1 << ID_BYTES * 8)
    if codec != int.from_bytes(ED25519_CODEC, "big"):
        raise UsageError("invalid_argument", cause="bad_key")
    return key.to_bytes(ID_BYTES, "big")


def fingerprint(public_key: bytes) -> str:
    """Return the eight hex digits that stand beside a name, as in ``3f9a c21e``; no proof."""
    digits = sha256(b"envoy/1 fp\x00" + public_key).hexdigest()
    return f"{digits[:4]} {digits[4:8]}"

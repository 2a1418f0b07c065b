"""Seal: X-Wing boxes, which give an epoch secret to whoever holds an encryption key.

Beside them the two other tools of the same library: argon2id, which makes a passphrase expensive
to guess, and AES-256-GCM, the cipher of chunks (``core.chunks``); and the key of a single nonce
of XChaCha20, by which an event is shown to an auditor (``core.bundle``).

X-Wing is ML-KEM-768 and X25519 together: what is recorded today stays closed as long as one of
the two holds. Used at a rotation, a join and to read a box, never in a plain write: the library is
loaded inside the functions, since it costs more than a hot command may take.

Layouts: public key = 1,184 B ML-KEM || 32 B X25519; box = 1,088 B ML-KEM || 32 B X25519 ||
ciphertext || 16 B tag, so 1,168 B for a secret of 32. A seed of 32 bytes is the private key:
SHAKE256(seed, 96) = 64 B ML-KEM seed || 32 B X25519 key.

Law: whatever the library says about foreign bytes becomes a RemoteFault, or False from
``is_usable``. A key or a box with a low-order X25519 part is such bytes (THREATS K8).

Specification: docs/spec/identity.md, Encryption keys. Test vectors: tests/vectors/seal.json.
"""

from __future__ import annotations

from typing import Final

from envoy.core.crypto.sign import SEED_BYTES, exactly, tagged
from envoy.errors import InternalError, RemoteFault

PUBLIC_BYTES: Final = 1216
KID_BYTES: Final = 16
KEY_BYTES: Final = 32  # of AES-256-GCM
NONCE_BYTES: Final = 12
OVERHEAD_BYTES: Final = 1136  # a box is longer than its plaintext by encapsulation and tag
BOX_BYTES: Final = OVERHEAD_BYTES + 32  # the box of an epoch secret
_XNONCE_BYTES: Final = 24
_HNONCE_BYTES: Final = 16  # of a nonce, what the key of it is made of
_CHACHA: Final = b"expand 32-byte k"
_MLKEM_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64


def public_key(seed: bytes) -> bytes:
    """Return the public key, 1,216 bytes, of a ``seed`` of 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

    first, second = _halves(seed)
    kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(first).public_key()
    curve = x25519.X25519PrivateKey.from_private_bytes(second).public_key()
    return kem.public_bytes_raw() + curve.public_bytes_raw()


def kid(enc_pk: bytes) -> bytes:
    """Return the id of an encryption key, 16 bytes: what finds its boxes."""
    return tagged("kid", enc_pk)[:KID_BYTES]


def seal(enc_pk: bytes, info: bytes, plaintext: bytes) -> bytes:
    """Return a box that only the holder of ``enc_pk`` opens, and only with the same ``info``.

    Two calls give two boxes: the library draws its own randomness. Raises RemoteFault(bad_key)
    for a key that cannot be sealed to. Source: RFC 9180 base mode, suite 1 of the spec.
    """
    from cryptography.hazmat.primitives import hpke
    from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    try:
        key = hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(enc_pk[:_MLKEM_BYTES]),
            x25519.X25519PublicKey.from_public_bytes(enc_pk[_MLKEM_BYTES:]),
        )
        return suite.encrypt(plaintext, key, info)
    except ValueError as error:
        raise RemoteFault("bad_key") from error


def open_box(seed: bytes, info: bytes, box: bytes) -> bytes:
    """Return what was sealed to the key of ``seed`` with ``info``.

    Raises RemoteFault(cannot_open) for anything else. It does not say who sealed it: anybody can.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hpke
    from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

    first, second = _halves(seed)
    key = hpke.MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(first),
        x25519.X25519PrivateKey.from_private_bytes(second),
    )
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    try:
        return suite.decrypt(box, key, info)
    # Version 50 answers InvalidTag to all of it; a ValueError would be about the box as well.
    except (InvalidTag, ValueError) as error:
        raise RemoteFault("cannot_open") from error


def is_usable(enc_pk: bytes) -> bool:
    """Say whether a trial Seal to ``enc_pk`` works: a local matter, never a rule of validity."""
    try:
        seal(enc_pk, b"", b"")
    except RemoteFault:
        return False
    return True


# -- passphrases and chunks -------------------------------------------------------------------


def argon2id(secret: bytes, salt: bytes, *, passes: int, kib: int, lanes: int) -> bytes:
    """Return 32 bytes that cost ``kib`` KiB of memory and ``passes`` passes over it to guess.

    The caller has bounded the parameters: ``kib`` is at least 8 * ``lanes``. Raises
    InternalError(internal) where the machine has not so much memory. Source: RFC 9106.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    derive = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=kib).derive
    try:
        return derive(secret)
    except MemoryError as error:
        raise InternalError("internal", reason="memory") from error


def encrypt_chunk(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """Return AES-256-GCM of ``plaintext``, 16 bytes longer. Key 32 bytes, nonce 12."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(exactly(key, KEY_BYTES)).encrypt(exactly(nonce, NONCE_BYTES), plaintext, aad)


def decrypt_chunk(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Return the plaintext. Raises RemoteFault(cannot_open) if any bit differs."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        cipher = AESGCM(exactly(key, KEY_BYTES))
        return cipher.decrypt(exactly(nonce, NONCE_BYTES), ciphertext, aad)
    except InvalidTag as error:
        raise RemoteFault("cannot_open") from error


def once_key(key: bytes, nonce: bytes) -> bytes:
    """Return the key that XChaCha20-Poly1305 uses under ``nonce`` alone, 32 bytes: HChaCha20.

    It tells nothing of ``key`` and opens nothing under another nonce. It is the block function of
    ChaCha20 with its start taken off again. Source: draft-irtf-cfrg-xchacha, section 2.2.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    start = exactly(nonce, _XNONCE_BYTES)[:_HNONCE_BYTES]
    cipher = Cipher(algorithms.ChaCha20(exactly(key, KEY_BYTES), start), mode=None)
    block = cipher.encryptor().update(bytes(64))
    ends = ((block[:16], _CHACHA), (block[48:], start))
    return b"".join(_less(words, added) for words, added in ends)


def _less(words: bytes, added: bytes) -> bytes:
    """Return four words of 32 bits, each less the word that was added to it."""
    pairs = [(words[at : at + 4], added[at : at + 4]) for at in range(0, 16, 4)]
    left = [int.from_bytes(one, "little") - int.from_bytes(two, "little") for one, two in pairs]
    return b"".join((one % 2**32).to_bytes(4, "little") for one in left)


def _halves(seed: bytes) -> tuple[bytes, bytes]:
    """Return the ML-KEM seed and the X25519 key of an X-Wing ``seed``."""
    import hashlib

    both = hashlib.shake_256(exactly(seed, SEED_BYTES)).digest(_MLKEM_SEED_BYTES + 32)
    return both[:_MLKEM_SEED_BYTES], both[_MLKEM_SEED_BYTES:]

"""Archive: the head of an encrypted file, and the key that its passphrase or its owner gives.

An archive carries an identity, or a whole profile, over years and machines: it says in clear how
its key is made, and nothing else. Its head is bound to every chunk behind it, so parameters that
somebody lowered do not open it, and parameters that somebody raised are refused before any work is
done for them: a file must not decide how much memory this machine spends.

Laws: a salt is drawn for each archive, so each has a key of its own. Nothing here reads a file;
what names may stand inside is a rule of this page and checked by ``is_name``.

Specification: docs/spec/archive.md. Test vectors: tests/vectors/archive.json.
"""

from __future__ import annotations

from typing import Final

from envoy.core import codec
from envoy.core.codec import B16, I63
from envoy.core.crypto import seal, sign
from envoy.core.identity import KIB, LANES, PASSES, is_bounded
from envoy.core.structs import Body
from envoy.errors import RemoteFault

MAGIC: Final = b"ENVOYEXP"
VERSION: Final = 1
PASSPHRASE, BACKUP = "argon2id", "backup"  # how the key is made
SALT_BYTES: Final = 16
HEADER_BYTES_MAX: Final = 256  # several times what the fields can take
NAME_PARTS_MAX: Final = 8
NAME_BYTES_MAX: Final = 100  # of the name field of a tar header
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_NAME_SYMBOLS: Final = frozenset(_LETTERS + _LETTERS.upper() + "0123456789._-")


class Header(Body, frozen=True):
    """How the key of an archive is made. ``m`` is in KiB; all three are 0 for a backup key."""

    v: I63
    kdf: str
    t: I63
    m: I63
    p: I63
    salt: B16

    def check(self) -> None:
        """Refuse another version, way or salt, and parameters without measure."""
        codec.refuse_unless(self.v == VERSION and self.kdf in (PASSPHRASE, BACKUP))
        if self.kdf == BACKUP:
            codec.refuse_unless((self.t, self.m, self.p) == (0, 0, 0))
        elif not is_bounded(self.t, self.m, self.p):
            raise RemoteFault("too_large")


def new_header(kdf: str, salt: bytes) -> Header:
    """Return the head of a new archive; ``salt`` is 16 fresh random bytes."""
    costs = (PASSES, KIB, LANES) if kdf == PASSPHRASE else (0, 0, 0)
    return Header(VERSION, kdf, *costs, sign.exactly(salt, SALT_BYTES))


def head(header: Header) -> bytes:
    """Return the bytes that an archive begins with: magic, length, C(header)."""
    encoded = codec.encode(header)
    return MAGIC + len(encoded).to_bytes(4) + encoded


def read_header(encoded: bytes) -> Header:
    """Return what the bytes between length and first chunk say.

    Raises RemoteFault: ``unsupported`` for a newer version, ``too_large`` for parameters that
    nobody may ask for, ``malformed``, ``non_canonical``.
    """
    version = codec.peek_first(encoded)
    if isinstance(version, int) and version > VERSION:
        raise RemoteFault("unsupported")
    return codec.decode(encoded, Header)


def key(header: Header, secret: bytes) -> bytes:
    """Return the key of the chunks. ``secret``: the passphrase in UTF-8, or the backup key."""
    ikm = secret
    if header.kdf == PASSPHRASE:
        costs = {"passes": header.t, "kib": header.m, "lanes": header.p}
        ikm = seal.argon2id(secret, header.salt, **costs)
    return sign.expand(ikm, "export", header.salt)


def aad(start: bytes) -> bytes:
    """Return what binds every chunk to ``start``, all bytes of the archive before the first."""
    return sign.prefixed("export", sign.sha256(start))


def is_name(name: str) -> bool:
    """Say whether a file inside may have this name: plain parts, relative, none of them hidden.

    So no name leads out of the directory that the archive is read into, on any system.
    """
    parts = name.split("/")
    plain = all(
        part and not part.startswith((".", "-")) and _NAME_SYMBOLS.issuperset(part)
        for part in parts
    )
    return plain and len(parts) <= NAME_PARTS_MAX and len(name) <= NAME_BYTES_MAX

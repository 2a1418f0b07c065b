"""Objects: what a reference to an encrypted file says, and the names of the file and its pieces.

Files are larger than an event may be. Their bytes are sealed chunk by chunk (``core.chunks``) and
lie at hubs and replicas under the hashes of their ciphertexts; what makes a file of them again, key
and order included, stands in a signed event, the reference. The hash of the plaintext in it commits
to the key (THREATS K11).

Laws: a name is a label, never a path. One key, one object: sharing it again is a new reference.

Specification: docs/spec/object.md. Test vectors: tests/vectors/object.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.core.codec import B32, I63, bounded, refuse_unless
from envoy.core.crypto.sign import prefixed, tagged
from envoy.core.structs import Body

PIECE_BYTES: Final = limits.CHUNK_BYTES_MAX - 16  # of plaintext in a full chunk; the rest is a tag
OBJECT_BYTES_MAX: Final = limits.OBJECT_CHUNKS_MAX * PIECE_BYTES


class ObjectPut(Body, frozen=True):
    """A reference to an object: its ``chunks`` in order, the ``key`` and what has to come out."""

    object: B32
    name: str
    media: str
    size: I63
    key: B32
    sha256: B32
    chunks: tuple[B32, ...]
    task: B32 | None
    supersedes: B32 | None

    def check(self) -> None:
        """Refuse over-long labels, and a number of chunks that is not that of the size."""
        bounded(self.name, limits.NAME_BYTES_MAX, empty=False)
        bounded(self.media, limits.NAME_BYTES_MAX, empty=False)
        refuse_unless(self.size <= OBJECT_BYTES_MAX)
        refuse_unless(len(self.chunks) == chunk_count(self.size))


class ObjectRetract(Body, frozen=True):
    """The name of ``reference`` is not shown and its key not used any more; copies remain."""

    reference: B32
    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class ObjectRequest(Body, frozen=True):
    """The author lacks chunks of ``object`` that the hub does not have either."""

    object: B32


def chunk_count(size: int) -> int:
    """Return how many chunks an object of ``size`` bytes has: there always is one."""
    return max(1, -(-size // PIECE_BYTES))


def object_id(space: bytes, chunks: Sequence[bytes]) -> bytes:
    """Return the id of the object whose chunks have these ids, in order."""
    return tagged("object", space, *chunks)


def aad(space: bytes) -> bytes:
    """Return what binds every chunk of an object to its space."""
    return prefixed("obj", space)

"""Archive: files into one encrypted file, and back into a fresh directory.

Exports and backups leave the home, so they are encrypted whole and carry nothing that names their
owner. They come back from anywhere, so nothing in one is believed: what does not open, is cut
short, swapped, or would land outside the directory it is read into is refused by name, and then
nothing of it is left on the disk. The content is a tar of plain files in the one form that
``write_archive`` writes: what is decrypted by other means is read by any tar.

Laws: one chunk is in memory at a time. An archive appears under its name only when it is whole; a
file that is there is never overwritten. Nothing is decompressed, so what is written is never more
than what was read.

Specification: docs/spec/archive.md. Test vectors: tests/vectors/archive.json.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from envoy import limits
from envoy.core import archive, chunks
from envoy.core.archive import Header
from envoy.errors import ConflictError, IntegrityError, RemoteFault, UsageError
from envoy.lean import NamedTuple
from envoy.system import files, host

_BY_SECRET: Final = ("kdf", "wrong_passphrase_or_damaged")
_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_REASONS: Final = {"malformed": "header", "non_canonical": "header", "too_large": "kdf_bounds"}
_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW
_OCTAL: Final = frozenset(b"01234567")
_BUFFER: Final = 64 * limits.KIB


class Source(NamedTuple):
    """A file for an archive: its name there, and its bytes or the path they are read from."""

    name: str
    content: bytes | str


class Secret(NamedTuple):
    """What opens an archive: ``kdf`` says how the key is made of ``value``."""

    kdf: str
    value: bytes

    def __repr__(self) -> str:
        return "Secret(...)"  # a passphrase in a traceback would be one in a log


def passphrase(value: bytes) -> Secret:
    """Return the secret of an archive for whoever knows a passphrase, given in UTF-8."""
    return Secret(archive.PASSPHRASE, value)


def backup_key(value: bytes) -> Secret:
    """Return the secret of an archive for whoever has the words; ``value``: their backup key."""
    return Secret(archive.BACKUP, value)


def write_archive(path: str, members: Iterable[Source], secret: Secret) -> int:
    """Write ``members`` into the new archive ``path``, mode 0600, durably; return its length.

    Raises UsageError(invalid_argument) for a directory that is not there, ConflictError
    (already_exists; limit_exceeded for a file over 8 GiB), InternalError(storage_failed),
    IntegrityError(state_corrupt) for a source that changed while it was read.
    """
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise UsageError("invalid_argument", cause="no_such_directory", path=path)
    if not files.create(path):  # the name is taken first: nobody waits for a copy and then loses it
        raise ConflictError("already_exists", path=path)
    directory, name = os.path.split(os.path.abspath(path))
    draft = os.path.join(directory, f".{name}.{host.entropy(8).hex()}.tmp")
    is_made = False
    try:
        with _written(draft) as file:
            length = _write(file, members, secret)
        os.rename(draft, path)
        files.sync_directory(directory)
        is_made = True
    except OSError as error:
        raise files.fault(error, path) from error
    finally:
        if not is_made:
            _forget(draft)
            _forget(path)
    return length


def read_archive(path: str, secret: Secret, into: str) -> list[str]:
    """Write what the archive ``path`` holds into the new directory ``into``; return the names.

    The directory has mode 0700, its files 0600. Raises ConflictError(already_exists) for a
    directory that is there, IntegrityError: ``signature_invalid`` with ``reason``
    (wrong_passphrase_or_damaged, damaged, truncated, kdf, kdf_bounds, header, not_an_archive,
    name, not_a_file, content), ``schema_too_new``. Then nothing of it is there.
    """
    try:
        os.mkdir(into, files.DIRECTORY_MODE)
    except FileExistsError as error:
        raise ConflictError("already_exists", path=into) from error
    except OSError as error:
        raise files.fault(error, into) from error
    names: list[str] | None = None
    try:
        with _opened(path) as file:
            names = _unpack(path, _Stream(_plaintext(path, file, secret)), into)
    except OSError as error:
        raise files.fault(error, into) from error
    finally:
        if names is None:
            shutil.rmtree(into, ignore_errors=True)
    return names


def header_of(path: str) -> Header:
    """Return the head of the archive ``path``: whether a passphrase opens it. Raises as above."""
    with _opened(path) as file:
        return _head(path, file)[0]


def invalid(path: str, reason: str) -> IntegrityError:
    """Return the error for a file that is no sound archive; a secret may just be another one."""
    command = "envoy explain signature_invalid" if reason in _BY_SECRET else None
    return IntegrityError("signature_invalid", path=path, reason=reason, next_command=command)


# -- writing ----------------------------------------------------------------------------------


def _write(file: BinaryIO, members: Iterable[Source], secret: Secret) -> int:
    """Write head and chunks of an archive; return their length."""
    header = archive.new_header(secret.kdf, host.entropy(archive.SALT_BYTES))
    start = archive.head(header)
    file.write(start)
    key, aad, number = archive.key(header, secret.value), archive.aad(start), 0
    held = bytearray()
    for piece in _tar(members):
        held += piece
        while len(held) > chunks.PLAIN_BYTES:  # what is exactly full may be the last one
            plain = bytes(held[: chunks.PLAIN_BYTES])
            file.write(chunks.seal(key, number, aad, plain, last=False))
            del held[: chunks.PLAIN_BYTES]
            number += 1
    file.write(chunks.seal(key, number, aad, bytes(held), last=True))
    return file.tell()


def _tar(members: Iterable[Source]) -> Iterator[bytes]:
    """Yield a tar of ``members`` in pieces."""
    for member in members:
        assert archive.is_name(member.name), "the names in an archive are ours"
        if isinstance(member.content, bytes):
            yield _tar_head(member.name, len(member.content))
            yield member.content
            yield bytes(-len(member.content) % _BLOCK)
        else:
            yield from _tar_file(member.name, member.content)
    yield _END


def _tar_file(name: str, path: str) -> Iterator[bytes]:
    """Yield the tar of one file on the disk."""
    with _opened(path) as file:
        size = left = os.fstat(file.fileno()).st_size
        if size > limits.ARCHIVE_FILE_BYTES_MAX:
            raise ConflictError(
                "limit_exceeded", path=path, bytes=size, bytes_max=limits.ARCHIVE_FILE_BYTES_MAX
            )
        yield _tar_head(name, size)
        while left:
            piece = file.read(min(left, _BUFFER))
            if not piece:
                raise IntegrityError("state_corrupt", path=path, reason="changed")
            left -= len(piece)
            yield piece
        yield bytes(-size % _BLOCK)


def _tar_head(name: str, size: int) -> bytes:
    """Return the header of a plain file, in the one form: mode 0600, no owner, no time.

    Source: POSIX.1-1988 ustar. The sum counts its own field as eight spaces.
    """
    named, nobody = name.encode().ljust(100, b"\0"), b"0000000\0" * 2
    fields = b"%s0000600\0%s%011o\0%011o\0" % (named, nobody, size, 0)
    end = b"0".ljust(101, b"\0") + b"ustar\x0000"
    end = end.ljust(_BLOCK - len(fields) - 8, b"\0")
    return fields + b"%06o\0 " % (sum(fields) + 8 * 32 + sum(end)) + end


# -- reading ----------------------------------------------------------------------------------


def _head(path: str, file: BinaryIO) -> tuple[Header, bytes]:
    """Return the head of an archive, and its bytes."""
    start = file.read(len(archive.MAGIC) + 4)
    size = int.from_bytes(start[len(archive.MAGIC) :])
    if len(start) < len(archive.MAGIC) + 4 or not start.startswith(archive.MAGIC):
        raise invalid(path, "not_an_archive")
    if size > archive.HEADER_BYTES_MAX:
        raise invalid(path, "header")
    encoded = file.read(size)
    try:
        return archive.read_header(encoded), start + encoded
    except RemoteFault as fault:
        if fault.code == "unsupported":
            raise IntegrityError("schema_too_new", path=path) from fault
        raise invalid(path, _REASONS[fault.code]) from fault


def _plaintext(path: str, file: BinaryIO, secret: Secret) -> Iterator[bytes]:
    """Yield what the chunks hold, each once it was proved to stand in its place."""
    header, start = _head(path, file)
    if header.kdf != secret.kdf:
        raise invalid(path, "kdf")
    key, aad, number = archive.key(header, secret.value), archive.aad(start), 0
    chunk, following = file.read(chunks.CHUNK_BYTES), b""
    while number == 0 or chunk:
        following = file.read(chunks.CHUNK_BYTES)
        try:
            yield chunks.open_chunk(key, number, aad, chunk, last=not following)
        except RemoteFault as fault:
            reason = _why(key, number, aad, chunk, is_last=not following)
            raise invalid(path, reason) from fault
        chunk = following
        number += 1


def _why(key: bytes, number: int, aad: bytes, chunk: bytes, *, is_last: bool) -> str:
    """Return why a chunk does not open: it would as one that others follow, or it does not."""
    if is_last and not chunks.can_be_last(len(chunk)):
        return "truncated"
    if is_last:
        try:
            chunks.open_chunk(key, number, aad, chunk, last=False)
        except RemoteFault:
            is_last = False
        else:
            return "truncated"
    return "damaged" if number else "wrong_passphrase_or_damaged"


class _Stream:
    """Reads exact counts of bytes from pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def read(self, count: int) -> bytes:
        """Return at most ``count`` bytes, fewer only at the end; ``count`` is small."""
        while len(self._held) < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._held += piece
        found, self._held = self._held[:count], self._held[count:]
        return found

    def rest_is_zero(self) -> bool:
        """Read to the end; say whether only padding was left."""
        zero = not any(self._held)
        for piece in self._pieces:
            zero = zero and not any(piece)
        return zero


def _unpack(path: str, stream: _Stream, into: str) -> list[str]:
    """Write every file of a tar into ``into``; return the names."""
    names = list[str]()
    while (head := stream.read(_BLOCK)) != bytes(_BLOCK):
        name, size = _read_tar_head(path, head)
        if len(names) >= limits.ARCHIVE_FILES_MAX:
            raise invalid(path, "content")
        _unpack_file(path, stream, os.path.join(into, *name.split("/")), size)
        names.append(name)
    if stream.read(_BLOCK) != bytes(_BLOCK) or not stream.rest_is_zero():
        raise invalid(path, "content")
    return names


def _read_tar_head(path: str, head: bytes) -> tuple[str, int]:
    """Return name and size of a header that is one of a plain file with a harmless name."""
    if len(head) < _BLOCK:
        raise invalid(path, "content")
    name = head[:100].rstrip(b"\0").decode("ascii", "replace")
    if head[156:157] != b"0":  # links, devices, directories, long names of other formats
        raise invalid(path, "not_a_file")
    if not archive.is_name(name):
        raise invalid(path, "name")
    digits = head[124:135]
    size = int(digits, 8) if _OCTAL.issuperset(digits) else 0
    if _tar_head(name, size) != head:
        raise invalid(path, "content")
    return name, size


def _unpack_file(path: str, stream: _Stream, target: str, size: int) -> None:
    """Write one file, and the directories above it that are missing."""
    try:
        files.ensure_directory(os.path.dirname(target))
        with _written(target) as file:
            _pour(path, stream, file, size)
    except (FileExistsError, IntegrityError) as error:
        if isinstance(error, IntegrityError) and error.code != "state_access_denied":
            raise
        raise invalid(path, "name") from error  # twice, or below a name that is a file
    if stream.read(-size % _BLOCK).strip(b"\0"):
        raise invalid(path, "content")


def _pour(path: str, stream: _Stream, file: BinaryIO, size: int) -> None:
    """Copy ``size`` bytes into a file."""
    while size:
        piece = stream.read(min(size, _BUFFER))
        if not piece:
            raise invalid(path, "content")
        file.write(piece)
        size -= len(piece)


# -- files ------------------------------------------------------------------------------------


@contextmanager
def _written(path: str) -> Iterator[BinaryIO]:
    """Open the new file ``path``, mode 0600, and bring it to the disk at the end."""
    flags = _FLAGS | os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, files.FILE_MODE), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open the regular file ``path``, whoever's it is: an archive may lie anywhere."""
    try:
        # A FIFO would block an open without O_NONBLOCK until somebody writes to it.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise UsageError("invalid_argument", path=path, cause=_cause(error)) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UsageError("invalid_argument", path=path, cause="not_a_file")
        yield file


def _cause(error: OSError) -> str:
    """Return why a file cannot be read, as ``system.files`` names it."""
    return str(files.fault(error, "").details.get("reason"))


def _forget(path: str) -> None:
    """Delete ``path`` if it is there."""
    try:
        os.unlink(path)
    except OSError:
        return

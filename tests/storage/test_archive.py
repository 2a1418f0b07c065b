"""Archives: what goes in comes out, and nothing else ever gets out of one."""

from __future__ import annotations

import base64
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import archive as heads
from envoy.core import chunks
from envoy.core.crypto import seal
from envoy.errors import ConflictError, EnvoyError, InternalError, RemoteFault, UsageError
from envoy.storage import archive
from envoy.storage.archive import Secret, Source
from vectorfile import bad, good, load
from vectors import make_archive

KEY = archive.backup_key(b"\x07" * 32)
LONG = chunks.PLAIN_BYTES


def answer(case: dict[str, Any], where: Path) -> object:
    """Return what the product answers to a vector."""
    match case["op"]:
        case "header":
            header = heads.read_header(bytes.fromhex(case["header"]))
            return {"kdf": header.kdf, "t": header.t, "m": header.m}
        case "key":
            header = heads.read_header(bytes.fromhex(case["header"]))
            return heads.key(header, bytes.fromhex(case["secret"])).hex()
        case "chunk":
            key, aad, text = (bytes.fromhex(case[one]) for one in ("key", "aad", "ciphertext"))
            return chunks.open_chunk(key, case["number"], aad, text, last=case["last"]).hex()
        case "archive":
            file, into = where / "file", where / "into"
            file.write_bytes(base64.b64decode(case["file"]))
            secret = Secret(case["kdf"], bytes.fromhex(case["secret"]))
            names = archive.read_archive(str(file), secret, str(into))
            return {name: (into / name).read_text() for name in names}
    raise AssertionError(f"unknown op {case['op']}")


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("archive") == make_archive.vectors()


@pytest.mark.parametrize(("case", "expect"), good("archive"))
def test_the_answer_is_the_expected_one(
    case: dict[str, Any], expect: object, tmp_path: Path
) -> None:
    assert answer(case, tmp_path) == expect


@pytest.mark.parametrize(
    ("vector"),
    [pytest.param(one, id=one["name"]) for one in load("archive") if "code" in one],
)
def test_anything_else_is_refused_and_leaves_nothing(
    vector: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises((EnvoyError, RemoteFault)) as caught:
        answer(vector["input"], tmp_path)
    assert isinstance(caught.value, EnvoyError | RemoteFault)
    assert caught.value.code == vector["code"]
    if isinstance(caught.value, EnvoyError):
        assert caught.value.details.get("reason") == vector["details"]["reason"]
    assert {path.name for path in tmp_path.iterdir()} <= {"file"}


def test_every_refusal_is_a_vector() -> None:
    assert len(bad("archive")) > 50


# -- there and back ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([], id="nothing"),
        pytest.param([0], id="an empty file"),
        pytest.param([1, 511, 512, 513], id="around a block of tar"),
        pytest.param([LONG - 512 - 1024], id="one chunk to the byte"),
        pytest.param([LONG - 512 - 1023], id="one chunk and a block"),
        pytest.param([2 * LONG, 5], id="more than two chunks"),
    ],
)
def test_what_goes_in_comes_out(sizes: list[int], tmp_path: Path) -> None:
    files = {f"objects/{n:02}/x": os.urandom(size) for n, size in enumerate(sizes)}
    path, into = tmp_path / "a", tmp_path / "out"
    length = archive.write_archive(str(path), [Source(*one) for one in files.items()], KEY)
    assert archive.read_archive(str(path), KEY, str(into)) == list(files)
    assert {name: (into / name).read_bytes() for name in files} == files
    assert path.stat().st_size == length and path.stat().st_mode & 0o777 == 0o600
    for found in [into, *into.rglob("*")]:
        assert found.stat().st_mode & 0o777 == (0o700 if found.is_dir() else 0o600)


def test_a_file_is_read_from_the_disk_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "replica"
    source.write_bytes(os.urandom(3 * LONG))
    archive.write_archive(str(tmp_path / "a"), [Source("replica.db", str(source))], KEY)
    archive.read_archive(str(tmp_path / "a"), KEY, str(tmp_path / "out"))
    assert (tmp_path / "out" / "replica.db").read_bytes() == source.read_bytes()


def test_an_archive_shows_neither_names_nor_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    archive.write_archive(str(path), [Source("identity.json", b"root of all")], KEY)
    assert b"identity" not in path.read_bytes() and b"root" not in path.read_bytes()


def test_two_archives_of_one_thing_differ(tmp_path: Path) -> None:
    for name in ("a", "b"):
        archive.write_archive(str(tmp_path / name), [Source("x", b"same")], KEY)
    assert (tmp_path / "a").read_bytes()[40:] != (tmp_path / "b").read_bytes()[40:]


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_one_flipped_bit_anywhere_is_noticed(
    at: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = tmp_path_factory.mktemp("flip")
    path = where / "a"
    archive.write_archive(str(path), [Source("x", b"content")], KEY)
    raw = bytearray(path.read_bytes())
    raw[at % len(raw)] ^= 1 << bit
    path.write_bytes(raw)
    with pytest.raises(EnvoyError) as caught:
        archive.read_archive(str(path), KEY, str(where / "out"))
    assert caught.value.code in ("signature_invalid", "schema_too_new")
    assert not (where / "out").exists()


# -- rows of chunks ---------------------------------------------------------------------------


@pytest.fixture
def parts(tmp_path: Path) -> list[bytes]:
    """Return head and three chunks of an archive."""
    path = tmp_path / "three"
    archive.write_archive(str(path), [Source("x", os.urandom(2 * LONG + 5000))], KEY)
    raw = path.read_bytes()
    start = 12 + int.from_bytes(raw[8:12])
    cuts = [start, start + chunks.CHUNK_BYTES, start + 2 * chunks.CHUNK_BYTES, len(raw)]
    return [raw[:start], *(raw[a:b] for a, b in pairwise(cuts))]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        pytest.param([0, 2, 1, 3], "wrong_passphrase_or_damaged", id="the first two swapped"),
        pytest.param([0, 1, 1, 2, 3], "damaged", id="one twice"),
        pytest.param([0, 1, 3], "damaged", id="one left out"),
        pytest.param([0, 1, 2], "truncated", id="cut between chunks"),
        pytest.param([0, 1], "truncated", id="cut behind the first chunk"),
        pytest.param([0], "truncated", id="cut behind the head"),
        pytest.param([0, 1, 2, 3, 3], "damaged", id="another last one behind the last"),
    ],
)
def test_a_row_of_chunks_is_read_as_it_was_written_or_not_at_all(
    order: list[int], reason: str, parts: list[bytes], tmp_path: Path
) -> None:
    path, out = tmp_path / "b", str(tmp_path / "out")
    path.write_bytes(b"".join(parts))
    assert archive.read_archive(str(path), KEY, str(tmp_path / "sound")) == ["x"]
    path.write_bytes(b"".join(parts[one] for one in order))
    with pytest.raises(EnvoyError) as caught:
        archive.read_archive(str(path), KEY, out)
    assert (caught.value.code, caught.value.details["reason"]) == ("signature_invalid", reason)
    assert not os.path.exists(out)


def test_a_chunk_of_another_archive_does_not_fit(parts: list[bytes], tmp_path: Path) -> None:
    other = tmp_path / "other"
    archive.write_archive(str(other), [Source("x", os.urandom(2 * LONG + 5000))], KEY)
    start = len(parts[0]) + chunks.CHUNK_BYTES
    raw = other.read_bytes()
    mixed = raw[:start] + parts[2] + raw[start + chunks.CHUNK_BYTES :]
    other.write_bytes(mixed)
    with pytest.raises(EnvoyError) as caught:
        archive.read_archive(str(other), KEY, str(tmp_path / "out"))
    assert caught.value.details["reason"] == "damaged"


# -- files ------------------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(ConflictError) as caught:
        archive.write_archive(str(path), [], KEY)
    assert caught.value.code == "already_exists" and path.read_text() == "mine"
    archive.write_archive(str(tmp_path / "b"), [], KEY)
    path.rename(tmp_path / "out")
    with pytest.raises(ConflictError):
        archive.read_archive(str(tmp_path / "b"), KEY, str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "mine"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    sources = [Source("a", b"x"), Source("b", str(tmp_path / "missing"))]
    with pytest.raises(UsageError):
        archive.write_archive(str(tmp_path / "made"), sources, KEY)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(InternalError) as caught:
        patch.setattr(os, "rename", lambda *_: full(0))
        archive.write_archive(str(tmp_path / "made"), [Source("a", b"x")], KEY)
    assert caught.value.code == "storage_failed" and list(tmp_path.iterdir()) == []


def test_a_file_of_more_than_a_tar_can_say_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "big").write_bytes(bytes(11))
    monkeypatch.setattr(limits, "ARCHIVE_FILE_BYTES_MAX", 10)
    with pytest.raises(ConflictError) as caught:
        archive.write_archive(str(tmp_path / "a"), [Source("x", str(tmp_path / "big"))], KEY)
    assert caught.value.code == "limit_exceeded"


def test_more_files_than_any_home_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [Source(f"f{number}", b"") for number in range(4)]
    archive.write_archive(str(tmp_path / "a"), files, KEY)
    monkeypatch.setattr(limits, "ARCHIVE_FILES_MAX", 4)
    assert len(archive.read_archive(str(tmp_path / "a"), KEY, str(tmp_path / "fits"))) == 4
    monkeypatch.setattr(limits, "ARCHIVE_FILES_MAX", 3)
    with pytest.raises(EnvoyError) as caught:
        archive.read_archive(str(tmp_path / "a"), KEY, str(tmp_path / "out"))
    assert caught.value.details["reason"] == "content"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_what_is_no_file_is_no_archive(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    if kind == "directory":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(UsageError) as caught:
        archive.header_of(str(path))
    assert caught.value.details["cause"] in ("missing", "not_a_file")


def test_a_secret_never_shows() -> None:
    assert repr(archive.passphrase(b"geheim")) == "Secret(...)"


# -- argon2id ---------------------------------------------------------------------------------


def test_argon2id_is_the_one_of_the_reference() -> None:
    # Published with the reference implementation: argon2id, version 19, t 2, m 65536, p 1.
    wanted = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
    assert seal.argon2id(b"password", b"somesalt", passes=2, kib=65536, lanes=1).hex() == wanted


def test_a_machine_without_the_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.kdf import argon2

    class Scarce:
        """An argon2id on a machine without memory."""

        def __init__(self, **_: object) -> None: ...

        def derive(self, _: bytes) -> bytes:
            """Find none."""
            raise MemoryError

    monkeypatch.setattr(argon2, "Argon2id", Scarce)
    with pytest.raises(InternalError) as caught:
        seal.argon2id(b"password", b"somesalt", passes=1, kib=8, lanes=1)
    assert caught.value.details["reason"] == "memory"

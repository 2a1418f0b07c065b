"""Packs: files that come from anywhere. Archives, bundles of a log, audit bundles.

Checks are made anew around what was changed, as whoever has a key would: else a hash at the door is
all that is ever reached. An archive is also read by ``oracle.archive_by_page``, which has to take
and refuse the same.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from envoy.core import bundle
from envoy.core.bundle import BundleFault
from envoy.core.codec import encode
from envoy.errors import IntegrityError, RemoteFault
from envoy.storage import archive
from envoy.sync import bundles as logs
from fuzz.kit import Target, hold
from fuzz.mutate import BYTE, Tree, near
from oracle import archive_by_page as by_page
from oracle import events, scene
from vectorfile import load

ROOT: Final = scene.fixed("root")
SECRET: Final = archive.backup_key(events.kdf(ROOT, "id-backup"))
BLOCK: Final = 512
NAMES: Final = (
    *("a", "b", "a/b", "profiles/lead/identity.json", "A.txt", "a/b/c/d/e/f/g/h", "x" * 100),
    *("../a", "/etc/x", "a//b", "./a", "a/../b", "-rf", ".ssh", "a\0b", "a b", "", "x" * 101),
    *("a/b/c/d/e/f/g/h/i", "é", "a/", "con", "a\\b"),
)


class Archives(Target[bytes]):
    """``read_archive``: what is refused leaves nothing, what is taken is what the page says."""

    name = "archive"

    def draw(self, dice: Random) -> Iterator[bytes]:
        """Yield archives of odd tars, and odd archives of sound tars."""
        files = {
            dice.choice(NAMES[:7] if dice.random() < 0.9 else NAMES): dice.randbytes(
                dice.choice((0, 1, 511, 512, 513, 2000))
            )
            for _ in range(dice.choice((0, 1, 1, 2, 3)))
        }
        plain = tar_of(files)
        sound = by_page.sealed(plain, ROOT, dice.randbytes(16))
        yield sound
        yield from near(sound, dice, 4)
        for odd in (*near(plain, dice, 4), *blocks(plain, dice, 6)):
            yield by_page.sealed(odd, ROOT, dice.randbytes(16))
        header = sound[12 : 12 + sound[11]]
        for odd in Tree(header).near(dice, 3):
            yield sound[:8] + len(odd).to_bytes(4) + odd + sound[12 + sound[11] :]

    def accepts(self, given: bytes) -> bool:
        """Read an archive in both ways."""
        path, into = self.place / "file", self.place / "into"
        path.write_bytes(given)
        try:
            names = archive.read_archive(os.fspath(path), SECRET, os.fspath(into))
        except IntegrityError as error:
            self.codes[str(error.details.get("reason", error.code))] += 1
            hold(error.code in ("signature_invalid", "schema_too_new"), f"code {error.code}")
            hold(not into.exists(), "what is refused leaves something")
            hold(_by_page(given) is None, "the page takes what is refused")
            return False
        found = {name: (into / name).read_bytes() for name in names}
        every = [one for one in into.rglob("*") if not one.is_dir()]
        shutil.rmtree(into)
        hold(len(every) == len(names), "there are files that are not named")
        hold(os.listdir(self.place) == ["file"], "there are files beside the directory")
        hold(_by_page(given) == found, "the page reads something else")
        return True

    def told(self, given: bytes) -> object:
        """Return the bytes in base64."""
        return base64.b64encode(given).decode()

    def read(self, kept: Any) -> bytes:
        """Return the bytes."""
        return base64.b64decode(kept)


def tar_of(files: dict[str, bytes]) -> bytes:
    """Return a tar, of names that no tar of ours has too."""
    parts = [
        by_page.tar_header(name.encode()[:100], len(body)) + body + bytes(-len(body) % BLOCK)
        for name, body in files.items()
    ]
    return b"".join(parts) + bytes(2 * BLOCK)


def blocks(plain: bytes, dice: Random, count: int) -> Iterator[bytes]:
    """Yield tars with a block gone, twice, elsewhere, or with an odd field and a right sum."""
    every = [plain[at : at + BLOCK] for at in range(0, len(plain), BLOCK)]
    for _ in range(count):
        found, at = every[:], dice.randrange(len(every))
        match dice.getrandbits(3):
            case 0:
                del found[at]
            case 1:
                found.insert(at, found[at])
            case 2:
                found[at], found[-1] = found[-1], found[at]
            case 3:
                found.append(dice.choice((bytes(BLOCK), bytes(BLOCK - 1) + b"\1", b"\0")))
            case _:
                found[at] = summed(next(near(found[at], dice, 1)).ljust(BLOCK, b"\0")[:BLOCK])
        yield b"".join(found)


def summed(head: bytes) -> bytes:
    """Return a header of a tar with the sum of its bytes."""
    total = sum(head[:148]) + sum(head[156:]) + 8 * 0x20
    return head[:148] + b"%06o\x00 " % (total & 0o777777) + head[156:]


def _by_page(data: bytes) -> dict[str, bytes] | None:
    try:
        return by_page.files_of(by_page.opened(data, ROOT))
    except (by_page.Refused, UnicodeDecodeError):
        return None


class Logs(Target[bytes]):
    """Bundles of a log. What is taken is written again to the same bytes."""

    name = "bundle"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.seeds = [bytes.fromhex(vector["input"]) for vector in load("bundle")]

    def draw(self, dice: Random) -> Iterator[bytes]:
        """Yield odd files, and files of odd records that are counted and hashed anew."""
        data = dice.choice(self.seeds)
        yield from near(data, dice, 24, self.seeds)
        found = records(data)
        for _ in range(40 if len(found) > 1 else 0):
            odd, at = found[:-1], dice.randrange(len(found) - 1)
            match dice.getrandbits(3):
                case 0 if at:
                    odd.insert(at, dice.choice(odd[1:]))
                case 1 if at:
                    del odd[at]
                case 2 if at:
                    dice.shuffle(odd)
                case 3:
                    odd[at] = next(near(odd[at], dice, 1))
                case _:
                    odd[at] = next(tree(odd[at]).near(dice, 1))
            yield counted(odd)

    def accepts(self, given: bytes) -> bool:
        """Read a bundle to its end."""
        try:
            reader = logs.Reader(reading(given))
            found = list(reader.records())
        except RemoteFault as fault:
            self.codes[fault.code] += 1
            known = ("malformed", "non_canonical", "too_large", "unsupported")
            hold(fault.code in known, f"another code: {fault.code}")
            return False
        hold(b"".join(logs.write(reader.header, found)) == given, "it is written in another way")
        return True

    def told(self, given: bytes) -> object:
        """Return the bytes as hex."""
        return given.hex()

    def read(self, kept: Any) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(kept)


def reading(data: bytes) -> Any:
    """Return what reads ``data`` as a file would be read."""
    view = memoryview(data)
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        hold(count <= 1 << 24, "a read without a bound")
        found = bytes(view[at : at + count])
        at += len(found)
        return found

    return read


def records(data: bytes) -> list[bytes]:
    """Return the records of a bundle as far as their lengths are sound."""
    found, at = list[bytes](), len(logs.MAGIC)
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def tree(data: bytes) -> Tree:
    """Return the tree of a record, or of nothing where it is none."""
    try:
        return Tree(data)
    except (ValueError, UnicodeDecodeError):
        return Tree(b"\x91\x01")


def counted(every: Sequence[bytes]) -> bytes:
    """Return the bundle of a header and records, with an end that counts and hashes them."""
    data = logs.MAGIC + b"".join(len(one).to_bytes(4) + one for one in every)
    end = encode(logs.EndRecord(logs.END, len(every) - 1, hashlib.sha256(data).digest()))
    return data + len(end).to_bytes(4) + end


class Audits(Target[bytes]):
    """Audit bundles, part by part: BundleFault at the first bad one and nothing else."""

    name = "audit"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        sound = [v for v in load("audit") if v["input"]["op"] == "verify" and "expect" in v]
        self.seeds = [bytes.fromhex(vector["input"]["hex"]) for vector in sound]

    def draw(self, dice: Random) -> Iterator[bytes]:
        """Yield odd files, and files of odd parts whose checks, counts and seal are made anew."""
        data = dice.choice(self.seeds)
        yield from near(data, dice, 12, self.seeds)
        parts = split(data)
        for _ in range(24):
            odd, at = parts[:], dice.randrange(len(parts))
            sort, payload = odd[at]
            match dice.getrandbits(3):
                case 0:
                    del odd[at]
                case 1:
                    odd.insert(at, dice.choice(parts))
                case 2:
                    odd[at] = (dice.choice((sort, 1 + dice.getrandbits(3))), payload)
                case 3:
                    odd[at] = (sort, next(near(payload, dice, 1)))
                case _ if sort == bundle.SHOWN:
                    inside = next(Tree(payload[32:]).near(dice, 1))
                    odd[at] = (sort, payload[:32] + inside)
                case _:
                    odd[at] = (sort, next(tree(payload).near(dice, 1)))
            yield remade(odd)

    def accepts(self, given: bytes) -> bool:
        """Read a bundle; what is taken is joined again to the same bytes."""
        try:
            seen = list(bundle.parts(reading(given)))
        except BundleFault as fault:
            self.codes[fault.reason] += 1
            hold(fault.part == "file" or fault.part in bundle.NAMES.values(), "an unknown part")
            return False
        hold(joined(split(given)) == given, "it is written in another way")
        last = seen[-1]
        hold(isinstance(last, bundle.Seal), "it ends with a seal")
        return True

    def told(self, given: bytes) -> object:
        """Return the bytes as hex."""
        return given.hex()

    def read(self, kept: Any) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(kept)


Part = tuple[int, bytes]


def split(data: bytes) -> list[Part]:
    """Return the parts of an audit bundle."""
    found, at = list[Part](), len(bundle.MAGIC)
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 5])
        found.append((data[at], data[at + 5 : at + 5 + size]))
        at += 5 + size + 32
    return found


def joined(parts: Sequence[Part]) -> bytes:
    """Return the file of some parts, with checks that fit."""
    check, made = events.h("audit", bundle.MAGIC), bundle.MAGIC
    for sort, payload in parts:
        head = BYTE[sort & 255] + len(payload).to_bytes(4)
        check = events.h("audit", check, head, payload)
        made += head + payload + check
    return made


def remade(parts: Sequence[Part]) -> bytes:
    """Return the file of some parts, sealed by the founder over what there is."""
    body = [one for one in parts if one[0] != bundle.SEAL]
    sorts = [sort for sort, _ in body]
    stubs, receipts = sorts.count(bundle.STUB), sorts.count(bundle.RECEIPT)
    told = (sorts.count(bundle.SHOWN) + stubs, stubs, receipts, scene.fixed("fingerprint"))
    before = joined(body)
    signed = before[-32:] if body else events.h("audit", bundle.MAGIC)
    sig = events.sig(scene.FOUNDER_SEED, "audit-seal", signed, encode(told))
    return joined([*body, (bundle.SEAL, encode((*told, sig)))])

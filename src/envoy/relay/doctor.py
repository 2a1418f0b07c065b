"""Doctor: what an operator's relay looks like from the inside, and its address from the outside.

It may run beside the relay: it reads, writes one small file and deletes it, and asks the public
address once. Each look stands alone, so that one failure hides no other.

Specification: docs/spec/relay.md, Process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Final

from envoy import limits
from envoy.core.crypto import sign
from envoy.errors import EnvoyError, WaitTimeoutError
from envoy.hub import soundness
from envoy.hub.client import Client, Reach, read_origin
from envoy.lean import NamedTuple
from envoy.relay import guard, tables
from envoy.relay.shelf import Shelf
from envoy.relay.tables import KEY_FILE, RelayStore
from envoy.system import db, files, host

OK, WARNING, FAILED = "ok", "warning", "failed"
SPACES: Final = 100
_SECONDS: Final = 10
# A commit is one of these: below that many a second nothing feels quick any more.
_SYNCS_MIN: Final = 20
_SYNC_SECONDS: Final = 0.3
_SYNC_COUNT: Final = 100
# A sweep runs each minute; what is over for longer was forgotten.
_LAG_MS: Final = 10 * 60 * 1000
_SKEW_MS: Final = 5_000
_BLOCK: Final = bytes(4 * limits.KIB)
_CHUNK: Final = b"envoy relay doctor"


class Finding(NamedTuple):
    """One thing that was looked at; ``command``: what to run, or None."""

    name: str
    state: str
    detail: str
    command: str | None = None


class Place(NamedTuple):
    """The relay that is looked at: its data, its origin if one is set, the pin of its TLS key.

    ``private``: files that nobody else may read.
    """

    directory: str
    origin: str | None
    pin: bytes | None
    private: tuple[str, ...] = ()


def examine(place: Place) -> list[Finding]:
    """Return what was found, from the files to the network."""
    looks: list[tuple[str, Callable[[], Finding]]] = [
        ("files", partial(_files, place)),
        ("disk", partial(_disk, place)),
        ("durable writes", partial(_syncs, place)),
        ("chunks", partial(_chunks, place)),
        ("database", partial(_stored, place, _database)),
        ("clock", partial(_stored, place, _clock)),
        ("sweep", partial(_stored, place, _sweep)),
        ("spaces", partial(_stored, place, _spaces)),
        ("process", partial(_process, place)),
    ]
    if place.origin is not None:
        looks.append(("address", partial(_address, place)))
    found = list[Finding]()
    for name, look in looks:
        is_damaged = any(one.name == "database" and one.state == FAILED for one in found)
        # What stands in a damaged file is no row: it is not computed with.
        found.append(_unread(name) if is_damaged and name == "spaces" else _guarded(name, look))
    return found


def _unread(name: str) -> Finding:
    """Return the outcome of a look that there was no sense in taking."""
    return Finding(name, FAILED, "not looked at: the database is damaged", "envoy relay restore")


def _guarded(name: str, look: Callable[[], Finding]) -> Finding:
    """Return the outcome of one look; an error is a finding like any other."""
    try:
        return look()
    except EnvoyError as error:
        reason = error.details.get("reason") or error.details.get("cause")
        detail = error.code if reason is None else f"{error.code}: {reason}"
        return Finding(name, FAILED, detail, "envoy explain " + error.code)


def _files(place: Place) -> Finding:
    """Are directory and keys those of this account alone?"""
    files.check_directory(place.directory)
    tables.read_keys(place.directory)
    for path in place.private:
        files.check_file(path)
    if files.is_network(place.directory):
        return Finding("files", FAILED, "on a network file system: move it to a local disk")
    count = 1 + len(place.private)
    return Finding("files", OK, f"{KEY_FILE} and {count - 1} more: nobody else can read them")


def _disk(place: Place) -> Finding:
    """Is there room to go on?"""
    free, size = guard.disk(place.directory)
    detail = f"{free // limits.MIB} MiB free of {size // limits.MIB}"
    if guard.has_room(place.directory):
        return Finding("disk", OK, detail)
    return Finding("disk", FAILED, f"{detail}: nothing is taken until there is more")


def _syncs(place: Place) -> Finding:
    """How many durable writes a second does the disk make?"""
    path = os.path.join(place.directory, f"doctor.{host.entropy(8).hex()}.tmp")
    begin, count = host.monotonic_ms(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, files.FILE_MODE)
    try:
        while count < _SYNC_COUNT and host.monotonic_ms() - begin < _SYNC_SECONDS * 1000:
            os.write(handle, _BLOCK)
            os.fsync(handle)
            count += 1
    except OSError as error:
        raise files.fault(error, path) from error
    finally:
        os.close(handle)
        files.remove(path)
    rate = count * 1000 // max(1, host.monotonic_ms() - begin)
    detail = f"{rate} a second"
    if rate >= _SYNCS_MIN:
        return Finding("durable writes", OK, detail)
    return Finding("durable writes", WARNING, f"{detail}: slow, use a faster disk")


def _chunks(place: Place) -> Finding:
    """Can a chunk be written, read and deleted?"""
    root = os.path.join(place.directory, "chunks")
    shelf, ident = Shelf(root), sign.sha256(_CHUNK)
    nobody = bytes(32)
    shelf.save(nobody, ident, _CHUNK)
    found = shelf.read(nobody, ident)
    shelf.drop(nobody, ident)
    for inner in (os.path.join(nobody.hex(), ident.hex()[:2]), nobody.hex()):
        os.rmdir(os.path.join(root, inner))
    if found != _CHUNK:
        return Finding("chunks", FAILED, "what was written was not read back: check the disk")
    return Finding("chunks", OK, "written, read and deleted")


def _stored(place: Place, look: Callable[[RelayStore], Finding]) -> Finding:
    """Return what ``look`` finds in the database."""
    keys = tables.read_keys(place.directory)
    store = tables.open_store(place.directory, keys, read_only=True)
    try:
        with store.look():
            return look(store)
    finally:
        store.close()


def _database(store: RelayStore) -> Finding:
    """Is the engine new enough, its log of the right kind, its file whole?"""
    wrong = db.quick_check(store.connection)
    mode = store.connection.find(str, "PRAGMA journal_mode")
    version = store.connection.find(str, "SELECT sqlite_version()")
    detail = f"SQLite {version}, {mode}"
    if wrong:
        return Finding("database", FAILED, f"{detail}: damaged", "envoy relay restore")
    return Finding("database", OK, f"{detail}, whole")


def _clock(store: RelayStore) -> Finding:
    """Is this machine's clock behind what was written by it before?"""
    newest = store.connection.find(int, "SELECT coalesce(max(at), 0) FROM space") or 0
    behind = newest - host.now_ms()
    if behind <= _SKEW_MS:
        return Finding("clock", OK, "not behind what was written before")
    return Finding("clock", FAILED, f"{behind // 1000} s behind the newest frame: set it")


def _sweep(store: RelayStore) -> Finding:
    """Is what is over deleted in time?"""
    sql = "SELECT count(*) FROM chunk WHERE expires < ?"
    late = store.connection.find(int, sql, (host.now_ms() - _LAG_MS,)) or 0
    if not late:
        return Finding("sweep", OK, "nothing is overdue")
    return Finding("sweep", WARNING, f"{late} chunks overdue", "envoy relay serve")


def _spaces(store: RelayStore) -> Finding:
    """Do hub chain, sum and count of some spaces follow from their frames? Are chunks counted?"""
    if not store.is_current():
        detail = "of an older version: brought up when the relay starts"
        return Finding("spaces", WARNING, detail, "envoy relay serve")
    until = host.monotonic_ms() + _SECONDS * 1000
    done, wrong = soundness.of_some(store, SPACES, go=lambda: host.monotonic_ms() < until)
    if wrong:
        return Finding("spaces", FAILED, f"{len(wrong)} faults: {wrong[0]}", "envoy relay restore")
    miscounted = store.miscounted()
    if miscounted:
        detail = f"bytes of chunks of {miscounted} are miscounted: counted anew at a start"
        return Finding("spaces", WARNING, detail, "envoy relay serve")
    return Finding("spaces", OK, f"{done} of {len(store.spaces())} computed again, all sound")


def _process(place: Place) -> Finding:
    """Does a process serve this directory?"""
    try:
        guard.take(place.directory).release()
    except WaitTimeoutError:
        return Finding("process", OK, "serves")
    return Finding("process", WARNING, "nobody serves this directory", "envoy relay serve")


def _address(place: Place) -> Finding:
    """Does the public address answer, with a good certificate and the key of this relay?"""
    assert place.origin is not None, "asked where one is set"
    client = Client(Reach(read_origin(place.origin), place.pin, is_local=False))
    try:
        info = client.info(timeout_s=_SECONDS)
    finally:
        client.close()
    own = sign.public_key(tables.read_keys(place.directory).hub).hex()
    if info.get("hub_key") != own:
        return Finding("address", FAILED, "another relay answers there: check the proxy")
    return Finding("address", OK, f"{place.origin} answers with this relay's key")

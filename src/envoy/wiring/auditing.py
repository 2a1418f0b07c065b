"""Auditing: audit bundles as files, written from a profile and verified without one.

A bundle is verified into a copy of the space that lives in a directory of its own, mode 0700, in a
database encrypted under a key that exists in this process alone; both are gone afterwards. Neither
home nor profile, hub nor network is asked: whoever has the file can do it.

What is written is verified before it is told of, by the very same code: nobody is handed a bundle
that its own author could not verify.

Laws: one pass over a file, with memory for one group of events. No file that is there is replaced.

Specification: docs/spec/audit.md.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final

from envoy import ids, limits
from envoy.core import bundle
from envoy.core.bundle import BundleFault, Group, Header, Read, Witness
from envoy.core.identity import ROOT_BYTES, Identity, space_fingerprint
from envoy.errors import EnvoyError, IntegrityError, UsageError
from envoy.lean import NamedTuple
from envoy.replica.actions import audit
from envoy.replica.actions.audit import Chosen, Exported
from envoy.replica.auditing import Examined, Examiner
from envoy.replica.replica import Profile, Replica
from envoy.storage import home, replica_file
from envoy.storage.audit_views import AuditViews, Picked
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.storage.views import Views
from envoy.system import db, files, host
from envoy.views import rows
from envoy.views.audit import counts
from envoy.views.people import People
from envoy.wiring import objects, writes
from envoy.wiring.config import Config
from envoy.wiring.deep import NoHub
from envoy.wiring.progress import Teller

NAME: Final = "audit"  # of the profile that a bundle is verified by, which is nobody
_NOT_A_FILE: Final = "not_a_file"
EVERYTHING: Final = Picked(None, None, None)


class Seen(NamedTuple):
    """A bundle that verified: what it says of itself, what came in, and the copy to look at."""

    header: Header
    examined: Examined
    connection: db.Connection
    space: rows.Space
    people: People
    hidden: dict[bytes, str]  # of the newest stubs the kind that they state
    replica: Replica


# -- writing -----------------------------------------------------------------------------------


@contextmanager
def exported(
    config: Config, replica: Replica, path: str, chosen: Chosen
) -> Iterator[tuple[Exported, Seen]]:
    """Write the bundle of a space into the new file ``path``, and verify it as anybody would.

    One that its own author cannot verify is removed. Raises ConflictError(already_exists),
    UsageError(invalid_argument), AuthorityError(epoch_revoked), IntegrityError (audit_invalid,
    state_corrupt), InternalError(storage_failed).
    """
    if path == objects.STREAM:  # what is verified is a file
        raise UsageError("invalid_argument", argument="--output", cause=_NOT_A_FILE)
    done, is_sound = _written(config, replica, path, chosen), False
    try:
        with verified(config, path) as seen:
            is_sound = True
            yield done, seen
    finally:
        if not is_sound:
            files.remove(path)


def _written(config: Config, replica: Replica, path: str, chosen: Chosen) -> Exported:
    """Write a bundle, in one state of the database."""
    store, teller = replica.profile.events, Teller(config)
    assert isinstance(store, EventStore), "it was opened by wiring.writes"
    views = AuditViews(store.connection)
    with objects.target(config, path, force=False) as write, store.connection.snapshot():
        entries = (store.at(rid) for rid in views.ordered(replica.sn))
        meant = shown(views, replica.space, chosen)
        return audit.export(replica, entries, meant, write=write, tell=teller)


def shown(views: AuditViews, space: rows.Space, chosen: Chosen) -> Chosen:
    """Return ``chosen`` with the events that it means."""
    about = set[bytes]() if chosen.task is None else views.about(space.sn, chosen.task)
    picked = Picked(chosen.member, chosen.since, chosen.task)
    beside = set[bytes]()
    if picked != EVERYTHING:
        beside = views.beside(space.sn, space.id, picked)
    return chosen._replace(about=about, gone=views.gone(space.sn), beside=beside)


# -- verifying ---------------------------------------------------------------------------------


@contextmanager
def verified(config: Config, path: str) -> Iterator[Seen]:
    """Verify the bundle ``path``; the copy that was made of it is there until the context ends.

    Raises IntegrityError (audit_invalid with `first_bad`, schema_too_new), UsageError
    (invalid_argument) for what is no file that can be read.
    """
    with ExitStack() as stack:
        file = stack.enter_context(_opened(path))
        profile, connection = _nobody(config, stack)
        try:
            with Teller(config) as teller:
                seen = _seen(profile, connection, _reading(file, path), teller)
            yield seen
        except BundleFault as fault:
            raise refused(fault, path) from fault


def refused(fault: BundleFault, path: str) -> EnvoyError:
    """Return the error for a bundle that does not verify."""
    if fault.reason == "unsupported" and fault.part == "header":
        return IntegrityError("schema_too_new", path=path)
    first_bad = {
        "part": fault.part,
        "number": fault.number,
        "event_id": None if fault.event is None else ids.to_text("evt", fault.event),
        "reason": fault.reason,
        "missing": None if fault.missing is None else ids.to_text("evt", fault.missing),
    }
    return IntegrityError("audit_invalid", path=path, first_bad=first_bad)


def _seen(profile: Profile, connection: db.Connection, read: Read, tell: Teller) -> Seen:
    """Take a whole bundle in. Raises BundleFault."""
    examiner: Examiner | None = None
    header, lines, page = None, list[bundle.EpochLine](), list[Witness]()
    hidden = dict[bytes, str]()
    examined = None
    for part in bundle.parts(read):
        match part:
            case bundle.Header():
                header = part
            case bundle.EpochLine():
                lines.append(part)
            case Group():
                if examiner is None:
                    assert header is not None, "a header comes first"
                    examiner = Examiner(profile, header, lines)
                examiner.group(part)
                _keep(hidden, part)
                tell("events verified", part.events[-1].number)
            case Witness():
                page.append(part)
                if len(page) == limits.BUNDLE_GROUP_EVENTS:
                    assert examiner is not None, "events come before receipts"
                    examiner.receipts(page)
                    page = []
            case bundle.Seal():
                assert examiner is not None, "events come before the seal"
                examiner.receipts(page)
                examined = examiner.finish(part)
    assert header is not None and examiner is not None and examined is not None, "a seal ends it"
    space, views = examiner.replica.space, Views(connection)
    people = People(views.members(space.sn), me=header.author, find_did=views.did)
    return Seen(header, examined, connection, space, people, hidden, examiner.replica)


def _keep(hidden: dict[bytes, str], group: Group) -> None:
    """Keep the kinds of the newest stubs, as many as a page shows."""
    for one in group.events:
        if isinstance(one, bundle.Withheld):
            hidden[one.id] = one.stub.kind
    for old in list(hidden)[: max(0, len(hidden) - limits.BUNDLE_PAGE_EVENTS_MAX)]:
        del hidden[old]


def _nobody(config: Config, stack: ExitStack) -> tuple[Profile, db.Connection]:
    """Open an empty store for nobody, which is gone when ``stack`` is left."""
    directory = tempfile.mkdtemp(prefix="envoy-audit-")
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    where = home.paths(directory, NAME)._replace(db_key=host.entropy(32))
    home.make(where)
    connection = stack.enter_context(replica_file.open_file(where))
    events, store = EventStore(connection, where.replica_lock), RowStore(connection)
    events.stores.append(store)
    profile = Profile(
        identity=Identity(host.entropy(ROOT_BYTES)),
        events=events,
        rows=store,
        hub=NoHub(),
        clock=writes.SystemClock(),
        entropy=host.entropy,
        workers=writes.Threads(stack),
        session=config.session,
        name=NAME,
        type="agent",
    )
    return profile, connection


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open the regular file ``path``; a pipe or a device is no bundle."""
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except (OSError, ValueError) as error:
        raise _unreadable(error, path) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UsageError("invalid_argument", path=path, cause=_NOT_A_FILE)
        yield file


def _reading(file: BinaryIO, path: str) -> Callable[[int], bytes]:
    """Return what reads ``file``, with its errors as ours."""

    def read(count: int) -> bytes:
        try:
            return file.read(count)
        except OSError as error:
            raise _unreadable(error, path) from error

    return read


def _unreadable(error: OSError | ValueError, path: str) -> EnvoyError:
    """Return the error for a file that cannot be read."""
    if not isinstance(error, OSError):
        return UsageError("invalid_argument", argument="file", cause="nul")
    cause = str(files.fault(error, path).details.get("reason"))
    return UsageError("invalid_argument", path=path, cause=cause)


# -- looking -----------------------------------------------------------------------------------


def fingerprint(space: bytes, heads: Sequence[bytes]) -> str:
    """Return the fingerprint of a space in 16 groups of 4 hex digits."""
    return fingerprint_text(space_fingerprint(space, heads))


def fingerprint_text(fingerprint: bytes) -> str:
    """Return a fingerprint of 32 bytes as people compare it."""
    return fingerprint.hex(" ", 2)


def verdicts(seen: Seen) -> dict[str, int]:
    """Return how many events of a bundle have each verdict; stubs have none."""
    found = AuditViews(seen.connection).verdicts(seen.space.sn)
    shown = [one for one in found if one[0] != bundle.WITHHELD]
    return {name.replace("*", "_admitted"): count for name, count in counts(shown).items()}

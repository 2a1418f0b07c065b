"""Install: what Envoy would change in the files of a runtime, and the change.

Everything is read, understood and worked out first; only then is the first byte written, so a file
that cannot be understood refuses the whole. What was written is taken back if a later file of the
same call fails; if the process itself is killed, the record knows what it was about to write.

Laws: install twice is install once; uninstall gives back the bytes from before install, or, where
somebody has edited the file since, the edited file without what is ours.

Specification: docs/spec/hooks.md, Install and uninstall.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from envoy.errors import ConflictError, EnvoyError, UsageError
from envoy.lean import NamedTuple
from envoy.runtimes import ledger
from envoy.runtimes.edits import Edit
from envoy.runtimes.ledger import BACKUP, Entry
from envoy.runtimes.vendors import File
from envoy.system import files

LOCK_SECONDS = 5.0
# What a file without ours is left as where there was none before.
BLANK = ("", "{}")


class Job(NamedTuple):
    """Which files, of which runtime, and where the record of them lies."""

    home: str
    runtime: str
    files: Sequence[File]
    within: str | None  # a project that nothing leads out of; None: files of the user
    root: str  # of the user or the project; locked while its files change


class Change(NamedTuple):
    """What becomes of one file."""

    file: File
    path: str  # where its bytes lie
    now: bytes | None
    then: bytes | None  # None: it is removed
    action: str  # created, changed, unchanged, removed, restored, kept, absent, shared
    base: bytes | None  # without ours; None: there is no file then
    entry: Entry | None  # of the record, afterwards; None: none

    @property
    def backup(self) -> str | None:
        """Return where the copy of what it was lies, if there is one."""
        return None if self.entry is None or self.base is None else self.path + BACKUP

    def diff(self) -> str | None:
        """Return the change as a unified diff; None where nothing changes."""
        if self.now == self.then:
            return None
        before, after = (
            (one or b"").decode("utf-8", "replace").splitlines(keepends=True)
            for one in (self.now, self.then)
        )
        old, new = ("/dev/null" if one is None else self.file.path for one in (self.now, self.then))
        return "".join(_ended(difflib.unified_diff(before, after, old, new)))


_Plan = Callable[[Job, File, str, Entry | None], Change]


def _ended(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of a diff, each with a line end."""
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def install(job: Job, *, write: bool) -> list[Change]:
    """Put ours into the files of ``job`` and return what changed; with ``write`` off, what would.

    Raises UsageError(invalid_argument) for a file that cannot be understood, with its path;
    ConflictError (version_conflict, already_exists), IntegrityError(state_access_denied).
    """
    return _run(job, _installed, write=write)


def uninstall(job: Job, *, write: bool) -> list[Change]:
    """Take ours out of the files of ``job``. Raises as ``install`` does."""
    return _run(job, _uninstalled, write=write)


def _run(job: Job, plan: _Plan, *, write: bool) -> list[Change]:
    """Plan each file, then change all of them."""
    if not write:
        entries = ledger.load(job.home)
        return [_planned(job, one, entries, plan) for one in job.files]
    with ledger.lock(job.home, timeout_s=LOCK_SECONDS), _alone(job.root):
        entries = ledger.load(job.home)
        changes = [_planned(job, one, entries, plan) for one in job.files]
        _apply(job, changes, entries)
    return changes


def _alone(root: str) -> AbstractContextManager[object]:
    """Return what keeps out whoever has another home and the same files."""
    if not os.path.isdir(root):
        return nullcontext()
    return files.lock(os.path.realpath(root), timeout_s=LOCK_SECONDS)


def _planned(job: Job, file: File, entries: dict[str, Entry], plan: _Plan) -> Change:
    """Return what becomes of one file; errors name it."""
    try:
        path = ledger.target(file.path, job.within)
        return plan(job, file, path, entries.get(path))
    except UsageError as error:
        error.details.setdefault("path", file.path)
        raise


def _installed(job: Job, file: File, path: str, entry: Entry | None) -> Change:
    """Return what installing makes of a file."""
    now = ledger.read(path)
    base = _base(file.edit, path, now, entry)
    text = _text(base)
    then = file.edit.added(text).encode()
    ours = file.edit.holds(then.decode())
    if not ours:  # an entry of our name by somebody else
        return Change(file, path, now, now, "kept", base, entry)
    before = None if base is None else ledger.digest(base)
    runtimes = tuple(sorted({*(entry.runtimes if entry else ()), job.runtime}))
    made = () if entry is None else entry.made
    known = Entry(runtimes, before, ledger.digest(then), made)
    action = "unchanged" if now == then else "created" if now is None else "changed"
    return Change(file, path, now, then, action, base, known)


def _base(edit: Edit, path: str, now: bytes | None, entry: Entry | None) -> bytes | None:
    """Return what a file is without ours, by its copy or by taking ours out."""
    if now is None:
        return None
    before = _copy(path, entry)
    if entry is not None and ledger.digest(now) in (entry.after, entry.was):
        if entry.before is None:
            return None
        if before is not None:
            return before
    text = _text(now)
    if not edit.holds(text):
        return now
    stray = _stray(edit, path, text)
    if stray is not None:
        return stray
    left = edit.taken(text, None if before is None else _text(before))
    is_new = entry is not None and entry.before is None
    return None if not left or (is_new and left.strip() in BLANK) else left.encode()


def _copy(path: str, entry: Entry | None) -> bytes | None:
    """Return the copy of what a file was, if it is the one that was made."""
    found = None if entry is None or entry.before is None else ledger.read(path + BACKUP)
    is_it = found is not None and entry is not None and ledger.digest(found) == entry.before
    return found if is_it else None


def _stray(edit: Edit, path: str, text: str) -> bytes | None:
    """Return the copy beside a file, whoever made it, if the file is it and ours.

    The record may be lost, or lie in another home, which has ours in other words.
    """
    found = ledger.read(path + BACKUP)
    try:
        whole = None if found is None else edit.added(found.decode())
        is_it = whole is not None and edit.taken(whole, None) == edit.taken(text, None)
    except (UnicodeDecodeError, UsageError):
        return None
    return found if is_it else None


def _uninstalled(job: Job, file: File, path: str, entry: Entry | None) -> Change:
    """Return what uninstalling makes of a file."""
    now = ledger.read(path)
    others = () if entry is None else tuple(x for x in entry.runtimes if x != job.runtime)
    if entry is not None and others:
        left = entry._replace(runtimes=others)
        return Change(file, path, now, now, "shared", _copy(path, entry), left)
    if now is None:
        return Change(file, path, None, None, "absent", None, None)
    then = _base(file.edit, path, now, entry)
    if then == now:
        return Change(file, path, now, now, "absent", now, None)
    exact = entry is not None and ledger.digest(now) == entry.after
    action = "removed" if then is None else "restored" if exact else "changed"
    return Change(file, path, now, then, action, then, None)


def _text(data: bytes | None) -> str:
    """Return ``data`` as text. Raises UsageError(invalid_argument, cause utf8)."""
    try:
        return "" if data is None else data.decode()
    except UnicodeDecodeError as error:
        raise UsageError("invalid_argument", argument="file", cause="utf8") from error


# -- the change ---------------------------------------------------------------------------------


def _apply(job: Job, changes: Sequence[Change], entries: dict[str, Entry]) -> None:
    """Make the changes; take back those made if one fails."""
    for one in changes:
        ledger.remove_drafts(one.path)
        _guard_copy(one, entries)
    then = _noted(changes, entries)
    if then == entries and all(one.now == one.then for one in changes):
        return
    done = list[Change]()
    # Before the first byte of a file, so that whoever is killed in between left a record of both.
    ledger.save(job.home, {**entries, **_meant(entries, then)})
    try:
        for one in changes:
            _put(one, private=job.within is None)
            done.append(one)
        _tidy(entries, then)
        for one in changes:
            _drop_stray(one)
        ledger.save(job.home, then)
    except EnvoyError:
        for one in reversed(done):
            _take_back(one)
        ledger.save(job.home, entries)
        _tidy(then, entries)
        raise


def _tidy(before: Mapping[str, Entry], then: Mapping[str, Entry]) -> None:
    """Remove the copies and the empty directories of files that are in the record no more."""
    gone = sorted(before.keys() - then.keys())
    for path in gone:
        files.remove(path + BACKUP)
    left = {one for path in gone for one in before[path].made}
    ledger.remove_directories(sorted(left, key=len, reverse=True))


def _drop_stray(change: Change) -> None:
    """Remove the copy that no record here names, once its file has its bytes back."""
    path = change.path + BACKUP
    if change.entry is None and change.now != change.then and ledger.read(path) == change.then:
        files.remove(path)


def _guard_copy(change: Change, entries: dict[str, Entry]) -> None:
    """Refuse to write over a copy that is not known: it may be the only one.

    Raises ConflictError(already_exists).
    """
    if change.backup is None or change.path in entries or change.now == change.then:
        return
    found = ledger.read(change.backup)
    if found is not None and found != change.base:
        raise ConflictError("already_exists", path=change.backup)


def _put(change: Change, *, private: bool) -> None:
    """Write one file and the copy of what it was."""
    if change.backup is not None and change.base is not None:
        copied = ledger.read(change.backup)
        if copied != change.base:
            ledger.write(change.backup, change.base, known=copied, private=True)
    if change.then is not None and change.now != change.then:
        ledger.make_directories(change.path)
        ledger.write(change.path, change.then, known=change.now, private=private)
    if change.then is None and change.now is not None:
        ledger.remove(change.path, known=change.now)


def _noted(changes: Sequence[Change], entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the record as it is after the changes."""
    then = dict(entries)
    for one in changes:
        if one.entry is None:
            then.pop(one.path, None)
            continue
        missing = ledger.missing_directories(one.path) if one.now is None else ()
        made = dict.fromkeys((*one.entry.made, *missing))
        then[one.path] = one.entry._replace(made=tuple(made))
    return then


def _meant(known: Mapping[str, Entry], then: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries of ``then``, each also with what its file is until it is written."""
    return {
        path: one._replace(was=known[path].after) if path in known else one
        for path, one in then.items()
    }


def _take_back(change: Change) -> None:
    """Give one file its bytes back."""
    if change.now == change.then:
        return
    try:
        if change.now is None:
            ledger.remove(change.path, known=change.then)
        else:
            ledger.write(change.path, change.now, known=change.then, private=True)
    except ConflictError:  # somebody wrote it since: it is theirs
        return


# -- as it stands -------------------------------------------------------------------------------


def state(job: Job, file: File) -> str:
    """Return how a file stands: absent, installed, differs, kept, malformed or denied."""
    try:
        path = ledger.target(file.path, job.within)
        now = ledger.read(path)
        text = _text(now)
        if not file.edit.holds(text):
            return "kept" if file.edit.kept(text) else "absent"
        change = _installed(job, file, path, ledger.load(job.home).get(path))
    except UsageError:
        return "malformed"
    except EnvoyError:
        return "denied"
    return "installed" if change.now == change.then else "differs"

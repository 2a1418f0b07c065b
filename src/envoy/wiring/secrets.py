"""Secrets: how a locked profile is opened, and how its lock is changed.

A passphrase comes by prompt, from a file or from stdin, never from an argument or a variable: those
are seen by other programs and kept in histories. A key of the operating system comes from its
store. Nothing asks unless somebody can answer: without a terminal a locked profile is
``profile_locked``, at once.

Only what is locked, or changes a lock, loads this module. What was unlocked stays known to the
process, so one command asks once; the key of that memory is the wrapped root itself.

Specification: docs/spec/identity.md, identity.json; The lock and the database.
"""

from __future__ import annotations

import getpass
import os
import shlex
import stat
import sys
import unicodedata
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from typing import Final

from envoy import ids, limits
from envoy.core import identity
from envoy.core.identity import KEYRING, NONE, PASSPHRASE, Lock, Stored
from envoy.errors import IntegrityError, NeedsHumanError, UsageError
from envoy.lean import NamedTuple
from envoy.storage import home, relock
from envoy.storage.home import Paths
from envoy.system import db, files, host
from envoy.wiring.config import Config

STDIN: Final = "-"
WORDS_BYTES_MAX: Final = 4 * limits.KIB  # 24 words of at most eight letters, several times over
ATTEMPTS: Final = 3  # at a prompt; a file is read once
_ENTRY_BYTES: Final = 32
_KNOWN: Final[dict[str, Stored]] = {}  # by the wrapped root


class Relocked(NamedTuple):
    """A lock that was changed: the modes, and whether anything did."""

    before: str
    mode: str
    changed: bool


# -- unlocking --------------------------------------------------------------------------------


def keyed(config: Config, where: Paths) -> tuple[Stored, Paths]:
    """Return the identity of a profile, and its paths with the key of the database.

    Raises NeedsHumanError(profile_locked), UsageError(invalid_argument, unsupported_operation),
    IntegrityError (state_corrupt, state_access_denied, schema_too_new), NotFoundError.
    """
    record = home.read_record(where)
    lock = identity.check_record(record)
    stored = identity.from_record(record) if lock.mode == NONE else _unlock(config, record, lock)
    is_plain = db.is_plain(where.replica)
    if lock.mode == NONE and is_plain:
        return stored, where
    if is_plain and files.exists(where.replica) and os.path.getsize(where.replica) > 0:
        raise IntegrityError("state_corrupt", path=where.replica, reason="not_encrypted")
    return stored, where._replace(db_key=stored.identity.db_key)


def check(where: Paths) -> Lock:
    """Return the lock of a profile whose identity.json is whole in every field; asks nothing.

    For whoever looks for damage. Raises IntegrityError (state_corrupt, schema_too_new,
    state_access_denied), NotFoundError(profile_not_found).
    """
    record = home.read_record(where)
    try:
        lock = identity.check_record(record)
        if lock.mode == NONE:
            identity.from_record(record)
    except IntegrityError as error:
        raise IntegrityError(
            error.code,
            next_command="envoy recover --stdin" if error.code == "state_corrupt" else None,
            path=where.identity,
            reason=error.details.get("cause"),
        ) from error
    return lock


def _unlock(config: Config, record: Mapping[str, object], lock: Lock) -> Stored:
    """Return what a locked record holds."""
    wrapped = str(record["root"])
    if wrapped not in _KNOWN:
        by = _by_keyring if lock.mode == KEYRING else _by_passphrase
        _KNOWN[wrapped] = by(config, record, lock)
    return _KNOWN[wrapped]


def _by_keyring(_: Config, record: Mapping[str, object], lock: Lock) -> Stored:
    """Return what a record holds whose key lies in the store of the operating system."""
    from envoy.system import vault

    entry = vault.find(_user(ids.did_key(str(record["did"])), lock))
    raw = None if entry is None else _entry_bytes(entry)
    if raw is None:
        raise NeedsHumanError("profile_locked", mode=KEYRING, cause="keyring_entry")
    return identity.from_record(record, identity.lock_key(lock, raw))


def _by_passphrase(config: Config, record: Mapping[str, object], lock: Lock) -> Stored:
    """Return what a record holds whose passphrase somebody knows."""
    asks = config.passphrase_file is None
    for left in reversed(range(ATTEMPTS if asks else 1)):
        given = passphrase(config.passphrase_file, f"passphrase of profile {config.profile}: ")
        try:
            return identity.from_record(record, identity.lock_key(lock, given))
        except NeedsHumanError:
            if not left:
                raise
            sys.stderr.write("wrong passphrase\n")
    raise AssertionError("the last attempt returns or raises")


# -- passphrases ------------------------------------------------------------------------------


def passphrase(
    path: str | None, prompt: str, *, again: bool = False, flag: str = "--passphrase-file"
) -> bytes:
    """Return a passphrase in UTF-8, from the file ``path`` or, without one, from a terminal.

    ``again``: it is a new one, to be typed twice. ``flag`` gave the path. Raises NeedsHumanError
    (profile_locked) where nobody can be asked, UsageError(invalid_argument) with a cause,
    IntegrityError(state_access_denied) for a file that others can read.
    """
    if path is not None:
        return normal(_first_line(path, flag), flag)
    if not can_ask():
        raise NeedsHumanError("profile_locked", mode=PASSPHRASE, cause="no_terminal")
    typed = _ask(prompt)
    if again and typed != _ask("the same again: "):
        raise UsageError("invalid_argument", argument="passphrase", cause="not_the_same")
    return normal(typed.encode("utf-8", "surrogateescape"), "passphrase")


def can_ask() -> bool:
    """Say whether somebody sits at a terminal who can answer."""
    streams = (sys.stdin, sys.stderr)
    return all(stream is not None and not stream.closed and stream.isatty() for stream in streams)


def given_words(*, stdin: bool) -> str | None:
    """Return the recovery words from stdin, else from a terminal; None where nobody can be asked.

    What is no text is no word of the list either.
    """
    if stdin:
        raw = b"" if sys.stdin is None else sys.stdin.buffer.read(WORDS_BYTES_MAX)
        return raw.decode("utf-8", "replace")
    return ask_words() if can_ask() else None


def ask_words() -> str:
    """Return the recovery words that somebody types at the terminal, unseen by others."""
    return _ask("the 24 recovery words, in one line: ")


def _ask(prompt: str) -> str:
    """Return one line from the terminal, not shown."""
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError as error:
        raise NeedsHumanError("confirmation_required", cause="no_answer") from error


def normal(raw: bytes, argument: str) -> bytes:
    """Return a passphrase as it is hashed: NFC, so every keyboard means the same."""
    try:
        text = unicodedata.normalize("NFC", raw.decode("utf-8")).encode()
    except UnicodeDecodeError as error:
        raise UsageError("invalid_argument", argument=argument, cause="utf8") from error
    if not 0 < len(text) <= limits.PASSPHRASE_BYTES_MAX or b"\0" in text or b"\n" in text:
        cause = "empty" if not text else "one_line"
        raise UsageError("invalid_argument", argument=argument, cause=cause)
    return text


def _first_line(path: str, flag: str) -> bytes:
    """Return the one line of a file or of stdin, without its end."""
    most = limits.PASSPHRASE_BYTES_MAX + 2
    if path == STDIN:
        raw = b"" if sys.stdin is None else sys.stdin.buffer.read(most + 1)
    else:
        raw = _read(path, most + 1, flag)
    if raw.endswith(b"\n"):
        raw = raw[:-1].removesuffix(b"\r")
    if len(raw) > limits.PASSPHRASE_BYTES_MAX:
        raise UsageError("invalid_argument", argument=flag, cause="too_long")
    return raw


def _read(path: str, most: int, flag: str) -> bytes:
    """Return at most ``most`` bytes of a file or pipe; refuse a file of mine that others read."""
    try:
        with open(path, "rb") as file:
            shown = _is_shown(os.fstat(file.fileno()))
            found = b"" if shown else file.read(most)
    except OSError as error:
        cause = files.fault(error, path).details.get("reason")
        raise UsageError("invalid_argument", argument=flag, cause=cause) from error
    if shown:
        raise files.denied(path, "mode", next_command=f"chmod 600 {shlex.quote(path)}")
    return found


def _is_shown(status: os.stat_result) -> bool:
    """Say whether a file of mine can be read by others. What is not mine, others answer for."""
    mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    return mine and bool(stat.S_IMODE(status.st_mode) & 0o077)


# -- locking ----------------------------------------------------------------------------------


def new_lock(stored: Stored, mode: str, secret: bytes) -> tuple[Lock, bytes]:
    """Return a lock for one write of identity.json, and the key that wraps the root under it.

    ``secret`` is the new passphrase. The entry of a keyring is written before this returns.
    """
    lock = identity.new_lock(mode, host.entropy(identity.LOCK_SALT_BYTES))
    if mode == NONE:
        return lock, b""
    if mode == KEYRING:
        from envoy.system import vault

        secret = host.entropy(_ENTRY_BYTES)
        vault.keep(_user(stored.identity.did, lock), b2a_base64(secret, newline=False).decode())
    return lock, identity.lock_key(lock, secret)


def new_passphrase(mode: str, new: str | None, other: str | None = None) -> bytes:
    """Return the passphrase that a new lock of ``mode`` needs, empty if it needs none.

    It is in the file ``new`` of --new-passphrase-file, else ``other`` of --passphrase-file.
    """
    if mode != PASSPHRASE:
        return b""
    flag = "--new-passphrase-file" if new else "--passphrase-file"
    return passphrase(new or other, "new passphrase: ", again=True, flag=flag)


def change(config: Config, mode: str, *, new_file: str | None) -> Relocked:
    """Put the profile of ``config`` under the lock ``mode``, its database with it.

    Changing to ``passphrase`` from itself gives it another one, from ``new_file`` or the terminal.
    Raises as ``keyed``, ``passphrase`` and ``relock.rekey`` do; then the profile opens as before.
    """
    plain = home.paths(config.home, config.profile)
    home.check(plain)
    with files.lock(plain.identity + ".lock", timeout_s=limits.LOCK_SECONDS_MAX):
        stored, where = keyed(config, plain)
        before = identity.check_record(home.read_record(plain))
        if mode == before.mode == NONE and where.db_key is None:
            return Relocked(before.mode, mode, changed=False)
        other = config.passphrase_file if before.mode == NONE else None
        lock, wrap = new_lock(stored, mode, new_passphrase(mode, new_file, other))
        record = identity.to_record(stored, lock, wrap)
        if mode == NONE:
            home.write_record(where, record, replace=True)
            relock.rekey(where, None)
        else:
            relock.rekey(where, stored.identity.db_key)
            home.write_record(where, record, replace=True)
    _forget(stored, before)
    return Relocked(before.mode, mode, changed=True)


def rename(config: Config, name: str) -> bool:
    """Write ``name`` into identity.json, under the lock it has; say if that changed anything."""
    where = home.paths(config.home, config.profile)
    home.check(where)
    with files.lock(where.identity + ".lock", timeout_s=limits.LOCK_SECONDS_MAX):
        record = home.read_record(where)
        after = identity.renamed(record, name)
        if after != record:
            home.write_record(where, after, replace=True)
    return after != record


def _forget(stored: Stored, before: Lock) -> None:
    """Delete the entry of a keyring that no record needs any more."""
    if before.mode == KEYRING:
        from envoy.system import vault

        vault.forget(_user(stored.identity.did, before))


def _user(did: bytes, lock: Lock) -> str:
    """Return the name of the entry for one write of one identity."""
    return f"{ids.did_text(did)} {lock.salt.hex()}"


def _entry_bytes(entry: str) -> bytes | None:
    """Return the key that an entry of a keyring holds, None if it holds none."""
    try:
        raw = a2b_base64(entry)
    except ValueError:
        return None
    return raw if len(raw) == _ENTRY_BYTES else None

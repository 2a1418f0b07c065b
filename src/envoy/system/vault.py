"""Vault: the secret store of the operating system, where one is and the user wants it used.

It is reached through the package `keyring`, an optional extra that is loaded here and nowhere else,
at the first use. What is kept there is one random key for each write of a locked identity, under
names that hold no secret.

Law: whatever the package or the store says becomes ``unsupported_operation`` (there is none),
``profile_locked`` (it is closed, or has no such entry), never another error.

Specification: docs/spec/identity.md, The lock and the database.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from envoy.errors import EnvoyError, NeedsHumanError, UsageError

SERVICE = "envoy"
PLAIN: Final = ("keyrings.alt.file", "PlaintextKeyring")
# What stores let through besides errors of the package (keyring 25.7, keyrings.alt 5.0): a setting
# that names no store, a file of secrets that is damaged or may not be read, a bus that is gone.
STRAY: Final = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError),
    *(OSError, RuntimeError, TypeError, ValueError),
)


def find(user: str) -> str | None:
    """Return the entry of ``user``, or None. Raises NeedsHumanError(profile_locked), UsageError."""
    library, faults = _library()
    try:
        found: str | None = library.get_password(SERVICE, user)
    except faults as error:
        raise _refused(library, error) from error
    return found


def keep(user: str, entry: str) -> None:
    """Write an entry and read it again. Raises as ``find`` does.

    A store that writes its entries readable into a file locks nothing, so it is refused.
    """
    library, faults = _library()
    try:
        if _is_plain(library.get_keyring()):
            raise UsageError("unsupported_operation", reason="keyring_in_plaintext")
        library.set_password(SERVICE, user, entry)
    except faults as error:
        raise _refused(library, error) from error
    if find(user) != entry:  # some stores take everything and keep nothing
        raise UsageError("unsupported_operation", reason="keyring_forgets")


def forget(user: str) -> None:
    """Delete an entry; one that cannot be deleted opens nothing any more."""
    library, faults = _library()
    try:
        library.delete_password(SERVICE, user)
    except faults:
        return


def _library() -> tuple[ModuleType, tuple[type[Exception], ...]]:
    """Return the package, loaded now, and what it may raise."""
    try:
        import configparser

        import keyring
        import keyring.errors
    except ImportError as error:
        raise UsageError(
            "unsupported_operation", extra="keyring", reason="not_installed"
        ) from error
    library: ModuleType = keyring
    return library, (library.errors.KeyringError, configparser.Error, *STRAY)


def _is_plain(backend: object) -> bool:
    """Say whether the store, or the first of a chain of stores, is a file of readable entries."""
    chain = getattr(backend, "backends", None)
    kind = type(next(iter(chain), backend) if chain else backend)
    return (kind.__module__, kind.__name__) == PLAIN


def _refused(library: ModuleType, error: Exception) -> EnvoyError:
    """Return what an error of the store becomes."""
    if isinstance(error, library.errors.NoKeyringError):
        return UsageError("unsupported_operation", reason="no_keyring")
    return NeedsHumanError("profile_locked", mode="keyring", cause="keyring")

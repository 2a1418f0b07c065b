"""Vault: the real package with a real store, which here is a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyrings.alt.file import PlaintextKeyring

from console import Console
from envoy.errors import EnvoyError
from envoy.system import vault
from filestore import in_place


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PlaintextKeyring]:
    """Put a store in a file in the place of that of the system, for one test."""
    with in_place(tmp_path / "store.cfg") as made:
        yield made


def refused(backend: type[KeyringBackend]) -> tuple[str, object]:
    """Return code and reason of what a store without use answers."""
    keyring.set_keyring(backend())
    with pytest.raises(EnvoyError) as caught:
        vault.keep("did:key:z", "secret")
    return caught.value.code, caught.value.details.get("reason")


def test_what_is_kept_is_found_by_a_later_process(store: PlaintextKeyring) -> None:
    vault.keep("did:key:z", "secret")
    assert vault.find("did:key:z") == "secret"
    assert Path(store.file_path).stat().st_size > 0
    assert vault.find("did:key:other") is None


def test_what_is_forgotten_is_gone_and_may_be_forgotten_twice(store: PlaintextKeyring) -> None:
    vault.keep("did:key:z", "secret")
    vault.forget("did:key:z")
    vault.forget("did:key:z")
    assert vault.find("did:key:z") is None


def test_a_store_that_is_none_or_forgets_is_told(store: PlaintextKeyring) -> None:
    assert refused(keyring.backends.fail.Keyring) == ("unsupported_operation", "no_keyring")
    assert refused(keyring.backends.null.Keyring) == ("unsupported_operation", "keyring_forgets")


def test_a_store_that_writes_in_the_clear_is_refused(store: PlaintextKeyring) -> None:
    assert refused(PlaintextKeyring) == ("unsupported_operation", "keyring_in_plaintext")
    assert not Path(store.file_path).exists()


def test_a_setting_that_names_no_store_is_told(tmp_path: Path) -> None:
    console = Console(tmp_path)
    for named in ("no.such.Store", "nothing"):
        words = ("--json", "init", "--lock", "keyring", "--recovery-output", "skip")
        found = console.run(*words, PYTHON_KEYRING_BACKEND=named)
        assert found.data["error_code"] == "profile_locked", found
    assert not list(console.home.glob("profiles/*/identity.json"))

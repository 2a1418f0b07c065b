"""N2: ids are ASCII alone, however alike another character looks; names are one in NFC."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console import Console
from envoy import ids
from envoy.errors import EnvoyError

IDENT = ids.to_text("task", bytes(range(32)))
DID = ids.did_text(
    bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
)
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


def refused(text: str, prefix: str = "task") -> bool:
    """Say whether a text is no id."""
    try:
        ids.span(text, prefix)
    except EnvoyError:
        return True
    return False


@settings(max_examples=60)
@given(st.integers(0, len(IDENT) - 1), st.characters(min_codepoint=0x80))
def test_no_other_character_stands_for_one_of_an_id(at: int, twin: str) -> None:
    assert refused(IDENT[:at] + twin + IDENT[at + 1 :])


def test_twins_are_no_ids() -> None:
    assert not refused(IDENT)
    assert (
        refused(IDENT.translate(WIDE)) and refused(IDENT + "\u200b") and refused("\ufeff" + IDENT)
    )
    assert ids.did_key(DID)
    for twin in (DID.translate(WIDE), DID.replace("k", "\u212a"), DID + "\u2060"):
        with pytest.raises(EnvoyError):
            ids.did_key(twin)


def test_a_name_is_found_however_it_is_composed(tmp_path: Path) -> None:
    composed, split = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
    console = Console(tmp_path)
    console.ok("--profile", "lead", "quickstart", "--space-name", split)
    assert composed != split
    for name in (composed, split):
        console.ok("--profile", "lead", "send", "hello", "--space", name)

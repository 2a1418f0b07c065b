"""Typed texts: composed, bounded, and refused if they are no text."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from envoy import limits
from envoy.cli.args import Args
from envoy.cli.write import typed
from envoy.errors import UsageError

BOUND = limits.TEXT_BYTES_MAX


class Stdin:
    """What stdin holds."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("Ready.", "Ready.", id="ascii stays"),
        pytest.param("a\u0308o\u0308", "\u00e4\u00f6", id="accents are composed"),
        pytest.param("two\nlines\n", "two\nlines\n", id="lines stay"),
        pytest.param("\x1b[31m\u202e", "\x1b[31m\u202e", id="what a screen must escape stays"),
        pytest.param("x" * BOUND, "x" * BOUND, id="as long as allowed"),
        pytest.param("e\u0301" * (BOUND // 2), "\u00e9" * (BOUND // 2), id="composed into bounds"),
    ],
)
def test_a_text_is_composed(value: str, expected: str) -> None:
    assert typed.text(value, "--body") == expected


@pytest.mark.parametrize(
    ("value", "code", "cause"),
    [
        pytest.param("a\0b", "invalid_argument", "nul", id="U+0000"),
        pytest.param("a\udcffb", "invalid_argument", "utf8", id="bytes that are no UTF-8"),
        pytest.param("x" * (BOUND + 1), "message_too_large", None, id="one byte too many"),
        pytest.param("\u00e9" * (BOUND // 2 + 1), "message_too_large", None, id="bytes count"),
    ],
)
def test_what_is_no_text_is_refused(value: str, code: str, cause: str | None) -> None:
    with pytest.raises(UsageError) as found:
        typed.text(value, "--body")
    assert found.value.code == code and found.value.details.get("cause") == cause
    assert value not in str(found.value.details)


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "x" * 129, "\u00e9" * 65])
def test_a_name_is_one_line_that_is_not_blank_and_short(value: str) -> None:
    assert typed.name("x" * 128, "--name") == "x" * 128
    with pytest.raises(UsageError, match="invalid_argument"):
        typed.name(value, "--name")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"body": "hi"}, id="as an argument"),
        pytest.param({"body": "-"}, id="a dash"),
        pytest.param({"stdin": True}, id="--stdin"),
        pytest.param({"stdin": True, "body": "-"}, id="--stdin and a dash"),
        pytest.param({"body_file": "-"}, id="a dash for a file"),
        pytest.param({"body_file": "text.txt"}, id="a file"),
    ],
)
def test_a_body_comes_from_where_it_is_said(
    given: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hi")
    monkeypatch.setattr(sys, "stdin", Stdin(b"hi"))
    assert typed.body(Args(given)) == "hi"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({}, "missing_required_flag", id="none"),
        pytest.param({"body": ""}, "invalid_argument", id="an empty one"),
        pytest.param({"stdin": True, "body": "hi"}, "invalid_argument", id="two"),
        pytest.param({"body_file": "a", "body": "hi"}, "invalid_argument", id="a file and a text"),
        pytest.param({"body_file": "a", "stdin": True}, "invalid_argument", id="a file and stdin"),
        pytest.param({"body_file": "nowhere.txt"}, "invalid_argument", id="no file"),
        pytest.param({"body_file": "."}, "invalid_argument", id="a directory"),
        pytest.param({"body_file": "a\0b"}, "invalid_argument", id="no path"),
        pytest.param({"body_file": "long"}, "message_too_large", id="a file without an end"),
        pytest.param({"stdin": True}, "invalid_argument", id="stdin that is no UTF-8"),
    ],
)
def test_a_body_is_refused(
    given: dict[str, object], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink("/dev/zero", tmp_path / "long")
    monkeypatch.setattr(sys, "stdin", Stdin(b"\xff"))
    with pytest.raises(UsageError) as found:
        typed.body(Args(given))
    assert found.value.code == code


def test_a_note_may_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"o\xcc\x88"))
    assert typed.given(Args({"note": "-"}), "note") == "\u00f6"
    assert typed.given(Args({"note": "n"}), "note") == "n"
    assert typed.given(Args({}), "note") is None


@pytest.mark.parametrize("value", ["", "a b", "k" * 65, "\u00e4", "a/b"])
def test_a_key_is_a_short_word(value: str) -> None:
    assert typed.key(Args({"idempotency_key": "k" * 64})) == "k" * 64
    assert typed.key(Args({})) is None
    with pytest.raises(UsageError, match="invalid_argument"):
        typed.key(Args({"idempotency_key": value}))


def test_a_closed_stdin_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="invalid_argument"):
        typed.from_stdin()

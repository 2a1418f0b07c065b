"""Secrets: what was pasted by accident does not travel on; all other text stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.core import identity, invite
from envoy.views.secrets import MARK, redact

CODE = invite.code(bytes(range(2, 17)))
WORDS = " ".join(identity.recovery_words(bytes(range(32))))
KEY = "\n".join(
    (
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "b3BlbnNzaC1rZXktdjEA",
        "AAAA",
        "-----END OPENSSH PRIVATE KEY-----",
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(CODE, MARK, id="a code"),
        pytest.param(f"join with {CODE}, now", f"join with {MARK} now", id="in a sentence"),
        pytest.param(f"code:\n{CODE}\nthanks", f"code:\n{MARK}\nthanks", id="on its own line"),
        pytest.param(CODE.lower(), MARK, id="small letters"),
        pytest.param(CODE.replace("-", ""), MARK, id="without dashes"),
        pytest.param(f"it is {CODE.replace('-', ' ')} ok", f"it is {MARK} ok", id="in groups"),
        pytest.param(f"({CODE})", MARK, id="in brackets"),
        pytest.param(f"`{CODE}`", MARK, id="in backquotes"),
        pytest.param(f"see {invite.uri(bytes(15))} !", f"see {MARK} !", id="a link"),
        pytest.param(f"words: {WORDS} end", f"words: {MARK} end", id="recovery words"),
        pytest.param(f"a\n{KEY}\nb", f"a\n{MARK}\nb", id="a private key"),
        pytest.param(KEY.rpartition("\n")[0], MARK, id="a private key without its end"),
        pytest.param(f"{CODE} and {CODE}", f"{MARK} and {MARK}", id="two codes"),
        pytest.param(f"{'x' * 300} {WORDS}", f"{'x' * 300} {MARK}", id="after a long word"),
        pytest.param(f"{'word ' * 20}Two {WORDS}", f"{'word ' * 20}Two {MARK}", id="after others"),
        pytest.param(f"{WORDS} {WORDS}", f"{MARK} {MARK}", id="recovery words twice"),
        pytest.param(
            f"{WORDS} {CODE} {CODE.replace('-', ' ')}", f"{MARK} {MARK} {MARK}", id="one of each"
        ),
    ],
)
def test_a_secret_is_cut_out(text: str, expected: str) -> None:
    assert redact(text) == (expected, True)


CLEAN = [
    "",
    "root cause: off by one in next_token",
    CODE[:-1] + ("2" if CODE[-1] != "2" else "3"),  # a slip: it opens nothing
    CODE[:-1],
    "evt_q2h8zrpsdtjqmvvxubtxyvmlkoyf4zoumxmtzyyvrgqmsmlhfqzq",
    "4f1c9b2e8a7d6c5b4a3f2e1d",
    "these are some words that were said long once upon when they went down past here over there",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "envoy://join without a code",
    "a" * 5000,
    " ".join(["word"] * 23),
    " ".join([*["word"] * 23, "Two", *["word"] * 23]),
    " ".join(["abcd"] * 7),
]


@pytest.mark.parametrize("text", CLEAN)
def test_all_other_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == (text, False)


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    cleaned, found = redact(text)
    assert found == (cleaned != text)


@given(st.binary(min_size=15, max_size=15), st.text(max_size=20), st.text(max_size=20))
def test_every_code_between_spaces_is_found(entropy: bytes, before: str, after: str) -> None:
    code = invite.code(invite.new_secret(entropy))
    cleaned, found = redact(f"{before} {code} {after}")
    assert found and code not in cleaned

"""Argv: which words of a command line are told to others, and which are not."""

from __future__ import annotations

import pytest

from envoy.views import argv
from envoy.views.secrets import MARK

TOKEN = "ghp_" + "a1B2" * 6


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(["--password", "pw", "x"], ["--password", MARK, "x"], id="the next word"),
        pytest.param(["--db-password=pw"], [f"--db-password={MARK}"], id="behind an equals sign"),
        pytest.param(["-token", "pw"], ["-token", MARK], id="one dash"),
        pytest.param(["API_KEY=pw", "make"], [f"API_KEY={MARK}", "make"], id="a variable"),
        pytest.param(["AWS_SECRET_ACCESS_KEY=p=w"], [f"AWS_SECRET_ACCESS_KEY={MARK}"], id="long"),
        pytest.param(
            ["-H", "Authorization: Bearer abc.def"],
            ["-H", f"Authorization: {MARK}"],
            id="a header",
        ),
        pytest.param(
            ["sh", "-c", "make PASSWORD=pw all"],
            ["sh", "-c", f"make PASSWORD={MARK} all"],
            id="in a shell",
        ),
        pytest.param(["mysql --password pw db"], [f"mysql --password {MARK} db"], id="quoted"),
        pytest.param(["PASSWORD=p w"], [f"PASSWORD={MARK}"], id="a value with spaces"),
        pytest.param(
            ["https://ada:pw@example.org/x"], [f"https://{MARK}@example.org/x"], id="an address"
        ),
        pytest.param(["curl", TOKEN], ["curl", MARK], id="a token of a known form"),
        pytest.param(["a\0b"], ["a\N{REPLACEMENT CHARACTER}b"], id="a zero byte"),
        pytest.param(["a\udcffb"], ["a\N{REPLACEMENT CHARACTER}b"], id="bytes that are no text"),
    ],
)
def test_a_secret_is_not_told(given: list[str], told: list[str]) -> None:
    assert argv.told(given) == (tuple(told), False)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(["pytest", "-q", "tests/test_tokens.py"], id="a file name"),
        pytest.param(["--passes", "3"], id="a word that begins alike"),
        pytest.param(["--no-password-check", "x"], id="a word that goes on"),
        pytest.param(["git", "log", "--author=ada"], id="an author"),
        pytest.param(["git@example.org:parser.git"], id="an address without a password"),
        pytest.param(["a=b", "ski-mask", "ghp_short"], id="plain words"),
    ],
)
def test_what_is_no_secret_stays(given: list[str]) -> None:
    assert argv.told(given) == (tuple(given), False)


def test_what_is_too_long_is_cut_and_that_is_said() -> None:
    assert argv.told(["a"] * 65) == (("a",) * 64, True)
    assert argv.told(["ä" * 300]) == (("ä" * 256,), True)
    assert argv.told(["a" * 511 + "ä"]) == (("a" * 511,), True)

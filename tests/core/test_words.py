"""The list of words: the published one, and bits in and out of it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.core import words

DIGEST = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"


def test_the_list_is_the_published_file() -> None:
    file = "".join(f"{word}\n" for word in words.english())
    assert hashlib.sha256(file.encode()).hexdigest() == DIGEST


def test_four_letters_name_a_word() -> None:
    listed = words.english()
    assert len(listed) == 2048 == len({word[:4] for word in listed})
    assert list(listed) == sorted(listed)


@given(st.integers(1, 24), st.integers(0, 2**264 - 1))
def test_a_number_comes_back_from_its_words(count: int, number: int) -> None:
    number %= 2 ** (11 * count)
    spelt = words.spell(number, count)
    assert len(spelt) == count
    back = 0
    for word in spelt:
        place = words.position(word)
        assert place is not None
        back = back << 11 | place
    assert back == number


@pytest.mark.parametrize("number", [-1, 2**22])
def test_a_number_of_too_many_bits_is_our_own_mistake(number: int) -> None:
    assert words.spell(2**22 - 1, 2) == ["zoo", "zoo"]
    with pytest.raises(AssertionError):
        words.spell(number, 2)


def test_other_words_have_no_place() -> None:
    assert words.position("abandon") == 0
    assert words.position("zoo") == 2047
    assert words.position("envoy") is None

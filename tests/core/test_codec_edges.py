"""The edges of the codec: the last number that is one, the last head that begins what it begins."""

from __future__ import annotations

from typing import Any

import pytest

from codecbodies import AnyInt, Count, OneInt, Pairs
from envoy.core import codec
from envoy.core.codec import I63
from envoy.core.structs import Body
from envoy.errors import RemoteFault

ARRAYS = {*range(0x90, 0xA0), 0xDC, 0xDD}
BEYOND = b"\xcf\x80" + bytes(7)  # 2**63
LAST = b"\xcf\x7f" + b"\xff" * 7  # 2**63 - 1


@pytest.mark.parametrize("kind", [Count, OneInt, AnyInt])
def test_the_greatest_number_is_taken_and_the_next_is_not(kind: type[Body]) -> None:
    assert codec.decode(b"\x91" + LAST, kind) == kind(2**63 - 1)
    with pytest.raises(RemoteFault):
        codec.decode(b"\x91" + BEYOND, kind)


@pytest.mark.parametrize("head", sorted(set(range(256)) - ARRAYS))
def test_nothing_but_an_array_has_a_first_element(head: int) -> None:
    assert codec.peek_first(bytes([head, 1, 1, 1, 1, 1, 1])) is None


@pytest.mark.parametrize("head", [0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xC0, 0xC3, 0xDF, 0xE0, 0xFF])
def test_the_first_element_is_a_number_a_text_or_nothing_that_counts(head: int) -> None:
    found = codec.peek_first(bytes([0x91, head]) + b"a" * 40)
    wanted = {0x7F: 0x7F, 0xA0: "", 0xE0: -32, 0xFF: -1}
    assert found == wanted.get(head)


def test_a_tuple_without_a_name_is_decoded_by_its_type() -> None:
    kind: Any = tuple[I63, I63, I63]
    assert codec.decode(b"\x93\x01\x02\x03", kind) == (1, 2, 3)
    with pytest.raises(RemoteFault):
        codec.decode(b"\x92\x01\x02", kind)


@pytest.mark.parametrize("key", ["\x01", "A", "XX", "a"])
def test_any_key_but_an_empty_one_may_be_the_first(key: str) -> None:
    data = codec.encode(Pairs(((key, 1),)))
    assert codec.decode(data, Pairs).value == ((key, 1),)
    with pytest.raises(RemoteFault):
        codec.decode(b"\x91\x91\x92\xa0\x01", Pairs)

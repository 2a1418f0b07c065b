"""Heads: what two programs could read in two ways is refused; what clients send is read."""

from __future__ import annotations

from random import Random

import h11
import pytest

from envoy.relay import heads
from envoy.relay.heads import Head, Refused

FIRST = "POST /v1/push HTTP/1.1"
HOST = "Host: relay.example"


def read(*lines: str) -> Head:
    """Return the head of these lines."""
    return heads.read("\r\n".join(lines).encode("latin-1"))


def test_a_plain_head_says_what_it_says() -> None:
    found = read(FIRST, "HOST:relay.example", "Content-Length: 12", "X-Two: a\tb \xe9 \t")
    assert (found.method, found.target, found.version) == ("POST", b"/v1/push", "1.1")
    assert found.headers == [
        (b"host", b"relay.example"), (b"content-length", b"12"), (b"x-two", b"a\tb \xe9"),
    ]  # fmt: skip
    assert (found.length, found.is_last, found.upgrade, found.expects) == (12, False, b"", False)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([FIRST, HOST, "Content-Length: 0"], id="a call (the control)"),
        pytest.param(["GET / HTTP/1.0"], id="an old client without a host (a control)"),
        pytest.param(["GET /%00?a=b#c HTTP/1.1", HOST], id="a path that nobody has (a control)"),
        pytest.param([FIRST, HOST, "X:"], id="a header without a value (a control)"),
        pytest.param([FIRST, HOST, *["X: 1"] * 63], id="as many headers as may be (a control)"),
    ],
)
def test_what_clients_send_is_read(lines: list[str]) -> None:
    assert read(*lines).length == 0


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([FIRST, HOST, "Content-Length: 5", "Content-Length: 5"], id="a length twice"),
        pytest.param([FIRST, HOST, "Content-Length: 5", "Content-Length: 6"], id="two lengths"),
        pytest.param([FIRST, HOST, "Content-Length: 5, 5"], id="a list of lengths"),
        pytest.param([FIRST, HOST, "Content-Length: +5"], id="a length with a sign"),
        pytest.param([FIRST, HOST, "Content-Length: 0x5"], id="a length in hex"),
        pytest.param([FIRST, HOST, "Content-Length: 5 5"], id="a length with a blank"),
        pytest.param([FIRST, HOST, "Content-Length:"], id="an empty length"),
        pytest.param([FIRST, HOST, "Content-Length: " + "9" * 20], id="an endless length"),
        pytest.param([FIRST, HOST, "Content-Length: \xb2"], id="a digit that is none"),
        pytest.param(
            [FIRST, HOST, "Content-Length: 5", "Transfer-Encoding: chunked"],
            id="a length and chunks",
        ),
        pytest.param(
            [FIRST, HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
            id="two encodings",
        ),
        pytest.param(
            ["POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked"], id="chunks of an old client"
        ),
        pytest.param([FIRST, HOST, "Transfer-Encoding : chunked"], id="a blank before a colon"),
        pytest.param([FIRST, HOST, "X: a", " b"], id="a folded line"),
        pytest.param([FIRST, HOST, "X: a", "\tb"], id="a folded line with a tab"),
        pytest.param([FIRST, " Host: relay.example"], id="a blank before the first name"),
        pytest.param([FIRST, HOST, "X: a\nContent-Length: 5"], id="a line feed alone"),
        pytest.param([FIRST, HOST, "X: a\rContent-Length: 5"], id="a carriage return alone"),
        pytest.param([FIRST + "\n" + HOST, "Content-Length: 0"], id="a first line so ended"),
        pytest.param([FIRST, HOST, "X: a\0"], id="a zero"),
        pytest.param([FIRST, HOST, "X: a\x7f"], id="a control character"),
        pytest.param([FIRST, HOST, "X"], id="no colon"),
        pytest.param([FIRST, HOST, ": a"], id="no name"),
        pytest.param([FIRST, HOST, "X(y): a"], id="a name that is no token"),
        pytest.param([FIRST, HOST, "\xd7: a"], id="a name beyond ASCII"),
        pytest.param([FIRST, HOST, ""], id="an empty line"),
        pytest.param([FIRST], id="no host"),
        pytest.param([FIRST, HOST, "Host: other.example"], id="two hosts"),
        pytest.param(["", FIRST, HOST], id="an empty line before it"),
        pytest.param(["POST  /v1/push HTTP/1.1", HOST], id="two blanks"),
        pytest.param(["POST /v1/push HTTP/1.1 ", HOST], id="a blank at the end"),
        pytest.param(["POST /v1/push", HOST], id="no version"),
        pytest.param(["POST /v1/push HTTP/1.2", HOST], id="another version"),
        pytest.param(["PRI * HTTP/2.0"], id="the next protocol"),
        pytest.param(["post /v1/push HTTP/1.1", HOST], id="a method in small letters"),
        pytest.param(["POST /v1/p\xfcsh HTTP/1.1", HOST], id="a path beyond ASCII"),
        pytest.param(["GET /" + "a" * 8192 + " HTTP/1.1", HOST], id="a huge path"),
        pytest.param(["M" * 33 + " / HTTP/1.1", HOST], id="a huge method"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(lines: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        read(*lines)
    assert caught.value.status == heads.MALFORMED


FIRSTS = (
    FIRST, "GET / HTTP/1.0", "GET /a?b#c HTTP/1.1", "POST  / HTTP/1.1", "GET / HTTP/1.1 ",
    "GET\t/ HTTP/1.1", "get / HTTP/1.1", "GET / HTTP/2.0", "GET /\x80 HTTP/1.1", "GET /",
)  # fmt: skip
NAMES = (
    "Host", "Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING",
    "Content_Length", "Connection", "Upgrade", "Expect", " X", "X\0", "X(", "X-\xff",
)  # fmt: skip
COLONS = (":", ": ", ":\t", " : ", "\t:", ":\x0b", ":\xa0", ":\0", "\r: ", ":\n", "")
VALUES = (
    "", "0", "5", "05", "+5", "-5", "5,5", "5, 5", "0x5", "5\t", "\x0b5", "5\x0c", "5\xa0", "\xb2",
    "9" * 19, "9" * 20, "chunked", "\tchunked ", "identity, chunked", "close", "a\rb", "a\nb",
)  # fmt: skip
MUCH = 1000
ENDS = ("\n", "\r", "\r\r\n", "\n\r\n", "\r\n ", "\r\n\t")


def odd(dice: Random) -> bytes:
    """Return the lines of a head with some odd part in most of them."""

    def drawn(*kinds: tuple[str, ...]) -> str:
        return "".join(dice.choice(one[: 2 + 20 * (dice.random() < 0.3)]) for one in kinds)

    lines = ["Host: x"] * (dice.random() < 0.9)
    lines += [dice.choice(NAMES) + drawn(COLONS, VALUES) for _ in range(dice.randrange(4))]
    dice.shuffle(lines)
    ends = [dice.choice(ENDS) if dice.random() < 0.05 else "\r\n" for _ in lines]
    both = drawn(FIRSTS) + "".join(end + line for end, line in zip(ends, lines, strict=True))
    return both.encode("latin-1").partition(heads.END)[0]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_another_reader_reads_the_same(seed: int) -> None:
    """Of two that read one stream none sees another request; h11 stands for who is in front."""
    dice, count = Random(seed), 0
    for _ in range(2_000):
        lines = odd(dice)
        try:
            mine = heads.read(lines)
        except Refused:
            continue
        if b"transfer-encoding" in dict(mine.headers):
            assert mine.is_last  # what comes behind it is nobody's request
            continue
        if mine.length > MUCH:
            continue
        other = h11.Connection(h11.SERVER)
        other.receive_data(lines + heads.END + bytes(mine.length))
        found = [other.next_event() for _ in range(2 + bool(mine.length))]
        assert isinstance(found[0], h11.Request) and isinstance(found[-1], h11.EndOfMessage)
        assert other.trailing_data == (b"", False)
        assert (found[0].method, found[0].target) == (mine.method.encode(), mine.target)
        lengths = {b"content-length"}  # which that one writes anew
        assert [one for one in found[0].headers if one[0] not in lengths] == [
            one for one in mine.headers if one[0] not in lengths
        ]
        count += 1
    assert count > 100


def test_more_headers_than_any_client_has_are_too_large() -> None:
    with pytest.raises(Refused) as caught:
        read(FIRST, HOST, *["X: 1"] * heads.HEADERS_MAX)
    assert caught.value.status == heads.TOO_LARGE


@pytest.mark.parametrize(
    ("lines", "is_last"),
    [
        pytest.param([HOST], False, id="goes on"),
        pytest.param([HOST, "Connection: keep-alive"], False, id="says that it goes on"),
        pytest.param([HOST, "Connection: x, Close"], True, id="says that it ends"),
        pytest.param([HOST, "Connection: close", "Connection: x"], True, id="says so before"),
        pytest.param([HOST, "Transfer-Encoding: chunked"], True, id="chunks, which nobody reads"),
    ],
)
def test_whether_another_request_comes(lines: list[str], *, is_last: bool) -> None:
    assert read(FIRST, *lines).is_last is is_last
    assert read("GET / HTTP/1.0").is_last


def test_an_upgrade_is_one_where_the_connection_says_so() -> None:
    assert read(FIRST, HOST, "Connection: a, Upgrade", "Upgrade: WebSocket").upgrade == b"websocket"
    assert read(FIRST, HOST, "Upgrade: websocket").upgrade == b""


def test_who_waits_to_be_told_to_send() -> None:
    assert read(FIRST, HOST, "Expect: 100-Continue").expects
    assert not read("POST / HTTP/1.0", "Expect: 100-continue").expects


@pytest.mark.parametrize(
    ("data", "can"),
    [(b"", True), (b"P", True), (b"\x16\x03", False), (b"\r\n", False), (b"p", False)],
)
def test_what_no_head_begins_with_is_not_waited_for(data: bytes, *, can: bool) -> None:
    assert heads.can_begin(data) is can

"""Recon: which frames two holders lack of each other, found in few and small messages.

Ids are sorted as bytes and cut into ranges; equal ranges have equal fingerprints and are done, an
unequal one is cut into smaller ones until it is short enough to be listed. A hundred frames that
are missing of ten thousand take three answers. Who is asked keeps nothing between messages, so a
relay can serve anybody; who asks is bounded in messages and in what it notes, so a hub that lies
costs no more than that.

Laws: no id is believed to exist because it was listed: it is asked for, and judged as it comes.
What was not named is not taken as lost.

Specification: docs/spec/recon.md. Test vectors: tests/vectors/recon.json.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from envoy import limits
from envoy.core.codec import I63, decode, encode, refuse_unless
from envoy.core.crypto import sign
from envoy.core.structs import Body
from envoy.sync.frames import SUM_MODULUS

EQUAL, FINGERPRINT, LIST = 0, 1, 2
ID_BYTES: Final = 32
_PRINT_BYTES: Final = 16
_SPLIT: Final = 16
# Beside its payload a range has a bound and the heads of its parts.
_RANGE_BYTES: Final = ID_BYTES + 8
# What stands behind the last range that was counted: a fingerprint, and the head of the message.
_ROOM: Final = 2 * _RANGE_BYTES
_RANGES: Final = limits.RECON_RANGES_MAX - 1


class Range(Body, frozen=True):
    """The ids from the range before it up to ``hi``, nil for the end, and what is said of them."""

    hi: bytes | None
    mode: I63
    payload: bytes

    def check(self) -> None:
        """Refuse another mode, a bound or a payload of another size, a second form of a bound."""
        refuse_unless(self.hi is None or (1 <= len(self.hi) <= ID_BYTES and self.hi[-1] != 0))
        match self.mode:
            case 0:
                refuse_unless(not self.payload)
            case 1:
                refuse_unless(len(self.payload) == _PRINT_BYTES)
            case 2:
                count, rest = divmod(len(self.payload), ID_BYTES)
                refuse_unless(not rest and count <= limits.RECON_LIST_MAX)
            case _:
                refuse_unless(False)

    @property
    def ids(self) -> list[bytes]:
        """Return the ids of a list."""
        starts = range(0, len(self.payload), ID_BYTES)
        return [self.payload[at : at + ID_BYTES] for at in starts]


class Ids:
    """A set of frame ids, in which the fingerprint of any range costs two look-ups."""

    def __init__(self, ids: Sequence[bytes]) -> None:
        """``ids``: ascending, none twice."""
        self.ids = ids
        numbers = (int.from_bytes(one, "little") for one in ids)
        self._sums = list(accumulate(numbers, initial=0))

    def place(self, bound: bytes | None) -> int:
        """Return how many ids are below ``bound``; None is the end."""
        return len(self.ids) if bound is None else bisect_left(self.ids, bound)

    def fingerprint(self, start: int, stop: int) -> bytes:
        """Return the fingerprint, 16 bytes, of the ids at ``start`` up to ``stop``."""
        total = (self._sums[stop] - self._sums[start]) % SUM_MODULUS
        count = (stop - start).to_bytes(8)
        return sign.tagged("rbsr", total.to_bytes(32, "little"), count)[:_PRINT_BYTES]

    def describe(self, start: int, stop: int, hi: bytes | None) -> list[Range]:
        """Return the ids at ``start`` up to ``stop``, whose range ends at ``hi``, as ranges."""
        if stop - start <= limits.RECON_LIST_MAX:
            return [Range(hi, LIST, b"".join(self.ids[start:stop]))]
        cuts = [start + (stop - start) * part // _SPLIT for part in range(_SPLIT + 1)]
        bounds = [separator(self.ids[cut - 1], self.ids[cut]) for cut in cuts[1:-1]]
        return [
            Range(bound, FINGERPRINT, self.fingerprint(low, high))
            for bound, low, high in zip([*bounds, hi], cuts, cuts[1:], strict=False)
        ]


def separator(low: bytes, high: bytes) -> bytes:
    """Return the shortest prefix of ``high`` that is greater than ``low``, which is less.

    Its last byte is greater than one of ``low`` and so never 0.
    """
    for at in range(ID_BYTES):
        if low[at] != high[at]:
            return high[: at + 1]
    raise AssertionError("ids of a set differ")


def read(message: bytes) -> tuple[Range, ...]:
    """Return the ranges of ``message``.

    Raises RemoteFault(malformed, non_canonical) for what is no message, ranges that do not adjoin,
    and lists that are unsorted or leave their range.
    """
    refuse_unless(len(message) <= limits.RECON_BYTES_MAX)
    ranges = decode(message, tuple[Range, ...])
    refuse_unless(1 <= len(ranges) <= limits.RECON_RANGES_MAX and ranges[-1].hi is None)
    low = b""
    for one in ranges:
        is_last = one is ranges[-1]
        refuse_unless(is_last or (one.hi is not None and low < one.hi))
        if one.mode == LIST:
            ids = one.ids
            refuse_unless(ids == sorted(set(ids)))
            refuse_unless(not ids or (low <= ids[0] and (one.hi is None or ids[-1] < one.hi)))
        low = one.hi or low
    return ranges


def answer(mine: Ids, message: bytes) -> bytes:
    """Return what a holder of ``mine`` answers to ``message``. Raises RemoteFault as ``read``."""
    return _reply(mine, read(message), None)


class Asker:
    """One run of who asks. ``lacks`` and ``beside`` are what was found so far: ids."""

    def __init__(self, mine: Ids) -> None:
        self._mine = mine
        self._left = limits.RECON_MESSAGES_MAX
        self.lacks = set[bytes]()
        self.beside = set[bytes]()

    def begin(self) -> bytes:
        """Return the first message: one fingerprint over everything."""
        whole = self._mine.fingerprint(0, len(self._mine.ids))
        return encode((Range(None, FINGERPRINT, whole),))

    def take(self, reply: bytes) -> bytes | None:
        """Take in an answer and return the next message, None when it is over.

        Raises RemoteFault as ``read``, and ``malformed`` for one who never comes to an end.
        """
        self._left -= 1
        refuse_unless(self._left)
        ranges = read(reply)
        found = _reply(self._mine, ranges, self)
        done = all(one.mode == EQUAL for one in decode(found, tuple[Range, ...]))
        return None if done or len(self.lacks) >= limits.RECON_IDS_MAX else found

    def note(self, theirs: Sequence[bytes], own: Sequence[bytes]) -> None:
        """Note what a list shows: ids of a range that the other has, and those that are here."""
        self.lacks.update(set(theirs).difference(own))
        self.beside.update(set(own).difference(theirs))


def _reply(mine: Ids, ranges: Sequence[Range], asker: Asker | None) -> bytes:
    """Return the message that answers ``ranges``; ``asker`` notes lists in place of answering."""
    out, size, start = list[Range](), 0, 0
    for one in ranges:
        stop = mine.place(one.hi)
        said = _answer_to(mine, one, (start, stop), asker)
        size += sum(len(part.payload) + _RANGE_BYTES for part in said)
        if size > limits.RECON_BYTES_MAX - _ROOM or len(out) + len(said) >= _RANGES:
            rest = mine.fingerprint(start, len(mine.ids))
            out.append(Range(None, FINGERPRINT, rest))
            break
        if out and out[-1].mode == EQUAL and said[0].mode == EQUAL:
            out.pop()
        out += said
        start = stop
    return encode(tuple(out))


def _answer_to(mine: Ids, one: Range, place: tuple[int, int], asker: Asker | None) -> list[Range]:
    """Return what is said to one range, whose ids here are those at ``place``."""
    start, stop = place
    equal = [Range(one.hi, EQUAL, b"")]
    if one.mode == EQUAL or (
        one.mode == FINGERPRINT and one.payload == mine.fingerprint(start, stop)
    ):
        return equal
    if one.mode == LIST:
        own = mine.ids[start:stop]
        if asker is not None:
            asker.note(one.ids, own)
            return equal
        if b"".join(own) == one.payload:
            return equal
    return mine.describe(start, stop, one.hi)

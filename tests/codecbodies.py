"""Bodies of the tests of the codec: one for each thing that a field can be."""

from __future__ import annotations

from envoy.core import codec
from envoy.core.codec import B16, B24, B32, B64, I63, I64, EncKey, Open
from envoy.core.structs import Body


class Sample(Body, frozen=True):
    """A structure with a field of every type."""

    v: I63
    flag: bool
    key: B32
    name: str
    prev: B32 | None
    list: tuple[I64, ...]
    body: bytes


class OneInt(Body, frozen=True):
    """One int of 64 bits."""

    value: I64


class AnyInt(Body, frozen=True):
    """One int whose type says no bounds."""

    value: int


class Count(Body, frozen=True):
    """One int that is never negative."""

    value: I63


class OneStr(Body, frozen=True):
    """One text."""

    value: str


class OneBin(Body, frozen=True):
    """One bin of any length."""

    value: bytes


class OneKey(Body, frozen=True):
    """One bin of 32 bytes."""

    value: B32


class OneBool(Body, frozen=True):
    """One bool."""

    value: bool


class Nothing(Body, frozen=True):
    """One nil."""

    value: None


class Ints(Body, frozen=True):
    """One array of ints."""

    value: tuple[I64, ...]


class Strs(Body, frozen=True):
    """One array of texts."""

    value: tuple[str, ...]


class Pairs(Body, frozen=True):
    """One open-ended part."""

    value: Open


class Sized(Body, frozen=True):
    """The other bins of fixed size."""

    b16: B16
    b24: B24
    b64: B64
    enc: EncKey


class Even(Body, frozen=True):
    """A body with a rule that types cannot say."""

    value: I64

    def check(self) -> None:
        """Refuse odd numbers."""
        codec.refuse_unless(self.value % 2 == 0)


class Nested(Body, frozen=True):
    """Bodies within a body."""

    first: Even
    rest: tuple[Even, ...]
    last: Even | None

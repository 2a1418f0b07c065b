"""Structs: the two bases of every typed value that is not a row of the read path.

They stand apart from ``core.codec`` so that a reducer can have typed values and still see no
bytes. A dataclass would do the same and cost every command ten times the start-up time of a
Struct, so floors 0 to 5 have none (tests/perf holds that).

Law: a Body has no default and no field of type float, dict or Any. A default would let a short
array decode, the others would let in what the codec has no one form for. Texts are bounded in
``check``, in bytes: msgspec would count characters. tests/core/test_structs asks every Body.

Specification: docs/spec/codec.md.
"""

from __future__ import annotations

import msgspec

replace = msgspec.structs.replace


class Body(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A structure of the wire: an array of all its fields in the order of the spec's table.

    ``core.codec.decode`` calls ``check`` on every Body it read, nested ones too, after the types
    of its fields are known to be right. An author's own Body is not checked when it is made: who
    signs one decodes first what is about to be signed.
    """

    def check(self) -> None:
        """Raise RemoteFault("malformed") where a rule is broken that types cannot say."""


class State(msgspec.Struct, frozen=True):
    """What a fold keeps. It never leaves the process: rows and pages do."""

"""Write tests/vectors/codec.json: values in their one form, then one broken rule each.

Good bytes come from tests/oracle/messagepack.py, bad ones are written by hand, so nothing of envoy
says what is right. An input is ``hex``, then ``repeat.hex`` as often as ``repeat.times`` says; its
``type`` is a row of the table in docs/spec/codec.md, section Vectors. What is expected is the list
of fields: {"int": decimal}, {"bin": hex}, {"str": text}, lists, nil and bools as in JSON, or
{"size": n} for the one field of a vector about widths.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import messagepack

TARGET = Path(__file__).with_name("codec.json")

KEY = bytes(range(32))
SAMPLE: dict[str, object] = {
    "v": 1,
    "flag": True,
    "key": KEY,
    "name": "lead",
    "prev": None,
    "list": [0, -1],
    "body": b"\xc1",
}
OTHERS: dict[str, object] = {
    "nil": None,
    "a bool": False,
    "an int": 5,
    "a bin": KEY,
    "a str": "five",
    "an array": [5],
}
FITS = {"v": "an int", "flag": "a bool", "key": "a bin", "name": "a str", "body": "a bin"}
INT_EDGES = [0, 2**7, 2**8, 2**16, 2**31, 2**32]


def one(kind: str, value: str, **more: object) -> dict[str, object]:
    """Return an input of a structure of one field, whose encoding is ``value`` in hex."""
    return {"type": kind, "hex": "91" + value, **more}


def shown(value: object) -> object:
    """Return ``value`` as vectors write it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, str):
        return {"str": value}
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    assert isinstance(value, list)
    return [shown(item) for item in value]


def good() -> list[dict[str, object]]:
    """Return vectors that must be read."""
    edges = sorted({edge - step for edge in INT_EDGES for step in (0, 1)} | {2**63 - 1})
    below = (-1, -32, -33, -(2**7), -(2**7) - 1, -(2**15), -(2**15) - 1, -(2**31))
    edges = sorted({*(edge for edge in edges if edge >= 0), *below, -(2**31) - 1, -(2**63)})
    values: dict[str, tuple[str, object]] = {
        **{f"int {number}": ("int", number) for number in edges},
        "empty str": ("str", ""),
        "empty bin": ("bin", b""),
        "empty array": ("ints", []),
        "text of every width of UTF-8": ("str", "a\u00e9\u20ac\U0001f600"),
        "text in NFD is not judged": ("str", "e\u0301"),
        "text of the last code point": ("str", "\U0010ffff"),
        "no open-ended pairs": ("open", []),
        "open-ended pairs of every type": (
            "open",
            [["a", None], ["b", True], ["c", -1], ["d", ""], ["e", ["x", "y"]], ["f", []]],
        ),
        "keys ascend by bytes of UTF-8, not by UTF-16": (
            "open",
            [["gate", 1], ["gate.reviews", 2], ["\uffee", 3], ["\U0001f600", 4]],
        ),
        "open-ended key of 64 bytes": ("open", [["k" * 64, 1]]),
        "a body of any bytes is a bin": ("bin", b"\xc1\xff\x91"),
    }
    vectors: list[dict[str, object]] = [
        {
            "name": "every type of field",
            "input": {"type": "sample", "hex": messagepack.write(list(SAMPLE.values())).hex()},
            "expect": [shown(value) for value in SAMPLE.values()],
        }
    ]
    vectors += [
        {
            "name": name,
            "input": one(kind, messagepack.write(value).hex()),
            "expect": [shown(value)],
        }
        for name, (kind, value) in values.items()
    ]
    return vectors + widths()


def widths() -> list[dict[str, object]]:
    """Return vectors on both sides of every width of a head."""
    rows: list[dict[str, object]] = []
    for kind, item, sizes in (
        ("str", "61", (31, 32, 255, 256, 65535, 65536)),
        ("bin", "00", (255, 256, 65535, 65536)),
        ("ints", "07", (15, 16, 65535, 65536)),
    ):
        for size in sizes:
            empty: dict[str, object] = {"str": "a" * size, "bin": bytes(size), "ints": [7] * size}
            head = messagepack.write(empty[kind]).hex()[: -2 * size]
            given = one(kind, head, repeat={"hex": item, "times": size})
            rows.append({"name": f"{kind} of {size}", "input": given, "expect": [{"size": size}]})
    return rows


def non_canonical() -> list[dict[str, object]]:
    """Return values in another form than their one encoding."""
    rows = [(name, one(kind, value)) for name, (kind, value) in NON_CANONICAL.items()]
    rows.append(("the structure itself with a long head", {"type": "int", "hex": "dc000105"}))
    return [{"name": name, "input": given, "code": "non_canonical"} for name, given in rows]


# Name -> type, and the bytes that are not the one form of its value.
NON_CANONICAL = {
    "0 in two bytes": ("int", "cc00"),
    "127 in two bytes": ("int", "cc7f"),
    "128 in three bytes": ("int", "cd0080"),
    "255 in three bytes": ("int", "cd00ff"),
    "256 in five bytes": ("int", "ce00000100"),
    "65535 in five bytes": ("int", "ce0000ffff"),
    "65536 in nine bytes": ("int", "cf0000000000010000"),
    "0 in the signed form": ("int", "d000"),
    "127 in the signed form": ("int", "d07f"),
    "128 in the signed form": ("int", "d10080"),
    "32768 in the signed form": ("int", "d200008000"),
    "2147483648 in the signed form": ("int", "d30000000080000000"),
    "-1 in two bytes": ("int", "d0ff"),
    "-32 in two bytes": ("int", "d0e0"),
    "-33 in three bytes": ("int", "d1ffdf"),
    "-129 in five bytes": ("int", "d2ffffff7f"),
    "-32769 in nine bytes": ("int", "d3ffffffffffff7fff"),
    "str of 1 with the head of 32": ("str", "d90161"),
    "str of 1 with the head of 256": ("str", "da000161"),
    "str of 1 with the head of 65536": ("str", "db0000000161"),
    "empty str with a long head": ("str", "d900"),
    "bin of 1 with the head of 256": ("bin", "c5000101"),
    "bin of 1 with the head of 65536": ("bin", "c60000000101"),
    "array of 1 with the head of 16": ("ints", "dc000107"),
    "array of 1 with the head of 65536": ("ints", "dd0000000107"),
    "a long int within open-ended pairs": ("open", "9192a161cc05"),
    "a long head within an array": ("strs", "91d90161"),
}


# Name -> type, and the bytes that are no value of it.
MALFORMED = {
    "int 2**63": ("int", "cf8000000000000000"),
    "int 2**64 - 1": ("int", "cfffffffffffffffff"),
    "int 2**63 where the type has no bounds": ("any int", "cf8000000000000000"),
    "int -1 where none is negative": ("count", "ff"),
    "int 2**63 within open-ended pairs": ("open", "9192a161cf8000000000000000"),
    "float32": ("int", "ca3f800000"),
    "float64": ("int", "cb3ff0000000000000"),
    "NaN": ("int", "cb7ff8000000000000"),
    "minus zero": ("int", "cb8000000000000000"),
    "float64 within open-ended pairs": ("open", "9192a161cb3ff0000000000000"),
    "fixext": ("bin", "d40100"),
    "ext": ("bin", "c7010100"),
    "timestamp": ("int", "d6ff00000000"),
    "map": ("ints", "80"),
    "map within open-ended pairs": ("open", "9192a16180"),
    "the byte c1": ("int", "c1"),
    "bytes ff in a str": ("str", "a1ff"),
    "overlong UTF-8": ("str", "a2c0af"),
    "a surrogate in UTF-8": ("str", "a3eda080"),
    "beyond the last code point": ("str", "a4f4908080"),
    "UTF-8 cut short": ("str", "a2e282"),
    "U+0000 as a text": ("str", "a100"),
    "U+0000 amid a text": ("str", "a3610062"),
    "U+0000 in an array": ("strs", "91a100"),
    "U+0000 in an open-ended key": ("open", "9192a100c0"),
    "U+0000 in an open-ended text": ("open", "9192a161a100"),
    "U+0000 in an open-ended array": ("open", "9192a16191a100"),
    "bin of 31 where 32 must be": ("b32", "c41f" + "00" * 31),
    "bin of 33 where 32 must be": ("b32", "c421" + "00" * 33),
    "a trailing byte": ("int", "05c0"),
    "a field cut off": ("int", ""),
    "an int cut short": ("int", "cd01"),
    "a str cut short": ("str", "a261"),
    "a bin cut short": ("bin", "c40200"),
    "an array cut short": ("ints", "9207"),
    "a str said to have 2**32 - 1 bytes": ("str", "dbffffffff61"),
    "a bin said to have 2**32 - 1 bytes": ("bin", "c6ffffffff00"),
    "an array said to have 2**32 - 1 items": ("ints", "ddffffffff07"),
    "open-ended keys out of order": ("open", "9292a162c092a161c0"),
    "an open-ended key repeated": ("open", "9292a161c092a161c0"),
    "an empty open-ended key": ("open", "9192a0c0"),
    "an open-ended key of 65 bytes": ("open", "9192d941" + "61" * 65 + "c0"),
    "an open-ended key of 33 characters, 66 bytes": ("open", "9192d942" + "c3a9" * 33 + "c0"),
    "an open-ended key that is no str": ("open", "919205c0"),
    "an open-ended value that is a bin": ("open", "9192a161c400"),
    "an open-ended value that is nested": ("open", "9192a1619191a162"),
    "an open-ended array of ints": ("open", "9192a1619105"),
    "an open-ended pair of three": ("open", "9193a161c0c0"),
    "an open-ended key alone": ("open", "9191a161"),
}


def malformed() -> list[dict[str, object]]:
    """Return bytes that are no value, or no value of the type."""
    rows = [(name, one(kind, value)) for name, (kind, value) in MALFORMED.items()]
    deep = {"hex": "91", "times": 1_000_000}
    rows += [
        (f"nesting of a million in {where}", one(kind, head, repeat=deep))
        for where, kind, head in (
            ("an int", "int", ""),
            ("an array", "ints", ""),
            ("open-ended pairs", "open", ""),
            ("an open-ended value", "open", "9192a161"),
            ("an element too many", "int", "05"),
        )
    ]
    rows += [
        ("no bytes at all", {"type": "int", "hex": ""}),
        ("an int in place of the structure", {"type": "int", "hex": "05"}),
        ("a map in place of the structure", {"type": "int", "hex": "81a0" + "05"}),
        ("a structure said to have 2**32 - 1 fields", {"type": "int", "hex": "ddffffffff05"}),
        *sample_rows(),
    ]
    return [{"name": name, "input": given, "code": "malformed"} for name, given in rows]


def sample_rows() -> list[tuple[str, dict[str, object]]]:
    """Return the sample with one field missing, added, or of another type."""
    names = list(SAMPLE)
    changed: dict[str, list[object]] = {
        f"{name} missing": [SAMPLE[other] for other in names if other != name] for name in names
    }
    changed["an element too many"] = [*SAMPLE.values(), None]
    changed["no elements"] = []
    for field in names:
        for other, value in OTHERS.items():
            fits = FITS.get(field) == other
            fits |= field == "prev" and other in ("nil", "a bin")
            fits |= field == "list" and other == "an array"
            if not fits:
                changed[f"{field} is {other}"] = list((SAMPLE | {field: value}).values())
    return [
        (name, {"type": "sample", "hex": messagepack.write(values).hex()})
        for name, values in changed.items()
    ]


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    return [*good(), *non_canonical(), *malformed()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

"""Write tests/vectors/ids.json: text forms of ids, in full and shortened.

Its own encoder is the standard library's base32, so that a slip in envoy.ids cannot agree with
itself. ``known`` in an input stands for the ids that a store holds; without it the id is in full.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

TARGET = Path(__file__).with_name("ids.json")

ZEROS, ONES = bytes(32), b"\xff" * 32
COUNT = bytes(range(32))
NEAR = COUNT[:-1] + b"\x20"  # differs from COUNT in the last byte alone


def text_of(prefix: str, raw: bytes) -> str:
    """Return the id as docs/spec/ids.md writes it."""
    return prefix + "_" + base64.b32encode(raw).decode().rstrip("=").lower()


def vectors() -> list[dict[str, object]]:
    """Return all vectors: good forms first, then one broken rule each."""
    task = text_of("task", COUNT)
    events = ["evt", "msg", "task", "rec", "inv", "grant"]
    good = [
        ("a task id in full", task, ["task"], None, COUNT),
        ("all zero bits", text_of("space", ZEROS), ["space"], None, ZEROS),
        ("all one bits", text_of("obj", ONES), ["obj"], None, ONES),
        ("upper case names the same id", task.upper(), ["task"], None, COUNT),
        ("another prefix of events names the same event", task, events, None, COUNT),
        ("six symbols are enough where one id has them", task[:11], ["task"], [COUNT, ONES], COUNT),
        ("51 symbols tell two neighbours apart by their last", task[:56], ["task"], [COUNT], COUNT),
        ("an id in full is never ambiguous", task, ["task"], [COUNT], COUNT),
    ]
    bad = [
        ("51 symbols are no id in full", task[:-1], ["task"], None, "invalid_argument"),
        ("53 symbols", task + "a", ["task"], None, "invalid_argument"),
        ("a spare bit of the last symbol is set", task[:-1] + "b", ["task"], None, ""),
        ("no symbols at all", "task_", ["task"], None, "invalid_argument"),
        ("a prefix that is not asked for", text_of("rec", COUNT), ["task"], None, ""),
        ("no prefix", task[5:], ["task"], None, "invalid_argument"),
        ("an unknown prefix", "job_" + task[5:], ["task"], None, "invalid_argument"),
        ("padding as in plain base32", task + "====", ["task"], None, "invalid_argument"),
        ("a dash for the low line", task.replace("_", "-"), ["task"], None, "invalid_argument"),
        ("a letter that only folds to ASCII", task.replace("k_", "\u212a_"), ["task"], None, ""),
        ("a blank behind it", task + " ", ["task"], None, "invalid_argument"),
        *(
            (f"the symbol {symbol}", task[:20] + symbol + task[21:], ["task"], None, "")
            for symbol in "0189"
        ),
        ("five symbols", task[:10], ["task"], [COUNT], "invalid_argument"),
        ("a short form of two ids", task[:11], ["task"], [COUNT, NEAR], "id_ambiguous"),
        ("a short form of no task", task[:11], ["task"], [ONES], "task_not_found"),
        ("a short form of no space", "space_" + task[5:11], ["space"], [], "space_not_found"),
        ("a short form of nothing else", "obj_" + task[5:11], ["obj"], [], "not_found"),
    ]
    return [
        *(
            entry(name, text, asked, known, expect=raw.hex())
            for name, text, asked, known, raw in good
        ),
        *(
            entry(name, text, asked, known, code=code or "invalid_argument")
            for name, text, asked, known, code in bad
        ),
    ]


def entry(
    name: str, text: str, asked: list[str], known: list[bytes] | None, **outcome: str
) -> dict[str, object]:
    """Return one vector as it stands in the file."""
    given: dict[str, object] = {"text": text, "prefixes": asked}
    if known is not None:
        given["known"] = [raw.hex() for raw in known]
    return {"name": name, "input": given, **outcome}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

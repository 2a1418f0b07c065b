"""Write tests/vectors/chain.json: small logs, and what becomes of each of their events.

Envelopes are made by ``oracle.events``. ``frames`` may arrive in any order; what is expected never
changes. Shapes: docs/spec/event.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from oracle import events
from oracle.events import Fields
from oracle.scene import (
    ENTROPY,
    FOUNDER_CHAIN,
    FOUNDER_SEED,
    GENESIS,
    MESSAGE,
    PLACE,
    SPACE,
    WRITER_SEED,
    fixed,
)

TARGET = Path(__file__).with_name("chain.json")
Vector = dict[str, object]
WRITER_CHAIN, SECOND_CHAIN = fixed("writer chain", 16), fixed("writer's second chain", 16)


class Made(NamedTuple):
    """An envelope, its id and what its successors ask of it."""

    envelope: bytes
    id: bytes
    seed: bytes
    fields: Fields

    @property
    def lam(self) -> int:
        """Return the lam that it states."""
        lam = self.fields["lam"]
        assert isinstance(lam, int)
        return lam


def made(fields: Fields, seed: bytes) -> Made:
    """Return ``fields`` as an event."""
    envelope = events.author(PLACE, seed, fields, ENTROPY)
    return Made(envelope, events.h("env", envelope), seed, fields)


def after(
    seed: bytes,
    chain: bytes,
    prev: Made | None,
    *deps: Made,
    text: str = "",
    lam: int | None = None,
) -> Made:
    """Return the event of ``seed`` that follows ``prev`` on ``chain`` and names ``deps``."""
    parents = deps if prev is None else (prev, *deps)
    seq = 0
    if prev is not None:
        before = prev.fields["seq"]
        assert isinstance(before, int)
        seq = before + 1
    fields: Fields = {
        **GENESIS,
        "author": events.public(seed),
        "chain": chain,
        "seq": seq,
        "prev": None if prev is None else prev.id,
        "deps": sorted(dep.id for dep in deps),
        "lam": 1 + max(parent.lam for parent in parents) if lam is None else lam,
        "kind": "message",
        "body": MESSAGE + text.encode(),
    }
    return made(fields, seed)


def forged(event: Made) -> Made:
    """Return ``event`` with a signature that is not its author's."""
    salt = events.kdf(ENTROPY, "salt", events.inner(event.fields | {"salt": bytes(24)}), length=24)
    raw = events.inner(event.fields | {"salt": salt})
    signature = events.sig(fixed("forger"), "event", raw)
    envelope = events.seal(PLACE, salt, events.pack(signature, raw))
    return Made(envelope, events.h("env", envelope), event.seed, event.fields)


FIRST = made(GENESIS, FOUNDER_SEED)


def log(
    name: str,
    frames: list[Made],
    *,
    waiting: list[Made] | None = None,
    refused: dict[str, Made] | None = None,
    heads: list[Made],
    forks: list[tuple[Made, Made]] | None = None,
) -> Vector:
    """Return one vector; all frames that neither wait nor are refused are accepted."""
    waits, fails = waiting or [], refused or {}
    away = {event.id for event in (*waits, *fails.values())}
    accepted = sorted(
        (event for event in frames if event.id not in away), key=lambda one: (one.lam, one.id)
    )
    pairs = [sorted((a.id.hex(), b.id.hex())) for a, b in forks or []]
    return {
        "name": name,
        "input": {
            "space": SPACE.hex(),
            "event_key": PLACE.key.hex(),
            "frames": [event.envelope.hex() for event in frames],
        },
        "expect": {
            "accepted": [event.id.hex() for event in accepted],
            "waiting": sorted(event.id.hex() for event in waits),
            "refused": {event.id.hex(): code for code, event in sorted(fails.items())},
            "heads": sorted(event.id.hex() for event in heads),
            "forks": sorted(pairs),
        },
    }


def vectors() -> list[Vector]:
    """Return all vectors."""
    founder = after(FOUNDER_SEED, FOUNDER_CHAIN, FIRST)
    joined = after(WRITER_SEED, WRITER_CHAIN, None, founder)
    next_one = after(WRITER_SEED, WRITER_CHAIN, joined)
    last = after(WRITER_SEED, WRITER_CHAIN, next_one)
    beside = after(FOUNDER_SEED, FOUNDER_CHAIN, founder)
    merged = after(FOUNDER_SEED, FOUNDER_CHAIN, beside, next_one)
    second = after(WRITER_SEED, SECOND_CHAIN, None, next_one)
    twins = [after(WRITER_SEED, WRITER_CHAIN, joined, text=text) for text in ("a", "b", "c")]
    twins.sort(key=lambda event: event.id)
    both = after(FOUNDER_SEED, FOUNDER_CHAIN, founder, *twins[:2])
    false = forged(next_one)
    behind_false = after(WRITER_SEED, WRITER_CHAIN, false)
    foreign = after(WRITER_SEED, WRITER_CHAIN, founder)
    behind_foreign = after(WRITER_SEED, WRITER_CHAIN, foreign)
    leap = after(WRITER_SEED, WRITER_CHAIN, joined, lam=40)
    base = [FIRST, founder, joined]
    return [
        log("one event", [FIRST], heads=[FIRST]),
        log("a chain", [*base, next_one, last], heads=[last]),
        log("two heads", [*base, next_one, beside], heads=[next_one, beside]),
        log("a merge", [*base, next_one, beside, merged], heads=[merged]),
        log("two chains of one author", [*base, next_one, last, second], heads=[last, second]),
        log("a fork", [*base, *twins[:2]], heads=twins[:2], forks=[(twins[0], twins[1])]),
        log(
            "a fork that somebody has read",
            [*base, *twins[:2], both],
            heads=[both],
            forks=[(twins[0], twins[1])],
        ),
        log(
            "three events in one place are proof with the least of them",
            [*base, *twins],
            heads=twins,
            forks=[(twins[0], twins[1]), (twins[0], twins[2])],
        ),
        log("a gap", [*base, last], waiting=[last], heads=[joined]),
        log("nothing without the genesis", [founder, joined], waiting=[founder, joined], heads=[]),
        log(
            "a bad signature amid a chain",
            [*base, false, behind_false, beside],
            waiting=[behind_false],
            refused={"bad_signature": false},
            heads=[joined, beside],
        ),
        log(
            "another author's event as prev",
            [*base, foreign, behind_foreign],
            waiting=[behind_foreign],
            refused={"bad_link": foreign},
            heads=[joined],
        ),
        log(
            "a leap of lam",
            [*base, leap, beside],
            refused={"bad_link": leap},
            heads=[joined, beside],
        ),
    ]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

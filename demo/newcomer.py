"""A newcomer: knows of the work what `work-record` and `history` say, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stage import Json

OPEN = ("mine", "blocked", "review", "ready", "active")


class Proof(NamedTuple):
    """A message that was named as evidence, as the history holds it."""

    name: str
    by: str
    body: str


class Done(NamedTuple):
    """A finished task."""

    task_id: str
    title: str
    by: str
    by_id: str
    evidence: tuple[Proof, ...]


class Waiting(NamedTuple):
    """A task that is not finished."""

    task_id: str
    title: str
    state: str
    holder_id: str | None


class Brief(NamedTuple):
    """What a newcomer can say."""

    done: tuple[Done, ...]
    waiting: tuple[Waiting, ...]
    is_complete: bool  # nothing was left out, nothing is unknown


def read(record: Json, history: Json) -> Brief:
    """Return what the two documents say, the oldest task first by id within its group."""
    rows = {symbols(row["event_id"]): row for row in history["records"]}
    tasks = record["tasks"]
    done = [finished(task, rows) for task in tasks["done"]]
    unique = {task["task_id"]: task for group in OPEN for task in tasks[group]}
    waiting = [
        Waiting(task["task_id"], task["title"], task["state"], task["assignee_id"])
        for task in unique.values()
    ]
    return Brief(
        done=tuple(sorted(done)),
        waiting=tuple(sorted(waiting)),
        is_complete=bool(record["bounds"]["complete"]),
    )


def finished(task: Json, rows: Mapping[str, Json]) -> Done:
    """Return a finished task with the messages that were named as its evidence."""
    proofs = [
        Proof(name, row["sender_name"], row["body"])
        for name in task["evidence"]
        if (row := rows.get(symbols(name))) is not None
    ]
    return Done(
        task["task_id"],
        task["title"],
        task["assignee_display"],
        task["assignee_id"],
        tuple(proofs),
    )


def symbols(text: str) -> str:
    """Return an id without its prefix: msg_, task_ and evt_ may name the same event."""
    return text.partition("_")[2]

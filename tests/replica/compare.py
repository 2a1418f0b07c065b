"""What two copies of a space must agree on, with the numbers of one replica taken out."""

from __future__ import annotations

from envoy.storage import schema
from replica.world import Actor

Row = tuple[object, ...]


def meaning(actor: Actor) -> dict[str, object]:
    """Return everything that follows from the events and receipts of a copy alone."""
    row, events, store = actor.space, actor.events, actor.store
    name = {an: did for an, did in actor.connection.rows(_pair, "SELECT an, did FROM actor", ())}
    entries = events.entries(row.sn, after=0, limit=1_000_000)
    grants, members = store.grants(row.sn), store.members(row.sn)
    return {
        "verdicts": {one.id: (one.status, one.cause, one.cause_by, one.fault) for one in entries},
        "entities": {one.id: one.entity for one in entries},
        "heads": [one.id for one in events.heads(row.sn, citable=False)],
        "citable": [one.id for one in events.heads(row.sn, citable=True)],
        "state_sum": row.state_sum,
        "heads_hash": row.heads_hash,
        "events": row.events,
        "space": (row.name, row.description, row.closed_ms, row.rules, row.founder, row.salt),
        "tasks": {
            one: store_task._replace(
                sn=0,
                creator=0,
                assignee=None,
                completed_by=None,
                lease_ms=None,  # what the hub said last to each: a renewal is no event
            )
            for one in {entry.entity for entry in entries if entry.entity}
            if (store_task := store.task(row.sn, one)) is not None
        },
        "holders": _holders(actor, name),
        "members": {did: one._replace(sn=0, an=0) for did, one in members.items()},
        "grants": {
            one: (grant._replace(sn=0, subject=0, author=0, ix=0), name[grant.subject])
            for one, grant in grants.items()
        },
        "invites": {
            one: (invite._replace(sn=0, author=0), name[invite.author])
            for one, invite in store.invites(row.sn).items()
        },
        "conflicts": sorted(
            actor.connection.rows(
                _row, "SELECT id, kind, winner, loser, rule, status, kept, act FROM conflict"
            )
        ),
        "refused": dict(
            actor.connection.rows(_pair, "SELECT id, refused FROM item WHERE refused IS NOT NULL")
        ),
        "receipts": sorted(actor.connection.rows(_row, "SELECT id, good FROM receipt")),
        "forks": sorted(
            actor.connection.rows(
                _row, "SELECT c.chain, f.seq FROM fork f JOIN chain c USING(cn) GROUP BY 1, 2"
            )
        ),
    }


def _holders(actor: Actor, name: dict[object, object]) -> dict[bytes, Row]:
    """Return by task who made it, who holds it and who completed it."""
    found = actor.connection.rows(_row, "SELECT id, creator, assignee, completed_by FROM task")
    return {
        bytes(str(task), "latin-1") if not isinstance(task, bytes) else task: tuple(
            name.get(one) for one in numbers
        )
        for task, *numbers in found
    }


def dump(actor: Actor) -> dict[str, list[Row]]:
    """Return every row that a rebuild makes anew, local numbers included."""
    tables = [one for one in schema.PROJECTION_TABLES if one != "words"]
    found = {one: actor.connection.rows(_row, f"SELECT * FROM {one}") for one in tables}
    found["space"] = actor.connection.rows(_row, "SELECT * FROM space")
    found["stream"] = actor.connection.rows(_row, "SELECT * FROM stream")
    found["verdicts"] = actor.connection.rows(
        _row, "SELECT rid, status, cause, cause_by FROM event"
    )
    found["words"] = actor.connection.rows(_row, "SELECT rowid FROM words ORDER BY rowid")
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """Return the names of what is not the same."""
    return [key for key in one if one[key] != other[key]]


def _pair(first: object, second: object) -> tuple[object, object]:
    return first, second


def _row(*values: object) -> Row:
    return values

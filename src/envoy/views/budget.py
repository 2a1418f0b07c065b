"""Budget: a Work Record that fits into so many tokens, cut item by item, every cut counted.

A model has room for so much and no more. What is always there comes first, then items one by one in
a fixed order, each whole or not at all; what does not fit is counted with the command that shows
it. Nothing is summarised, nothing is inferred.

Laws: what is counted is never less than what is written, so the result is never over its budget.
What differs by arrival, clock or hub counts at its greatest length, so one event set, actor and
budget is cut alike on every replica. A limit of an item goes with it.

Specification: docs/spec/work-record.md, Budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from envoy.errors import UsageError
from envoy.jsontext import dumps
from envoy.lean import NamedTuple
from envoy.views.people import Json

BYTES_PER_TOKEN: Final = 4
TOKENS_MIN: Final = 800
BUDGET_DIGITS: Final = 8
# Of the space in a command: enough to name it, and twenty of them leave room for something else.
SPACE_CHARS: Final = len("space_") + 8
BUDGET: Final = "budget"
# The lists that may be cut, the most needed first, and the command that shows the rest of each.
ORDER: Final[Mapping[str, str]] = {
    "authority.grants": "permissions",
    "authority.changes": "history",
    "tasks.mine": "task list",
    "handoffs": "record list",
    "conflicts": "conflicts list",
    "held": "quarantine list",
    "tasks.blocked": "task list",
    "tasks.review": "review list",
    "charter": "record list",
    "decisions": "record list",
    "open_questions": "history",
    "objections": "record list",
    "risks": "record list",
    "evidence": "record list",
    "tasks.ready": "task ready",
    "activity": "history",
    "objects": "object list",
    "tasks.active": "task list",
    "authority.members": "roster",
    "tasks.done": "task list --include-completed",
    "frontier.heads": "sync",
}
TAKES_FLAG: Final = ("task list", "task ready", "task list --include-completed")
NEWEST_FIRST: Final = ("activity",)
# Numbers by arrival count as the longest that JSON readers keep.
ARRIVAL: Final = ("cursor", "record_index", "from_cursor", "to_cursor", "unread_count")
LONGEST: Final = 2**53 - 1
TIME: Final = "0000-00-00T00:00:00.000Z"
# What a copy that lags behind its hub says beside the rest.
LAGGING: Final = ("not_synced", "waiting_parent", "sealed_epoch")


class Item(NamedTuple):
    """One item of a list with the limits that speak of it, and how many bytes it counts for."""

    at: int
    value: object
    limits: list[tuple[str, Json]]
    size: int


def tokens(record: Json) -> int:
    """Return how many tokens a record counts for. Source: docs/spec/work-record.md, Budget."""
    return -(-len(dumps(counted(record))) // BYTES_PER_TOKEN)


def counted(record: Json) -> Json:
    """Return a record with all that differs by arrival, clock or hub at its greatest length."""
    made = _longest({**record, "local": {}})
    assert isinstance(made, dict)
    made["local"] = {
        "generated_at": TIME,
        "synced_at": TIME,
        "stale": False,
        "pending_sync": False,
        "unread_count": LONGEST,
        "leases": [one for path, item in _every(record) for one in _lease(path, item)],
        "late": [one for path, item in _every(record) for one in _late(path, item)],
        "objects": [one for path, item in _every(record) for one in _object(path, item)],
    }
    limits = _dict(made["limits"])
    here = [_dict(one) for sort in limits.values() for one in _list(sort)]
    reasons = [one["reason"] for one in here if one["id"] is None]
    more = [_lag(reason) for reason in LAGGING if reason not in reasons]
    limits["missing"] = [*_list(limits["missing"]), *more]
    digits = 10**BUDGET_DIGITS - 1
    _dict(made["bounds"]).update(complete=False, budget_tokens=digits, used_tokens=digits)
    return {"schema": "envoy.work_record/1", **made}


def fit(record: Json, budget: int, *, space: str) -> Json:
    """Return a record of at most ``budget`` tokens.

    Raises UsageError(invalid_argument) where what is always there does not fit; `least` says what
    would do.
    """
    base, items = _taken_apart(record)
    for entry in map(_dict, _dict(base["omitted"]).values()):
        entry["next_command"] = str(entry["next_command"]).replace(space, space[:SPACE_CHARS])
    _dict(base["bounds"])["budget_tokens"] = budget
    floor = {path: len(found) for path, found in items.items() if found}
    least = tokens(_omitting(base, floor, space))
    if least > budget:
        raise UsageError("invalid_argument", argument="--budget", least=least)
    room = budget * BYTES_PER_TOKEN - len(dumps(counted(_omitting(base, floor, space))))
    kept = dict[str, list[Item]]()
    for path in ORDER:
        found = items.get(path, [])
        chosen = list[Item]()
        for item in found[::-1] if path in NEWEST_FIRST else found:
            if item.size <= room:
                chosen.append(item)
                room -= item.size
        kept[path] = sorted(chosen, key=lambda item: item.at)
    left = {path: floor[path] - len(kept[path]) for path in floor}
    made = _omitting(base, {path: n for path, n in left.items() if n}, space)
    for path, chosen in kept.items():
        _put(made, path, chosen)
    _settle(made, record)
    return made


# -- taking apart -----------------------------------------------------------------------------


def _taken_apart(record: Json) -> tuple[Json, dict[str, list[Item]]]:
    """Return a record without its items, and the items by the path of their list."""
    spoken = dict[tuple[str, int], list[tuple[str, Json]]]()
    general = dict[str, list[Json]]()
    for sort, entries in _dict(record["limits"]).items():
        general[sort] = []
        for entry in map(_dict, _list(entries)):
            place = _place(str(entry["path"]))
            if place is None:
                general[sort].append(entry)
            else:
                spoken.setdefault(place, []).append((sort, entry))
    items = {
        path: [
            _item(path, at, value, spoken.get((path, at), []))
            for at, value in enumerate(_listed(record, path))
        ]
        for path in ORDER
    }
    base = {**record, "authority": {**_dict(record["authority"])}, "tasks": {}}
    for name in ("frontier", "bounds"):
        base[name] = {**_dict(record[name])}
    for path in ORDER:
        _set(base, path, [])
    base["limits"], folded = _folded(general)
    base["omitted"] = {name: {**_dict(one)} for name, one in _dict(record["omitted"]).items()}
    _dict(base["omitted"]).update(folded)
    return base, items


def _item(path: str, at: int, value: object, limits: list[tuple[str, Json]]) -> Item:
    """Return an item with all the bytes that it adds: its own, its limits, its part of `local`."""
    beside = [*_lease(path, value), *_late(path, value), *_object(path, value)]
    parts = [_longest(value), *beside, *[entry for _, entry in limits]]
    # A comma each; the index in a limit's path never grows when others are left out.
    return Item(at, value, limits, sum(len(dumps(one)) + 1 for one in parts))


def _folded(general: Mapping[str, list[Json]]) -> tuple[Json, Json]:
    """Return limits of no item, alike ones once, and the counts of those left out."""
    limits, omitted = Json(), Json()
    for sort, entries in general.items():
        groups = dict[tuple[object, object], list[Json]]()
        for entry in entries:
            groups.setdefault((entry["path"], entry["reason"]), []).append(entry)
        limits[sort] = [
            many[0] if len(many) == 1 else {**many[0], "id": None} for many in groups.values()
        ]
        count = len(entries) - len(groups)
        if count:
            omitted[f"limits.{sort}"] = _omission(count, "envoy work-record")
    return limits, omitted


def _place(path: str) -> tuple[str, int] | None:
    """Return the list and the index that the path of a limit speaks of, None for no item."""
    name, bracket, rest = path.partition("[")
    if bracket and name in ORDER:
        return name, int(rest.partition("]")[0])
    return ("charter", 0) if path.partition(".")[0] == "charter" else None


# -- putting together -------------------------------------------------------------------------


def _omitting(base: Json, left: Mapping[str, int], space: str) -> Json:
    """Return a record that says how many items of each list are left out."""
    omitted = {**_dict(base["omitted"])}
    for path, count in left.items():
        before = _dict(omitted.get(path, {"count": 0}))["count"]
        assert isinstance(before, int)
        verb = ORDER[path]
        name = space[:SPACE_CHARS]
        where = f"--space {name}" if verb in TAKES_FLAG else name
        omitted[path] = _omission(count + before, f"envoy {verb} {where}")
    made = {**base, "omitted": omitted, "tasks": {**_dict(base["tasks"])}}
    made["limits"] = {sort: [*_list(one)] for sort, one in _dict(base["limits"]).items()}
    for name in ("authority", "frontier", "bounds"):
        made[name] = {**_dict(base[name])}
    return made


def _omission(count: int, command: str) -> Json:
    return {"count": count, "reason": BUDGET, "next_command": command}


def _put(made: Json, path: str, chosen: list[Item]) -> None:
    """Put the items of a list back, and their limits under the indices that they have now."""
    _set(made, path, [item.value for item in chosen])
    limits = _dict(made["limits"])
    for at, item in enumerate(chosen):
        for sort, entry in item.limits:
            said = str(entry["path"]).replace(f"[{item.at}]", f"[{at}]", 1)
            _list(limits[sort]).append({**entry, "path": said})


def _settle(made: Json, whole: Json) -> None:
    """Say what was used, and leave in `local` what speaks of what is shown."""
    bounds, local = _dict(made["bounds"]), {**_dict(whole["local"])}
    tasks = {_dict(one)["task_id"] for path, one in _every(made) if path.startswith("tasks.")}
    rows = {_dict(one)["event_id"] for one in _listed(made, "activity")}
    objects = {_dict(one)["event_id"] for one in _listed(made, "objects")}
    local["leases"] = [one for one in _list(local["leases"]) if _dict(one)["task_id"] in tasks]
    local["late"] = [one for one in _list(local["late"]) if one in rows]
    local["objects"] = [one for one in _list(local["objects"]) if _dict(one)["event_id"] in objects]
    made["local"] = local
    if len(rows) < len(_listed(whole, "activity")):
        cursors = [_dict(one)["cursor"] for one in _listed(made, "activity")]
        numbers = [one for one in cursors if isinstance(one, int)]
        bounds.update(next_cursor=None, from_cursor=min(numbers, default=None))
    limits = _dict(made["limits"])
    bounds["complete"] = not (made["omitted"] or limits["unknown"] or limits["missing"])
    bounds["used_tokens"] = tokens(made)


# -- what counts beside an item ---------------------------------------------------------------


def _lease(path: str, item: object) -> list[Json]:
    """Return the lease that a task may have here."""
    if not path.startswith("tasks.") or not _dict(item)["is_claimed"]:
        return []
    return [{"task_id": _dict(item)["task_id"], "expires_at": TIME}]


def _late(path: str, item: object) -> list[object]:
    """Return what says that a row came late."""
    return [_dict(item)["event_id"]] if path == "activity" else []


def _object(path: str, item: object) -> list[Json]:
    """Return what this copy may have of an object."""
    if path != "objects":
        return []
    event = _dict(item)["event_id"]
    return [{"event_id": event, "have_chunks": 1024, "state": "retracted", "pinned": False}]


def _lag(reason: str) -> Json:
    return {"path": "activity", "id": None, "reason": reason, "next_action": "sync_and_retry"}


def _longest(value: object) -> object:
    """Return a value whose numbers by arrival are the longest."""
    if isinstance(value, dict):
        return {name: LONGEST if name in ARRIVAL else _longest(one) for name, one in value.items()}
    return [_longest(one) for one in value] if isinstance(value, list) else value


# -- lists by path ----------------------------------------------------------------------------


def _every(record: Json) -> Iterable[tuple[str, object]]:
    """Yield every item with the path of its list."""
    for path in ORDER:
        for item in _listed(record, path):
            yield path, item


def _listed(record: Json, path: str) -> list[object]:
    """Return the items of a list; the charter is a list of one, or none."""
    value: object = record
    for name in path.split("."):
        value = _dict(value).get(name)
    if path == "charter":
        return [] if value is None else [value]
    return [] if value is None else _list(value)


def _set(record: Json, path: str, items: list[object]) -> None:
    """Make ``items`` the list at ``path``; the charter is the only one, or null."""
    if path == "charter":
        record[path] = items[0] if items else None
        return
    *above, name = path.split(".")
    place = record
    for one in above:
        place = _dict(place[one])
    place[name] = items


def _dict(value: object) -> Json:
    assert isinstance(value, dict), "a Work Record has this shape"
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list), "a Work Record has this shape"
    return value

"""Work Record: one space for one actor, everything that is needed to continue its work.

A newcomer reads this and knows what is done, by whom, on what evidence, what is open, what is
theirs to do, and where this copy's knowledge ends. It proves nothing, grants nothing, is no
transcript and no complete archive.

Laws: no field is left out: empty is `[]`, unknown is null with an entry in `limits`; what was cut
is counted in `omitted`; nothing is evidence because it stands nearby. The same event set, actor and
arguments give the same bytes outside `local` and the cursors, on every replica: what differs by
arrival or by clock (leases, lateness, freshness) stands in `local`. No secret leaves in a text.

Specification: docs/spec/work-record.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envoy import ids, limits
from envoy.lean import NamedTuple
from envoy.views import history, names, objects, rows
from envoy.views import space as spaces
from envoy.views import tasks as task_shapes
from envoy.views.history import Seen
from envoy.views.pages import page_json
from envoy.views.people import Json, People, stamp
from envoy.views.secrets import redact
from envoy.views.tasks import Around

UNTRUSTED = [
    *("*.text", "*.body", "*.title", "*.labels", "*_name", "*_display", "*.summary", "*.note"),
    *("*.subject", "evidence.*.type", "*.fields.*", "handoffs.*"),
]
# Kinds that change who may do what.
AUTHORITY = frozenset(
    (
        "genesis", "grant", "role", "join", "delegate", "invite", "remove", "revoke", "leave",
        "admit", "close", "hub.pin", "space.rules",
    )
)  # fmt: skip


NOTHING_TOLD: Json = {"charter": None, "decisions": [], "objections": [], "risks": []}


class Material(NamedTuple):
    """Everything the record is made of, read in one snapshot. Lists hold one row too many."""

    space: rows.Space
    people: People
    me: int | None
    grants: Sequence[rows.Grant]
    heads: Sequence[bytes]
    changes: Sequence[rows.Item]  # the newest first, as are the next three
    activity: Sequence[rows.Item]
    not_counting: Sequence[rows.Item]
    unsupported: Sequence[rows.Item]
    item_count: int  # of those that count
    not_counting_count: int
    pending: Sequence[rows.Task]
    ended: Sequence[rows.Task]
    task_counts: Mapping[str, int]
    needed: Mapping[bytes, str]  # states of the tasks that are needed
    objects: objects.Part
    told: objects.Telling | None  # None: the space has no records
    conflicts: Sequence[rows.Conflict]
    evidence: Mapping[bytes, rows.Item]  # of all that tasks name
    asked: Sequence[rows.Item]  # mentions of me and polls, not answered by me
    missing: frozenset[bytes]  # what messages reply to and is not here
    parked: Mapping[str, int]
    limit: int
    scope: str
    now_ms: int
    newest: int
    unread: int
    stale: bool


class Notes:
    """The limits of a record and what it leaves out, gathered while it is made."""

    def __init__(self) -> None:
        self.limits: dict[str, list[Json]] = {
            "unknown": [],
            "missing": [],
            "partial": [],
            "redacted": [],
        }
        self.omitted: dict[str, Json] = {}

    def limit(self, sort: str, path: str, id: str | None, *, reason: str, action: str) -> None:
        """Note that what ``path`` shows is not all there is."""
        entry: Json = {"path": path, "id": id, "reason": reason, "next_action": action}
        self.limits[sort].append(entry)

    def omit(self, what: str, count: int, next_command: str) -> None:
        """Note that ``count`` items of a list are left out."""
        if count > 0:
            entry: Json = {"count": count, "reason": "limit", "next_command": next_command}
            self.omitted[what] = entry

    def text(self, value: object, path: str, id: str) -> object:
        """Return a text without secrets and cut to its bound; notes say so."""
        if not isinstance(value, str):
            return value
        cleaned, found = redact(value)
        if found:
            self.limit("redacted", path, id, reason="secret", action="stop_and_report")
        if len(cleaned) <= limits.WORK_RECORD_TEXT_CHARS_MAX:
            return cleaned
        self.limit("partial", path, id, reason="truncated_text", action="read_event")
        return cleaned[: limits.WORK_RECORD_TEXT_CHARS_MAX]

    @property
    def is_complete(self) -> bool:
        """Return whether nothing was omitted and nothing is unknown or missing."""
        return not (self.omitted or self.limits["unknown"] or self.limits["missing"])


def build(found: Material) -> Json:
    """Return the Work Record."""
    notes = Notes()
    me = None if found.me is None else found.people.member(found.me)
    tasks = task_lists(found, notes)
    activity = activity_list(found, notes)
    evidence = evidence_list(found, notes)
    authority = authority_part(found, me, notes)
    conflicts = conflict_list(found, notes)
    held = held_list(found, notes)
    questions = question_list(found, notes)
    space_id = spaces.space_id(found.space)
    shared = objects.record_list(found.objects, found.people, space_id, notes)
    told = NOTHING_TOLD if found.told is None else found.told.sections(notes)
    note_gaps(found, notes)
    return {
        "space_id": spaces.space_id(found.space),
        "space_name": notes.text(found.space.name, "space_name", spaces.space_id(found.space)),
        "mode": found.space.mode,
        "for": found.people.actor(found.me),
        "task_id": None,
        "frontier": frontier(found, notes),
        "bounds": bounds(found, notes),
        "authority": authority,
        "tasks": tasks,
        "handoffs": [],
        "held": held,
        "conflicts": conflicts,
        **told,
        "open_questions": questions,
        "evidence": evidence,
        "objects": shared,
        "activity": activity,
        "limits": notes.limits,
        "omitted": notes.omitted,
        "local": local(found),
        "untrusted_fields": UNTRUSTED,
    }


# -- what it is about -------------------------------------------------------------------------


def frontier(found: Material, notes: Notes) -> Json:
    """Return what this copy has seen: equal on equal event sets."""
    heads = [ids.to_text("evt", head) for head in found.heads[: limits.LIST_ROWS_DEFAULT]]
    notes.omit("frontier.heads", len(found.heads) - len(heads), "envoy sync")
    return {
        "hash": found.space.heads_hash.hex(),
        "heads": heads,
        "events": found.space.events,
        "state_hash": found.space.state_sum.hex(),
        "rules": found.space.rules,
    }


def bounds(found: Material, notes: Notes) -> Json:
    """Return how much was asked for, and whether that was all."""
    shown = found.activity[: found.limit]
    more = len(found.activity) > found.limit
    key = (shown[-1].lam, shown[-1].id) if more else None
    return {
        "limit": found.limit,
        "since": None,
        "from_cursor": min((item.n for item in shown), default=None),
        "to_cursor": found.newest,
        "next_cursor": page_json(found.scope, key)["next_cursor"],
        "budget_tokens": None,
        "used_tokens": None,
        "estimator": "bytes/4",
        "complete": notes.is_complete,
    }


def local(found: Material) -> Json:
    """Return what holds for this copy at this moment, and for no other."""
    return {
        "generated_at": stamp(found.now_ms),
        "synced_at": stamp(found.space.synced_ms),
        "stale": found.stale,
        "pending_sync": found.space.pending > 0,
        "unread_count": found.unread,
        "leases": [
            {"task_id": ids.to_text("task", task.id), "expires_at": stamp(task.lease_ms)}
            for task in found.pending
            if task.lease_ms is not None
        ],
        "late": [
            ids.to_text("evt", item.id) for item in found.activity[: found.limit] if item.late
        ],
        "objects": objects.local_list(found.objects),
    }


def note_gaps(found: Material, notes: Notes) -> None:
    """Note what lies here and is no event yet, and what the hub has that is not here."""
    if found.stale:
        notes.limit("unknown", "activity", None, reason="not_synced", action="sync_and_retry")
    if found.parked.get("waiting"):
        notes.limit("missing", "activity", None, reason="waiting_parent", action="sync_and_retry")
    if found.parked.get("sealed"):
        notes.limit("missing", "activity", None, reason="sealed_epoch", action="sync_and_retry")
    for item in found.unsupported:
        event = ids.to_text("evt", item.id)
        notes.limit("unknown", "activity", event, reason="unsupported_kind", action="upgrade")


# -- authority --------------------------------------------------------------------------------


def authority_part(found: Material, me: rows.Member | None, notes: Notes) -> Json:
    """Return what I may do, by which grants, what changed of late, and who is there."""
    people, now_ms = found.people, 0  # whether a date has passed is for the reader's clock
    mine = None if me is None else spaces.permissions(me, people, found.grants, now_ms=now_ms)
    changes = [item for item in found.changes if item.kind in AUTHORITY]
    shown = changes[: limits.LIST_ROWS_DEFAULT]
    space_id = spaces.space_id(found.space)
    notes.omit(
        "authority.changes", len(changes) - len(shown), f"envoy history {space_id} --kinds grant"
    )
    every = sorted(people.all(), key=lambda row: (row.role is None, row.did))
    members = every[: limits.MEMBERS_MAX]
    notes.omit("authority.members", len(every) - len(members), f"envoy roster {space_id}")
    return {
        "role": None if me is None else me.role,
        "verbs": [] if mine is None else mine["verbs"],
        "grants": [] if mine is None else mine["grants"],
        "epoch": spaces.epoch(found.space),
        "policy": spaces.policy(found.space),
        "changes": [change(item, people) for item in shown],
        "members": [spaces.member(row, people) for row in members],
    }


def change(item: rows.Item, people: People) -> Json:
    """Return one act that changed who may do what."""
    return {
        "event_id": ids.to_text("evt", item.id),
        "type": item.type,
        "subject_id": history.target_of(item),
        "by": people.did_text(item.an),
        "at": stamp(item.ts),
        "event_status": item.status,
    }


# -- tasks ------------------------------------------------------------------------------------


def task_lists(found: Material, notes: Notes) -> Json:
    """Return each task once: in the first list it fits, in the order that they are named."""
    around = Around(found.people, found.space.id, found.needed, found.conflicts)
    lists: dict[str, list[rows.Task]] = {
        "mine": [], "blocked": [], "review": [], "ready": [], "active": [],
    }  # fmt: skip
    total = sum([found.task_counts.get(s, 0) for s in names.STATES if s not in names.ENDED])
    for task in found.pending:
        lists[place_of(task, found)].append(task)
    lists["done"] = list(found.ended[: limits.LIST_ROWS_DEFAULT])
    space_id = spaces.space_id(found.space)
    notes.omit(
        "tasks", total - len(found.pending), f"envoy task list --space {space_id} --limit 500"
    )
    ended = sum([found.task_counts.get(state, 0) for state in names.ENDED])
    all_tasks = f"envoy task list --space {space_id} --include-completed"
    notes.omit("tasks.done", ended - len(lists["done"]), all_tasks)
    return {
        name: [
            task_row(task, around, f"tasks.{name}[{index}]", notes)
            for index, task in enumerate(tasks)
        ]
        for name, tasks in lists.items()
    }


def place_of(task: rows.Task, found: Material) -> str:
    """Return the list that a task which has not ended belongs to."""
    if task.assignee is not None and task.assignee == found.me:
        return "mine"
    if task.state == names.SUBMITTED:
        return "review"
    unmet = any(found.needed.get(one) != names.COMPLETED for one in task_shapes.needed([task]))
    if task.state == names.BLOCKED or (unmet and task.state in (names.OPEN, names.ASSIGNED)):
        return "blocked"
    return "ready" if task.state == names.OPEN and not task.conflicts else "active"


def task_row(task: rows.Task, around: Around, path: str, notes: Notes) -> Json:
    """Return a task with its texts cut; when its lease ends is in `local`."""
    made = task_shapes.task(task, around)
    task_id = str(made["task_id"])
    for name in ("title", "body", "summary"):
        made[name] = notes.text(made[name], f"{path}.{name}", task_id)
    labels = made["labels"]
    assert isinstance(labels, list)
    made["labels"] = [notes.text(label, f"{path}.labels", task_id) for label in labels]
    made["lease_expires_at"] = None
    if task.claim_state == "confirmed" and task.lease_ms is None:
        notes.limit(
            "unknown",
            f"{path}.lease_expires_at",
            task_id,
            reason="lease_unknown",
            action="sync_and_retry",
        )
    return made


# -- the rest ---------------------------------------------------------------------------------


def held_list(found: Material, notes: Notes) -> list[Json]:
    """Return what was written and does not count, with the reason."""
    shown = found.not_counting[: limits.LIST_ROWS_DEFAULT]
    command = f"envoy history {spaces.space_id(found.space)}"
    notes.omit("held", found.not_counting_count - len(shown), command)
    return [
        {
            "event_id": ids.to_text("evt", item.id),
            "kind": item.kind,
            "by": found.people.did_text(item.an),
            "event_status": item.status,
            "cause": item.cause,
            "next_action": "ask_admin_to_admit" if item.status == "held" else "stop_and_report",
        }
        for item in shown
    ]


def conflict_list(found: Material, notes: Notes) -> list[Json]:
    """Return the open conflicts."""
    shown = found.conflicts[: limits.LIST_ROWS_DEFAULT]
    space_id = spaces.space_id(found.space)
    command = f"envoy task list --space {space_id}"
    notes.omit("conflicts", len(found.conflicts) - len(shown), command)
    return [task_shapes.conflict(row) for row in shown]


def question_list(found: Material, notes: Notes) -> list[Json]:
    """Return what was asked of me and I did not answer, then what records leave open."""
    asked: list[Json] = [
        {
            "reason": "poll" if item.kind == "poll" else "mention",
            "id": ids.to_text("evt", item.id),
            "text": notes.text(
                item.body, f"open_questions[{index}].text", ids.to_text("evt", item.id)
            ),
            "by": found.people.did_text(item.an),
        }
        for index, item in enumerate(found.asked)
    ]
    return asked if found.told is None else asked + found.told.questions(len(asked), notes)


def evidence_list(found: Material, notes: Notes) -> list[Json]:
    """Return what listed tasks, decisions and handoffs name, in the order of the space."""
    named: dict[bytes, bytes | None] = {}
    for task in (*found.pending, *found.ended[: limits.LIST_ROWS_DEFAULT]):
        for text in task_shapes.listed(task.evidence):
            named.setdefault(ids.from_text(str(text), *ids.EVENT_PREFIXES), task.id)
    named = {**({} if found.told is None else found.told.cited()), **named}
    here = sorted(
        (found.evidence[one] for one in named if one in found.evidence),
        key=lambda item: (item.lam, item.id),
    )
    absent = sorted(one for one in named if one not in found.evidence)
    made = [
        proof(item, named[item.id], found, notes=notes, index=index)
        for index, item in enumerate(here)
    ]
    for one in absent:
        path = f"evidence[{len(made)}]"
        notes.limit(
            "missing", path, ids.to_text("evt", one), reason="ref_target", action="sync_and_retry"
        )
        made.append(absence(one, named[one]))
    return made


def proof(
    item: rows.Item, task: bytes | None, found: Material, *, notes: Notes, index: int
) -> Json:
    """Return an event that is named as evidence, of ``task`` if of any."""
    event = ids.to_text("evt", item.id)
    counts = item.status in history.COUNTING
    text = notes.text(item.body, f"evidence[{index}].text", event) if counts else None
    whole = text == item.body
    if not counts:
        notes.limit(
            "unknown",
            f"evidence[{index}]",
            event,
            reason="unsupported_kind",
            action="ask_admin_to_admit",
        )
    note_redacted(item, f"evidence[{index}]", notes)
    return {
        **absence(item.id, task),
        "kind": item.kind,
        "grade": "self_reported",
        **({} if found.told is None else found.told.proof(item.id, f"evidence[{index}]", notes)),
        "refs": history.references(item.refs),
        "by": found.people.actor(item.an),
        "at": stamp(item.ts),
        "event_status": item.status,
        "text": text,
        "visibility": visibility(item, is_whole=whole) if counts else "unknown",
    }


def visibility(item: rows.Item, *, is_whole: bool) -> str:
    """Return how much is to be seen of an item that counts."""
    if item.redacted is not None:
        return "redacted"
    return "visible" if is_whole else "partial"


def note_redacted(item: rows.Item, path: str, notes: Notes) -> None:
    """Note that the text of an item was taken back."""
    if item.redacted is not None:
        event = ids.to_text("evt", item.id)
        notes.limit("redacted", path, event, reason="redacted", action="ask_author")


def absence(event: bytes, task: bytes | None) -> Json:
    """Return what is known of evidence that is named and not here."""
    return {
        "record_id": ids.to_text("evt", event),
        "kind": None,
        "type": None,
        "state": None,
        "grade": None,
        "subject": None,
        "fields": {},
        "refs": [],
        "task_id": None if task is None else ids.to_text("task", task),
        "by": None,
        "at": None,
        "stale": False,
        "event_status": None,
        "text": None,
        "visibility": "missing",
    }


def activity_list(found: Material, notes: Notes) -> list[Json]:
    """Return the newest page of what counts, the oldest first in it."""
    shown = found.activity[: found.limit]
    if len(found.activity) > found.limit:
        notes.limit("partial", "activity", None, reason="window", action="read_next_page")
    command = f"envoy history {spaces.space_id(found.space)}"
    notes.omit("activity", found.item_count - len(shown), command)
    seen = Seen(found.space, found.people, missing=found.missing)
    return [activity_row(item, seen, index, notes) for index, item in enumerate(shown[::-1])]


def activity_row(item: rows.Item, seen: Seen, index: int, notes: Notes) -> Json:
    """Return one row of the activity, its text cut, and how much of it is to be seen."""
    made = history.record(item, seen, index=index)
    path, event = f"activity[{index}]", str(made["event_id"])
    made["body"] = notes.text(made["body"], f"{path}.body", event)
    made["poll"] = history.poll(item, made["body"])
    made["late"] = None
    if made["reply_missing"]:
        notes.limit(
            "missing", f"{path}.reply_to", event, reason="ref_target", action="sync_and_retry"
        )
    note_redacted(item, path, notes)
    if item.status == "unsupported":
        made["visibility"] = "unknown"
    else:
        made["visibility"] = visibility(item, is_whole=made["body"] == item.body)
    return made

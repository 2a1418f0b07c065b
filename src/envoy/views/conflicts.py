"""Conflicts: what met, by which rule one side stands, and what there is to do, in words.

A conflict is no fault: two members who wrote apart could not know of each other. So it is shown
with both sides as they are, and with the rule in a sentence that somebody who lost can check.

Laws: pure. Every kind and every rule that a fold can write has words here.

Specification: docs/spec/conflicts.md; docs/spec/tasks.md, Conflicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from envoy import ids
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.history import COUNTING
from envoy.views.people import Json, People, stamp
from envoy.views.tasks import conflict

KIND_WORDS: Final[Mapping[str, str]] = {
    "complete_after_loss": "completed under a tenure that the author knew to be over",
    "complete_raced": "completed beside the act that gave the task to somebody else",
    "concurrent_approve": "approved beside an act that decides otherwise",
    "concurrent_blocked": "blocked beside an act that decides otherwise",
    "concurrent_cancel": "cancelled twice, apart",
    "concurrent_complete": "completed beside an act that decides otherwise",
    "concurrent_in_progress": "worked on beside an act that decides otherwise",
    "concurrent_reject": "rejected beside an act that decides otherwise",
    "concurrent_reopen": "reopened beside an act that decides otherwise",
    "concurrent_request_changes": "changes wanted beside an act that decides otherwise",
    "double_fence": "a hub gave one fence to two claims",
    "fence_stale": "completed under an old fence, while somebody else held the task",
    "field_conflict": "two edits of one field, apart",
    "fork": "two events in one place of a chain: a copy of its author that wrote on, or its key",
    "gate_raced": "the gate was raised beside the completion",
    "invite_overused": "joined by an invite that others had used up, apart",
    "lost_assign": "assigned beside another act on who has the task",
    "lost_claim": "claimed beside another act on who has the task",
    "lost_create": "created with an assignee beside another act on who has the task",
    "lost_handoff": "handed over beside another act on who has the task",
    "lost_release": "released beside another act on who has the task",
    "lost_reopen": "reopened beside another act on who has the task",
    "stale_review": "a verdict on work that its holder had replaced",
}
SUCCESSORS: Final = "two records in the place of one, apart: both stand"
RULE_WORDS: Final[Mapping[str, str]] = {
    "both": "both stand: a fork invalidates nothing, and neither side replaces the other",
    "assign": "an admin's assignment stands before another, each assignment before a claim",
    "fence": "the later fence of the hub stands",
    "gate": "the stricter gate binds the completion beside it",
    "holding": "what gives the task to somebody stands before what gives it to nobody",
    "id": "the act with the smaller id stands",
    "kind": "what ends work stands before what goes on with it",
    "order": "of one member's acts the last stands",
    "rank": "the higher rank stands: owners and admins, the creator, others",
    "replaced": "a verdict stands only for what it was given on",
    "tenure": "work under the tenure that stands comes first",
    "tie": "none was before the other: a hash of entity and author chooses, the same everywhere",
    "uses": "an invite lets in as many as it says: whom an admin had seen first, then by place",
    "work": "the work exists: a completion stands before a later holder",
}
# What is of no entity, and where more about it stands.
DOUBLES: Final = {"fork": "envoy audit", "invite_overused": "envoy invites list"}
UNKNOWN: Final = "by the rules of docs/spec/tasks.md"
ACTIONS: Final[Mapping[str, str]] = {
    "fork": "ask_the_author_and_keep_a_side",
    "invite_overused": "invite_anew_or_keep_a_side",
    "field_conflict": "edit_anew_or_keep_a_side",
    "gate_raced": "review_the_completion",
    "stale_review": "review_the_completion",
}
TEXT_CHARS: Final = 200  # of a side in a list
UNTRUSTED: Final = ["*.text", "*.note", "*.display_name", "*_name"]


class Act(NamedTuple):
    """An accepted event, as far as it is shown beside others."""

    id: bytes
    kind: str
    an: int
    ts: int
    status: str
    lam: int


class Known(NamedTuple):
    """The acts of some conflicts, and what was said with them."""

    acts: Mapping[bytes, Act]
    items: Mapping[bytes, rows.Item]
    people: People


def said(item: rows.Item | None) -> str | None:
    """Return what a member said with an event: None where it does not count or said nothing."""
    return item.body if item is not None and item.status in COUNTING else None


def shown(row: rows.Conflict, known: Known, *, chars: int | None) -> Json:
    """Return a conflict with both sides; ``chars`` of their texts, None: all."""
    return {
        **conflict(row),
        "kind_words": SUCCESSORS if of_records(row, known) else KIND_WORDS.get(row.kind, row.kind),
        "rule_words": RULE_WORDS.get(row.rule, UNKNOWN),
        "mine": any(
            known.people.is_me(act.an)
            for one in (row.winner, row.loser)
            if (act := known.acts.get(one)) is not None
        ),
        "kept": None if row.kept is None else ids.to_text("evt", row.kept),
        "resolution_id": None if row.act is None else ids.to_text("evt", row.act),
        "sides": [
            side(row, row.winner, known, chars=chars),
            side(row, row.loser, known, chars=chars),
        ],
    }


def side(row: rows.Conflict, event: bytes, known: Known, *, chars: int | None) -> Json:
    """Return one side of a conflict: who, when, what was said."""
    act, text = known.acts[event], said(known.items.get(event))
    return {
        "side": "winner" if event == row.winner else "loser",
        "event_id": ids.to_text("evt", event),
        "kind": act.kind,
        "by": known.people.actor(act.an),
        "at": stamp(act.ts),
        "event_status": act.status,
        "text": text if text is None else text[:chars],
        "text_complete": text is None or chars is None or len(text) <= chars,
        "kept": event == row.kept,
    }


def resolution(row: rows.Conflict, known: Known) -> Json | None:
    """Return who said that a conflict is settled, None where nobody did."""
    if row.act is None:
        return None
    act = known.acts[row.act]
    return {
        "event_id": ids.to_text("evt", row.act),
        "by": known.people.actor(act.an),
        "at": stamp(act.ts),
        "note": said(known.items.get(row.act)),
    }


def next_action(row: rows.Conflict) -> str:
    """Return what an open conflict asks for."""
    if row.status != "open":
        return "nothing_to_do"
    return ACTIONS.get(row.kind, "decide_anew_or_keep_a_side")


def of_records(row: rows.Conflict, known: Known) -> bool:
    """Say whether a conflict is between records that take the place of one."""
    return row.kind == "field_conflict" and known.acts[row.winner].kind == "record"


def next_commands(row: rows.Conflict, space: bytes, known: Known) -> Sequence[str]:
    """Return what can be done about a conflict, to be copied."""
    found = [f"envoy task show {ids.to_text('task', row.entity)}"]
    if of_records(row, known):
        found = [f"envoy record show {ids.to_text('rec', row.entity)}"]
    within = ids.to_text("space", space)
    if row.entity == space:
        found = [f"envoy space show {within}"]
    found = [f"{DOUBLES[row.kind]} {within}"] if row.kind in DOUBLES else found
    if row.status != "open":
        return found
    ident = ids.to_text("cfl", row.id)
    sides = [ids.to_text("evt", one) for one in (row.winner, row.loser)]
    return [*found, *[f"envoy conflicts resolve {ident} --keep {one}" for one in sides]]

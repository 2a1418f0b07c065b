"""Lines: one event as a person reads it, in history, search, inbox, listen and events alike.

A line begins with our own words; what a member wrote follows below it behind a bar. Whatever does
not count says so before anything else is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.render import Block, Body, Span, Spans, line
from envoy.ids import DID_PREFIX, did_key, fingerprint

# What somebody did, by the type of the event; {} is what it is about, [] our word on it.
DEEDS = {
    "room_created": "made the space",
    "member_joined": "joined",
    "member_left": "left the space",
    "member_removed": "removed {}",
    "epoch_bumped": "renewed the key of the space",
    "agent_card_published": "published a card",
    "capability_granted": "gave {} the role []",
    "capability_revoked": "revoked {}",
    "invite_created": "made an invite for []",
    "invite_revoked": "revoked {}",
    "space_updated": "changed the space",
    "space_closed": "closed the space",
    "event_held": "was held",
    "event_admitted": "admitted {}",
    "message_changed": "hid the text of {}",
    "conflict_opened": "opened a conflict",
    "conflict_resolved": "resolved a conflict",
}
# Types whose text is the name of whoever or whatever the line speaks of already.
LABELS = frozenset(("member_joined", "agent_card_published"))
STATUS_STYLES = {"held": "warn", "unsupported": "warn", "void": "bad", "invalid": "bad"}
ROLE_CELLS = 6  # of the longest role, so that deeds stand below each other


def record_blocks(
    record: Mapping[str, object], *, now_ms: int, lead: Spans = ()
) -> Iterator[Block]:
    """Yield one record: when, who, what; then the text. ``lead`` stands before it all."""
    who = show.who(
        record["sender_name"],
        record["sender_fingerprint"],
        collides=record["sender_name_collides"],
    )
    role = show.text(record["sender_role"]).ljust(ROLE_CELLS)
    when = show.clock(record["sent_at"], now_ms=now_ms)
    yield line(*lead, (when, "dim"), "  ", *who, f" {role}  ", *deed(record), *troubles(record))
    if record["body"] and record["event_type"] not in LABELS:
        yield Body(show.text(record["body"]), indent=len(when) + 2)


def event_blocks(event: Mapping[str, object], *, space: str, now_ms: int) -> Iterator[Block]:
    """Yield one line of the stream, of which the space is named where there are several."""
    when = show.clock(event["at"], now_ms=now_ms)
    place: Spans = [(space, "dim"), "  "] if space else []
    cursor = (f"#{event['cursor']} ", "dim")
    who = show.person(event["actor"])
    yield line(cursor, (when, "dim"), "  ", *place, *who, "  ", *deed(event), *troubles(event))
    if event["body"] and event["type"] not in LABELS:
        yield Body(show.text(event["body"]), indent=len(cursor[0]) + len(when) + 2)


def deed(record: Mapping[str, object]) -> Spans:
    """Return what an event did, in our words and ids."""
    type_name = show.text(record.get("event_type") or record.get("type"))
    detail = show.text(record["detail"])
    if type_name == "new_message":
        return message(record)
    if record["task_id"] is not None:
        verb = type_name.removeprefix("task_").replace("_", " ")
        state = f" ({detail.replace('_', ' ')})" if detail not in ("", verb) else ""
        return [(task_id(record), "strong"), f" {verb}{state}"]
    about = show.text(record.get("target_id") or record.get("object_id"))
    if type_name == "member_left" and about:
        type_name = "member_removed"
    if type_name == "event_admitted" and about in ("", show.text(record["event_id"])):
        return ["counts again"]  # said of the event itself, by the name of its author
    if type_name == "capability_revoked" and about.startswith(DID_PREFIX):
        return [f"ended what {named(about)} was granted"]
    words = DEEDS.get(type_name, type_name.replace("_", " "))
    return [words.replace("{}", named(about)).replace("[]", detail)]


def named(about: str) -> str:
    """Return a thing by its short id, a member by the fingerprint."""
    if about.startswith(DID_PREFIX):
        return fingerprint(did_key(about))
    return show.short(about) if about else "somebody"


def task_id(record: Mapping[str, object]) -> str:
    """Return the task of a record, cut for people."""
    return show.short(record["task_id"])


def message(record: Mapping[str, object]) -> Spans:
    """Return a message by its id, with what it answers and refers to."""
    spans: list[Span] = [(show.short(record["event_id"]).replace("evt_", "msg_"), "dim")]
    if record.get("reply_to") is not None:
        missing = " (not here)" if record.get("reply_missing") else ""
        answered = show.short(record["reply_to"]).replace("evt_", "msg_")
        spans.append(f" answers {answered}{missing}")
    if record["task_id"] is not None:
        spans.append(f" on {task_id(record)}")
    for ref in show.listed(record.get("references", [])):
        spans.append(f" {show.text(ref['rel']) or 'refers to'} {show.short(ref['id'])}")
    return spans


def troubles(record: Mapping[str, object]) -> Spans:
    """Return what is wrong with an event, in words."""
    status = show.text(record["event_status"])
    spans: list[Span] = []
    if status in STATUS_STYLES:
        cause = f" ({record['cause']})" if record.get("cause") else ""
        spans += ["  ", (status.upper() + cause, STATUS_STYLES[status])]
    if record.get("refused"):
        spans += ["  ", (f"REFUSED ({record['refused']})", "warn")]
    if record.get("redacted"):
        spans += ["  ", ("redacted", "warn")]
    if record.get("late"):
        spans += ["  ", ("late", "dim")]
    return spans

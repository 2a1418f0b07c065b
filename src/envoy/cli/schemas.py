"""Schemas: the shape of every answer, written once, short enough to be read.

`tools/make_docs.py` writes docs/schemas from here, and tests hold every answer against it. A schema
is wire contract: a field may be added; to remove, rename or retype one makes it version 2. Of all
commands `help` alone loads it, and shows the schema of the command it is asked about.

A type is a word: `text int bool time id did`, a shape of `cli.shapes`, or `{a b}` for one of these
words; `[…]` is a list, a `?` behind it allows null. A field is always there unless its name ends
in `~`.

Specification: docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import (
    auditschemas,
    deskschemas,
    farschemas,
    hookschemas,
    objectschemas,
    recordschemas,
    relayschemas,
    traceschemas,
)
from envoy.cli.effects import CHANGED
from envoy.cli.shapes import (
    DELIVERY,
    EVENT,
    MODE,
    NEW_INVITE,
    ROLE,
    SHAPES,
    SPACE_DETAILS,
    TASK,
    Fields,
)

Json = dict[str, object]

FRESH: Fields = {"freshness": "Freshness", "untrusted_fields": "[text]"}
PAGED: Fields = {"page": "Page", **FRESH}
MADE: Fields = {
    "profile": "text",
    "identity": "Actor",
    "recovery_delivery": "{shown file skipped}",
    "recovery_path": "text?",
    "warnings": "[Warning]",
    "next_commands": "[text]",
    "untrusted_fields": "[text]",
}
JOINED: Fields = {
    "space_id": "id",
    "space_name": "text",
    "role": f"{ROLE}?",
    "member_id": "did",
    "join_state": "{member pending_approval}",
    "mode": MODE,
}
WRITTEN: Fields = {
    "relay_delivery": DELIVERY,
    "pending_sync": "bool",
    "replayed": "bool",
    "warnings": "[Warning]",
    "untrusted_fields": "[text]",
}
INBOX: Fields = {
    "messages": "[InboxRecord]",
    "latest_cursor": "int?",
    "matching_unread_count": "int",
    "next_commands": "[text]",
    **PAGED,
}
HISTORY: Fields = {"space_id": "id", "space_name": "text", "records": "[Record]", **PAGED}

ANSWERS: Mapping[str, Fields] = {
    "agent_revoke": {
        "member": "Actor",
        "results": "[Cast]",
        "replayed": "bool",
        "untrusted_fields": "[text]",
    },
    "authority": {**CHANGED, "grant_id~": "id?", "role~": ROLE},
    **deskschemas.ANSWERS,
    **objectschemas.ANSWERS,
    **farschemas.ANSWERS,
    **recordschemas.ANSWERS,
    **auditschemas.ANSWERS,
    **hookschemas.ANSWERS,
    **relayschemas.ANSWERS,
    **traceschemas.ANSWERS,
    "backup": {
        "file": "text",
        "size": "int",
        "profiles": "[text]",
        "hub": "bool",
        "opens_with": "{passphrase words}",
        "next_commands": "[text]",
    },
    "changed": {
        "space_id": "id",
        "space_name~": "text",
        "invite_id~": "id",
        "changed": "bool",
        "closed_at~": "time?",
        "invite_status~": "text",
        "dry_run~": "bool",
        "replayed~": "bool",
        "effect~": "Effect",
        "untrusted_fields~": "[text]",
    },
    "completion": {"shell": "text", "script": "text"},
    "config": {"settings": "[Setting]"},
    "connection": {
        "space_id": "id",
        "space_name": "text",
        "role": f"{ROLE}?",
        "mode": MODE,
        "relay_url": "text",
        "relay_pin": "text?",
        "isolated": "bool",
        "changed": "bool",
        "relay_delivery": DELIVERY,
        "relay_delivery_reason": "text?",
        "next_commands": "[text]",
        "untrusted_fields": "[text]",
    },
    "daemon": {"daemon": "{not_used}", "changed": "bool"},
    "delegation": {
        **CHANGED,
        "grant_id": "id?",
        "verb": "{read write}",
        "scope": "text",
        "depth": "int",
        "expires_at": "time?",
    },
    "diagnose": {"checks": "[Check]", "sound": "bool"},
    "error": {
        "error": "text",
        "error_code": "text",
        "next_action": "text",
        "next_command": "text?",
    },
    "event": EVENT,
    "explain": {
        "code": "text",
        "exit": "int",
        "next_action": "text",
        "meaning": "text",
        "cause": "text",
        "remedy": "text",
        "commands": "[text]",
    },
    "fingerprint": {
        "member": "Actor",
        "fingerprint": "text",
        "full": "text",
        "words": "[text]",
        "safety_number": "text?",
        "with": "Actor",
        "untrusted_fields": "[text]",
    },
    "guide": {"text": "text", "next_commands": "[text]"},
    "help": {
        "text": "text",
        "commands": "[CommandLine]",
        "answer_schema": "Any",
        "next_commands": "[text]",
    },
    "history": HISTORY,
    "identities": {"profiles": "[Profile]", "page": "Page", "untrusted_fields": "[text]"},
    "identity_create": {**MADE, "export": "text"},
    "identity_exported": {"profile": "text", "file": "text"},
    "identity_lock": {
        "profile": "text",
        "mode": "{none passphrase keyring}",
        "previous_mode": "{none passphrase keyring}",
        "changed": "bool",
    },
    "identity_recovery": {
        "profile": "text",
        "member_id": "did",
        "fingerprint": "text",
        "recovery_delivery": "{shown file}",
        "recovery_path": "text?",
    },
    "identity_renamed": {
        "profile": "text",
        "identity": "Actor",
        "changed": "bool",
        "results": "[RenamedIn]",
        "untrusted_fields": "[text]",
    },
    "identity_use": {"profile": "text", "export": "text"},
    "inbox": INBOX,
    "inbox_ack": {
        "space_id": "id",
        "acked": "int",
        "remaining": "int",
        "cursor": "int",
        "replayed": "bool",
        "warnings": "[Warning]",
    },
    "inbox_count": {"unread_count": "int", "by_space": "[Unread]", **FRESH},
    "inbox_read_ack": {
        **INBOX,
        "acked": "int",
        "remaining": "int",
        "by_space": "[Acked]",
        "replayed": "bool",
    },
    "init": MADE,
    "invite": NEW_INVITE,
    "invites": {"space_id": "id", "invites": "[Invite]", **PAGED},
    "join": {**MADE, **JOINED},
    "join_approved": {
        **CHANGED,
        "request_id": "id",
        "invite_id": "id",
        "grant_id": "id?",
        "role": ROLE,
    },
    "join_requests": {
        "space_id": "id",
        "space_name": "text",
        "requests": "[JoinRequest]",
        "next_commands": "[text]",
        "page": "Page",
        "untrusted_fields": "[text]",
    },
    "members": {"members": "[Member]", **PAGED},
    "permissions": {"spaces": "[Place]", **PAGED},
    "recovered": {
        "profile": "text",
        "identity": "Actor",
        "is_new": "bool",
        "spaces": "[FoundSpace]",
        "backup_path": "text?",
        "warnings": "[Warning]",
        "next_commands": "[text]",
        "untrusted_fields": "[text]",
    },
    "policy": {
        "space_id": "id",
        "space_name": "text",
        "changed": "bool",
        "replayed": "bool",
        "dry_run": "bool",
        "policy": "Policy",
        "untrusted_fields": "[text]",
    },
    "quickstart": {
        **MADE,
        **NEW_INVITE,
        "space_name": "text",
        "mode": MODE,
        "joined": "Actor?",
    },
    "reset": {"profile": "text", "backup_path": "text?"},
    "restore": {
        "file": "text",
        "profiles": "[text]",
        "hub": "bool",
        "next_commands": "[text]",
    },
    "roster": {"members": "[Member]", **PAGED},
    "schema": {"name": "text?", "names": "[text]", "json_schema": "Any"},
    "message_redact": {
        "space_id": "id",
        "message_id": "id",
        "event_id": "id?",
        "changed": "bool",
        "replayed": "bool",
        "relay_delivery": DELIVERY,
        "pending_sync": "bool",
    },
    "ready": {
        "space_id": "id",
        "space_name": "text",
        "tasks": "[Task]",
        "claimed": "id?",
        "event_id": "id?",
        "replayed": "bool",
        **PAGED,
    },
    "search": {"query": "text", "hits": "[Record]", **PAGED},
    "send": {
        "message_id": "id",
        "event_id": "id",
        "space_id": "id",
        "space_name": "text",
        "task_id": "id?",
        "cursor": "int",
        "local_durability": "{durable}",
        "delivery_mode": MODE,
        "relay_delivery_reason": "text?",
        "relay_delivery_attempted": "bool",
        "relay_delivery_requires_subscription": "bool",
        "references": "[Ref]",
        **WRITTEN,
    },
    "space": {
        **SPACE_DETAILS,
        "replayed": "bool",
        "next_commands": "[text]",
        "untrusted_fields": "[text]",
    },
    "spaces": {"spaces": "[SpaceDetails]", **PAGED},
    "status": {
        "version": "text",
        "profile": "text",
        "identity": "Actor",
        "daemon": "{not_used}",
        "relay": "Relay",
        "spaces": "[Space]",
        **FRESH,
    },
    "task": {
        **TASK,
        "space_name~": "text",
        "handoff~": "Handoff?",
        "conflict_details~": "[Conflict]",
        "history~": "[Record]",
        "history_complete~": "bool",
        "freshness~": "Freshness",
        "event_id~": "id",
        "cursor~": "int",
        "replayed~": "bool",
        "relay_delivery~": DELIVERY,
        "pending_sync~": "bool",
        "warnings~": "[Warning]",
        "next_commands~": "[text]",
        "untrusted_fields": "[text]",
    },
    "tasks": {"tasks": "[Task]", "counts": "[Counted]", **PAGED},
    "transition": {
        "task_id": "id",
        "space_id": "id",
        "event_id": "id?",
        "cursor": "int?",
        "transition": "text",
        "changed": "bool",
        "previous_status": "text?",
        "status": "text",
        "previous_lifecycle_state": "text?",
        "lifecycle_state": "text",
        "assignment_state": "{assigned unassigned}",
        "claim_state": "{unclaimed provisional confirmed lost}",
        "previous_assignee": "did?",
        "assignee_id": "did?",
        "assignee_display": "text?",
        "fence": "int?",
        "lease_expires_at": "time?",
        "version": "text",
        "title": "text",
        **WRITTEN,
    },
    "version": {
        "version": "text",
        "python": "text",
        "implementation": "text",
        "platform": "text",
    },
    "wait": {"matched": "text", "event": "Event", "timed_out": "bool"},
    "work_record": {
        "space_id": "id",
        "space_name": "text",
        "mode": MODE,
        "for": "Actor?",
        "task_id": "id?",
        "frontier": "Frontier",
        "bounds": "Bounds",
        "authority": "Authority",
        "tasks": "TaskLists",
        "handoffs": "[Handoff]",
        "held": "[Held]",
        "conflicts": "[Conflict]",
        "charter": "Proof?",
        "decisions": "[Proof]",
        "objections": "[Proof]",
        "risks": "[Proof]",
        "open_questions": "[Question]",
        "evidence": "[Proof]",
        "objects": "[RecordObject]",
        "activity": "[Activity]",
        "limits": "Limits",
        "omitted": "Omissions",
        "local": "Local",
        "untrusted_fields": "[text]",
    },
}
# Answers whose further fields depend on what happened: details of an error.
OPEN = frozenset(("error",))

WORDS: Mapping[str, Json] = {
    "text": {"type": "string"},
    "int": {"type": ["integer", "string"], "pattern": "^-?[0-9]+$"},
    "bool": {"type": "boolean"},
    "time": {"type": "string", "pattern": "^[0-9]{4}-[0-9-]{5}T[0-9:]{8}[.][0-9]{3}Z$"},
    "id": {"type": "string", "pattern": "^[a-z]+_[a-z2-7]{52}$"},
    "did": {"type": "string", "pattern": "^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$"},
    "Any": {},
    "Omissions": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Omission"}},
}


def json_schema(name: str) -> Json:
    """Return the JSON Schema of the answer ``name``, complete in itself."""
    head = {"schema": f"{{envoy.{name}/1}}"}
    body = an_object({**head, **ANSWERS[name]}, is_open=name in OPEN)
    shapes = sorted(reached(ANSWERS[name]))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"envoy.{name}/1",
        **body,
        "$defs": {shape: an_object(SHAPES[shape], is_open=False) for shape in shapes},
    }


def reached(fields: Fields) -> set[str]:
    """Return the shapes that ``fields`` need, and those that these need."""
    found: set[str] = set()
    todo = [fields]
    while todo:
        for shape in shapes_of(todo.pop()):
            if shape not in found:
                found.add(shape)
                todo.append(SHAPES[shape])
    return found


def shapes_of(fields: Fields) -> Iterator[str]:
    """Yield the shapes that ``fields`` name."""
    for word in fields.values():
        name = word.strip("[]?")
        if name in SHAPES:
            yield name
        if name == "Omissions":
            yield "Omission"


def an_object(fields: Fields, *, is_open: bool) -> Json:
    """Return the JSON Schema of an object with ``fields`` and, unless open, no others."""
    made: Json = {
        "type": "object",
        "properties": {name.rstrip("~"): a_type(word) for name, word in fields.items()},
        "required": [name for name in fields if not name.endswith("~")],
    }
    return made if is_open else {**made, "additionalProperties": False}


def a_type(word: str) -> Json:
    """Return the JSON Schema of the type ``word``."""
    if word.endswith("?"):
        return {"anyOf": [a_type(word[:-1]), {"type": "null"}]}
    if word.startswith("["):
        return {"type": "array", "items": a_type(word[1:-1])}
    if word.startswith("{"):
        return {"enum": word[1:-1].split(" ")}
    return dict(WORDS[word]) if word in WORDS else {"$ref": f"#/$defs/{word}"}

"""Recordschemas: the answers of the commands on typed records.

Apart from `cli.schemas`, which it is a part of, for its length alone.

Specification: docs/spec/records.md; docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

WRITTEN: Fields = {
    "space_name": "text",
    "event_id": "id?",
    "changed": "bool",
    "replayed": "bool",
    "relay_delivery": "{delivered pending failed not_attempted}",
    "pending_sync": "bool",
    "untrusted_fields": "[text]",
}
RECORD: Fields = {
    "record_id": "id",
    "space_id": "id",
    "kind": "text",
    "type": "text?",
    "state": "text",
    "grade": "{self_reported recorded}?",
    "stale": "bool",
    "text": "text",
    "subject": "text?",
    "fields": "[RecordField]",
    "refs": "[Ref]",
    "task_id": "id?",
    "corrected_by": "[id]",
    "by": "Actor?",
    "created_at": "time",
}

REVIEW: Fields = {
    "task_id": "id",
    "space_id": "id",
    "space_name": "text",
    "title": "text",
    "state": "text",
    "by": "Actor?",
    "completion_id": "id?",
    "handed_in_at": "time?",
    "summary": "text?",
    "gate": "Gate",
    "missing": "Wanted",
    "evidence": "[Shown]",
    "verdicts": "[Verdict]",
    "waits_for_me": "bool",
    "version": "text",
}
HANDOFF: Fields = {
    "record_id": "id",
    "space_id": "id",
    "kind": "{handoff}",
    "state": "{offered accepted withdrawn superseded}",
    "task_id": "id?",
    "task_state": "text",
    "by": "Actor?",
    "to": "Actor?",
    "next": "text",
    "completed": "[text]",
    "remaining": "[text]",
    "commands": "[text]",
    "risks": "[text]",
    "questions": "[text]",
    "evidence": "[id]",
    "frontier": "Pinned",
    "act_id": "id?",
    "created_at": "time",
}
AROUND: Fields = {
    "corrections": "[Correction]",
    "referred_by": "[Referral]",
    "other_versions": "[Version]",
}

ANSWERS: Mapping[str, Fields] = {
    "record": {**RECORD, **WRITTEN},
    "handoff": {**HANDOFF, **WRITTEN, "next_commands": "[text]"},
    "handoff_verified": {
        **HANDOFF,
        "verify": "{valid partial}",
        "valid": "bool",
        "checks": "[HandoffCheck]",
        "since": "int",
        "since_complete": "bool",
        "space_name": "text",
        "path": "text?",
        "untrusted_fields": "[text]",
    },
    "run": {**RECORD, **WRITTEN, "warnings": "[Warning]"},
    "review": {**REVIEW, "freshness": "Freshness", "untrusted_fields": "[text]"},
    "reviews": {
        "reviews": "[TaskReview]",
        "page": "Page",
        "freshness": "Freshness",
        "untrusted_fields": "[text]",
    },
    "record_details": {
        **RECORD,
        **AROUND,
        "space_name": "text",
        "freshness": "Freshness",
        "untrusted_fields": "[text]",
    },
    "records": {
        "space_id": "id",
        "space_name": "text",
        "records": "[TypedRecord]",
        "page": "Page",
        "freshness": "Freshness",
        "untrusted_fields": "[text]",
    },
}

# The shapes in them.
SHAPES: Mapping[str, Fields] = {
    "Correction": {"record_id": "id", "text": "text", "by": "Actor?", "created_at": "time"},
    "Referral": {"rel": "text?", "record_id": "id", "kind": "text", "by": "Actor?"},
    "Version": {
        "event_id": "id",
        "kind": "text",
        "subject": "text?",
        "by": "Actor?",
        "makes_stale": "bool",
    },
    "Shown": {
        "evidence_id": "id",
        "kind": "text?",
        "type": "text?",
        "state": "text?",
        "grade": RECORD["grade"],
        "subject": "text?",
        "stale": "bool",
        "counts": "bool",
        "text": "text?",
        "by": "Actor?",
    },
    "TaskReview": REVIEW,
    "HandoffCheck": {
        "name": "{signature frontier head evidence countersignature}",
        "state": "{ok unknown bad}",
        "event_id": "id",
        "detail": "text?",
    },
    "Handoff": {**HANDOFF, "verify": "{valid partial invalid}"},
    "Pinned": {"hash": "text", "heads": "[id]"},
    "Verdict": {
        "review_id": "id",
        "verdict": "{approve request_changes reject}",
        "note": "text?",
        "evidence": "[id]",
        "at": "time",
        "by": "Actor?",
        "human": "{declared}?",
        "counts": "bool",
    },
    "Wanted": {"reviews": "int", "evidence": "[text]"},
    "TypedRecord": {**RECORD, **AROUND},
    "RecordField": {"name": "text", "value": "text"},
    "Review": {
        "review_id": "id",
        "reviewer_id": "did",
        "verdict": "{approve request_changes reject}",
        "note": "text?",
        "evidence": "[id]",
        "at": "time",
    },
}

"""Auditschemas: the answers of the audit commands, and the shapes in them.

Apart from `cli.schemas` and `cli.shapes`, which it is a part of, for their length alone.

Specification: docs/spec/audit.md; docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

SPACE: Fields = {"space_id": "id", "space_name": "text"}
FRESH: Fields = {"freshness": "Freshness", "untrusted_fields": "[text]"}
BUNDLE: Fields = {
    "path": "text",
    **SPACE,
    "author": "Actor",
    "exported_at": "time",
    "events": "int",
    "shown": "int",
    "withheld": "int",
    "pinned": "int",
    "claimed": "int",
    "states": "{complete stated partial}",
    "unmade": "int",
    "receipts": "int",
    "members": "int",
    "verdicts": "Verdicts",
    "left_out": "[text]",
    "fingerprint": "text",
    "view": "text?",
    "view_files": "[text]",
    "untrusted_fields": "[text]",
}

ANSWERS: Mapping[str, Fields] = {
    "audit": {
        **SPACE,
        "checked": "AuditChecked",
        "verdicts": "Verdicts",
        "chains": "[AuditChain]",
        "forks": "[AuditFork]",
        "fork_count": "int",
        "gaps": "[AuditChain]",
        "epochs": "AuditEpochs",
        "unknowns": "[AuditUnknown]",
        "refused": "[CodeCount]",
        "inbox_health": "InboxHealth",
        "sound": "bool",
        **FRESH,
    },
    "audit_export": {**BUNDLE, "size": "int"},
    "audit_fingerprint": {**SPACE, "fingerprint": "text", "events": "int", "heads": "int", **FRESH},
    "audit_report": {
        **SPACE,
        "member": "Actor?",
        "task_id": "id?",
        "since": "time?",
        "events": "int",
        "verdicts": "Verdicts",
        "wrote": "[KindCount]",
        "reviewed": "int",
        "grants": "[AuditGrant]",
        "epochs": "int",
        "could_read": "[id]?",
        "resting_on_it": "int?",
        "acts": "[AuditAct]",
        "omitted": "int",
        "limit": "int",
        **FRESH,
    },
    "audit_verify": {"valid": "bool", "first_bad": "FirstBad?", **BUNDLE},
}

SHAPES: Mapping[str, Fields] = {
    "AuditAct": {
        "event_id": "id",
        "kind": "text",
        "by": "Actor?",
        "at": "time",
        "event_status": "text",
        "cause": "text?",
        "entity_id": "id?",
    },
    "AuditChain": {
        "member": "Actor?",
        "chain": "text",
        "events": "int",
        "newest_seq": "int",
        "forked": "bool",
        "missing": "int",
        "not_counting": "int",
    },
    "AuditChecked": {
        "events": "int",
        "heads": "int",
        "members": "int",
        "chains": "int",
        "receipts": "int",
        "receipts_counting": "int",
        "state_sum": "text",
    },
    "AuditEpochs": {"known": "int", "held": "int", "without_create": "int"},
    "AuditFork": {"member": "Actor?", "seq": "int", "event_ids": "[id]"},
    "AuditGrant": {
        "event_id": "id",
        "kind": "text",
        "from": "Actor?",
        "to": "Actor?",
        "role": "text?",
        "verb": "text?",
        "status": "text",
    },
    "AuditUnknown": {"reason": "text", "count": "int", "next_action": "text"},
    "CodeCount": {"code": "text", "count": "int"},
    "FirstBad": {
        "part": "{file header epoch order event receipt seal}",
        "number": "int?",
        "event_id": "id?",
        "reason": "text",
        "missing": "id?",
    },
    "InboxHealth": {"unacked_count": "int", "acked_through": "int", "newest": "int"},
    "KindCount": {"kind": "text", "count": "int", "not_counting": "int"},
    "Verdicts": {
        "ok": "int",
        "ok_admitted": "int",
        "held": "int",
        "void": "int",
        "invalid": "int",
    },
}

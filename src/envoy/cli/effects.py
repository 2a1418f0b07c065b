"""Effects: the objects by which answers say what an act of authority ends, frees and holds.

Apart from `cli.shapes` for their number; read as described in `cli.schemas`. No command but `help`
loads them.

Specification: docs/spec/authority.md, Acts of clients.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

EFFECT: Fields = {
    "space_id": "id",
    "space_name": "text",
    "changed": "bool",
    "dry_run": "bool",
    "event_id": "id?",
    "epoch_id": "id?",
    "new_epoch": "bool",
    "ended": "[Ended]",
    "revoked": "[id]",
    "freed": "[id]",
    "holds": "[id]",
    "held": "[Held]",
    "held_count": "int",
    "reach": "Cut?",
    "acts": "[Change]",
    "acts_count": "int",
    "relay_delivery": "{delivered pending failed not_attempted}",
    "pending_sync": "bool",
    "replayed": "bool",
    "untrusted_fields": "[text]",
}
CHANGED: Fields = {
    **EFFECT,
    "member": "Actor?",
    "warnings": "[Warning]",
    "next_commands": "[text]",
}
SHAPES: Mapping[str, Fields] = {
    "Cast": {
        "space_id": "id",
        "space_name": "text",
        "removed": "bool",
        "error_code": "text?",
        "wrote": "int?",
        "minted": "[id]",
        "effect": "Effect?",
    },
    "Cut": {"accepted_events": "int", "accepted_until": "time?", "uncited_events": "int"},
    "Effect": EFFECT,
    "JoinRequest": {
        "request_id": "id",
        "invite_id": "id",
        "member": "Actor",
        "role": "{read write}",
        "uses": "int",
        "max_uses": "int",
        "expires_at": "time",
        "encryption_key_usable": "bool",
    },
    "Ended": {
        "grant_id": "id",
        "kind": "{genesis grant role join delegate invite}",
        "member_id": "did?",
    },
}

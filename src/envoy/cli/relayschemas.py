"""Relayschemas: the answers of the commands about relays and accounts, and the shapes in them.

Apart from `cli.schemas` and `cli.shapes`, which it is a part of, for their length alone.

Specification: docs/spec/relay.md; docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

ANSWERS: Mapping[str, Fields] = {
    "billing_plans": {"relay": "text", "provider": "text", "plans": "[Plan]"},
    "billing_status": {
        "relay": "text",
        "provider": "text",
        "product_plan": "text?",
        "connected_access_active": "bool",
        "ends_at": "time?",
        "spaces": "int?",
        "spaces_max": "int?",
        "changed": "bool",
    },
    "relay_copy": {
        "directory": "text",
        "spaces": "int",
        "frames": "int",
        "chunks": "int",
        "missing_chunks": "int",
        "next_commands": "[text]",
    },
    "relay_init": {
        "data": "text",
        "hub_key": "text",
        "provider": "{none token}",
        "code": "text?",
        "files": "[text]",
        "next_commands": "[text]",
    },
    "relay_serving": {
        "url": "text",
        "pin": "text?",
        "uri": "text",
        "provider": "{none token}",
        "unsafe": "bool",
    },
    "relay_token": {"codes_minted": "[text]", "codes": "[RelayCode]"},
}

SHAPES: Mapping[str, Fields] = {
    "Plan": {
        "name": "text",
        "spaces": "int",
        "bytes": "int",
        "frames_day": "int",
        "chunk_days": "int",
        "idle_days": "int",
    },
    "RelayCode": {
        "code_id": "text",
        "plan": "text",
        "days": "int?",
        "state": "{open redeemed expired}",
        "minted_at": "time",
        "expires_at": "time",
        "redeemed_at": "time?",
    },
}

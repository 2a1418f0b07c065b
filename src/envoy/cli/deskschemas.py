"""Deskschemas: the answers of the commands that explain verdicts, and those on cards.

Apart from `cli.schemas`, which it is a part of, for its length alone.

Specification: docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.cli.shapes import DELIVERY, Fields

FRESH: Fields = {"freshness": "Freshness", "untrusted_fields": "[text]"}
CHAIN: Fields = {"chain": "[Link]", "chain_complete": "bool"}
WHY: Fields = {
    "event_id": "id",
    "space_id": "id",
    "space_name": "text",
    "kind": "text?",
    "by": "Actor?",
    "at": "time?",
    "status": "{ok ok* held void invalid waiting sealed unsupported dropped quarantined}",
    "rule": "text?",
    "rule_words": "text?",
    "flags": "[{beside_close fork stale_epoch clock_ahead}]",
    "causes": "[Cause]",
    **CHAIN,
    "distance": "Distance?",
    "epoch": "EpochState?",
    "frame": "Frame?",
    "next_action": "text",
    "next_command": "text?",
    **FRESH,
}

ANSWERS: Mapping[str, Fields] = {
    "admit": {
        "space_id": "id",
        "space_name": "text",
        "event_id": "id?",
        "cursor": "int?",
        "changed": "bool",
        "dry_run": "bool",
        "reason": "text",
        "named": "[id]",
        "released": "[Released]",
        "relay_delivery": DELIVERY,
        "pending_sync": "bool",
        "replayed": "bool",
        "warnings": "[Warning]",
        "untrusted_fields": "[text]",
    },
    "can": {
        "space_id": "id",
        "space_name": "text",
        "member": "Actor",
        "removed": "bool",
        "verb": "{read write grant admin own}",
        "task_id": "id?",
        "at_event": "id?",
        "allowed": "bool",
        **CHAIN,
        "missing": "Missing?",
        **FRESH,
    },
    "card": {"card": "Card?", "card_string": "text?", "untrusted_fields": "[text]"},
    "card_publish": {
        "card": "Card",
        "changed": "bool",
        "replayed": "bool",
        "results": "[CardResult]",
        "warnings": "[Warning]",
        "untrusted_fields": "[text]",
    },
    "cards": {"cards": "[Card]", "page": "Page", **FRESH},
    "quarantine": {
        "space_id": "id",
        "space_name": "text",
        "events": "[DeskEvent]",
        "counts": "DeskCounts",
        "revocations": "[Distance]",
        "quarantine": "[DoorReject]",
        "quarantine_count": "int",
        "parked": "Parked",
        "page": "Page",
        **FRESH,
    },
    "quarantine_show": {**WHY, "record": "Record?"},
    "why": WHY,
}

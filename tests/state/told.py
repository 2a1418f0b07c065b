"""Told: a story as data, for vectors and for implementations that know nothing of envoy."""

from __future__ import annotations

from envoy.core import bodies
from envoy.core.crypto.seal import PUBLIC_BYTES, kid
from envoy.core.joining import Joining, check_proof
from envoy.core.structs import Body
from state.log import SPACE, Log, Node, named


def told(log: Log) -> list[dict[str, object]]:
    """Return the story as data: names instead of bytes, but for ids, which order events."""
    return [told_one(log, name) for name in log.nodes]


def told_one(log: Log, name: str) -> dict[str, object]:
    """Return one event of the story as data."""
    node = log.nodes[name]
    event: dict[str, object] = {
        "name": node.name,
        "id": node.id.hex(),
        "kind": node.kind,
        "by": log.names[node.author],
        "under": log.names.get(node.auth),
        "saw": list(node.parents),
        "chain": node.chain.hex()[:8],
        "seq": node.seq,
        "lam": node.lam,
        "ts": node.ts,
        "body": None if node.body is None else _body(log, node.body),
    }
    if node.task is not None:
        event["task"] = node.task.hex()
    if isinstance(node.body, bodies.Join):
        event["proved"] = _is_proved(log, node, node.body)
    if node.kind == "epoch.create":
        event["epoch"] = node.epoch.hex()
        event["creates"] = node.creates
    return event


def _is_proved(log: Log, node: Node, body: bodies.Join) -> bool:
    """Say whether the redeem proof of a join is good."""
    invite = log.nodes.get(log.names.get(node.auth, ""))
    if invite is None or not isinstance(invite.body, bodies.Invite):
        return False
    enc = named(log.names[node.author]) * (PUBLIC_BYTES // 32)
    joining = Joining(SPACE, invite.id, node.author, kid(enc), body.access)
    return check_proof(invite.body.ipk, body.proof, joining)


def _body(log: Log, body: Body) -> dict[str, object]:
    """Return the fields of a body that authority looks at."""
    match body:
        case bodies.Grant() | bodies.Role():
            return {"subject": log.names[body.subject], "role": body.role}
        case bodies.Delegate():
            task = None if body.task is None else body.task.hex()
            return {
                "subject": log.names[body.subject],
                "verb": body.verb,
                "task": task,
                "depth": body.depth,
                "na": body.na,
            }
        case bodies.Invite():
            return {"mode": body.mode, "role": body.role, "uses": body.max_uses, "na": body.na}
        case bodies.Remove():
            undo = [log.names.get(one, one.hex()) for one in body.undo]
            return {"subject": log.names[body.subject], "undo": undo}
        case bodies.Revoke():
            return {"target": log.names.get(body.target, body.target.hex())}
        case bodies.Admit():
            return {"ids": [log.names.get(one, one.hex()) for one in body.ids]}
        case bodies.EpochCreate():
            return {"rcpt": sorted(log.names[one.id] for one in body.rcpt)}
        case bodies.HubPin():
            return {"no": body.no}
        case bodies.SpaceRules():
            return {"no": body.rules}
        case _:
            return {}

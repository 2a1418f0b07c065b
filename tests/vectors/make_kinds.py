"""Write tests/vectors/kinds.json: one body of every kind, its edges, and one broken rule each.

The tables repeat docs/spec/kinds.md by hand and use nothing of envoy: a slip in the source cannot
agree with itself. A body that breaks a rule makes its event ``invalid``, whatever the rule.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import messagepack
from oracle.scene import B0, fixed, shown

TARGET = Path(__file__).with_name("kinds.json")
Vector = dict[str, object]
Fields = dict[str, object]

KEY, ID, OTHER_ID = fixed("a key"), fixed("an id"), fixed("another id")
STATEMENT = [fixed("a statement"), fixed("half") * 2]
REFS = [["supports", ID, None], [None, OTHER_ID, fixed("digest")]]
TIME = 1_700_000_000_000

# kind -> fields in their order, all with a value where they may be nil.
FULL: dict[str, Fields] = {
    "genesis": B0 | {"expires": TIME},
    "grant": {
        "subject": KEY,
        "role": "admin",
        "name": "Ada",
        "keys": STATEMENT,
        "access": fixed("access"),
        "invite": ID,
    },
    "role": {"subject": KEY, "role": "read"},
    "join": {
        "name": "Ada",
        "keys": STATEMENT,
        "access": fixed("access"),
        "proof": fixed("proof") * 2,
    },
    "delegate": {
        "subject": KEY,
        "verb": "write",
        "task": ID,
        "depth": 10,
        "na": TIME,
        "keys": STATEMENT,
    },
    "invite": {
        "ipk": KEY,
        "access": fixed("access"),
        "enc": fixed("enc") * 38,
        "mode": "open",
        "role": "write",
        "max_uses": 100,
        "na": TIME,
        "lookup": fixed("lookup", 16),
        "revoke_auth": fixed("revoke"),
        "redeemers": [],
    },
    "remove": {"subject": KEY, "reason": "gone", "undo": [ID, OTHER_ID]},
    "revoke": {"target": ID, "reason": "used up"},
    "leave": {"reason": "done"},
    "admit": {"ids": [ID, OTHER_ID], "reason": "it was agreed"},
    "close": {"reason": "shipped"},
    "epoch.create": {
        "suite": 1,
        "nonce": fixed("nonce", 16),
        "wrap": fixed("wrap"),
        "rcpt": [[KEY, fixed("kid", 16)], [ID, None]],
    },
    "hub.pin": {"no": 1, "hub": KEY, "url": "https://relay.example"},
    "space.rules": {"rules": 2},
    "merge": {"entity": ID},
    "member.keys": {"keys": STATEMENT},
    "key.request": {"epochs": [ID, OTHER_ID]},
    "card": {
        "name": "Ada",
        "type": "agent",
        "version": "1.0",
        "service": "builds",
        "capabilities": ["python", "review"],
    },
    "space.update": {"name": "Harbor", "description": "Where ships come in."},
    "space.policy": {"policy": [["audit", "free"], ["gate.reviews", 2], ["lease_s", 900]]},
    "message": {
        "body": "The pilot is on board.",
        "reply_to": ID,
        "refs": REFS,
        "attach": [ID],
        "mentions": [KEY],
        "task": OTHER_ID,
    },
    "message.redact": {"message": ID, "reason": "a name slipped in"},
    "poll": {"question": "Grey or black?", "options": ["grey", "black"]},
    "task.create": {
        "title": "Paint the hull",
        "body": "Twice, in grey.",
        "labels": ["dock", "paint"],
        "priority": 4,
        "due_at": TIME,
        "needs": [ID],
        "parent": OTHER_ID,
        "refs": REFS,
        "gate": [["no_self_review", True], ["review_by", ["admin"]], ["reviews", 1]],
        "assignee": KEY,
    },
    "task.edit": {
        "task": ID,
        "title": "Paint the keel",
        "body": "Once, in black.",
        "priority": 0,
        "due_at": TIME,
        "parent": OTHER_ID,
        "label": ["keel"],
        "unlabel": ["dock"],
        "need": [OTHER_ID],
        "unneed": [ID],
        "ref": REFS,
        "unref": REFS[:1],
    },
    "task.assign": {"task": ID, "to": KEY},
    "task.claim": {
        "task": ID,
        "session": "default",
        "lease_s": 900,
        "holder_hash": fixed("holder"),
        "handoff": OTHER_ID,
    },
    "task.release": {"task": ID, "note": "no paint"},
    "task.progress": {"task": ID, "tenure": OTHER_ID, "to": "blocked", "note": "rain"},
    "task.complete": {
        "task": ID,
        "tenure": OTHER_ID,
        "summary": "Two coats.",
        "evidence": [ID],
        "for_review": False,
    },
    "task.cancel": {"task": ID, "reason": "sold"},
    "task.reopen": {"task": ID, "reason": "it leaks"},
    "task.gate": {"task": ID, "gate": [["evidence", ["test"]], ["reviews", 2]]},
    "task.handoff": {
        "task": ID,
        "tenure": OTHER_ID,
        "to": KEY,
        "state": "in_progress",
        "next": "the second coat",
        "completed": ["sanded"],
        "remaining": ["varnish"],
        "commands": ["make dry"],
        "risks": ["rain"],
        "questions": ["which green?"],
        "evidence": [[None, ID, fixed("body")]],
        "frontier": [fixed("frontier"), [ID, OTHER_ID]],
    },
    "task.review": {
        "task": ID,
        "completion": OTHER_ID,
        "verdict": "approve",
        "note": "Both coats hold.",
        "evidence": [ID],
    },
    "record": {
        "kind": "evidence",
        "type": "test",
        "task": ID,
        "text": "No leak in an hour.",
        "fields": [["result", "pass"]],
        "subject": "git:hull@4f1c",
        "refs": REFS,
    },
    "record.retract": {"record": ID, "reason": "the wrong dock"},
    "conflict.resolve": {"conflict": ID, "keep": ID, "note": "looked at both"},
    "object.put": {
        "object": ID,
        "name": "crash.log",
        "media": "text/plain",
        "size": 1_048_561,
        "key": fixed("object key"),
        "sha256": fixed("digest"),
        "chunks": [ID, OTHER_ID],
        "task": ID,
        "supersedes": OTHER_ID,
    },
    "object.retract": {"reference": ID, "reason": "old"},
    "object.request": {"object": ID},
}
NIL: dict[str, tuple[str, ...]] = {
    "genesis": ("expires",),
    "grant": ("name", "keys", "access", "invite"),
    "delegate": ("task", "na", "keys"),
    "hub.pin": ("url",),
    "merge": ("entity",),
    "card": ("service",),
    "space.update": ("name", "description"),
    "message": ("reply_to", "task"),
    "task.create": ("title", "due_at", "parent", "assignee"),
    "task.edit": ("title", "body", "priority", "due_at", "parent"),
    "task.claim": ("handoff",),
    "task.release": ("note",),
    "task.progress": ("note",),
    "conflict.resolve": ("note",),
    "task.handoff": ("to",),
    "task.review": ("note",),
    "record": ("type", "task", "subject"),
    "object.put": ("task", "supersedes"),
}
APPROVE: Fields = {"mode": "approve", "enc": None, "redeemers": [KEY]}
IDS = [fixed(f"id {number}") for number in range(257)]
READERS = sorted([fixed(f"reader {number}"), fixed("kid", 16)] for number in range(1001))


def many(count: int, item: object = ID) -> list[object]:
    """Return ``item`` in a list as often as ``count`` says."""
    return [item] * count


# (kind, what is at its edge, the change that is still right)
EDGES: list[tuple[str, str, Fields]] = [
    ("genesis", "a name of 128 bytes", {"name": "n" * 128}),
    ("genesis", "a name of 42 characters, 126 bytes", {"name": "\u20ac" * 42}),
    ("genesis", "an empty policy", {"policy": []}),
    ("genesis", "newer rules", {"rules": 7}),
    ("grant", "an empty name", {"name": ""}),
    ("grant", "every role: owner", {"role": "owner"}),
    ("join", "a statement of 2,048 bytes", {"keys": [bytes(2048), STATEMENT[1]]}),
    ("delegate", "a depth that S4 refuses", {"depth": -1}),
    ("invite", "approve mode", APPROVE),
    ("invite", "approve mode with 16 redeemers", APPROVE | {"redeemers": many(16, KEY)}),
    ("invite", "uses that S3 refuses", {"max_uses": 0}),
    ("remove", "no undo", {"undo": []}),
    ("remove", "undo of 256", {"undo": IDS[:256]}),
    ("remove", "a reason of 512 bytes", {"reason": "r" * 512}),
    ("leave", "an empty reason", {"reason": ""}),
    ("admit", "256 ids", {"ids": IDS[:256]}),
    ("epoch.create", "no recipients", {"rcpt": []}),
    ("key.request", "64 epochs", {"epochs": IDS[:64]}),
    ("card", "a human", {"type": "human"}),
    ("card", "32 capabilities", {"capabilities": many(32, "c" * 128)}),
    ("card", "a version of no bytes", {"version": ""}),
    ("space.update", "an empty description", {"description": ""}),
    ("space.policy", "a key of its own, and nil", {"policy": [["zeal", None]]}),
    ("space.policy", "32 fields", {"policy": [[f"f{number:02}", 1] for number in range(32)]}),
    ("message", "an empty body", {"body": ""}),
    ("message", "64 mentions", {"mentions": many(64, KEY)}),
    ("task.create", "priority 0", {"priority": 0}),
    ("task.create", "32 labels of 64 bytes", {"labels": many(32, "l" * 64)}),
    ("task.create", "no gate", {"gate": []}),
    ("message.redact", "an empty reason", {"reason": ""}),
    ("poll", "a question of 32,768 bytes", {"question": "q" * 32_768}),
    ("poll", "20 options", {"options": [f"option {number}" for number in range(20)]}),
    ("poll", "options of 1 and 512 bytes", {"options": ["o", "p" * 512]}),
    ("task.edit", "an empty title", {"title": ""}),
    ("task.edit", "no date any more", {"due_at": 0}),
    ("task.edit", "32 labels of 64 bytes", {"label": many(32, "l" * 64)}),
    ("task.edit", "64 needs", {"need": many(64)}),
    ("task.cancel", "a reason of 512 bytes", {"reason": "r" * 512}),
    ("task.reopen", "an empty reason", {"reason": ""}),
    ("task.claim", "a lease of a minute", {"lease_s": 60}),
    ("task.claim", "a lease of a day", {"lease_s": 86_400}),
    ("task.claim", "a session of 64 bytes", {"session": "s" * 64}),
    ("task.progress", "in_progress", {"to": "in_progress"}),
    ("task.complete", "no evidence", {"evidence": []}),
    ("task.gate", "no gate any more", {"gate": []}),
    ("task.gate", "32 fields", {"gate": [[f"f{number:02}", 1] for number in range(32)]}),
    ("task.review", "request_changes", {"verdict": "request_changes"}),
    ("task.review", "reject", {"verdict": "reject"}),
    ("task.review", "64 in evidence", {"evidence": many(64)}),
    ("record", "a kind that is yet to come, of 64 bytes", {"kind": "k" * 64}),
    ("record", "no text, fields or refs", {"text": "", "fields": [], "refs": []}),
    ("record", "a subject of 512 bytes", {"subject": "s" * 512}),
    ("record", "32 fields", {"fields": [[f"f{number:02}", 1] for number in range(32)]}),
    ("record.retract", "an empty reason", {"reason": ""}),
    ("object.put", "an empty object", {"size": 0, "chunks": [ID]}),
    ("object.put", "the largest object", {"size": 1_073_725_440, "chunks": many(1024)}),
    ("object.put", "a name that is a path", {"name": "../../.ssh/x"}),
    ("object.put", "labels of 128 bytes", {"name": "n" * 128, "media": "m" * 128}),
]
# (kind, the rule that is broken, the change that breaks it)
BROKEN: list[tuple[str, str, Fields]] = [
    ("genesis", "no name", {"name": ""}),
    ("genesis", "a name of 129 bytes", {"name": "n" * 129}),
    ("genesis", "a name of 43 characters, 129 bytes", {"name": "\u20ac" * 43}),
    ("genesis", "rules 0", {"rules": 0}),
    ("genesis", "a negative expiry", {"expires": -1}),
    ("genesis", "policy out of order", {"policy": [["b", 1], ["a", 1]]}),
    ("grant", "an unknown role", {"role": "guest"}),
    ("grant", "a name of 129 bytes", {"name": "n" * 129}),
    ("role", "an unknown role", {"role": ""}),
    ("join", "no name", {"name": ""}),
    ("join", "a statement of 2,049 bytes", {"keys": [bytes(2049), STATEMENT[1]]}),
    ("join", "a statement's signature of 63 bytes", {"keys": [STATEMENT[0], bytes(63)]}),
    ("delegate", "an unknown verb", {"verb": "grant"}),
    ("invite", "an unknown mode", {"mode": "closed"}),
    ("invite", "an unknown role", {"role": "guest"}),
    ("invite", "open mode without a key", {"enc": None}),
    ("invite", "open mode with a redeemer", {"redeemers": [KEY]}),
    ("invite", "approve mode with a key", APPROVE | {"enc": bytes(1216)}),
    ("invite", "approve mode without a redeemer", APPROVE | {"redeemers": []}),
    ("invite", "approve mode with 17 redeemers", APPROVE | {"redeemers": many(17, KEY)}),
    ("invite", "a key of 1,215 bytes", {"enc": bytes(1215)}),
    ("remove", "undo of 257", {"undo": IDS}),
    ("remove", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("revoke", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("leave", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("close", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("admit", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("admit", "no ids", {"ids": []}),
    ("admit", "257 ids", {"ids": IDS}),
    ("epoch.create", "recipients out of order", {"rcpt": READERS[1::-1]}),
    ("epoch.create", "a recipient twice", {"rcpt": [READERS[0], [READERS[0][0], None]]}),
    ("epoch.create", "1,001 recipients", {"rcpt": READERS}),
    ("epoch.create", "a kid of 15 bytes", {"rcpt": [[KEY, bytes(15)]]}),
    ("hub.pin", "an address of 513 bytes", {"url": "u" * 513}),
    ("hub.pin", "a negative number", {"no": -1}),
    ("key.request", "no epochs", {"epochs": []}),
    ("key.request", "65 epochs", {"epochs": IDS[:65]}),
    ("card", "an unknown type", {"type": "robot"}),
    ("card", "no name", {"name": ""}),
    ("card", "a version of 129 bytes", {"version": "v" * 129}),
    ("card", "a service of 129 bytes", {"service": "s" * 129}),
    ("card", "33 capabilities", {"capabilities": many(33, "c")}),
    ("card", "a capability of 129 bytes", {"capabilities": ["c" * 129]}),
    ("space.update", "an empty name", {"name": ""}),
    ("space.update", "a description of 513 bytes", {"description": "d" * 513}),
    ("space.policy", "no field", {"policy": []}),
    ("space.policy", "33 fields", {"policy": [[f"f{number:02}", 1] for number in range(33)]}),
    ("space.policy", "a field twice", {"policy": [["audit", "keep"], ["audit", "free"]]}),
    ("message", "a body of 32,769 bytes", {"body": "b" * 32_769}),
    ("message", "65 refs", {"refs": many(65, REFS[0])}),
    ("message", "65 attachments", {"attach": many(65)}),
    ("message", "65 mentions", {"mentions": many(65, KEY)}),
    ("message", "an unknown relation", {"refs": [["likes", ID, None]]}),
    ("message", "U+0000 in the body", {"body": "a\0b"}),
    ("task.create", "a title of 513 bytes", {"title": "t" * 513}),
    ("task.create", "a body of 32,769 bytes", {"body": "b" * 32_769}),
    ("task.create", "33 labels", {"labels": many(33, "l")}),
    ("task.create", "a label of 65 bytes", {"labels": ["l" * 65]}),
    ("task.create", "an empty label", {"labels": [""]}),
    ("task.create", "priority 5", {"priority": 5}),
    ("task.create", "priority -1", {"priority": -1}),
    ("task.create", "65 needs", {"needs": many(65)}),
    ("task.create", "65 refs", {"refs": many(65, REFS[0])}),
    ("task.create", "a gate repeated", {"gate": [["reviews", 1], ["reviews", 2]]}),
    ("message.redact", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("task.edit", "a title of 513 bytes", {"title": "t" * 513}),
    ("task.edit", "a body of 32,769 bytes", {"body": "b" * 32_769}),
    ("task.edit", "priority 5", {"priority": 5}),
    ("task.edit", "priority -1", {"priority": -1}),
    ("task.edit", "a date before 1970", {"due_at": -1}),
    ("task.edit", "33 labels", {"label": many(33, "l")}),
    ("task.edit", "33 labels to go", {"unlabel": many(33, "l")}),
    ("task.edit", "a label of 65 bytes", {"label": ["l" * 65]}),
    ("task.edit", "an empty label to go", {"unlabel": [""]}),
    ("task.edit", "65 needs", {"need": many(65)}),
    ("task.edit", "65 needs to go", {"unneed": many(65)}),
    ("task.edit", "65 refs", {"ref": many(65, REFS[0])}),
    ("task.edit", "65 refs to go", {"unref": many(65, REFS[0])}),
    ("task.edit", "an unknown relation", {"ref": [["likes", ID, None]]}),
    ("task.edit", "U+0000 in a label", {"label": ["a\0b"]}),
    ("task.cancel", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("task.reopen", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("task.claim", "a lease of 59 seconds", {"lease_s": 59}),
    ("task.claim", "a lease over a day", {"lease_s": 86_401}),
    ("task.claim", "no session", {"session": ""}),
    ("task.claim", "a session of 65 bytes", {"session": "s" * 65}),
    ("task.release", "a note of 32,769 bytes", {"note": "n" * 32_769}),
    ("task.progress", "an unknown state", {"to": "done"}),
    ("task.progress", "a note of 32,769 bytes", {"note": "n" * 32_769}),
    ("task.complete", "a summary of 32,769 bytes", {"summary": "s" * 32_769}),
    ("task.complete", "65 in evidence", {"evidence": many(65)}),
    ("task.gate", "33 fields", {"gate": [[f"f{number:02}", 1] for number in range(33)]}),
    ("task.gate", "a field twice", {"gate": [["reviews", 1], ["reviews", 2]]}),
    ("task.handoff", "no state", {"state": ""}),
    ("task.handoff", "no next action", {"next": ""}),
    ("task.handoff", "a next action of 32,769 bytes", {"next": "n" * 32_769}),
    ("task.handoff", "33 risks", {"risks": many(33, "r")}),
    ("task.handoff", "an empty question", {"questions": [""]}),
    ("task.handoff", "a command of 2,049 bytes", {"commands": ["c" * 2_049]}),
    ("task.handoff", "65 in evidence", {"evidence": many(65, [None, ID, None])}),
    ("task.handoff", "a frontier without heads", {"frontier": [fixed("frontier"), []]}),
    ("task.handoff", "17 heads", {"frontier": [fixed("frontier"), many(17)]}),
    ("task.review", "an unknown verdict", {"verdict": "abstain"}),
    ("task.review", "a note of 32,769 bytes", {"note": "n" * 32_769}),
    ("task.review", "65 in evidence", {"evidence": many(65)}),
    ("poll", "no question", {"question": ""}),
    ("poll", "a question of 32,769 bytes", {"question": "q" * 32_769}),
    ("poll", "a question of two lines", {"question": "a\nb"}),
    ("poll", "one option", {"options": ["a"]}),
    ("poll", "21 options", {"options": [f"option {number}" for number in range(21)]}),
    ("poll", "an empty option", {"options": ["a", ""]}),
    ("poll", "an option of 513 bytes", {"options": ["a", "p" * 513]}),
    ("poll", "an option of two lines", {"options": ["a", "b\nc"]}),
    ("poll", "an option twice", {"options": ["a", "b", "a"]}),
    ("record", "no kind", {"kind": ""}),
    ("record", "a kind of 65 bytes", {"kind": "k" * 65}),
    ("record", "an empty type", {"type": ""}),
    ("record", "a type of 65 bytes", {"type": "t" * 65}),
    ("record", "a text of 32,769 bytes", {"text": "t" * 32_769}),
    ("record", "33 fields", {"fields": [[f"f{number:02}", 1] for number in range(33)]}),
    ("record", "fields out of order", {"fields": [["b", 1], ["a", 1]]}),
    ("record", "an empty subject", {"subject": ""}),
    ("record", "a subject of 513 bytes", {"subject": "s" * 513}),
    ("record", "65 refs", {"refs": many(65, REFS[0])}),
    ("record", "an unknown relation", {"refs": [["likes", ID, None]]}),
    ("record.retract", "a reason of 513 bytes", {"reason": "r" * 513}),
    ("conflict.resolve", "a note of 32,769 bytes", {"note": "n" * 32_769}),
    ("object.put", "an empty name", {"name": ""}),
    ("object.put", "a name of 129 bytes", {"name": "n" * 129}),
    ("object.put", "U+0000 in a name", {"name": "a\0b"}),
    ("object.put", "no media type", {"media": ""}),
    ("object.put", "a media type of 129 bytes", {"media": "m" * 129}),
    ("object.put", "no chunk", {"size": 0, "chunks": []}),
    ("object.put", "a chunk too few", {"chunks": [ID]}),
    ("object.put", "a chunk too many", {"size": 1_048_560}),
    ("object.put", "1,025 chunks", {"size": 1_073_725_441, "chunks": many(1025)}),
    ("object.retract", "a reason of 513 bytes", {"reason": "r" * 513}),
]


def body(fields: Fields) -> bytes:
    """Return C(body) of ``fields``."""
    return messagepack.write(list(fields.values()))


def read(name: str, kind: str, fields: Fields) -> Vector:
    """Return a vector of a body that is read."""
    return {"name": name, "input": given(kind, body(fields)), "expect": shown(fields)}


def given(kind: str, raw: bytes) -> Vector:
    """Return an input; a run of 256 equal bytes or more is ``repeat``, what follows it ``tail``."""
    start = at = 0
    while at < len(raw) and at - start < 256:
        at += 1
        if at < len(raw) and raw[at] != raw[start]:
            start = at
    if at - start < 256:
        return {"kind": kind, "body": raw.hex()}
    tail = raw[start:].lstrip(raw[start : start + 1])
    repeat = {"hex": raw[start : start + 1].hex(), "times": len(raw) - start - len(tail)}
    return {"kind": kind, "body": raw[:start].hex(), "repeat": repeat, "tail": tail.hex()}


def vectors() -> list[Vector]:
    """Return all vectors."""
    found = [read(f"{kind}: every field", kind, fields) for kind, fields in FULL.items()]
    found += [
        read(f"{kind}: what may be nil is nil", kind, FULL[kind] | dict.fromkeys(fields))
        for kind, fields in NIL.items()
    ]
    found += [read(f"{kind}: {name}", kind, FULL[kind] | new) for kind, name, new in EDGES]
    broken = [(kind, name, body(FULL[kind] | new)) for kind, name, new in BROKEN]
    for kind, fields in FULL.items():
        raw = body(fields)
        broken.append((kind, "the last field missing", body(dict([*fields.items()][:-1]))))
        broken.append((kind, "a field too many", body(fields | {"more": None})))
        broken.append((kind, "a long head", b"\xdc\x00" + bytes((raw[0] & 15,)) + raw[1:]))
        for field in fields:
            if field not in NIL.get(kind, ()) and field != "enc":  # which hangs on the mode
                broken.append((kind, f"{field} is nil", body(fields | {field: None})))
    found += [
        {"name": f"{kind}: {name}", "input": given(kind, raw), "code": "invalid"}
        for kind, name, raw in broken
    ]
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")

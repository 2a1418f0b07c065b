"""A home made of rows: replica.db filled by hand, to test reads without the write side.

Everything has a default, so that a test names only what it is about. Dids are real keys, ids are
hashes of a name, times begin at a fixed moment.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from copy import copy
from hashlib import sha256
from pathlib import Path
from typing import Any

from envoy import ids
from envoy.core.identity import Identity, Stored, to_record
from envoy.storage import home, schema
from envoy.system import db
from envoy.system.db import Value
from envoy.views import rows

LATER_SECONDS = 0.3
T0 = 1_767_225_600_000  # 2026-01-01T00:00:00Z


Row = (
    rows.Space
    | rows.Item
    | rows.Member
    | rows.Grant
    | rows.Invite
    | rows.Task
    | rows.Conflict
    | rows.Link
    | rows.Record
    | rows.RecordRef
    | rows.Stream
)
TABLES: dict[type[Row], str] = {
    rows.Space: "space",
    rows.Item: "item",
    rows.Member: "member",
    rows.Grant: "grant_",
    rows.Invite: "invite",
    rows.Task: "task",
    rows.Conflict: "conflict",
    rows.Link: "link",
    rows.Record: "record",
    rows.RecordRef: "record_ref",
    rows.Stream: "stream",
}


def digest(name: str) -> bytes:
    """Return 32 bytes that stand for ``name``."""
    return sha256(name.encode()).digest()


def record(did: bytes, name: str) -> dict[str, object]:
    """Return an identity.json whose public half is true; no read looks at the other."""
    lock = {"mode": "none", "t": 0, "m": 0, "p": 0, "salt": ""}
    text = ids.did_text(did)
    base = {"v": 1, "name": name, "did": text, "enc_no": 0, "lock": lock}
    return {**base, "root": "", "check": ""}


def whole_record(name: str) -> tuple[bytes, dict[str, object]]:
    """Return the did of the profile ``name`` and an identity.json that is true in every field."""
    one = Identity(digest(f"root {name}"))
    return one.did, to_record(Stored(one, name, 0))


class RowHome:
    """One profile whose database a test writes row by row."""

    def __init__(self, root: Path, profile: str = "lead") -> None:
        self.root = root / "home"
        self.where = home.paths(str(self.root), profile)
        home.make(self.where)
        self.me, made = whole_record(profile)
        home.write_record(self.where, made, replace=False)
        self.connection = db.connect(self.where.replica, create=True)
        # Fifty fsyncs a test would be half of its time, and nothing here outlives one.
        self.connection.run("PRAGMA synchronous=OFF")
        version = f"PRAGMA user_version={schema.VERSION}"
        self.write("; ".join((schema.LOG, schema.PROJECTIONS, version)))
        self.write("INSERT INTO meta(k, v) VALUES('projection', ?)", (schema.PROJECTION,))
        self.spaces = 0
        self.n = 0

    def write(self, sql: str, params: tuple[Value, ...] = ()) -> None:
        """Execute one statement in a transaction of its own."""
        self.connection.run("BEGIN IMMEDIATE")
        self.connection.run(sql, params)
        self.connection.run("COMMIT")

    def save(self, *found: Row) -> None:
        """Store rows in one transaction."""
        self.connection.run("BEGIN IMMEDIATE")
        for row in found:
            marks, columns = ", ".join("?" * len(row)), ", ".join(row._fields)
            table = TABLES[type(row)]
            self.connection.run(f"INSERT OR REPLACE INTO {table}({columns}) VALUES({marks})", row)
        self.connection.run("COMMIT")

    def actor(self, did: bytes) -> int:
        """Return the number of ``did``, a new one the first time."""
        self.write("INSERT OR IGNORE INTO actor(did) VALUES(?)", (did,))
        found = self.connection.find(int, "SELECT an FROM actor WHERE did = ?", (did,))
        assert found is not None
        return found

    def later(self, act: Callable[[RowHome], object]) -> threading.Timer:
        """Start a thread that soon lets ``act`` write into this home by a connection of its own."""

        def write() -> None:
            twin = copy(self)
            with db.connect(self.where.replica) as twin.connection:
                act(twin)

        timer = threading.Timer(LATER_SECONDS, write)
        timer.start()
        return timer

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a command in this home."""
        keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        own = {"ENVOY_HOME": str(self.root), "ENVOY_PROFILE": self.where.name, "TZ": "UTC"}
        return {**keep, **own, **more}

    def space(self, name: str = "bughunt", /, **fields: Any) -> rows.Space:
        """Store a space and return its row."""
        self.spaces += 1
        row = rows.Space(
            sn=self.spaces,
            id=digest(f"space {name}"),
            genesis=digest("G" + name),
            suite=1,
            rules=1,
            salt=digest("salt"),
            root_pub=digest("root"),
            founder=self.me,
            hub=digest("hub"),
            hub_no=0,
            name=name,
            description="",
            mode="local_only",
            created_ms=T0,
            expires_ms=None,
            closed_ms=None,
            role="owner",
            join_state="member",
            chain=None,
            tip=None,
            tip_seq=0,
            instance=None,
            cursor=0,
            hub_chain=None,
            frame_sum=bytes(32),
            frame_count=0,
            next_n=1,
            reserved_n=0,
            ack_n=0,
            unread=0,
            epoch=digest("epoch"),
            adequate=1,
            events=0,
            heads_hash=digest("heads"),
            state_sum=digest("state"),
            muted=0,
            pinned=0,
            synced_ms=T0,
            pending=0,
            policy="{}",
        )._replace(**fields)
        self.save(row)
        return row

    def member(
        self, space: rows.Space, name: str, /, *, role: str | None = "write", **fields: Any
    ) -> rows.Member:
        """Store a member and return its row; the name of the profile is me."""
        did = self.me if name == self.where.name else digest(f"did {name}")
        row = rows.Member(
            sn=space.sn,
            an=self.actor(did),
            did=did,
            name=name,
            type="agent",
            role=role,
            reader=int(role is not None),
            joined_ms=T0,
            via=None,
            removed_ms=None,
            enc=bytes(1216),
            kid=bytes(16),
            enc_no=0,
            access=bytes(32),
            flags="[]",
        )._replace(**fields)
        self.save(row)
        return row

    def item(
        self,
        space: rows.Space,
        author: rows.Member,
        body: str | None = "hello",
        *,
        reason: str | None = "message",
        **fields: Any,
    ) -> rows.Item:
        """Store an event, its item and its line in the stream; return the item."""
        self.n += 1
        n = self.n
        row = rows.Item(
            rid=n,
            sn=space.sn,
            lam=n,
            id=digest(f"event {n}"),
            n=n,
            an=author.an,
            kind="message",
            type="new_message",
            ts=T0 + n * 1000,
            role=author.role,
            body=body,
            reply_to=None,
            task=None,
            target=None,
            detail=None,
            refs="[]",
            status="ok",
            cause=None,
            refused=None,
            late=0,
        )._replace(**fields)
        stream = rows.Stream(
            sn=space.sn,
            n=n,
            rid=n,
            type=row.type,
            an=author.an,
            at=row.ts,
            object=row.task,
            reason=reason,
            own=int(author.did == self.me),
            hidden=0,
        )
        self.log(row)
        self.save(row, stream)
        if body is not None and row.status in ("ok", "ok*"):
            self.write("INSERT INTO words(rowid, body) VALUES(?, ?)", (n, body))
        return row

    def log(self, row: rows.Item) -> None:
        """Store the bare event behind an item."""
        self.write(
            "INSERT INTO event(rid, sn, id, kind, an, cn, seq, lam, ts, auth, seen, status,"
            " deps, basis) VALUES(?, ?, ?, ?, ?, 1, ?, ?, ?, x'', 1, ?, x'', x'')",
            (row.rid, row.sn, row.id, row.kind, row.an, row.n, row.lam, row.ts, row.status),
        )

    def record(
        self, space: rows.Space, author: rows.Member, text: str = "it runs", **fields: Any
    ) -> rows.Record:
        """Store a record that counts, with its event, and return its row."""
        made = self.item(space, author, text, kind="record", type="record_added")
        row = rows.Record(
            sn=space.sn,
            id=made.id,
            lam=made.lam,
            created_ms=made.ts,
            an=author.an,
            kind="evidence",
            type="test",
            task=None,
            text=text,
            fields='{"result":"pass"}',
            subject=None,
            refs="[]",
            ranked=0,
            retracted=None,
            digest=digest("r" + text),
        )._replace(**fields)
        self.save(row)
        return row

    def refer(self, row: rows.Record, rel: str, target: bytes) -> None:
        """Store a reference of a record."""
        self.save(rows.RecordRef(row.sn, row.id, 0, rel, target))

    def task(
        self, space: rows.Space, creator: rows.Member, title: str = "Repro crash", **fields: Any
    ) -> rows.Task:
        """Store a task with its creation and return its row."""
        made = self.item(space, creator, title, kind="task.create", type="task_created")
        row = rows.Task(
            sn=space.sn,
            id=made.id,
            lam=made.lam,
            created_ms=made.ts,
            changed_ms=made.ts,
            creator=creator.an,
            title=title,
            body=title,
            state="open",
            assignee=None,
            tenure=None,
            is_claim=0,
            claim_state="unclaimed",
            session=None,
            fence=None,
            lease_ms=None,
            priority=2,
            due_ms=None,
            labels="[]",
            needs="[]",
            parent=None,
            refs="[]",
            gate="{}",
            summary=None,
            evidence="[]",
            completion=None,
            completed_by=None,
            conflicts=0,
            version=digest("v" + title),
            digest=digest("d" + title),
        )._replace(**fields)
        self.save(row)
        return row

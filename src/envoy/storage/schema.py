"""Schema: the tables of replica.db, and how an older file becomes this one.

Three sorts of tables. The log (``event``, ``frame``, ``authority``, ``receipt``, ``parked`` …) is
what was received and judged; nothing in it is rewritten but verdicts. The projections (``item``,
``task``, ``member`` …, one per NamedTuple of ``views.rows``) are disposable: ``PROJECTION`` says
with which rules they were made. The rest is this copy's own (``stream``, ``outbox``, ``holder``,
``idempotency``) and comes back from nowhere else. A kind that an older build did not know comes
with a new ``PROJECTION``: the rebuild that follows reads its events again.

A newer ``user_version`` is refused with schema_too_new; an older one is brought up by the steps of
``storage.migrations``, a transaction each, so a kill leaves the version before or after one.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

VERSION = 4
PROJECTION = 9

FORGOTTEN = """
CREATE TABLE forgotten(id BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""
# What stands nowhere else, twice: a look at the file sees when one of the two was damaged.
TWICE = """
CREATE INDEX space_twice ON space(next_n, synced_ms);
"""
LOG = (
    FORGOTTEN
    + """
CREATE TABLE meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE actor(an INTEGER PRIMARY KEY, did BLOB NOT NULL UNIQUE);
CREATE TABLE space(
  sn INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, genesis BLOB NOT NULL, suite INTEGER NOT NULL,
  rules INTEGER NOT NULL, salt BLOB NOT NULL, root_pub BLOB NOT NULL, founder BLOB NOT NULL,
  hub BLOB NOT NULL, hub_no INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
  mode TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER, closed_ms INTEGER,
  role TEXT, join_state TEXT NOT NULL, chain BLOB, tip BLOB, tip_seq INTEGER NOT NULL,
  instance BLOB, cursor INTEGER NOT NULL, hub_chain BLOB, frame_sum BLOB NOT NULL,
  frame_count INTEGER NOT NULL, next_n INTEGER NOT NULL, reserved_n INTEGER NOT NULL,
  ack_n INTEGER NOT NULL, unread INTEGER NOT NULL, epoch BLOB, adequate INTEGER NOT NULL,
  events INTEGER NOT NULL, heads_hash BLOB NOT NULL, state_sum BLOB NOT NULL,
  muted INTEGER NOT NULL, pinned INTEGER NOT NULL, synced_ms INTEGER, pending INTEGER NOT NULL,
  policy TEXT NOT NULL DEFAULT '{}');
CREATE TABLE chain(
  cn INTEGER PRIMARY KEY, sn INTEGER NOT NULL, an INTEGER NOT NULL, chain BLOB NOT NULL,
  forked INTEGER NOT NULL, UNIQUE(sn, an, chain));
CREATE TABLE seen(k INTEGER PRIMARY KEY, sn INTEGER NOT NULL, bits BLOB NOT NULL, UNIQUE(sn, bits));
CREATE TABLE event(
  rid INTEGER PRIMARY KEY, sn INTEGER NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL,
  an INTEGER NOT NULL, cn INTEGER NOT NULL, seq INTEGER NOT NULL, lam INTEGER NOT NULL,
  ts INTEGER NOT NULL, auth BLOB NOT NULL, seen INTEGER NOT NULL, ix INTEGER, entity BLOB,
  fault TEXT, status TEXT NOT NULL, cause TEXT, cause_by BLOB, prev BLOB, deps BLOB NOT NULL,
  basis BLOB NOT NULL);
CREATE UNIQUE INDEX event_id ON event(sn, id);
CREATE INDEX event_chain ON event(cn, seq);
CREATE INDEX event_entity ON event(sn, entity) WHERE length(entity) > 0;
CREATE INDEX event_auth ON event(sn, auth);
CREATE TABLE frame(rid INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE authority(
  sn INTEGER NOT NULL, ix INTEGER NOT NULL, rid INTEGER NOT NULL, epoch BLOB NOT NULL,
  body BLOB NOT NULL,  PRIMARY KEY(sn, ix)) WITHOUT ROWID;
CREATE TABLE past(
  sn INTEGER NOT NULL, ix INTEGER NOT NULL, cn INTEGER NOT NULL, seq INTEGER NOT NULL,
  tip BLOB NOT NULL, PRIMARY KEY(sn, ix, cn, tip)) WITHOUT ROWID;
CREATE TABLE head(
  sn INTEGER NOT NULL, id BLOB NOT NULL, an INTEGER NOT NULL, lam INTEGER NOT NULL,
  ts INTEGER NOT NULL, frontier INTEGER NOT NULL, citable INTEGER NOT NULL,
  PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE TABLE entity_head(
  sn INTEGER NOT NULL, entity BLOB NOT NULL, id BLOB NOT NULL, lam INTEGER NOT NULL,
  PRIMARY KEY(sn, entity, id)) WITHOUT ROWID;
CREATE TABLE epoch(
  sn INTEGER NOT NULL, id BLOB NOT NULL, head BLOB, secret BLOB, created BLOB, lam INTEGER,
  asked_ms INTEGER, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE TABLE parked(
  sn INTEGER NOT NULL, id BLOB NOT NULL, state TEXT NOT NULL, why BLOB, author BLOB,
  at INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX parked_why ON parked(sn, state, why);
CREATE TABLE dropped(sn INTEGER NOT NULL, id BLOB NOT NULL, why BLOB, PRIMARY KEY(sn, id))
  WITHOUT ROWID;
CREATE INDEX dropped_why ON dropped(sn, id) WHERE why IS NOT NULL;
CREATE TABLE quarantine(
  sn INTEGER NOT NULL, id BLOB NOT NULL, code TEXT NOT NULL, source TEXT NOT NULL,
  size INTEGER NOT NULL, first_ms INTEGER NOT NULL, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE TABLE receipt(
  sn INTEGER NOT NULL, id BLOB NOT NULL, event BLOB NOT NULL, slot BLOB NOT NULL,
  no INTEGER NOT NULL, instance BLOB NOT NULL, fence INTEGER NOT NULL, holder BLOB NOT NULL,
  at INTEGER NOT NULL, until INTEGER NOT NULL, good INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX receipt_event ON receipt(sn, event);
CREATE TABLE fork(
  sn INTEGER NOT NULL, cn INTEGER NOT NULL, seq INTEGER NOT NULL, first BLOB NOT NULL,
  second BLOB NOT NULL, PRIMARY KEY(sn, cn, seq, second)) WITHOUT ROWID;
CREATE TABLE outbox(
  o INTEGER PRIMARY KEY AUTOINCREMENT, sn INTEGER NOT NULL, what TEXT NOT NULL, id BLOB,
  data BLOB NOT NULL);
CREATE INDEX outbox_space ON outbox(sn, o);
CREATE TABLE idempotency(
  sn INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, result TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY(sn, key)) WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency(sn, at);
CREATE TABLE holder(
  sn INTEGER NOT NULL, task BLOB NOT NULL, session TEXT NOT NULL, secret BLOB NOT NULL,
  PRIMARY KEY(sn, task, session)) WITHOUT ROWID;
CREATE TABLE stream(
  sn INTEGER NOT NULL, n INTEGER NOT NULL, rid INTEGER NOT NULL, type TEXT NOT NULL,
  an INTEGER NOT NULL, at INTEGER NOT NULL, object BLOB, reason TEXT, own INTEGER NOT NULL,
  hidden INTEGER NOT NULL, PRIMARY KEY(sn, n)) WITHOUT ROWID;
CREATE INDEX stream_inbox ON stream(sn, n) WHERE reason IS NOT NULL AND own = 0 AND hidden = 0;
CREATE INDEX stream_event ON stream(rid);
CREATE INDEX stream_mention ON stream(sn, n) WHERE reason = 'mention';
"""
    + TWICE
)

# Full text is merged by eights, not by fours: each word is written again less often, which is a
# third of what it costs to take one in, and a search looks into a few more parts. `item_space` is
# there to be counted: a tenth of the pages of `item_order`.
PROJECTIONS = """
CREATE TABLE item(
  rid INTEGER PRIMARY KEY, sn INTEGER NOT NULL, lam INTEGER NOT NULL, id BLOB NOT NULL,
  n INTEGER NOT NULL, an INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT NOT NULL,
  ts INTEGER NOT NULL, role TEXT, body TEXT, reply_to BLOB, task BLOB, target BLOB, detail TEXT,
  refs TEXT NOT NULL, status TEXT NOT NULL, cause TEXT, refused TEXT, late INTEGER NOT NULL,
  redacted BLOB);
CREATE INDEX item_order ON item(sn, lam, id);
CREATE INDEX item_space ON item(sn);
CREATE INDEX item_task ON item(sn, task, lam) WHERE task IS NOT NULL;
CREATE INDEX item_reply ON item(sn, reply_to) WHERE reply_to IS NOT NULL;
CREATE INDEX item_rest ON item(sn, lam, id) WHERE kind <> 'message' AND kind NOT GLOB 'task.*';
CREATE INDEX item_poll ON item(sn, lam, id) WHERE kind = 'poll';
CREATE INDEX item_status ON item(sn, status) WHERE status NOT IN ('ok', 'ok*');
CREATE VIRTUAL TABLE words USING fts5(body, content='', contentless_delete=1);
INSERT INTO words(words, rank) VALUES('automerge', 8);
CREATE TABLE member(
  sn INTEGER NOT NULL, an INTEGER NOT NULL, did BLOB NOT NULL, name TEXT NOT NULL, type TEXT,
  role TEXT, reader INTEGER NOT NULL, joined_ms INTEGER, via BLOB, removed_ms INTEGER, enc BLOB,
  kid BLOB, enc_no INTEGER, access BLOB, flags TEXT NOT NULL, PRIMARY KEY(sn, an)) WITHOUT ROWID;
CREATE TABLE grant_(
  sn INTEGER NOT NULL, id BLOB NOT NULL, subject INTEGER NOT NULL, author INTEGER NOT NULL,
  kind TEXT NOT NULL, role TEXT, verb TEXT, task BLOB, depth INTEGER NOT NULL, na INTEGER,
  status TEXT NOT NULL, cause BLOB, ix INTEGER NOT NULL, senior INTEGER NOT NULL,
  PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX grant_subject ON grant_(sn, subject);
CREATE TABLE invite(
  sn INTEGER NOT NULL, id BLOB NOT NULL, author INTEGER NOT NULL, role TEXT NOT NULL,
  mode TEXT NOT NULL, max_uses INTEGER NOT NULL, uses INTEGER NOT NULL, na INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, lookup BLOB NOT NULL, revoke_auth BLOB NOT NULL, enc BLOB,
  access BLOB NOT NULL, status TEXT NOT NULL, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE TABLE task(
  sn INTEGER NOT NULL, id BLOB NOT NULL, lam INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL, creator INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
  state TEXT NOT NULL, assignee INTEGER, tenure BLOB, is_claim INTEGER NOT NULL,
  claim_state TEXT NOT NULL, session TEXT, fence INTEGER, lease_ms INTEGER,
  priority INTEGER NOT NULL, due_ms INTEGER, labels TEXT NOT NULL, needs TEXT NOT NULL,
  parent BLOB, refs TEXT NOT NULL, gate TEXT NOT NULL, summary TEXT, evidence TEXT NOT NULL,
  completion BLOB, completed_by INTEGER, conflicts INTEGER NOT NULL, version BLOB NOT NULL,
  digest BLOB NOT NULL, edges INTEGER NOT NULL, reviews TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX task_state ON task(sn, state, priority, lam);
CREATE INDEX task_holder ON task(sn, assignee, state) WHERE assignee IS NOT NULL;
CREATE TABLE edge(
  sn INTEGER NOT NULL, task BLOB NOT NULL, rel TEXT NOT NULL, target BLOB NOT NULL,
  at INTEGER NOT NULL, act BLOB NOT NULL, lam INTEGER NOT NULL, ident BLOB NOT NULL,
  made INTEGER NOT NULL, refused INTEGER NOT NULL, PRIMARY KEY(sn, task, rel, target))
  WITHOUT ROWID;
CREATE INDEX edge_target ON edge(sn, target);
CREATE INDEX edge_edited ON edge(sn) WHERE made = 0;
CREATE TABLE conflict(
  sn INTEGER NOT NULL, id BLOB NOT NULL, entity BLOB NOT NULL, kind TEXT NOT NULL,
  winner BLOB NOT NULL, loser BLOB NOT NULL, rule TEXT NOT NULL, status TEXT NOT NULL,
  kept BLOB, act BLOB, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX conflict_entity ON conflict(sn, entity);
CREATE INDEX conflict_open ON conflict(sn) WHERE status = 'open';
CREATE TABLE link(
  sn INTEGER NOT NULL, event BLOB NOT NULL, at INTEGER NOT NULL, rel TEXT NOT NULL,
  target BLOB NOT NULL, PRIMARY KEY(sn, event, at)) WITHOUT ROWID;
CREATE INDEX link_target ON link(sn, target);
CREATE TABLE object(
  sn INTEGER NOT NULL, id BLOB NOT NULL, object BLOB NOT NULL, lam INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, an INTEGER NOT NULL, name TEXT NOT NULL, media TEXT NOT NULL,
  size INTEGER NOT NULL, sha256 BLOB NOT NULL, chunks BLOB NOT NULL, task BLOB, supersedes BLOB,
  retracted BLOB, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX object_object ON object(sn, object);
CREATE INDEX object_order ON object(sn, lam, id);
CREATE INDEX object_task ON object(sn, task, lam) WHERE task IS NOT NULL;
CREATE TABLE record(
  sn INTEGER NOT NULL, id BLOB NOT NULL, lam INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  an INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT, task BLOB, text TEXT NOT NULL,
  fields TEXT NOT NULL, subject TEXT, refs TEXT NOT NULL, ranked INTEGER NOT NULL, retracted BLOB,
  digest BLOB NOT NULL, PRIMARY KEY(sn, id)) WITHOUT ROWID;
CREATE INDEX record_order ON record(sn, lam, id);
CREATE INDEX record_kind ON record(sn, kind, lam, id) WHERE retracted IS NULL;
CREATE INDEX record_task ON record(sn, task, lam) WHERE task IS NOT NULL;
CREATE TABLE record_ref(
  sn INTEGER NOT NULL, record BLOB NOT NULL, at INTEGER NOT NULL, rel TEXT, target BLOB NOT NULL,
  PRIMARY KEY(sn, record, at)) WITHOUT ROWID;
CREATE INDEX record_ref_target ON record_ref(sn, target);
"""

# What a member could take now, first to be done first: who could (?2), label or NULL (?3), the sort
# key that a page comes behind (?4 to ?7), limit (?8). What has no date comes last.
READY = (
    "sn = ?1 AND conflicts = 0 AND (state = 'open' OR (state = 'assigned' AND assignee = ?2))"
    " AND (?3 IS NULL OR EXISTS(SELECT 1 FROM json_each(labels) WHERE value = ?3))"
    " AND (priority, coalesce(due_ms, 9223372036854775807), lam, id) > (?4, ?5, ?6, ?7)"
    " AND (edges = 0 OR NOT EXISTS(SELECT 1 FROM edge WHERE edge.sn = ?1"
    " AND edge.task = task.id AND edge.rel = 'need' AND edge.refused = 0"
    " AND NOT EXISTS(SELECT 1 FROM task AS other WHERE other.sn = ?1"
    " AND other.id = edge.target AND other.state = 'completed')))"
    " ORDER BY priority, coalesce(due_ms, 9223372036854775807), lam, id LIMIT ?8"
)
FIRST_READY = (-1, -1, -1, b"")
# Of one object the reference that sorts first speaks, unless it is retracted.
OBJECT_IDS = (
    "SELECT id FROM (SELECT id, object, row_number() OVER (PARTITION BY object ORDER BY"
    " retracted IS NOT NULL, lam, id) AS place FROM object"
    " WHERE sn = ? AND object BETWEEN ? AND ?) WHERE place = 1 LIMIT 3"
)
REFERENCE_IDS = "SELECT id FROM object WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"

PROJECTION_TABLES = (
    *("item", "words", "member", "grant_", "invite", "task", "edge", "conflict", "object"),
    *("record", "record_ref", "link"),
)
# Those with a row per space, or several.
SPACE_TABLES = (
    *("space", "chain", "seen", "event", "authority", "past", "head", "entity_head", "epoch"),
    *("parked", "dropped", "quarantine", "receipt", "fork", "outbox", "idempotency", "holder"),
    *("stream", "item", "member", "grant_", "invite", "task", "edge", "conflict", "object"),
    *("record", "record_ref", "link"),
)

"""DDL: the tables that a relay has beside those of a log store, and how older ones become them.

Statements of SQL and nothing else, apart from the store that runs them, so that what lies on the
disk of a relay can be read in one place. A step was released and is never changed, only added to.

Specification: docs/spec/relay.md, Store; Retention.
"""

from __future__ import annotations

from typing import Final

from envoy import limits

VERSION: Final = 3

SCHEMA: Final = """
CREATE TABLE cap(
  space BLOB NOT NULL, holder BLOB NOT NULL, chain BLOB NOT NULL, at INTEGER NOT NULL,
  poster BLOB NOT NULL DEFAULT x'', ends INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(space, holder)) STRICT, WITHOUT ROWID;
CREATE TABLE born(space BLOB PRIMARY KEY, instance BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE cap_use(
  space BLOB NOT NULL, parent BLOB NOT NULL, holder BLOB NOT NULL,
  PRIMARY KEY(space, parent, holder)) STRICT, WITHOUT ROWID;
CREATE TABLE stated(
  space BLOB NOT NULL, signer BLOB NOT NULL, raw BLOB NOT NULL, n INTEGER NOT NULL,
  base INTEGER NOT NULL, min_epoch INTEGER NOT NULL,
  PRIMARY KEY(space, signer)) STRICT, WITHOUT ROWID;
CREATE TABLE revoked(
  space BLOB NOT NULL, hash BLOB NOT NULL, signer BLOB NOT NULL,
  PRIMARY KEY(space, hash, signer)) STRICT, WITHOUT ROWID;
CREATE TABLE nonce(nonce BLOB PRIMARY KEY, exp INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_exp ON nonce(exp);
CREATE TABLE usage(
  space BLOB NOT NULL, who BLOB NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(space, who, day)) STRICT, WITHOUT ROWID;
CREATE TABLE chunk(
  space BLOB NOT NULL, id BLOB NOT NULL, size INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY(space, id)) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_expires ON chunk(expires);
CREATE TABLE shelf(space BLOB PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE invite_space(
  lookup BLOB PRIMARY KEY, space BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE fund(
  space BLOB PRIMARY KEY, account BLOB, session_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX fund_account ON fund(account);
CREATE TABLE entitlement(
  account BLOB PRIMARY KEY, plan TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE code(
  hash BLOB PRIMARY KEY, plan TEXT NOT NULL, days INTEGER NOT NULL, made INTEGER NOT NULL,
  expires INTEGER NOT NULL, used INTEGER NOT NULL, account BLOB) STRICT, WITHOUT ROWID;
"""
# From version to version. What was stated before 2 counts on, without a number to go on from.
STEPS: Final = (
    (
        "ALTER TABLE cap ADD COLUMN poster BLOB NOT NULL DEFAULT x''",
        "ALTER TABLE cap ADD COLUMN ends INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE born(space BLOB PRIMARY KEY, instance BLOB NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE stated("
        " space BLOB NOT NULL, signer BLOB NOT NULL, raw BLOB NOT NULL, n INTEGER NOT NULL,"
        " base INTEGER NOT NULL, min_epoch INTEGER NOT NULL,"
        " PRIMARY KEY(space, signer)) STRICT, WITHOUT ROWID",
        "INSERT INTO stated SELECT space, x'', x'', 0, 0, min_epoch FROM statement",
        "DROP TABLE statement",
    ),
    (
        "CREATE TABLE shelf(space BLOB PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        "INSERT INTO shelf SELECT space, sum(size) FROM chunk GROUP BY space",
    ),
)
# Spaces whose chunks are not as many bytes as was counted along, and what counts them anew.
MISCOUNTED: Final = (
    "SELECT count(*) FROM (SELECT space FROM (SELECT space, n FROM shelf"
    " UNION ALL SELECT space, -size FROM chunk) GROUP BY space HAVING sum(n) <> 0)"
)
RECOUNT: Final = (
    "DELETE FROM shelf",
    "INSERT INTO shelf SELECT space, sum(size) FROM chunk GROUP BY space",
)
# Tables whose rows are a space's, in the order in which they can be emptied.
OF_A_SPACE: Final = (
    "DELETE FROM frame WHERE space = ?",
    "DELETE FROM slot WHERE space = ?",
    "DELETE FROM box WHERE space = ?",
    "DELETE FROM epoch WHERE space = ?",
    "DELETE FROM cap WHERE space = ?",
    "DELETE FROM cap_use WHERE space = ?",
    "DELETE FROM stated WHERE space = ?",
    "DELETE FROM born WHERE space = ?",
    "DELETE FROM revoked WHERE space = ?",
    "DELETE FROM usage WHERE space = ?",
    "DELETE FROM chunk WHERE space = ?",
    "DELETE FROM shelf WHERE space = ?",
    "DELETE FROM invite_item WHERE lookup IN (SELECT lookup FROM invite_space WHERE space = ?)",
    "DELETE FROM invite WHERE lookup IN (SELECT lookup FROM invite_space WHERE space = ?)",
    "DELETE FROM invite_space WHERE space = ?",
    "DELETE FROM fund WHERE space = ?",
    "DELETE FROM space WHERE space = ?",
)


# Kind -> what finds the keys of rows that are over, and what deletes one that still is. A slot
# whose fence is above the floor's bound stays: without it no claim could name that fence.
ENDED: Final = {
    "slots": (
        "SELECT space, slot FROM slot WHERE until < ? AND fence <= ? LIMIT ?",
        "DELETE FROM slot WHERE space = ? AND slot = ? AND until < ?",
    ),
    "invites": (
        "SELECT lookup FROM invite WHERE expires <= ? LIMIT ?",
        "DELETE FROM invite_item WHERE lookup IN"
        " (SELECT lookup FROM invite WHERE lookup = ? AND expires <= ?)",
        "DELETE FROM invite_space WHERE lookup IN"
        " (SELECT lookup FROM invite WHERE lookup = ? AND expires <= ?)",
        "DELETE FROM invite WHERE lookup = ? AND expires <= ?",
    ),
    "nonces": (
        "SELECT nonce FROM nonce WHERE exp <= ? LIMIT ?",
        "DELETE FROM nonce WHERE nonce = ? AND exp <= ?",
    ),
    "usage": (
        "SELECT space, who, day FROM usage WHERE day < ? LIMIT ?",
        "DELETE FROM usage WHERE space = ? AND who = ? AND day = ? AND day < ?",
    ),
    "boxes": (
        "SELECT arrival FROM box WHERE at < ? AND (SELECT count(*) FROM epoch later"
        " WHERE later.space = box.space AND later.rowid > (SELECT its.rowid FROM epoch its"
        " WHERE its.space = box.space AND its.epoch = box.epoch)) >= ? LIMIT ?",
        "DELETE FROM box WHERE arrival = ? AND at < ?",
    ),
}
BOUNDS: Final = {"slots": (limits.SLOT_SEEN_MAX,), "boxes": (limits.BOX_EPOCHS_MIN,)}

"""Billing: whose account a space is counted under, and what that account may take.

A relay that is open to everybody needs none of this. One that wants access codes keeps, by the
account key of somebody who redeemed one, a plan and its end. A space belongs to the account that
made it, its other members pay nothing and are asked for nothing. An account is a key of its own, so
it tells this relay which spaces one payer has, and nothing about who that is.

Laws: a code is kept as its hash, is good once, and is good for the same account again without
effect. Whether a space may grow is judged in the transaction that lets it grow. An account that
lapses loses nothing at once: reads for two weeks, rows for six.

Specification: docs/spec/relay.md, Billing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from envoy import limits
from envoy.core.structs import Body
from envoy.lean import NamedTuple
from envoy.relay.rules import GROWS, Allowance
from envoy.relay.session import Token
from envoy.relay.shelf import Shelf
from envoy.relay.tables import RelayStore
from envoy.sync.frames import HubRefusal

DAY_MS: Final = limits.DAY_SECONDS * 1000
CODE_GROUPS: Final = 6
_GROUP: Final = 4
_SYMBOLS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # as those of invite codes: none look alike
# Names of calls about accounts: JSON, and no others.
CALLS: Final = frozenset(("billing/plans", "billing/status", "billing/redeem"))
OPEN, CODES = "none", "token"  # the providers: everybody, whoever redeemed a code


class Plan(NamedTuple):
    """What an account of a plan may take: spaces, and by each of them bytes, frames a day.

    Chunks are kept ``chunk_days`` from their last refresh, a space ``idle_days`` after anybody
    asked for it.
    """

    name: str
    spaces: int = 100
    bytes: int = 1024 * limits.MIB
    frames_day: int = 100_000
    chunk_days: int = 30
    idle_days: int = 90

    @property
    def allowance(self) -> Allowance:
        """Return what one space of this plan may take."""
        return Allowance(self.bytes, self.frames_day, self.chunk_days)


STANDARD: Final = Plan("standard")


class Account(NamedTuple):
    """The plan of an account, and when it ends, ms; 0: never."""

    plan: str
    until: int


class CodeRow(NamedTuple):
    """An access code as the operator sees it: of the code itself only the hash is here.

    ``days`` that it is good for once it is redeemed, 0 for ever; ``expires`` when it cannot be
    redeemed any more; ``used`` when it was, or 0.
    """

    hash: bytes
    plan: str
    days: int
    made: int
    expires: int
    used: int


class Gone(Body, frozen=True):
    """How many spaces a sweep deleted."""

    spaces: int


# -- codes -----------------------------------------------------------------------------------


def draw(entropy: Callable[[int], bytes]) -> str:
    """Return a new code: 120 random bits in six groups of four symbols."""
    number = int.from_bytes(entropy(15))
    symbols = [_SYMBOLS[number >> 5 * at & 31] for at in range(CODE_GROUPS * _GROUP)]
    groups = [symbols[at : at + _GROUP] for at in range(0, len(symbols), _GROUP)]
    return "-".join("".join(group) for group in groups)


def hash_of(code: str) -> bytes:
    """Return under what a code is kept, whatever its dashes, spaces and letter case."""
    plain = "".join(code.split()).replace("-", "").upper()
    return sha256(b"envoy relay code" + plain.encode()).digest()


def mint(store: RelayStore, code: str, plan: Plan, *, days: int, at: int, until: int) -> CodeRow:
    """Keep ``code``, good for ``days`` of ``plan``, to be redeemed until ``until``."""
    row = CodeRow(hash_of(code), plan.name, days, at, until, 0)
    sql = "INSERT INTO code(hash, plan, days, made, expires, used) VALUES(?, ?, ?, ?, ?, ?)"
    store.connection.run(sql, row)
    return row


def codes(store: RelayStore) -> list[CodeRow]:
    """Return all codes, the oldest first."""
    sql = "SELECT hash, plan, days, made, expires, used FROM code ORDER BY made, hash"
    return store.connection.rows(CodeRow, sql)


def revoke(store: RelayStore, row: CodeRow, *, at: int) -> None:
    """End a code, and what was given for it where it was redeemed already.

    Such an account is lapsed from now on: what it made is read only, and then goes.
    """
    sql = "SELECT account FROM code WHERE hash = ?"
    account = store.connection.find(_maybe, sql, (row.hash,))
    store.connection.run("DELETE FROM code WHERE hash = ?", (row.hash,))
    if account is not None:
        sql = "UPDATE entitlement SET until = ? WHERE account = ? AND (until = 0 OR until > ?)"
        store.connection.run(sql, (at, account, at))


# -- accounts --------------------------------------------------------------------------------


class Terms:
    """How a relay with access codes judges; ``plans`` by name, the first where one is gone."""

    def __init__(self, plans: Mapping[str, Plan], now_ms: Callable[[], int]) -> None:
        self._plans = plans
        self._now_ms = now_ms

    def plans(self) -> list[Plan]:
        """Return what the operator offers."""
        return list(self._plans.values())

    def fund(self, store: RelayStore, tokens: Sequence[Token], space: bytes) -> bytes | None:
        """Return the account that a new space is counted under.

        Raises HubRefusal: subscription_required where no live account is shown, quota_exceeded
        where it has all the spaces of its plan.
        """
        at = self._now_ms()
        for token in tokens:
            if token.space is None and _is_live(find(store, token.holder), at):
                if count(store, token.holder) >= self.plan_of(store, token.holder).spaces:
                    raise HubRefusal("quota_exceeded")
                return token.holder
        raise HubRefusal("subscription_required")

    def plan_of(self, store: RelayStore, account: bytes) -> Plan:
        """Return the plan of an account."""
        found = find(store, account)
        first = next(iter(self._plans.values()), STANDARD)
        return first if found is None else self._plans.get(found.plan, first)

    def allowance(self, store: RelayStore, space: bytes) -> Allowance | None:
        """Return what ``space`` may take, None where nobody pays: what the relay says for all."""
        account = payer(store, space)
        return None if account is None else self.plan_of(store, account).allowance

    def require(self, store: RelayStore, space: bytes, call: str, *, at: int) -> None:
        """Refuse a call about a space whose account lapsed. Raises HubRefusal.

        What makes the space grow is refused at once, but for access, which takes rights away as
        well; all else after two weeks.
        """
        account = payer(store, space)
        found = None if account is None else find(store, account)
        if account is None or _is_live(found, at):
            return
        until = 0 if found is None else found.until
        is_over = at - until > limits.LAPSED_READ_DAYS * DAY_MS
        if is_over or (call in GROWS and call != "access_put"):
            raise HubRefusal("subscription_required")

    def status(self, store: RelayStore, account: bytes) -> dict[str, object]:
        """Return what is known of an account."""
        at, found = self._now_ms(), find(store, account)
        is_active = _is_live(found, at)
        plan = self.plan_of(store, account)
        return {
            "product_plan": None if found is None else found.plan,
            "connected_access_active": is_active,
            "ends_at": None if found is None or not found.until else found.until,
            "spaces": count(store, account),
            "spaces_max": plan.spaces if is_active else 0,
        }

    def redeem(self, store: RelayStore, account: bytes, code: str) -> dict[str, object]:
        """Give an account what ``code`` is good for. Raises HubRefusal(not_found)."""
        at, ident = self._now_ms(), hash_of(code)
        sql = "SELECT hash, plan, days, made, expires, used FROM code WHERE hash = ?"
        row = store.connection.find(CodeRow, sql, (ident,))
        sql = "SELECT account FROM code WHERE hash = ?"
        owner = store.connection.find(_maybe, sql, (ident,))
        if row is None or (owner != account if row.used else row.expires <= at):
            raise HubRefusal("not_found")
        if not row.used:
            sql = "UPDATE code SET account = ?, used = ? WHERE hash = ?"
            store.connection.run(sql, (account, at, ident))
            _save(store, account, _after(find(store, account), row, at))
        return {**self.status(store, account), "changed": not row.used}

    def ended(self, store: RelayStore, *, at: int, limit: int) -> list[bytes]:
        """Return some spaces that go: of accounts lapsed long ago, or idle beyond their plan."""
        sql = (
            "SELECT f.space FROM fund f JOIN entitlement e ON e.account = f.account"
            " WHERE e.until > 0 AND e.until < ? LIMIT ?"
        )
        lapsed = at - limits.LAPSED_KEPT_DAYS * DAY_MS
        found = store.connection.rows(bytes, sql, (lapsed, limit))
        sql = (
            "SELECT f.space FROM fund f JOIN entitlement e ON e.account = f.account"
            " WHERE e.plan = ? AND f.session_ms < ? LIMIT ?"
        )
        for plan in self._plans.values():
            idle = at - plan.idle_days * DAY_MS
            found += store.connection.rows(bytes, sql, (plan.name, idle, limit))
        return list(dict.fromkeys(found))[:limit]

    def sweep(self, store: RelayStore, *, shelf: Shelf, at: int) -> Gone:
        """Delete some spaces that go, with their chunks. Inside a transaction."""
        spaces = self.ended(store, at=at, limit=limits.LAPSED_SWEEP_MAX)
        for space in spaces:
            for ident in store.chunk_ids(space):
                shelf.drop(space, ident)
            store.drop_space(space)
        return Gone(len(spaces))


def find(store: RelayStore, account: bytes) -> Account | None:
    """Return the plan of an account, None where it never had one."""
    sql = "SELECT plan, until FROM entitlement WHERE account = ?"
    return store.reading.find(Account, sql, (account,))


def payer(store: RelayStore, space: bytes) -> bytes | None:
    """Return the account that ``space`` is counted under, or None."""
    sql = "SELECT account FROM fund WHERE space = ?"
    return store.reading.find(_maybe, sql, (space,))


def count(store: RelayStore, account: bytes) -> int:
    """Return how many spaces are counted under ``account``."""
    sql = "SELECT count(*) FROM fund WHERE account = ?"
    return store.connection.find(int, sql, (account,)) or 0


def _is_live(found: Account | None, at: int) -> bool:
    return found is not None and (not found.until or found.until > at)


def _after(found: Account | None, row: CodeRow, at: int) -> Account:
    """Return an account after a code: time of the same plan is added, another one begins now."""
    if not row.days:
        return Account(row.plan, 0)
    begin = at
    if found is not None and found.plan == row.plan:
        if not found.until:
            return found
        begin = max(at, found.until)
    return Account(row.plan, begin + row.days * DAY_MS)


def _save(store: RelayStore, account: bytes, found: Account) -> None:
    sql = "INSERT OR REPLACE INTO entitlement VALUES(?, ?, ?)"
    store.connection.run(sql, (account, *found))


def _maybe(value: bytes | None) -> bytes | None:
    return value

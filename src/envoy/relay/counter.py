"""Counter: what somebody may ask a relay about an account: its plans, how it stands, a code.

Apart from the calls about spaces, since these are JSON: whoever runs a relay for others may want to
ask them from a page of its own. A token of an account stands in the body, like all tokens.

Laws: nothing here tells whether a code that was refused was ever good.

Specification: docs/spec/relay.md, Billing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from envoy import jsontext
from envoy.core.structs import Body
from envoy.relay.billing import CALLS, Plan, Terms
from envoy.relay.desk import Desk
from envoy.relay.tables import RelayStore
from envoy.sync.frames import HubRefusal

_CODE_CHARS_MAX: Final = 64
_TOKEN_CHARS_MAX: Final = 2048


class Told(Body, frozen=True):
    """An answer, as JSON."""

    text: str


class Counter:
    """The calls about accounts of the relay behind ``desk``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(self, name: str, body: bytes) -> bytes:
        """Return the JSON answer to the call ``name``. Raises HubRefusal."""
        terms = self._desk.terms
        if terms is None or name not in CALLS:
            raise HubRefusal("unsupported_operation")
        if name == "billing/plans":
            return jsontext.dumps({"plans": [offer(plan) for plan in terms.plans()]}).encode()
        asked = read(body)
        account = self._desk.account_of(_hex(asked.get("token")))
        if name == "billing/status":
            found = self._desk.look(partial(_status, terms=terms, account=account))
            return jsontext.dumps(found).encode()
        code = asked.get("code")
        if not isinstance(code, str) or not 0 < len(code) <= _CODE_CHARS_MAX:
            raise HubRefusal("malformed")
        told = self._desk.do(partial(_redeem, terms=terms, account=account, code=code))
        assert isinstance(told, Told), "what it answers"
        return told.text.encode()


def offer(plan: Plan) -> dict[str, object]:
    """Return a plan as it is offered."""
    return dict(plan._asdict())


def read(body: bytes) -> Mapping[str, object]:
    """Return the object in ``body``. Raises HubRefusal(malformed)."""
    try:
        found = jsontext.loads(body)
    except (jsontext.JsonError, UnicodeDecodeError) as error:
        raise HubRefusal("malformed") from error
    if not isinstance(found, dict):
        raise HubRefusal("malformed")
    return found


def _hex(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > _TOKEN_CHARS_MAX:
        raise HubRefusal("malformed")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise HubRefusal("malformed") from error


def _status(store: RelayStore, *, terms: Terms, account: bytes) -> dict[str, object]:
    return terms.status(store, account)


def _redeem(store: RelayStore, *, terms: Terms, account: bytes, code: str) -> Told:
    return Told(jsontext.dumps(terms.redeem(store, account, code)))

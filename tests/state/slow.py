"""Slow: the rules of authority once more, word by word, to check the fast ones against.

It reads a story as data (``log.told``, or a vector) and nothing of envoy: sets of names instead of
bitsets, recursion instead of a pass, every question answered from scratch. The letters and numbers
are those of docs/spec/authority.md. It is far too slow for anything but small stories.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

Event = dict[str, Any]
View = frozenset[str]
Rank = tuple[int, int, int, str]

ROLES = ["read", "write", "admin", "owner"]
CAPS = {
    "read": {"read"},
    "write": {"read", "write"},
    "admin": {"read", "write", "grant", "admin"},
    "owner": {"read", "write", "grant", "admin", "own"},
}
NEEDS = {
    **dict.fromkeys(("leave", "revoke", "member.keys", "card", "key.request"), "read"),
    **dict.fromkeys(("invite", "remove"), "grant"),
    **dict.fromkeys(("admit", "hub.pin", "space.update", "space.policy"), "admin"),
    **dict.fromkeys(("close", "space.rules"), "own"),
}
GIVES = {"read": "grant", "write": "grant", "admin": "admin", "owner": "own"}
ROLE_KINDS = {"genesis", "grant", "role", "join"}
GRANT_KINDS = ROLE_KINDS | {"delegate"}
AUTH = GRANT_KINDS | {
    *("invite", "remove", "revoke", "leave", "admit", "close", "epoch.create"),
    *("hub.pin", "space.rules"),
}
COUNT_MAX = 256


class Slow:
    """The verdicts on a story. Questions take the view, a set of names closed under ancestry."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events: dict[str, Event] = {}
        self.past: dict[str, View] = {}
        for event in events:
            self.add(event)
        self.fault = cache(self._fault)
        self.verdict = cache(self._verdict)
        self.kills = cache(self._kills)

    def add(self, event: Event) -> None:
        """Take in one more event; its ancestry is here."""
        seen = {one for parent in event["saw"] for one in (parent, *self.past[parent])}
        self.past[event["name"]] = frozenset(seen)
        self.events[event["name"]] = event

    @property
    def all(self) -> View:
        """Return the view of who knows the whole story."""
        return frozenset(self.events)

    def saw(self, later: str, earlier: str) -> bool:
        """Say whether ``earlier`` is in the ancestry of ``later``."""
        return earlier in self.past[later]

    def beside(self, one: str, other: str) -> bool:
        """Say whether neither event saw the other."""
        return one != other and not self.saw(one, other) and not self.saw(other, one)

    def place(self, name: str) -> tuple[int, str]:
        """Return (lam, id)."""
        return self.events[name]["lam"], self.events[name]["id"]

    def kind(self, name: str) -> str:
        """Return the kind of an event."""
        return str(self.events[name]["kind"])

    def is_leave(self, name: str, by: object) -> bool:
        """Say whether an event is a leave ``by`` somebody."""
        return self.kind(name) == "leave" and self.events[name]["by"] == by

    # -- grants --------------------------------------------------------------------------------

    def is_grant(self, name: str | None) -> bool:
        """Say whether an event is a grant or invite without fault."""
        if name is None or name not in self.events:
            return False
        return self.kind(name) in GRANT_KINDS | {"invite"} and self.fault(name) is None

    def subject(self, grant: str) -> str | None:
        """Return to whom a grant is made, None for an invite."""
        event = self.events[grant]
        if event["kind"] in ("genesis", "join"):
            return str(event["by"])
        found = event["body"].get("subject")
        return None if found is None else str(found)

    def role(self, grant: str) -> str | None:
        """Return the role that a grant or invite gives, None for a delegation."""
        event = self.events[grant]
        if event["kind"] == "genesis":
            return "owner"
        if event["kind"] == "join":
            return str(self.events[event["under"]]["body"]["role"])
        found = event["body"].get("role") if event["kind"] in ("grant", "role") else None
        return None if found is None else str(found)

    def caps(self, grant: str) -> set[str]:
        """Return the caps that a grant gives."""
        if self.kind(grant) == "invite":
            return {"join"}
        role = self.role(grant)
        return CAPS[role or self.events[grant]["body"]["verb"]]

    def rank(self, grant: str) -> Rank:
        """Return the rank of a grant."""
        event = self.events[grant]
        if event["kind"] == "genesis":
            return (0, 0, 0, "")
        above = self.rank(event["under"])
        level = above[1] + (event["kind"] != "join")
        role = self.role(grant)
        klass = {"owner": 0, "admin": 1}.get(role or "", 2)
        return (klass, level, event["lam"], event["id"])

    def above(self, name: str) -> str:
        """Return the grant that an event cites."""
        return str(self.events[name]["under"])

    def chain(self, grant: str) -> list[str]:
        """Return the grants that ``grant`` was made under, the nearest first."""
        found = []
        while self.kind(grant) != "genesis":
            grant = self.above(grant)
            found.append(grant)
        return found

    # -- S -------------------------------------------------------------------------------------

    def _fault(self, name: str) -> str | None:
        event, body = self.events[name], self.events[name]["body"]
        kind, under = event["kind"], event["under"]
        if kind == "genesis":
            return None
        if not self.is_grant(under) or not self.saw(name, under):
            return "S2 no grant"
        if (kind == "join") != (self.kind(under) == "invite"):
            return "S2 no grant"
        if kind != "join" and self.subject(under) != event["by"]:
            return "S2 not the subject"
        if body is None and kind != "vote":
            return "S3 body"
        if kind == "join":
            good = event["proved"] and self.events[under]["body"]["mode"] == "open"
            return "S2 proof" if not good else self._ends(name)
        need = NEEDS.get(kind, "write")
        if kind in ("grant", "role"):
            need = GIVES[body["role"]]
        if need not in self.caps(under):
            return "S3 cap"
        scope = self.events[under]["body"].get("task")
        if scope and need != "read" and kind != "delegate" and event.get("task") != scope:
            return "S3 scope"
        return self._content(name) or self._ends(name)

    def _ends(self, name: str) -> str | None:
        na = (self.events[self.above(name)]["body"] or {}).get("na")
        return "S5 end" if na is not None and self.events[name]["ts"] > na else None

    def _content(self, name: str) -> str | None:
        event, body, kind = self.events[name], self.events[name]["body"], self.kind(name)
        if kind in ("grant", "role", "delegate") and body["subject"] == event["by"]:
            return "S3 self"
        if kind == "invite":
            fits = body["role"] in ("read", "write") and 1 <= body["uses"] <= 100
            return None if fits else "S3 invite"
        if kind == "leave" and event["by"] == self.events["genesis"]["by"]:
            return "S3 founder"
        if kind in ("hub.pin", "space.rules"):
            numbers = [
                self.events[one]["body"]["no"]
                for one in self.past[name]
                if self.kind(one) == kind and self.fault(one) is None
            ]
            start = 1 if kind == "space.rules" else 0
            return None if body["no"] == 1 + max([start, *numbers]) else "S3 number"
        if kind == "epoch.create" and not event["creates"]:
            return "S3 epoch"
        return self._delegation(name) if kind == "delegate" else None

    def _delegation(self, name: str) -> str | None:
        body, under = self.events[name]["body"], self.above(name)
        above = self.events[under]["body"] if self.kind(under) == "delegate" else {}
        if not 0 <= body["depth"] <= above.get("depth", 11) - 1:
            return "S4 depth"
        if (body["task"] and body["verb"] == "read") or above.get("task") not in (
            None,
            body["task"],
        ):
            return "S4 scope"
        end = above.get("na")
        if end is not None and (body["na"] is None or body["na"] > end):
            return "S4 end"
        if "grant" in self.caps(under):
            return None
        inside = self.role_of(self.past[name], body["subject"]) is not None
        return None if inside else "S4 outsider"

    # -- R -------------------------------------------------------------------------------------

    def ok(self, view: View, name: str) -> bool:
        """Say whether an AUTH event counts."""
        return self.kind(name) == "genesis" or self.verdict(view, name)[0] == "ok"

    def _verdict(self, view: View, name: str) -> tuple[str, str | None]:
        """Return status and cause of an AUTH event."""
        fault = self.fault(name)
        if fault is not None:
            return "invalid", fault
        found = self._before_count(view, name)
        if found[0] != "ok" or self.kind(name) in ("leave", "genesis"):
            return found
        under = self.above(name)
        peers = [
            one
            for one in view
            if self.kind(one) in AUTH
            and self.events[one]["under"] == under
            and self.kind(one) not in ("leave", "genesis")
            and self.fault(one) is None
            and self._before_count(view, one)[0] == "ok"
        ]
        if self.kind(under) == "invite":
            most = self.events[under]["body"]["uses"]
            order = sorted(peers, key=lambda one: (self._first_seen(view, one), self.place(one)))
            return ("ok", None) if name in order[:most] else ("void", f"R6 over-used {under}")
        if self.rank(under)[0] < 2:
            return "ok", None
        first = sorted(peers, key=self.place)[:COUNT_MAX]
        return ("ok", None) if name in first else ("void", "R4 over count")

    def _before_count(self, view: View, name: str) -> tuple[str, str | None]:
        """R1, R3 and the `undo` of R4."""
        if self.kind(name) in ("leave", "genesis"):
            return "ok", None
        under = self.above(name)
        found = self._crossed(view, name, self.kills(view, under))
        if not self.ok(view, under) and (found is None or found[0] != "invalid"):
            return "void", f"R1 lost grant {under}"
        if found is not None:
            return found
        undoing = self._undoing(view, name)
        return ("void", f"R4 undone {undoing[0]}") if undoing else ("ok", None)

    def _undoing(self, view: View, name: str) -> list[str]:
        event = self.events[name]
        return sorted(
            (
                one
                for one in view
                if self.kind(one) == "remove"
                and self.fault(one) is None
                and name in self.events[one]["body"]["undo"]
                and self.events[one]["body"]["subject"] == event["by"]
                and self.rank(self.above(one)) < self.rank(event["under"])
                and self.ok(view, one)
            ),
            key=self.place,
        )

    def _crossed(
        self, view: View, name: str, kills: Iterable[tuple[str, bool]]
    ) -> tuple[str, str] | None:
        """R3 for an AUTH act."""
        for act, _ in kills:
            if self.saw(name, act):
                return "invalid", f"R3 after {act}"
        for act, weak in kills:
            if self.beside(name, act) and not weak:
                return "void", f"R3 beside {act}"
        return None

    def _kills(self, view: View, grant: str) -> tuple[tuple[str, bool], ...]:
        """R2: return Kill(grant) with, for each act, whether it is a weak leave."""
        if self.kind(grant) == "genesis":
            return ()
        found = self._kills_but_leaves_of(view, grant, None)
        subject = self.subject(grant)
        for act in view:
            if subject is not None and self.is_leave(act, subject) and self.fault(act) is None:
                if self.saw(grant, act):
                    continue
                weak = self.rank(grant) < self.rank(self.above(act)) or self._is_weak(view, act)
                found[act] = weak and found.get(act, True)
        return tuple(sorted(found.items(), key=lambda item: self.place(item[0])))

    def _kills_but_leaves_of(self, view: View, grant: str, author: str | None) -> dict[str, bool]:
        """Return the kills of others, and those of the grant above, without ``author``'s leaves."""
        found = {
            act: False
            for act in view
            if self.kind(act) in ("remove", "role", "revoke")
            and self.fault(act) is None
            and self.rank(self.above(act)) < self.rank(grant)
            and self._aims(act, grant)
            and self.ok(view, act)
        }
        if self.kind(grant) in ("delegate", "invite"):
            for act, weak in self.kills(view, self.above(grant)):
                if author is None or not self.is_leave(act, author):
                    found.setdefault(act, weak)
        return found

    def _aims(self, act: str, grant: str) -> bool:
        body, kind = self.events[act]["body"], self.kind(act)
        if kind == "revoke":
            own = self.above(act)
            named = body["target"] == grant
            return bool(named) and (self.rank(own)[0] < 2 or own in self.chain(grant))
        if self.subject(grant) != body["subject"] or self.saw(grant, act):
            return False
        if kind == "remove":
            return True
        role = self.role(grant)
        return role is not None and ROLES.index(role) > ROLES.index(body["role"])

    def _is_weak(self, view: View, leave: str) -> bool:
        """R3 (c): would others' acts have made the leave void or invalid?"""
        under = self.above(leave)
        if not self.ok(view, under):
            return True
        if self.kind(under) == "genesis":
            return False
        others = self._kills_but_leaves_of(view, under, str(self.events[leave]["by"]))
        return self._crossed(view, leave, others.items()) is not None

    def _first_seen(self, view: View, join: str) -> tuple[int, str]:
        """R6: return the least place of an owner's or admin's standing act that saw the join."""
        seen = [
            self.place(one)
            for one in view
            if self.saw(one, join)
            and self.is_grant(self.events[one]["under"])
            and self.rank(self.above(one))[0] < 2
            and self._witnesses(view, one)
        ]
        return min(seen, default=(2**63, ""))

    def _witnesses(self, view: View, name: str) -> bool:
        if self.fault(name) is not None or self.kind(name) == "leave":
            return False
        if self.kind(name) in AUTH:
            return self.ok(view, name)
        under = self.above(name)
        kills = self.kills(view, under)
        return self.ok(view, under) and self._crossed(view, name, kills) is None

    # -- content -------------------------------------------------------------------------------

    def content(self, view: View, name: str) -> tuple[str, str | None, bool]:
        """Return status, cause and whether a content event is shown beside a close."""
        fault = self.fault(name)
        if fault is not None:
            return "invalid", fault, False
        event, under = self.events[name], self.above(name)
        status, cause, holders = self._held(view, name)
        beside = False
        if event["kind"] != "merge":
            closes = [one for one in view if self.kind(one) == "close" and self.ok(view, one)]
            for close in sorted(closes, key=self.place):
                if self.saw(name, close):
                    return "invalid", f"R7 closed {close}", False
                beside = beside or self.beside(name, close)
        if status != "held":
            return status, cause, beside
        if not self.ok(view, under):
            above = self._lost_to(view, under)
            holders = None if above is None else above | (holders or set())
        for admit in sorted((one for one in view if self.kind(one) == "admit"), key=self.place):
            if self.saw(admit, name) and self.ok(view, admit):
                ids = set(self.events[admit]["body"]["ids"])
                if name in ids or (holders and holders <= ids):
                    return "ok*", f"R5 admitted {admit}", beside
        return status, cause, beside

    def _held(self, view: View, name: str) -> tuple[str, str | None, set[str] | None]:
        """R1 and R3 for content."""
        under = self.above(name)
        kills = self.kills(view, under)
        for act, _ in kills:
            if self.saw(name, act):
                return "invalid", f"R3 after {act}", None
        holders = {one for kill in kills for one in self._touching(view, name, *kill)}
        if not self.ok(view, under):
            return "held", f"R1 lost grant {under}", holders
        if not holders:
            return "ok", None, None
        return "held", f"R3 beside {min(holders, key=self.place)}", holders

    def _touching(self, view: View, name: str, act: str, weak: bool) -> set[str]:
        """Return which acts hold ``name``, given that ``act`` ends its grant: R3 (a) to (c)."""
        event, body = self.events[name], self.events[act]["body"]
        if weak or self.is_leave(act, event["by"]) or self.saw(act, name):
            return set()
        need = NEEDS.get(event["kind"], "write")
        if self.kind(act) != "role" or need not in CAPS[body["role"]]:
            return {act}
        found = set()
        for other, is_weak in self.kills(view, act):
            found |= self._touching(view, name, other, is_weak)
        return found

    def _lost_to(self, view: View, grant: str) -> set[str] | None:
        """Return the revocations that alone made a grant not ok, None if others had a part."""
        _, cause = self.verdict(view, grant)
        rule = (cause or "")[:5]
        if rule not in ("R1 lo", "R4 un", "R3 be"):
            return None
        found = {*self._undoing(view, grant), *self.beside_it(view, grant)}
        above = self.above(grant)
        higher = set() if self.ok(view, above) else self._lost_to(view, above)
        return None if higher is None else found | higher

    def beside_it(self, view: View, grant: str) -> set[str]:
        """Return the acts that, beside the event of a grant, make it void by R3."""
        kills = self.kills(view, self.above(grant))
        return {act for act, weak in kills if not weak and self.beside(grant, act)}

    # -- what follows --------------------------------------------------------------------------

    def live(self, view: View) -> list[str]:
        """Return the live grants and invites."""
        return sorted(
            one
            for one in view
            if self.is_grant(one) and self.ok(view, one) and not self.kills(view, one)
        )

    def role_of(self, view: View, did: str) -> str | None:
        """Return the best live role of a member."""
        roles = [self.role(one) for one in self.live(view) if self.subject(one) == did]
        known = [ROLES.index(role) for role in roles if role is not None]
        return ROLES[max(known)] if known else None

    def reads(self, grant: str) -> bool:
        """Return whether a grant gives the epochs to its subject, or to who holds its code."""
        if self.kind(grant) == "invite":
            return bool(self.events[grant]["body"]["mode"] == "open")
        return self.kind(grant) in ROLE_KINDS or "grant" in self.caps(self.above(grant))

    def recipients(self, view: View) -> list[str]:
        """E4: return the readers and the open invites with uses left."""
        found = set()
        for grant in self.live(view):
            if self.kind(grant) == "invite":
                joins = [one for one in view if self.kind(one) == "join" and self.ok(view, one)]
                used = sum(self.above(one) == grant for one in joins)
                if self.reads(grant) and used < self.events[grant]["body"]["uses"]:
                    found.add(grant)
            elif self.reads(grant):
                found.add(str(self.subject(grant)))
        return sorted(found)

    def text(self, name: str) -> str:
        """Return the verdict on an event of the whole story, as the stories write it."""
        beside = False
        if self.kind(name) in AUTH:
            status, cause = ("ok", None) if name == "genesis" else self.verdict(self.all, name)
        else:
            status, cause, beside = self.content(self.all, name)
        flag = " beside_close" if beside else ""
        return f"{status}: {cause}{flag}" if cause else f"{status}{flag}"

"""A second judge of authority, slow and naive, written from docs/spec/authority.md alone.

Its writer had not read the first one. Ancestries are Python sets, "in Anc(e)" is the whole page
asked again of a smaller set, every rule is a function that says what its sentence says. Events are
listed by kind and by grant, nothing else is indexed, and only whole answers are remembered. What
`envoy.state` makes of a set of events, in whatever order it came, must be what is made here.

`Space` holds the S rules, `View` is one pass over a closed set of events. Terms:
`oracle.authority_events`; epochs: `oracle.authority_epochs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from oracle.authority_events import (
    AUTH,
    GIVING,
    KNOWN,
    NEEDS,
    REVOCATIONS,
    ROLE_GRANTS,
    ROLES,
    Event,
    Facts,
    Id,
    Ids,
    Place,
)

ACTS_PER_GRANT = 256
DEPTH_MAX = 10
USES_MAX = 100


class Verdict(NamedTuple):
    """What an event is, by which rule (empty: none), and the event behind that (empty: none)."""

    status: str
    rule: str = ""
    by: Id = b""
    beside_close: bool = False


OK = Verdict("ok")


class Space(Facts):
    """A set of events, and what the S rules say of each: a function of it and its ancestry."""

    def __init__(self, space: Id, events: Iterable[Event]) -> None:
        super().__init__(space, events)
        self._cause: dict[Id, str] = {}
        self._views: dict[Ids, View] = {}

    def view(self, ids: Ids) -> View:
        """Return the judgement on a closed set of events."""
        if ids not in self._views:
            self._views[ids] = View(self, ids)
        return self._views[ids]

    def whole(self) -> View:
        """Return the judgement on all events."""
        return self.view(frozenset(self.events))

    def cause(self, event: Event) -> str:
        """Return the first S rule that the event breaks, or an empty text."""
        if event.id not in self._cause:
            self._cause[event.id] = self._first_broken(event)
        return self._cause[event.id]

    def passes(self, event: Event) -> bool:
        """Return whether the event breaks no S rule."""
        return not self.cause(event)

    def need(self, event: Event) -> str:
        """Return the cap that the event needs."""
        if event.kind in ("grant", "role"):
            return {"owner": "own", "admin": "admin"}.get(str(event.says("role")), "grant")
        return NEEDS.get(event.kind, "write")

    def about(self, event: Event) -> object:
        """Return the task that the event says it is about."""
        if event.kind == "merge":
            return event.says("entity")
        is_attached = event.kind in ("message", "object.put", "record")
        is_named = is_attached or event.kind.startswith("task.")
        return event.says("task") if is_named else None

    def _first_broken(self, event: Event) -> str:
        if event.kind == "genesis":
            return ""
        auth = self.grant(event.auth)
        known = self.ancestry(event)
        if auth is None or (auth.kind != "genesis" and auth.id not in known):
            return "S2 no grant"
        if not self.passes(auth) or (auth.kind == "invite") != (event.kind == "join"):
            return "S2 no grant"
        if auth.kind != "invite" and self.subject(auth) != event.author:
            return "S2 not the subject"
        if event.kind in KNOWN and event.body is None:
            return "S3 body"
        if event.kind == "join" and (auth.says("mode") == "approve" or not event.proved):
            return "S2 proof"
        if self.need(event) not in self.caps(auth):
            return "S3 cap"
        task = auth.says("task") if auth.kind == "delegate" else None
        is_write = self.need(event) != "read" and event.kind != "delegate"
        if task is not None and is_write and self.about(event) != task:
            return "S3 scope"
        end = auth.says("na") if auth.kind in ("delegate", "invite") else None
        late = "S5 end" if isinstance(end, int) and event.ts > end else ""
        return self._of_kind(event) or self._of_delegate(event, auth) or late

    def _of_kind(self, event: Event) -> str:
        gives = event.kind in ("grant", "role", "delegate")
        if gives and event.says("subject") == event.author:
            return "S3 self"
        if event.kind == "leave" and event.author == self.genesis.author:
            return "S3 founder"
        if event.kind == "invite":
            uses = event.says("max_uses")
            fits = isinstance(uses, int) and 1 <= uses <= USES_MAX
            return "" if fits and event.says("role") in ("read", "write") else "S3 invite"
        if event.kind in ("hub.pin", "space.rules"):
            return "" if self.number(event) == self._greatest(event) + 1 else "S3 number"
        return "S3 epoch" if event.kind == "epoch.create" and not event.creates else ""

    def number(self, event: Event) -> int:
        """Return the number that a pin, a raise of the rules or the genesis carries."""
        found = event.says("no" if event.kind == "hub.pin" else "rules")
        assert isinstance(found, int)
        return found

    def _greatest(self, event: Event) -> int:
        first = 0 if event.kind == "hub.pin" else self.number(self.genesis)
        older = [self.events[one] for one in self.ancestry(event)]
        numbers = [self.number(one) for one in older if one.kind == event.kind and self.passes(one)]
        return max(numbers, default=first)

    def _of_delegate(self, event: Event, auth: Event) -> str:
        if event.kind != "delegate":
            return ""
        depth, na, handed = event.says("depth"), event.says("na"), auth.kind == "delegate"
        assert isinstance(depth, int)
        bound, task, end = auth.says("depth"), auth.says("task"), auth.says("na")
        if not 0 <= depth <= DEPTH_MAX or (handed and isinstance(bound, int) and depth >= bound):
            return "S4 depth"
        if event.says("verb") == "read" and event.says("task") is not None:
            return "S4 scope"
        if handed and task is not None and event.says("task") != task:
            return "S4 scope"
        if handed and isinstance(end, int) and not (isinstance(na, int) and na <= end):
            return "S4 end"
        members = self.view(self.ancestry(event)).roles()
        is_outsider = event.says("subject") not in members
        return "S4 outsider" if is_outsider and "grant" not in self.caps(auth) else ""


class View:
    """The R rules on one set of events that is closed under Anc."""

    def __init__(self, space: Space, ids: Ids) -> None:
        self.space = space
        self.events = sorted((space.events[one] for one in ids), key=lambda event: event.place)
        self._passing: dict[str, list[Event]] = {}  # by kind
        self._under: dict[Id, list[Event]] = {}  # by the grant they act under
        for event in self.events:
            if space.passes(event):
                self._passing.setdefault(event.kind, []).append(event)
                if event.kind != "genesis":
                    self._under.setdefault(space.auth(event).id, []).append(event)
        self.kills: dict[Id, list[Event]] = {}
        self.verdicts: dict[Id, Verdict] = {}
        for event in self.events:
            if event.kind == "genesis" or not space.passes(event):
                cause = space.cause(event)
                self.verdicts[event.id] = Verdict("invalid", cause) if cause else OK
        given = self.passing(*GIVING[1:], "invite")
        self.grants = sorted([space.genesis, *given], key=space.rank)
        self.revocations = self.passing(*REVOCATIONS)
        for grant in self.grants:
            self.kills[grant.id] = self._kill(grant)
            self._judge_acts(grant)
        self._live = [grant for grant in self.grants if self.live(grant)]
        self.closes = [one for one in self.passing("close") if self.counts(one)]
        for event in self.events:
            if event.id not in self.verdicts:
                self.verdicts[event.id] = self._content(event)

    # -- what is asked of it -----------------------------------------------------------------

    def counts(self, event: Event) -> bool:
        """Return whether an AUTH event is ok."""
        return event.kind == "genesis" or self.verdicts[event.id].status == "ok"

    def live(self, grant: Event) -> bool:
        """Return whether the grant is in force."""
        return self.counts(grant) and not self.kills[grant.id]

    def live_grants(self) -> list[Event]:
        """Return the live grants and invites, ascending by rank."""
        return self._live

    def roles(self) -> dict[object, str]:
        """Return the members, each with the best of its live roles."""
        found: dict[object, str] = {}
        for grant in self.live_grants():
            if grant.kind in ROLE_GRANTS:
                subject = self.space.subject(grant)
                best = max(found.get(subject, "read"), self.space.role(grant), key=ROLES.index)
                found[subject] = best
        return found

    def is_reading_delegation(self, grant: Event) -> bool:
        """Return whether it is a delegation made under a grant with the cap `grant`."""
        return grant.kind == "delegate" and "grant" in self.space.caps(self.space.auth(grant))

    def readers(self) -> set[object]:
        """Return the members, and who has a live delegation of somebody that may add members."""
        lent = [grant for grant in self.live_grants() if self.is_reading_delegation(grant)]
        return {*self.roles(), *(self.space.subject(grant) for grant in lent)}

    def open_invites(self) -> set[Id]:
        """Return the invites that are live, in mode open, and have uses left."""
        found = set[Id]()
        for grant in self.live_grants():
            if grant.kind == "invite" and grant.says("mode") == "open":
                joins = [one for one in self.under(grant) if self.counts(one)]
                most = grant.says("max_uses")
                found |= {grant.id} if isinstance(most, int) and len(joins) < most else set()
        return found

    def hub_pin(self) -> Id | None:
        """Return the event that pins the hub; None: the genesis does."""
        pins = [one for one in self.passing("hub.pin") if self.counts(one)]
        most = max((self.space.number(one) for one in pins), default=0)
        best = [one for one in pins if self.space.number(one) == most]
        order = sorted(best, key=lambda one: (self.space.rank_of_act(one), one.place))
        return order[0].id if order else None

    def rules(self) -> int:
        """Return the number of the rules in force."""
        raised = [one for one in self.passing("space.rules") if self.counts(one)]
        return max(self.space.number(one) for one in [self.space.genesis, *raised])

    def under(self, grant: Event) -> list[Event]:
        """Return the events that act under a grant and pass S, in the order of the space."""
        return self._under.get(grant.id, [])

    def passing(self, *kinds: str) -> list[Event]:
        """Return the events of some kinds that pass S, in the order of the space."""
        found = [event for kind in kinds for event in self._passing.get(kind, ())]
        return sorted(found, key=lambda event: event.place) if len(kinds) > 1 else found

    # -- R2 ----------------------------------------------------------------------------------

    def aims(self, act: Event, grant: Event) -> bool:
        """Return whether a revocation aims at a grant."""
        if grant.kind == "genesis":
            return False
        if act.kind == "revoke":
            is_low = self.space.rank_of_act(act)[0] == 2
            inside = not is_low or self.space.below(grant, self.space.auth(act))
            return act.says("target") == grant.id and inside
        subject = self.space.subject(grant)
        if subject is None or self.space.saw(grant, act) or grant.id == act.id:
            return False
        if act.kind == "leave":
            return subject == act.author
        if act.kind == "role":
            greater = grant.kind in ROLE_GRANTS and ROLES.index(
                self.space.role(grant)
            ) > ROLES.index(str(act.says("role")))
            return subject == act.says("subject") and greater
        return act.kind == "remove" and subject == act.says("subject")

    def _kill(self, grant: Event) -> list[Event]:
        rank = self.space.rank(grant)
        found = dict[Id, Event]()
        for act in self.revocations:
            if self.aims(act, grant):
                is_senior = act.kind == "leave" or self.space.rank_of_act(act) < rank
                if is_senior and (act.kind == "leave" or self.counts(act)):
                    found[act.id] = act
        if grant.kind in ("delegate", "invite"):
            found |= {act.id: act for act in self.kills[self.space.auth(grant).id]}
        return sorted(found.values(), key=lambda act: act.place)

    # -- R3 ----------------------------------------------------------------------------------

    def is_weak(self, leave: Event, grant: Event) -> bool:
        """Return whether a leave ends the grant, but leaves alone what is beside it.

        What it does not aim at, it ends with the parent, and as it ends that.
        """
        while not self.aims(leave, grant):
            grant = self.space.auth(grant)
        is_senior = self.space.rank(grant) < self.space.rank_of_act(leave)
        return is_senior or self._lost_by_others(leave, leave.author)

    def _lost_by_others(self, event: Event, author: bytes) -> bool:
        """Return whether R1, or by R3 acts other than leaves of `author`, would take the event."""
        auth = self.space.auth(event)
        if auth.kind == "genesis":
            return False
        for act in self.kills[auth.id]:
            is_own = act.kind == "leave" and act.author == author
            if not is_own and not self.space.saw(act, event) and not self._spares(act, auth, event):
                return True
        return not self.counts(auth)

    def _spares(self, act: Event, grant: Event, event: Event) -> bool:
        """Return whether the act is a weak leave that the event did not see."""
        is_leave = act.kind == "leave" and not self.space.saw(event, act)
        return is_leave and self.is_weak(act, grant)

    def after(self, event: Event, grant: Event) -> list[Event]:
        """Return the acts of Kill that the event saw."""
        return [act for act in self.kills[grant.id] if self.space.saw(event, act)]

    def beside(self, event: Event, grant: Event, *, plain: bool = False) -> list[Event]:
        """Return the acts that void or hold an event beside them; `plain`: without (a), (b)."""
        found = dict[Id, Event]()
        is_content = event.kind not in AUTH and not plain
        for act in self.kills[grant.id]:
            if self.space.saw(act, event) or self.space.saw(event, act):
                continue
            if is_content and self._keeps_cap(act, event):
                found |= {one.id: one for one in self._through(act, event)}
            elif not self._exempt(act, grant, event, is_content=is_content):
                found[act.id] = act
        return sorted(found.values(), key=lambda act: act.place)

    def _keeps_cap(self, act: Event, event: Event) -> bool:
        return act.kind == "role" and self.space.need(event) in self.space.caps(act)

    def _exempt(self, act: Event, grant: Event, event: Event, *, is_content: bool) -> bool:
        """Return whether (b) or (c) spares an event that is beside the act."""
        if act.kind != "leave":
            return False
        return (is_content and act.author == event.author) or self.is_weak(act, grant)

    def _through(self, role: Event, event: Event) -> list[Event]:
        """Return the acts of Kill(role) that hold the event, by exception (a)."""
        found = list[Event]()
        for act in self.kills[role.id]:
            if self.space.saw(act, event):
                continue
            if self._keeps_cap(act, event):
                found += self._through(act, event)
            elif not self._exempt(act, role, event, is_content=True):
                found.append(act)
        return found

    # -- the acts under one grant: R1, R3, R4, R6 ----------------------------------------------

    def _judge_acts(self, grant: Event) -> None:
        acts = [event for event in self.under(grant) if event.kind in AUTH]
        for act in acts:
            self.verdicts[act.id] = self._act(act, grant)
        standing = [act for act in acts if self.counts(act)]
        if grant.kind == "invite":
            most = grant.says("max_uses")
            assert isinstance(most, int)
            for join in sorted(standing, key=self._settled)[most:]:
                self.verdicts[join.id] = Verdict("void", "R6 over-used", grant.id)
        elif self.space.rank(grant)[0] == 2:
            counted = [act for act in standing if act.kind != "leave"]
            for act in counted[ACTS_PER_GRANT:]:
                self.verdicts[act.id] = Verdict("void", "R4 over count")

    def _act(self, act: Event, grant: Event) -> Verdict:
        if act.kind == "leave":
            return OK
        after = self.after(act, grant)
        if after:
            return Verdict("invalid", "R3 after", after[0].id)
        if not self.counts(grant):
            return Verdict("void", "R1 lost grant", grant.id)
        beside = self.beside(act, grant)
        if beside:
            return Verdict("void", "R3 beside", beside[0].id)
        undoing = self.undoing(act)
        return Verdict("void", "R4 undone", undoing[0].id) if undoing else OK

    def undoing(self, act: Event) -> list[Event]:
        """Return the removals that undo the act."""
        rank = self.space.rank_of_act(act)
        return [
            one
            for one in self.passing("remove")
            if act.kind != "leave"
            if self._names(one, "undo", act) and one.says("subject") == act.author
            if self.space.rank_of_act(one) < rank and self.counts(one)
        ]

    @staticmethod
    def _names(act: Event, field: str, event: Event) -> bool:
        named = act.says(field)
        assert isinstance(named, tuple)
        return event.id in named

    def _settled(self, join: Event) -> tuple[int, Place, Place]:
        """Return the key by which joins go in: settled by a witness, or by their own place."""
        for event in self.events:
            if event.kind in ("genesis", "leave") or not self.space.passes(event):
                continue
            grant = self.space.auth(event)
            is_senior = self.space.rank(grant)[0] < 2 and self.space.saw(event, join)
            if is_senior and self._witnesses(event, grant):
                return (0, event.place, join.place)
        return (1, join.place, join.place)

    def _witnesses(self, event: Event, grant: Event) -> bool:
        if event.kind in AUTH:
            return self.counts(event)
        lost = self.after(event, grant) or self.beside(event, grant, plain=True)
        return self.counts(grant) and not lost

    # -- content: R1, R3, R7, R5 ---------------------------------------------------------------

    def _content(self, event: Event) -> Verdict:
        grant = self.space.auth(event)
        closes = [] if event.kind == "merge" else self.closes
        saw = [close for close in closes if self.space.saw(event, close)]
        is_beside = not saw and not all(self.space.saw(close, event) for close in closes)
        return self._without_flag(event, grant, saw)._replace(beside_close=is_beside)

    def _without_flag(self, event: Event, grant: Event, closes: list[Event]) -> Verdict:
        if closes:
            return Verdict("invalid", "R7 closed", closes[0].id)
        after = self.after(event, grant)
        if after:
            return Verdict("invalid", "R3 after", after[0].id)
        beside = self.beside(event, grant)
        if self.counts(grant) and not beside:
            return OK
        admits = self._admits(event)
        if admits:
            return Verdict("ok*", "R5 admitted", admits[0].id)
        if not self.counts(grant):
            return Verdict("held", "R1 lost grant", grant.id)
        return Verdict("held", "R3 beside", beside[0].id)

    def _admits(self, event: Event) -> list[Event]:
        holders = self.holders(event)
        found = list[Event]()
        for admit in self.passing("admit"):
            if self.counts(admit) and self.space.saw(admit, event):
                named = admit.says("ids")
                assert isinstance(named, tuple)
                by_cause = holders is not None and holders <= set(named)
                found += [admit] if event.id in named or by_cause else []
        return found

    def holders(self, event: Event) -> set[Id] | None:
        """Return the revocations that hold or void an event; None: no names of those reach it."""
        grant = self.space.auth(event)
        if event.kind in AUTH:
            verdict = self.verdicts[event.id]
            if verdict.status == "invalid" or verdict.rule in ("R4 over count", "R6 over-used"):
                return None
        found = {act.id for act in self.beside(event, grant)}
        if event.kind in AUTH:
            found |= {act.id for act in self.undoing(event)}
        if self.counts(grant):
            return found
        above = self.holders(grant)
        return None if above is None else found | above

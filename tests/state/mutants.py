"""Mutants: one small fault each, planted into a copy of the code that decides about authority.

A mutant is a text that occurs exactly once and what stands in its place; `state.mutant_check` is
run over the copy and has to notice. One that nobody notices is a missing test.

Left out, because they change nothing: the mask of `is_member` and the two bitset tests of `_cross`,
which are speed; the cap `admin` for the role admin (who has `grant` has `admin`).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """Where it is planted, what it takes out and puts in, and the fault in words."""

    module: str
    old: str
    new: str
    fault: str


def _of(module: str, *rows: tuple[str, str, str]) -> tuple[Mutant, ...]:
    return tuple(Mutant(module, *row) for row in rows)


CAPABILITY: Final = _of(
    "core/capability.py",
    ('"admin": ADMIN, "owner": OWN}', '"admin": ADMIN, "owner": ADMIN}', "admins make owners"),
    ('("read", "write")', '("read", "write", "admin")', "an invite for admin"),
    ("(parent.subject is not None)", "1", "a join is a level below its invite"),
    ('{"owner": 0, "admin": 1}', '{"owner": 0, "admin": 0}', "admins rank as owners"),
    (
        "rank=(OTHERS, parent.rank[1] + 1, event.lam, event.id),\n        parent=parent.key,\n"
        "        task=body.task",
        "rank=(parent.rank[0], parent.rank[1] + 1, event.lam, event.id),\n"
        "        parent=parent.key,\n        task=body.task",
        "an admin's delegate ranks as admin",
    ),
    ("reads=parent.caps & GRANT != 0", "reads=True", "a writer's delegate is a reader"),
    ("or not grant.is_in(event.seen) or", "or", "a grant outside the ancestry is cited"),
    ("grant.subject != event.author", "False", "anybody acts under any grant"),
    ("invite.ipk is not None and check_proof", "invite.ipk is not None or check_proof", "no proof"),
    ("if not grant.caps & need:", "if not grant.caps:", "a grant gives every cap"),
    ("or need == READ or", "or", "what readers may do has a scope"),
    ('need == READ or event.kind == "delegate"', "need == READ", "no delegation below a task"),
    ("None if task == grant.task else", "None if task else", "any task is in scope"),
    ("return SELF_GRANT if subject == event.author", "return SELF_GRANT if False", "self-grants"),
    ("if body.subject == event.author:", "if False:", "delegations to oneself"),
    ("FOUNDER_STAYS if", "FOUNDER_STAYS if False and", "the founder leaves"),
    ("1 <= body.max_uses", "0 <= body.max_uses", "an invite for nobody"),
    ("number == 1 +", "number >= 1 +", "numbers are skipped"),
    ("None if ancestry.creates(event)", "None if True", "an epoch of other fields"),
    ("body.depth < grant.depth", "body.depth <= grant.depth", "a delegation as deep as its own"),
    ('(body.verb == "read" and body.task) or', "", "a delegation to read one task"),
    ("grant.task and body.task != grant.task", "False", "a wider scope"),
    ("body.na > grant.na", "body.na >= grant.na + 1000", "a later end"),
    ("not grant.caps & GRANT and not", "not", "admins delegate to members only"),
    ("event.ts > grant.na", "event.ts >= grant.na", "the last millisecond"),
)
LEDGER: Final = _of(
    "state/authority_ledger.py",
    (
        "return parent is not None and parent.key == key",
        "return parent is not None",
        "writers revoke what is not below them",
    ),
    ("            if seen >> event.index & 1:", "            if True:", "numbers nobody saw"),
    ('("genesis", "join", "leave")', '("genesis", "join")', "who left is still a member"),
    (
        "self.undos.setdefault(act, []).append(event)",
        "self.undos.setdefault(event.id, []).append(event)",
        "nothing is undone",
    ),
)
PASS: Final = _of(
    "state/authority_pass.py",
    (
        "        if is_lost:\n            self.weak |=",
        "        if False:\n            self.weak |=",
        "a leave under a lost grant is not weak",
    ),
    ("crossed if crossed.status is Status.INVALID else void", "void", "R1 hides what saw the end"),
    ("if not grant.is_role and grant.parent is not None:", "if False:", "no end with the parent"),
    (
        "[*leaves, *[kill for kill in found if kill.event.id not in known]]",
        "[*found, *[one for one in leaves if one.event.id not in [k.event.id for k in found]]]",
        "a leave that came with the parent stays weak",
    ),
    (
        "if ledger.rank(kill.event)[0] < OTHERS or ledger.is_below",
        "if True or ledger.is_below",
        "writers revoke anything junior",
    ),
    (
        " and (index > at or not seen >> index & 1)",
        "",
        "a removal ends what saw it",
    ),
    (
        "grant.caps if grant.is_role else 1",
        "grant.caps",
        "a demotion ends delegations to the same member",
    ),
    (
        "type(body) not in _ENDS or verdicts[event.id] is not OK",
        "type(body) not in _ENDS",
        "a void revocation ends grants",
    ),
    ("            against.sort()\n", "", "the order of arrival names the cause"),
    (
        "        if len(found) > aimed:\n            found.sort(key=_PLACE_OF_KILL)\n",
        "",
        "a revoke comes behind a later removal",
    ),
    (
        "weak=event.id in self.weak or grant.rank < self.ledger.rank(event)",
        "weak=event.id in self.weak",
        "a leave touches what is under a senior grant",
    ),
    ("weak=event.id in self.weak or", "weak=", "a removed admin's leave touches what is beside"),
    ("if not _is_own_leave(one, event.author)]", "]", "own leaves weaken a leave"),
    ('if stands or event.kind == "leave":', "if stands:", "a leave is void or invalid"),
    (
        'self.is_ok(event.id) and event.kind != "leave":',
        "self.is_ok(event.id):",
        "a leave is undone",
    ),
    ("and one.body.subject == act.author", "", "acts of others are undone"),
    ("            and ledger.rank(one) < grant.rank\n", "", "a junior undoes"),
    ('self.is_ok(one.id) and one.kind != "leave"]', "self.is_ok(one.id)]", "leaves are counted"),
    (
        "sorted(counted, key=place)[limits",
        "sorted(counted, key=lambda one: one.id)[limits",
        "the count goes by id alone",
    ),
    ("rank[0] == OTHERS and len(acts)", "rank[0] <= OTHERS and len(acts)", "admins are counted"),
    ("(first.get(join.index, _LAST), place(join))", "place(join)", "nobody settles a join"),
    (
        'and self.is_ok(event.id) and event.kind != "leave"\n        ]',
        "and self.is_ok(event.id)\n        ]",
        "a leave settles a join",
    ),
    (
        "for one in self.ledger.ranked(self.within) if one.rank[0] < OTHERS]",
        "for one in self.ledger.ranked(self.within)]",
        "a writer settles a join",
    ),
    (
        "        if not self.is_ok(grant.act.id):\n            return False\n",
        "",
        "content under a lost grant settles a join",
    ),
    ("(kill.weak or self.sight.saw", "(self.sight.saw", "a weak leave unsettles"),
    (
        "if event.fault is None and self._stands(event)",
        "if self._stands(event)",
        "what breaks a rule settles a join",
    ),
    (
        "-number_of(pin), self.ledger.rank(pin)",
        "number_of(pin), self.ledger.rank(pin)",
        "the least number is the hub's",
    ),
    ("self.ledger.rank(pin), place(pin)", "0, place(pin)", "the earlier pin counts"),
    ("beside is OK and not kill.weak and", "beside is OK and", "a weak leave voids"),
)
CONTENT: Final = _of(
    "state/authority_content.py",
    ('or (act.kind == "leave" and act.author == event.author)', "", "(b) is gone"),
    ("    if not isinstance(act.body, bodies.Role) or", "    if True or", "(a) is gone"),
    ("judgement.kills.get(act.id, ())", "()", "(a) looks no further"),
    ("    if sight.saw(act, event):\n        return []\n", "", "what was seen is held"),
    ('if judgement.closes and event.kind != "merge":', "if judgement.closes:", "merges end"),
    ("    if all(sight.saw(close", "    if any(sight.saw(close", "one close saw it"),
    ("holders.issubset(ids)", "holders & set(ids)", "one of two names is enough"),
    (" and sight.saw(admit, event):", ":", "what the admit did not see"),
    ("key=lambda one: (one.lam, one.id)):", "key=lambda one: one.id):", "an admit's place"),
    ("else holders | above", "else above", "R3 does not hold what R1 holds"),
    (
        "        found |= {kill.event.id for kill in beside(grant, judgement)}\n",
        "",
        "what voids a grant does not hold",
    ),
    ("        found.update(undone)\n", "", "what undoes a grant does not hold"),
    (
        "        grant = parent\n    return frozenset(found)",
        "        return frozenset(found)\n    return frozenset(found)",
        "only the nearest lost grant",
    ),
    ("not in (UNDER_LOST, BESIDE, UNDONE):", "in ():", "a grant made after the end is released"),
    ("if not kill.weak and not kill.event.seen", "if not kill.event.seen", "a weak leave holds"),
    ("if before.kills.get(key) != after.kills.get(key)", "if False", "late ends change nothing"),
    (
        "if was is not now and (was != now or",
        "if was is not now and (False or",
        "late losses change nothing",
    ),
    (" or _holders_differ(grant, before, after)):", "):", "who holds it changes nothing"),
    ("    grants |= _through_roles(grants, after)\n", "", "the end of a role changes nothing"),
    (
        "closes=[one.id for one in before.closes] != [one.id for one in after.closes]",
        "closes=False",
        "a late close changes nothing",
    ),
    ("admits=before.admits != after.admits", "admits=False", "a late admit changes nothing"),
)
VIEWS: Final = _of(
    "state/authority_views.py",
    ("if not found.contested:", "if True:", "a contested judgement is kept"),
    (
        "_Narrow(self.facts, lambda one: self.facts.saw(event, one))",
        "self.facts",
        "an ancestry knows what it did not see",
    ),
    (
        "return self._judged(seen, self._past(event)).role_of(did) is not None",
        "return self._judged(-1 & (1 << len(self.ledger.events)) - 1, self.facts)"
        ".role_of(did) is not None",
        "members are those of now",
    ),
)
EPOCHS: Final = _of(
    "state/epochs.py",
    ("verdict.status is Status.VOID:", "False:", "who was let in beside a demotion reads on"),
    ('all(one.event.kind == "leave" for one in kills)', "True", "a flood of leaves"),
    ('return kind != "role"', "return True", "a demotion forces a rotation"),
    ("or judgement.role_of(grant.subject) is None", "or True", "the end of a member's delegation"),
    (
        "known = _first_creates(view, views, create.seen)",
        "known = _creates(views, create.seen)",
        "a second creation covers",
    ),
    ("if [one.id for one in create.body.rcpt] != recipients(view):", "if False:", "any readers"),
    ("return not adequate or", "return True or", "a writer needs no cause"),
    ("not ending & ~create.seen", "True", "no end is covered"),
    (
        "acting(create.author, WRITE) is not None",
        "acting(create.author, 1) is not None",
        "a reader's epoch",
    ),
    ("(one.lam, one.epoch), reverse=True", "(one.lam, one.epoch)", "the least epoch"),
)
MUTANTS: Final = (*CAPABILITY, *LEDGER, *PASS, *CONTENT, *VIEWS, *EPOCHS)

"""Authority: the pass over acts, the verdicts on content, and the making of an epoch."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable

from bench import yardsticks
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting
from envoy.core import bodies
from envoy.core.capability import AuthEvent, ContentEvent
from envoy.core.crypto import seal
from envoy.core.crypto.sign import tagged
from envoy.core.structs import Body
from envoy.replica import epochs
from envoy.replica.keyring import Reader
from envoy.state.authority import Judgement, Status
from envoy.state.authority_content import content_verdict
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge

ACTS = 10_000
CONTENT = 100_000
MEMBERS = 200
ADMINS = 20
SORT_MOST = 25  # the pass may take so many times as long as sorting its acts by rank
REJUDGE_MS_MOST = 500  # for CONTENT events
SEAL_MOST = 1.5  # times the bare seals of as many boxes
BESIDE = 8  # acts of others that an act has not seen
NUMBER_BYTES = 8


def ident(what: str, number: int) -> bytes:
    """Return an id of a thing of this bench."""
    return tagged("event", what.encode(), number.to_bytes(NUMBER_BYTES))


class Tips:
    """What revocations saw of chains: the first half of all content; no invite is over-used."""

    @staticmethod
    def saw(later: AuthEvent, event: ContentEvent) -> bool:
        """Say whether ``event`` was written when ``later`` was."""
        return event.seq < CONTENT // 2

    @staticmethod
    def witnesses(grants: Iterable[bytes], joins: int) -> Iterable[ContentEvent]:
        """Return none: there is no invite."""
        return ()


def act(index: int, author: bytes, auth: bytes, kind: str, body: Body | None) -> AuthEvent:
    """Return an act that saw all but the last few, those of its own chain included."""
    seen = (1 << max(index - BESIDE, min(index, ADMINS + 1))) - 1
    return AuthEvent(
        index=index,
        id=ident("act", index),
        author=author,
        auth=auth,
        chain=author[:16],
        seq=index,
        lam=index,
        ts=index,
        epoch=bytes(32),
        kind=kind,
        body=body,
        seen=seen,
        fault=None,
    )


def history(count: int) -> list[AuthEvent]:
    """Return a space with ADMINS admins who grant, change, revoke and remove beside each other."""
    chance = random.Random(count)  # no secret
    space, founder = ident("space", 0), ident("did", 0)
    policy: tuple[tuple[str, str], ...] = ()
    first = bodies.Genesis(founder, founder, 1, 1, "bench", None, policy, founder, bytes(16), space)
    found = [act(0, founder, space, "genesis", first)]
    for number in range(1, ADMINS + 1):
        body = bodies.Grant(ident("did", number), "admin", None, None, None, None)
        found.append(act(number, founder, space, "grant", body))
    writers = [ident("did", ADMINS + 1 + number) for number in range(MEMBERS)]
    for index in range(ADMINS + 1, count):
        admin = chance.randrange(1, ADMINS + 1)
        author, auth = ident("did", admin), found[admin].id
        who = chance.choice(writers)
        kinds: tuple[tuple[str, Body], ...] = (
            ("grant", bodies.Grant(who, "write", None, None, None, None)),
            ("grant", bodies.Grant(who, "read", None, None, None, None)),
            ("role", bodies.Role(who, chance.choice(("read", "write")))),
            ("remove", bodies.Remove(who, "", ())),
            ("revoke", bodies.Revoke(chance.choice(found[ADMINS:]).id, "")),
        )
        found.append(act(index, author, auth, *chance.choice(kinds)))
    return found


def play_pass(setting: Setting) -> Race:
    """Measure one pass over many acts against sorting them by rank."""
    ledger = Ledger.of(history(ACTS))
    acts = ledger.events[1:]
    random.Random(1).shuffle(acts)  # no secret
    judged = judge(ledger, Tips())
    fallen = sum(1 for one in judged.verdicts.values() if one.status is not Status.OK)

    def once() -> None:
        if judge(ledger, Tips()).verdicts != judged.verdicts:
            raise Wrong("another answer")

    return Race(
        (
            yardsticks.rate("sort by rank", lambda: sorted(acts, key=ledger.rank)),
            yardsticks.rate("authority.pass", once),
        ),
        (Target("authority.pass", "sort by rank", 1 / SORT_MOST, is_most=False),),
        rounds=7 if setting.quick else 25,
        notes=lambda: {"acts": len(acts), "void or invalid": fallen},
    )


def content(acts: list[AuthEvent], count: int) -> list[ContentEvent]:
    """Return messages of writers under the last grants that they got."""
    grants = [one for one in acts if one.kind == "grant"][-MEMBERS:]
    found = []
    for number in range(count):
        grant = grants[number % len(grants)]
        assert isinstance(grant.body, bodies.Grant), "only grants were kept"
        found.append(
            ContentEvent(
                id=ident("message", number),
                author=grant.body.subject,
                auth=grant.id,
                chain=grant.body.subject[:16],
                seq=number,
                lam=len(acts) + number,
                ts=len(acts) + number,
                kind="message",
                entity=None,
                task=None,
                seen=grant.seen | 1 << grant.index,
                fault=None,
            )
        )
    return found


def play_content(setting: Setting) -> Race:
    """Measure the verdicts on content whose grants all ended, some of it seen, some beside."""
    acts = history(ACTS // 10)
    last = acts[-1].index
    for number, who in enumerate({ident("did", ADMINS + 1 + n) for n in range(MEMBERS)}):
        body = bodies.Remove(who, "", ())
        acts.append(act(last + 1 + number, acts[0].author, acts[0].auth, "remove", body))
    ledger, tips = Ledger.of(acts), Tips()
    said = content(acts, CONTENT)
    judged = judge(ledger, tips)
    return Race(
        (judging(said, judged, tips),),
        (Target("authority.rejudge", None, REJUDGE_MS_MOST, is_most=True),),
        rounds=5 if setting.quick else 15,
    )


def judging(said: list[ContentEvent], judged: Judgement, tips: Tips) -> Contender:
    """Return the judging of all that was said; half of it must be held."""

    def once() -> float:
        began = time.perf_counter()
        verdicts = [content_verdict(one, judged, tips) for one in said]
        spent = (time.perf_counter() - began) * 1000
        held = sum(1 for one in verdicts if one.status is Status.HELD)
        if not CONTENT * 0.4 < held < CONTENT * 0.6:
            raise Wrong(f"{held} held")
        return spent

    return Contender("authority.rejudge", "wall_ms", once)


def play_epoch(setting: Setting) -> Race:
    """Measure an epoch for many readers against the bare seals of its boxes."""
    keys = [seal.public_key(ident("seed", number)) for number in range(MEMBERS)]
    to = [Reader(ident("did", number), key) for number, key in enumerate(keys)]
    space, author = ident("space", 0), ident("did", 0)
    secret = ident("secret", 0)

    def bare() -> None:
        for key in keys:
            seal.seal(key, space, secret)

    def whole() -> None:
        made = epochs.create(space, author, older=[], to=to, nonce=bytes(16), secret=secret)
        if len(made.boxes) != MEMBERS:
            raise Wrong(f"{len(made.boxes)} boxes")

    contenders: tuple[tuple[str, Callable[[], None]], ...] = (
        ("seals", bare),
        ("epoch.rotate", whole),
    )
    return Race(
        tuple(yardsticks.rate(name, work) for name, work in contenders),
        (Target("epoch.rotate", "seals", 1 / SEAL_MOST, is_most=False),),
        rounds=5 if setting.quick else 15,
    )


CASES = (
    Case("authority.pass", "10,000 acts of 20 admins, judged by rank", play_pass),
    Case("authority.rejudge", "100,000 messages whose grants ended", play_content),
    Case("epoch.rotate", "an epoch for 200 readers", play_epoch),
)

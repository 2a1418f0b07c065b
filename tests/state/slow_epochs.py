"""Slow epochs: E1, E2 and E4 once more, word by word, over the slow rules of authority."""

from __future__ import annotations

from state.slow import ROLE_KINDS, Slow, View

DAY_MS = 24 * 60 * 60 * 1000


def ending(slow: Slow, view: View) -> set[str]:
    """E1: return the acts that ended somebody's reading."""
    found = {one for one in view if slow.kind(one) == "remove" and slow.ok(view, one)}
    for grant in view:
        if not slow.is_grant(grant) or not slow.reads(grant):
            continue
        if grant != "genesis" and slow.verdict(view, grant)[0] == "void":
            found |= slow.beside_it(view, grant)
        kills = [act for act, _ in slow.kills(view, grant)]
        for act in kills:
            if slow.kind(act) == "leave":
                own = slow.subject(grant) == slow.events[act]["by"]
                counts = own and all(slow.kind(one) == "leave" for one in kills)
            elif slow.kind(grant) in ROLE_KINDS:
                counts = slow.kind(act) != "role"
            else:
                subject = slow.subject(grant)
                counts = subject is None or slow.role_of(view, subject) is None
            if counts:
                found.add(act)
    return found


def is_sound(slow: Slow, create: str) -> bool:
    """E4."""
    if slow.kind(create) == "genesis":
        return True
    view, event = slow.past[create], slow.events[create]
    if slow.fault(create) is not None or event["body"]["rcpt"] != slow.recipients(view):
        return False
    if slow.rank(event["under"])[0] < 2:
        return True
    adequate = [one for one in firsts(slow, view) if is_adequate(slow, view, one)]
    if not adequate:
        return True
    last = None
    for name in sorted(view, key=slow.place):
        keys = slow.events[name]
        if keys["kind"] != "member.keys" or keys["by"] != event["by"]:
            continue
        due = last is None or keys["ts"] - last >= DAY_MS
        last = keys["ts"]
        counts = slow.content(view, name)[0] == "ok"
        if due and counts and not any(slow.saw(one, name) for one in adequate):
            return True
    return False


def creates(slow: Slow, view: View) -> list[str]:
    """Return the events that create epochs."""
    return [one for one in view if slow.kind(one) in ("genesis", "epoch.create")]


def firsts(slow: Slow, view: View) -> list[str]:
    """E2: return for each epoch the ok event of least place that creates it."""
    first: dict[str, str] = {}
    for one in sorted(creates(slow, view), key=slow.place):
        if slow.ok(view, one):
            first.setdefault(slow.events[one].get("epoch", ""), one)
    return list(first.values())


def is_adequate(slow: Slow, view: View, create: str) -> bool:
    """E1."""
    by = slow.events[create]["by"]
    writes = any(
        slow.subject(one) == by
        and "write" in slow.caps(one)
        and not (slow.events[one]["body"] or {}).get("task")
        for one in slow.live(view)
    )
    covers = ending(slow, view) <= slow.past[create]
    return slow.ok(view, create) and writes and covers and is_sound(slow, create)


def current(slow: Slow, view: View) -> str:
    """E2: return the create event of the epoch to write under, "" for none."""
    adequate = [one for one in firsts(slow, view) if is_adequate(slow, view, one)]
    order = {one: (slow.place(one)[0], slow.events[one].get("epoch", "")) for one in adequate}
    return max(adequate, key=order.__getitem__, default="")

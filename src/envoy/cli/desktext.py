"""Desktext: verdicts, chains and the desk, for people.

A line begins with our own words; a name stands with its fingerprint; what a member wrote follows
below, behind a bar, and what does not count says so first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.lines import deed
from envoy.cli.render import Block, Body, Span, Spans, line, table
from envoy.views.desk import FLAG_WORDS

STYLES = {"ok": "ok", "ok*": "ok", "held": "warn", "void": "bad", "invalid": "bad"}
STANDING = {"live": "ok", "active": "ok", "used": "dim", "expired": "warn"}
Json = Mapping[str, object]


def marked(status: object) -> Span:
    """Return a verdict as it is marked everywhere: in capitals where it does not count."""
    text = show.text(status)
    return (text if text in ("ok", "ok*") else text.upper(), STYLES.get(text, "warn"))


def clock(stamp: object) -> str:
    """Return a time."""
    return show.clock(stamp, now_ms=show.now())


# -- can --------------------------------------------------------------------------------------


def can_text(data: Json) -> Iterator[Block]:
    """Yield whether a member may, and why."""
    word: Span = ("may", "ok") if data["allowed"] else ("may not", "bad")
    about = "" if data["task_id"] is None else f" on {show.short(data['task_id'])}"
    when = "" if data["at_event"] is None else f" as {show.short(data['at_event'])} saw it"
    gone: Span = ", removed," if data["removed"] else ""
    yield line(*show.person(data["member"]), gone, " ", word, f" {data['verb']}{about}{when}")
    missing = data["missing"]
    if missing is not None:
        found = show.mapping(missing)
        yield line(("missing ", "strong"), f"{found['reason']}: {found['words']}")
        if found["ended_by"] is not None:
            yield line(("ended by ", "strong"), show.short(found["ended_by"]))
    yield from chain_text(data)
    if missing is not None:
        action = show.text(show.mapping(missing)["next_action"]).replace("_", " ")
        yield line(("next: ", "strong"), action)


def chain_text(data: Json) -> Iterator[Block]:
    """Yield a chain of grants, from the genesis on."""
    links = show.listed(data["chain"])
    if not links:
        return
    yield table(("BY", "GRANT", "GIVES", "TO", "STATUS"), map(link_row, links), soft=(0, 3))
    if not data["chain_complete"]:
        yield line(("the chain does not lead to the genesis here", "warn"))


def link_row(link: Json) -> tuple[Spans, ...]:
    """Return one grant of a chain as a row."""
    status = show.text(link["status"])
    gives = show.text(link["role"] or link["verb"])
    scope = show.text(link["scope"])
    if scope.startswith("task:"):
        gives += f" on {show.short(scope.removeprefix('task:'))}"
    ended = "" if link["ended_by"] is None else f" by {show.short(link['ended_by'])}"
    rule = "" if link["rule"] is None else f" ({link['rule']})"
    return (
        show.person(link["from"]),
        [(show.short(link["grant_id"]), "dim"), f" {show.text(link['kind'])}"],
        [gives],
        ["whoever has its code"] if link["kind"] == "invite" else show.person(link["to"]),
        [(status, STANDING.get(status, "bad")), rule, ended],
    )


# -- why --------------------------------------------------------------------------------------


def why_text(data: Json) -> Iterator[Block]:
    """Yield why an event has its verdict."""
    head: list[Span] = [(show.short(data["event_id"]), "strong"), "  ", marked(data["status"])]
    if data["kind"] is not None:
        yield line(
            *head, f"  {data['kind']} by ", *show.person(data["by"]), f"  {clock(data['at'])}"
        )
    else:
        yield line(*head)
    if data["rule"] is not None or data["rule_words"] is not None:
        yield line(("rule    ", "dim"), ": ".join(filter(None, map(show.text, rules(data)))))
    flags = data["flags"]
    assert isinstance(flags, list)
    for flag in flags:
        yield line((f"{flag}: ", "warn"), FLAG_WORDS[flag])
    for act in show.listed(data["causes"]):
        yield from act_text(act)
    yield from epoch_text(data["epoch"])
    yield from frame_text(data["frame"])
    yield from distance_text(data["distance"])
    yield from chain_text(data)
    if data["status"] not in ("ok", "ok*"):
        action = show.text(data["next_action"]).replace("_", " ")
        yield line(("next: ", "strong"), show.text(data["next_command"]) or action)


def rules(data: Json) -> tuple[object, object]:
    """Return the rule behind a verdict and its words."""
    return data["rule"], data["rule_words"]


def act_text(act: Json) -> Iterator[Block]:
    """Yield one act behind a verdict, and what its author said about it."""
    status = show.text(act["event_status"])
    rule = f" ({act['rule']}: {act['rule_words']})" if act["rule"] is not None else ""
    yield line(
        ("because ", "dim"),
        f"{act['kind']} ",
        (show.short(act["event_id"]), "dim"),
        " by ",
        *show.person(act["by"]),
        f"  {clock(act['at'])}  ",
        marked(status),
        rule,
    )
    if act["reason"]:
        yield Body(show.text(act["reason"]))


def epoch_text(epoch: object) -> Iterator[Block]:
    """Yield whether an epoch is written under."""
    if epoch is None:
        return
    found = show.mapping(epoch)
    state: Span = ("adequate", "ok") if found["adequate"] else ("not adequate", "warn")
    yield line(("epoch   ", "dim"), state, f"  {found['rule']}: {found['rule_words']}")


def frame_text(frame: object) -> Iterator[Block]:
    """Yield what is known of a frame that is no event."""
    if frame is None:
        return
    found = show.mapping(frame)
    for name in ("code", "lacks", "source", "size"):
        value = found[name]
        if value is not None:
            text = show.short(value) if name == "lacks" else show.text(value)
            yield line((f"{name:8}", "dim"), text)


def distance_text(distance: object) -> Iterator[Block]:
    """Yield how far back a revocation reaches."""
    if distance is None:
        return
    found = show.mapping(distance)
    yield line(("reaches ", "dim"), *reach(found))


def reach(found: Json) -> Spans:
    """Return the distance of a revocation in words."""
    acts = [
        f"{found[key]} {word}"
        for key, word in (("holds", "held"), ("voids", "void"), ("invalidates", "invalid"))
        if found[key]
    ]
    effect = ", ".join(acts) or "nothing here"
    if not found["uncited_written"]:
        return [f"{effect}; it cites all that its author wrote"]
    since = clock(found["uncited_since"])
    return [
        f"{effect}; ",
        (f"does not cite {found['uncited_written']} written elsewhere by its author", "warn"),
        f" and {found['uncited_seen']} seen there, since {since}",
    ]


# -- the desk ---------------------------------------------------------------------------------


def desk_text(data: Json) -> Iterator[Block]:
    """Yield what lies on the desk."""
    counts, parked = show.mapping(data["counts"]), show.mapping(data["parked"])
    told = ", ".join(f"{count} {word}" for word, count in counts.items())
    refused = f"{data['quarantine_count']} refused at the door"
    yield line((show.label(data["space_name"]), "strong"), f"  {told}, {refused}")
    events, acts = show.listed(data["events"]), show.listed(data["revocations"])
    if events:
        heads = ("EVENT", "VERDICT", "KIND", "BY", "RULE", "BECAUSE OF")
        yield table(heads, map(event_row, events), soft=(3,))
    if acts:
        yield table(("BECAUSE OF", "KIND", "BY", "REACHES"), map(act_row, acts), soft=(2,))
    rejects = show.listed(data["quarantine"])
    if rejects:
        at_door = ("REFUSED", "CODE", "FROM", "BYTES", "SEEN")
        yield table(at_door, map(reject_row, rejects), soft=(2,))
    waiting = [f"{count} {word}" for word, count in parked.items() if count]
    if waiting:
        yield line(("no events yet: ", "dim"), ", ".join(waiting))
    command = next((one["next_command"] for one in events if one["next_command"]), None)
    if command is not None:
        yield line(("next: ", "strong"), show.text(command))


def event_row(event: Json) -> tuple[Spans, ...]:
    """Return an event of the desk as a row."""
    cause = event["caused_by"]
    return (
        [(show.short(event["event_id"]), "strong")],
        [marked(event["event_status"])],
        [show.text(event["kind"])],
        show.person(event["by"]),
        [show.text(event["rule"])],
        [show.short(cause)],
    )


def act_row(act: Json) -> tuple[Spans, ...]:
    """Return a revocation as a row."""
    return (
        [(show.short(act["revocation_id"]), "strong")],
        [show.text(act["kind"])],
        show.person(act["by"]),
        reach(act),
    )


def reject_row(row: Json) -> tuple[Spans, ...]:
    """Return a frame that failed at the door as a row."""
    return (
        [(show.short(row["frame_id"]), "dim")],
        [(show.text(row["code"]), "bad")],
        [show.text(row["source"])],
        [show.text(row["size"])],
        [clock(row["first_seen_at"])],
    )


def show_text(data: Json) -> Iterator[Block]:
    """Yield one event of the desk: what it is, its text behind a bar, why it lies there."""
    yield from why_text(data)
    if data["record"] is None:
        return
    record = show.mapping(data["record"])
    yield line(("says    ", "dim"), marked(data["status"]), "  ", *deed(record))
    if record["body"]:
        yield Body(show.text(record["body"]))

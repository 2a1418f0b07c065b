"""Attest: what a space says, in the words of two public formats, for programs of others.

PROV-JSON (W3C Member Submission, 24 April 2013) tells who did what to what; an in-toto Statement v1
ties an evidence record to the digest that it speaks of. Both are made from rows of a copy, are read
by tools that know nothing of Envoy, and prove nothing by themselves: what is signed are the events.

Laws: pure, streamed, the same bytes for the same rows. Nothing is inferred: an edge stands for a
reference that an event names.

Specification: docs/spec/audit.md, Views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from envoy import ids
from envoy.jsontext import dumps, loads
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.audit import COUNTING, Act
from envoy.views.people import Json, People, stamp
from envoy.views.records import split

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "urn:envoy:evidence:1"
PREFIXES: Final = {"envoy": "urn:envoy:", "member": "did:key:"}
QUALIFIED: Final = "prov:QUALIFIED_NAME"
# What an act makes, by its kind: the prefix of its id.
MADE: Final = {"task.create": "task", "record": "rec", "object.put": "evt", "message": "msg"}
AGENTS: Final = {"human": "prov:Person", "agent": "prov:SoftwareAgent"}
# Digests by the length of their hex digits, under the names that in-toto gives them.
DIGESTS: Final = {64: "sha256", 96: "sha384", 128: "sha512"}
GIT: Final = ("gitCommit", 40)
_HEX: Final = frozenset("0123456789abcdef")


class Log(NamedTuple):
    """What a space is told from; each call reads anew, in the order of the space."""

    people: People
    acts: Callable[[], Iterable[Act]]
    links: Callable[[], Iterable[rows.Link]]
    kinds: Callable[[bytes], str | None]  # of an event that is here and shown


# -- PROV-JSON ---------------------------------------------------------------------------------


def prov(log: Log) -> Iterator[str]:
    """Yield a PROV-JSON document, section by section."""
    sections: tuple[tuple[str, Iterator[tuple[str, Json]]], ...] = (
        ("agent", _agents(log.people)),
        ("entity", _entities(log)),
        ("activity", _activities(log)),
        ("wasAssociatedWith", _numbered("assoc", _associations(log))),
        ("wasGeneratedBy", _numbered("gen", _generations(log))),
        ("used", _numbered("use", _uses(log))),
        ("wasAttributedTo", _numbered("attr", _attributions(log))),
        ("wasDerivedFrom", _numbered("der", _derivations(log))),
    )
    yield '{"prefix":' + dumps(PREFIXES)
    for name, found in sections:
        yield f",\n{dumps(name)}:{{"
        lead = "\n"
        for key, value in found:
            yield f"{lead}{dumps(key)}:{dumps(value)}"
            lead = ",\n"
        yield "}"
    yield "}\n"


def _shown(log: Log) -> Iterator[Act]:
    """Yield the acts whose kind is known here: a stub is none of them."""
    return (act for act in log.acts() if log.kinds(act.id) is not None)


def _agents(people: People) -> Iterator[tuple[str, Json]]:
    for member in people.all():
        kind = AGENTS.get(member.type or "", "prov:Agent")
        yield (
            _member(people, member.an),
            {"prov:type": {"$": kind, "type": QUALIFIED}, "prov:label": member.name},
        )


def _entities(log: Log) -> Iterator[tuple[str, Json]]:
    for act in _shown(log):
        if act.kind in MADE:
            yield _entity(act.kind, act.id), {"envoy:kind": act.kind, "envoy:status": act.status}


def _activities(log: Log) -> Iterator[tuple[str, Json]]:
    for act in _shown(log):
        at = stamp(act.ts)
        told: Json = {"prov:startTime": at, "prov:endTime": at}
        yield _act(act.id), {**told, "envoy:kind": act.kind, "envoy:status": act.status}


def _associations(log: Log) -> Iterator[Json]:
    for act in _shown(log):
        yield {"prov:activity": _act(act.id), "prov:agent": _member(log.people, act.an)}


def _generations(log: Log) -> Iterator[Json]:
    for act in _shown(log):
        if act.kind in MADE:
            yield {
                "prov:entity": _entity(act.kind, act.id),
                "prov:activity": _act(act.id),
                "prov:time": stamp(act.ts),
            }


def _uses(log: Log) -> Iterator[Json]:
    for act in _shown(log):
        if act.entity in (None, act.id) or act.status not in COUNTING:
            continue
        assert act.entity is not None, "it was looked at"
        kind = log.kinds(act.entity)
        if kind in MADE:
            yield {"prov:activity": _act(act.id), "prov:entity": _entity(kind, act.entity)}


def _attributions(log: Log) -> Iterator[Json]:
    for act in _shown(log):
        if act.kind in MADE:
            yield {
                "prov:entity": _entity(act.kind, act.id),
                "prov:agent": _member(log.people, act.an),
            }


def _derivations(log: Log) -> Iterator[Json]:
    for link in log.links():
        ends = [(one, log.kinds(one)) for one in (link.event, link.target)]
        if all(kind in MADE for _, kind in ends):
            made, used = (_entity(str(kind), one) for one, kind in ends)
            yield {
                "prov:generatedEntity": made,
                "prov:usedEntity": used,
                "envoy:relation": link.rel,
            }


def _numbered(name: str, found: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    """Yield relations under names that mean nothing outside the document."""
    for number, one in enumerate(found, 1):
        yield f"_:{name}{number}", one


def _entity(kind: str, event: bytes) -> str:
    return f"envoy:{ids.to_text(MADE[kind], event)}" if MADE[kind] != "evt" else _object(event)


def _object(event: bytes) -> str:
    # An act and what it made have one id; the act has the plain one.
    return f"envoy:object.{ids.to_text('evt', event)}"


def _act(event: bytes) -> str:
    return f"envoy:{ids.to_text('evt', event)}"


def _member(people: People, an: int) -> str:
    return "member:" + people.shown(an)[0].removeprefix(PREFIXES["member"])


# -- in-toto -----------------------------------------------------------------------------------


def statements(records: Iterable[rows.Record], people: People, space: rows.Space) -> Iterator[str]:
    """Yield a Statement a line for each evidence record that names a digest and stands."""
    for record in records:
        subject = None if record.kind != "evidence" else _subject(record.subject)
        if subject is not None and record.retracted is None:
            yield dumps(_statement(record, subject, people, space)) + "\n"


def _subject(text: str | None) -> Json | None:
    """Return what a record speaks of as a resource with a digest; None where it names none."""
    name, digest = split(text)
    hexes = digest.rpartition(":")[2].lower()
    if not name or not _HEX.issuperset(hexes):
        return None
    if name.startswith("git:") and len(hexes) == GIT[1]:
        return {"name": name, "digest": {GIT[0]: hexes}}
    sort = DIGESTS.get(len(hexes))
    return None if sort is None else {"name": name, "digest": {sort: hexes}}


def _statement(record: rows.Record, subject: Json, people: People, space: rows.Space) -> Json:
    """Return the Statement of an evidence record."""
    fields = loads(record.fields)
    assert isinstance(fields, Mapping), "a row holds an object"
    return {
        "_type": STATEMENT,
        "subject": [subject],
        "predicateType": PREDICATE,
        "predicate": {
            "recordId": ids.to_text("rec", record.id),
            "eventId": ids.to_text("evt", record.id),
            "spaceId": ids.to_text("space", space.id),
            "taskId": None if record.task is None else ids.to_text("task", record.task),
            "author": people.shown(record.an)[0],
            "statedAt": stamp(record.created_ms),
            "type": record.type,
            "text": record.text,
            "fields": dict(fields),
        },
    }

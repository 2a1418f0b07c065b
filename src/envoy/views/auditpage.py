"""Audit page: a verified bundle as one static page that a person can read and keep.

It is made from what was verified, by whoever verified it; nothing of it stands in the bundle. What
members wrote is data: escaped twice over, for terminals and for HTML, and never an attribute, a
link or a style. The page loads nothing, runs nothing and says so in its policy.

Law: the same bytes for the same bundle. Specification: docs/spec/audit.md, Views.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape as quoted
from typing import Final

from envoy import ids
from envoy.lean import NamedTuple
from envoy.untrusted import escape
from envoy.views import rows
from envoy.views.audit import COUNTING, Act, Given
from envoy.views.people import People, stamp

TEXT_CHARS: Final = 2_000
SHORT_SYMBOLS: Final = 6
WITHHELD: Final = "withheld"
PROVES: Final = (
    "Each event shown was signed by its author, under a grant that the chain of grants in the"
    " bundle gives.",
    "Nothing that a shown event names is missing: nothing in the middle was cut out.",
    "Each receipt is the word of the hub that the space names.",
    "The author of the bundle signed all of it.",
)
PROVES_NOT: Final = (
    "That nothing newer exists, which no event in it names: compare the fingerprint with a member.",
    "When things happened: times are labels of their authors.",
    "That what members said is true, or that a name belongs to a person.",
    "What a withheld event says of itself: its kind, author and time are the exporter's word, and"
    " so is that none of them changes a state that is shown.",
    "That an event under a key which no event here made was ever known to the space.",
    "That an author did not sign two texts under one id, which takes the author and the exporter"
    " together; any member's copy refutes it.",
)
STYLE: Final = """
:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--ink:#1b1f27;--dim:#626b7a;--line:#dfe3ea;
--ok:#11703f;--okbg:#e3f4ea;--warn:#8a5300;--warnbg:#fdf0d9;--bad:#a3232b;--badbg:#fbe6e7;
--code:#eef1f5}
@media (prefers-color-scheme:dark){:root{--bg:#12151b;--card:#1a1f27;--ink:#e6e9ef;--dim:#98a2b3;
--line:#2c333f;--ok:#6fd39b;--okbg:#14301f;--warn:#f0bd6b;--warnbg:#35270f;--bad:#f59aa0;
--badbg:#3a171a;--code:#232a34}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1060px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 6px;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 12px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;
margin:18px 0}
.dim{color:var(--dim)}
code,.id{overflow-wrap:anywhere;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.finger{display:block;background:var(--code);border-radius:8px;padding:10px 12px;
overflow-wrap:anywhere}
.tag{display:inline-block;border-radius:999px;padding:1px 10px;font-size:12.5px;font-weight:600;
background:var(--code);color:var(--dim);white-space:nowrap}
.ok{background:var(--okbg);color:var(--ok)}.warn{background:var(--warnbg);color:var(--warn)}
.bad{background:var(--badbg);color:var(--bad)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:0}
dt{font-size:12.5px;color:var(--dim)}dd{margin:0;font-size:20px;font-weight:600}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(270px,1fr));gap:8px 28px}
.two h3{font-size:13.5px;margin:0}
ul{margin:6px 0 0;padding-left:20px}li{margin:4px 0}
.rows{margin:0;padding:0;list-style:none}
.rows>li{border-top:1px solid var(--line);padding:10px 0;margin:0}
.rows>li:first-child{border-top:0;padding-top:0}
.head{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline}
.head time{margin-left:auto;color:var(--dim);font-size:13px;font-variant-numeric:tabular-nums}
.who{font-weight:600;overflow-wrap:anywhere}
pre{margin:6px 0 0;padding:8px 12px;border-left:3px solid var(--line);white-space:pre-wrap;
overflow-wrap:anywhere;font:inherit}
footer{color:var(--dim);font-size:13px}
@media (max-width:560px){main{padding:20px 12px 40px}section{padding:16px 14px}
.head time{margin-left:0;width:100%}}
@media print{body{background:#fff}section{break-inside:avoid-page}}
""".strip()
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Sheet(NamedTuple):
    """What the page is made of; ``acts`` are the newest first, ``hidden`` kinds of stubs by id."""

    space: rows.Space
    people: People
    author: bytes
    at_ms: int
    withheld: Sequence[str]
    facts: Sequence[tuple[str, str]]
    fingerprint: str
    grants: Sequence[Given]
    tasks: Sequence[rows.Task]
    records: Sequence[rows.Record]
    acts: Sequence[Act]
    items: Mapping[bytes, rows.Item]
    hidden: Mapping[bytes, str]
    omitted: int


def page(sheet: Sheet) -> Iterator[str]:
    """Yield the page, piece by piece."""
    name = _text(sheet.space.name)
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Audit: {name}</title><style>{STYLE}</style></head><body><main>\n"
    )
    yield from _top(sheet, name)
    yield from _meaning()
    yield from _members(sheet)
    yield from _grants(sheet)
    yield from _tasks(sheet)
    yield from _records(sheet)
    yield from _events(sheet)
    yield (
        "<footer>Made from what was verified, not part of the bundle. "
        "Check the file itself: <code>envoy audit verify FILE</code></footer>\n"
        "</main></body></html>\n"
    )


def _top(sheet: Sheet, name: str) -> Iterator[str]:
    by = _did(sheet, sheet.author)
    yield f'<header><h1>{name} <span class="tag ok">verified</span></h1>'
    yield f'<p class="dim"><span class="id">{_id("space", sheet.space.id, whole=True)}</span><br>'
    yield f"bundle signed by {by} at {_time(sheet.at_ms)}</p></header>\n<section><dl>"
    for label, value in sheet.facts:
        yield f"<div><dt>{_text(label)}</dt><dd>{_text(value)}</dd></div>"
    yield "</dl></section>\n<section><h2>Fingerprint of the space</h2>"
    yield f'<code class="finger">{_text(sheet.fingerprint)}</code>'
    if sheet.withheld:
        yield '<p><span class="tag warn">withheld</span> '
        yield f"{_text('; '.join(sheet.withheld))}. Each left its hash and its place.</p>"
    yield "</section>\n"


def _meaning() -> Iterator[str]:
    yield '<section><h2>What this proves</h2><div class="two">'
    for head, points in (("It proves", PROVES), ("It does not prove", PROVES_NOT)):
        yield f"<div><h3>{head}</h3><ul>"
        yield "".join(f"<li>{_text(point)}</li>" for point in points)
        yield "</ul></div>"
    yield "</div></section>\n"


def _members(sheet: Sheet) -> Iterator[str]:
    yield '<section><h2>Members</h2><ul class="rows">'
    for one in sheet.people.all():
        role = f'<span class="tag">{_text(one.role)}</span>' if one.role else _gone(one)
        kind = _text(one.type or "not declared")
        yield f'<li><div class="head">{_who(sheet, one.an)}{role}<span class="dim">{kind}</span>'
        yield f'</div><code class="dim">{_wrapped(sheet.people.shown(one.an)[0])}</code></li>\n'
    yield "</ul></section>\n"


def _gone(one: rows.Member) -> str:
    word = "removed" if one.removed_ms is not None else "no role"
    return f'<span class="tag warn">{word}</span>'


def _grants(sheet: Sheet) -> Iterator[str]:
    yield '<section><h2>Chain of authority</h2><ul class="rows">'
    for one in sheet.grants:
        given = _text(one.role or one.verb or "")
        sort = "ok" if one.status == "live" else "warn"
        yield f'<li><div class="head">{_whose(sheet, one)}'
        yield f'<span class="tag">{given}</span><span class="tag {sort}">{_text(one.status)}</span>'
        yield f'<span class="dim">{_text(one.kind)} {_id("evt", one.id)}</span></div></li>\n'
    yield "</ul></section>\n"


def _whose(sheet: Sheet, one: Given) -> str:
    """Return who gave a grant to whom; who founded a space or joined it took it."""
    if one.author == one.subject:
        word = "founded the space" if one.kind == "genesis" else "joined by an invite"
        return f"{_who(sheet, one.subject)} <span>{word}</span>"
    return f"{_who(sheet, one.author)} <span>gave</span> {_who(sheet, one.subject)}"


def _tasks(sheet: Sheet) -> Iterator[str]:
    if not sheet.tasks:
        return
    yield '<section><h2>Tasks</h2><ul class="rows">'
    for one in sheet.tasks:
        holder = "" if one.assignee is None else _who(sheet, one.assignee)
        sort = "ok" if one.state == "completed" else ""
        yield f'<li><div class="head"><span class="id">{_id("task", one.id)}</span>'
        yield f'<span class="tag {sort}">{_text(one.state)}</span>{holder}'
        yield f"{_when(one.created_ms)}</div><pre>{_text(one.title)}</pre></li>\n"
    yield "</ul></section>\n"


def _records(sheet: Sheet) -> Iterator[str]:
    if not sheet.records:
        return
    yield '<section><h2>Records</h2><ul class="rows">'
    for one in sheet.records:
        retracted = "" if one.retracted is None else '<span class="tag warn">retracted</span>'
        yield f'<li><div class="head"><span class="id">{_id("rec", one.id)}</span>'
        yield f'<span class="tag">{_text(one.kind)}</span>{retracted}{_who(sheet, one.an)}'
        yield f"{_when(one.created_ms)}</div><pre>{_text(one.text)}</pre>"
        if one.subject is not None:
            yield f'<code class="dim">{_wrapped(one.subject)}</code>'
        yield "</li>\n"
    yield "</ul></section>\n"


def _events(sheet: Sheet) -> Iterator[str]:
    yield '<section><h2>Events, newest first</h2><ul class="rows">'
    for one in sheet.acts:
        yield f"<li>{_event(sheet, one)}</li>\n"
    yield "</ul>"
    if sheet.omitted:
        yield f'<p class="dim">{sheet.omitted} older events stand in the bundle alone.</p>'
    yield "</section>\n"


def _event(sheet: Sheet, one: Act) -> str:
    """Return one event: who, what, with which verdict, and what was said."""
    hidden, item = sheet.hidden.get(one.id), sheet.items.get(one.id)
    kind, tag = one.kind, ""
    if one.kind == WITHHELD:
        kind = hidden or WITHHELD
        tag = '<span class="tag warn">withheld</span>'
    elif one.status not in COUNTING:
        cause = f": {one.cause}" if one.cause else ""
        tag = f'<span class="tag bad">{_text(one.status + cause)}</span>'
    head = (
        f'<div class="head"><span class="id">{_id("evt", one.id)}</span>'
        f"<span>{_text(kind)}</span>{_who(sheet, one.an)}{tag}{_when(one.ts)}</div>"
    )
    if item is None or item.body is None or item.redacted is not None:
        return head
    return f"{head}<pre>{_text(item.body)}</pre>"


# -- parts -------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """Return what a member may have written as inert text, cut where it is very long."""
    cut = text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}\u2026"
    return quoted(escape(cut, multiline=True))


def _wrapped(text: str) -> str:
    return _text(text).replace(":", ":<wbr>")


def _who(sheet: Sheet, an: int) -> str:
    name, fingerprint = sheet.people.name(an) or "", sheet.people.shown(an)[1]
    return (
        f'<span class="who">\u201c{_text(name)}\u201d <code class="dim">{fingerprint}</code></span>'
    )


def _did(sheet: Sheet, did: bytes) -> str:
    found = [one.an for one in sheet.people.all() if one.did == did]
    return _who(sheet, found[0]) if found else f"<code>{ids.fingerprint(did)}</code>"


def _id(prefix: str, ident: bytes, *, whole: bool = False) -> str:
    text = ids.to_text(prefix, ident)
    return text if whole else text[: len(prefix) + 1 + SHORT_SYMBOLS]


def _time(ms: int) -> str:
    return (stamp(ms) or "").replace("T", " ").partition(".")[0] + " UTC"


def _when(ms: int) -> str:
    return f"<time>{_time(ms)}</time>"

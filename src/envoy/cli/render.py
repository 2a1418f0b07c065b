"""Render: what a command answers, as text in blocks or as JSON.

A command describes its answer to people in blocks: a line, a table, a body. This module lays them
out for a width; `cli.pretty` only adds colour to the same lines. Everything passes the one escaping
function here, after the last program has touched it and before anything is measured, so no command
can forget it.

Laws: words carry the meaning, styles only repeat it. Lines of a body begin with `| `, also where
they are wrapped, so no member can pose as the program. Columns shrink before anything wraps; below
60 columns, or where an id or a fingerprint would be cut, a table becomes `key: value`; a command
to be typed keeps to one line where one is long enough. Without a terminal nothing is cut and no
control byte goes out. JSON is one compact ASCII object.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from envoy.errors import CODES, EnvoyError
from envoy.ids import PREFIXES
from envoy.jsontext import dumps
from envoy.lean import NamedTuple, TextIO
from envoy.limits import CELL_COLUMNS_MIN, TABLE_COLUMNS_MIN
from envoy.untrusted import cut, escape, width

# A piece of a line: text, or text with a style of STYLES.
Span = str | tuple[str, str]
STYLES = ("ok", "warn", "bad", "dim", "strong")
Spans = Sequence[Span]

GAP = "  "
ID_COLUMNS_MAX = 14  # epoch_ or grant_ and six symbols, and something to spare
NAME_COLUMNS_MIN = 4  # of a name in a narrow column: a quote, two letters, a mark for the cut


class Line(NamedTuple):
    """One line; on a terminal that is too narrow it goes on, ``deep`` columns in.

    None: it is for programs, and stays one line whatever becomes of it on a screen.
    """

    spans: tuple[Span, ...]
    deep: int | None = len(GAP * 2)


class Table(NamedTuple):
    """Columns under heads. ``soft`` are the columns that may shrink, the last one always may.

    ``wraps``: the last one goes on below itself instead. ``apart``: each column is a list of its
    own, and stands below the other where both have no room.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Spans, ...], ...]
    soft: tuple[int, ...] = ()
    wraps: bool = False
    apart: bool = False


class Body(NamedTuple):
    """Text of a member, line by line behind a bar."""

    text: str
    indent: int = 10


class Flow(NamedTuple):
    """A paragraph in lines of a file: on a terminal it is broken anew, as wide as that is.

    ``deep``: how far the lines below the first one stand in.
    """

    lines: tuple[str, ...]
    deep: int = 0


Block = Line | Table | Body | Flow


class Screen(NamedTuple):
    """Where text goes: ``columns`` is None where nothing has to fit."""

    columns: int | None
    utf8: bool


def screen_of(stream: TextIO | None, environ: Mapping[str, str]) -> Screen:
    """Return what is known of the screen behind ``stream``; without a terminal nothing is cut."""
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "utf-8"
    encoding = "" if stream is None else (stream.encoding or "").lower().replace("-", "")
    charset = named.partition("@")[0].partition(".")[2].lower().replace("-", "")
    utf8 = encoding == "utf8" and named not in ("C", "POSIX") and charset in ("", "utf8")
    if stream is None or stream.closed or not stream.isatty():
        return Screen(columns=None, utf8=utf8)
    given = environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given[:4]) > 0:
        return Screen(columns=int(given[:4]), utf8=utf8)
    try:
        return Screen(columns=os.get_terminal_size(stream.fileno()).columns or None, utf8=utf8)
    except OSError:
        return Screen(columns=None, utf8=utf8)


def line(*spans: Span) -> Line:
    """Return a line of ``spans``."""
    return Line(spans)


def table(heads: Sequence[str], rows: Iterable[Sequence[Spans]], *, soft: Sequence[int]) -> Table:
    """Return a table whose ``soft`` columns and last one may shrink; a cell is spans."""
    return Table(tuple(heads), tuple(tuple(row) for row in rows), tuple(soft))


def pairs_table(rows: Iterable[Sequence[Spans]]) -> Table:
    """Return a table without heads whose last column is a text that goes on below itself."""
    found = tuple(tuple(row) for row in rows)
    return Table(("",) * max(map(len, found), default=1), found, wraps=True)


# -- layout -----------------------------------------------------------------------------------


def layout(blocks: Iterable[Block], screen: Screen) -> Iterator[list[Span]]:
    """Yield ``blocks`` line by line, each a list of spans that are escaped and fit ``screen``."""
    for block in blocks:
        match block:
            case Line(spans, deep):
                columns = None if deep is None else screen.columns
                yield from wrapped(safe(spans, screen), columns, " " * (deep or 0))
            case Table():
                yield from table_lines(block, screen)
            case Flow(lines, deep):
                whole = (" ".join(part.strip() for part in lines),)
                for part in lines if screen.columns is None else whole:
                    yield from wrapped(safe([part], screen), screen.columns, " " * deep)
            case Body(text, indent):
                bar = " " * indent + "| "
                for part in escape(text, multiline=True).split("\n"):
                    yield from wrapped(safe([(bar, "dim"), part], screen), screen.columns, bar)


def plain(blocks: Iterable[Block], screen: Screen) -> str:
    """Return ``blocks`` as text without styles."""
    lines = ["".join([text_of(span) for span in spans]) for spans in layout(blocks, screen)]
    return "".join([one.rstrip() + "\n" for one in lines])


def text_of(span: Span) -> str:
    """Return the text of ``span``."""
    return span if isinstance(span, str) else span[0]


def styled(span: Span, text: str) -> Span:
    """Return ``text`` in the style of ``span``."""
    return text if isinstance(span, str) else (text, span[1])


def safe(spans: Spans, screen: Screen) -> list[Span]:
    """Return ``spans`` escaped, in ASCII where the screen knows nothing else."""
    return [styled(span, in_charset(escape(text_of(span)), screen)) for span in spans]


def in_charset(text: str, screen: Screen) -> str:
    """Return escaped ``text`` in characters that the screen can show."""
    if screen.utf8 or text.isascii():
        return text
    return "".join(
        [char if char.isascii() else ASCII.get(char, f"<U+{ord(char):04X}>") for char in text]
    )


ASCII = {"…": "~", "·": "-", "→": "->"}


def cells(spans: Spans) -> int:
    """Return the width of escaped ``spans``."""
    return sum([width(text_of(span)) for span in spans])


def wrapped(spans: list[Span], columns: int | None, indent: str) -> Iterator[list[Span]]:
    """Yield ``spans`` in lines of at most ``columns`` cells, the later ones behind ``indent``."""
    if columns is None or cells(spans) <= columns:
        yield spans
        return
    room = max(columns, len(indent) + CELL_COLUMNS_MIN)
    row: list[Span] = []
    used, goes_on = 0, False
    for span in spans:
        rest = text_of(span)
        if used > len(indent) and is_command(rest, room - used, room - len(indent)):
            yield row
            row, used, goes_on = [(indent, "dim")], len(indent), True
        while rest:
            if goes_on and used == len(indent):
                rest = rest.lstrip(" ")
            head = fitting(rest, room - used, whole=used > len(indent))
            if not head and used <= len(indent):  # one wide character in a tiny window
                head = rest[:1]
            if head:
                row.append(styled(span, head))
                used += width(head)
                rest = rest[len(head) :]
            if rest:
                yield row
                row, used, goes_on = [(indent, "dim")], len(indent), True
    yield row


def is_command(text: str, room: int, room_below: int) -> bool:
    """Say whether ``text`` is to be typed, and stays in one piece if it goes to the next line."""
    return text.startswith("envoy ") and room < width(text) <= room_below


def fitting(text: str, room: int, *, whole: bool) -> str:
    """Return the longest beginning of ``text`` that fits ``room`` and ends with a word.

    Where not even one word fits: nothing if ``whole``, else as much of it as there is room.
    """
    if width(text) <= room:
        return text
    used = 0
    for place, char in enumerate(text):
        used += width(char)
        if used > room:
            if char == " ":
                return text[:place]
            space = text.rfind(" ", 0, place)
            return text[: space + 1] if space >= 0 else "" if whole else text[:place]
    return text


# -- tables -----------------------------------------------------------------------------------


def table_lines(block: Table, screen: Screen) -> Iterator[list[Span]]:
    """Yield the lines of a table."""
    rows = [[safe(cell, screen) for cell in row] for row in block.rows]
    narrow = stacked if block.apart else pairs
    if screen.columns is not None and screen.columns < TABLE_COLUMNS_MIN:
        yield from narrow(block.heads, rows, screen)
        return
    heads: list[list[Span]] = [[(head, "dim")] for head in block.heads]
    widths = [max(cells(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    shown = [heads, *rows] if any(block.heads) else rows
    if screen.columns is not None:
        last = len(widths) - 1
        if block.wraps:
            widths[last] = min(widths[last], max(screen.columns // 2, CELL_COLUMNS_MIN))
        soft = (*block.soft, *([] if block.wraps else [last]))
        least = [max([CELL_COLUMNS_MIN, *[core(row[place]) for row in rows]]) for place in soft]
        shrink(widths, dict(zip(soft, least, strict=True)), screen.columns)
        if block.wraps:
            shrink(widths, dict.fromkeys(range(len(widths)), CELL_COLUMNS_MIN), screen.columns)
        elif sum(widths) + len(GAP) * last > screen.columns:  # ids are never cut
            yield from narrow(block.heads, rows, screen)
            return
    for row in shown:
        yield from (
            wrapped_row(row, widths, screen) if block.wraps else [joined(row, widths, screen)]
        )


def wrapped_row(
    row: Sequence[list[Span]], widths: Sequence[int], screen: Screen
) -> Iterator[list[Span]]:
    """Yield a row whose last cell takes as many lines as it needs."""
    start = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    room = None if screen.columns is None else screen.columns - start
    first, *more = wrapped(row[-1], room, "")
    yield joined([*row[:-1], first], [*widths[:-1], cells(first)], screen)
    for rest in more:
        yield [" " * start, *rest]


def core(cell: Spans) -> int:
    """Return how much of ``cell`` has to stay: an id, all of a member but most of its name."""
    place = name_in(cell)
    if place is not None:
        return cells(cell) - max(0, width(text_of(cell[place])) - NAME_COLUMNS_MIN)
    found = [place for place, span in enumerate(cell) if is_id(text_of(span))]
    return cells(cell[: found[-1] + 1]) if found else 0


def name_in(cell: Spans) -> int | None:
    """Return the place of the name of a member in ``cell``: quoted, behind nothing but space."""
    for place, span in enumerate(cell):
        text = text_of(span)
        if text.strip():
            return place if text.startswith('"') else None
    return None


def is_id(text: str) -> bool:
    """Say whether ``text`` is an id as people see it."""
    return len(text) <= ID_COLUMNS_MAX and text.partition("_")[0] in PREFIXES


def shrink(widths: list[int], least: Mapping[int, int], columns: int) -> None:
    """Take cells from the widest of the columns in ``least`` until all fit into ``columns``.

    None becomes narrower than ``least`` says.
    """
    over = sum(widths) + len(GAP) * (len(widths) - 1) - columns
    while over > 0:
        ready = [place for place in least if widths[place] > least[place]]
        if not ready:
            return
        widths[max(ready, key=lambda place: widths[place])] -= 1
        over -= 1


def joined(row: Sequence[list[Span]], widths: Sequence[int], screen: Screen) -> list[Span]:
    """Return one line of cells, each cut or filled to its width."""
    spans: list[Span] = []
    for place, cell in enumerate(row):
        kept = fitted(cell, widths[place], screen)
        spans += kept
        if place < len(row) - 1:
            spans.append(" " * (widths[place] - cells(kept)) + GAP)
    return spans


def fitted(cell: list[Span], room: int, screen: Screen) -> list[Span]:
    """Return ``cell`` in at most ``room`` cells."""
    over = cells(cell) - room
    if over <= 0:
        return cell
    place = name_in(cell)
    if place is not None and width(text_of(cell[place])) > over:
        name = cut(text_of(cell[place]), width(text_of(cell[place])) - over)
        return [
            *cell[:place],
            styled(cell[place], in_charset(name, screen)),
            *cell[place + 1 :],
        ]
    kept: list[Span] = []
    for span in cell:
        left = room - cells(kept)
        if left <= 0:
            break
        kept.append(styled(span, in_charset(cut(text_of(span), left), screen)))
    return kept


def pairs(
    heads: Sequence[str], rows: Sequence[list[list[Span]]], screen: Screen
) -> Iterator[list[Span]]:
    """Yield each row as lines of `head: cell`, one empty line between two, for a narrow window."""
    for number, row in enumerate(rows):
        if number:
            yield [""]
        for head, cell in zip(heads, row, strict=True):
            if cells(cell):
                label: list[Span] = [(f"{head.lower()}: ", "dim")] if head else []
                yield from wrapped([*label, *cell], screen.columns, GAP)


def stacked(
    heads: Sequence[str], rows: Sequence[list[list[Span]]], screen: Screen
) -> Iterator[list[Span]]:
    """Yield one column below the other, for a narrow window."""
    for place, head in enumerate(heads):
        yield [(head, "dim")]
        for row in rows:
            if cells(row[place]):
                yield from wrapped([GAP, *row[place]], screen.columns, GAP * 2)


# -- JSON and errors --------------------------------------------------------------------------


def json_line(schema: str, data: Mapping[str, object]) -> str:
    """Return the one object of an answer, with its schema first, and a line feed."""
    line = dumps({"schema": f"envoy.{schema}/1", **data})
    line += "\n"  # in its place: a new one would be a copy of all
    return line


# What to type next, where the error itself names nothing better.
NEXT_COMMANDS = {
    "list_spaces": "envoy spaces",
    "list_tasks": "envoy task list",
    "init_profile": "envoy quickstart",
    "run_diagnose": "envoy diagnose",
    "fix_arguments": "envoy help",
    "check_version": "envoy version",
    "sync_and_retry": "envoy sync",
    "stop_and_reread_authority": "envoy permissions",
    "stop_and_reread_task": "envoy task list",
    "reread_state_and_retry": "envoy task list",
    "pick_another_task": "envoy task list --status unassigned",
    "claim_task_before_complete": "envoy task list",
    "check_billing": "envoy billing status",
}


def error_data(error: EnvoyError) -> dict[str, object]:
    """Return the documented object of ``error``, without `schema`."""
    from envoy.views.details import legible

    return {
        "error": error.sentence,
        "error_code": error.code,
        "next_action": error.next_action,
        "next_command": error.next_command or NEXT_COMMANDS.get(error.next_action),
        **{
            name: value
            for name, value in legible(error.details).items()
            if name not in ("error", "schema")
        },
    }


def warning(found: Mapping[str, object]) -> Block:
    """Return one of `warnings[]` for people."""
    return line((f"warning[{found['code']}]", "warn"), f": {found['message']}")


def more(page: object) -> Iterator[Block]:
    """Yield how to go on behind a page, where there is more."""
    if isinstance(page, Mapping) and page["next_cursor"] is not None:
        yield line(("more: ", "dim"), f"--cursor {page['next_cursor']}")


def error_blocks(error: EnvoyError) -> Iterator[Block]:
    """Yield ``error`` for people: its code, its sentence, its details, what to do."""
    from envoy.views.details import brief, legible, typed

    yield line((f"error[{error.code}]", "bad"), f": {CODES[error.code][2]}")
    for name, value in legible(error.details).items():
        text = brief(value)
        if text is not None:
            yield line(("  " + name.replace("_", " ") + ": ", "dim"), text)
    data = error_data(error)
    hint = data["next_command"] or str(data["next_action"]).replace("_", " ")
    yield line(("hint: ", "strong"), typed(str(hint)))

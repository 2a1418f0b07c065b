"""Render: what a command answers, as text in blocks or as JSON.

A command describes its answer to people in blocks: a line, a table, a body. This module lays them
out for a width; `cli.pretty` only adds colour to the same lines. Everything passes the one escaping
function here, after the last program has touched it and before anything is measured, so no command
can forget it.

Laws: words carry the meaning, styles only repeat it. Lines of a body begin with `| `, also where
they are wrapped, so no member can pose as the program. Columns shrink before anything wraps; below
60 columns a table becomes `key: value`. Without a terminal nothing is cut and no control byte goes
out. JSON is one compact ASCII object.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from envoy.errors import CODES, EnvoyError
from envoy.jsontext import dumps
from envoy.lean import NamedTuple
from envoy.limits import CELL_COLUMNS_MIN, TABLE_COLUMNS_MIN
from envoy.untrusted import cut, escape, width

# A piece of a line: text, or text with a style of STYLES.
Span = str | tuple[str, str]
STYLES = ("ok", "warn", "bad", "dim", "strong")
Spans = Sequence[Span]

GAP = "  "


class Line(NamedTuple):
    """One line; on a terminal that is too narrow it goes on, indented."""

    spans: tuple[Span, ...]


class Table(NamedTuple):
    """Columns under heads. ``soft`` are the columns that may shrink, the last one always may.

    ``wraps``: the last one goes on below itself instead.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Spans, ...], ...]
    soft: tuple[int, ...] = ()
    wraps: bool = False


class Body(NamedTuple):
    """Text of a member, line by line behind a bar."""

    text: str
    indent: int = 10


Block = Line | Table | Body


class Screen(NamedTuple):
    """Where text goes: ``columns`` is None where nothing has to fit."""

    columns: int | None
    utf8: bool


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
            case Line(spans):
                yield from wrapped(safe(spans, screen), screen.columns, GAP * 2)
            case Table():
                yield from table_lines(block, screen)
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
    used = 0
    for span in spans:
        rest = text_of(span)
        while rest:
            head = fitting(rest, room - used)
            if not head and used <= len(indent):  # one wide character in a tiny window
                head = rest[:1]
            if head:
                row.append(styled(span, head))
                used += width(head)
                rest = rest[len(head) :]
            if rest:
                yield row
                row, used = [(indent, "dim")], len(indent)
    yield row


def fitting(text: str, room: int) -> str:
    """Return the longest beginning of ``text`` that fits ``room``, if it can be whole words."""
    if width(text) <= room:
        return text
    used = 0
    for place, char in enumerate(text):
        used += width(char)
        if used > room:
            space = text.rfind(" ", 0, place + 1)
            return text[: space + 1] if space > 0 and space + 1 <= place else text[:place]
    return text


# -- tables -----------------------------------------------------------------------------------


def table_lines(block: Table, screen: Screen) -> Iterator[list[Span]]:
    """Yield the lines of a table."""
    rows = [[safe(cell, screen) for cell in row] for row in block.rows]
    if screen.columns is not None and screen.columns < TABLE_COLUMNS_MIN:
        yield from pairs(block.heads, rows, screen)
        return
    heads: list[list[Span]] = [[(head, "dim")] for head in block.heads]
    widths = [max(cells(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    shown = [heads, *rows] if any(block.heads) else rows
    if screen.columns is not None:
        last = len(widths) - 1
        if block.wraps:
            widths[last] = min(widths[last], max(screen.columns // 2, CELL_COLUMNS_MIN))
        # The hard ones give way only when all others have given what they can.
        for soft in ((*block.soft, *([] if block.wraps else [last])), range(len(widths))):
            shrink(widths, soft, screen.columns)
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


def shrink(widths: list[int], soft: Sequence[int], columns: int) -> None:
    """Take cells from the widest of the ``soft`` columns until all fit into ``columns``."""
    over = sum(widths) + len(GAP) * (len(widths) - 1) - columns
    while over > 0 and soft:
        place = max(soft, key=lambda index: widths[index])
        if widths[place] <= CELL_COLUMNS_MIN:
            return
        widths[place] -= 1
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
    if cells(cell) <= room:
        return cell
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
    """Yield each row as lines of `head: cell`, for a narrow window."""
    for row in rows:
        for head, cell in zip(heads, row, strict=True):
            if cells(cell):
                label: list[Span] = [(f"{head.lower()}: ", "dim")] if head else []
                yield from wrapped([*label, *cell], screen.columns, GAP)
        yield [""]


# -- JSON and errors --------------------------------------------------------------------------


def json_line(schema: str, data: Mapping[str, object]) -> str:
    """Return the one object of an answer, with its schema first, and a line feed."""
    return dumps({"schema": f"envoy.{schema}/1", **data}) + "\n"


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
    if isinstance(page, Mapping) and page["has_more"]:
        yield line(("more: ", "dim"), f"--cursor {page['next_cursor']}")


def error_blocks(error: EnvoyError) -> Iterator[Block]:
    """Yield ``error`` for people: its code, its sentence, its details, what to do."""
    from envoy.views.details import brief, legible

    yield line((f"error[{error.code}]", "bad"), f": {CODES[error.code][2]}")
    for name, value in legible(error.details).items():
        text = brief(value)
        if text is not None:
            yield line(("  " + name.replace("_", " ") + ": ", "dim"), text)
    data = error_data(error)
    hint = data["next_command"] or str(data["next_action"]).replace("_", " ")
    yield line(("hint: ", "strong"), str(hint))

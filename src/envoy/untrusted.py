"""Text of others on its way to a screen: the one escaping function, and how wide the result is.

Whatever a member wrote may try to move the cursor, retitle the window, turn the line round, hide
behind characters without width or climb over other lines. Every sink for people passes it through
`escape` before anything is measured, so that what is on the screen is what is in the text. JSON
needs none of this: its writer gives ASCII alone.

Specification: docs/spec/text.md.
"""

import unicodedata

from envoy.limits import COMBINING_MARKS_MAX

TAB = "    "

# Letters, marks and symbols to Unicode, blank on every screen: a name of these would look empty.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def escape(text: str, *, multiline: bool = False) -> str:
    """Return ``text`` with everything visible that a terminal would obey or hide.

    C0 and DEL become ``^[``; C1, bidi controls, characters without width or meaning yet, private
    ones and halves of surrogate pairs ``<U+202E>``; a tab four spaces; of a flood of combining
    marks the first four stay and the rest is counted. A line feed stays only if ``multiline``.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = COMBINING_MARKS_MAX  # a mark without a base would sit on what is printed before it
    flood = 0
    for char in text:
        if is_mark(char):
            marks += 1
            if marks > COMBINING_MARKS_MAX:
                flood += 1
                continue
            shown.append(char)
            continue
        shown += count_of(flood)
        flood = 0
        shown.append(visible(char, multiline=multiline))
        marks = 0 if len(shown[-1]) == 1 and char != "\n" else COMBINING_MARKS_MAX
    return "".join(shown + count_of(flood))


def visible(char: str, *, multiline: bool) -> str:
    """Return the one ``char``, no combining mark, as it may be shown."""
    if char == "\t":
        return TAB
    if char == "\n" and multiline:
        return char
    if char < " " or char == "\x7f":
        return "^" + chr(ord(char) ^ 0x40)
    # Space separators are the only ones that are safe though not "printable" to Python.
    if char in BLANK or not (char.isprintable() or unicodedata.category(char) == "Zs"):
        return f"<U+{ord(char):04X}>"
    return char


def is_mark(char: str) -> bool:
    """Return whether ``char`` is drawn into the one before it."""
    if char < "\u0300" or char in BLANK:
        return False
    return unicodedata.category(char)[0] == "M" or is_syllable_part(char)


def is_syllable_part(char: str) -> bool:
    """Return whether ``char`` is the middle or last part of a Korean syllable."""
    return "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff"


def count_of(flood: int) -> list[str]:
    """Return what stands for ``flood`` combining marks too many."""
    return [f"<+{flood} marks>"] if flood else []


def width(text: str) -> int:
    """Return how many cells of a terminal the escaped, single-line ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(cells_of(char) for char in text)


def cells_of(char: str) -> int:
    """Return the cells of one escaped character: 0, 1 or 2."""
    if char < "\u0300":
        return 1
    if unicodedata.category(char) in ("Mn", "Me") or is_syllable_part(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def cut(text: str, cells: int) -> str:
    """Return the escaped ``text`` in at most ``cells`` cells; an ellipsis shows that it was cut."""
    if width(text) <= cells:
        return text
    used, kept = 0, 0
    for char in text:
        used += cells_of(char)
        if used > cells - 1:
            break
        kept += 1
    return text[:kept] + "…"

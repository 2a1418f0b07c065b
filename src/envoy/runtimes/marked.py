"""Marked: a block of ours between two lines that say so, at the end of somebody's text file.

For files that are not taken apart here: TOML with its comments, Markdown. Whoever reads such a file
sees what is ours, and what is between the marks is all that is ever taken out.

Law: ``without(within(text))`` is ``text``, if that ended with a line end or was empty.

Specification: docs/spec/hooks.md, Marked blocks. Test vectors: tests/vectors/hooks.json.
"""

from __future__ import annotations

from envoy.errors import UsageError
from envoy.lean import NamedTuple


class Marks(NamedTuple):
    """The first and the last line of a block."""

    begin: str
    end: str


TOML = Marks("# >>> envoy >>>", "# <<< envoy <<<")
MARKDOWN = Marks("<!-- envoy:begin -->", "<!-- envoy:end -->")


def span(text: str, marks: Marks) -> tuple[int, int] | None:
    """Return from where to where the block lies in ``text``, its last line end included.

    Raises UsageError(invalid_argument, cause marks) where a mark stands alone or twice.
    """
    begins = [place for place, line in _lines(text) if line.strip() == marks.begin]
    ends = [place + len(line) for place, line in _lines(text) if line.strip() == marks.end]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0] >= ends[0]:
        raise UsageError("invalid_argument", argument="file", cause="marks", mark=marks.begin)
    return begins[0], ends[0]


def _lines(text: str) -> list[tuple[int, str]]:
    """Return each line of ``text`` with where it begins."""
    found, place = list[tuple[int, str]](), 0
    for line in text.splitlines(keepends=True):
        found.append((place, line))
        place += len(line)
    return found


def within(text: str, marks: Marks, body: str) -> str:
    """Return ``text`` with ``body``, which ends with a line end, in a block at its end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lead = newline if text and not text.endswith("\n") else ""
    block = f"{marks.begin}\n{body}{marks.end}\n"
    return text + lead + block.replace("\n", newline)


def without(text: str, marks: Marks) -> str:
    """Return ``text`` without the block. Raises as ``span`` does."""
    found = span(text, marks)
    return text if found is None else text[: found[0]] + text[found[1] :]

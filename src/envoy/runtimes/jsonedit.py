"""Jsonedit: a member put into somebody's JSON file, or taken out, and every other byte left alone.

Settings of agent runtimes are written by hand, with comments, trailing commas and an order that
means something to whoever wrote them. Reading such a file and writing it anew would lose all that,
so the text is scanned for places only, and changed there.

Laws: what is taken out again leaves the text as it was before it was put in, unless somebody
changed it in between; of an object or list that was empty, the space between its brackets is the
one thing that may differ (docs/spec/hooks.md keeps a copy for that). A text that is no JSON is
refused with the place, and nothing is guessed.

Specification: docs/spec/hooks.md, JSON. Test vectors: tests/vectors/hooks.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from envoy import jsontext
from envoy.errors import UsageError
from envoy.limits import JSON_DEPTH_MAX

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
    |(?P<plain>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)
    |(?P<mark>[\[\]{}:,])""",
    re.DOTALL | re.VERBOSE,
)
# What may stand between a value and the end of its line: a comment ends where it first can.
_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\n]*?|/\*(?:(?!\*/)[^\n])*\*/)?[ \t]*(?=\r?\n|\Z)")
_INDENT = "  "
_PAIRS = {"{": "}", "[": "]"}
# What may come next. In an object: a name, a colon, a value, a comma.
_NAME, _COLON, _VALUE, _COMMA, _END = "name", "colon", "value", "comma", "end"

Path = tuple[str | int, ...]  # a number is a place in a list


class Node:
    """A value in a text: where it stands, and what is in it if it is an object or a list.

    ``starts`` are the places of its elements: of the name in an object, of the value in a list.
    """

    __slots__ = ("end", "items", "kind", "names", "start", "starts")

    def __init__(self, kind: str, start: int, end: int) -> None:
        self.kind = kind  # "{", "[", "string" or "plain"
        self.start = start
        self.end = end
        self.names: list[str] = []
        self.starts: list[int] = []
        self.items: list[Node] = []


class _Reader:
    """Reads one text, token by token, with the open objects and lists on a stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: Node | None = None
        self._open: list[Node] = []
        self._next = _VALUE
        self._may_close = False  # after an opening bracket and after a comma
        self._name_at: int | None = None

    def take(self, kind: str, start: int, end: int) -> None:
        """Take the word between two places. Raises UsageError where it cannot stand."""
        mark = self.text[start:end]
        if kind == "string" and self._next == _NAME:
            self._open[-1].names.append(string(self.text, start, end))
            self._name_at, self._next, self._may_close = start, _COLON, False
        elif mark == ":" and self._next == _COLON:
            self._next = _VALUE
        elif mark == "," and self._next == _COMMA:
            self._next, self._may_close = self._inside(), True
        elif mark in ("}", "]"):
            self._close(mark, start, end)
        elif self._next == _VALUE and mark not in (":", ","):
            self._value(Node(mark if kind == "mark" else kind, start, end))
        else:
            raise malformed(self.text, start)

    def _inside(self) -> str:
        """Return what an element of the innermost object or list begins with."""
        return _NAME if self._open[-1].kind == "{" else _VALUE

    def _after(self) -> str:
        """Return what comes after a value."""
        return _COMMA if self._open else _END

    def _value(self, node: Node) -> None:
        """Put a value where it belongs, and go into it if it is an object or a list."""
        if self._open:
            above = self._open[-1]
            above.starts.append(node.start if self._name_at is None else self._name_at)
            above.items.append(node)
        else:
            self.root = node
        self._name_at = None
        self._next, self._may_close = self._after(), False
        if node.kind in _PAIRS:
            if len(self._open) >= JSON_DEPTH_MAX:
                raise malformed(self.text, node.start)
            self._open.append(node)
            self._next, self._may_close = self._inside(), True

    def _close(self, mark: str, start: int, end: int) -> None:
        """Close the innermost object or list."""
        can_close = self._next == _COMMA or self._may_close
        if not self._open or _PAIRS[self._open[-1].kind] != mark or not can_close:
            raise malformed(self.text, start)
        self._open.pop().end = end
        self._next, self._may_close = self._after(), False

    def finish(self) -> Node:
        """Return what was read. Raises UsageError if something is missing."""
        if self.root is None or self._open or self._next != _END:
            raise malformed(self.text, len(self.text))
        return self.root


def malformed(text: str, place: int, *, cause: str = "json") -> UsageError:
    """Return the error for a text that is no JSON, or not of the ``shape``, at ``place``."""
    line = text.count("\n", 0, place) + 1
    return UsageError("invalid_argument", argument="file", cause=cause, line=line)


def string(text: str, start: int, end: int) -> str:
    """Return the text that the quoted one between two places stands for."""
    try:
        return str(jsontext.loads(text[start:end]))
    except jsontext.JsonError as error:  # half a surrogate pair
        raise malformed(text, start) from error


def parse(text: str) -> Node:
    """Return the object that ``text`` is: JSON, comments and trailing commas allowed.

    Raises UsageError(invalid_argument, cause json) with the line.
    """
    reader = _Reader(text)
    place = 1 if text.startswith("\ufeff") else 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise malformed(text, place)
        if found.lastgroup != "space":
            reader.take(str(found.lastgroup), place, found.end())
        place = found.end()
    root = reader.finish()
    if root.kind != "{":
        raise malformed(text, root.start, cause="shape")
    return root


def member(text: str, node: Node, name: str) -> Node | None:
    """Return the value of ``name`` in an object, None where there is none.

    Raises UsageError for a name that stands there twice: readers differ in which one they take.
    """
    if node.names.count(name) > 1:
        raise malformed(text, node.starts[node.names.index(name)])
    return node.items[node.names.index(name)] if name in node.names else None


def find(text: str, path: Path) -> Node | None:
    """Return the value at ``path`` in ``text``, None where there is none.

    Raises UsageError as ``parse`` does, and where what stands above it is no object.
    """
    node: Node | None = parse(text)
    for name in path:
        if node is None:
            return None
        if node.kind != ("{" if isinstance(name, str) else "["):
            raise malformed(text, node.start, cause="shape")
        node = member(text, node, name) if isinstance(name, str) else node.items[name]
    return node


def value(text: str, node: Node) -> object:
    """Return a value of ``text`` as Python has it; plain ones but texts are their own spelling."""
    if node.kind == "string":
        return string(text, node.start, node.end)
    if node.kind == "[":
        return [value(text, one) for one in node.items]
    if node.kind == "{":
        pairs = zip(node.names, node.items, strict=True)
        return {name: value(text, one) for name, one in pairs}
    return text[node.start : node.end]


def put(text: str, path: tuple[str, ...], what: object) -> str:
    """Return ``text`` with ``what`` at ``path``, where nothing stands yet; objects above are made.

    Raises UsageError as ``find`` does.
    """
    above = next(depth for depth in range(len(path) - 1, -1, -1) if find(text, path[:depth]))
    holder = find(text, path[:above])
    assert holder is not None
    if holder.kind != "{":
        raise malformed(text, holder.start, cause="shape")
    for name in reversed(path[above + 1 :]):
        what = {name: what}
    return _insert(text, holder, what, name=path[above])


def append(text: str, path: tuple[str, ...], what: object) -> str:
    """Return ``text`` with ``what`` as the last element of the list at ``path``, which is made."""
    holder = find(text, path)
    if holder is None:
        return put(text, path, [what])
    if holder.kind != "[":
        raise malformed(text, holder.start, cause="shape")
    return _insert(text, holder, what, name=None)


def drop(text: str, path: Path, index: int) -> str:
    """Return ``text`` without the element ``index`` of the object or list at ``path``."""
    node = find(text, path)
    assert node is not None
    before = _space_before(text, node.starts[index])
    end = node.items[index].end
    if (
        len(node.items) == 1
        and not (text[node.start + 1 : before] + text[end : node.end - 1]).strip()
    ):
        return text[: node.start + 1] + text[node.end - 1 :]
    comma = _comma_after(text, end, node.end)
    if index + 1 < len(node.items) or (comma is not None and index == 0):
        assert comma is not None
        rest = text[comma + 1 :]
        return text[:before] + (rest.lstrip(" ") if before == node.start + 1 else rest)
    if index == 0 or comma is not None:
        cut = end if comma is None else comma + 1
        return text[:before] + text[cut:]
    previous = node.items[index - 1].end
    own = _comma_after(text, previous, node.end)
    assert own is not None
    return text[:own] + text[own + 1 : before] + text[end:]


def names_of(text: str, path: Path) -> Sequence[str]:
    """Return the names in the object at ``path``; none where there is none."""
    node = find(text, path)
    if node is not None and node.kind != "{":
        raise malformed(text, node.start, cause="shape")
    return () if node is None else tuple(node.names)


def elements(text: str, path: Path) -> Iterator[object]:
    """Yield the elements of the list at ``path``; nothing where there is none."""
    node = find(text, path)
    if node is not None and node.kind != "[":
        raise malformed(text, node.start, cause="shape")
    yield from () if node is None else (value(text, one) for one in node.items)


# -- places -------------------------------------------------------------------------------------


def _insert(text: str, node: Node, what: object, *, name: str | None) -> str:
    """Return ``text`` with one more element at the end of ``node``."""
    newline = "\r\n" if "\r\n" in text else "\n"
    head = "" if name is None else jsontext.dumps(name) + ": "
    outer = _indent_at(text, node.start)
    if not node.items:
        inner = outer + _unit(text)
        made = newline + inner + head + pretty(what, inner, newline, _unit(text))
        rest = text[node.start + 1 : node.end - 1]
        close = rest if rest.strip() or "\n" in rest else newline + outer
        return text[: node.start + 1] + made + close + text[node.end - 1 :]
    last = node.items[-1].end
    if "\n" not in text[node.start : node.starts[0]]:  # all on one line: it stays so
        lead = " " + head + _flat(what)
        comma = _comma_after(text, last, node.end)
        place = last if comma is None else comma + 1
        head, tail = (",", "") if comma is None else ("", ",")
        return text[:place] + head + lead + tail + text[place:]
    inner = _indent_at(text, node.starts[-1])
    made = newline + inner + head + pretty(what, inner, newline, _unit(text))
    comma = _comma_after(text, last, node.end)
    made += "" if comma is None else ","  # as its neighbour has one behind it
    after = last if comma is None else comma + 1
    rest_of_line = _REST_OF_LINE.match(text, after)
    place = after if rest_of_line is None else rest_of_line.end()
    return text[:last] + ("," if comma is None else "") + text[last:place] + made + text[place:]


def _comma_after(text: str, place: int, end: int) -> int | None:
    """Return where the comma behind an element that ends at ``place`` stands, if there is one."""
    while place < end:
        found = _TOKEN.match(text, place)
        assert found is not None
        if found.lastgroup != "space":
            return place if found.group() == "," else None
        place = found.end()
    return None


def _space_before(text: str, place: int) -> int:
    """Return where the blanks before ``place`` begin, at most one line end of them."""
    while place and text[place - 1] in " \t":
        place -= 1
    for newline in ("\r\n", "\n"):
        if text.endswith(newline, 0, place):
            return place - len(newline)
    return place


def _indent_at(text: str, place: int) -> str:
    """Return the blanks that the line of ``place`` begins with."""
    start = text.rfind("\n", 0, place) + 1
    return text[start : start + len(text[start:place]) - len(text[start:place].lstrip(" \t"))]


def _unit(text: str) -> str:
    """Return by what one level is set in: as the first element of the text is."""
    root = parse(text)
    if not root.starts:
        return _INDENT
    lead = _indent_at(text, root.starts[0])
    return lead if lead and "\n" in text[root.start : root.starts[0]] else _INDENT


# -- writing ------------------------------------------------------------------------------------


def pretty(what: object, indent: str, newline: str, unit: str) -> str:
    """Return ``what`` as JSON on lines of its own, the first one not set in."""
    inner = indent + unit
    if isinstance(what, Mapping) and what:
        parts = [f"{jsontext.dumps(str(name))}: {pretty(one, inner, newline, unit)}"
                 for name, one in what.items()]  # fmt: skip
        return _lines("{}", parts, indent, inner, newline)
    if isinstance(what, list | tuple) and any(isinstance(one, Mapping | list) for one in what):
        parts = [pretty(one, inner, newline, unit) for one in what]
        return _lines("[]", parts, indent, inner, newline)
    return _flat(what)


def _lines(pair: str, parts: Sequence[str], indent: str, inner: str, newline: str) -> str:
    """Return ``parts`` between two brackets, each on its line."""
    body = f",{newline}{inner}".join(parts)
    return f"{pair[0]}{newline}{inner}{body}{newline}{indent}{pair[1]}"


def _flat(what: object) -> str:
    """Return ``what`` as JSON on one line, with blanks as people write it."""
    if isinstance(what, Mapping):
        parts = [f"{jsontext.dumps(str(name))}: {_flat(one)}" for name, one in what.items()]
        return "{" + ", ".join(parts) + "}"
    if isinstance(what, list | tuple):
        return "[" + ", ".join(_flat(one) for one in what) + "]"
    return jsontext.dumps(what)

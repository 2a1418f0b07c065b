"""T4: text of members is text in every file that is made of a space: no tag, no attribute, no line.

The only page there is shows a bundle; beside it stand JSON and JSON lines. A terminal is T1 to T3.
"""

from __future__ import annotations

import json
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from console import Console
from hostile import HOSTILE

ATTACKS = (
    "</pre></li></ul></section><script>document.title='owned'</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "<!--", "--><script>", "]]>", "<![CDATA[",
    '<meta http-equiv="refresh" content="0;url=https://example.org">',
    '<base href="https://example.org/">', '<form action="https://example.org"><button>',
    '<a href="javascript:alert(1)">x</a>', "[x](javascript:alert(1))", "![x](https://example.org)",
    '=HYPERLINK("https://example.org";"x")', "+cmd|' /C calc'!A0", "@SUM(1+1)", "&lt;script&gt;",
    "\u2028</script>", "{{7*7}}", "${7*7}", "\x00<script>".replace("\x00", "\ufffd"),
)  # fmt: skip
PLAIN = "plain words"
LEAD = ("--profile", "lead")


class Page(HTMLParser):
    """A page as the parser of a browser has it: tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags = list[tuple[str, tuple[tuple[str, str | None], ...]]]()
        self.texts = list[str]()
        self.odd = list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag and its attributes."""
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        """Keep what no page of ours has."""
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        """Keep what no page of ours has."""
        self.odd.append(data)

    def unknown_decl(self, data: str) -> None:
        """Keep what no page of ours has."""
        self.odd.append(data)


def shown(root: Path, texts: tuple[str, ...]) -> dict[str, str]:
    """Return the files that a bundle of a space is shown by in which members wrote ``texts``."""
    root.mkdir()
    console = Console(root)
    console.ok(*LEAD, "quickstart", "--name", texts[0].partition("\n")[0][:60], "--space-name", "x")
    for text in texts:
        console.ok(*LEAD, "send", "--stdin", stdin=text)
        task = console.ok(*LEAD, "task", "create", "--body", "-", stdin=text)["task_id"]
        console.ok(*LEAD, "record", "add", "decision", "--task", task, "-", stdin=text)
    console.ok(*LEAD, "space", "update", "--name", texts[0].partition("\n")[0][:60])
    bundle = str(root / "x.bundle")
    views = ("--view", str(root / "shown"))
    console.ok(*LEAD, "audit", "export", "--output", bundle, *views)
    return {path.name: path.read_text("utf-8") for path in (root / "shown").iterdir()}


@pytest.mark.slow
def test_no_text_becomes_a_tag_an_attribute_or_a_line(tmp_path: Path) -> None:
    hostile = tuple(one for one in (*ATTACKS, *HOSTILE))
    found = shown(tmp_path / "hostile", hostile)
    plain = shown(tmp_path / "plain", (PLAIN,) * len(hostile))
    page, control = Page(found["index.html"]), Page(plain["index.html"])
    assert [one[0] for one in page.tags] == [one[0] for one in control.tags]
    assert set(page.tags) == set(control.tags) and page.odd == control.odd == []
    whole = "".join(page.texts)
    for text in ATTACKS:
        assert text in whole or "\\u" in repr(text), text
    for name in ("prov.json", "statements.jsonl"):
        assert found[name].isascii() and found[name].count("\n") == plain[name].count("\n"), name
    assert json.loads(found["prov.json"])
    assert all(json.loads(one) for one in found["statements.jsonl"].splitlines())


def test_the_control_would_find_a_tag_that_is_not_escaped() -> None:
    for text in ATTACKS[:4]:
        assert Page(f"<p>{text}</p>").tags != Page("<p>x</p>").tags
        assert Page(f"<p>{escape(text)}</p>").tags == Page("<p>x</p>").tags

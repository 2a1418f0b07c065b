"""Pretty: the same lines as `cli.render`, with colour, for a terminal.

Loaded only where a person looks, since `rich` takes longer to load than a read to run. It adds
nothing but style: whoever cannot see colour, or pipes the output, reads the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console
from rich.text import Text

from envoy.cli.render import Block, Screen, layout

# The 16 colours that every terminal lets its user choose.
COLORS = {
    "ok": "green",
    "warn": "yellow",
    "bad": "bold red",
    "dim": "bright_black",
    "strong": "bold",
}
WIDE = 100_000  # the lines are laid out already; nothing here may break them again


def text(blocks: Iterable[Block], screen: Screen) -> str:
    """Return ``blocks`` as text with ANSI colours."""
    out = StringIO()
    console = Console(
        file=out,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        width=WIDE,
        highlight=False,
        emoji=False,
        markup=False,
    )
    for spans in layout(blocks, screen):
        made = Text(end="\n")
        for span in spans:
            words, style = (span, "") if isinstance(span, str) else span
            made.append(words, COLORS.get(style, ""))
        made.rstrip()
        console.print(made, soft_wrap=True)
    return out.getvalue()

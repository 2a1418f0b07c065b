"""Hostile text: what members may write to move, hide or forge what others see.

Every sink of text is tried with it: the screen (abuse cases T1 to T3), JSON, and what else shows a
body or a name. Each item is a whole text; the names of the groups say what it tries.
"""

from __future__ import annotations

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
HOSTILE = [
    "\x1b[31mred",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZWNobw==\x07",
    "\x1b[21t",
    "\x9b31m",
    "\x9d0;title\x9c",
    "over\rwritten",
    "\x08\x08\x08back",
    "bell\x07",
    "\x1bP+q\x1b\\",
    "\x0e\x0f",
    "tab\there",
    "two\nlines",
    "\u202egnp.exe",
    "a\u200bb\u200d\ufeff\u2060\u00ad",
    "\u2028\u2029",
    "\U000e0041\U000e007f",
    "\ufff9\ufffb",
    "a" + "\u0301" * 50,
    "\u0301leading mark",
    "日本語",
    "한국어",
    "e\u0301\u0308",
    "\U0001f600",
]

"""Words of a text."""

import re
from collections import Counter


def words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case."""
    return re.findall(r"[a-z']+", text.lower())


def frequent(text: str, times: int) -> list[str]:
    """Return the words that occur at least ``times`` times, most frequent first."""
    counted = Counter(words(text)).most_common()
    return [word for word, count in counted if count > times]


def longest(text: str) -> str:
    """Return the longest word, the first of several."""
    return max(words(text), key=len)

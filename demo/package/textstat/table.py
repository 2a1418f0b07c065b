"""Small tables: a line of names, then a line of values for each row."""


def rows(text: str, separator: str = ",") -> list[dict[str, str]]:
    """Return the rows of ``text``, each by the names in its first line."""
    lines = [line.split(separator) for line in text.strip().splitlines()]
    names = lines[0]
    return [dict(zip(names, values, strict=True)) for values in lines[2:]]


def column(text: str, name: str) -> list[float]:
    """Return one column of ``text`` as numbers."""
    return [float(row[name]) for row in rows(text)]

"""JSON as the faces speak it: one strict reader, one plain writer.

The standard reader takes NaN, 1e400, a key twice, half a surrogate pair and digits without end;
other programs read each of these differently, so none of them is let in. The writer gives ASCII
alone, which no terminal can take for a command, and holds the two promises of the faces that
`json.dumps` does not know: no floats, and integers a double cannot hold leave as strings.

Specification: docs/spec/text.md.
"""

# The two parts in C of the package `json`, which itself loads `re` and `enum`: half of what a bare
# Python takes. The names are private; docs/adr/0003-lean-start.md says what holds them.
from _json import encode_basestring_ascii as quote
from _json import make_scanner
from collections.abc import Callable, Iterable, Sequence

from envoy.limits import JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_INT_MAX

# A sign and 16 digits: longer runs are refused unread, since reading them costs quadratic time.
DIGITS_MAX = len(str(-JSON_INT_MAX))
SPACE = " \t\n\r"
SURROGATE = "\\ud"  # how quoting writes the halves of a pair, whole pairs too
FORMS_MAX = 256  # the shapes of our own objects are some fifty
FORMS: dict[tuple[str, ...], str] = {}


class JsonError(ValueError):
    """A text that is not one strict JSON document. The door that read it knows what to call it."""


def dumps(value: object) -> str:
    """Return ``value`` as compact ASCII JSON, keys in the order given.

    It is made of str, int, bool, None, list, tuple and dict with str keys; anything else, a float
    or a row too, is a mistake of ours and raises TypeError. Half a surrogate pair, which only our
    own command line can bring, leaves as U+FFFD.
    """
    try:
        text = ENCODERS[type(value)](value)
        # Half a pair leaves the quoting as it came; nearly no text has any escape of its kind.
        return ENCODERS[type(value)](healed(value)) if SURROGATE in text else text
    except KeyError as error:
        raise TypeError(f"{error.args[0].__name__} has no JSON form") from None


def form_of(keys: tuple[str, ...]) -> str:
    """Return what the values of a dict with these ``keys`` are written into, as JSON.

    The keys of a record are the same in each of hundreds, so they are quoted once. Raises TypeError
    for a key that is no text.
    """
    form = FORMS.get(keys)
    if form is None:
        if len(FORMS) >= FORMS_MAX:
            FORMS.clear()
        pairs = [quote(key).replace("%", "%%") + ":%s" for key in keys]
        form = FORMS[keys] = "{" + ",".join(pairs) + "}"
    return form


def encode_dict(value: dict[str, object]) -> str:
    """Return a dict as JSON; raises TypeError for a key that is no text."""
    # Texts and nothing are most of it, and need no look into the table.
    return form_of(tuple(value)) % tuple(
        [
            quote(item)
            if type(item) is str
            else "null"
            if item is None
            else ENCODERS[type(item)](item)
            for item in value.values()
        ]
    )


def encode_list(value: Sequence[object]) -> str:
    """Return a list or tuple as JSON."""
    if not value:
        return "[]"
    parts = list(encode_all(value))
    parts[0] = "[" + parts[0]  # around the whole it would be copied, for a page of history twice
    parts[-1] += "]"
    return ",".join(parts)


def encode_all(values: Sequence[object]) -> Iterable[str]:
    """Return each of ``values`` as JSON, at least one.

    Records, dicts of the same keys, are written column by column: then what to do is asked once a
    column, where a Work Record has ten thousand values.
    """
    kinds = set(map(type, values))
    if len(kinds) > 1:
        return [ENCODERS[type(value)](value) for value in values]
    (kind,) = kinds
    if kind is dict and len(values) > 1:
        records = [value for value in values if isinstance(value, dict)]
        keys = tuple(records[0])
        if keys and list(map(tuple, records)).count(keys) == len(records):
            columns = map(encode_all, zip(*map(dict.values, records), strict=True))
            return map(form_of(keys).__mod__, zip(*columns, strict=True))
    return map(ENCODERS[kind], values)


def encode_int(value: int) -> str:
    """Return an integer as JSON; as text where a double could not hold it."""
    return str(value) if -JSON_INT_MAX <= value <= JSON_INT_MAX else f'"{value}"'


def healed(value: object) -> object:
    """Return ``value`` with U+FFFD in the place of each half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {healed(key): healed(item) for key, item in value.items()}
    return [healed(item) for item in value] if isinstance(value, list | tuple) else value


# By the very type, asked for once a value: a Work Record has ten thousand of them. A NamedTuple is
# not here, since it would lose its names without a word.
ENCODERS: dict[type, Callable[..., str]] = {
    str: quote,
    type(None): {None: "null"}.__getitem__,
    bool: {True: "true", False: "false"}.__getitem__,
    int: encode_int,
    dict: encode_dict,
    list: encode_list,
    tuple: encode_list,
}


def loads(document: str | bytes) -> object:
    """Return the value of one JSON ``document`` of at most 1 MiB and 32 levels.

    Raises JsonError for whatever two readers could read differently: a float, an integer beyond
    2**53 - 1, NaN, a repeated key, half a surrogate pair, bad UTF-8, a byte order mark.
    """
    try:
        text = document if isinstance(document, str) else document.decode("utf-8")
        if len(text.encode("utf-8")) > JSON_BYTES_MAX:
            raise JsonError("too_large")
        check_depth(text)
        value, end = SCAN(text, len(text) - len(text.lstrip(SPACE)))
        if text[end:].strip(SPACE):
            raise JsonError("malformed")
        if "\\u" in text:  # an escape is the only way for half a pair to get past the decoding
            check_pairs(value)
    except JsonError:
        raise
    except (StopIteration, ValueError, SystemError) as error:
        # Of the scanner and of bytes that are no Unicode. SystemError: the scanner's own error is
        # in json.decoder; where nobody has loaded that it fails without one.
        raise JsonError("malformed") from error
    return value


def check_depth(text: str) -> None:
    """Raise JsonError if ``text`` opens more levels than allowed, without following them.

    The scanner recurses, so what it refuses would hang on what is left of the stack.
    """
    if text.count("[") + text.count("{") <= JSON_DEPTH_MAX:
        return
    depth, inside, escaped = 0, False, False
    for symbol in text:
        if inside:
            inside = escaped or symbol != '"'
            escaped = symbol == "\\" and not escaped
        elif symbol == '"':
            inside = True
        else:
            depth += (symbol in "[{") - (symbol in "]}")
            if depth > JSON_DEPTH_MAX:
                raise JsonError("too_deep")


def check_pairs(value: object) -> None:
    """Raise ValueError if a text in ``value`` holds half a surrogate pair."""
    match value:
        case str():
            value.encode("utf-8")
        case list():
            for item in value:
                check_pairs(item)
        case dict():
            check_pairs([*value, *value.values()])


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return ``pairs`` as a dict; raise JsonError if a key comes twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("duplicate_key")
    return found


def bounded(digits: str) -> int:
    """Return the integer ``digits``; raise JsonError if a double could not hold it."""
    if len(digits) > DIGITS_MAX or abs(int(digits)) > JSON_INT_MAX:
        raise JsonError("number")
    return int(digits)


def refuse_number(_text: str) -> object:
    """Raise JsonError: floats, NaN and infinities are read differently by different programs."""
    raise JsonError("number")


class Rules:
    """What the scanner asks for: the attributes of a standard decoder that its part in C reads."""

    strict = True
    object_hook = None
    object_pairs_hook = unique
    parse_float = refuse_number
    parse_int = bounded
    parse_constant = refuse_number


# Reads one value at an index and says where it ends. Called through `type`, because its type stub
# asks for an object of its own class, where any with these attributes will do.
SCAN: Callable[[str, int], tuple[object, int]] = type.__call__(make_scanner, Rules)

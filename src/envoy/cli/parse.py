"""Parser: the command line to one command and its values, by the tables alone.

argv is walked once. Global flags stand anywhere before the first `--`; flags of a command also
between its noun and its verb (`inbox --space S read`), because scripts write them there; after `--`
everything is a place. There is no abbreviation, no clustering and no guessing: what is not in the
table is refused, with the nearest name that is.

The standard argparse would do only the splitting here, every other feature of it switched off, and
loads for 0.3x of a bare Python (docs/adr/0008-own-argument-splitter.md).

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from envoy import limits
from envoy.cli.args import SPACE_FLAG, Arg, Args, Command
from envoy.cli.table import ALIASES, DEFAULT_VERBS, NOUNS, RESERVED, every, paths
from envoy.errors import EnvoyError, UsageError
from envoy.lean import NamedTuple

GLOBALS = (
    Arg("profile", "profile to use (ENVOY_PROFILE; default)", word="P"),
    Arg("json", "one JSON object on stdout", "switch"),
    Arg("quiet", "no output, the exit code only", "switch"),
    Arg("timeout", "for one call or lock, in ms (30000)", "int", least=1, word="MS"),
    Arg("relay_url", "relay to use", word="URL"),
    Arg("color", "auto, always or never", "choice", choices=("auto", "always", "never")),
    Arg("verbose", "say on stderr which home and profile were used", "switch", also=("-v",)),
    Arg("yes", "answer confirmations with yes", "switch"),
    Arg("no_sync", "ask no hub: no news first, nothing sent after", "switch"),
    Arg("passphrase_file", "unlock with the passphrase in this file; - is stdin", word="PATH"),
    Arg("help", "this help", "switch", also=("-h",)),
    Arg("version", "the version", "switch", also=("-V",)),
)
GLOBAL_FLAGS: Mapping[str, Arg] = {flag: arg for arg in GLOBALS for flag in arg.flags}
HELP = frozenset(("--help", "-h"))
# Flags whose value is no word of a path, before any noun is known.
ANYWHERE: Mapping[str, Arg] = {**GLOBAL_FLAGS, SPACE_FLAG.flag: SPACE_FLAG}
UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Parsed(NamedTuple):
    """One command line: its global flags, the command and the command's values."""

    globals: Args
    command: Command
    args: Args


def parse(argv: Sequence[str]) -> Parsed:
    """Return what ``argv``, without the program's name, asks for.

    No words at all ask for help. Raises UsageError: missing_required_flag, invalid_argument, and
    unsupported_operation for names that are reserved.
    """
    before, after = halves(argv)
    if HELP.intersection(before):
        return Parsed(switches(before), paths("help")["help"], Args({"topic": topic_of(before)}))
    if next_word(before, 0, ANYWHERE) is None:
        values, _ = split(before, GLOBAL_FLAGS, None)
        noun = "version" if "version" in values else "help"
        return Parsed(Args(values), paths(noun)[noun], Args({}))
    command, rest = find_command(before)
    own = {flag: arg for arg in command.args for flag in arg.flags}
    try:
        values, words = split(rest, {**GLOBAL_FLAGS, **own}, command)
        mine = {arg.name: values.pop(arg.name) for arg in command.args if arg.name in values}
        return Parsed(Args(values), command, complete(command, mine, words + after))
    except UsageError as error:
        error.next_command = error.next_command or f"envoy help {command.path}"
        error.exit = command.failed or error.exit
        raise


def topic_of(tokens: Sequence[str]) -> tuple[str, ...]:
    """Return the words of ``tokens``, without what a global flag takes."""
    found, place = list[str](), next_word(tokens, 0, ANYWHERE)
    while place is not None:
        found.append(tokens[place])
        place = next_word(tokens, place + 1, ANYWHERE)
    return tuple(found)


def switches(tokens: Sequence[str]) -> Args:
    """Return the global switches among ``tokens``, whatever else may be wrong with them."""
    found = [GLOBAL_FLAGS[token] for token in tokens if token in GLOBAL_FLAGS]
    return Args({arg.name: True for arg in found if arg.kind == "switch"})


def halves(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tokens before the first `--` and those after it."""
    cut = argv.index("--") if "--" in argv else len(argv)
    return list(argv[:cut]), list(argv[cut + 1 :])


def is_flag(token: str) -> bool:
    """Return whether ``token`` has the form of a flag; `-` and texts with spaces are values."""
    name = token.partition("=")[0]
    return len(token) > 1 and token[0] == "-" and not any(map(str.isspace, name))


def find_command(tokens: Sequence[str]) -> tuple[Command, list[str]]:
    """Return the command that ``tokens`` name and the tokens without its path."""
    first = next_word(tokens, 0, ANYWHERE)
    assert first is not None
    noun = ALIASES.get(tokens[first], tokens[first])
    rest = [*tokens[:first], *tokens[first + 1 :]]
    known = paths(noun)
    second = next_word(rest, first, flags_of(known.values()))
    path = noun if second is None else f"{noun} {rest[second]}"
    if path != noun and path in known and second is not None:
        return known[path], [*rest[:second], *rest[second + 1 :]]
    if path in RESERVED or noun in RESERVED:
        raise UsageError("unsupported_operation", operation=path if path in RESERVED else noun)
    if noun in known:
        return known[noun], rest
    if not known:
        raise unknown_noun(tokens[first])
    verbs = [name[len(noun) + 1 :] for name in known]
    # Only an id can follow a noun without its verb: any other word there is a slip in the verb.
    if noun in DEFAULT_VERBS and (second is None or rest[second].startswith("space_")):
        return known[f"{noun} {DEFAULT_VERBS[noun]}"], rest
    error: EnvoyError = UsageError(
        "missing_required_flag", argument="command", expected=sorted(verbs)
    )
    if second is not None:
        error = unknown("command", rest[second], verbs)
    error.next_command = f"envoy help {noun}"
    raise error


def flags_of(rows: Iterable[Command]) -> Mapping[str, Arg]:
    """Return every flag that may stand between the noun of ``rows`` and its verb."""
    return {**ANYWHERE, **{flag: arg for row in rows for arg in row.args for flag in arg.flags}}


def next_word(tokens: Sequence[str], start: int, flags: Mapping[str, Arg]) -> int | None:
    """Return the place of the first of ``tokens`` from ``start`` that is no flag and no value."""
    skip = False
    for place in range(start, len(tokens)):
        token = tokens[place]
        if skip:
            skip = False
        elif not is_flag(token):
            return place
        else:
            arg = flags.get(token)
            skip = arg is not None and arg.kind != "switch"
    return None


def split(
    tokens: Iterable[str], flags: Mapping[str, Arg], command: Command | None
) -> tuple[dict[str, object], list[str]]:
    """Return the values of the flags in ``tokens`` by name, and the places in their order."""
    values: dict[str, object] = {}
    words: list[str] = []
    queue = iter(tokens)
    for token in queue:
        if not is_flag(token):
            words.append(token)
            continue
        flag, equals, value = token.partition("=")
        arg = flags.get(flag)
        if arg is None:
            raise unknown_flag(flag, flags, command)
        if arg.kind == "switch":
            if equals:
                raise UsageError("invalid_argument", argument=flag, cause="takes_no_value")
            values[arg.name] = True
            continue
        if not equals:
            value = next(queue, "--")
            if value.startswith("--"):
                raise UsageError("missing_required_flag", argument=flag, cause="value_missing")
        give(values, arg, read(arg, value))
    return values, words


def give(values: dict[str, object], arg: Arg, value: object) -> None:
    """Put the ``value`` of ``arg`` into ``values``; a second, different one is an error."""
    if arg.kind == "many":
        before = values.get(arg.name, ())
        assert isinstance(before, tuple) and isinstance(value, tuple)
        values[arg.name] = before + value
    elif values.get(arg.name, value) != value:
        raise UsageError("invalid_argument", argument=arg.flag, cause="given_twice")
    else:
        values[arg.name] = value


def complete(command: Command, values: dict[str, object], words: list[str]) -> Args:
    """Return the values with ``words`` in their places and defaults filled in.

    A place whose flag was given is not waited for, unless there is a word for every place: then
    both were given, and have to be equal.
    """
    places = [arg for arg in command.args if arg.place]
    if places and places[-1].kind == "rest":
        cut = len(places) - 1
        values[places.pop().name], words = tuple(words[cut:]), words[:cut]
    if len(words) > len(places):
        raise UsageError("invalid_argument", cause="too_many_words", extra=len(words) - len(places))
    free = [arg for arg in places if arg.name not in values]
    spare = len(free) - len(words)
    if spare > 0:  # fewer words than places: those that can do without one do
        optional = [arg for arg in free if not arg.needed]
        optional.sort(key=lambda arg: arg.name == SPACE_FLAG.name)  # most often the environment's
        free = [arg for arg in free if arg not in optional[max(0, len(optional) - spare) :]]
    for arg, word in zip(places if spare < 0 else free, words, strict=False):
        give(values, arg, read(arg, word))
    for arg in command.args:
        if arg.needed and arg.name not in values:
            raise UsageError("missing_required_flag", argument=arg.flag)
        if arg.name not in values and arg.default is not None:
            values[arg.name] = arg.default
    return Args(values)


def read(arg: Arg, value: str) -> object:
    """Return ``value`` as the kind of ``arg`` says. It is text in any case, or nothing for us."""
    try:
        value.encode()
    except UnicodeEncodeError as error:  # bytes of argv that were no UTF-8
        raise UsageError("invalid_argument", argument=arg.flag, cause="utf8") from error
    match arg.kind:
        case "int":
            return bounded(arg, int(value) if is_digits(value) else None)
        case "span":
            number, unit = value[:-1], value[-1:]
            known = is_digits(number) and unit in UNITS_MS
            return bounded(arg, int(number) * UNITS_MS[unit] if known else None)
        case "choice":
            if value not in arg.choices:
                raise unknown(arg.flag, value, arg.choices)
        case "list":
            return tuple(part for part in value.split(",") if part)
        case "many":
            return (value,)
    return value


def is_digits(text: str) -> bool:
    """Return whether ``text`` is a plain number short enough to be read."""
    return text.isascii() and text.isdigit() and len(text) <= limits.ARGUMENT_DIGITS_MAX


def bounded(arg: Arg, value: int | None) -> int:
    """Return ``value`` if it is within the bounds of ``arg``."""
    if value is None or not arg.least <= value <= arg.most:
        raise UsageError(
            "invalid_argument",
            argument=arg.flag,
            cause="out_of_bounds",
            least=arg.least,
            most=arg.most,
        )
    return value


def unknown_flag(flag: str, flags: Mapping[str, Arg], command: Command | None) -> EnvoyError:
    """Return the error for a flag that is not in the table."""
    if command is not None and flag in command.later:
        return UsageError("unsupported_operation", operation=f"{command.path} {flag}")
    return unknown("flag", flag, tuple(flags))


def unknown(what: str, given: str, known: Sequence[str]) -> EnvoyError:
    """Return the error for a word that is none of ``known``, with the nearest one that is."""
    near = min(sorted(set(known)), key=lambda name: distance(given.lower(), name), default=None)
    if near is None or distance(given.lower(), near) > max(1, len(near) // 3):
        return UsageError("invalid_argument", argument=what, cause="unknown")
    return UsageError("invalid_argument", argument=what, cause="unknown", nearest=near)


def unknown_noun(given: str) -> EnvoyError:
    """Return the error for a first word that is no noun: a verb, perhaps, that lacks its noun.

    A verb as it stands comes before a slip in a noun, and that before a slip in a verb. Of several
    commands with one verb that of tasks is meant, for there most is done.
    """
    verbs = dict[str, list[str]]()
    for path in [path for row in every() for path in (row.path, *row.also) if " " in path]:
        verbs.setdefault(path.rpartition(" ")[2], []).append(path)
    error = unknown("command", given, tuple(NOUNS))
    if given not in verbs and "nearest" in error.details:
        return error
    verb = given if given in verbs else unknown("", given, tuple(verbs)).details.get("nearest")
    if not isinstance(verb, str):
        return error
    meant = sorted(verbs[verb], key=lambda path: (not path.startswith("task "), path))
    error = UsageError("invalid_argument", argument="command", cause="unknown", nearest=meant[0])
    if len(meant) > 1:
        error.details["expected"] = meant
    error.next_command = f"envoy help {meant[0]}"
    return error


def distance(left: str, right: str) -> int:
    """Return how many insertions, deletions and replacements lead from one word to the other."""
    left = left[: limits.SUGGESTION_CHARS_MAX]  # nobody mistypes a name longer than this
    row = list(range(len(right) + 1))
    for place, symbol in enumerate(left, 1):
        above, row[0] = row[0], place
        for index, other in enumerate(right, 1):
            above, row[index] = (
                row[index],
                min(row[index] + 1, row[index - 1] + 1, above + (symbol != other)),
            )
    return row[-1]

"""Identity: the making of one, with its recovery words shown to whoever may see them.

Several commands make an identity where there is none: `init`, `identity create`, `quickstart`,
`join`. The words are secret, so they never enter an answer: they go to the terminal, into a file,
or nowhere, and the answer says which.
"""

from __future__ import annotations

import os
import sys

from envoy.cli.args import Call
from envoy.cli.render import GAP, Block, line, plain, screen_of
from envoy.cli.show import who
from envoy.cli.write import typed
from envoy.errors import ConflictError, EnvoyError, NotFoundError, UsageError
from envoy.ids import fingerprint
from envoy.lean import NamedTuple
from envoy.views.answers import myself
from envoy.wiring import checks, recovery, writes
from envoy.wiring.config import Config

Json = dict[str, object]

HUMAN, AGENT = "human", "agent"
AUTO, SKIP, STDERR, FILE = "auto", "skip", "stderr", "file"
SHOWN, SKIPPED = "shown", "skipped"
NO_LOCK = "none"
WORDS_PER_ROW = (6, 4, 3, 2, 1)  # the first that fits: each makes whole rows of 24
UNSEEN: Json = {
    "code": "recovery_words_not_shown",
    "message": "the 24 recovery words went nowhere: without them a lost home is lost; "
    "see them with envoy identity recovery",
}


class Outlet(NamedTuple):
    """Where the words go: ``how`` is skip, stderr or file."""

    how: str
    path: str | None
    chosen: bool  # by the user


class Me(NamedTuple):
    """This profile, made now or before, as it will be known here."""

    did: bytes
    name: str
    type: str | None  # None: as it was declared when the profile was made
    delivery: str  # of the words: shown, file, skipped
    path: str | None
    warnings: list[Json]
    is_new: bool

    def answer(self, config: Config) -> Json:
        """Return what the answer of a command says of its identity."""
        return {
            "profile": config.profile,
            "identity": myself(self.did, self.name, self.type or AGENT),
            "recovery_delivery": self.delivery,
            "recovery_path": self.path,
        }


def declared(call: Call) -> str | None:
    """Return human or agent as the flags say, None where they say nothing."""
    is_human, is_agent = call.args.switch("human"), call.args.switch("agent")
    if is_human and is_agent:
        raise UsageError("invalid_argument", argument="--human", cause="--agent")
    return HUMAN if is_human else AGENT if is_agent else None


def label(call: Call) -> str | None:
    """Return the name that the flags give, None where they give none."""
    given = call.args.text("name")
    return None if given is None else typed.name(given, "--name")


def default_label(config: Config, type: str) -> str:
    """Return how to call a profile whose user named none: as the profile, else as the login."""
    if config.origins["profile"] != "default":
        return config.profile
    login = os.environ.get("LOGNAME") or os.environ.get("USER") or HUMAN
    return typed.name(login, "--name") if type == HUMAN else AGENT


def outlet(call: Call) -> Outlet:
    """Return where the words of a new identity are to go. Raises UsageError(invalid_argument)."""
    given = call.args.text("recovery_output") or AUTO
    if call.args.switch("show_recovery_phrase"):
        if given not in (AUTO, STDERR):
            cause = "--show-recovery-phrase"
            raise UsageError("invalid_argument", argument="--recovery-output", cause=cause)
        given = STDERR
    silent = call.config.json or call.config.quiet
    if given == AUTO:
        seen = not silent and sys.stderr is not None and sys.stderr.isatty()
        return Outlet(STDERR if seen else SKIP, None, chosen=False)
    if given == STDERR and silent:
        raise UsageError("invalid_argument", argument="--recovery-output", cause="--json")
    how, colon, path = given.partition(":")
    if how == FILE and path:
        return Outlet(FILE, os.path.abspath(os.path.expanduser(path)), chosen=True)
    if colon or how not in (SKIP, STDERR):
        allowed = [AUTO, SKIP, STDERR, "file:PATH"]
        raise UsageError("invalid_argument", argument="--recovery-output", allowed=allowed)
    return Outlet(how, None, chosen=True)


def make(config: Config, *, name: str, type: str, words: Outlet, lock: str = NO_LOCK) -> Me:
    """Make the identity of the profile of ``config`` and hand over its words.

    Words for a file lie in it before the identity is made: who has one has its words, too. Raises
    ConflictError(already_exists) for a profile or a file that is there.
    """
    path = words.path
    if path is None:
        stored = writes.init_profile(config, name=name, type=type, lock=lock)
    else:
        recovery.reserve(path)
        try:
            stored = writes.init_profile(
                config,
                name=name,
                type=type,
                lock=lock,
                tell=lambda made: recovery.save(path, made),
            )
        except (EnvoyError, KeyboardInterrupt):
            recovery.give_up(path)
            raise
    did = stored.identity.did
    if words.how == STDERR:
        show(recovery.words(stored), name, did)
    warnings = [UNSEEN] if words.how == SKIP and not words.chosen else []
    delivery = {STDERR: SHOWN, FILE: FILE, SKIP: SKIPPED}[words.how]
    return Me(did, name, type, delivery, path, warnings, is_new=True)


def ensure(call: Call, *, words: Outlet) -> Me:
    """Return this profile, made first if it does not exist, under the name and type of the flags.

    Of one that exists no words are shown: ConflictError(already_exists) if they were asked for.
    """
    config, name, type = call.config, label(call), declared(call)
    try:
        known = checks.identity(config, config.profile)
    except NotFoundError:
        type = type or AGENT
        return make(config, name=name or default_label(config, type), type=type, words=words)
    if words.how != SKIP and words.chosen:
        raise ConflictError("already_exists", profile=config.profile)
    return Me(known.did, name or known.name, type, SKIPPED, None, [], is_new=False)


def show(words: list[str], name: str, did: bytes) -> None:
    """Write the words to stderr, numbered, once."""
    screen = screen_of(sys.stderr, os.environ)._replace(utf8=False)
    cells = [f"{number:2} {word}" for number, word in enumerate(words, 1)]
    wide = max(map(len, cells)) + len(GAP)
    room = wide * len(cells) if screen.columns is None else screen.columns + len(GAP)
    row = next((one for one in WORDS_PER_ROW if one * wide <= room), 1)
    lines = [
        line(GAP.join([cell.ljust(wide - len(GAP)) for cell in cells[start : start + row]]))
        for start in range(0, len(cells), row)
    ]
    blocks: list[Block] = [
        line("recovery words of ", *who(name, fingerprint(did)), ":"),
        *lines,
        line("write them down: they give back this identity, to anybody who has them"),
    ]
    sys.stderr.write(plain(blocks, screen))
    sys.stderr.flush()

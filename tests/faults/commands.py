"""Commands: a call of every mutating command, and what it is tried on (`homes.busy`).

A row is a profile and a command line; `{name}` is an id of the stage. A command that has a key
gets one, so that it can be said again. `LEFT_OUT` names the rest, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from envoy.cli import table
from faults.homes import AGENT, LEAD, OTHER, SPACE

BUSY: Final = "busy"


class Row(NamedTuple):
    """One call: who makes it, with which words, and what is so afterwards.

    ``later``: the codes that its profile may then be told, ``others``: the others; nobody is told
    any, unless the command takes something away; "8" is that of `diagnose`. ``space``: where its
    profile then writes. ``makes``: profiles that come to be. ``parts``: a list in the answer of
    which each part can fail by itself; then the status is that of a part. ``stage``: what it is
    tried on; `near` and `far` are beside a relay.
    """

    profile: str
    words: tuple[str, ...]
    later: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    space: str = SPACE
    makes: frozenset[str] = frozenset()
    parts: str = ""
    stage: str = BUSY


def _row(profile: str, words: str, *more: str, **told: str) -> Row:
    def codes(name: str) -> frozenset[str]:
        return frozenset(told.get(name, "").split())

    return Row(
        profile,
        (*words.split(), *more),
        codes("later"),
        codes("others"),
        told.get("space", SPACE),
        codes("makes"),
        told.get("parts", ""),
        told.get("stage", BUSY),
    )


NEW: Final = "fresh"  # a profile that is not there yet

ROWS: Final[Mapping[str, Row]] = {
    "quickstart": _row(
        NEW, "quickstart --agent --space-name mine", later="space_name_ambiguous", space="mine"
    ),
    "init": _row(NEW, "init --agent --name Fresh", later="space_not_found"),
    "identity create": _row(LEAD, "identity create fresh --agent", makes=NEW),
    "identity rename": _row(AGENT, "identity rename Crawler"),
    "identity export": _row(
        AGENT, "identity export --file exported.envoy-id --new-passphrase-file {passphrase}"
    ),
    "identity lock": _row(
        AGENT, "identity lock passphrase --new-passphrase-file {passphrase}", later="profile_locked"
    ),
    "space connect": _row(LEAD, "space connect {space} --relay {relay}", stage="near"),
    "space attach": _row(AGENT, "space attach {space_id} --relay {relay}", stage="far"),
    "space create": _row(AGENT, "space create sprint"),
    "space update": _row(LEAD, "space update", SPACE, "--description", "until friday"),
    "space close": _row(LEAD, "space close", SPACE, later="space_closed", others="space_closed"),
    "invite": _row(LEAD, "invite", SPACE),
    "invites revoke": _row(LEAD, "invites revoke", SPACE, "{invite}"),
    "invites rotate": _row(LEAD, "invites rotate", SPACE, "{invite}"),
    "invites pending": _row(LEAD, "invites pending"),
    "invites approve": _row(LEAD, "invites approve {request}"),
    "join": _row(NEW, "join --agent --name fresh {code}"),
    "space role": _row(LEAD, "space role {space} --member @a2 --role read"),
    "space remove": _row(LEAD, "space remove {space} @a2 --reason lost"),
    "revoke": _row(LEAD, "revoke {space} {grant} --reason over"),
    "delegate": _row(LEAD, "delegate {space} @a2 --verb write --ttl 2h"),
    "space leave": _row(AGENT, "space leave", SPACE, later="epoch_revoked"),
    "space rotate": _row(LEAD, "space rotate", SPACE),
    "space policy": _row(LEAD, "space policy {space} --reviews 1"),
    "agent revoke": _row(LEAD, "agent revoke @a2 --reason wild", parts="results"),
    "backup": _row(AGENT, "backup --out new.envoy --passphrase-file {passphrase}"),
    "restore": _row(AGENT, "restore a1.envoy --replace --passphrase-file {passphrase}"),
    "reset": _row(AGENT, "reset --no-backup", later="profile_not_found 8"),
    "space forget": _row(AGENT, "space forget", SPACE, later="space_not_found"),
    "space mute": _row(AGENT, "space mute", SPACE),
    "space unmute": _row(AGENT, "space unmute", SPACE),
    "space pin": _row(AGENT, "space pin", SPACE),
    "space unpin": _row(AGENT, "space unpin", SPACE),
    "send": _row(AGENT, "send hello"),
    "message redact": _row(AGENT, "message redact {spoilt} --reason secret"),
    "inbox ack": _row(AGENT, "inbox ack"),
    "inbox read-ack": _row(AGENT, "inbox read-ack"),
    "sync": _row(AGENT, "sync"),
    "task create": _row(AGENT, "task create more"),
    "task claim": _row(AGENT, "task claim {free}"),
    "task release": _row(AGENT, "task release {mine}"),
    "task assign": _row(LEAD, "task assign {given} @a2"),
    "task set": _row(AGENT, "task set {mine} in_progress"),
    "task complete": _row(AGENT, "task complete {going} --note fixed"),
    "task submit": _row(AGENT, "task submit {going} --note look"),
    "task edit": _row(AGENT, "task edit {disputed} --priority 1"),
    "task ready": _row(AGENT, "task ready --claim"),
    "task heartbeat": _row(AGENT, "task heartbeat {mine} --lease 30m"),
    "task cancel": _row(LEAD, "task cancel {free} --reason no"),
    "task reopen": _row(LEAD, "task reopen {over} --reason again"),
    "run": _row(AGENT, "run --type test -- true"),
    "record add": _row(AGENT, "record add decision tar"),
    "record retract": _row(AGENT, "record retract {record} --reason wrong"),
    "review approve": _row(LEAD, "review approve {judged} --note good"),
    "review request-changes": _row(LEAD, "review request-changes {judged} --note more"),
    "review reject": _row(LEAD, "review reject {judged} --note no"),
    "object put": _row(AGENT, "object put crash.log --name again"),
    "object get": _row(AGENT, "object get {object} --output got"),
    "object pin": _row(AGENT, "object pin {loose}"),
    "object unpin": _row(AGENT, "object unpin {object}"),
    "object retract": _row(AGENT, "object retract {object} --reason wrong"),
    "handoff create": _row(AGENT, "handoff create {mine} --next go"),
    "handoff accept": _row(OTHER, "handoff accept {handoff}"),
    "hooks install": _row(AGENT, "hooks install gemini --scope project"),
    "quarantine admit": _row(LEAD, "quarantine admit {late} --reason honest"),
    "card publish": _row(AGENT, "card publish --capabilities python"),
    "conflicts resolve": _row(LEAD, "conflicts resolve {conflict} --keep @a1"),
    "audit export": _row(AGENT, "audit export --output all.audit"),
    "relay init": _row(AGENT, "relay init --data relay"),
}

LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("fingerprint", "diagnose", "diagnose time", "identity recovery", "card show", "card list",
         "hooks list", "hooks check", "audit fingerprint", "audit report", "audit verify",
         "handoff verify", "billing plans", "billing status", "relay doctor"),
        "changes nothing",
    ),
    "recover": "the tests of recovery: it needs the words that only a person has",
    "identity import": "the same steps as restore, of one file",
    "hooks uninstall": "the same steps as hooks install",
    "relay serve": "a process that stays: faults.kills, faults.power",
    "relay backup": "the directory of a relay: tests/relay",
    "relay restore": "the directory of a relay: tests/relay",
    "relay token": "the directory of a relay: tests/relay",
    "billing redeem": "a relay: tests/relay",
}  # fmt: skip

KEYED: Final = "idempotency_key"


def unplayed() -> set[str]:
    """Return the mutating commands that stand in neither table."""
    rows = {one.path for one in table.every() if "write." in (one.run[:6], one.apart[:6])}
    return rows - ROWS.keys() - LEFT_OUT.keys()


@cache
def keyed() -> frozenset[str]:
    """Return the commands that can be given a key."""
    return frozenset(one.path for one in table.every() if KEYED in {arg.name for arg in one.args})


def words(path: str, names: Mapping[str, str]) -> list[str]:
    """Return the command line of a row, with the ids of a stage and a key where there is one."""
    row = ROWS[path]
    found = [word.format_map(dict(names)) for word in row.words]
    if path in keyed():
        found[len(path.split()) : len(path.split())] = [
            "--idempotency-key",
            "key-of-" + path.replace(" ", "-"),
        ]
    return ["--profile", row.profile, "--json", "--yes", *found]

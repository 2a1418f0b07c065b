"""The commands: every row of the command line, and the names that are kept for later ones.

HOW TO ADD A COMMAND
  1. a row in `cli/read/table.py` (loads no key, ever) or `cli/write/table.py`:
         Command("task claim", "Take a task", "write.work:claim",
                 (TASK, SPACE, Arg("require", …), KEY), "transition", (*WRITES, "needs_unmet"))
  2. the function it names, here `claim` in `cli/write/work.py`:
         def claim(call: Call) -> Answer:
             with writes.open_profile(call.config) as profile:
                 replica = writes.open_space(profile, call.space())
                 done = actions.claim(replica, call.args.need("task_id"), …)
                 return Answer(shapes.transition(done, …), claim_text)
     It parses nothing and prints nothing: `call.args` holds values already read and bounded, the
     `data` of the Answer is the documented object without `schema`, and its `text` turns that very
     object into blocks (`cli.render`: line, table, body) for people. It raises EnvoyError, and
     lets everything else go: `cli.main` renders both. A `stream` command yields Answers.
  3. its answer in `cli/schemas.py`, unless it has one; a transcript in tests/transcripts.
The parser, `envoy help`, the references and the tests of schemas and codes follow from the row.

RESERVED names belong to later issues or to names the public product has; they answer
unsupported_operation, so that a script learns the truth instead of a spelling hint.
"""

from __future__ import annotations

from envoy.cli.args import Command
from envoy.cli.read.table import READS
from envoy.cli.write.table import ROWS

COMMANDS: tuple[Command, ...] = (*READS, *ROWS)

ALIASES = {"rooms": "spaces", "room": "space", "tasks": "task"}
# What a noun alone means.
DEFAULT_VERBS = {
    "identity": "list",
    "inbox": "count",
    "invites": "list",
    "space": "list",
    "task": "list",
}

LATER = {
    "": "onboarding docs recover reset agent card billing daemon delegate revoke can why message "
    "react record object provenance audit handoff review conflicts quarantine run hooks hook "
    "install relay backup restore completion schema explain web import git reserve ci config line",
    "diagnose": "time",
    "identity": "rename export import recovery lock",
    "invites": "rotate pending approve",
    "space": "forget mute unmute pin unpin role remove leave rotate connect attach policy",
    "task": "edit ready heartbeat cancel reopen submit",
}
RESERVED = frozenset(f"{noun} {name}".lstrip() for noun in LATER for name in LATER[noun].split())

"""Causes: for each error code, what brings it about and what helps.

`envoy explain CODE` shows it and `make docs` writes docs/troubleshooting.md from it, so that help
on the terminal and on paper cannot differ. One sentence of cause, one of remedy; a remedy names
commands that exist. The codes, their exits and next actions stand in `envoy.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.lean import NamedTuple


class Cause(NamedTuple):
    """What leads to a code, and what to do then."""

    why: str
    remedy: str


NO_RELAY = (
    "`envoy space connect S --relay URL` puts the space on a relay with all that it has; `envoy"
    " help relay init` tells how to run one."
)
NEVER = "This version never answers it; scripts may know the name."

CAUSES: Mapping[str, Cause] = {
    "internal": Cause(
        "Envoy met a state that its own code rules out.",
        "Nothing was acknowledged, so the call may be repeated; run `envoy diagnose`, and report "
        "the command with the exception named in the details.",
    ),
    "storage_failed": Cause(
        "The disk is full, read-only or failing, or stdout could not be written.",
        "Free space on the disk of ENVOY_HOME and repeat the call: what was not acknowledged was "
        "not saved, what was acknowledged is safe.",
    ),
    "missing_required_flag": Cause(
        "The command needs an argument that was not given, by place, flag or environment.",
        "`envoy help COMMAND` shows what it takes; set ENVOY_SPACE to leave --space out.",
    ),
    "invalid_argument": Cause(
        "A value has no valid form, is out of bounds, or was given twice with different values.",
        "The details name the argument and the cause, often the nearest valid word as well.",
    ),
    "unsupported_operation": Cause(
        "The name is reserved for a later version, or this installation lacks an extra for it.",
        "`envoy version` tells what is installed; `envoy help` lists what it can do.",
    ),
    "message_too_large": Cause(
        "A text is longer than 32 KiB of UTF-8.",
        "Keep the text in a file or another system, and send a short message that names it.",
    ),
    "object_too_large": Cause(
        "The object is over the bound for one object.",
        "Split it, or store it elsewhere and refer to it with its digest.",
    ),
    "field_invalid": Cause(
        "A field does not fit the schema of its record, or an edge would close a cycle.",
        "The details name the field; `envoy schema` shows the schemas.",
    ),
    "field_policy": Cause(
        "The policy of the space forbids the value.",
        "An admin can change the policy; `envoy permissions` names the admins.",
    ),
    "invalid_url": Cause(
        "The address is no URL that Envoy can use.",
        "Give scheme, host and port, such as https://relay.example:8787.",
    ),
    "unsupported_scheme": Cause(
        "Plain HTTP was asked for to a host that is not this machine.",
        "Use https; plain HTTP is allowed on loopback only.",
    ),
    "unsupported_destination": Cause(
        "The address is in a range that is not allowed as a destination.",
        "Name the relay by a public or loopback address.",
    ),
    "space_not_found": Cause(
        "No space of this profile has that id or name, or none was named and there are several.",
        "`envoy spaces` lists them; another profile (--profile) may be the member.",
    ),
    "space_name_ambiguous": Cause(
        "Several spaces of this profile bear that name.",
        "Name the space by its id; the details list those that match.",
    ),
    "id_ambiguous": Cause(
        "Several things begin with that short id.",
        "Give more symbols of it; the details list those that match.",
    ),
    "task_not_found": Cause(
        "The space has no task with that id, or it has not arrived here.",
        "`envoy task list --status all` shows every task; `envoy sync` fetches what is new.",
    ),
    "not_found": Cause(
        "Nothing with that id is known in this space on this machine.",
        "`envoy sync` fetches what is new; check that the id belongs to this space.",
    ),
    "profile_not_found": Cause(
        "The profile has no identity in this home.",
        "`envoy identity list` shows the profiles; `envoy init` makes one; ENVOY_HOME may point "
        "elsewhere.",
    ),
    "hosted_relay_invite_not_found": Cause(
        "The relay knows no invite for that code.",
        "Ask for a new code; codes live for minutes unless made for longer.",
    ),
    "epoch_revoked": Cause(
        "The grant of this profile has ended, or it has no key of the epoch that is written under.",
        "`envoy permissions` shows what is left; a member with the right to invite can make a new "
        "invite.",
    ),
    "read_only": Cause(
        "This profile joined with the role read.",
        "Ask an admin for the role write.",
    ),
    "capability_missing": Cause(
        "No live grant of this profile allows the act.",
        "`envoy permissions` shows grants and members; required_verb in the details names what is "
        "needed.",
    ),
    "capability_expired": Cause(
        "The grant that allowed the act had a time limit, which is over.",
        "Ask whoever granted it for a new grant.",
    ),
    "not_assignee": Cause(
        "Another member holds the task, and the act is its holder's.",
        "Take another task, or ask the holder or the task's creator to release it.",
    ),
    "auth_failed": Cause(
        "The relay did not accept the session of this profile.",
        "Check the clock and the address of the relay, then try again.",
    ),
    "egress_denied": Cause(
        'config.toml of the home says egress = "local", and the address is not on this machine.',
        "A person decides whether this home may use the network.",
    ),
    "outranked": Cause(
        "The act is aimed at a member, grant or invite that stands above the one it would be "
        "done under.",
        "Ask a more senior admin or the founder; `envoy permissions` shows who that is.",
    ),
    "self_review_denied": Cause(
        "The gate of the task forbids a verdict on work of one's own.",
        "Ask another member to review.",
    ),
    "task_unassigned": Cause(
        "The act belongs to the holder of the task, and nobody holds it.",
        "`envoy task claim TASK` first.",
    ),
    "task_already_claimed": Cause(
        "Another profile, or another session of this one, holds the task and its lease runs.",
        "Take another task (`envoy task list`), or wait until lease_expires_at.",
    ),
    "claim_unconfirmed": Cause(
        "The hub that orders claims was not reached in time, or something that does not count holds"
        " its slot for the task (slot_event_id, slot_holder) until lease_expires_at.",
        "The claim is saved, and the next `envoy sync` or `envoy task claim TASK` asks again; begin"
        " only what may be lost. An assignment by an admin needs no slot.",
    ),
    "lease_expired": Cause(
        "The lease of the claim ran out without a sign of life.",
        "`envoy task claim TASK` again, unless somebody else has it by now.",
    ),
    "fence_stale": Cause(
        "Somebody else got the task with a newer fence, as after an expired lease.",
        "Stop, read `envoy task show TASK`, and leave what you have as a message.",
    ),
    "needs_unmet": Cause(
        "The task waits for others that are not completed.",
        "The details list them; finish those first.",
    ),
    "invalid_transition": Cause(
        "The task cannot go there from the state it is in, most often because it changed.",
        "`envoy task show TASK` tells the state and what happened to it.",
    ),
    "review_required": Cause(
        "The gate of the task wants approvals that are not there yet.",
        "Wait for the reviewers, who have it in their inbox.",
    ),
    "evidence_missing": Cause(
        "The gate of the task wants a type of evidence that the completion does not name.",
        "Name it with --evidence; the details list what is missing.",
    ),
    "evidence_stale": Cause(
        "The evidence speaks of a state that has changed since.",
        "Run the check again and name the new evidence.",
    ),
    "conflict_pending": Cause(
        "An open conflict of the task stands in the way.",
        "`envoy task show TASK` shows both sides.",
    ),
    "event_not_ok": Cause(
        "The event that was named is held, void or invalid: nothing can build on it.",
        "Name another one, or ask an admin whether it can be admitted.",
    ),
    "version_conflict": Cause(
        "Something changed after the version that the call was made for.",
        "Read it again, and repeat the call with the new version if it still makes sense.",
    ),
    "idempotency_mismatch": Cause(
        "That idempotency key was used for a call with other arguments.",
        "Use a new key for a new act; the same key only repeats the same act.",
    ),
    "invalid_invite": Cause(
        "The code is mistyped, expired or revoked, or belongs to a hub of another machine.",
        "Ask the inviter for a new code: `envoy invite` makes one, good for five minutes.",
    ),
    "invite_already_redeemed": Cause(
        "As many have joined as the invite allows.",
        "Ask the inviter for a new code.",
    ),
    "enc_key_missing": Cause(
        "No encryption key of that member is known here, so nothing can be sealed to it.",
        "It has to write or sync once with a current version; then repeat the act.",
    ),
    "space_local_only": Cause("The act needs a relay, and the space lives here only.", NO_RELAY),
    "space_closed": Cause(
        "The space was closed, or the time given when it was made is over.",
        "It stays readable; new work needs a new space.",
    ),
    "already_exists": Cause(
        "A profile, file or space of that name is there already; nothing is overwritten.",
        "Choose another name.",
    ),
    "limit_exceeded": Cause(
        "A documented limit is reached; the details name it.",
        "docs/reference/limits.md gives every limit with its reason.",
    ),
    "clock_ahead": Cause(
        "A removal, a grant or a step of the task is dated ahead of this clock: not citable yet.",
        "Check the clock; an admin can repeat the act under a right one.",
    ),
    "timeout": Cause(
        "Another process held a lock for long, or a call took longer than --timeout.",
        "Try again; `envoy diagnose` tells whether something is wrong.",
    ),
    "inbox_wait_timeout": Cause(
        "Nothing came while `envoy inbox read --wait` waited.",
        "Wait again; --wait-timeout 0 waits for ever.",
    ),
    "wait_timeout": Cause("What was waited for did not come in time.", "Wait again, or longer."),
    "nothing_ready": Cause(
        "Every task is held, done, blocked by a need or in conflict.",
        "`envoy task list` shows why; wait, or make a task.",
    ),
    "hosted_relay_inviter_no_response": Cause(
        "The invite wants approval, and nobody has approved yet.", "Wait, or tell the inviter."
    ),
    "relay_unavailable": Cause("The relay was not reached.", "What was written is saved here."),
    "rate_limited": Cause("The relay asks for a slower pace.", "Wait for retry_after_ms."),
    "quota_exceeded": Cause(
        "A quota of the relay is used up; of cause `slots`, the hub has no room for one more lease:"
        " a profile has at most 256 that run in a space. The claim is saved, and provisional.",
        "Wait, or ask its operator; of leases, release or complete a task, or give this one back.",
    ),
    "subscription_required": Cause(
        "The relay asks for an access code, or the account that made the space has lapsed.",
        "Ask its operator for a code and give it to `envoy billing redeem`; until then what is "
        "written is saved here, and a lapsed space can be read for two weeks.",
    ),
    "connected_intent_unsatisfied": Cause(
        "The call asked for members on other machines; it was made on this machine only, as no"
        " relay was named or the one named did not take it.",
        NO_RELAY,
    ),
    "clock_skew_ahead": Cause("This clock is over a minute ahead of the relay.", "Set the clock."),
    "clock_skew_behind": Cause("This clock is over a minute behind the relay.", "Set the clock."),
    "object_incomplete": Cause(
        "Some chunks of the object are not here yet.", "`envoy sync`, then try again."
    ),
    "daemon_not_running": Cause(NEVER, "There is no daemon to start."),
    "send_status_unknown": Cause(NEVER, "A write either failed or is saved."),
    "state_corrupt": Cause(
        "A file of the home fails its checks: damaged, cut short or changed by hand.",
        "`envoy diagnose` names the file and the next step; keep a copy before anything else.",
    ),
    "state_access_denied": Cause(
        "A file of the home has another owner, is a link, or is open to others.",
        "`envoy diagnose` names it; give it back to this user and take rights from all others.",
    ),
    "signature_invalid": Cause(
        "A signature or seal of the file does not verify: changed, cut or made by another, or"
        " its passphrase is another one.",
        "Try its passphrase again, without one the words of who made it (`envoy restore FILE"
        " --stdin`); then get the file again from whoever made it, and compare fingerprints.",
    ),
    "audit_invalid": Cause(
        "The bundle was changed, or made by somebody who may not; first_bad names the first bad"
        " part or event, and why.",
        "Get it again from whoever made it; a bundle that fails proves nothing.",
    ),
    "relay_inconsistent": Cause(
        "The hub contradicts what it signed before, or shows another TLS key than the pinned one.",
        "Stop relying on its order; what is here stays valid, for it does not come from the hub. If"
        " its operator says, by another way, that it has a new key, `envoy space connect S --relay"
        " URL --pin SPKI` takes that.",
    ),
    "schema_too_new": Cause(
        "The home or the space was written by a newer version of Envoy.",
        "Install that version or a later one; nothing was changed.",
    ),
    "confirmation_required": Cause(
        "The act cannot be undone and there is no terminal to ask at.",
        "A person runs it at a terminal, or adds --yes.",
    ),
    "profile_locked": Cause(
        "Its passphrase was not given or is another one, or the keyring does not give its entry.",
        "A person unlocks it; secrets come by prompt or file, never by argument.",
    ),
}

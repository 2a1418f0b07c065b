"""Errors: one tree with stable codes, each with its exit status and its next action.

CODES drives every face and the reference in docs/reference/errors.md. Laws: a code is wire
contract, added but never renamed, reused or given another exit; texts hold codes and ids, never
what a member wrote and never a secret. My caller's mistake is an EnvoyError. Somebody else's bytes
that fail at the door are a RemoteFault, another tree, so that no handler takes one for the other.

Specification: docs/reference/errors.md (written from here by `make docs`).
"""

# Exit statuses: 0 done, 130 SIGINT, 141 SIGPIPE; those between are the classes below.
CODES: dict[str, tuple[int, str, str]] = {
    # code: (exit, next_action, one sentence)
    "internal": (1, "stop_and_report", "Envoy has a bug; nothing was acknowledged."),
    "storage_failed": (
        1,
        "free_space_and_retry",
        "The disk is full or failed; nothing was acknowledged.",
    ),
    "missing_required_flag": (2, "fix_arguments", "A required argument is missing."),
    "invalid_argument": (
        2,
        "fix_arguments",
        "An argument has no valid form or contradicts another.",
    ),
    "unsupported_operation": (
        2,
        "check_version",
        "This build, mode or installation does not have that operation.",
    ),
    "message_too_large": (
        2,
        "store_object_and_reference",
        "The text is longer than a message may be.",
    ),
    "object_too_large": (2, "reduce_size", "The object is larger than the space allows."),
    "field_invalid": (2, "fix_arguments", "A field does not fit the schema of its record."),
    "field_policy": (2, "ask_admin", "The policy of the space forbids this value."),
    "invalid_url": (2, "fix_arguments", "That is no address Envoy can use."),
    "unsupported_scheme": (2, "fix_arguments", "Plain HTTP is allowed on loopback only."),
    "unsupported_destination": (2, "fix_arguments", "That destination is not allowed."),
    "space_not_found": (3, "list_spaces", "No space of this profile has that id or name."),
    "space_name_ambiguous": (3, "choose_id", "Several spaces have that name."),
    "id_ambiguous": (3, "choose_id", "Several things begin with that short id."),
    "task_not_found": (3, "list_tasks", "The space has no task with that id."),
    "not_found": (3, "sync_and_retry", "Nothing with that id is known here."),
    "profile_not_found": (3, "init_profile", "This profile has no identity yet."),
    "hosted_relay_invite_not_found": (
        3,
        "ask_inviter_for_new_invite",
        "The relay knows no invite for that code.",
    ),
    "epoch_revoked": (
        4,
        "stop_and_reread_authority",
        "The authority of this profile in the space is stale or gone.",
    ),
    "read_only": (4, "request_required_capability", "This profile may only read in the space."),
    "capability_missing": (
        4,
        "request_required_capability",
        "This profile holds no grant that allows the act.",
    ),
    "capability_expired": (
        4,
        "request_required_capability",
        "The grant that allowed the act has expired.",
    ),
    "not_assignee": (4, "stop_and_report", "Another member holds the task."),
    "auth_failed": (4, "diagnose_auth_and_retry", "The relay refused the session."),
    "egress_denied": (4, "ask_human", "The configuration forbids this use of the network."),
    "outranked": (4, "ask_senior_admin", "The target stands above this profile."),
    "self_review_denied": (4, "ask_other_reviewer", "Nobody reviews work of their own."),
    "task_unassigned": (5, "claim_task_before_complete", "Nobody holds the task."),
    "task_already_claimed": (5, "pick_another_task", "Somebody else holds the task."),
    "claim_unconfirmed": (
        5,
        "sync_and_retry",
        "The hub has not confirmed the claim, which is saved and provisional.",
    ),
    "lease_expired": (5, "reclaim_task", "The tenure has lapsed and the slot is free."),
    "fence_stale": (5, "stop_and_reread_task", "A newer tenure of the task exists."),
    "needs_unmet": (5, "finish_dependencies", "The task waits for tasks that are not completed."),
    "invalid_transition": (
        5,
        "reread_state_and_retry",
        "The task cannot go there from the state it is in.",
    ),
    "review_required": (5, "wait_for_review", "The gate of the task wants more approvals."),
    "evidence_missing": (5, "add_evidence", "The gate of the task wants evidence."),
    "evidence_stale": (5, "add_evidence", "The evidence is older than what it speaks of."),
    "conflict_pending": (5, "resolve_conflict", "An open conflict stands in the way."),
    "event_not_ok": (
        5,
        "ask_admin_to_admit",
        "That event is held, void or invalid: nothing can build on it.",
    ),
    "version_conflict": (5, "reread_state_and_retry", "It has changed since that version."),
    "idempotency_mismatch": (5, "use_new_key", "That key was used for another call."),
    "invalid_invite": (
        5,
        "ask_inviter_for_new_invite",
        "The invite code is wrong, expired or revoked.",
    ),
    "invite_already_redeemed": (
        5,
        "ask_inviter_for_new_invite",
        "All uses of the invite are spent.",
    ),
    "enc_key_missing": (5, "ask_member_to_sync", "No encryption key of that member is known yet."),
    "space_local_only": (5, "connect_space", "The space lives on this machine only."),
    "space_closed": (5, "stop_and_report", "The space is closed or past its expiry."),
    "already_exists": (5, "choose_other_name", "Something with that name exists."),
    "limit_exceeded": (5, "reduce_size", "A limit is reached."),
    "clock_ahead": (5, "ask_admin", "What must be cited is dated ahead of this clock."),
    "timeout": (6, "backoff_and_retry", "The call or the lock took too long."),
    "inbox_wait_timeout": (6, "wait_again", "No item came in time."),
    "wait_timeout": (6, "wait_again", "What was waited for did not come in time."),
    "nothing_ready": (6, "wait_again", "No task is ready."),
    "hosted_relay_inviter_no_response": (6, "wait_again", "The inviter has not answered yet."),
    "relay_unavailable": (7, "backoff_and_retry", "The relay was not reached."),
    "rate_limited": (7, "backoff_and_retry", "The relay asks for a slower pace."),
    "quota_exceeded": (7, "backoff_and_retry", "A quota of the relay is used up."),
    "subscription_required": (7, "check_billing", "The relay wants an entitlement."),
    "connected_intent_unsatisfied": (
        7,
        "connect_space",
        "It was made on this machine, but not published.",
    ),
    "clock_skew_ahead": (7, "set_clock", "This clock is over a minute ahead of the relay."),
    "clock_skew_behind": (7, "set_clock", "This clock is over a minute behind the relay."),
    "object_incomplete": (7, "sync_and_retry", "Some chunks of the object are not here yet."),
    # These two are known to scripts. Envoy has no daemon and always knows what became of a write,
    # so it never answers them.
    "daemon_not_running": (7, "retry", "Never answered: there is no daemon."),
    "send_status_unknown": (7, "retry", "Never answered: the outcome of a write is always known."),
    "state_corrupt": (8, "run_diagnose", "The local state fails its checks."),
    "state_access_denied": (
        8,
        "run_diagnose",
        "Owner or modes of the Envoy home are not as they must be.",
    ),
    "signature_invalid": (8, "stop_and_report", "A signature or seal does not verify."),
    "audit_invalid": (8, "stop_and_report", "The audit bundle does not verify."),
    "relay_inconsistent": (8, "stop_and_report", "The hub contradicts what it signed before."),
    "schema_too_new": (8, "upgrade", "State or rules come from a newer version of Envoy."),
    "confirmation_required": (9, "confirm_and_rerun", "A human has to confirm this."),
    "profile_locked": (9, "ask_human", "The identity is locked."),
}

# What a door says of bytes that never become an event. They stand in quarantine rows and warnings.
DOOR_CODES = frozenset(
    {
        "malformed",
        "non_canonical",
        "too_large",
        "unknown_suite",
        "cannot_open",
        "wrong_space",
        "bad_key",
        "bad_signature",
        "bad_link",
        "unsupported",
        "epoch_box_bad",
    }
)


class EnvoyError(Exception):
    """A call that failed by its caller's mistake or by the state it met; nothing is half done.

    Raise the class that names the exit status, or ``error(code)``, which picks it. ``details`` hold
    ids, codes and numbers that a program can use, under the names of docs/reference/errors.md.
    """

    exit = 1

    def __init__(self, code: str, *, next_command: str | None = None, **details: object) -> None:
        exit_status, self.next_action, self.sentence = CODES[code]
        assert exit_status == self.exit, f"{code} belongs to exit {exit_status}, not {self.exit}"
        super().__init__(code)
        self.code = code
        self.next_command = next_command
        self.details = details

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


class InternalError(EnvoyError):
    """A bug of Envoy or a failing machine. Nothing was acknowledged."""

    exit = 1


class UsageError(EnvoyError):
    """Arguments that cannot work in any state."""

    exit = 2


class NotFoundError(EnvoyError):
    """A name or id that leads to nothing, or to several things."""

    exit = 3


class AuthorityError(EnvoyError):
    """This profile may not do that."""

    exit = 4


class ConflictError(EnvoyError):
    """The state forbids it now: somebody else was first, or something has to come before."""

    exit = 5


class WaitTimeoutError(EnvoyError):
    """What was waited for did not come."""

    exit = 6


class RelayError(EnvoyError):
    """The local half is done, the relay's half is not."""

    exit = 7

    @property
    def saved_locally(self) -> bool:
        """Say whether the call wrote something that is saved here all the same."""
        return self.code == "connected_intent_unsatisfied"


class IntegrityError(EnvoyError):
    """Something stored or received contradicts its own proof."""

    exit = 8


class NeedsHumanError(EnvoyError):
    """Only a human can go on from here."""

    exit = 9


CLASSES: dict[int, type[EnvoyError]] = {
    kind.exit: kind
    for kind in (
        InternalError,
        UsageError,
        NotFoundError,
        AuthorityError,
        ConflictError,
        WaitTimeoutError,
        RelayError,
        IntegrityError,
        NeedsHumanError,
    )
}


def error(code: str, *, next_command: str | None = None, **details: object) -> EnvoyError:
    """Return the error of the class that ``code`` belongs to, ready to raise."""
    return CLASSES[CODES[code][0]](code, next_command=next_command, **details)


class RemoteFault(Exception):
    """Foreign bytes that failed at a door, with a door code.

    Raised wherever bytes of others are read; turned into a quarantine row by replica.ingest alone,
    and into an EnvoyError by the doors for what this user typed (invite codes, files).
    """

    def __init__(self, code: str) -> None:
        assert code in DOOR_CODES, f"{code} is no door code"
        super().__init__(code)
        self.code = code

"""Envoy: durable shared work for humans and agents, across runtimes, machines and time.

Importing the package loads nothing: every command pays for what it uses and no more. The names of
the SDK are loaded when the first of them is asked for (PEP 562); `__init__.pyi` beside this file
tells type checkers what they are.
"""

__version__ = "0.1.0"

# The names of `envoy.sdk.public`; a test holds both lists against each other.
__all__ = [
    "Acked",
    "Actor",
    "AlreadyClaimedError",
    "AuthorityError",
    "Capsule",
    "Checked",
    "Client",
    "ConflictError",
    "Decision",
    "EnvoyError",
    "Event",
    "EventId",
    "Events",
    "Explanation",
    "Gate",
    "GateError",
    "Grant",
    "Handoff",
    "Handoffs",
    "Holder",
    "Inbox",
    "InboxItem",
    "IntegrityError",
    "InternalError",
    "Invite",
    "InviteId",
    "Line",
    "Member",
    "MemberId",
    "Named",
    "NeedsHumanError",
    "NewRecord",
    "NewTask",
    "NotFoundError",
    "ObjectId",
    "Objects",
    "Permissions",
    "Record",
    "RecordId",
    "Records",
    "Ref",
    "RelayError",
    "Review",
    "Reviews",
    "Said",
    "Sent",
    "Space",
    "SpaceId",
    "SpaceInfo",
    "Spaces",
    "Span",
    "Status",
    "Stored",
    "Task",
    "TaskEdit",
    "TaskId",
    "Tasks",
    "Transition",
    "Untrusted",
    "UsageError",
    "Verdict",
    "VersionConflictError",
    "WaitTimeoutError",
    "Work",
    "WorkRecord",
    "open",
]


def __getattr__(name):
    """Return a name of the SDK, loaded now."""
    if name not in __all__:
        raise AttributeError(f"module 'envoy' has no attribute {name!r}")
    from envoy.sdk import public

    found = globals()[name] = getattr(public, name)
    return found


def __dir__():
    """Return what the package gives, loaded or not."""
    return sorted({*globals(), *__all__})

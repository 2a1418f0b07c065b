"""The commands about objects: files that are shared encrypted."""

from __future__ import annotations

from envoy.cli.args import KEY, PAGE, SPACE, WRITES, Arg, Command

SHARED = Arg(
    "object", "object or reference: id or unique prefix", place=True, needed=True, word="ID"
)
TASK = Arg("task", "task that it belongs to", word="T")

ROWS: tuple[Command, ...] = (
    Command(
        "object put",
        "Share a file with a space, encrypted",
        "write.objects:put",
        (
            Arg("path", "the file; - reads stdin", place=True, needed=True, word="PATH"),
            SPACE,
            Arg("name", "what others see it as (default: the last part of PATH)", word="N"),
            Arg("media_type", "what it is (default: application/octet-stream)", word="TYPE"),
            TASK,
            Arg("pin", "keep it pinned in this copy", "switch"),
            KEY,
        ),
        "object_put",
        errors=("object_too_large", "task_not_found", "event_not_ok", *WRITES),
        more="A name is a label for people. It is never a path.",
    ),
    Command(
        "object get",
        "Write an object to a file, every byte checked",
        "write.objects:get",
        (
            SHARED,
            SPACE,
            Arg("output", "the new file; - writes to stdout", needed=True, word="PATH"),
            Arg("force", "put it in the place of a file that is there", "switch"),
        ),
        "object_get",
        errors=("object_incomplete", "already_exists", "event_not_ok", "signature_invalid"),
    ),
    Command(
        "object list",
        "List what was shared, newest page first",
        "read.objects:listed",
        (SPACE, TASK, *PAGE),
        "objects",
        errors=("task_not_found",),
    ),
    Command(
        "object pin",
        "Pin an object in this copy alone",
        "write.objects:pin",
        (SHARED, SPACE),
        "object_changed",
    ),
    Command(
        "object unpin",
        "Pin it no longer",
        "write.objects:unpin",
        (SHARED, SPACE),
        "object_changed",
    ),
    Command(
        "object retract",
        "Take an object back; copies elsewhere remain",
        "write.objects:retract",
        (SHARED, SPACE, Arg("reason", "why, for everybody to read", word="R"), KEY),
        "object_changed",
        errors=WRITES,
        more="One's own, or as an admin anybody's.",
    ),
)

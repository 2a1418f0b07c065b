"""The commands that look after a home, and after how spaces are shown to this profile alone."""

from __future__ import annotations

from envoy.cli.args import SPACE, Arg, Command

ROWS: tuple[Command, ...] = (
    Command(
        "backup",
        "Write this profile into one encrypted file",
        "write.upkeep:backup",
        (
            Arg("out", "the file (default: envoy-backup-DATE.envoy)", word="F"),
            Arg("all", "every profile of this home, and the hub", "switch"),
        ),
        "backup",
        errors=("already_exists",),
        more="It opens with the 24 words, or with the passphrase of --passphrase-file.",
    ),
    Command(
        "restore",
        "Put a backup into its place; it goes on as a copy",
        "write.upkeep:restore",
        (
            Arg("file", "the backup", place=True, needed=True),
            Arg("replace", "set a profile that is there aside", "switch"),
            Arg("stdin", "read the 24 words of who made it from stdin", "switch"),
        ),
        "restore",
        errors=("already_exists", "signature_invalid"),
        more="Nothing is overwritten: a hub that is there stays, a profile is set aside. "
        "--passphrase-file opens a backup with a passphrase; the 24 words, asked for or by "
        "--stdin, open the others, and so does this profile if it made them.",
    ),
    Command(
        "reset",
        "Clear this profile; the hub and other profiles stay",
        "write.upkeep:reset",
        (
            Arg("backup", "set it aside, which is so unless told otherwise", "switch"),
            Arg("no_backup", "delete it for good", "switch"),
        ),
        "reset",
        errors=("confirmation_required",),
        more="Asks first, unless --yes is given.",
    ),
    Command(
        "space forget",
        "Remove this copy of a space; others keep theirs",
        "write.upkeep:forget",
        (SPACE,),
        "changed",
        errors=("confirmation_required", "relay_unavailable"),
        more="A new invite brings it back.",
    ),
    Command(
        "space mute",
        "Keep a space out of counts, inbox and streams",
        "write.upkeep:mute",
        (SPACE,),
        "changed",
        more="Commands that name the space show it as ever.",
    ),
    Command("space unmute", "Hear a space again", "write.upkeep:unmute", (SPACE,), "changed"),
    Command("space pin", "Show a space before others", "write.upkeep:pin", (SPACE,), "changed"),
    Command("space unpin", "Show it in its place", "write.upkeep:unpin", (SPACE,), "changed"),
)

"""The commands on the keys of an identity: its words, its lock, its way out of a home and back."""

from __future__ import annotations

from envoy.cli.args import NAME, Arg, Command
from envoy.cli.tables.home import RECOVERY

NEW_PASSPHRASE = Arg(
    "new_passphrase_file", "read the new passphrase from this file; - is stdin", word="PATH"
)
SECRETS = ("confirmation_required", "unsupported_operation")

ROWS: tuple[Command, ...] = (
    Command(
        "recover",
        "Get an identity and its spaces back from its 24 words",
        "write.keys:recover",
        (
            Arg("stdin", "read the words from stdin", "switch"),
            NAME._replace(say="how others see me (default: as my spaces know me)"),
        ),
        "recovered",
        errors=("already_exists", "confirmation_required"),
        more="Words come by prompt or --stdin, never as arguments. Repeat it to look for spaces "
        "that the hub of this machine did not have the first time.",
    ),
    Command(
        "identity rename",
        "Be called otherwise, here and in every space",
        "write.keys:rename",
        (Arg("name", "the new name", place=True, needed=True, word="N"),),
        "identity_renamed",
    ),
    Command(
        "identity export",
        "Write the identity into an encrypted file",
        "write.keys:export",
        (
            Arg("file", "the new file (default: identity-export-DATE.envoy-id)", word="F"),
            NEW_PASSPHRASE,
        ),
        "identity_exported",
        errors=("already_exists", "confirmation_required"),
        more="The passphrase of the file is asked for, or read from --new-passphrase-file, else "
        "from --passphrase-file. The file holds no messages: `envoy backup` does.",
    ),
    Command(
        "identity import",
        "Take in an identity from an encrypted file",
        "write.keys:take_in",
        (
            Arg("file", "a file that `identity export` wrote", place=True, needed=True, word="F"),
            Arg("replace", "put the identity that is here aside", "switch"),
        ),
        "recovered",
        errors=("already_exists", "signature_invalid"),
        more="--passphrase-file opens the file. A profile that is replaced is moved, not deleted.",
    ),
    Command(
        "identity recovery",
        "Show the 24 recovery words again",
        "write.keys:recovery_words",
        (RECOVERY,),
        "identity_recovery",
        errors=("already_exists", "confirmation_required"),
    ),
    Command(
        "identity lock",
        "Lock the identity and its database, or unlock both",
        "write.keys:lock",
        (
            Arg(
                "mode",
                "none, passphrase or keyring",
                "choice",
                place=True,
                needed=True,
                choices=("none", "passphrase", "keyring"),
            ),
            NEW_PASSPHRASE,
        ),
        "identity_lock",
        errors=SECRETS,
        more="`passphrase` on a profile that has one changes it. --passphrase-file unlocks what is "
        "locked; on a profile without lock it is the new passphrase.",
    ),
)

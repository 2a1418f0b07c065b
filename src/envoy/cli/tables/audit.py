"""The commands that let somebody check a space: overview, fingerprint, report, bundle."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import MEMBER, SPACE, Arg, Command

OF_MEMBER = Arg("member", MEMBER, word="M")
VIEW = Arg("view", "also write a page, PROV-JSON and statements into the new directory", word="DIR")

ROWS: tuple[Command, ...] = (
    Command(
        "audit",
        "Show what this copy of a space holds, and what it lacks",
        "read.audit:overview",
        (SPACE,),
        "audit",
        more="It counts what is here and judged already; `envoy diagnose --deep` judges it again.",
    ),
    Command(
        "audit fingerprint",
        "Show one value for all events of a space, to compare with another member",
        "write.audit:fingerprint",
        (SPACE,),
        "audit_fingerprint",
        more="Equal values mean equal sets of events. Nothing else shows that a hub keeps the"
        " newest ones from one of you.",
    ),
    Command(
        "audit report",
        "Tell what a member did, might do and could read, or everybody",
        "write.audit:report",
        (
            SPACE,
            OF_MEMBER,
            Arg("task", "only what is about this task", word="T"),
            Arg("since", "only what is younger, as 7d", "span", word="SPAN"),
            Arg(
                "limit",
                "acts shown, the newest",
                "int",
                default=limits.LIST_ROWS_DEFAULT,
                least=1,
                most=limits.ROWS_MAX,
                word="N",
            ),
        ),
        "audit_report",
        errors=("task_not_found",),
        more="Ages are by the clocks of the authors. Grants and epochs are told whole: they hold"
        " for every task.",
    ),
    Command(
        "audit export",
        "Write a signed bundle that anybody can verify offline",
        "write.audit:export",
        (
            SPACE,
            Arg("output", "the new file", needed=True, also=("--out",), word="FILE"),
            Arg("redact", "leave hashes in the place of: bodies, objects", "list", word="LIST"),
            OF_MEMBER,
            Arg("task", "show only what is about this task", word="T"),
            Arg("since", "show only what is younger, as 7d", "span", word="SPAN"),
            VIEW,
        ),
        "audit_export",
        errors=("already_exists", "epoch_revoked", "task_not_found", "audit_invalid"),
        more="What decides authority is always shown; what is withheld leaves its hash and its"
        " place. The file is plain: whoever has it reads what it shows. No key of the space is in"
        " it.",
    ),
    Command(
        "audit verify",
        "Check a bundle, with nothing but the file",
        "write.audit:verify",
        (Arg("file", "the bundle", place=True, needed=True), VIEW),
        "audit_verify",
        errors=("audit_invalid", "already_exists"),
        more="Asks no profile, hub or network. Every event is opened, verified and judged again;"
        " the first bad one is named.",
    ),
)

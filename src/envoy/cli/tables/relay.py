"""The commands of whoever runs a relay, and those about an account at one."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import Arg, Command

DATA = Arg("data", "directory of the relay", default="./relay", word="DIR")
PIN = Arg("pin", "SHA-256 of the relay's TLS key, if it vouches for itself", word="SPKI")
TO = Arg("to", "the new directory", needed=True, word="DIR", also=("--out",))
# What `init` writes down and `serve` may say otherwise.
SETUP = (
    DATA,
    Arg("listen", "address and port (127.0.0.1:8787)", word="HOST:PORT"),
    Arg("admin_listen", "where metrics and health are: unix:PATH or a loopback port", word="PLACE"),
    Arg("provider", "who may use it: none asks nobody", "choice", choices=("none", "token")),
    Arg("domain", "its public name; writes a Caddyfile", word="NAME"),
    Arg("tls_cert", "certificate chain, PEM", word="FILE"),
    Arg("tls_key", "its key, PEM", word="FILE"),
    Arg("lan", "make a certificate and print its pin", "switch"),
    Arg("trusted_proxy", "whose X-Forwarded-For is believed", word="ADDRESSES"),
    Arg("open", "let everybody in for nothing, also from elsewhere", "switch"),
)
# What comes of asking a relay at all.
REACHED = ("relay_unavailable", "relay_inconsistent", "rate_limited", "egress_denied")
REFUSALS = ("unsupported_operation", "unsupported_scheme", "unsupported_destination")

ROWS: tuple[Command, ...] = (
    Command(
        "relay init",
        "Make the directory of a relay: settings, keys, the first access code",
        "write.relay:init",
        SETUP,
        "relay_init",
        errors=("already_exists",),
        more="A relay for this machine asks nobody; one for others asks for an access code, unless"
        " --provider none and --open are given.",
    ),
    Command(
        "relay serve",
        "Run a relay until SIGINT or SIGTERM",
        "write.serving:serve",
        (*SETUP, Arg("unsafe", "start although a check says no; every client is told", "switch")),
        "relay_serving",
        errors=REFUSALS,
        stream=True,
        more="One line says where it is, when it answers; its journal goes to stderr, one JSON"
        " object a line, without identifiers. Needs the extra: pip install 'envoy-space[relay]'.",
    ),
    Command(
        "relay doctor",
        "Check a relay: files, disk, database, spaces, its address from outside",
        "write.relay:doctor",
        (DATA,),
        "diagnose",
        more="May run beside the relay. Exit 8 if something has to be repaired.",
    ),
    Command(
        "relay backup",
        "Copy a relay into a new directory, also while it serves",
        "write.relay:backup",
        (DATA, TO),
        "relay_copy",
        errors=("already_exists",),
        more="The copy holds the relay's key: keep it as you keep the relay.",
    ),
    Command(
        "relay restore",
        "Put a copy into its place, as another instance",
        "write.relay:restore",
        (Arg("copy", "the directory of the copy", place=True, needed=True, word="DIR"), DATA),
        "relay_copy",
        errors=("already_exists",),
        more="Clients compare with it and send what it lacks; all sessions begin anew.",
    ),
    Command(
        "relay token",
        "Mint, list or revoke access codes",
        "write.relay:token",
        (
            Arg(
                "act",
                "what to do",
                "choice",
                place=True,
                default="mint",
                choices=("mint", "list", "revoke"),
            ),
            Arg("code_id", "the code to revoke, as the list names it", place=True, word="ID"),
            DATA,
            Arg("plan", "plan of plans.toml (the first)", word="NAME"),
            Arg("days", "how long it is good for once redeemed, as 365d (for ever)", "span",
                word="SPAN"),
            Arg("ttl", "how long it can be redeemed", "span", default=30 * 86_400_000, least=1,
                word="SPAN"),
            Arg("count", "how many", "int", default=1, least=1, most=limits.RELAY_CODES_MAX,
                word="N"),
        ),
        "relay_token",
        more="A code is shown once. Revoking ends what was given for it: its spaces are read only"
        " for 14 days, and deleted after 44.",
    ),
    Command(
        "billing plans",
        "List what a relay offers",
        "write.billing:plans",
        (PIN,),
        "billing_plans",
        errors=REACHED,
    ),
    Command(
        "billing status",
        "Show how my account stands at a relay",
        "write.billing:status",
        (PIN,),
        "billing_status",
        errors=(*REACHED, "auth_failed"),
        more="The relay is that of --relay-url, else the only one that a space here is on. It knows"
        " an account by a key of its own, not by an identity.",
    ),
    Command(
        "billing redeem",
        "Give my account what an access code is good for",
        "write.billing:redeem",
        (Arg("code", "the code; - reads it from stdin", place=True, needed=True), PIN),
        "billing_status",
        errors=(
            *REACHED, "auth_failed",
            "unsupported_operation",
        ),
    ),
)  # fmt: skip

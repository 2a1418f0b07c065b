"""Examples: one to three command lines for each command, as somebody would type them.

Who looks at a help wants to copy a line, not to put one together from a grammar. Ids, codes and
names in them are examples: a test runs the parser on each, so none can go out of date unseen.

Loaded by `help` and by the tools that write references and man pages, by no other command.
"""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    # -- home ---------------------------------------------------------------------------------
    "help": ("envoy help", "envoy help task", "envoy help task claim"),
    "version": ("envoy version",),
    "status": ("envoy status", "envoy status --json"),
    "quickstart": (
        "envoy quickstart --human --name Ada",
        "envoy quickstart --agent --space-name bughunt --reusable --json",
        "envoy quickstart --recovery-output file:words.txt",
    ),
    "init": ("envoy init --human --name Ada", "envoy --profile work init --lock passphrase"),
    "identity create": ("envoy identity create a1 --agent",),
    "identity list": ("envoy identity list",),
    "identity use": ("envoy identity use a1",),
    "identity rename": ("envoy identity rename 'Ada L.'",),
    "identity export": ("envoy identity export", "envoy identity export --file ada.envoy-id"),
    "identity import": (
        "envoy identity import ada.envoy-id",
        "envoy --profile ada2 identity import ada.envoy-id",
    ),
    "identity recovery": ("envoy identity recovery --recovery-output file:words.txt",),
    "identity lock": ("envoy identity lock passphrase", "envoy identity lock none"),
    "recover": ("envoy recover", "envoy recover --stdin --name Ada"),
    "fingerprint": ("envoy fingerprint", "envoy fingerprint --with @a1"),
    "diagnose": ("envoy diagnose", "envoy diagnose --deep"),
    "diagnose time": ("envoy diagnose time", "envoy diagnose time --json"),
    "backup": ("envoy backup", "envoy backup --all --out home.envoy"),
    "restore": ("envoy restore home.envoy", "envoy restore home.envoy --stdin --replace"),
    "reset": ("envoy reset", "envoy --yes reset --no-backup"),
    # -- spaces -------------------------------------------------------------------------------
    "spaces": ("envoy spaces",),
    "space create": (
        "envoy space create bughunt",
        "envoy space create sprint --expires 7d --description 'until the release'",
    ),
    "space update": ("envoy space update bughunt --name 'bug hunt'",),
    "space close": ("envoy space close bughunt --dry-run", "envoy space close bughunt"),
    "space connect": ("envoy space connect bughunt --relay https://relay.example",),
    "space attach": ("envoy space attach SPACE --relay https://relay.example",),
    "space members": ("envoy space members bughunt",),
    "space mute": ("envoy space mute bughunt",),
    "space unmute": ("envoy space unmute bughunt",),
    "space pin": ("envoy space pin bughunt",),
    "space unpin": ("envoy space unpin bughunt",),
    "space forget": ("envoy space forget bughunt",),
    "roster": ("envoy roster bughunt",),
    "permissions": ("envoy permissions bughunt", "envoy permissions bughunt --member @a1"),
    "invite": (
        "envoy invite bughunt",
        "envoy invite bughunt --max-uses 3 --ttl 1h",
        "envoy invite bughunt --role read --mode approve",
    ),
    "invites list": ("envoy invites list bughunt",),
    "invites revoke": ("envoy invites revoke bughunt inv_k3q7ma",),
    "invites rotate": ("envoy invites rotate bughunt inv_k3q7ma --role write",),
    "invites pending": ("envoy invites pending bughunt",),
    "invites approve": ("envoy invites approve req_k3q7ma bughunt",),
    "join": (
        "envoy join 7K3D-2QWE-9RTY-4UPA-6SDF-8GHJ",
        "envoy --profile a1 join --agent --name a1 7K3D-2QWE-9RTY-4UPA-6SDF-8GHJ",
    ),
    # -- authority ----------------------------------------------------------------------------
    "space role": (
        "envoy space role bughunt --member @a1 --role read --dry-run",
        "envoy space role bughunt --member @ada --role admin",
    ),
    "space remove": (
        "envoy space remove bughunt @a1 --dry-run",
        "envoy space remove bughunt @a1 --reason 'key was stolen'",
    ),
    "space leave": ("envoy space leave bughunt",),
    "space rotate": ("envoy space rotate bughunt",),
    "space policy": (
        "envoy space policy bughunt",
        "envoy space policy bughunt --reviews 1 --no-self-review",
        "envoy space policy bughunt --require-evidence test --lease 30m",
    ),
    "revoke": ("envoy revoke bughunt grant_k3q7ma --reason 'no longer needed'",),
    "delegate": (
        "envoy delegate bughunt @a1 --verb write --scope task:task_t7f2kq --ttl 2h",
        "envoy delegate bughunt @a1 --verb read",
    ),
    "agent revoke": ("envoy agent revoke @a1 --reason 'ran wild'",),
    "can": ("envoy can @a1 write bughunt", "envoy can @me grant bughunt"),
    "why": ("envoy why msg_w8k2pd",),
    "quarantine list": ("envoy quarantine list bughunt",),
    "quarantine show": ("envoy quarantine show msg_w8k2pd",),
    "quarantine admit": ("envoy quarantine admit msg_w8k2pd --reason 'it was honest work'",),
    "card publish": (
        "envoy card publish --capabilities python,review",
        "envoy card publish --space bughunt --version 2.1.0",
    ),
    "card show": ("envoy card show", "envoy card show --agent @a1"),
    "card list": ("envoy card list bughunt",),
    # -- agents -------------------------------------------------------------------------------
    "hooks list": ("envoy hooks list",),
    "hooks install": (
        "envoy hooks install claude-code --dry-run",
        "envoy --profile a1 hooks install codex --scope project",
        "envoy install any",
    ),
    "hooks uninstall": ("envoy hooks uninstall claude-code",),
    "hooks check": ("envoy hooks check gemini",),
    "hook session-start": ("envoy hook session-start",),
    "hook user-prompt": ("envoy hook user-prompt --runtime gemini",),
    "hook stop": ("envoy hook stop --json",),
    "hook pre-compact": ("envoy hook pre-compact",),
    "hook session-end": ("envoy hook session-end",),
    # -- talk ---------------------------------------------------------------------------------
    "send": (
        "envoy send 'root cause found' --space bughunt",
        "envoy send --body-file notes.md --reply-to msg_q2h8zr",
        "envoy send --poll-question 'Which parser?' --poll-options old,new",
    ),
    "message redact": ("envoy message redact msg_q2h8zr --reason 'held a password'",),
    "history": (
        "envoy history bughunt --limit 20",
        "envoy history bughunt --task task_t7f2kq",
        "envoy history bughunt --thread msg_q2h8zr --kinds message",
    ),
    "search": ("envoy search 'off by one'", "envoy search parser --space bughunt"),
    "inbox count": ("envoy inbox", "envoy inbox count --tasks"),
    "inbox read": ("envoy inbox read", "envoy inbox read --wait --wait-timeout 60 --json"),
    "inbox ack": ("envoy inbox ack --space bughunt --up-to-cursor 42",),
    "inbox read-ack": ("envoy inbox read-ack --space bughunt",),
    "listen": ("envoy listen bughunt", "envoy listen --all --exclude-self --no-history"),
    "events": ("envoy events bughunt --json --since 42 --watch-timeout 60",),
    "wait": (
        "envoy wait --for mention --timeout 60",
        "envoy wait --for task:task_t7f2kq:completed --timeout 600",
    ),
    "sync": ("envoy sync", "envoy sync bughunt --verify"),
    # -- tasks --------------------------------------------------------------------------------
    "task list": (
        "envoy task list",
        "envoy task list --space bughunt --board",
        "envoy task list --mine --status in_progress",
    ),
    "task show": ("envoy task show task_t7f2kq",),
    "task create": (
        "envoy task create 'Repro crash in parser' --priority 0",
        "envoy task create --space bughunt --title Postmortem --body-file notes.md",
        "envoy task create 'Ship it' --needs task_t7f2kq --due 7d --label release",
    ),
    "task claim": (
        "envoy task claim task_t7f2kq",
        "envoy task claim task_t7f2kq --require confirmed --lease 30m",
    ),
    "task release": ("envoy task release task_t7f2kq --note 'needs a Mac'",),
    "task assign": ("envoy task assign task_t7f2kq @a1",),
    "task set": (
        "envoy task set task_t7f2kq in_progress",
        "envoy task set task_t7f2kq blocked --note 'waits for a key'",
    ),
    "task submit": ("envoy task submit task_t7f2kq --evidence rec_m4c1tt",),
    "task complete": (
        "envoy task complete task_t7f2kq --note 'off by one, fixed'",
        "envoy task complete task_t7f2kq --evidence msg_q2h8zr",
    ),
    "task edit": (
        "envoy task edit task_t7f2kq --priority 1 --label parser",
        "envoy task edit task_t7f2kq --due none --needs=",
    ),
    "task ready": ("envoy task ready", "envoy task ready --claim --label parser --json"),
    "task heartbeat": ("envoy task heartbeat task_t7f2kq --lease 30m",),
    "task cancel": ("envoy task cancel task_t7f2kq --reason 'a duplicate'",),
    "task reopen": ("envoy task reopen task_t7f2kq --reason 'it crashes again'",),
    "work-record": ("envoy work-record", "envoy work-record bughunt --json"),
    # -- records ------------------------------------------------------------------------------
    "run": (
        "envoy run --task task_t7f2kq -- pytest -q",
        "envoy run --task task_t7f2kq --type build --keep-output -- make",
    ),
    "record add": (
        "envoy record add evidence 'the test passes' --task task_t7f2kq --type test",
        "envoy record add decision 'we keep the old parser' --space bughunt",
    ),
    "record list": ("envoy record list bughunt", "envoy record list --task task_t7f2kq"),
    "record show": ("envoy record show rec_m4c1tt",),
    "record retract": ("envoy record retract rec_m4c1tt --reason 'the wrong run'",),
    "review list": ("envoy review list", "envoy review list bughunt --all"),
    "review show": ("envoy review show task_t7f2kq",),
    "review approve": ("envoy review approve task_t7f2kq --note 'read and tested'",),
    "review request-changes": (
        "envoy review request-changes task_t7f2kq --note 'a test is missing'",
    ),
    "review reject": ("envoy review reject task_t7f2kq --note 'it is not a bug'",),
    # -- objects ------------------------------------------------------------------------------
    "object put": (
        "envoy object put crash.log --space bughunt",
        "envoy object put crash.log --task task_t7f2kq --media-type text/plain",
    ),
    "object get": ("envoy object get obj_k3q7ma --output crash.log",),
    "object list": ("envoy object list bughunt",),
    "object pin": ("envoy object pin obj_k3q7ma",),
    "object unpin": ("envoy object unpin obj_k3q7ma",),
    "object retract": ("envoy object retract obj_k3q7ma --reason 'the wrong file'",),
    # -- guides -------------------------------------------------------------------------------
    "onboarding": ("envoy onboarding", "envoy onboarding --agent"),
    "docs": ("envoy docs",),
    "explain": ("envoy explain task_already_claimed",),
    "schema": ("envoy schema", "envoy schema task"),
    "completion": ("envoy completion bash", "envoy completion zsh"),
    "config show": ("envoy config show",),
    "daemon list": ("envoy daemon list",),
    "daemon status": ("envoy daemon status",),
    "daemon cleanup": ("envoy daemon cleanup",),
    # -- handoffs -----------------------------------------------------------------------------
    "handoff create": (
        "envoy handoff create task_t7f2kq --to @a2 --next 'run the parser again'",
        "envoy handoff create task_t7f2kq --next bisect --evidence rec_m4c1tt",
    ),
    "handoff accept": ("envoy handoff accept rec_h5d2wn --space bughunt",),
    "handoff verify": ("envoy handoff verify rec_h5d2wn --space bughunt",),
    # -- conflicts and references -------------------------------------------------------------
    "conflicts list": ("envoy conflicts list", "envoy conflicts list bughunt --mine"),
    "conflicts show": ("envoy conflicts show cfl_r4t6ya",),
    "conflicts resolve": (
        "envoy conflicts resolve cfl_r4t6ya --keep evt_q7w2ra --note 'we keep the first'",
        "envoy conflicts resolve cfl_r4t6ya --keep @a1",
    ),
    "provenance": (
        "envoy provenance rec_m4c1tt",
        "envoy provenance task_t7f2kq --direction forward --depth 2",
    ),
    # -- audit --------------------------------------------------------------------------------
    "audit": ("envoy audit", "envoy audit bughunt --json"),
    "audit fingerprint": ("envoy audit fingerprint bughunt",),
    "audit report": ("envoy audit report bughunt", "envoy audit report --member @a1 --json"),
    "audit export": (
        "envoy audit export bughunt --output bughunt.envoy-audit --view bughunt-audit",
        "envoy audit export --output task.envoy-audit --task task_t7f2kq --redact objects",
    ),
    "audit verify": (
        "envoy audit verify bughunt.envoy-audit",
        "envoy audit verify bughunt.envoy-audit --view bughunt-audit --json",
    ),
    # -- relay --------------------------------------------------------------------------------
    "relay init": ("envoy relay init", "envoy relay init --domain relay.example.org"),
    "relay serve": ("envoy relay serve", "envoy relay serve --lan", "envoy relay serve --json"),
    "relay doctor": ("envoy relay doctor", "envoy relay doctor --data /srv/relay --json"),
    "relay backup": ("envoy relay backup --to copy",),
    "relay restore": ("envoy relay restore copy --data relay2",),
    "relay token": (
        "envoy relay token --days 365d --count 5",
        "envoy relay token list",
        "envoy relay token revoke 4f2a91c07be3",
    ),
    "billing plans": ("envoy billing plans --relay-url https://relay.example.org",),
    "billing status": ("envoy billing status",),
    "billing redeem": ("envoy billing redeem -",),
}

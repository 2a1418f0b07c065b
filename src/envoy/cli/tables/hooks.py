"""The commands that put Envoy into the runtimes of agents, and those that the runtimes call."""

from __future__ import annotations

from envoy.cli.args import Arg, Command

RUNTIMES = ("claude-code", "codex", "gemini", "cursor", "vscode", "any")
CALLING = ("claude-code", "codex", "gemini", "cursor")
HOOKS = {
    "session-start": "Tell a session that begins where it stands",
    "user-prompt": "Tell a session what is unread, if that is new",
    "stop": "Warn a session once of a task without a note",
    "pre-compact": "Keep what a session holds, before its context is cut",
    "session-end": "Give back what a session holds",
}
RUNTIME = Arg("runtime", "which runtime", "choice", True, True, choices=RUNTIMES)
SCOPE = Arg(
    "scope",
    "the files of the user, or of the directory this runs in",
    "choice",
    default="user",
    choices=("user", "project"),
)
DRY_RUN = Arg("dry_run", "show the changes as a diff; write nothing", "switch")
PROMPTS = Arg("prompts", "also tell at each prompt what is new", "switch")
FILE_ERRORS = ("already_exists", "version_conflict", "unsupported_operation")

ROWS: tuple[Command, ...] = (
    Command(
        "hooks list",
        "List the runtimes, and where Envoy is installed",
        "write.hooks:listing",
        (),
        "hooks_list",
    ),
    Command(
        "hooks install",
        "Put server, hooks and words of Envoy into the files of a runtime",
        "write.hooks:install",
        (RUNTIME, SCOPE, PROMPTS, DRY_RUN),
        "hooks",
        errors=FILE_ERRORS,
        also=("install",),
        more="Comments, order and every other byte of a file stay. A copy of each changed file lies"
        " beside it, as NAME.envoy.bak.",
    ),
    Command(
        "hooks uninstall",
        "Take what is Envoy's out of the files of a runtime",
        "write.hooks:uninstall",
        (RUNTIME, SCOPE, DRY_RUN),
        "hooks",
        errors=FILE_ERRORS,
        more="A file that nobody has edited since gets its bytes from before back; an edited one"
        " keeps the edits.",
    ),
    Command(
        "hooks check",
        "Check what is installed: files, a hook, a talk with the server",
        "write.hooks:check",
        (RUNTIME, SCOPE),
        "hooks_check",
        errors=("unsupported_operation",),
    ),
    *(
        Command(
            f"hook {name}",
            say,
            f"read.hook:{name.replace('-', '_')}",
            (
                Arg(
                    "runtime",
                    "whose form the answer has",
                    "choice",
                    default="claude-code",
                    choices=CALLING,
                ),
            ),
            "hook",
            more="Called by a runtime, with its JSON on stdin. As the first word `hook` fails open:"
            " whatever is wrong, exit 0 and silence; with --json it tells.",
        )
        for name, say in HOOKS.items()
    ),
)

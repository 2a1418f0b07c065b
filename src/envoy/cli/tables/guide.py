"""The commands that explain: to begin, to complete words in a shell, to look up a code."""

from __future__ import annotations

from envoy.cli.args import Arg, Command

SHELLS = ("bash", "zsh", "tcsh", "fish")

ROWS: tuple[Command, ...] = (
    Command(
        "onboarding",
        "Show how to begin, for a person or for an agent",
        "read.guide:onboarding",
        (Arg("agent", "the guide that an agent needs", "switch"),),
        "guide",
        more="The guide for agents is text for a model: give it to one that shall use Envoy.",
    ),
    Command("docs", "List the documents and where they lie", "read.guide:docs", (), "guide"),
    Command(
        "explain",
        "Explain an error code: what leads to it and what helps",
        "read.guide:explain",
        (Arg("code", "code, as in error[task_already_claimed]", place=True, needed=True),),
        "explain",
    ),
    Command(
        "schema",
        "Print the JSON Schema of an answer, or the names of all",
        "read.guide:schema",
        (Arg("name", "name without envoy. and version, such as task", place=True),),
        "schema",
    ),
    Command(
        "completion",
        "Print the completion script of a shell",
        "read.guide:completion",
        (Arg("shell", "which shell", "choice", True, True, choices=SHELLS),),
        "completion",
        more="For bash: envoy completion bash > ~/.local/share/bash-completion/completions/envoy",
    ),
    Command(
        "config show",
        "Show the settings in force, and who set each",
        "read.guide:settings",
        (),
        "config",
    ),
    *(
        Command(
            f"daemon {verb}",
            "Kept for scripts: there is no daemon",
            "read.guide:daemon",
            (
                Arg("root", "taken and not used", word="DIR"),
                Arg("temp", "taken and not used", "switch"),
                Arg("dry_run", "taken and not used", "switch"),
            ),
            "daemon",
        )
        for verb in ("list", "status", "cleanup")
    ),
)

"""Answers: what a hook says to its runtime, in the form of that runtime.

Context that a hook gives reads as trusted, so nothing a member wrote is ever in it: ids, states,
counts, times and commands are all there is, and a test looks at every word that gets here.

Specification: docs/spec/hooks.md, Answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy import limits

Json = dict[str, object]

# What runtimes call the moment, where the answer has to repeat it.
MOMENTS: Mapping[str, Mapping[str, str]] = {
    "gemini": {"session-start": "SessionStart", "user-prompt": "BeforeAgent"},
    "codex": {"session-start": "SessionStart", "user-prompt": "UserPromptSubmit"},
    "claude-code": {"session-start": "SessionStart", "user-prompt": "UserPromptSubmit"},
}
CUT = "\nmore: envoy status"


def shortened(text: str) -> str:
    """Return ``text`` as long as a hook may be, cut at the end of a line."""
    if len(text) <= limits.HOOK_CONTEXT_CHARS_MAX:
        return text
    room = text[: limits.HOOK_CONTEXT_CHARS_MAX - len(CUT)]
    return room[: room.rfind("\n")] + CUT


def context(runtime: str, name: str, text: str, *, session: str | None) -> Json:
    """Return what gives ``text`` to the model; ``session``: a name that it has to be told."""
    if runtime == "cursor":
        more: Json = {} if session is None else {"env": {"ENVOY_SESSION": session}}
        return {"additional_context": text, **more}
    moment = MOMENTS.get(runtime, MOMENTS["claude-code"])[name]
    return {"hookSpecificOutput": {"hookEventName": moment, "additionalContext": text}}


def go_on(runtime: str, text: str) -> Json:
    """Return what lets the model go on once more, with ``text``."""
    if runtime == "cursor":
        return {"followup_message": text}
    return {"decision": "deny" if runtime == "gemini" else "block", "reason": text}

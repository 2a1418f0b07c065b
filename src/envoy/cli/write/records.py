"""Records: hand work in, and judge what was handed in."""

from __future__ import annotations

from envoy.cli.args import Answer, Call
from envoy.cli.write import typed, work
from envoy.errors import UsageError
from envoy.replica.actions import names, reviews
from envoy.views import rows


def submit(call: Call) -> Answer:
    """Hand the work in for review."""
    note, key = typed.given(call.args, "note") or "", typed.key(call.args)
    shown = call.args.items("evidence")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        evidence = names.events(replica, shown)
        return reviews.submit(replica, task, summary=note, evidence=evidence, key=key)

    return work.changed(call, "submit", act)


def approve(call: Call) -> Answer:
    """Approve what was handed in."""
    return judged(call, "approve", note=typed.given(call.args, "note"))


def request_changes(call: Call) -> Answer:
    """Ask for changes."""
    return judged(call, "request_changes", note=needed(call))


def reject(call: Call) -> Answer:
    """Reject what was handed in."""
    return judged(call, "reject", note=needed(call))


def needed(call: Call) -> str:
    """Return the note, without which nobody would know what to change."""
    note = typed.given(call.args, "note")
    if not note:
        raise UsageError("missing_required_flag", argument="--note", expected=["--note"])
    return note


def judged(call: Call, verdict: str, *, note: str | None) -> Answer:
    """Give a verdict and answer with what it changed."""
    key, shown = typed.key(call.args), call.args.items("evidence")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        evidence = names.events(replica, shown)
        return reviews.review(replica, task, verdict, note=note, evidence=evidence, key=key)

    return work.changed(call, verdict, act)

"""Work state worth handing over: who died, what is enough, what met, who goes on, what is proved.

Five scenes after the package is mended, each with its own task. Time passes in one of them: the
commands that follow have a clock that runs ahead, so nobody waits for a lease to end.
"""

from __future__ import annotations

from pathlib import Path

from stage import Json, Stage

SHORT = 13
LEASE_AND_GRACE_SECONDS = 100  # of a lease of a minute
CHANGELOG = "Write the changelog"


class Workstate:
    """The scenes. ``code`` lets in whoever redeems it."""

    def __init__(self, stage: Stage, *, space: str, code: str) -> None:
        self.stage = stage
        self.space = space
        self.code = code

    def play(self) -> None:
        """Play all scenes."""
        task = self.agent_dies()
        self.takes_over(task)
        self.gate_refuses_and_accepts()
        self.apart_and_merged()
        self.handed_over(task)
        self.bundle()

    def task(self, *words: str) -> str:
        """Let the lead make a task and return what is enough to name it."""
        made = self.stage.envoy(
            *("lead", "task", "create", "--space", self.space, *words),
            shows=lambda new: f"{new['task_id'][:SHORT]} {new['title']}",
        )
        return str(made["task_id"])[:SHORT]

    def claim(self, who: str, task: str, *words: str) -> Json:
        """Let ``who`` claim a task for certain."""
        return self.stage.envoy(
            *(who, "task", "claim", task, "--space", self.space, "--require", "confirmed", *words),
            shows=lambda new: f"{new['claim_state']} #{new['fence']}",
        )

    def join(self, who: str) -> None:
        """Let ``who`` in."""
        self.stage.envoy(
            *(who, "join", self.code, "--agent", "--name", who),
            shows=lambda new: f"{new['join_state']} of {new['space_name']}",
        )

    # -- an agent dies ------------------------------------------------------------------------

    def agent_dies(self) -> str:
        """Let an agent take a task, live by heartbeats, and be killed; return the task."""
        stage = self.stage
        stage.scene("An agent takes a task, is killed at work, and its lease runs on")
        self.join("a3")
        task = self.task(CHANGELOG)
        self.claim("a3", task, "--lease", "1m")
        stage.envoy(
            *("a3", "send", "two entries are written", "--space", self.space, "--task-id", task),
            shows=lambda new: f"{new['message_id'][:SHORT]} {new['local_durability']}",
        )
        beats = stage.alive("a3", "task", "heartbeat", task, "--space", self.space, "--lease", "1m")
        stage.claim("it shows signs of life until it is killed with -9", beats > 0)
        held = stage.refused(
            *("a2", "task", "claim", task, "--space", self.space),
            exit_status=5,
            code="task_already_claimed",
        )
        stage.claim("its task is still its own: nobody knows yet", held["fence"] == 1, seen=held)
        return task

    def takes_over(self, task: str) -> None:
        """Let another take the task once the lease is over; the dead one comes back too late."""
        stage = self.stage
        stage.scene("The lease is over: another takes over, and late work is a conflict, not lost")
        stage.pass_time(LEASE_AND_GRACE_SECONDS)
        taken = self.claim("a2", task)
        stage.claim("it is taken over under a greater fence", taken["fence"] == 2, seen=taken)
        notes = stage.envoy(
            *("a2", "history", self.space, "--task", task, "--kinds", "message"),
            shows=lambda new: f"{len(new['records'])} note",
        )
        said = [one["body"] for one in notes["records"]]
        stage.claim("with the notes of who died", said == ["two entries are written"], seen=notes)
        late = stage.envoy(
            *("a3", "task", "complete", task, "--space", self.space, "--no-sync"),
            *("--note", "all done"),
            shows=lambda new: f"{new['lifecycle_state']}, as it sees it",
        )
        for who in ("a3", "a2"):
            stage.envoy(who, "sync", self.space, shows=lambda new: f"{new['pushed']} sent")
            (met,) = self.conflicts(who, "fence_stale")
            stage.claim(f"{who} is shown both sides", met["loser"] == late["event_id"], seen=met)
        self.held_by(task, taken["assignee_id"])

    def held_by(self, task: str, member: str) -> None:
        """Hold a task to being claimed by a member."""
        now = self.stage.envoy(
            *("lead", "task", "show", task, "--space", self.space),
            shows=lambda new: f"{new['state']} #{new['fence']}",
        )
        held = (now["state"], now["assignee_id"]) == ("claimed", member)
        self.stage.claim("the task is whose fence is greater", held, seen=now)

    def conflicts(self, who: str, kind: str) -> list[Json]:
        """Return the conflicts of a kind that ``who`` sees."""
        found = self.stage.envoy(
            *(who, "conflicts", "list", self.space),
            shows=lambda new: ", ".join(sorted({one["kind"] for one in new["conflicts"]})),
        )
        return [one for one in found["conflicts"] if one["kind"] == kind]

    # -- a gate -------------------------------------------------------------------------------

    def gate_refuses_and_accepts(self) -> None:
        """Let a gate refuse a bare word, then accept what is shown and approved by another."""
        stage, where = self.stage, ("--space", self.space)
        stage.scene("A gate: done is what is shown to be done, and approved by somebody else")
        gate = ("--reviews", "1", "--no-self-review", "--require-evidence", "test")
        task = self.task("Check it on another machine", *gate)
        self.claim("a1", task)
        stage.refused(
            *("a1", "task", "complete", task, *where, "--note", "trust me"),
            exit_status=5,
            code="evidence_missing",
        )
        proof = stage.envoy(
            *("a1", "record", "add", "evidence", "10 tests pass", *where, "--task", task),
            *("--type", "test", "--subject", "git:textstat@1", "--field", "result=pass"),
            shows=lambda new: f"{new['record_id'][:SHORT]} {new['kind']}, {new['grade']}",
        )
        done = stage.envoy(
            *("a1", "task", "complete", task, *where, "--evidence", proof["record_id"][:SHORT]),
            shows=lambda new: new["lifecycle_state"],
        )
        submitted = done["lifecycle_state"] == "submitted"
        stage.claim("it is submitted, not done", submitted, seen=done)
        stage.refused(
            *("a1", "review", "approve", task, *where), exit_status=4, code="self_review_denied"
        )
        judged = stage.envoy(
            *("lead", "review", "approve", task, *where), shows=lambda new: new["lifecycle_state"]
        )
        completed = judged["lifecycle_state"] == "completed"
        stage.claim("the lead approves, and it is done", completed, seen=judged)

    # -- apart --------------------------------------------------------------------------------

    def apart_and_merged(self) -> None:
        """Let two change one field apart; both copies come to the same, and show what lost."""
        stage = self.stage
        stage.scene("Two work apart, then meet: one outcome, and what lost is shown to both")
        made = stage.envoy(
            *("a1", "task", "create", self.space, "Announce it"),
            shows=lambda new: f"{new['task_id'][:SHORT]} {new['title']}",
        )
        task = str(made["task_id"])[:SHORT]
        stage.envoy("lead", "sync", self.space, shows=lambda new: f"{new['pulled']} read")
        for who, title in (("a1", "Announce it on Monday"), ("lead", "Announce it on Friday")):
            stage.envoy(
                *(who, "task", "edit", task, "--space", self.space, "--title", title, "--no-sync"),
                shows=lambda new: f"{new['title']}, here",
            )
        for who in ("a1", "lead", "a1"):
            stage.envoy(who, "sync", self.space, shows=lambda new: f"{new['pulled']} read")
        seen = []
        for who in ("a1", "lead"):
            (met,) = self.conflicts(who, "field_conflict")
            now = stage.envoy(
                who, "task", "show", task, "--space", self.space, shows=lambda new: new["title"]
            )
            seen.append((now["title"], met["winner"], met["loser"], met["rule"]))
        stage.claim("both copies chose alike, by rank", seen[0] == seen[1], seen=seen)
        stage.claim("and keep the other title", seen[0][0] == "Announce it on Friday", seen=seen)

    # -- a handoff ----------------------------------------------------------------------------

    def handed_over(self, task: str) -> None:
        """Let the holder hand its task to a profile that saw nothing before."""
        stage, where = self.stage, ("--space", self.space)
        stage.scene("A handoff: signed by who goes, checked and countersigned by who comes")
        given = stage.envoy(
            *("a2", "handoff", "create", task, *where, "--next", "add the third entry"),
            *("--done", "two entries", "--risk", "the date is not sure"),
            shows=lambda new: f"{new['record_id'][:SHORT]} {new['state']}: {new['next']}",
        )
        handoff = str(given["record_id"])[:SHORT]
        self.join("a4")
        checked = stage.envoy(
            *("a4", "handoff", "verify", handoff, *where),
            shows=lambda new: f"{new['verify']}, {new['since']} events since",
        )
        said = (checked["valid"], checked["next"], checked["completed"], checked["risks"])
        wanted = (True, "add the third entry", ["two entries"], ["the date is not sure"])
        stage.claim("who saw nothing before can check all of it", said == wanted, seen=checked)
        taken = stage.envoy(
            *("a4", "handoff", "accept", handoff, *where, "--require", "confirmed"),
            shows=lambda new: f"{new['claim_state']} #{new['fence']}",
        )
        stage.claim("and takes over under the next fence", taken["fence"] == 3, seen=taken)
        self.held_by(task, taken["assignee_id"])

    # -- a bundle -----------------------------------------------------------------------------

    def bundle(self) -> None:
        """Let the lead export a bundle; it proves itself, and not after one changed byte."""
        stage = self.stage
        stage.scene("A bundle for somebody outside: it proves itself; one byte changed does not")
        path = stage.home.parent / "textstat.bundle"
        stage.envoy(
            *("lead", "audit", "export", self.space, "--out", str(path)),
            shows=lambda new: f"{new['events']} events",
        )
        sound = stage.envoy(
            "nobody", "audit", "verify", str(path), shows=lambda new: f"valid: {new['valid']}"
        )
        stage.claim("it is sound, without profile and hub", sound["valid"] is True, seen=sound)
        changed = bytearray(path.read_bytes())
        changed[len(changed) // 2] ^= 1
        other = Path(f"{path}.changed")
        other.write_bytes(changed)
        stage.refused("nobody", "audit", "verify", str(other), exit_status=8, code="audit_invalid")


def play(stage: Stage, *, space: str, code: str) -> None:
    """Play the scenes about the state of work."""
    Workstate(stage, space=space, code=code).play()

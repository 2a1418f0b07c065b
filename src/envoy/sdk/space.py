"""Space: one space of a profile, and all that is in it.

Specification: docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from envoy import limits
from envoy.replica.actions import local, members, names, work
from envoy.sdk import given, reading, streams, types, writing
from envoy.sdk.access import Place
from envoy.sdk.given import Named, Ref, Span
from envoy.sdk.judging import Handoffs, Reviews
from envoy.sdk.people import Decision, Explanation, Member, Permissions
from envoy.sdk.records import Objects, Records
from envoy.sdk.shapes import Acked, Inbox, Invite, Line, Sent, SpaceInfo, WorkRecord
from envoy.sdk.streams import EVENT_TYPES, Event, Events, Wanted
from envoy.sdk.tasks import Tasks
from envoy.sdk.types import Untrusted
from envoy.views import answers
from envoy.views import space as shapes
from envoy.views import work_record as whole
from envoy.views.history import Filter
from envoy.views.pages import Page, scope_of
from envoy.wiring import brief, verdicts
from envoy.wiring.record import material
from envoy.wiring.verdicts import Question

ROLES = ("read", "write")
MODES = ("open", "approve")
VERBS = tuple(dict.fromkeys(verb for verbs in shapes.VERBS.values() for verb in verbs))
TTL_SECONDS_MAX = limits.INVITE_SECONDS_MAX
UNTRUSTED = ("*_name", "description")


@dataclass(frozen=True, slots=True, repr=False)
class Space(SpaceInfo):
    """A space as it was when it was read, and the way to all that is in it."""

    _place: Place = field(compare=False)

    SCHEMA = "space"
    __hash__ = SpaceInfo.__hash__

    @property
    def description(self) -> Untrusted:
        """Return what it is for."""
        return types.said(self._data, "description")

    @property
    def tasks(self) -> Tasks:
        """Return its tasks."""
        return Tasks(self._place)

    @property
    def records(self) -> Records:
        """Return its typed records."""
        return Records(self._place)

    @property
    def reviews(self) -> Reviews:
        """Return what is handed in to be judged."""
        return Reviews(self._place)

    @property
    def handoffs(self) -> Handoffs:
        """Return what holders left for whoever takes over."""
        return Handoffs(self._place)

    @property
    def objects(self) -> Objects:
        """Return its encrypted files."""
        return Objects(self._place)

    def reload(self) -> Space:
        """Return the space as it is now."""
        return read(self._place)

    # -- ways in ----------------------------------------------------------------------------------

    def invite(
        self,
        *,
        role: str = "write",
        max_uses: int = 1,
        ttl: Span = "5m",
        mode: str = "open",
        key: str | None = None,
    ) -> Invite:
        """Make a code by which others join; `str()` of what comes back does not show it.

        ``mode`` "approve": an admin lets each one in. Raises AuthorityError, ConflictError.
        """
        most = limits.INVITE_USES_MAX
        terms = (
            given.choice(role, "role", ROLES),
            given.count(max_uses, "max_uses", least=1, most=most),
            given.seconds(ttl, "ttl", most=TTL_SECONDS_MAX) * 1000,
            given.choice(mode, "mode", MODES),
        )
        call = given.key(key)
        with self._place.writing() as replica:
            made = members.make(
                replica, role=terms[0], max_uses=terms[1], ttl_ms=terms[2], mode=terms[3], key=call
            )
            return Invite({**answers.invite(made, replica.space), "next_commands": []})

    # -- talk -------------------------------------------------------------------------------------

    def send(
        self,
        body: str,
        *,
        reply_to: Named | None = None,
        refs: Sequence[Ref] = (),
        attach: Sequence[Named] = (),
        task: Named | None = None,
        key: str | None = None,
    ) -> Sent:
        """Say something. It is saved when this returns, whether a relay was reached or not.

        Raises UsageError(message_too_large), NotFoundError, ConflictError(event_not_ok).
        """
        words, call = given.body(body, "body"), given.key(key)
        answered, about = given.find_ident(reply_to, "reply_to"), given.find_ident(task, "task")
        named, files = given.refs(refs), given.idents(attach, "attach")
        with self._place.writing() as replica:
            of = None if about is None else writing.other_task(replica, about)
            found = (
                *writing.references(replica, named),
                *names.references(replica, (), (), attach=files),
            )
            parent = None if answered is None else names.event(replica, answered)
            done = work.send(replica, words, reply_to=parent, refs=found, task=of, key=call)
            return Sent(writing.sent(done, replica, found, of))

    def history(
        self,
        *,
        kinds: Sequence[str] = (),
        task: Named | None = None,
        thread: Named | None = None,
    ) -> Iterator[Line]:
        """Go through what was said and done, the newest first."""
        words = tuple(given.text(one, "kinds") for one in given.listed(kinds, "kinds"))
        fetch = reading.history_of(
            words, given.find_ident(task, "task"), given.find_ident(thread, "thread")
        )
        return map(Line, reading.each(self._place, fetch))

    def search(self, phrase: str) -> Iterator[Line]:
        """Go through what holds a phrase, the last to arrive first."""
        words = given.body(phrase, "phrase")
        return map(Line, reading.each(self._place, reading.search_for(words)))

    def inbox(
        self, *, tasks_only: bool = False, include_self: bool = False, limit: int = 50
    ) -> Inbox:
        """Return what is unread, the oldest first. Nothing is acknowledged: `ack` does that."""
        which = Filter(
            tasks=given.switch(tasks_only, "tasks_only"),
            own=given.switch(include_self, "include_self"),
        )
        most = given.count(limit, "limit", least=1, most=limits.ROWS_MAX)
        with self._place.reading() as (reader, space):
            return Inbox(reading.inbox(reader, space, which, limit=most))

    def ack(self, up_to: int | Line | Event, *, key: str | None = None) -> Acked:
        """Acknowledge the inbox up to a cursor, or up to something that bears one."""
        reached = up_to.cursor if isinstance(up_to, Line | Event) else up_to
        cursor = given.count(reached, "up_to", least=0, most=limits.INT_MAX)
        call = given.key(key)
        with self._place.writing() as replica:
            done = local.ack(replica, cursor, key=call)
            told = answers.acked(done, replica.space)
            return Acked({**told, "replayed": done.replayed, "warnings": []})

    def events(
        self,
        *,
        since: int | str = "now",
        types: Collection[str] = (),
        timeout: float | None = None,
        own: bool = True,
    ) -> Events:
        """Go through what happens, waiting for more; it ends after ``timeout`` seconds.

        ``since`` is a cursor (behind it), "now", "start" or "last-ack", where the inbox was last
        acknowledged. ``own`` False leaves out what this profile did.
        """
        words = [given.choice(one, "types", EVENT_TYPES) for one in given.listed(types, "types")]
        wanted = Wanted(
            since=start_of(since),
            types=frozenset(words),
            own=given.switch(own, "own"),
            seconds=given.patience(timeout, "timeout"),
        )
        return Events(self._place, wanted)

    # -- people and authority ---------------------------------------------------------------------

    def members(self, *, ever: bool = False) -> Iterator[Member]:
        """Go through its members; ``ever``: also through who is none any more."""
        fetch = reading.members(ever=given.switch(ever, "ever"))
        return map(Member, reading.each(self._place, fetch))

    def permissions(self) -> Permissions:
        """Return who may do what, with the grants that say so."""
        with self._place.reading() as (reader, space):
            return Permissions(reading.permissions(reader, space))

    def can(
        self,
        member: str,
        verb: str,
        *,
        task: Named | None = None,
        at: Named | None = None,
    ) -> Decision:
        """Return whether a member may do something, also as an older event saw it.

        ``member`` is an id, a unique prefix, `@name` or `@me`; ``verb`` read, write, grant, admin
        or own.
        """
        asked = Question(
            given.ident(member, "member"),
            given.choice(verb, "verb", VERBS),
            given.find_ident(task, "task"),
            given.find_ident(at, "at"),
        )
        with self._place.reading() as (reader, space):
            return Decision(verdicts.can(reader, space, asked))

    def why(self, event: Named) -> Explanation:
        """Return why an event counts or does not: rule, cause, grants."""
        text = given.ident(event, "event")
        with self._place.reading() as (reader, _):
            place, found = verdicts.located(reader, text, self._place.id)
            untrusted = ["*.reason", "*_name", "*.display_name"]
            return Explanation({**verdicts.explained(place, found), "untrusted_fields": untrusted})

    # -- to go on with ----------------------------------------------------------------------------

    def work_record(
        self,
        *,
        budget: int | None = None,
        member: str | None = None,
        task: Named | None = None,
        since: int | None = None,
        limit: int = 200,
    ) -> WorkRecord:
        """Return all that is needed to continue, within ``budget`` tokens; every cut is counted.

        ``member``: as it looks to them; ``task``: about one task; ``since``: behind a cursor.
        """
        count, most = given.count, limits.INT_MAX
        asked = brief.Asked(
            budget=None if budget is None else count(budget, "budget", least=1, most=most),
            member=given.find_ident(member, "member"),
            task=given.find_ident(task, "task"),
            since=None if since is None else count(since, "since", least=0, most=most),
        )
        rows = count(limit, "limit", least=1, most=limits.ROWS_MAX)
        with self._place.reading() as (reader, space):
            page = Page(scope_of(reader.me.did, "work-record", space.id), rows, None)
            if asked == brief.Asked(None, None, None, None):
                return WorkRecord(whole.build(material(reader, space, page)))
            return WorkRecord(brief.build(reader, space, page, asked))


def start_of(since: object) -> int | str:
    """Return where events begin."""
    if isinstance(since, str):
        return given.choice(since, "since", (streams.NOW, streams.START, streams.LAST_ACK))
    return given.count(since, "since", least=0, most=limits.INT_MAX)


def read(place: Place) -> Space:
    """Return a space as it is now. Raises NotFoundError."""
    with place.reading() as (reader, space):
        data = {
            **shapes.details(space, reader.tally(space)),
            "replayed": False,
            "next_commands": [],
            "untrusted_fields": list(UNTRUSTED),
        }
        return Space(data, place)

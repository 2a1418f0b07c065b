"""Desk: every call of a relay answered, by the bytes of its request.

The one door between a network face and the store. A face hands over the name of a call and the body
of the request; it gets the bytes of the reply, or a refusal. What writes waits here for the commit
of its group; what reads sees one state of the database, in which its token was judged too.

The meaning of frames, slots, boxes and invites is ``hub.handler``'s, the same as at the hub of one
machine. Here stands what a relay adds: sessions, roles, quotas, chunks that end.

Laws: nothing is done for who may not. No reply leaves before what it says is durable. Every method
may be called by any thread.

Specification: docs/spec/relay.md.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from envoy import limits
from envoy.core import access as chains
from envoy.core.access import READ
from envoy.core.codec import decode, encode
from envoy.core.crypto import sign
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.hub import log
from envoy.hub.handler import Commitment, Handler
from envoy.lean import NamedTuple
from envoy.relay import access, asked, billing, rules, sweep, tables
from envoy.relay.asked import Asked
from envoy.relay.billing import Terms
from envoy.relay.group import Job, OnClose, Wake, Work, Writer
from envoy.relay.metrics import Metrics
from envoy.relay.quota import Pace
from envoy.relay.rules import Allowance
from envoy.relay.session import KEY_NO, Token, Tokens, check_time, fresh
from envoy.relay.shelf import Shelf
from envoy.relay.sweep import Retention
from envoy.relay.tables import RelayStore
from envoy.sync import access as calls
from envoy.sync import chunks, frames, recon
from envoy.sync.frames import HubRefusal

_NAMES: Final = {kind: name for name, (kind, _) in calls.EVERY.items()}
_NOBODY: Final = bytes(32)
T = TypeVar("T")
Fund = Callable[[RelayStore, Sequence[Token], bytes], bytes | None]


class Config(NamedTuple):
    """What the operator decided: the origins that proofs may name, what a space may take.

    ``fund`` says which account pays for a new space, None for nobody; it refuses by HubRefusal.
    ``has_room`` says whether the disk may be written to; ``terms`` judge spaces that somebody pays
    for, where the relay asks for that.
    """

    origins: frozenset[str]
    allowance: Allowance
    fund: Fund
    reply_seconds: float = 10.0
    retention: Retention = Retention()
    pace: Pace | None = None
    metrics: Metrics | None = None
    has_room: Callable[[], bool] = lambda: True
    terms: Terms | None = None


class Subscription(NamedTuple):
    """Somebody who reads a space as it grows: until ``exp``, ms, or another ``rev``.

    ``instance`` is that of the log whose numbers it knows.
    """

    space: bytes
    holder: bytes
    rev: int
    exp: int
    instance: bytes


class Desk:
    """One relay, of the directory ``directory``, which ``tables.make`` made."""

    def __init__(
        self,
        directory: str,
        config: Config,
        *,
        now_ms: Callable[[], int],
        on_wake: Callable[[Sequence[Wake]], None],
    ) -> None:
        self._directory = directory
        self._config = config
        self.reply_seconds = config.reply_seconds
        self._now_ms = now_ms
        self._keys = tables.read_keys(directory)
        self._tokens = Tokens(self._keys.token)
        self._mine = threading.local()
        self._readers = list[RelayStore]()
        self._shelf = Shelf(os.path.join(directory, "chunks"))
        self.hub_key = sign.public_key(self._keys.hub)
        opened = partial(tables.open_store, directory, self._keys, read_only=False)
        self._metrics = config.metrics or Metrics()
        self._writer = Writer(opened, on_wake, self._grouped)

    def close(self) -> None:
        """Do what waits and end the writer. Connections of readers end with their threads."""
        self._writer.close()

    def admit(self, name: str, peer: bytes) -> None:
        """Let ``peer`` make a call, before anything of it is read. Raises HubRefusal."""
        try:
            if name not in calls.EVERY and name not in billing.CALLS:
                raise HubRefusal("unsupported_operation")
            if self._config.pace is not None:
                self._config.pace.admit(name, peer)
        except HubRefusal as refusal:
            self._metrics.refused(name, refusal.code)
            raise

    def answer(self, name: str, body: bytes) -> bytes:
        """Return the reply to the request ``body`` of the call ``name``. Raises HubRefusal."""
        begun = time.monotonic()
        try:
            reply = self._answer(name, body)
        except HubRefusal as refusal:
            self._metrics.refused(name, refusal.code)
            raise
        self._metrics.done(name, time.monotonic() - begun)
        return reply

    def _grouped(self, count: int, seconds: float) -> None:
        self._metrics.observe("batch_calls", count)
        self._metrics.observe("commit_seconds", seconds)

    def begin(self, name: str, body: bytes, done: OnClose) -> Job:
        """Return a call that only writes rows, for ``queue``. Raises HubRefusal.

        The writer calls ``done`` when it is over.
        """
        self._writer.require_room()
        return self._job(name, len(body), self._asked(name, body), done)

    def queue(self, jobs: Sequence[Job]) -> None:
        """Queue what was begun: calls that come together are one group, and wake it once."""
        self._writer.submit_all(jobs)

    def _asked(self, name: str, body: bytes) -> Asked:
        found = asked.read(name, body, self._tokens, at=self._now_ms())
        if self._config.pace is not None:
            self._config.pace.work(found.tokens, found.call)
        return found

    def _answer(self, name: str, body: bytes) -> bytes:
        found = self._asked(name, body)
        if name in rules.READS:
            store = self._reader()
            with store.look():
                return encode(self._read(store, *found))
        return encode(self._commit(self._job(name, len(body), found, None)))

    def _job(self, name: str, size: int, found: Asked, done: OnClose | None) -> Job:
        """Return what the writer does for a call. Raises HubRefusal."""
        call, tokens, at = found
        if name in rules.GROWS and not self._config.has_room():
            raise HubRefusal("storage_failed")
        if isinstance(call, chunks.ChunkPut):
            self._take_chunk(call, tokens)
        work = partial(self._write, call=call, tokens=tokens, at=at)
        space = rules.space_of(call, tokens)
        pushed = call.frames if isinstance(call, frames.Push) else ()
        return Job(space, work, size, done, pushed=pushed)

    def _commit(self, job: Job) -> Body:
        """Return the reply to ``job`` when it is durable. Raises HubRefusal."""
        try:
            return self._writer.submit(job).result(self.reply_seconds)
        except HubRefusal:
            if job.is_open:
                self._metrics.add("commit_unknown_total")
            raise

    # -- who reads as it grows --------------------------------------------------------------

    def subscribe(self, token: bytes) -> tuple[Subscription, frames.Head]:
        """Return who reads by ``token`` and where its space stands. Raises HubRefusal."""
        found = self._tokens.read(token, at=self._now_ms())
        store = self._reader()
        with store.look():
            self._judge(store, [found], found.space or b"", "head")
            space = found.space or b""
            head = log.head_of(store, log.require_space(store, space))
        return Subscription(space, found.holder, found.rev, found.exp, head.instance), head

    def page(self, sub: Subscription, since: int, limit: int) -> frames.Page:
        """Return the next frames for a subscriber. Raises HubRefusal when it may not any more."""
        if sub.exp <= self._now_ms():
            raise HubRefusal("session_expired")
        store = self._reader()
        with store.look():
            if store.rev(sub.space) != sub.rev:
                raise HubRefusal("session_stale")
            since_ = frames.Since(sub.space, sub.instance, since)
            call = frames.Pull((since_,), limit, 0)
            pulled = Handler(store).handle(call, poster=_NOBODY, now_ms=self._now_ms())
        assert isinstance(pulled, frames.Pulled), "the reply to a pull"
        return pulled.pages[0]

    def recheck(self, subs: Sequence[Subscription]) -> list[Subscription | str]:
        """Return for each who may read on, as it may now, or the code of why not."""
        store, at = self._reader(), self._now_ms()
        with store.look():
            return [self._rechecked(store, sub, at) for sub in subs]

    @staticmethod
    def _rechecked(store: RelayStore, sub: Subscription, at: int) -> Subscription | str:
        try:
            rev = store.rev(sub.space)
            if rev is None:
                return "space_not_found"
            if store.instance_of(sub.space) != sub.instance:
                return "session_stale"  # deleted and begun anew: it asks from where it is
            access.standing(store, sub.space, sub.holder, at=at)
            return sub._replace(rev=rev)
        except HubRefusal as refusal:
            return refusal.code

    # -- what ends by itself ----------------------------------------------------------------

    def sweep(self) -> dict[str, int]:
        """Drop a part of what is over; return how many of each kind. Raises HubRefusal."""
        store = self._reader()
        plan = sweep.plan(store, self._config.retention, now_ms=self._now_ms())
        found = self._commit(Job(b"", partial(sweep.work, plan=plan, shelf=self._shelf), 1))
        assert isinstance(found, sweep.Swept), "what a sweep answers"
        counts = found.counts()
        if self._config.terms is not None:
            end = partial(self._config.terms.sweep, shelf=self._shelf, at=self._now_ms())
            gone = self._commit(Job(b"", end, 1))
            assert isinstance(gone, billing.Gone), "what it answers"
            counts["spaces"] += gone.spaces
        for kind, count in counts.items():
            self._metrics.add("swept_total", count, label=kind)
        return counts

    def probe(self) -> None:
        """Read, write and make durable. Raises EnvoyError, HubRefusal."""
        self._reader().spaces_count()
        self._commit(Job(b"", self._probe, 1))
        self._shelf.check()

    def _probe(self, store: RelayStore) -> Body:
        store.note_probe(self._now_ms())
        return frames.Done()

    # -- accounts ---------------------------------------------------------------------------

    @property
    def terms(self) -> Terms | None:
        """Return how spaces are judged that somebody pays for, None where nobody has to."""
        return self._config.terms

    def account_of(self, token: bytes) -> bytes:
        """Return the account that a token is about. Raises HubRefusal."""
        found = self._tokens.read(token, at=self._now_ms())
        if found.space is not None:
            raise HubRefusal("auth_failed")
        return found.holder

    def look(self, work: Callable[[RelayStore], T]) -> T:
        """Return what ``work`` finds in one state of the database."""
        store = self._reader()
        with store.look():
            return work(store)

    def do(self, work: Work) -> Body:
        """Return what ``work`` answers when it is durable. Raises HubRefusal."""
        return self._commit(Job(b"", work, 1))

    def _judge(self, store: RelayStore, tokens: Sequence[Token], space: bytes, name: str) -> Token:
        """Return the token by which a call may be made. Raises HubRefusal."""
        token = rules.authorise(store, tokens, space, rules.ROLES[name])
        if self._config.terms is not None:
            self._config.terms.require(store, space, name, at=self._now_ms())
        return token

    def _allowed(self, store: RelayStore, space: bytes) -> Allowance:
        """Return what a space may take."""
        terms = self._config.terms
        return (terms and terms.allowance(store, space)) or self._config.allowance

    # -- reads ------------------------------------------------------------------------------

    def _reader(self) -> RelayStore:
        """Return the store of this thread."""
        found: RelayStore | None = getattr(self._mine, "store", None)
        if found is None:
            found = tables.open_store(self._directory, self._keys, read_only=True)
            self._mine.store = found
        return found

    def _read(self, store: RelayStore, call: Body, tokens: Sequence[Token], at: int) -> Body:
        """Return the reply to a call that writes nothing, inside one state of the database."""
        match call:
            case calls.Renew():
                return self._renew(store, tokens, at)
            case frames.Pull():
                for since in call.spaces:
                    self._judge(store, tokens, since.space, "pull")
                return Handler(store).handle(call, poster=_NOBODY, now_ms=at)
        space = rules.space_of(call, tokens)
        token = self._judge(store, tokens, space, _NAMES[type(call)])
        match call:
            case calls.GenesisGet():
                return calls.GenesisFound(log.require_space(store, space).g)
            case calls.AccessGet():
                chain = store.find_cap(space, token.holder)
                return calls.AccessFound(chain, store.statements(space))
            case calls.Recon():
                return self._recon(store, call)
            case chunks.ChunkGet():
                known = store.has_chunk(space, call.id)
                return chunks.ChunkGot(self._shelf.read(space, call.id) if known else None)
        return Handler(store).handle(call, poster=token.poster, now_ms=at)

    @staticmethod
    def _recon(store: RelayStore, call: calls.Recon) -> Body:
        ids = recon.Ids(store.frame_ids(call.space))
        try:
            return calls.Reconciled(recon.answer(ids, call.message))
        except RemoteFault as fault:
            raise HubRefusal("malformed") from fault

    def _renew(self, store: RelayStore, tokens: Sequence[Token], at: int) -> calls.Entries:
        """Return younger tokens, each judged anew by what its space says now."""
        return calls.Entries(at, tuple(self._renewed(store, one, at) for one in tokens))

    def _renewed(self, store: RelayStore, token: Token, at: int) -> calls.Entry:
        try:
            if token.space is None:
                return self._entry(self._tokens.renewed(token, at=at, ends=0), None)
            rules.authorise(store, [token], token.space, READ)
            chain = access.standing(store, token.space, token.holder, at=at)
            if (token.role, token.poster) != (access.role_of(chain), chain.poster):
                raise HubRefusal("session_stale")  # another chain was registered since
            young = self._tokens.renewed(token, at=at, ends=chain.leaf.exp)
            return self._entry(young, log.head_of(store, log.require_space(store, token.space)))
        except HubRefusal as refusal:
            return calls.Entry(refusal.code, None, None, 0, None)

    def _entry(self, token: Token, head: frames.Head | None) -> calls.Entry:
        return calls.Entry(None, self._tokens.issue(token), token.role, token.exp, head)

    # -- writes -----------------------------------------------------------------------------

    def _write(self, store: RelayStore, *, call: Body, tokens: Sequence[Token], at: int) -> Body:
        """Return the reply to a call that writes, inside the savepoint of its job."""
        match call:
            case calls.Session():
                entries = tuple(self._session(store, one, at) for one in call.proofs)
                return calls.Entries(at, entries)
            case calls.SpaceDelete():
                return self._delete(store, call)
            case frames.Create():
                return self._create(store, call, tokens, at)
        name = _NAMES[type(call)]
        if name in rules.OPEN:
            return Handler(store).handle(call, poster=_NOBODY, now_ms=at)
        space = rules.space_of(call, tokens)
        token = self._judge(store, tokens, space, name)
        if isinstance(call, calls.AccessPut):
            return self._access_put(store, call, token, at)
        if isinstance(call, frames.InvitePut):
            return self._invite_put(store, call, space, at)
        if isinstance(call, chunks.ChunkPut):
            return self._shelf.note(store, call, self._allowed(store, space), at=at)
        if isinstance(call, chunks.ChunkHave):
            return self._shelf.have(store, call, self._allowed(store, space), at=at)
        before = rules.taken(store, space)
        rules.count_reader(store, token, rules.weight(call), at=at)
        reply = Handler(store).handle(call, poster=token.poster, now_ms=at)
        rules.count_space(store, space, self._allowed(store, space), before=before, at=at)
        return reply

    def _session(self, store: RelayStore, proved: calls.Proved, at: int) -> calls.Entry:
        """Return a token for a proof, or why there is none."""
        try:
            try:
                proof = chains.read_proof(proved.proof, proved.sig)
            except RemoteFault as fault:
                raise HubRefusal("auth_failed") from fault
            if proof.aud not in self._config.origins:
                raise HubRefusal("auth_failed")
            check_time(proof.ts, at=at)
            until = at + limits.NONCE_SECONDS * 1000 + 1
            if not store.is_new_nonce(proof.nonce, now_ms=at, until_ms=until):
                raise HubRefusal("replayed")
            if proof.space is None:
                token = Token(KEY_NO, None, proof.holder, proof.holder, READ, 0, 0, at)
                return self._entry(fresh(token, at=at, ends=0), None)
            return self._let_in(store, proof, proof.space, at)
        except HubRefusal as refusal:
            return calls.Entry(refusal.code, None, None, 0, None)

    def _let_in(self, store: RelayStore, proof: chains.Proof, space: bytes, at: int) -> calls.Entry:
        """Return a token for a space."""
        row = log.require_space(store, space)
        if proof.chain is None:
            chain = access.standing(store, space, proof.holder, at=at)
        else:
            # Whose it is comes first: what is refused registers nothing and uses nothing up.
            if access.read(store, space, proof.chain).leaf.holder != proof.holder:
                raise HubRefusal("auth_failed")
            with store.item():  # a refusal of this one leaves the others of its call
                chain = access.register(store, space, proof.chain, at=at)
        store.fund(space, None, at)
        role, poster, ends = access.role_of(chain), chain.poster, chain.leaf.exp
        token = Token(KEY_NO, space, proof.holder, poster, role, row.rev, 0, at)
        return self._entry(fresh(token, at=at, ends=ends), log.head_of(store, row))

    def _create(
        self, store: RelayStore, call: frames.Create, tokens: Sequence[Token], at: int
    ) -> Body:
        """Keep a space for somebody whom its root key lets write."""
        known = store.find_space(call.space)
        if known is not None:
            return log.head_of(store, known)
        try:
            root_pub = decode(call.g, Commitment).root_pub
            chain = chains.read_chain(call.chain or (), space=call.space, root_pub=root_pub)
        except RemoteFault as fault:
            raise HubRefusal("auth_failed") from fault
        if chain.leaf.role == READ:
            raise HubRefusal("read_only")
        account = self._config.fund(store, tokens, call.space)
        head = Handler(store).handle(call, poster=_NOBODY, now_ms=at)
        store.fund(call.space, account, at)
        return head

    def _delete(self, store: RelayStore, call: calls.SpaceDelete) -> Body:
        """Delete a space by the word of its root key about this very log."""
        row = log.require_space(store, call.space)
        signed = (call.space, call.instance)
        holds = sign.verify(row.root_pub, "space-delete", call.sig, *signed)
        if call.instance != store.instance_of(call.space) or not holds:
            raise HubRefusal("auth_failed")
        for ident in store.chunk_ids(call.space):
            self._shelf.drop(call.space, ident)
        store.drop_space(call.space)
        return frames.Done()

    @staticmethod
    def _access_put(store: RelayStore, call: calls.AccessPut, token: Token, at: int) -> Body:
        """Register chains for others, which takes an admin, and keep a statement."""
        is_changed = False
        for links in call.caps:
            holder = access.read(store, call.space, links).leaf.holder
            if token.role != chains.ADMIN and holder != token.holder:
                raise HubRefusal("capability_missing")
            _, changes = access.put_cap(store, call.space, links, at=at, by=token.holder)
            is_changed |= changes
        if is_changed:
            store.raise_rev(call.space)
        if call.statement is not None:
            access.put_statement(store, call.space, call.statement, at=at)
        return frames.Done()

    @staticmethod
    def _invite_put(store: RelayStore, call: frames.InvitePut, space: bytes, at: int) -> Body:
        """Keep an invite record, as one of those that its space may have."""
        known = store.find_invite(call.lookup)
        if known is None and store.invite_count(space, at) >= limits.INVITES_MAX:
            raise HubRefusal("quota_exceeded")
        reply = Handler(store).handle(call, poster=_NOBODY, now_ms=at)
        store.note_invite(call.lookup, space)
        return reply

    # -- chunks -----------------------------------------------------------------------------

    def _take_chunk(self, call: chunks.ChunkPut, tokens: Sequence[Token]) -> None:
        """Bring a chunk to the disk before the writer notes it: it must not wait for a file."""
        store = self._reader()
        with store.look():
            self._judge(store, tokens, call.space, "chunk_put")
        if sign.sha256(call.chunk) != call.id:
            raise HubRefusal("malformed")
        self._shelf.save(call.space, call.id, call.chunk)

"""Handler: the one meaning of every hub call, for the hub of this machine and for a relay.

A hub is trusted to keep bytes, to number them, to let one claim win and to tell the time; for
nothing that a signature can prove. So what it checks is only what it alone can: ids that
recompute, quotas, slots, uses of an invite. It never learns who wrote what.

Laws: a call that writes is one durable transaction, and its reply leaves after the commit. Every
call may be repeated: the second time finds it done. A refusal, HubRefusal, has written nothing.
The time of a space never runs back. ``poster`` is opaque: the name under which boxes and slots are
counted, which a relay takes from the session and the local hub from its caller.

Specification: docs/spec/frames.md. Test vectors: tests/vectors/frames.json, slot.json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from envoy import limits
from envoy.core import codec, receipt
from envoy.core.crypto import sign
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.hub import log, slots
from envoy.hub.sqlite import BoxPlace, InviteRow, LogStore, SpaceRow
from envoy.sync import frames
from envoy.sync.frames import HubRefusal

_NO_SUM: Final = bytes(32)
Answerer = Callable[[Body], Body]


class Commitment(Body, frozen=True):
    """What a hub reads of G: the suite of the space and the key that may delete it."""

    suite: codec.I63
    root_pub: codec.B32
    body_hash: codec.B32


class Handler:
    """One hub. ``hub_key`` is the public key that its receipts and replies are signed with."""

    def __init__(self, store: LogStore, *, more: Answerer | None = None) -> None:
        """``more`` answers what is no call of ``frames.CALLS``: chunks, where there is room."""
        self._store = store
        self._more = more
        self.hub_key = sign.public_key(store.seed)

    def handle(self, call: Body, *, poster: bytes, now_ms: int) -> Body:
        """Return the reply to ``call``, one of ``frames.CALLS``.

        ``poster`` is 32 bytes, ``now_ms`` the wall clock. Raises HubRefusal.
        """
        try:
            call.check()
            match call:
                case frames.Push():
                    return self._push(call, now_ms)
                case frames.Pull():
                    return self._pull(call)
                case frames.Slot():
                    with self._store.transaction():
                        return slots.slot(self._store, call, cap=poster, now_ms=now_ms)
                case frames.HeadGet():
                    return log.head_of(self._store, log.require_space(self._store, call.space))
                case frames.ById():
                    return self._by_id(call)
                case frames.Create():
                    return self._create(call, now_ms)
                case _:
                    return self._rare(call, poster, now_ms)
        except RemoteFault as fault:
            code = "message_too_large" if fault.code == "too_large" else "malformed"
            raise HubRefusal(code) from fault

    def _rare(self, call: Body, poster: bytes, now_ms: int) -> Body:
        """Return the reply to a call that is no part of everyday work."""
        match call:
            case frames.EpochPut():
                return self._epoch_put(call, poster)
            case frames.BoxPut():
                return self._box_put(call, poster, now_ms)
            case frames.EpochGet():
                return self._epoch_get(call)
            case frames.InvitePut():
                return self._invite_put(call, now_ms)
            case frames.InviteFetch():
                return self._invite_fetch(call, now_ms)
            case frames.InviteRequest():
                return self._invite_request(call, now_ms)
            case frames.InviteReply():
                return self._invite_reply(call, now_ms)
            case frames.InviteDelete():
                return self._invite_delete(call)
            case frames.KeysPut():
                return self._keys_put(call)
            case frames.KeysGet():
                return self._keys_get(call)
        if self._more is None:
            raise HubRefusal("unsupported_operation")
        return self._more(call)

    # -- spaces and frames ------------------------------------------------------------------

    def _create(self, call: frames.Create, now_ms: int) -> frames.Head:
        """Keep the space from now on. Locally no capability is asked for: file modes decide."""
        commitment = codec.decode(call.g, Commitment)
        if commitment.suite != sign.SUITE:
            raise HubRefusal("unsupported_operation")
        if sign.tagged("genesis", call.g) != call.space:
            raise HubRefusal("malformed")
        with self._store.transaction():
            row = self._store.find_space(call.space)
            if row is None:
                instance, rev = self._store.begin(call.space, now_ms)
                h = frames.chain_start(instance, call.space)
                root_pub = commitment.root_pub
                row = SpaceRow(call.space, call.g, root_pub, 0, h, _NO_SUM, 0, 0, rev, now_ms)
                self._store.add_space(row)
            return log.head_of(self._store, row)

    def _push(self, call: frames.Push, now_ms: int) -> frames.Pushed:
        """Append what is new. Known frames alone move the time: their answer waits as well."""
        store = self._store
        with store.transaction():
            row = log.require_space(store, call.space)
            row, seqs = log.append(store, row._replace(at=max(now_ms, row.at)), call.frames)
        state = log.state_of(store, row)
        sig = receipt.sign_push(store.seed, state)
        return frames.Pushed(state.instance, seqs, row.head, row.h, row.at, sig)

    def _pull(self, call: frames.Pull) -> frames.Pulled:
        """Answer at once; who wants to wait does so around this."""
        pages = list[frames.Page]()
        limit, room = call.limit, limits.PAGE_BYTES_MAX
        with self._store.snapshot():
            for since in call.spaces:
                page = self._page(since, limit=limit, bytes_max=room)
                limit -= len(page.frames)
                room -= sum(map(len, page.frames))
                pages.append(page)
        return frames.Pulled(tuple(pages))

    def _page(self, since: frames.Since, *, limit: int, bytes_max: int) -> frames.Page:
        """Return the next frames of one space; none for a cursor of another instance."""
        row = self._store.find_space(since.space)
        if row is None:
            return frames.Page((), since.since, None)
        found, head = list[bytes](), log.head_of(self._store, row)
        if since.instance in (None, head.instance):
            found = self._store.frames_after(
                since.space, since.since, limit=limit, bytes_max=bytes_max
            )
        return frames.Page(tuple(found), since.since + len(found), head)

    def _by_id(self, call: frames.ById) -> frames.Found:
        found, room = list[bytes](), limits.PAGE_BYTES_MAX
        with self._store.snapshot():
            log.require_space(self._store, call.space)
            for ident in call.ids:
                frame = self._store.find_frame(call.space, ident)
                if frame is not None and len(frame) <= room:
                    found.append(frame)
                    room -= len(frame)
        return frames.Found(tuple(found))

    # -- epochs and boxes -------------------------------------------------------------------

    def _epoch_put(self, call: frames.EpochPut, poster: bytes) -> frames.Done:
        """Keep a head whose fields give its epoch id; so nobody can put a bogus one first."""
        head = codec.decode(call.head, frames.EpochHead)
        if head.suite != sign.SUITE:
            raise HubRefusal("unsupported_operation")
        if head.epoch(call.space) != call.epoch:
            raise HubRefusal("malformed")
        with self._store.transaction():
            log.require_space(self._store, call.space)
            self._store.add_epoch(call.space, call.epoch, call.head, poster)
        return frames.Done()

    def _box_put(self, call: frames.BoxPut, poster: bytes, now_ms: int) -> frames.Done:
        """Keep boxes within the shares of their poster, all or none.

        The head comes first: boxes for invented epochs would be storage without a bound.
        """
        store = self._store
        with store.transaction():
            at = max(now_ms, log.require_space(store, call.space).at)
            epoch = store.find_epoch(call.space, call.epoch)
            if epoch is None:
                raise HubRefusal("not_found")
            mine = epoch[1] == poster
            most = limits.BOXES_HEAD_POSTER_MAX if mine else limits.BOXES_PER_POSTER_MAX
            room = most - store.box_count(call.space, call.epoch, poster)
            for box in call.boxes:
                place = BoxPlace(call.space, call.epoch, box.tag, poster)
                if store.has_box(place, box.box):
                    continue
                number = store.tag_count(place)
                if room <= 0 or number >= limits.BOXES_PER_TAG_MAX:
                    raise HubRefusal("quota_exceeded")
                store.add_box(place, box.box, number=number, at=at)
                room -= 1
        return frames.Done()

    def _epoch_get(self, call: frames.EpochGet) -> frames.EpochFound:
        store = self._store
        with store.snapshot():
            log.require_space(store, call.space)
            epoch = store.find_epoch(call.space, call.epoch)
            if epoch is None:
                return frames.EpochFound(None, None, ())
            head, poster = epoch
            boxes = tuple(
                tuple(
                    frames.PostedBox(*posted)
                    for posted in store.boxes(call.space, call.epoch, tag, first=poster)
                )
                for tag in call.tags
            )
        return frames.EpochFound(head, poster, boxes)

    # -- invites ----------------------------------------------------------------------------

    def _invite_put(self, call: frames.InvitePut, now_ms: int) -> frames.Done:
        """Keep an invite record until it expires, at most a week, and drop some that have."""
        expires = min(call.expires, now_ms + limits.INVITE_SECONDS_MAX * 1000)
        wanted = InviteRow(call.fetch_hash, call.revoke_hash, call.blob, expires, call.uses)
        store = self._store
        with store.transaction():
            for lookup in store.expired_invites(now_ms):
                store.delete_invite(lookup)
            known = store.find_invite(call.lookup)
            if known is None:
                store.add_invite(call.lookup, wanted)
            elif known[:3] != wanted[:3]:
                raise HubRefusal("already_exists")
        return frames.Done()

    def _invite_fetch(self, call: frames.InviteFetch, now_ms: int) -> frames.InviteBlob:
        """Burn one use per claimer tag. A wrong secret is answered like an unknown invite."""
        store = self._store
        with store.transaction():
            row = self._fetchable(call.lookup, call.fetch_auth, now_ms)
            if not store.has_fetched(call.lookup, call.tag):
                if row.uses_left == 0:
                    raise HubRefusal("invite_already_redeemed")
                store.burn_use(call.lookup, call.tag)
        return frames.InviteBlob(row.blob)

    def _fetchable(self, lookup: bytes, fetch_auth: bytes, now_ms: int) -> InviteRow:
        """Return the record of a live invite for who has its code."""
        row = self._store.find_invite(lookup)
        known = row is not None and row.fetch_hash == sign.sha256(fetch_auth)
        if row is None or not known or row.expires <= now_ms:
            raise HubRefusal("hosted_relay_invite_not_found")
        return row

    def _invite_request(self, call: frames.InviteRequest, now_ms: int) -> frames.InviteAnswer:
        """Keep the request of somebody who fetched the blob; tell what was answered."""
        store = self._store
        with store.transaction():
            self._fetchable(call.lookup, call.fetch_auth, now_ms)
            if not store.has_fetched(call.lookup, call.tag):
                raise HubRefusal("hosted_relay_invite_not_found")
            known, reply = store.request(call.lookup, call.tag)
            if call.request is not None and known is None:
                if len(store.requests(call.lookup)) >= limits.JOIN_REQUESTS_MAX:
                    raise HubRefusal("quota_exceeded")
                store.keep_request(call.lookup, call.tag, call.request)
        return frames.InviteAnswer(reply)

    def _invite_reply(self, call: frames.InviteReply, now_ms: int) -> frames.InviteRequests:
        """Keep an answer, and tell the requests of an invite."""
        store = self._store
        with store.transaction():
            row = store.find_invite(call.lookup)
            known = row is not None and row.revoke_hash == sign.sha256(call.revoke_auth)
            if row is None or not known or row.expires <= now_ms:
                raise HubRefusal("hosted_relay_invite_not_found")
            if call.tag is not None and call.reply is not None:
                store.keep_reply(call.lookup, call.tag, call.reply)
            found = store.requests(call.lookup)
        posted = [
            frames.PostedRequest(tag, request, reply is not None) for tag, request, reply in found
        ]
        return frames.InviteRequests(tuple(posted))

    def _invite_delete(self, call: frames.InviteDelete) -> frames.Done:
        with self._store.transaction():
            row = self._store.find_invite(call.lookup)
            if row is None or row.revoke_hash != sign.sha256(call.revoke_auth):
                raise HubRefusal("hosted_relay_invite_not_found")
            self._store.delete_invite(call.lookup)
        return frames.Done()

    # -- directory of keys ------------------------------------------------------------------

    def _keys_put(self, call: frames.KeysPut) -> frames.Done:
        """Keep the statement of the highest number that its member signed."""
        statement = codec.decode(call.statement, frames.KeysStatement)
        if not sign.verify(statement.did, "keys", call.sig, call.statement):
            raise HubRefusal("malformed")
        with self._store.transaction():
            self._store.save_keys(statement.did, statement.no, call.statement, call.sig)
        return frames.Done()

    def _keys_get(self, call: frames.KeysGet) -> frames.KeysFound:
        with self._store.snapshot():
            found = [self._store.find_keys(did) for did in call.dids]
        return frames.KeysFound(
            tuple(None if pair is None else frames.KeysPut(*pair) for pair in found)
        )


class LocalHub:
    """The hub of this machine as one profile's port: who posts and what time it is, filled in."""

    def __init__(
        self,
        store: LogStore,
        *,
        poster: bytes,
        now_ms: Callable[[], int],
        more: Answerer | None = None,
    ) -> None:
        self.store = store
        self._handler = Handler(store, more=more)
        self._poster = poster
        self._now_ms = now_ms
        self.hub_key = self._handler.hub_key
        self.instance = store.instance

    def handle(self, call: Body) -> Body:
        """Return the reply to ``call``. Raises HubRefusal."""
        return self._handler.handle(call, poster=self._poster, now_ms=self._now_ms())

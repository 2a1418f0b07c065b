"""The bridge: both logs come to the same frames, whatever the relay lost, hid or says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.core.structs import Body, replace
from envoy.errors import IntegrityError, RelayError
from envoy.hub import links as linking
from envoy.hub.bridge import Bridge, Moved
from envoy.hub.links import Link, Links
from envoy.sync import access, frames, recon
from envoy.sync.frames import HubRefusal
from hub.scenes import NOW_MS, SPACE, G, Hub, envelope, epoch_head, put_epoch
from oracle import scene

Change = Callable[[Body], Body]
OWNER = bytes(31) + b"\x07"


class Relay:
    """A second hub as a bridge's caller: counts calls, may be away, may lie in one reply."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hub = Hub(path / "0", space=False)
        self.calls = list[str]()
        self.is_away = False
        self.who = OWNER
        self.refused = dict[type[Body], str]()  # kinds of calls -> the code
        self.lie: Change = lambda reply: reply
        self._made = 0

    def call(self, space: bytes, call: Body) -> Body:
        """Answer one call."""
        self.calls.append(type(call).__name__)
        if self.is_away:
            raise RelayError("relay_unavailable", cause="test")
        if type(call) in self.refused:
            raise HubRefusal(self.refused[type(call)])
        if isinstance(call, access.Recon):
            ids = recon.Ids(self.hub.store.frame_ids(space))
            return self.lie(access.Reconciled(recon.answer(ids, call.message)))
        if isinstance(call, access.AccessPut):
            return frames.Done()
        return self.lie(self.hub.ask(call, access.EVERY[NAMES[type(call)]][1]))

    def owner(self, space: bytes) -> bytes:
        """Return who calls."""
        return self.who

    def create(self, space: bytes, g: bytes) -> frames.Head:
        """Keep the space."""
        self.calls.append("Create")
        return self.hub.ask(frames.Create(space, g, None), frames.Head)

    def wipe(self) -> None:
        """Become a hub without anything but its key, which lies in a file of its own."""
        self._made += 1
        seed = self.hub.store.seed
        self.hub.store.close()
        self.hub = Hub(self.path / str(self._made), space=False)
        self.hub.store.seed = seed


NAMES = {call: name for name, (call, _) in access.EVERY.items()}


class Scene:
    """A local hub with the space, a relay, and the bridge between them."""

    def __init__(self, path: Path) -> None:
        self.local = Hub(path / "local")
        self.links: Links = linking.open_links(str(path / "local"))
        self.relay = Relay(path / "relay")
        self.connect()
        self.bridge = self.a_bridge()

    def a_bridge(self) -> Bridge:
        """Return a bridge between the two as they are now."""

        def near(call: Body) -> Body:
            return self.local.handler.handle(call, poster=bytes(32), now_ms=NOW_MS)

        return Bridge(self.local.store, self.links, self.relay, SPACE, near=near)

    def connect(self) -> None:
        """Link the space to the relay, of which nothing was read yet."""
        key = self.relay.hub.handler.hub_key
        local = self.local.store.instance
        link = Link(SPACE, "https://r", None, key, None, 0, None, local, 0, b"", b"", None, 0, "")
        self.links.save(link)

    @property
    def link(self) -> Link:
        """Return the link as it stands."""
        found = self.links.find(SPACE)
        assert found is not None
        return found

    def sync(self) -> Moved:
        """Bring both to the same frames, with all the time there is."""
        return self.bridge.sync(now_ms=NOW_MS, go=lambda: True)

    def both(self) -> tuple[list[bytes], list[bytes]]:
        """Return the ids at the local hub and at the relay."""
        return self.local.store.frame_ids(SPACE), self.relay.hub.store.frame_ids(SPACE)

    def far(self, *names: str) -> None:
        """Push frames to the relay, as another machine does."""
        for name in names:
            self.relay.hub.push(envelope(name))

    def near(self, *names: str) -> None:
        """Push frames to the local hub, as a replica does."""
        for name in names:
            self.local.push(envelope(name))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.links.close()


def inconsistent(work: Callable[[], object]) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        work()
    assert caught.value.code == "relay_inconsistent"
    return caught.value


# -- both ways --------------------------------------------------------------------------------


def test_a_space_with_its_history_goes_to_a_relay_that_never_heard_of_it(at: Scene) -> None:
    at.near("one", "two")
    epoch = put_epoch(at.local)
    at.sync()
    assert at.both()[0] == at.both()[1]
    assert at.relay.hub.store.find_epoch(SPACE, epoch) is not None
    assert at.bridge.pending() == 0


def test_what_either_side_writes_reaches_the_other(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.far("two", "three")
    at.near("four")
    assert at.sync() == Moved(1, 2)
    assert at.both()[0] == at.both()[1]
    assert len(at.both()[0]) == 4


def test_what_came_from_the_relay_is_not_pushed_back(at: Scene) -> None:
    at.sync()
    at.far("one", "two")
    at.sync()
    at.relay.calls.clear()
    assert at.sync() == Moved(0, 0)
    assert at.relay.calls == ["Pull"]


def test_a_hundred_new_of_many_take_one_round_trip(at: Scene) -> None:
    at.near(*(f"old {n}" for n in range(300)))
    at.sync()
    at.far(*(f"new {n}" for n in range(100)))
    at.relay.calls.clear()
    assert at.bridge.pull(now_ms=NOW_MS, go=lambda: True) == 100
    assert at.relay.calls == ["Pull"]


def test_own_frames_that_came_next_are_not_pulled(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.near("two")
    at.bridge.push(go=lambda: True)
    assert at.link.cursor == 2
    assert at.sync() == Moved(0, 0)


def test_more_than_a_page_goes_and_comes(at: Scene) -> None:
    count = limits.PUSH_FRAMES_MAX + 5
    at.near(*(f"up {n}" for n in range(count)))
    at.sync()
    at.far(*(f"down {n}" for n in range(5)))
    at.sync()
    assert at.both()[0] == at.both()[1]
    assert len(at.both()[0]) == count + 5


def test_errands_go_first_and_in_their_order(at: Scene) -> None:
    at.sync()
    head, epoch = epoch_head(SPACE, "t")
    put = frames.EpochPut(SPACE, epoch, head)
    box = frames.BoxPut(SPACE, epoch, (frames.Box(bytes(16), bytes(frames.BOX_BYTES)),))
    for name, call in (("epoch_put", put), ("box_put", box), ("box_put", box)):
        at.links.send_later(SPACE, name, encode(call), owner=OWNER)
    at.near("one")
    assert at.bridge.pending() == 3
    at.relay.calls.clear()
    at.bridge.push(go=lambda: True)
    assert at.relay.calls == ["EpochPut", "BoxPut", "Push"]
    assert at.bridge.pending() == 0


def test_a_box_that_the_relay_refuses_for_good_bars_nothing(at: Scene) -> None:
    at.sync()
    box = frames.BoxPut(SPACE, bytes(32), (frames.Box(bytes(16), bytes(frames.BOX_BYTES)),))
    at.links.send_later(SPACE, "box_put", encode(box), owner=OWNER)
    at.near("one")
    at.sync()
    assert at.bridge.pending() == 0


def test_a_head_that_the_relay_refuses_is_told_of_and_stays(at: Scene) -> None:
    at.sync()
    put = frames.EpochPut(SPACE, bytes(32), epoch_head(SPACE, "t")[0])
    at.links.send_later(SPACE, "epoch_put", encode(put), owner=OWNER)
    with pytest.raises(HubRefusal):
        at.sync()
    assert at.links.errand_count(SPACE, OWNER) == 1


# -- a relay that is away ---------------------------------------------------------------------


def test_a_relay_that_is_away_costs_nothing_that_was_written(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.relay.is_away = True
    at.near("two")
    with pytest.raises(RelayError):
        at.sync()
    assert at.bridge.pending() == 1
    at.relay.is_away = False
    assert at.sync() == Moved(1, 0)


def test_when_the_time_is_over_it_stops_and_goes_on_the_next_time(at: Scene) -> None:
    at.near(*(f"up {n}" for n in range(600)))
    left = iter([True] * 4)
    at.bridge.sync(now_ms=NOW_MS, go=lambda: next(left, False))
    assert at.bridge.pending() > 0
    at.sync()
    assert at.both()[0] == at.both()[1]


# -- a relay that lost something --------------------------------------------------------------


def test_a_relay_that_was_wiped_has_everything_again(at: Scene) -> None:
    at.near("one", "two")
    epoch = put_epoch(at.local)
    at.sync()
    at.far("three")
    at.sync()
    at.relay.wipe()
    at.sync()
    assert at.both()[0] == at.both()[1]
    assert len(at.both()[0]) == 3
    assert at.relay.hub.store.find_epoch(SPACE, epoch) is not None


def test_heads_and_boxes_stand_at_a_wiped_relay_before_the_frames(at: Scene) -> None:
    at.near("one")
    put_epoch(at.local)
    at.sync()
    at.relay.wipe()
    at.relay.calls.clear()
    at.sync()
    assert at.relay.calls.index("EpochPut") < at.relay.calls.index("Push")


def test_the_access_statement_comes_back_to_a_wiped_relay(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.links.save(at.link._replace(statement=encode((b"root's", b"an admin's"))))
    at.relay.wipe()
    at.sync()
    assert at.relay.calls.count("AccessPut") == 2


def test_a_relay_that_was_set_back_is_filled_again_and_takes_nothing_away(at: Scene) -> None:
    at.near("one")
    at.sync()
    old = at.relay.hub.store
    at.far("two")
    at.sync()
    forget_newest(at.relay.hub)
    assert at.sync().pulled == 0
    assert at.both()[0] == at.both()[1]
    assert len(at.both()[0]) == 2
    assert at.relay.hub.store is old


def forget_newest(hub: Hub) -> None:
    """Set a hub back by one frame, as an old copy of its files would."""
    row = hub.store.find_space(SPACE)
    assert row is not None
    bodies = hub.store.frames_after(SPACE, 0, limit=1000, bytes_max=2**30)[:-1]
    ids = [frames.frame_id(one) for one in bodies]
    h = frames.chain_after(frames.chain_start(hub.store.instance, SPACE), ids)
    with hub.store.transaction():
        hub.store.connection.run("DELETE FROM frame WHERE seq = ?", (row.head,))
        hub.store.save_space(
            row._replace(
                head=row.head - 1,
                h=h,
                sum=frames.sum_after(bytes(32), ids),
                frame_count=len(ids),
            )
        )


def test_a_frame_that_the_relay_hides_is_missed_and_asked_for(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.far("two", "three")

    def hide(reply: Body) -> Body:
        """Leave the second frame out of pages, and say that the log is one shorter."""
        if isinstance(reply, frames.Pulled) and reply.pages[0].frames:
            page = reply.pages[0]
            assert page.head is not None
            left = page.frames[1:]
            h = frames.chain_after(at.link.h or b"", [frames.frame_id(one) for one in left])
            shorter = replace(page.head, head=page.head.head - 1, h=h)
            return frames.Pulled((frames.Page(left, page.last - 1, shorter),))
        return reply

    at.relay.lie = hide
    at.bridge.pull(now_ms=NOW_MS, go=lambda: True)
    assert len(at.both()[0]) == 2
    at.relay.lie = lambda reply: reply
    inconsistent(at.sync)  # its chain is another than the one it told before
    at.sync()
    assert at.both()[0] == at.both()[1]


def test_sums_that_differ_where_nothing_does_are_looked_into_once(at: Scene) -> None:
    at.near("one")
    at.sync()

    def other_sum(reply: Body) -> Body:
        return replace(reply, sum=bytes(32)) if isinstance(reply, frames.Head) else reply

    at.relay.lie = other_sum
    at.sync()
    at.relay.calls.clear()
    at.sync()
    assert "Recon" not in at.relay.calls


def test_a_local_hub_that_was_lost_is_filled_from_the_relay(at: Scene, tmp_path: Path) -> None:
    at.near("one", "two")
    at.sync()
    at.far("three")
    at.local = Hub(tmp_path / "another")
    at.bridge = at.a_bridge()
    at.near("one")
    at.sync()
    assert at.both()[0] == at.both()[1]
    assert len(at.both()[0]) == 3


# -- a relay that lies ------------------------------------------------------------------------


def lying_page(**change: object) -> Change:
    """Return a lie about the page of a pull that has frames."""

    def lie(reply: Body) -> Body:
        if isinstance(reply, frames.Pulled) and reply.pages[0].frames:
            return frames.Pulled((replace(reply.pages[0], **change),))
        return reply

    return lie


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lying_page(last=7), id="a gap in its numbers"),
        pytest.param(lying_page(frames=(envelope("other"),), last=2), id="another frame"),
        pytest.param(lying_page(frames=(b"\x91\xc0",), last=2), id="what is no frame"),
        pytest.param(lying_page(frames=(b"",), last=2), id="an empty frame"),
        pytest.param(
            lying_page(frames=(b"\x94\x01" + bytes(limits.ENVELOPE_BYTES_MAX),), last=2),
            id="a frame over the bound",
        ),
        pytest.param(lambda reply: frames.Pulled(()) if isinstance(reply, frames.Pulled) else reply,
                     id="no page"),
        pytest.param(lying_page(frames=()), id="an empty page that goes on"),
    ],
)  # fmt: skip
def test_a_page_that_contradicts_the_chain_is_told_of_and_nothing_of_it_kept(
    at: Scene, lie: Change
) -> None:
    at.near("one")
    at.sync()
    at.far("two")
    at.relay.lie = lie
    before = at.both()[0]
    inconsistent(at.sync)
    assert at.both()[0] == before
    at.relay.lie = lambda reply: reply
    at.sync()
    assert at.both()[0] == at.both()[1]


def test_a_push_that_the_relay_did_not_sign_for_stays_pending(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.near("two")
    at.relay.lie = lambda reply: (
        replace(reply, at=reply.at + 1) if isinstance(reply, frames.Pushed) else reply
    )
    inconsistent(at.sync)
    assert at.bridge.pending() == 1
    at.relay.lie = lambda reply: reply
    at.sync()
    assert at.bridge.pending() == 0


def test_two_signed_heads_of_one_number_are_proof(at: Scene) -> None:
    at.near("one")
    at.sync()
    row = at.relay.hub.store.find_space(SPACE)
    assert row is not None
    with at.relay.hub.store.transaction():
        at.relay.hub.store.save_space(row._replace(h=scene.fixed("another chain"), head=0))
    at.near("two")
    with at.relay.hub.store.transaction():
        at.relay.hub.store.connection.run("DELETE FROM frame")
    error = inconsistent(at.sync)
    assert error.details["signed"]


def test_an_answer_by_id_with_what_nobody_asked_for_is_a_lie(at: Scene) -> None:
    at.near("one", "two")
    at.sync()
    at.far("three")
    at.relay.wipe()
    at.relay.hub.ask(frames.Create(SPACE, G, None), frames.Head)
    at.far("four")
    at.relay.lie = lambda reply: (
        frames.Found((envelope("five"),)) if isinstance(reply, frames.Found) else reply
    )
    inconsistent(at.sync)


def test_a_relay_that_is_another_one_each_time_is_none(at: Scene) -> None:
    at.near("one")
    at.sync()
    turns = iter(range(256))

    def turn(reply: Body) -> Body:
        if isinstance(reply, frames.Pulled):
            page = reply.pages[0]
            assert page.head is not None
            other = replace(page.head, instance=bytes([next(turns)]) * 16)
            return frames.Pulled((replace(page, head=other),))
        return reply

    at.relay.lie = turn
    inconsistent(at.sync)


def test_a_local_log_that_was_set_back_is_pushed_again(at: Scene) -> None:
    at.near("one", "two")
    at.sync()
    at.links.save(at.link._replace(pushed=5))  # counted in the file before it was set back
    at.near("three")
    at.sync()
    assert at.both()[0] == at.both()[1]
    assert at.bridge.pending() == 0

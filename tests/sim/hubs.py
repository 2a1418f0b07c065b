"""The hub of the simulator: the real handler over a database in memory, and the ways it can lie.

Who runs a hub can do to its database what it likes, so that is how most lies are told: an older
image, another one for some members, a log without some frames whose numbers and chain are made
anew. Each such hub is consistent in itself, and answers by the real handler. ``garbled`` spoils
single answers instead.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable

from envoy.core.crypto.sign import public_key
from envoy.core.identity import CARD_KEY, Identity
from envoy.core.structs import Body, replace
from envoy.hub.handler import LocalHub
from envoy.hub.sqlite import LogStore
from envoy.sync import frames
from sim.disk import Disk, blank_hub

TRUE = ""  # the name of the database that stays
IMAGES_MAX = 4


def drawn(*parts: object, size: int = 32) -> bytes:
    """Return bytes that hang on ``parts`` alone."""
    return hashlib.shake_256(repr(parts).encode()).digest(size)


class VirtualHub:
    """One hub: its databases by name, and who is shown which of them."""

    def __init__(self, place: str, name: object, now_ms: Callable[[], int]) -> None:
        self._place = place
        self._name = name
        self._now_ms = now_ms
        self._count = 0
        self._logs = dict[str, LogStore]()
        self._shown = dict[str, str]()  # member -> database
        self._answers = dict[tuple[str, str], LocalHub]()
        self._images = list[bytes]()
        self._graves = list[LogStore]()

    def open(self, image: bytes, name: str = TRUE) -> None:
        """Begin to answer from ``image``."""
        old = self._logs.get(name)
        if old is not None:
            self._graves.append(old)  # a call may be under way in it
        disk = Disk(image)
        self._logs[name] = LogStore(disk, os.path.join(self._place, f"hub{len(name)}.lock"))
        self._answers = {key: hub for key, hub in self._answers.items() if key[0] != name}

    def begin(self) -> None:
        """Open an empty hub."""
        self.open(blank_hub(self._fresh(16), self._fresh(32)))

    def _fresh(self, size: int) -> bytes:
        self._count += 1
        return drawn("hub", self._name, self._count, size=size)

    def close(self) -> None:
        """Close every database."""
        for log in (*self._logs.values(), *self._graves):
            log.close()

    @property
    def true(self) -> LogStore:
        """Return the database that stays."""
        return self._logs[TRUE]

    @property
    def logs(self) -> list[LogStore]:
        """Return every database that somebody is shown."""
        return list(self._logs.values())

    def image(self) -> bytes:
        """Return the database that stays."""
        disk = self.true.connection
        assert isinstance(disk, Disk)
        return disk.image()

    def keep(self) -> None:
        """Remember how the database is now, to go back to it one day."""
        self._images = [*self._images, self.image()][-IMAGES_MAX:]

    def for_member(self, member: str, identity: Identity) -> LocalHub:
        """Return the hub as a member meets it now."""
        name = self._shown.get(member, TRUE)
        found = self._answers.get((name, member))
        if found is None:
            poster = public_key(identity.access_seed(CARD_KEY))
            found = LocalHub(self._logs[name], poster=poster, now_ms=self._now_ms)
            self._answers[name, member] = found
        return found

    def frame_ids(self) -> set[bytes]:
        """Return the ids of all frames that any of the databases has."""
        sql = "SELECT id FROM frame"
        return {one for log in self._logs.values() for one in log.connection.rows(bytes, sql)}

    # -- lies -------------------------------------------------------------------------------

    def wipe(self, *, key_stays: bool) -> None:
        """Lose everything."""
        seed = self.true.seed if key_stays else self._fresh(32)
        self.open(blank_hub(self._fresh(16), seed))

    def roll_back(self, dice: random.Random) -> bool:
        """Be as some time ago, under the same name; say whether there is such a time."""
        if not self._images:
            return False
        self.open(dice.choice(self._images))
        return True

    def fork(self, members: list[str], dice: random.Random) -> None:
        """Show some members another copy from here on, or one that is older."""
        image = dice.choice([self.image(), *self._images])
        self._split(image, members)

    def omit(self, members: list[str], dice: random.Random) -> int:
        """Show some members a log that lacks frames in its middle; return how many."""
        disk = Disk(self.image())
        count = sum(leave_out(disk, space, dice) for space in _spaces(disk))
        self._split(disk.image(), members)
        disk.close()
        return count

    def _split(self, image: bytes, members: list[str]) -> None:
        self.open(image, "side")
        self._shown.update(dict.fromkeys(members, "side"))

    def heal(self, dice: random.Random) -> bool:
        """Show all members one database again, one of the two; say whether they were split."""
        if "side" not in self._logs:
            return False
        side = self._logs.pop("side")
        self._graves.append(side)
        disk = side.connection
        assert isinstance(disk, Disk)
        self._shown.clear()
        if dice.random() < 0.3:
            self.open(disk.image())
        self._answers.clear()
        return True

    def lose_keys(self, dice: random.Random) -> int:
        """Lose some boxes or heads of epochs; return how many."""
        disk, count = self.true.connection, 0
        for tag in disk.rows(bytes, "SELECT tag FROM box GROUP BY tag ORDER BY min(arrival)"):
            if dice.random() < 0.3:
                disk.run("DELETE FROM box WHERE tag = ?", (tag,))  # all: their numbers are dense
                count += 1
        for row in disk.rows(int, "SELECT rowid FROM epoch ORDER BY rowid"):
            if dice.random() < 0.2:
                disk.run("DELETE FROM epoch WHERE rowid = ?", (row,))
                count += 1
        return count


def _spaces(disk: Disk) -> list[bytes]:
    return disk.rows(bytes, "SELECT space FROM space ORDER BY space")


def leave_out(disk: Disk, space: bytes, dice: random.Random) -> int:
    """Take frames out of the log of a space and make it sound again; return how many."""
    rows = disk.rows(_row, "SELECT id, at, body FROM frame WHERE space = ? ORDER BY seq", (space,))
    if len(rows) < 4:
        return 0
    gone = set(dice.sample(range(len(rows)), dice.randrange(1, 4)))
    kept = [row for number, row in enumerate(rows) if number not in gone]
    ids = [ident for ident, _, _ in kept]
    place = {number: seq for seq, number in enumerate(sorted(set(range(len(rows))) - gone), 1)}
    for number in range(len(rows)):  # ascending: no number is taken twice
        seq = place.get(number)
        slot = (seq, space, number + 1) if seq else (space, number + 1)
        change = "UPDATE slot SET receipt = ?" if seq else "DELETE FROM slot"
        disk.run(f"{change} WHERE space = ? AND receipt = ?", slot)
    instance = disk.find(bytes, "SELECT v FROM meta WHERE k = 'instance'")
    assert instance is not None, "each hub has one"
    h = frames.chain_after(frames.chain_start(instance, space), ids)
    total = frames.sum_after(bytes(32), ids)
    disk.run("DELETE FROM frame WHERE space = ?", (space,))
    sql = "INSERT INTO frame(space, seq, id, at, body) VALUES(?, ?, ?, ?, ?)"
    disk.run_many(sql, [(space, seq, *row) for seq, row in enumerate(kept, 1)])
    sql = "UPDATE space SET head = ?, h = ?, sum = ?, count = ? WHERE space = ?"
    disk.run(sql, (len(kept), h, total, len(kept), space))
    return len(gone)


def _row(ident: bytes, at: int, body: bytes) -> tuple[bytes, int, bytes]:
    return ident, at, body


def garbled(reply: Body, dice: random.Random) -> Body:
    """Return an answer with something wrong in it, the same one where there is nothing to spoil."""
    match reply:
        case frames.Pulled(pages=(page,)) if page.frames and page.head is not None:
            return frames.Pulled((_garbled_page(page, dice),))
        case frames.Found(frames=found) if found:
            return frames.Found(found[1:])
        case frames.Pushed():
            return replace(reply, h=drawn(reply.h), head=reply.head + dice.randrange(2))
        case frames.EpochFound(head=head) if head is not None:
            return replace(reply, head=_flipped(head, dice))
        case frames.Slotted() if reply.receipt is not None:
            return replace(reply, receipt=_flipped(reply.receipt, dice))
    return reply


def _garbled_page(page: frames.Page, dice: random.Random) -> frames.Page:
    """Return a page with a frame changed, dropped, doubled or moved, or under another head."""
    found, at, head = list(page.frames), dice.randrange(len(page.frames)), page.head
    assert head is not None, "a page with frames"
    match dice.randrange(6):
        case 0:
            found[at] = _flipped(found[at], dice)
        case 1:
            found.pop(at)
        case 2:
            found.insert(at, found[at])
        case 3:
            found = found[::-1]
        case 4:
            return replace(page, head=replace(head, h=drawn(head.h)))
        case _:
            return replace(page, head=replace(head, instance=drawn(head.h, size=16)))
    return replace(page, frames=tuple(found))


def _flipped(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]

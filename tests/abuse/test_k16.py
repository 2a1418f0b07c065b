"""K16: the access key of an open code reads nothing once the code ended, whoever holds a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from console import Console
from envoy.core import invite
from envoy.replica.roads import Roads, unpack
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.wiring import writes
from relay.running import a_relay, config_of

pytestmark = pytest.mark.slow


@contextmanager
def intruder(home: Console, uri: str) -> Iterator[tuple[Roads, bytes]]:
    """Give the roads of somebody who reads by a code and never joins, and the space."""
    home.ok("init", "--name", "x")
    link = invite.parse(uri)
    keys = invite.invite_keys(link.secret)
    origin = str(link.relay)
    with writes.open_profile(config_of(home, "default"), roads=True) as profile:
        roads = cast(Roads, profile.roads)
        call = frames.InviteFetch(keys.lookup, keys.fetch_auth, bytes(16))
        reply = roads.visit(origin, None, call)
        assert isinstance(reply, frames.InviteBlob)
        info = invite.open_blob(keys, reply.blob)
        _, hub_key = roads.find(origin, None, timeout_s=10.0)
        key = (keys.access, unpack(info.cap or b""))
        roads.enter(info.space, key, origin=origin, pin=None, hub_key=hub_key)
        yield roads, info.space


def came(roads: Roads, space: bytes) -> int:
    """Return how many frames come by whatever key speaks for the space."""
    return roads.sync(space)[1]


@pytest.mark.parametrize("act", ["revoke", "remove"])
def test_a_code_that_ends_ends_what_its_key_reads(tmp_path: Path, act: str) -> None:
    ada = Console(tmp_path / "ada")
    with a_relay(tmp_path / "relay") as relay:
        first = ("--relay-url", relay.origin, "quickstart", "--cross-machine", "--name", "Ada")
        member = str(ada.ok(*first)["invite_uri"])
        bob = Console(tmp_path / "bob")
        bob.ok("join", member, "--name", "Bob")
        made = ada.ok("invite", "--max-uses", "5", "--ttl", "1h")
        with intruder(Console(tmp_path / "x"), str(made["invite_uri"])) as (roads, space):
            ada.ok("send", "while the code lives its holder reads")
            assert came(roads, space) == 1  # the control
            if act == "revoke":
                ada.ok("invites", "revoke", "--invite", str(made["invite_id"]))
            else:  # of somebody who may have passed the code on
                ada.ok("--yes", "space", "remove", "--member", "@Bob")
            ada.ok("send", "not for the holder")
            with pytest.raises(HubRefusal, match="epoch_revoked"):
                came(roads, space)
        assert ada.ok("invite")["relay_publication"] == "published"

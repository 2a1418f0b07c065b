"""S9: a bundle that a forger makes anew, with all its checks, is refused by what it holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import bundles
from bundles import Raw
from envoy.core import bundle, codec
from replica.world import World


@pytest.mark.parametrize("forger", ["member", "stranger"])
def test_an_event_cut_out_of_the_middle(forger: str, world: World, tmp_path: Path) -> None:
    lead, agent = world.team("lead", "agent")
    agent.send("it fails")
    agent.send("never mind")
    lead.sync()
    parts = bundles.split(bundles.exported(lead))
    seed = agent.profile.identity.signing_seed if forger == "member" else os.urandom(32)
    named, number = bundles.ids_of(parts), len(bundles.ids_of(parts)) - 1
    at = bundles.place_of(parts, number)
    cut = bundles.ordered([*parts[:at], *parts[at + 1 :]], [*named[: number - 1], named[-1]])
    told = bundles.first_bad(bundles.remade(cut, seed), tmp_path)
    assert (told["part"], told["number"], told["reason"]) == ("event", number, "gap")


def test_the_same_bundle_signed_by_a_stranger(world: World, tmp_path: Path) -> None:
    (lead,) = world.team("lead")
    parts = bundles.split(bundles.exported(lead))
    told = bundles.first_bad(bundles.remade(parts, os.urandom(32)), tmp_path)
    assert (told["part"], told["reason"]) == ("seal", "no_grant")
    mine = lead.profile.identity.signing_seed
    assert bundles.verified(bundles.remade(parts, mine), tmp_path).events


def test_a_removal_hidden_behind_a_stub(world: World, tmp_path: Path) -> None:
    lead, _ = world.team("lead", "agent")
    parts = bundles.split(bundles.exported(lead))
    stub = bundle.Stub("remove", lead.me, bytes(16), 1, bytes(32), (), 1, lead.space.id, 1, ())
    parts[bundles.place_of(parts, 2)] = Raw(bundle.STUB, codec.encode(stub))
    told = bundles.first_bad(bundles.remade(parts, os.urandom(32)), tmp_path)
    assert (told["number"], told["reason"]) == (2, "hidden_authority")

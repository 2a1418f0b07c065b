"""Care: what is done for an identity itself, not with it."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.errors import NotFoundError
from envoy.views import people
from envoy.wiring import proofs, reads
from envoy.wiring.reads import Reader

Json = dict[str, object]

DID_SYMBOLS = 56  # of a did:key in full


def fingerprint(call: Call) -> Answer:
    """Answer with the fingerprint of a member, in words too, and the pair's safety number."""
    with reads.open_reader(call.config) as reader:
        actor = member_of(call, reader)
        shown = proofs.proof(reader.me.did, ids.did_key(show.text(actor["member_id"])))
    data: Json = {
        "member": actor,
        "fingerprint": shown.short,
        "full": shown.full,
        "words": list(shown.words),
        "safety_number": shown.safety_number,
        "untrusted_fields": ["*.display_name"],
    }
    return Answer(data, lambda: fingerprint_text(data, shown))


def member_of(call: Call, reader: Reader) -> Json:
    """Return the member that the call means: me, one of a space, or any did in full."""
    text = call.args.text("member") or "@me"
    if text == "@me":
        return reader.actor()
    for space in reader.chosen(call.space()):
        among = reader.people(space)
        try:
            found = among.actor(among.find(text).an)
        except NotFoundError as error:
            if error.code != "not_found":
                raise
            continue
        assert found is not None
        return found
    if len(text) == DID_SYMBOLS:
        return people.actor(ids.did_key(text), None)
    raise NotFoundError("not_found", kind="member", next_command="envoy roster")


def fingerprint_text(data: Json, shown: proofs.Proof) -> Iterator[Block]:
    """Yield the forms of a fingerprint, to be read aloud."""
    yield line(*show.person(data["member"]))
    yield line(("full    ", "dim"), shown.full)
    yield line(("words   ", "dim"), " ".join(shown.words))
    if shown.safety_number is not None:
        yield line(("number  ", "dim"), shown.safety_number, "  the other side must see the same")

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
    """Answer with the fingerprint of a member, in words too, and the pair's safety number.

    The pair is the member and me, or whoever ``--with`` names.
    """
    with reads.open_reader(call.config) as reader:
        actor = member_of(call, reader, call.args.text("member"))
        other = member_of(call, reader, call.args.text("with"))
        shown = proofs.proof(key_of(other), key_of(actor))
    data: Json = {
        "member": actor,
        "fingerprint": shown.short,
        "full": shown.full,
        "words": list(shown.words),
        "safety_number": shown.safety_number,
        "with": other,
        "untrusted_fields": ["*.display_name"],
    }
    return Answer(data, lambda: fingerprint_text(data, shown, full=call.args.switch("full")))


def key_of(actor: Json) -> bytes:
    """Return the public key of a member."""
    return ids.did_key(show.text(actor["member_id"]))


def member_of(call: Call, reader: Reader, text: str | None) -> Json:
    """Return the member that ``text`` means: me (None), one of a space, or any did in full."""
    if text is None or text == "@me":
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


def fingerprint_text(data: Json, shown: proofs.Proof, *, full: bool) -> Iterator[Block]:
    """Yield the forms of a fingerprint, to be read aloud; all 64 digits only where asked for."""
    yield line(*show.person(data["member"]))
    if full:
        yield line(("full    ", "dim"), shown.full)
    yield line(("words   ", "dim"), " ".join(shown.words))
    if shown.safety_number is not None:
        yield line(("with    ", "dim"), *show.person(data["with"]))
        yield line(("number  ", "dim"), shown.safety_number, "  the other side must see the same")

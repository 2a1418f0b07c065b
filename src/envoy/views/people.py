"""People: how a member is named everywhere, and how a time is written.

A member is a did. A name is a label that its bearer chose, so it never stands without the
fingerprint, and names that look alike in one space are marked on both sides: an agent that takes
the name of its lead gains nothing by it.

Specification: docs/spec/text.md, Names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

from envoy import ids
from envoy.errors import NotFoundError, UsageError
from envoy.limits import MEMBER_PREFIX_SYMBOLS_MIN
from envoy.views import rows

Json = dict[str, object]

# What is read as another letter on most screens: Cyrillic, Greek, then digits and bars.
PAIRS = (
    "\u0430a \u0431b \u0432b \u0433r \u0435e \u0455s \u0456l \u0458j \u043am \u043eo \u0440p "
    "\u0441c \u0442t \u0443y \u0445x \u043dh \u043ck \u0501d \u051bq \u051dw \u04bbh \u04cfl "
    "\u03b1a \u03b2b \u03b3y \u03b5e \u03b7n \u03b9l \u03bak \u03bdv \u03bfo \u03c1p \u03c4t "
    "\u03c5u \u03c7x \u0131l \u0251a \u0261g 0o 1l |l !l il 5s"
)
LOOKS_LIKE = {ord(pair[0]): pair[1] for pair in PAIRS.split()}

SECONDS_PER_DAY = 86_400
# Texts of seconds that were asked for: those of an answer stand close together.
SECONDS: dict[int, str] = {}
SECONDS_MAX = 1000
# The last moment that RFC 3339 can write. Times of others are labels, so they may say anything.
STAMP_MS_MAX = 253_402_300_799_999


def skeleton(name: str) -> str:
    """Return what a hasty reader sees in ``name``: equal for names that look alike."""
    if not name.isascii():
        split = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).lower())
        name = "".join([char for char in split if unicodedata.category(char)[0] not in "MC"])
    folded = name.lower().translate(LOOKS_LIKE).replace("rn", "m").replace("vv", "w")
    return "".join([char for char in folded if char.isalnum()])


def alike(members: Iterable[rows.Member]) -> frozenset[int]:
    """Return the numbers of those whose name looks like that of another member."""
    seen: dict[str, list[int]] = {}
    for member in members:
        seen.setdefault(skeleton(member.name), []).append(member.an)
    return frozenset(an for numbers in seen.values() if len(numbers) > 1 for an in numbers)


class People:
    """Everybody of one space by number, as one snapshot saw them.

    ``find_did`` names those who wrote without ever being members (their events are invalid).
    """

    __slots__ = ("_alike", "_find_did", "_rows", "_shown", "me", "me_text")

    def __init__(
        self, members: Iterable[rows.Member], *, me: bytes, find_did: Callable[[int], bytes]
    ) -> None:
        self._rows = {member.an: member for member in members}
        self._alike = alike(self._rows.values())
        self._find_did = find_did
        self._shown: dict[int, tuple[str, str]] = {}
        self.me = me
        self.me_text = ids.did_text(me)

    def member(self, an: int) -> rows.Member | None:
        """Return the row of a member, or None for somebody who never was one."""
        return self._rows.get(an)

    def all(self) -> list[rows.Member]:
        """Return every member there is or was, by number."""
        return [self._rows[an] for an in sorted(self._rows)]

    def did(self, an: int) -> bytes:
        """Return the did behind a number."""
        found = self._rows.get(an)
        return self._find_did(an) if found is None else found.did

    def shown(self, an: int) -> tuple[str, str]:
        """Return did and fingerprint behind a number as text, made once for each."""
        found = self._shown.get(an)
        if found is None:
            did = self.did(an)
            found = self._shown[an] = ids.did_text(did), ids.fingerprint(did)
        return found

    def did_text(self, an: int | None) -> str | None:
        """Return the did behind a number as text; None for nobody."""
        return None if an is None else self.shown(an)[0]

    def name(self, an: int | None) -> str | None:
        """Return the label behind a number; None for nobody and for those without one."""
        found = None if an is None else self._rows.get(an)
        return None if found is None else found.name

    def is_me(self, an: int | None) -> bool:
        """Return whether the number is this profile's."""
        return an is not None and self.did(an) == self.me

    def find(self, text: str) -> rows.Member:
        """Return the member that ``text`` means: did:key, a prefix of it, @name or @me.

        A name means somebody only while one current member bears it. Raises NotFoundError
        (not_found, id_ambiguous with `matching_ids`), UsageError(invalid_argument).
        """
        found = [row for row in self.all() if self._fits(row, text)]
        if len(found) == 1:
            return found[0]
        if found:
            matching = [ids.did_text(row.did) for row in found]
            raise NotFoundError("id_ambiguous", kind="member", matching_ids=matching)
        raise NotFoundError("not_found", kind="member", next_command="envoy roster")

    def find_ever(self, text: str) -> rows.Member:
        """Return whom ``text`` means, as ``find`` does, for questions: nothing is done to them.

        A name that no current member bears means the one former member that bears it. Raises as
        ``find`` does.
        """
        try:
            return self.find(text)
        except NotFoundError as error:
            gone = [row for row in self.all() if text.startswith("@") and row.name == text[1:]]
            if error.code != "not_found" or not gone:
                raise
        if len(gone) == 1:
            return gone[0]
        matching = [ids.did_text(row.did) for row in gone]
        raise NotFoundError("id_ambiguous", kind="member", matching_ids=matching)

    def _fits(self, row: rows.Member, text: str) -> bool:
        """Return whether ``text`` may mean the member."""
        if text == "@me":
            return row.did == self.me
        if text.startswith("@"):
            return row.role is not None and row.name == text[1:]
        symbols = text.removeprefix(ids.DID_PREFIX).removeprefix("z").removeprefix("6Mk")
        if len(symbols) < MEMBER_PREFIX_SYMBOLS_MIN:
            forms = ["@name", "@me", "did:key:..."]  # mostly a name that lacks its sign
            raise UsageError(
                "invalid_argument", argument="member", cause="too_short", expected=forms
            )
        return ids.did_text(row.did).startswith(f"{ids.DID_PREFIX}6Mk{symbols}")

    def actor(self, an: int | None, *, role: str | None = None) -> Json | None:
        """Return the Actor of a number; ``role``: as it was when they acted. None for nobody."""
        if an is None:
            return None
        found = self._rows.get(an)
        text, fingerprint = self.shown(an)
        return {
            "member_id": text,
            "display_name": found.name if found is not None else None,
            "fingerprint": fingerprint,
            "kind": found.type if found is not None else None,
            "role": role or found.role if found is not None else None,
            "identity": identity(text),
            "name_collides": self.collides(an),
        }

    def collides(self, an: int) -> bool:
        """Return whether the name of a member looks like that of another one."""
        return an in self._alike


def actor(did: bytes, name: str | None) -> Json:
    """Return the Actor of somebody known by did and label alone."""
    text = ids.did_text(did)
    return {
        "member_id": text,
        "display_name": name,
        "fingerprint": ids.fingerprint(did),
        "kind": None,
        "role": None,
        "identity": identity(text),
        "name_collides": False,
    }


def identity(did: str) -> Json:
    """Return the two public ids of a member; here they are one key."""
    return {"delivery": {"id": did}, "signing": {"id": did}}


def stamp(ms: int | None) -> str | None:
    """Return ``ms`` as RFC 3339 in UTC with milliseconds; times beyond the year 9999 end there."""
    if ms is None:
        return None
    seconds, thousandths = divmod(max(0, min(ms, STAMP_MS_MAX)), 1000)
    found = SECONDS.get(seconds)
    if found is None:
        if len(SECONDS) >= SECONDS_MAX:
            SECONDS.clear()
        found = SECONDS[seconds] = second_text(seconds)
    return f"{found}.{thousandths:03}Z"


def second_text(seconds: int) -> str:
    """Return a second since 1970 as RFC 3339 without its end."""
    days, rest = divmod(seconds, SECONDS_PER_DAY)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    year, month, day = date(days)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def milliseconds(text: str) -> int:
    """Return the milliseconds since 1970 of what ``stamp`` wrote."""
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    years = year - (month <= 2)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = years * 365 + years // 4 - years // 100 + years // 400 + day_of_year - 719_468
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return (days * SECONDS_PER_DAY + seconds) * 1000 + int(text[20:23])


def date(days: int) -> tuple[int, int, int]:
    """Return (year, month, day) of a day since 1970.

    Source: H. Hinnant, chrono-compatible low-level date algorithms, civil_from_days: years begin
    in March, so that the leap day is the last one.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    spent = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - spent) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    return year_of_era + era * 400 + (month <= 2), month, day

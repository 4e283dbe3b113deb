"""Who gets what: the always-on holdout, and blocked randomisation of whole groups.

Pure, and reproducible from the ids alone: every draw is a SHA-256 of a salt and an audience id,
so an assignment can be checked years later. Groups alike in size and in the metric before the
start stand in one block, and every block holds each arm in its share (Bruhn and McKenzie, "In
Pursuit of Balance", AEJ: Applied 2009): with few groups chance alone would unbalance the arms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from contentcenter.domain.errors import InvalidInput

HOLDOUT_SALT = "contentcenter/holdout/1"
# Shares are whole parts of a block; more parts than this would make blocks too large to balance.
LARGEST_BLOCK = 20
# A third may be typed as 0.333.
ROUNDED = 0.002
GROUPS_A_STRATUM = 12
MOST_STRATA = 4


@dataclass(frozen=True)
class Candidate:
    """A group that may take part. `size`: readers; `before`: the metric before the start, None
    when it is not known."""

    audience_id: int
    size: float
    before: float | None


@dataclass(frozen=True)
class Seat:
    audience_id: int
    arm: int
    block: int


def unit_draw(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2.0**64)


def held_out(audience_id: int, share: float) -> bool:
    """Whether a group always stays with the base strategy, in no experiment ever."""
    return unit_draw(HOLDOUT_SALT, audience_id) < share


def block_seats(shares: Sequence[float]) -> tuple[int, ...]:
    """How many seats each arm has in one block. `InvalidInput` when the shares do not add up to
    1, or are no simple parts of it (at most twentieths)."""
    if abs(sum(shares) - 1.0) > 2 * ROUNDED or any(share <= 0 for share in shares):
        raise InvalidInput("The shares of the arms are positive and add up to 1", field="share")
    parts = [Fraction(share).limit_denominator(LARGEST_BLOCK) for share in shares]
    whole = lcm(*(part.denominator for part in parts))
    near = all(abs(part - share) <= ROUNDED for part, share in zip(parts, shares, strict=True))
    if sum(parts) != 1 or whole > LARGEST_BLOCK or not near:
        raise InvalidInput(
            "Shares are simple parts, such as 0.5 and 0.5, or 0.8 and 0.2", field="share"
        )
    return tuple(int(part * whole) for part in parts)


def assign(groups: Sequence[Candidate], shares: Sequence[float], salt: str) -> list[Seat]:
    """A seat for every group, in blocks of alike groups. The order of `groups` does not matter."""
    seats = block_seats(shares)
    size = sum(seats)
    ordered = _alike_first(groups)
    found: list[Seat] = []
    for block, start in enumerate(range(0, len(ordered), size)):
        members = ordered[start : start + size]
        shuffled = sorted(members, key=lambda one: unit_draw(salt, "group", one.audience_id))
        arms = _arms_of_block(seats, salt, block)
        found += [
            Seat(one.audience_id, arm, block) for one, arm in zip(shuffled, arms, strict=False)
        ]
    return found


def _arms_of_block(seats: Sequence[int], salt: str, block: int) -> list[int]:
    """The arms of a block in a drawn order, so that a block left half empty favours nobody."""
    arms = [arm for arm, count in enumerate(seats) for _ in range(count)]
    places = sorted(range(len(arms)), key=lambda place: unit_draw(salt, "seat", block, place))
    return [arms[place] for place in places]


def _alike_first(groups: Sequence[Candidate]) -> list[Candidate]:
    """Strata of size, inside each by the metric before the start; neighbours are alike. Every
    other stratum runs backwards, so that a block across a border holds alike groups too."""
    by_size = sorted(groups, key=lambda one: (one.size, one.audience_id))
    strata = min(MOST_STRATA, max(1, len(by_size) // GROUPS_A_STRATUM))
    middle = _middle([one.before for one in groups])
    ordered: list[Candidate] = []
    for number in range(strata):
        start, end = (len(by_size) * edge // strata for edge in (number, number + 1))
        stratum = sorted(
            by_size[start:end],
            key=lambda one: (middle if one.before is None else one.before, one.audience_id),
            reverse=number % 2 == 1,
        )
        ordered += stratum
    return ordered


def _middle(values: Sequence[float | None]) -> float:
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else 0.0


def counts(seats: Sequence[Seat], arms: int) -> Mapping[int, int]:
    """Groups by arm, arms without any too."""
    found = dict.fromkeys(range(arms), 0)
    for seat in seats:
        found[seat.arm] += 1
    return found

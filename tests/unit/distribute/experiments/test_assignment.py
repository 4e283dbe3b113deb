"""Holdout and blocked randomisation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.domain.errors import InvalidInput
from distribute.experiments.assignment import (
    Candidate,
    assign,
    block_seats,
    counts,
    held_out,
    unit_draw,
)


def groups(count: int, seed: int = 0) -> list[Candidate]:
    rng = np.random.default_rng(seed)
    return [
        Candidate(number, float(rng.integers(20, 500)), float(rng.normal(0.05, 0.02)))
        for number in range(1, count + 1)
    ]


def test_the_holdout_is_stable_and_about_its_share() -> None:
    out = {one for one in range(20_000) if held_out(one, 0.05)}
    assert len(out) == pytest.approx(1000, abs=100)
    assert out <= {one for one in range(20_000) if held_out(one, 0.1)}, "it only grows"
    assert not any(held_out(one, 0.0) for one in range(100))


@pytest.mark.parametrize(
    ("shares", "seats"),
    [((0.5, 0.5), (1, 1)), ((0.8, 0.2), (4, 1)), ((0.334, 0.333, 0.333), (1, 1, 1))],
)
def test_shares_become_seats(shares: tuple[float, ...], seats: tuple[int, ...]) -> None:
    assert block_seats(shares) == seats


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.0, 0.0), (0.513, 0.487), (1.2, -0.2)])
def test_odd_shares_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput):
        block_seats(shares)


@given(st.integers(1, 60), st.sampled_from([(0.5, 0.5), (0.6, 0.2, 0.2), (0.25, 0.75)]))
def test_everybody_gets_one_seat_and_every_whole_block_its_shares(
    count: int, shares: tuple[float, ...]
) -> None:
    seats = assign(groups(count), shares, "salt")
    assert sorted(seat.audience_id for seat in seats) == list(range(1, count + 1))
    wanted = block_seats(shares)
    for block in {seat.block for seat in seats}:
        inside = Counter(seat.arm for seat in seats if seat.block == block)
        if sum(inside.values()) == sum(wanted):
            assert [inside[arm] for arm in range(len(shares))] == list(wanted)


def test_the_order_does_not_matter_and_the_salt_does() -> None:
    some = groups(40)
    arms = {one.audience_id: one.arm for one in assign(some, (0.5, 0.5), "a")}
    assert arms == {one.audience_id: one.arm for one in assign(some[::-1], (0.5, 0.5), "a")}
    other = {one.audience_id: one.arm for one in assign(some, (0.5, 0.5), "b")}
    assert 5 < sum(arms[key] != other[key] for key in arms) < 35


def test_blocks_balance_the_arms_better_than_chance() -> None:
    blocked: list[float] = []
    plain: list[float] = []
    for seed in range(60):
        some = groups(24, seed)
        before = {one.audience_id: one.before or 0.0 for one in some}
        arms = {one.audience_id: one.arm for one in assign(some, (0.5, 0.5), f"s{seed}")}
        chance = {key: int(unit_draw(seed, key) < 0.5) for key in arms}
        for found, into in ((arms, blocked), (chance, plain)):
            sides = [[before[k] for k in before if found[k] == arm] for arm in (0, 1)]
            into.append(float(abs(np.mean(sides[0]) - np.mean(sides[1]))))
    assert np.mean(blocked) < 0.6 * np.mean(plain)


def test_unknown_histories_stand_in_the_middle() -> None:
    some = [Candidate(1, 10, None), Candidate(2, 10, 0.1), Candidate(3, 10, None)]
    seats = assign(some, (0.5, 0.5), "x")
    assert sum(counts(seats, 2).values()) == 3
    assert counts(seats, 3)[2] == 0

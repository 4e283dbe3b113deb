"""Drawing an experiment: the arms of the groups and everything else that is fixed at the start.

Pure. The history decides weights, covariates and the planned noise; nothing is chosen later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contentcenter.domain.errors import InvalidInput
from distribute.experiments.analysis import Design, fixed_mixing, history_of
from distribute.experiments.assignment import Candidate, Seat, assign, block_seats, counts
from distribute.experiments.estimate import fixed_weights
from distribute.experiments.intervals import ErrorBudget
from distribute.experiments.outcomes import Guard, Metric, Outcomes, ratio
from distribute.experiments.power import Plan, groups_needed, noise_of, plan_of

# Below this, even arms as different as they can be prove nothing by re-randomisation: 4 + 4
# groups have 70 drawings, 3 + 3 have 20.
LEAST_GROUPS_AN_ARM = 4


@dataclass(frozen=True)
class Wish:
    """What the operator asks for. shares: of the arms, base first. uplift: the relative
    difference that should be found, None = whatever can be. power: how surely."""

    metric: Metric
    shares: tuple[float, ...]
    days: int
    uplift: float | None = None
    power: float = 0.8
    budget: ErrorBudget = ErrorBudget()


def plan_experiment(history: Outcomes, wish: Wish) -> Plan:
    """What these groups can find. The counts are what the shares give."""
    seats = block_seats(wish.shares)
    total = len(history.audience_ids)
    groups = tuple(round(total * seat / sum(seats)) for seat in seats)
    noise = noise_of(history_of(history, wish.metric))
    alpha = wish.budget.shared(len(seats) - 1).final
    return plan_of(noise, groups, alpha, wish.power)


def refuse_too_few(history: Outcomes, wish: Wish) -> None:
    """`InvalidInput` with how many groups are needed, when there are fewer."""
    there, needed = len(history.audience_ids), least_groups(history, wish)
    if there < needed:
        aim = "" if wish.uplift is None else f" to find a difference of {wish.uplift:.0%}"
        raise InvalidInput(
            f"{there} groups may take part, {needed} are needed{aim}: add groups, run longer, "
            "or ask for a larger difference",
            groups=there,
            groups_needed=needed,
        )


def least_groups(history: Outcomes, wish: Wish) -> int:
    """The fewest groups in all: four in the smallest arm, more where the wanted uplift and the
    history ask for it. Without a history only the four are asked for."""
    seats = block_seats(wish.shares)
    floor = -(-LEAST_GROUPS_AN_ARM * sum(seats) // min(seats))
    noise = noise_of(history_of(history, wish.metric))
    if noise is None or noise.mean <= 0 or wish.uplift is None:
        return floor
    alpha = wish.budget.shared(len(seats) - 1).final
    return max(floor, groups_needed(noise, wish.shares, wish.uplift, alpha, wish.power))


def seats_for(history: Outcomes, wish: Wish, salt: str) -> list[Seat]:
    """The blocked random assignment of all groups of the history."""
    before, _ = ratio(history, wish.metric)
    groups = [
        Candidate(audience_id, float(readers), float(value) if np.isfinite(value) else None)
        for audience_id, readers, value in zip(
            history.audience_ids, history.readers, before, strict=True
        )
    ]
    return assign(groups, wish.shares, salt)


def design_from(history: Outcomes, wish: Wish, seats: Sequence[Seat]) -> Design:
    """The analysis of these seats, complete before the first post. Rows follow `history`."""
    by_id: Mapping[int, Seat] = {seat.audience_id: seat for seat in seats}
    chosen = [by_id[audience_id] for audience_id in history.audience_ids]
    noise = noise_of(history_of(history, wish.metric))
    before, denominator = ratio(history, wish.metric)
    kappa = noise.kappa if noise is not None else 0.0
    there = counts(seats, len(wish.shares))
    smallest = min(there[arm] for arm in range(1, len(wish.shares)))
    alpha = wish.budget.shared(len(wish.shares) - 1).early
    return Design(
        metric=wish.metric,
        arm=np.array([seat.arm for seat in chosen]),
        block=np.array([seat.block for seat in chosen]),
        before=before,
        guards_before={guard: ratio(history, guard)[0] for guard in Guard},
        weight=fixed_weights(denominator, kappa) if kappa > 0 else np.ones(len(chosen)),
        mixing=fixed_mixing(noise, wish.metric, (max(there[0], 1), max(smallest, 1)), alpha),
        days=wish.days,
        arms=len(wish.shares),
        budget=wish.budget,
    )

"""Weights of matching, learned from answers: of what was offered together, what was taken.

A choice is one group of candidates with those that were taken among them: items shown to one
audience on one day, or the audiences that one book could go to. The weights maximise the
probability that the softmax over the candidates' scores falls on a taken one (conditional
logit, McFadden 1974), drawn towards prior weights. A group's own level cancels out: an
audience that clicks everything teaches nothing about items by that. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from contentcenter.embedding.ports import Vectors

Groups = npt.NDArray[np.int64]
Taken = npt.NDArray[np.bool_]
_ROUNDS = 100


@dataclass(frozen=True)
class Choices:
    """`features` (n, f) unweighted parts of n candidates, `group` (n,) rising group numbers,
    `taken` (n,)."""

    features: Vectors
    group: Groups
    taken: Taken

    def __len__(self) -> int:
        return len(self.group)

    def telling(self) -> Choices:
        """Without the groups of which all or none was taken: they say nothing."""
        size = int(self.group.max()) + 1 if len(self) else 0
        count = np.bincount(self.group, minlength=size)
        yes = np.bincount(self.group, weights=self.taken, minlength=size)
        keep = ((yes > 0) & (yes < count))[self.group]
        _, group = np.unique(self.group[keep], return_inverse=True)
        return Choices(self.features[keep], group.astype(np.int64), self.taken[keep])

    @property
    def groups(self) -> int:
        return len(np.unique(self.group))


@dataclass(frozen=True)
class Fit:
    """`weights` in the order of the features; `loss` is the mean negative log likelihood of a
    group, without what draws the weights to their prior."""

    weights: npt.NDArray[np.float64]
    loss: float
    groups: int


def fit_weights(
    choices: Choices,
    prior: Sequence[float],
    *,
    pull: float = 1.0,
    free: Sequence[bool] | None = None,
) -> Fit:
    """The weights of these choices, none below zero: a part may be worth nothing, but more of
    it is never worse.

    `pull` is how many groups the prior is worth, by part in units of the part's spread; where
    `free` is False the prior stays. Without a telling group the prior comes back.
    """
    told, start = choices.telling(), np.asarray(prior, dtype=np.float64)
    if not len(told):
        return Fit(start, 0.0, 0)
    spread = np.maximum(told.features.std(axis=0).astype(np.float64), 1e-6)
    scaled = (told.features / spread).astype(np.float32)
    moving = np.ones(len(start), bool) if free is None else np.asarray(free, bool)
    aim, share = start * spread, pull / told.groups
    bounds = [(0.0, None) if free_ else (at, at) for free_, at in zip(moving, aim, strict=True)]

    def objective(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        value, slope = _likelihood(weights, Choices(scaled, told.group, told.taken))
        away = weights - aim
        return value + share * float(away @ away), slope + 2.0 * share * away

    found = minimize(
        objective,
        np.maximum(aim, 0.0),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _ROUNDS},
    )
    weights = np.asarray(found.x, dtype=np.float64)
    return Fit(
        weights / spread, loss(Choices(scaled, told.group, told.taken), weights), told.groups
    )


def loss(choices: Choices, weights: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Mean negative log likelihood of a telling group; 0 without any."""
    told = choices.telling()
    return _likelihood(np.asarray(weights, dtype=np.float64), told)[0] if len(told) else 0.0


def _likelihood(
    weights: npt.NDArray[np.float64], choices: Choices
) -> tuple[float, npt.NDArray[np.float64]]:
    """Mean loss of the groups and its slope. Groups are numbered without gaps."""
    group, taken = choices.group, choices.taken
    scores = np.asarray(choices.features @ weights.astype(np.float32), dtype=np.float64)
    count = int(group.max()) + 1
    top = np.full(count, -np.inf)
    np.maximum.at(top, group, scores)
    grown = np.exp(scores - top[group])
    every = np.bincount(group, weights=grown, minlength=count)
    # A taken candidate far below the others would underflow to a probability of zero.
    yes = np.maximum(np.bincount(group, weights=grown * taken, minlength=count), 1e-300)
    slope = (grown / every[group] - grown * taken / yes[group]).astype(np.float32)
    return float(np.mean(np.log(every) - np.log(yes))), np.asarray(
        slope @ choices.features, dtype=np.float64
    ) / count

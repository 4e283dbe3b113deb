"""Which strategy holds for a group and a slot, from the experiments that run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from distribute.experiments.bandit import Choice
from distribute.experiments.strategy import BASE, Layer, Strategy

PERIOD = timedelta(days=7)


@dataclass(frozen=True)
class Running:
    """A running experiment. arms: the strategy of each, None for a paused one. drawn: what each
    group got; a fixed experiment has period 0 only, a bandit one for each week."""

    id: int
    layer: Layer
    starts_at: datetime
    ends_at: datetime
    arms: tuple[Strategy | None, ...]
    drawn: Mapping[tuple[int, int], Choice]
    weekly: bool = False

    def choice(self, audience_id: int, at: datetime) -> Choice | None:
        """What a group was drawn into for a slot; None outside the experiment."""
        if not self.starts_at <= at < self.ends_at:
            return None
        return self.drawn.get((audience_id, self.period(at)))

    def period(self, at: datetime) -> int:
        return (at - self.starts_at) // PERIOD if self.weekly else 0


@dataclass(frozen=True)
class Mark:
    """A post remembers this of an experiment."""

    experiment_id: int
    arm: int
    propensity: float


@dataclass(frozen=True)
class Chosen:
    """The strategies of all groups; without experiments everybody has the base."""

    running: Sequence[Running] = field(default=())

    def match_weights(self, audience_id: int, at: datetime) -> Mapping[str, float]:
        return self._strategy(Layer.MATCH, audience_id, at).match

    def copy_style(self, audience_id: int, at: datetime) -> str:
        return self._strategy(Layer.COPY, audience_id, at).copy_style

    def slot_shift(self, audience_id: int, at: datetime) -> timedelta:
        """How much later than its habit at `at` a group is told."""
        minutes = self._strategy(Layer.SLOT, audience_id, at).slot_shift_minutes
        return timedelta(minutes=minutes)

    def marks(self, audience_id: int, at: datetime) -> tuple[Mark, ...]:
        """What a post in this slot has to remember, the base arm too; nothing of a paused arm."""
        found = []
        for one in self.running:
            choice = one.choice(audience_id, at)
            if choice is not None and one.arms[choice.arm] is not None:
                found.append(Mark(one.id, choice.arm, choice.propensity))
        return tuple(found)

    def told_otherwise(self, audience_id: int, at: datetime, told: Mapping[int, int]) -> bool:
        """Whether a post written under the arms `told` (by experiment) would be told under
        others now. What was told as the base of an experiment that is over stays as it is."""
        now = {mark.experiment_id: mark.arm for mark in self.marks(audience_id, at)}
        joined = any(told.get(one) != arm for one, arm in now.items())
        left = any(arm != 0 and one not in now for one, arm in told.items())
        return joined or left

    def _strategy(self, layer: Layer, audience_id: int, at: datetime) -> Strategy:
        for one in self.running:
            choice = one.choice(audience_id, at) if one.layer == layer else None
            if choice is not None:
                return one.arms[choice.arm] or BASE
        return BASE

"""What an operator writes down before an experiment starts, checked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contentcenter.domain.errors import InvalidInput
from distribute.experiments.assignment import block_seats
from distribute.experiments.design import Wish
from distribute.experiments.outcomes import Metric
from distribute.experiments.strategy import Layer, Strategy
from distribute.experiments.tables import ExperimentKind

LEAST_DAYS, MOST_DAYS = 7, 60
MOST_ARMS = 5


@dataclass(frozen=True)
class Arm:
    name: str
    share: float
    strategy: Strategy = field(default_factory=Strategy)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "share": self.share, "strategy": self.strategy.as_json()}


@dataclass(frozen=True)
class Draft:
    """arms: the base first. uplift: the relative difference to be found. floor: the share of a
    bandit's draws that explores. audience_ids: empty = all active groups."""

    name: str
    hypothesis: str
    layer: Layer
    metric: Metric
    arms: Sequence[Arm]
    days: int = 28
    kind: ExperimentKind = ExperimentKind.FIXED
    uplift: float | None = None
    power: float = 0.8
    floor: float = 0.1
    audience_ids: Sequence[int] = ()

    def wish(self) -> Wish:
        shares = tuple(arm.share for arm in self.arms)
        return Wish(self.metric, shares, self.days, self.uplift, self.power)


def check_draft(draft: Draft) -> None:
    """`InvalidInput` names the field and what would be right."""
    if not draft.name.strip() or not draft.hypothesis.strip():
        raise InvalidInput("An experiment needs a name and a hypothesis", field="hypothesis")
    if not LEAST_DAYS <= draft.days <= MOST_DAYS:
        raise InvalidInput(f"It runs {LEAST_DAYS} to {MOST_DAYS} days", field="days")
    if draft.uplift is not None and not 0.0 < draft.uplift <= 1.0:
        raise InvalidInput("The difference to find is above 0 and up to 1 (100 %)", field="uplift")
    if not 0.5 <= draft.power < 1.0:
        raise InvalidInput("The power lies from 0.5 to below 1", field="power")
    if not 0.0 < draft.floor <= 1.0:
        raise InvalidInput("The floor of exploration lies above 0 and up to 1", field="floor")
    _check_arms(draft)


def _check_arms(draft: Draft) -> None:
    if not 2 <= len(draft.arms) <= MOST_ARMS:
        raise InvalidInput(f"An experiment has 2 to {MOST_ARMS} arms", field="arms")
    names = [arm.name.strip() for arm in draft.arms]
    if not all(names) or len(set(names)) < len(names):
        raise InvalidInput("Every arm has a name of its own", field="arms")
    block_seats([arm.share for arm in draft.arms])
    if draft.arms[0].strategy.layers:
        raise InvalidInput("The first arm is the base and changes nothing", field="arms")
    for arm in draft.arms[1:]:
        if arm.strategy.layers != {draft.layer}:
            raise InvalidInput(
                f"The arm {arm.name!r} must change {draft.layer} and nothing else", field="arms"
            )
    if draft.kind == ExperimentKind.BANDIT and draft.layer == Layer.MATCH:
        raise InvalidInput(
            "A bandit tries copy styles and slots; matching is compared by a fixed experiment",
            field="layer",
        )

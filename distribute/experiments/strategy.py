"""Strategies: what may differ between the arms of an experiment, and the layers they live in.

Pure. A strategy changes one layer only: what is chosen (match), how it is told (copy) or when
(slot). Layers are randomised apart from each other, so a group may be in one experiment of each
(overlapping layers: Tang, Agarwal, O'Brien, Meyer, "Overlapping Experiment Infrastructure",
KDD 2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contentcenter.domain.errors import InvalidInput
from distribute.tailor.styles import CopyStyle
from recommend.matching.settings import PARTS

# Weights of the named parts, and the bonus of a category a silent group was never shown.
MATCH_WEIGHTS = (*PARTS, "discovery")
MOST_WEIGHT = 5.0
MOST_SHIFT_MINUTES = 6 * 60


class Layer(StrEnum):
    MATCH = "match"
    COPY = "copy"
    SLOT = "slot"


@dataclass(frozen=True)
class Strategy:
    """Settings that replace the product's own; an empty one is the base strategy.

    match: weights by name of `MatchSettings`. copy_style: a `CopyStyle`, empty = the usual tone
    of each audience. slot_shift_minutes: how much later (or earlier) than its habit a group is
    told.
    """

    match: Mapping[str, float] = field(default_factory=dict)
    copy_style: str = ""
    slot_shift_minutes: int = 0

    @property
    def layers(self) -> frozenset[Layer]:
        """The layers this strategy changes."""
        changed = {
            Layer.MATCH: bool(self.match),
            Layer.COPY: bool(self.copy_style),
            Layer.SLOT: self.slot_shift_minutes != 0,
        }
        return frozenset(layer for layer, differs in changed.items() if differs)

    def as_json(self) -> dict[str, Any]:
        """Only what differs from the base."""
        whole = {
            "match": dict(self.match),
            "copy_style": self.copy_style,
            "slot_shift_minutes": self.slot_shift_minutes,
        }
        return {name: value for name, value in whole.items() if value}


BASE = Strategy()


def strategy_from(values: Mapping[str, Any]) -> Strategy:
    """A checked strategy. `InvalidInput` names the setting and what is allowed."""
    unknown = set(values) - {"match", "copy_style", "slot_shift_minutes"}
    if unknown:
        raise InvalidInput(f"A strategy has no setting {sorted(unknown)}", fields=sorted(unknown))
    shift = int(values.get("slot_shift_minutes") or 0)
    if abs(shift) > MOST_SHIFT_MINUTES:
        raise InvalidInput(
            f"A slot moves by at most {MOST_SHIFT_MINUTES} minutes", field="slot_shift_minutes"
        )
    return Strategy(_weights(values.get("match") or {}), _style(values.get("copy_style")), shift)


def _weights(raw: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in raw.items():
        if name not in MATCH_WEIGHTS:
            raise InvalidInput(
                f"There is no match weight {name!r}", field=name, allowed=list(MATCH_WEIGHTS)
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(f"The weight {name} is a number", field=name)
        if not 0.0 <= value <= MOST_WEIGHT:
            raise InvalidInput(f"The weight {name} lies from 0 to {MOST_WEIGHT:g}", field=name)
        found[name] = float(value)
    return found


def _style(raw: Any) -> str:
    style = str(raw or "")
    if style and style not in set(CopyStyle):
        raise InvalidInput(
            f"There is no copy style {style!r}", field="copy_style", allowed=list(CopyStyle)
        )
    return style

"""What happened since the last training: shrunken corrections by category and item.

Observed over expected responses with gamma-Poisson shrinkage (DuMouchel 1999): a cell with few
impressions stays at 1, a category that is suddenly wanted moves within the hour. Recomputed
from the logged answers, so every process sees the same and nothing can drift.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contentcenter.embedding.ports import Vectors

CATEGORY_EVIDENCE = 10.0
ITEM_EVIDENCE = 4.0
LARGEST = 0.8
ITEMS_KEPT = 2_000
_WORTH_KEEPING = 0.02


@dataclass(frozen=True)
class Outcome:
    """One seen entry of late: the chance it had been given (place included), what came, and
    its weight (newer counts more)."""

    item_id: int
    category: str
    chance: float
    answer: float
    weight: float = 1.0


@dataclass(frozen=True)
class Corrections:
    """Log-odds to add, by category and by item."""

    categories: Mapping[str, float] = field(default_factory=dict)
    items: Mapping[int, float] = field(default_factory=dict)

    def log_odds(self, ids: Sequence[int], categories: Sequence[str]) -> Vectors:
        """What to add (n,), at most `LARGEST` either way."""
        if not self.items and not self.categories:
            return np.zeros(len(ids), dtype=np.float32)
        total = [
            self.items.get(one, 0.0) + self.categories.get(category, 0.0)
            for one, category in zip(ids, categories, strict=True)
        ]
        values: Vectors = np.clip(total, -LARGEST, LARGEST).astype(np.float32)
        return values

    def as_json(self) -> dict[str, Any]:
        items = {str(one): round(value, 4) for one, value in self.items.items()}
        categories = {code: round(value, 4) for code, value in self.categories.items()}
        return {"categories": categories, "items": items}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Corrections:
        items = {int(one): float(value) for one, value in data.get("items", {}).items()}
        return cls(dict(data.get("categories", {})), items)


def corrections(outcomes: Iterable[Outcome]) -> Corrections:
    """From recent outcomes; nothing recent gives no correction.

    Items are judged by what their category's correction leaves unexplained.
    """
    kept = list(outcomes)
    # That all of it is clicked more or less than expected moves no item past another, and
    # must not count against what happened to be shown.
    overall = sum(one.weight * one.answer for one in kept) + CATEGORY_EVIDENCE
    overall /= sum(one.weight * one.chance for one in kept) + CATEGORY_EVIDENCE
    came, due = _sums((one.category, one.answer, one.chance * overall, one.weight) for one in kept)
    categories = {code: _shrunk(came[code], due[code], CATEGORY_EVIDENCE) for code in due}
    scale = {code: overall * math.exp(value) for code, value in categories.items()}
    came, due = _sums(
        (one.item_id, one.answer, one.chance * scale[one.category], one.weight) for one in kept
    )
    items = {one: _shrunk(came[one], due[one], ITEM_EVIDENCE) for one in due}
    telling = sorted(items, key=lambda one: (-abs(items[one]), one))[:ITEMS_KEPT]
    return Corrections(
        categories, {one: items[one] for one in telling if abs(items[one]) > _WORTH_KEEPING}
    )


def _sums(
    cells: Iterable[tuple[Any, float, float, float]],
) -> tuple[dict[Any, float], dict[Any, float]]:
    came: dict[Any, float] = defaultdict(float)
    due: dict[Any, float] = defaultdict(float)
    for key, answer, chance, weight in cells:
        came[key] += weight * answer
        due[key] += weight * chance
    return came, due


def _shrunk(came: float, due: float, evidence: float) -> float:
    value = math.log((came + evidence) / (due + evidence))
    return min(max(value, -LARGEST), LARGEST)

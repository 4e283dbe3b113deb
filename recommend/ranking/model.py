"""A version of the ranking: the prior, boosted trees on its residual, lines of calibration.

log-odds = line(first(prior(x)) + trees(x)), both lines Platt's. Trees see the calibrated prior
as init score (`lightgbm.Dataset(init_score=...)`), so they only learn where it is wrong, and
no trees at all is a valid model. Contributions of trees are Shapley values
(Lundberg et al. 2020, `pred_contrib`); all contributions add up to the log-odds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import lightgbm as lgb
import numpy as np

from contentcenter.domain.errors import ModelMismatch
from contentcenter.embedding.ports import Vectors
from recommend.matching.settings import PARTS
from recommend.ranking.calibration import Line
from recommend.ranking.features import COLUMN, FEATURES, FRAME
from recommend.ranking.position import PositionEffect
from recommend.ranking.prior import (
    AnyRows,
    PriorSettings,
    prior_log_odds,
    prior_parts,
    usual_parts,
)

FORMAT = 1
LEARNED = tuple(name for name in FEATURES if name not in FRAME)
LEARNED_COLUMNS = np.array([COLUMN[name] for name in LEARNED])
# Where more can only speak for an item (1) or against it (-1); see lightgbm's
# `monotone_constraints`. Everything else is free.
MONOTONE: Mapping[str, int] = {
    "semantic": 1,
    "tags": 1,
    "category": 1,
    "response": 1,
    "quality": 1,
    "category_taste": 1,
    "author_liked": 1,
    "author_disliked": -1,
    "category_disliked": -1,
    "price_over": -1,
    "served_before": -1,
}
# The part of the shown score that a feature's contribution joins.
_PART_OF: Mapping[str, str] = {
    **{name: name for name in PARTS},
    "served_before": "repeat",
    "shown": "popularity",
    "liked": "popularity",
    "age": "freshness",
    "price_over": "price",
    "price_ratio": "price",
    "unpriced": "price",
    "sensitivity": "price",
    "category_taste": "category",
    "category_recent": "fatigue",
    "author_liked": "author",
    "author_disliked": "disliked",
    "category_disliked": "disliked",
    "anchor": "scene",
    "evidence": "reader",
    "tiredness": "reader",
    "confidence": "reader",
    "kind_ugc": "kind",
    "kind_supplier": "kind",
    "hour_fit": "moment",
    "weekend": "moment",
}


@dataclass(frozen=True)
class RankingModel:
    """Safe to use from several threads. `first` calibrates the prior, `line` the whole; without
    trees and with both lines (0, 1) it is the prior."""

    first: Line = field(default_factory=Line)
    line: Line = field(default_factory=Line)
    trees: lgb.Booster | None = None
    position: PositionEffect = field(default_factory=PositionEffect)
    prior: PriorSettings = field(default_factory=PriorSettings)

    def log_odds(self, rows: Vectors) -> Vectors:
        """Log-odds (n,) of a click in the first place, for rows of `features`."""
        start = self.first(prior_log_odds(rows, self.prior).astype(np.float64))
        return self.line(start + self._boost(rows)).astype(np.float32)

    def parts(self, rows: Vectors) -> dict[str, Vectors]:
        """Named contributions (n,) in log-odds; their sum is `log_odds`."""
        both = np.float32(self.first.slope * self.line.slope)
        parts = {name: both * one for name, one in prior_parts(rows, self.prior).items()}
        for name, values in self._contributions(rows).items():
            parts[name] = parts.get(name, np.float32(0.0)) + np.float32(self.line.slope) * values
        parts["base"] = parts["base"] + np.float32(self.line.at(self.first.intercept))
        return parts

    def usual(self, candidates: AnyRows) -> dict[str, np.float32]:
        """What the average of all `candidates` (n, F) of a page earns in each part of
        matching, in log-odds."""
        both = np.float32(self.first.slope * self.line.slope)
        return {name: both * one for name, one in usual_parts(candidates, self.prior).items()}

    def parts_against(self, rows: Vectors, usual: Mapping[str, np.float32]) -> dict[str, Vectors]:
        """The same with the parts of matching told against what is `usual` among the
        candidates: a part above zero speaks for an item more than for the others, and `base`
        is what an average one has. (What trees add is told against their own average.)"""
        parts = self.parts(rows)
        for name, value in usual.items():
            parts[name] = parts[name] - value
            parts["base"] = parts["base"] + value
        return parts

    def dump(self) -> bytes:
        """Everything but the code, for the registry."""
        return json.dumps(
            {
                "format": FORMAT,
                "features": list(LEARNED),
                "first": asdict(self.first),
                "line": asdict(self.line),
                "position": asdict(self.position),
                "prior": asdict(self.prior),
                "trees": self.trees.model_to_string() if self.trees is not None else None,
            }
        ).encode()

    @classmethod
    def load(cls, blob: bytes) -> RankingModel:
        """`ModelMismatch` for a version that was trained on other features than today's."""
        data = json.loads(blob)
        if data["format"] != FORMAT or tuple(data["features"]) != LEARNED:
            raise ModelMismatch("This ranking was trained on other features: train it again")
        trees = lgb.Booster(model_str=data["trees"]) if data["trees"] else None
        return cls(
            Line(**data["first"]),
            Line(**data["line"]),
            trees,
            PositionEffect(**data["position"]),
            PriorSettings(**data["prior"]),
        )

    def _boost(self, rows: Vectors) -> Vectors:
        if self.trees is None:
            return np.zeros(len(rows), dtype=np.float32)
        values = self.trees.predict(rows[:, LEARNED_COLUMNS], raw_score=True, num_threads=1)
        return np.asarray(values, dtype=np.float32)

    def _contributions(self, rows: Vectors) -> dict[str, Vectors]:
        if self.trees is None or not len(rows):
            return {}
        columns = rows[:, LEARNED_COLUMNS]
        values = np.asarray(
            self.trees.predict(columns, pred_contrib=True, num_threads=1), dtype=np.float32
        )
        out: dict[str, Vectors] = {"base": values[:, -1]}
        for column in np.flatnonzero(values[:, :-1].any(axis=0)):
            part = part_of(LEARNED[column])
            out[part] = out.get(part, np.float32(0.0)) + values[:, column]
        return out


def part_of(feature: str) -> str:
    """The part of the shown score that this feature speaks in."""
    if feature.startswith("recall_"):
        return "sources"
    if feature.startswith("scene_"):
        return "scene"
    return _PART_OF[feature]

"""The hand-set ranking as log-odds of a click: what serves before anything is learned.

log-odds = usual + slope * (z - shift), z = (sum of match parts - mean) / spread + bonuses.
Monotone in z for the candidates of one page, so the order is the one that the weights of
matching describe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.matching.settings import PARTS
from recommend.ranking.features import COLUMN, RECALLS, SCENES
from recommend.ranking.scenes import Scene, scene_bonus

RECALL_BONUS: Mapping[str, float] = {
    "co_read": 0.5,
    "persona": 0.2,
    "followed": 0.2,
    "editors": 0.15,
    "popular": 0.15,
    "explore": 0.1,
}


AnyRows = npt.NDArray[np.floating[Any]]
_MATCHED = [COLUMN[name] for name in PARTS]
_RECALLED = [COLUMN[f"recall_{name}"] for name in RECALLS]


@dataclass(frozen=True)
class PriorSettings:
    """All but `slope` and `shift` in units of z. `slope` is the log-odds that one deviation of
    the match score is worth, `shift` the z of a usual item that is shown. A dislike counts at
    most `most_dislikes` times; `anchor` is what the nearest neighbour of the scene's item gains
    (by rank among the neighbours, which holds for every embedding model)."""

    slope: float = 0.6
    shift: float = 1.5
    served_before: float = 0.6
    author_disliked: float = 1.2
    category_disliked: float = 0.5
    most_dislikes: float = 2.0
    anchor: float = 2.0
    recall_bonus: Mapping[str, float] = field(default_factory=lambda: dict(RECALL_BONUS))


def prior_parts(rows: Vectors, settings: PriorSettings | None = None) -> dict[str, Vectors]:
    """Named columns (n,) in log-odds; their sum is the prior.

    The nine parts of matching keep their names; `base` is what all candidates share.
    """
    rules = settings or PriorSettings()
    spread = rows[:, COLUMN["total_spread"]]
    matched = rules.slope * rows[:, _MATCHED] / spread[:, None]
    parts: dict[str, Vectors] = dict(zip(PARTS, matched.T, strict=True))
    middle = rows[:, COLUMN["total_mean"]] / spread
    parts["base"] = rows[:, COLUMN["usual"]] - rules.slope * (middle + rules.shift)
    parts["sources"] = rules.slope * _recall_bonus(rows, rules)
    parts["repeat"] = -rules.slope * rules.served_before * rows[:, COLUMN["served_before"]]
    parts["disliked"] = -rules.slope * _dislikes(rows, rules)
    parts["scene"] = rules.slope * rules.anchor * rows[:, COLUMN["recall_scene"]]
    return parts


def usual_parts(rows: AnyRows, settings: PriorSettings | None = None) -> dict[str, np.float32]:
    """What the average of all candidates of one page, rows (n, F), earns in each part of
    matching, in log-odds. Empty without candidates."""
    if not len(rows):
        return {}
    rules = settings or PriorSettings()
    means = rows[:, _MATCHED].mean(axis=0, dtype=np.float32)
    scale = np.float32(rules.slope) / np.float32(rows[0, COLUMN["total_spread"]])
    return dict(zip(PARTS, means * scale, strict=True))


def prior_log_odds(rows: Vectors, settings: PriorSettings | None = None) -> Vectors:
    """Log-odds (n,) of a click before anything is learned."""
    total: Vectors = np.sum(list(prior_parts(rows, settings).values()), axis=0)
    return total


def _recall_bonus(rows: Vectors, rules: PriorSettings) -> Vectors:
    found = (rows[:, _RECALLED] > 0).astype(np.float32)
    usual = np.array([rules.recall_bonus.get(name, 0.0) for name in RECALLS], dtype=np.float32)
    bonus: Vectors = (found @ usual).astype(np.float32)
    unsure = 1.0 - rows[:, COLUMN["confidence"]]
    for scene in SCENES:
        here = rows[:, COLUMN[f"scene_{scene}"]]
        if here.any():
            bonus = (bonus + here * unsure * (found @ _scene_column(scene))).astype(np.float32)
    return bonus


def _scene_column(scene: Scene) -> Vectors:
    return np.array([scene_bonus(scene, name) for name in RECALLS], dtype=np.float32)


def _dislikes(rows: Vectors, rules: PriorSettings) -> Vectors:
    author = np.minimum(rows[:, COLUMN["author_disliked"]], rules.most_dislikes)
    category = np.minimum(rows[:, COLUMN["category_disliked"]], rules.most_dislikes)
    total = rules.author_disliked * author + rules.category_disliked * category
    return total.astype(np.float32)

"""What a feed answer keeps of its ranking, for training, replay and audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contentcenter.embedding.ports import Vectors
from recommend.ranking.explore import Offer
from recommend.ranking.features import FEATURES_KEY, pack


@dataclass(frozen=True)
class Ranked:
    """How one shown item was ranked. `row` its features (F,), `model` the version's log-odds
    without what was added online, `place` from 1 through the session; `offer` with the ids and
    feature rows of all who competed, if the place was drawn by lot."""

    version: int
    place: int
    row: Vectors
    model: float
    category: str
    offer: Offer | None = None
    offered_ids: Sequence[int] = ()
    offered_rows: Vectors | None = None

    def as_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "key": FEATURES_KEY,
            "v": self.version,
            "place": self.place,
            "x": pack(self.row[None, :]),
            "m": round(self.model, 4),
            "c": self.category,
        }
        if self.offer is not None and self.offered_rows is not None:
            out["offer"] = {
                "ids": list(self.offered_ids),
                "p": [round(chance, 6) for chance in self.offer.chances],
                "chosen": self.offer.chosen,
                "x": pack(self.offered_rows),
            }
        return out

"""Many audiences matched block by block over one catalogue that is laid out once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contentcenter.store.cards import AudienceCard
from recommend.matching.pairs import PairEcho
from recommend.matching.scores import (
    AudienceFeatures,
    Flags,
    ItemFeatures,
    Scores,
    eligible,
    refined,
    score_matrix,
    total_of,
)
from recommend.matching.settings import MatchSettings
from recommend.matching.types import Match
from recommend.persona_math import Persona
from recommend.shelf import ShelfItem


@dataclass(frozen=True)
class Many:
    """A catalogue, and the memories and personas of all audiences that are matched with it."""

    shelf: Sequence[ShelfItem]
    items: ItemFeatures
    pairs: PairEcho
    personas: Mapping[int, Persona]
    rules: MatchSettings


def best_of_block(
    many: Many,
    cards: Sequence[AudienceCard],
    who: AudienceFeatures,
    *,
    first: int,
    allowed: Flags,
    limit: int,
) -> dict[int, tuple[Match, ...]]:
    """The best `limit` matches of these audiences by id. `who`: their columns without memory;
    in `many.pairs` they stand from `first` on. `allowed` (n,): items open to their channel."""
    scores = score_matrix(many.items, who, many.rules)
    fits = eligible(many.items, who) & allowed[:, None]
    scores, fits = refined(scores, fits, many.pairs, many.rules, first)
    out: dict[int, tuple[Match, ...]] = {}
    for column, card in enumerate(cards):
        rows = np.flatnonzero(fits[:, column])
        order = rows[np.argsort(-scores.total[rows, column], kind="stable")][:limit]
        out[card.id] = tuple(
            scored(many.shelf[int(row)], card, scores, (int(row), column)) for row in order
        )
    return out


def scored(item: ShelfItem, card: AudienceCard, scores: Scores, place: tuple[int, int]) -> Match:
    """One pair of a score matrix as a match."""
    parts = scores.explain(*place)
    return Match(
        item_id=item.id,
        audience_id=card.id,
        score=total_of(parts),
        parts=parts,
        title=item.title,
        audience=card.name,
        centre=int(scores.centre[place]),
        category=item.match.category,
    )

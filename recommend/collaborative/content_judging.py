"""Whether a bridge tells readers of unread items better than a table of topics would. Pure.

A fifth of the items loses its readers; the bridge learns from the others and ranks readers for
these. That is the very task it serves, on items it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from recommend.collaborative.content import ContentBridge
from recommend.collaborative.content_features import ContentSpace, ItemContent, unit_rows
from recommend.collaborative.content_training import BridgeSettings
from recommend.collaborative.interactions import Floats, Ids

HELD_OUT = 5
# An item with fewer readers says more about chance than about the model.
FEWEST_READERS = 3
# More items than this make the judgement dearer, not surer.
_MOST = 500


@dataclass(frozen=True)
class Judgement:
    """Mean area under the curve over `items` held out: the bridge's, and that of profiles of
    topics alone."""

    ours: float
    topics: float
    items: int


def judge(
    contents: Sequence[ItemContent], history: sparse.csr_array, settings: BridgeSettings
) -> Judgement:
    """On items drawn with the seed. `InvalidInput` when too few are left to learn from."""
    order = np.random.default_rng(settings.seed).permutation(len(contents))
    held, kept = np.split(order, [min(len(order) // HELD_OUT, _MOST)])
    held, kept = np.sort(held), np.sort(kept)
    columns = sparse.csc_array(history)
    left = sparse.csr_array(columns[:, kept])
    known = [contents[int(one)] for one in kept]
    asked = [int(one) for one in held if len(columns[:, [int(one)]].indices) >= FEWEST_READERS]
    new = [contents[one] for one in asked]
    bridge = ContentBridge.fit(kept.astype(np.int64), known, left, settings)
    readers = [columns[:, [one]].indices for one in asked]
    return Judgement(
        ours=_mean_area(bridge.scores(left, new), readers),
        topics=_mean_area(topic_profiles(known, left, new), readers),
        items=len(asked),
    )


def topic_profiles(
    known: Sequence[ItemContent], history: sparse.csr_array, new: Sequence[ItemContent]
) -> Floats:
    """(r, m) cosine of a reader's summed TF-IDF topics and an item's: what to beat."""
    space = ContentSpace.of(known)
    profiles = unit_rows(sparse.csr_array(history @ space.rows(known).kinds["topic"]))
    return np.asarray((profiles @ space.rows(new).kinds["topic"].T).toarray(), np.float32)


def area_under_curve(scores: Floats, readers: Ids) -> float:
    """Chance that a reader (place in `scores`) stands before another one; ties count half
    (Mann and Whitney 1947)."""
    count, others = len(readers), len(scores) - len(readers)
    ranks = float(rankdata(scores)[readers].sum())
    return (ranks - count * (count + 1) / 2) / max(count * others, 1)


def _mean_area(scores: Floats, readers: Sequence[Ids]) -> float:
    areas = [area_under_curve(scores[:, at], own) for at, own in enumerate(readers)]
    return float(np.mean(areas)) if areas else 0.5

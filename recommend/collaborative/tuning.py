"""Choosing the settings of the co-reading model on likes it has not seen. Pure.

A part of the training likes is cut out once; each step of the search changes one setting and keeps
what ranks the cut-out likes best. The judged test is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from recommend.collaborative.fit import FitSettings, Fitting, without_side
from recommend.collaborative.interactions import Ids
from recommend.collaborative.ranking_measures import Scorer, answer, ndcg_each, readers_with

DEPTH = 20
JUDGES = 10_000
HELD_OUT = 0.15
FEWEST = 5
SEED = 7
PENALTIES = (8.0, 15.0, 30.0)
SIDE_WEIGHTS = (1.5, 8.0)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Cut:
    """Likes in two matrices (readers, items) of one shape; `readers`: whose lists are judged."""

    kept: sparse.csr_array = field(repr=False)
    held_out: sparse.csr_array = field(repr=False)
    readers: Ids = field(repr=False)

    def ndcg(self, scorer: Scorer) -> float:
        """Mean nDCG@20 over the judges; 0 without any."""
        if not len(self.readers):
            return 0.0
        answers = answer(scorer, self.kept, self.readers, DEPTH)
        return float(ndcg_each(answers, self.held_out).mean())


@dataclass(frozen=True)
class Tuned:
    """`ndcg` of the settings on the likes held out; 0 when there were too few to judge by."""

    settings: FitSettings
    ndcg: float


def cut_out(matrix: sparse.csr_array, share: float = HELD_OUT, seed: int = SEED) -> Cut:
    """Hold out a random share of the likes of readers with at least five."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    source = np.random.default_rng(seed)
    out = (source.random(matrix.nnz) < share) & (np.diff(matrix.indptr)[row] >= FEWEST)
    kept, held_out = (
        sparse.csr_array((matrix.data[mask], (row[mask], matrix.indices[mask])), shape=matrix.shape)
        for mask in (~out, out)
    )
    readers = readers_with(held_out)
    some = np.sort(source.permutation(readers)[:JUDGES])
    return Cut(kept, held_out, some)


def tune(
    matrix: sparse.csr_array,
    start: FitSettings,
    side: sparse.csr_array | None = None,
    tell: Tell = lambda _: None,
) -> Tuned:
    """The best settings found from `start`: penalty, then weight of the side rows, each with the
    share of the neighbours that suits it. Too few likes: `start` as it is."""
    cut = cut_out(matrix)
    first = start if side is not None else without_side(start)
    if not len(cut.readers) or not cut.kept.nnz:
        return Tuned(first, 0.0)
    fitting = Fitting(cut.kept, side)
    penalties = [replace(first, ridge=replace(first.ridge, penalty=one)) for one in PENALTIES]
    best = _best(fitting, cut, penalties, tell)
    if side is None:
        return best
    weights = [
        replace(best.settings, ridge=replace(best.settings.ridge, side_weight=one))
        for one in SIDE_WEIGHTS
    ]
    return max(best, _best(fitting, cut, weights, tell), key=lambda one: one.ndcg)


def _best(fitting: Fitting, cut: Cut, tries: Iterable[FitSettings], tell: Tell) -> Tuned:
    found = [_share(fitting, cut, one) for one in tries]
    for one in found:
        tell(f"{one.settings.ridge}, neighbours {one.settings.neighbour_share}: {one.ndcg:.4f}")
    return max(found, key=lambda one: one.ndcg)


def _share(fitting: Fitting, cut: Cut, settings: FitSettings) -> Tuned:
    parts = fitting.parts(settings)

    def scorer(share: float) -> Scorer:
        return lambda rows: parts.scores(rows, share)

    scored = {share: cut.ndcg(scorer(share)) for share in SHARES}
    share = max(scored, key=lambda one: scored[one])
    return Tuned(replace(settings, neighbour_share=share), scored[share])

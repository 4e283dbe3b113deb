"""What the feed's model is held to: popularity, item-kNN, EASE and implicit ALS, each tuned.

Whatever has a setting that matters gets it chosen on the same held-out likes of the training part
as our own model; none of them ever sees the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recommend.collaborative.closed_form import Ridge, closed_form, gram_of
from recommend.collaborative.fit import most_read
from recommend.collaborative.neighbours import cosine_neighbours
from recommend.collaborative.ranking_measures import Scorer
from recommend.collaborative.tuning import Cut, Tell

NEIGHBOURS = 200
EASE_PENALTIES = (30.0, 60.0, 100.0, 200.0, 300.0, 500.0)
ALS_SEED = 7

Fit = Callable[[sparse.csr_array], Scorer]


@dataclass(frozen=True)
class AlsSettings:
    factors: int
    alpha: float
    regularization: float = 0.05
    iterations: int = 15


ALS_SETTINGS = (
    AlsSettings(64, 10.0),
    AlsSettings(128, 1.0),
    AlsSettings(128, 10.0),
    AlsSettings(128, 40.0),
    AlsSettings(128, 10.0, 10.0),
)


@dataclass(frozen=True)
class Baseline:
    """One method and the settings to choose from, by what they are called."""

    name: str
    tries: Mapping[str, Fit]

    def chosen(self, cut: Cut, tell: Tell) -> tuple[str, Fit]:
        """The setting that ranks the held-out likes best."""
        if len(self.tries) == 1 or not len(cut.readers):
            return next(iter(self.tries.items()))
        scored = {label: cut.ndcg(fit(cut.kept)) for label, fit in self.tries.items()}
        for label, value in scored.items():
            tell(f"{self.name}, {label}: {value:.4f}")
        best = max(scored, key=lambda label: scored[label])
        return best, self.tries[best]


def baselines(dense_items: int) -> list[Baseline]:
    """All of them. `dense_items`: how many of the items read most EASE may take."""
    return [
        Baseline("popular", {"readers": popular}),
        Baseline("item_knn", {f"cosine {NEIGHBOURS}": item_knn}),
        Baseline("als", {_als_label(one): _als_with(one) for one in ALS_SETTINGS}),
        Baseline(
            "ease", {f"penalty {one:g}": _ease_with(one, dense_items) for one in EASE_PENALTIES}
        ),
    ]


def popular(train: sparse.csr_array) -> Scorer:
    """The items with the most readers, the same for everyone."""
    readers = np.asarray(train.sum(axis=0), np.float32).ravel()
    return lambda rows: np.tile(readers, (rows.shape[0], 1))


def item_knn(train: sparse.csr_array) -> Scorer:
    """Sum of the cosines with the items of the history (Sarwar et al., WWW 2001)."""
    near = cosine_neighbours(train, NEIGHBOURS)
    return lambda rows: np.asarray((rows @ near).toarray(), np.float32)


def ease(train: sparse.csr_array, penalty: float, dense_items: int) -> Scorer:
    """Plain EASE (Steck, WWW 2019) of the `dense_items` read most; the others score 0."""
    places = most_read(train, dense_items)
    weights = closed_form(gram_of(sparse.csr_array(train[:, places])), Ridge(penalty))

    def scores(rows: sparse.csr_array) -> np.ndarray:
        out = np.zeros(rows.shape, np.float32)
        out[:, places] = rows[:, places] @ weights
        return out

    return scores


def als(train: sparse.csr_array, settings: AlsSettings) -> Scorer:
    """Implicit ALS (Hu, Koren, Volinsky, ICDM 2008) by the library `implicit`."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    # The library runs threads of its own; BLAS below them would fight for the same cores.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=settings.factors,
            alpha=settings.alpha,
            regularization=settings.regularization,
            iterations=settings.iterations,
            random_state=ALS_SEED,
        )
        model.fit(sparse.csr_matrix(train), show_progress=False)

    def scores(rows: sparse.csr_array) -> np.ndarray:
        readers = np.arange(rows.shape[0])
        with threadpool_limits(1, "blas"):
            tastes = model.recalculate_user(readers, sparse.csr_matrix(rows))
        return np.asarray(tastes @ model.item_factors.T, np.float32)

    return scores


def _als_label(settings: AlsSettings) -> str:
    return (
        f"{settings.factors} factors, alpha {settings.alpha:g}, "
        f"regularization {settings.regularization:g}"
    )


def _als_with(settings: AlsSettings) -> Fit:
    return lambda train: als(train, settings)


def _ease_with(penalty: float, dense_items: int) -> Fit:
    return lambda train: ease(train, penalty, dense_items)

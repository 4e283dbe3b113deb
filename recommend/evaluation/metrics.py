"""How good a ranking is, by judged grades. Pure.

Own functions, because the maintained libraries count linear gains or bring a compiler and
plotting; each is one formula and is held to numbers worked out by hand in its tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2

Grades = Mapping[str, float]


def ndcg(ranking: Sequence[str], grades: Grades, depth: int = 10) -> float:
    """Discounted gain of the first `depth` against the best order possible, 0..1.

    Gain 2^grade - 1, discount 1 / log2(place + 1) (Burges et al., ICML 2005). 0 when nothing
    has a grade above 0.
    """
    best = _discounted(sorted(grades.values(), reverse=True)[:depth])
    if best <= 0.0:
        return 0.0
    return _discounted([grades.get(one, 0.0) for one in ranking[:depth]]) / best


def reciprocal_rank(ranking: Sequence[str], grades: Grades, depth: int = 10) -> float:
    """1 / place of the first answer with a grade above 0 among the first `depth`, else 0."""
    for place, one in enumerate(ranking[:depth], 1):
        if grades.get(one, 0.0) > 0.0:
            return 1.0 / place
    return 0.0


def recall(ranking: Sequence[str], grades: Grades, depth: int = 100) -> float:
    """Share of the answers with a grade above 0 that are among the first `depth`."""
    wanted = {one for one, grade in grades.items() if grade > 0.0}
    if not wanted:
        return 0.0
    return len(wanted.intersection(ranking[:depth])) / len(wanted)


def mean_metrics(
    rankings: Mapping[str, Sequence[str]], judged: Mapping[str, Grades]
) -> dict[str, float]:
    """`ndcg@10`, `mrr@10` and `recall@100`, means over the judged questions.

    A question that has an answer above grade 0 but no ranking counts 0; one without such an
    answer says nothing and is left out.
    """
    asked = [one for one, grades in judged.items() if any(g > 0.0 for g in grades.values())]
    measures = {"ndcg@10": ndcg, "mrr@10": reciprocal_rank, "recall@100": recall}
    if not asked:
        return dict.fromkeys(measures, 0.0)
    return {
        name: sum(measure(rankings.get(one, ()), judged[one]) for one in asked) / len(asked)
        for name, measure in measures.items()
    }


def _discounted(grades: Sequence[float]) -> float:
    gains = ((2.0**grade - 1.0) / log2(place + 1) for place, grade in enumerate(grades, 1))
    return float(sum(gains))

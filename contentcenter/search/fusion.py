"""One ranking out of several, in our code, so that every engine fuses alike."""

from __future__ import annotations

from collections.abc import Sequence

from contentcenter.search.ports import Hit

# The usual constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
RANK_CONSTANT = 60


def reciprocal_rank(
    rankings: Sequence[Sequence[Hit]],
    weights: Sequence[float] | None = None,
    limit: int | None = None,
    constant: int = RANK_CONSTANT,
) -> list[Hit]:
    """Score = sum over the rankings of weight / (constant + rank), rank from 1.

    Only places count, so BM25 and cosine need no common scale. Best first, ties by id.
    """
    scores: dict[int, float] = {}
    for hits, weight in zip(rankings, _weights(rankings, weights), strict=True):
        for rank, hit in enumerate(hits, 1):
            scores[hit.id] = scores.get(hit.id, 0.0) + weight / (constant + rank)
    return _ordered(scores, limit)


def normalised_scores(
    rankings: Sequence[Sequence[Hit]],
    weights: Sequence[float] | None = None,
    limit: int | None = None,
) -> list[Hit]:
    """Score = weighted sum of each ranking's scores stretched to 0..1 (its own worst and best).

    Keeps how far a hit leads, which places forget; a hit missing from a ranking gets 0 there,
    and so does the worst of a ranking. When all scores of a ranking are equal they count 1.
    """
    scores: dict[int, float] = {}
    for hits, weight in zip(rankings, _weights(rankings, weights), strict=True):
        for hit, value in zip(hits, _stretched([hit.score for hit in hits]), strict=True):
            scores[hit.id] = scores.get(hit.id, 0.0) + weight * value
    return _ordered(scores, limit)


def _stretched(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if high <= low:
        return [1.0] * len(scores)
    return [(score - low) / (high - low) for score in scores]


def _weights(rankings: Sequence[Sequence[Hit]], weights: Sequence[float] | None) -> Sequence[float]:
    return [1.0] * len(rankings) if weights is None else weights


def _ordered(scores: dict[int, float], limit: int | None) -> list[Hit]:
    ordered = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Hit(one, score) for one, score in ordered[:limit]]

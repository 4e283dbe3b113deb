"""Ranking and spreading a feed: pure. Candidates in, an order with reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors


class Recall(StrEnum):
    """Where a candidate came from. One item may come from several."""

    CO_READ = "co_read"
    PERSONA = "persona"
    FOLLOWED = "followed"
    EDITORS = "editors"
    POPULAR = "popular"
    EXPLORE = "explore"
    REST = "rest"


@dataclass(frozen=True)
class FeedSettings:
    """Penalties are in units of the score's spread among the candidates."""

    candidates: int = 300
    similarity: float = 0.8
    same_author: float = 0.8
    same_category: float = 0.35
    same_source: float = 0.15
    window: int = 12
    served_before: float = 0.6
    recall_bonus: Mapping[Recall, float] = field(
        default_factory=lambda: {
            Recall.CO_READ: 0.5,
            Recall.PERSONA: 0.2,
            Recall.FOLLOWED: 0.2,
            Recall.EDITORS: 0.15,
            Recall.POPULAR: 0.15,
            Recall.EXPLORE: 0.1,
        }
    )


@dataclass(frozen=True)
class Candidate:
    """What spreading needs to know of one item."""

    id: int
    works: tuple[int, ...]
    author: str
    category: str
    source: str
    recalls: tuple[Recall, ...]
    served_before: bool = False


@dataclass(frozen=True)
class Picked:
    row: int
    score: float


def rank(
    candidates: Sequence[Candidate],
    scores: Vectors,
    vectors: Vectors,
    size: int,
    settings: FeedSettings | None = None,
) -> list[Picked]:
    """The order of a page: greedy, each pick the best after what was picked before it.

    `scores` (n,) from matching, `vectors` (n, d) centred unit rows. A work appears once as
    long as other works are left; authors, categories and sources are spread by penalties.
    Ties go to the smaller id, so equal input gives an equal page.
    """
    rules = settings or FeedSettings()
    if not candidates:
        return []
    base = _base(candidates, scores, rules)
    state = _Spread(candidates, base, vectors, rules)
    return [state.pick() for _ in range(min(size, len(candidates)))]


def _base(candidates: Sequence[Candidate], scores: Vectors, rules: FeedSettings) -> Vectors:
    spread = float(np.std(scores)) or 1.0
    bonus = [
        sum(rules.recall_bonus.get(recall, 0.0) for recall in one.recalls)
        - rules.served_before * one.served_before
        for one in candidates
    ]
    values: Vectors = ((scores - scores.mean()) / spread + np.array(bonus)).astype(np.float32)
    return values


class _Spread:
    """Penalties of what is left, kept up pick by pick."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        base: Vectors,
        vectors: Vectors,
        rules: FeedSettings,
    ) -> None:
        self._candidates = candidates
        self._vectors = vectors
        self._base = base
        self._rules = rules
        self._ids = np.array([one.id for one in candidates], dtype=np.int64)
        self._near = np.zeros(len(candidates), dtype=np.float32)
        self._taken = np.zeros(len(candidates), dtype=np.bool_)
        self._same_work = np.zeros(len(candidates), dtype=np.bool_)
        self._codes = {
            name: _codes([getattr(one, name) for one in candidates])
            for name in ("author", "category", "source")
        }
        self._rows_of_work: dict[int, list[int]] = {}
        for row, one in enumerate(candidates):
            for work in one.works:
                self._rows_of_work.setdefault(work, []).append(row)
        self._picked: list[int] = []

    def pick(self) -> Picked:
        value = self._base - self._rules.similarity * np.maximum(self._near, 0.0)
        value -= self._repeats()
        # Another edition or review of a shown work only when nothing else is left.
        value = np.where(self._same_work, value - 1e3, value)
        value = np.where(self._taken, -np.inf, value)
        best = np.flatnonzero(value == value.max())
        row = int(best[np.argmin(self._ids[best])])
        self._take(row)
        return Picked(row, float(self._base[row]))

    def _repeats(self) -> Vectors:
        rules, recent = self._rules, self._picked[-self._rules.window :]
        total = np.zeros(len(self._candidates), dtype=np.float32)
        weights = {
            "author": rules.same_author,
            "category": rules.same_category,
            "source": rules.same_source,
        }
        for name, weight in weights.items():
            codes = self._codes[name]
            for row in recent:
                if codes[row] >= 0:
                    total[codes == codes[row]] += weight
        return total

    def _take(self, row: int) -> None:
        self._taken[row] = True
        self._picked.append(row)
        self._near = np.maximum(self._near, self._vectors @ self._vectors[row])
        for work in self._candidates[row].works:
            self._same_work[self._rows_of_work[work]] = True


def _codes(values: Sequence[str]) -> npt.NDArray[np.int64]:
    """Numbers for equal texts; -1 for none."""
    known: dict[str, int] = {}
    return np.array(
        [known.setdefault(value, len(known)) if value else -1 for value in values], dtype=np.int64
    )


def merge_recalls(
    lists: Mapping[Recall, Sequence[int]], barred: frozenset[int], limit: int
) -> dict[int, tuple[Recall, ...]]:
    """Candidates taken in turns from each source, so that none crowds out the others."""
    came: dict[int, list[Recall]] = {}
    for recall, ids in lists.items():
        for one in ids:
            if one not in barred and recall not in came.setdefault(one, []):
                came[one].append(recall)
    order: dict[int, None] = {}
    longest = max((len(ids) for ids in lists.values()), default=0)
    for place in range(longest):
        for ids in lists.values():
            if place < len(ids) and ids[place] in came:
                order.setdefault(ids[place])
        if len(order) >= limit:
            break
    return {one: tuple(came[one]) for one in list(order)[:limit]}


@dataclass(frozen=True)
class Reason:
    """Why an item is in the feed: a stable code, and words for the reader."""

    code: str
    text: str


@dataclass(frozen=True)
class ReasonFacts:
    """What a reason may mention."""

    recalls: tuple[Recall, ...]
    parts: Mapping[str, float]
    liked_tag: str = ""
    category_label: str = ""


def reason(facts: ReasonFacts) -> Reason:
    """The most telling reason that is true."""
    near = facts.parts.get("semantic", 0.0) > 0
    telling = (
        (Recall.CO_READ, True, "与你读过同样内容的人也在看"),
        (Recall.FOLLOWED, bool(facts.liked_tag), f"因为你常看「{facts.liked_tag}」"),
        (Recall.PERSONA, near, "与你最近的阅读兴趣相近"),
        (Recall.POPULAR, True, "近期大家都在看"),
        (Recall.EDITORS, True, "编辑推荐"),
        (Recall.EXPLORE, True, "新上架，等你来发现"),
    )
    for recall, true, text in telling:
        if recall in facts.recalls and true:
            return Reason(recall.value, text)
    label = facts.category_label
    return Reason("rest", f"「{label}」里你还没看过的内容" if label else "你还没看过的内容")

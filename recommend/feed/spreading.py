"""Spreading a feed, and saying why: pure. Values in, an order with reasons out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain, islice, zip_longest

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.ranking.features import RECALLS

Codes = npt.NDArray[np.int32]
LEAST_DEVIATION = 1e-6  # smaller differences are rounding
SHOWN_WORK = 1e3  # standard deviations that put a second item on a work behind everything else


class Recall(StrEnum):
    """Where a candidate came from. One item may come from several."""

    CO_READ = "co_read"
    PERSONA = "persona"
    FOLLOWED = "followed"
    EDITORS = "editors"
    POPULAR = "popular"
    EXPLORE = "explore"
    SCENE = "scene"
    REST = "rest"


@dataclass(frozen=True)
class FeedSettings:
    """Penalties count standard deviations of the candidates' values, so that a ranking with
    larger or smaller log-odds (a learned version, another calibration) is spread as much.
    `similarity` is taken times the largest cosine to a pick (MMR, Carbonell and Goldstein 1998),
    the others for each of the last `window` picks that shares an author, a category or a source.
    Chosen by docs/decisions/0015."""

    candidates: int = 300
    similarity: float = 0.6
    same_author: float = 0.5
    same_category: float = 0.05
    same_source: float = 0.05
    window: int = 12


@dataclass(frozen=True)
class Candidates:
    """What spreading needs to know of n items, as columns. Codes are equal where the authors
    (categories, sources) are, and -1 where there is none; see `codes`."""

    ids: Sequence[int] | npt.NDArray[np.int64]
    works: Sequence[tuple[int, ...]]
    authors: Codes
    categories: Codes
    sources: Codes

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Picked:
    row: int
    value: float


def rank(
    candidates: Candidates,
    values: Vectors,
    vectors: Vectors,
    size: int,
    settings: FeedSettings | None = None,
) -> list[Picked]:
    """The order of a page: greedy, each pick the best after what was picked before it.

    `values` (n,) say how good each is alone, on any scale; `vectors` (n, d) are centred unit
    rows. A work appears once as long as other works are left; authors, categories and sources
    are spread by penalties. Ties go to the smaller id, so equal input gives an equal page.
    """
    rules = settings or FeedSettings()
    if not len(candidates):
        return []
    state = _Spread(candidates, values, vectors, rules)
    return [state.pick() for _ in range(min(size, len(candidates)))]


class _Spread:
    """Penalties of what is left, kept up pick by pick. Rows lie by id here, so that the first
    best row is the one with the smallest id."""

    def __init__(
        self,
        candidates: Candidates,
        values: Vectors,
        vectors: Vectors,
        rules: FeedSettings,
    ) -> None:
        self._order = np.argsort(np.asarray(candidates.ids, dtype=np.int64), kind="stable")
        self._vectors = vectors[self._order]
        self._values = values.astype(np.float32)[self._order]
        self._worth = _deviations(self._values)
        self._rules = rules
        self._near = np.zeros(len(candidates), dtype=np.float32)
        # Worth of what may be picked: much less for another edition or review of a shown work
        # (only when nothing else is left), nothing for what has been.
        self._open = self._worth.copy()
        self._shared = _Shared(
            [candidates.authors, candidates.categories, candidates.sources],
            [rules.same_author, rules.same_category, rules.same_source],
            self._order,
            rules.window,
        )
        self._works = [candidates.works[row] for row in self._order.tolist()]
        # Every mention of a work, and the row that it is in.
        self._mentioned = np.array(list(chain.from_iterable(self._works)), dtype=np.int64)
        counts = [len(works) for works in self._works]
        self._mentioned_in = np.repeat(np.arange(len(counts)), counts)

    def pick(self) -> Picked:
        value = self._near * np.float32(-self._rules.similarity)
        value += self._open
        value -= self._shared.penalties
        row = int(value.argmax())
        self._take(row)
        return Picked(int(self._order[row]), float(self._values[row]))

    def _take(self, row: int) -> None:
        for work in self._works[row]:
            rows = self._mentioned_in[self._mentioned == work]
            closed = self._worth[rows] - np.float32(SHOWN_WORK)
            self._open[rows] = np.minimum(self._open[rows], closed)
        self._open[row] = -np.inf
        self._shared.add(row)
        np.maximum(self._near, self._vectors @ self._vectors[row], out=self._near)


class _Shared:
    """`penalties` (n,) of what rows share with the last picks, an author, say: put on when one
    is picked, taken off when it leaves the window."""

    def __init__(
        self,
        columns: Sequence[Codes],
        weights: Sequence[float],
        order: npt.NDArray[np.intp],
        window: int,
    ) -> None:
        codes = np.stack(columns)[:, order]
        # Rows without an author share it with nobody.
        self._codes = np.where(codes < 0, -1 - np.arange(len(order)), codes)
        self._weights = np.array(weights, dtype=np.float32)
        self._window = window
        self._last: deque[Vectors] = deque()
        self.penalties: Vectors = np.zeros(len(order), dtype=np.float32)

    def add(self, row: int) -> None:
        shared = self._weights @ (self._codes == self._codes[:, row : row + 1])
        self.penalties += shared
        self._last.append(shared)
        if len(self._last) > self._window:
            self.penalties -= self._last.popleft()


def _deviations(values: Vectors) -> Vectors:
    """Values (n,) from their mean, in standard deviations; all 0 where they are equal."""
    away = values - values.mean()
    deviations: Vectors = (away / max(float(away.std()), LEAST_DEVIATION)).astype(np.float32)
    return deviations


def codes(values: Sequence[str]) -> Codes:
    """Numbers for equal texts; -1 for none."""
    known: dict[str, int] = {}
    return np.array(
        [known.setdefault(value, len(known)) if value else -1 for value in values], dtype=np.int32
    )


def strengths(lists: Mapping[Recall, Sequence[int]], wanted: Sequence[int]) -> Vectors:
    """How strongly each source spoke for each wanted item, (wanted, `RECALLS`): 1 at the head
    of its list, falling evenly to just above 0 at the end; `rest` says nothing."""
    out = np.zeros((len(wanted), len(RECALLS)), dtype=np.float32)
    rows = {one: row for row, one in enumerate(wanted)}
    for column, name in enumerate(RECALLS):
        ids = lists.get(Recall(name), ())
        # From the end, so that of an item that is there twice the better place stays.
        places = [place for place in range(len(ids) - 1, -1, -1) if ids[place] in rows]
        out[[rows[ids[place]] for place in places], column] = [
            1.0 - place / (len(ids) + 1) for place in places
        ]
    return out


def merge_recalls(
    lists: Mapping[Recall, Sequence[int]], barred: frozenset[int], limit: int
) -> dict[int, tuple[Recall, ...]]:
    """Candidates taken in turns from each source, so that none crowds out the others."""
    order: dict[int, None] = {}
    for places in zip_longest(*lists.values()):
        order.update(dict.fromkeys(one for one in places if one is not None))
        if len(order) >= limit + len(barred):
            break
    came: dict[int, tuple[Recall, ...]] = dict.fromkeys(
        islice((one for one in order if one not in barred), limit), ()
    )
    for recall, ids in lists.items():
        for one in dict.fromkeys(ids):
            if one in came:
                came[one] = _and(came[one], recall)
    return came


@cache
def _and(recalls: tuple[Recall, ...], another: Recall) -> tuple[Recall, ...]:
    """One tuple for all items that came the same way: there are hundreds in every kept visit."""
    return (*recalls, another)


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
    scene_text: str = ""


def reason(facts: ReasonFacts) -> Reason:
    """The most telling reason that is true."""
    near = facts.parts.get("semantic", 0.0) > 0
    telling = (
        (Recall.SCENE, bool(facts.scene_text), facts.scene_text),
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

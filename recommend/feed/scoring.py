"""From candidates on the shelf to an order with parts: features, ranking, spreading, chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView
from recommend.feed.scenes import Anchor
from recommend.feed.spreading import Candidates, FeedSettings, Recall, rank
from recommend.matching.features import LaidOut
from recommend.matching.scores import Scores
from recommend.ranking.explore import ExploreSettings, Offer, Uncertain, offer
from recommend.ranking.explore import contenders as explorable
from recommend.ranking.features import (
    FEATURES,
    RECALLS,
    Context,
    History,
    RankColumns,
    RankReader,
    days_since,
    features,
)
from recommend.ranking.log import Ranked
from recommend.ranking.logistic import sigmoid
from recommend.ranking.serving import Serving
from recommend.shelf import ShelfItem
from recommend.shelf_table import ShelfColumns

Halves = npt.NDArray[np.float16]
LIKED_FADE = 0.9
HIDDEN_HALF_LIFE = 14.0


@dataclass(frozen=True)
class Found:
    """Candidates with where they came from, and how strongly each source spoke for each:
    `strengths` (candidates, sources), in the order of `recalls` and of `RECALLS`; without it
    no source said anything."""

    recalls: Mapping[int, tuple[Recall, ...]]
    strengths: Vectors | None = None

    def strengths_of(self, ids: Sequence[int]) -> Vectors:
        """Their rows (n, sources)."""
        if self.strengths is None:
            return np.zeros((len(ids), len(RECALLS)), dtype=np.float32)
        rows = {one: row for row, one in enumerate(self.recalls)}
        of: Vectors = self.strengths[[rows[one] for one in ids]]
        return of


@dataclass(frozen=True)
class Scored:
    """Columns of the shelf: feature rows (n, F) in the half precision they were rounded to,
    the log-odds (n,) of the version in `serving`, what was added online (n,), the meaning part
    of matching (n,), decayed counts (n,). `usual` is what the average of all candidates earns in
    each part of matching, also of those that were left out since."""

    items: Sequence[ShelfItem]
    rows: Halves
    model: Vectors
    added: Vectors
    semantic: Vectors
    shown: Vectors
    liked: Vectors
    usual: Mapping[str, np.float32]
    serving: Serving

    @cached_property
    def log_odds(self) -> Vectors:
        return self.model + self.added

    def narrowed(self, rows: Sequence[int]) -> Scored:
        """With these rows alone, in this order."""
        chosen = list(rows)
        return replace(
            self,
            items=[self.items[row] for row in chosen],
            rows=self.rows[chosen],
            model=self.model[chosen],
            added=self.added[chosen],
            semantic=self.semantic[chosen],
            shown=self.shown[chosen],
            liked=self.liked[chosen],
        )

    def features(self, rows: Sequence[int]) -> Vectors:
        """What the model was given of these rows, to the last bit."""
        given: Vectors = self.rows[list(rows)].astype(np.float32)
        return given


@dataclass(frozen=True)
class Pick:
    """A row of the shelf, and the draw that brought it up, if there was one."""

    row: int
    offer: Offer | None = None


@dataclass(frozen=True)
class Shown:
    """The facts of one place: parts that sum to `score` (log-odds of a click in the first
    place), its chance, the telling match parts and what the log keeps."""

    score: float
    parts: Mapping[str, float]
    probability: float
    semantic: float
    logged: Ranked


def score(
    items: Sequence[ShelfItem],
    found: Found,
    matched: tuple[Scores, ShelfColumns],
    *,
    reader: RankReader,
    context: Context,
    serving: Serving,
    served: frozenset[int],
    near: Vectors | None = None,
) -> Scored:
    """Feature rows and log-odds of every candidate. `near` (n,) is closeness to the scene."""
    scores, columns = matched
    ranked = _columns(items, found, columns.told, served=served, context=context, near=near)
    parts = {name: values[:, 0] for name, values in scores.parts.items()}
    rows = features(ranked, parts, reader, context)
    halves = rows.astype(np.float16)
    return Scored(
        items=items,
        rows=halves,
        model=serving.model.log_odds(rows),
        added=serving.added(columns.told.ids.tolist(), ranked.categories),
        semantic=parts["semantic"],
        shown=ranked.shown.astype(np.float32),
        liked=ranked.liked.astype(np.float32),
        usual=serving.model.usual(halves),
        serving=serving,
    )


def nothing(serving: Serving) -> Scored:
    """No candidates at all."""
    none = np.zeros(0, dtype=np.float32)
    rows = np.zeros((0, len(FEATURES)), np.float16)
    return Scored((), rows, none, none, none, none, none, {}, serving)


def order(scored: Scored, columns: ShelfColumns, size: int, settings: FeedSettings) -> list[int]:
    """The spread order, as rows."""
    candidates = Candidates(
        ids=columns.told.ids,
        works=[one.works for one in scored.items],
        authors=columns.authors,
        categories=columns.categories,
        sources=columns.sources,
    )
    vectors = columns.told.vectors
    return [one.row for one in rank(candidates, scored.log_odds, vectors, size, settings)]


def explore(
    picks: Sequence[Pick],
    scored: Scored,
    *,
    barred: frozenset[int],
    wanted: int,
    size: int,
    rules: ExploreSettings,
    luck: np.random.Generator,
) -> list[Pick]:
    """The order with up to `wanted` drawn items in places drawn by lot; the last ones make way.
    A work on the page is not offered again."""
    out = list(picks)
    counts = Uncertain(scored.log_odds, scored.shown, scored.liked)
    for _ in range(wanted):
        drawn = offer(counts, _open(out[:size], scored.items, barred), rules, luck)
        if drawn is None or size < rules.first_place:
            break
        out = [one for one in out if one.row != drawn.row]
        place = int(luck.integers(rules.first_place - 1, min(size, len(out) + 1)))
        out.insert(place, Pick(drawn.row, drawn))
    return out


def contenders(scored: Scored, count: int, rules: ExploreSettings) -> list[int]:
    """Rows that compete for drawn places before all others, `count` at most."""
    return explorable(Uncertain(scored.log_odds, scored.shown, scored.liked), count, rules)


def _open(
    page: Sequence[Pick], items: Sequence[ShelfItem], barred: frozenset[int]
) -> Callable[[int], bool]:
    """Whether a row may still come onto this page."""
    taken = {one.row for one in page}
    works = {work for one in page for work in items[one.row].works}

    def is_open(row: int) -> bool:
        item = items[row]
        return (
            row not in taken
            and item.match.id not in barred
            and (not item.works or works.isdisjoint(item.works))
        )

    return is_open


def shown(scored: Scored, picks: Sequence[Pick], first: int = 1) -> list[Shown]:
    """Parts, chances and logs of these picks in the places from `first` on."""
    rows = [one.row for one in picks]
    features_of = scored.features(rows)
    parts = scored.serving.model.parts_against(features_of, scored.usual)
    parts["online"] = scored.added[rows]
    told = _rounded(parts)
    totals = [round(sum(one.values()), 4) for one in told]
    chances = sigmoid(totals).round(4).tolist()
    logged = [
        _logged(scored, pick, row, place)
        for place, (pick, row) in enumerate(zip(picks, features_of, strict=True), start=first)
    ]
    semantic = scored.semantic[rows].tolist()
    return [Shown(*one) for one in zip(totals, told, chances, semantic, logged, strict=True)]


def _logged(scored: Scored, pick: Pick, row: Vectors, place: int) -> Ranked:
    drawn = pick.offer
    rows = list(drawn.rows) if drawn is not None else []
    return Ranked(
        version=scored.serving.version,
        place=place,
        row=row,
        model=float(scored.model[pick.row]),
        category=scored.items[pick.row].match.category,
        offer=drawn,
        offered_ids=[scored.items[one].id for one in rows],
        offered_rows=scored.features(rows) if rows else None,
    )


def _rounded(parts: Mapping[str, Vectors]) -> list[dict[str, float]]:
    """Rounded parts of every row without those that say nothing; they add up to its score."""
    table = np.stack(list(parts.values()), axis=1).astype(np.float64).round(4)
    return [
        {name: value for name, value in zip(parts, row, strict=True) if value}
        for row in table.tolist()
    ]


def history(
    liked: Sequence[ShelfItem], hidden: Mapping[int, datetime], items: Mapping[int, ShelfItem],
    now: datetime,
) -> History:  # fmt: skip
    """Authors a reader came back to (newest first, each earlier like a tenth weaker), authors
    and categories waved away (half in two weeks)."""
    authors: dict[str, float] = {}
    for place, one in enumerate(liked):
        if one.author:
            authors[one.author] = authors.get(one.author, 0.0) + LIKED_FADE**place
    bad_authors: dict[str, float] = {}
    bad_categories: dict[str, float] = {}
    for item_id, at in hidden.items():
        item = items.get(item_id)
        if item is None:
            continue
        weight = 0.5 ** ((now - at).total_seconds() / 86_400 / HIDDEN_HALF_LIFE)
        if item.author:
            bad_authors[item.author] = bad_authors.get(item.author, 0.0) + weight
        category = item.match.category
        bad_categories[category] = bad_categories.get(category, 0.0) + weight
    return History(authors, bad_authors, bad_categories)


def closeness(anchor: Anchor, vectors: Vectors, corpus: CorpusView) -> Vectors:
    return anchor.closeness(vectors, corpus.pair_mean, corpus.near)


def _columns(
    items: Sequence[ShelfItem],
    found: Found,
    columns: LaidOut,
    *,
    served: frozenset[int],
    context: Context,
    near: Vectors | None,
) -> RankColumns:
    """Column by column: an object for each of 300 candidates costs more than ranking them."""
    match, ids, told = [one.match for one in items], columns.ids.tolist(), columns.numbers
    return RankColumns(
        categories=[one.category for one in match],
        authors=[one.author for one in items],
        kinds=[one.kind for one in items],
        prices=told["price"],
        ages=days_since(told["published"], context.now),
        shown=told["shown"],
        liked=told["liked"],
        recalls=found.strengths_of(ids),
        served_before=[one in served for one in ids],
        anchors=np.zeros(len(match), dtype=np.float32) if near is None else near,
    )

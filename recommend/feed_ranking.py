"""From candidates on the shelf to an order with parts: features, ranking, spreading, chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView
from recommend.feed import Candidate, FeedSettings, Recall, rank
from recommend.feed_scene import Anchor
from recommend.matching import ItemFeatures, Scores
from recommend.ranking.explore import ExploreSettings, Offer, Uncertain, offer
from recommend.ranking.features import Context, History, RankItem, RankReader, features
from recommend.ranking.log import Ranked
from recommend.ranking.logistic import sigmoid
from recommend.ranking.serving import Serving
from recommend.shelf import ShelfItem

LIKED_FADE = 0.9
HIDDEN_HALF_LIFE = 14.0


@dataclass(frozen=True)
class Found:
    """Candidates with where they came from and how strongly."""

    recalls: Mapping[int, tuple[Recall, ...]]
    strengths: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """Columns of the shelf: feature rows (n, F), the model's log-odds (n,), what was added
    online (n,), centred vectors (n, d)."""

    items: Sequence[ShelfItem]
    rows: Vectors
    model: Vectors
    added: Vectors
    vectors: Vectors

    @property
    def log_odds(self) -> Vectors:
        return self.model + self.added


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
    matched: tuple[Scores, ItemFeatures],
    *,
    reader: RankReader,
    context: Context,
    serving: Serving,
    served: frozenset[int],
    near: Vectors | None = None,
) -> Scored:
    """Feature rows and log-odds of every candidate. `near` (n,) is closeness to the scene."""
    scores, columns = matched
    ranked = [
        _rank_item(one, found, one.id in served, 0.0 if near is None else float(near[row]))
        for row, one in enumerate(items)
    ]
    parts = {name: values[:, 0] for name, values in scores.parts.items()}
    rows = features(ranked, parts, reader, context)
    added = serving.added([one.id for one in items], [one.match.category for one in items])
    return Scored(items, rows, serving.model.log_odds(rows), added, columns.vectors)


def order(
    scored: Scored, found: Found, size: int, settings: FeedSettings, slope: float
) -> list[Pick]:
    """The spread order. `slope`: log-odds of one unit of the penalties."""
    candidates = [_candidate(one, found.recalls[one.id]) for one in scored.items]
    picked = rank(candidates, scored.log_odds / np.float32(slope), scored.vectors, size, settings)
    return [Pick(one.row) for one in picked]


def explore(
    picks: Sequence[Pick],
    scored: Scored,
    *,
    wanted: int,
    size: int,
    rules: ExploreSettings,
    luck: np.random.Generator,
) -> list[Pick]:
    """The order with up to `wanted` drawn items in places drawn by lot; the last ones make way.
    A work on the page is not offered again."""
    out = list(picks)
    counts = Uncertain(
        scored.log_odds,
        np.array([one.match.shown for one in scored.items], dtype=np.float32),
        np.array([one.match.liked for one in scored.items], dtype=np.float32),
    )
    for _ in range(wanted):
        drawn = offer(counts, _open_rows(out[:size], scored.items), rules, luck)
        if drawn is None or size < rules.first_place:
            break
        out = [one for one in out if one.row != drawn.row]
        place = int(luck.integers(rules.first_place - 1, min(size, len(out) + 1)))
        out.insert(place, Pick(drawn.row, drawn))
    return out


def _open_rows(page: Sequence[Pick], items: Sequence[ShelfItem]) -> list[int]:
    taken = {one.row for one in page}
    works = {work for one in page for work in items[one.row].works}
    return [
        row
        for row, item in enumerate(items)
        if row not in taken and not works.intersection(item.works)
    ]


def shown(scored: Scored, picks: Sequence[Pick], matched: Scores, serving: Serving) -> list[Shown]:
    """Parts, chances and logs of these picks; places are numbered later by `placed`."""
    rows = [one.row for one in picks]
    parts = dict(serving.model.parts(scored.rows[rows]))
    parts["online"] = scored.added[rows]
    return [
        _shown(scored, pick, _rounded(parts, index), float(matched.parts["semantic"][pick.row, 0]),
               serving.version)
        for index, pick in enumerate(picks)
    ]  # fmt: skip


def placed(one: Shown, place: int) -> Shown:
    return replace(one, logged=replace(one.logged, place=place))


def _shown(
    scored: Scored, pick: Pick, parts: dict[str, float], semantic: float, version: int
) -> Shown:
    total = round(sum(parts.values()), 4)
    drawn = pick.offer
    rows = list(drawn.rows) if drawn is not None else []
    logged = Ranked(
        version=version,
        place=0,
        row=scored.rows[pick.row],
        model=float(scored.model[pick.row]),
        category=scored.items[pick.row].match.category,
        offer=drawn,
        offered_ids=[scored.items[row].id for row in rows],
        offered_rows=scored.rows[rows] if rows else None,
    )
    return Shown(total, parts, round(float(sigmoid(total)), 4), semantic, logged)


def _rounded(parts: Mapping[str, Vectors], row: int) -> dict[str, float]:
    """Rounded parts without those that say nothing; they add up to the shown score."""
    values = {name: round(float(column[row]), 4) for name, column in parts.items()}
    return {name: value for name, value in values.items() if value}


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


def _rank_item(item: ShelfItem, found: Found, served: bool, near: float) -> RankItem:
    match = item.match
    return RankItem(
        id=match.id,
        category=match.category,
        author=item.author,
        kind=item.kind,
        price_fen=match.price_fen,
        published_at=match.published_at,
        shown=match.shown,
        liked=match.liked,
        recalls=found.strengths.get(match.id, {}),
        served_before=served,
        anchor=near,
    )


def _candidate(item: ShelfItem, recalls: tuple[Recall, ...]) -> Candidate:
    return Candidate(
        id=item.id,
        works=item.works,
        author=item.author,
        category=item.match.category,
        source=item.source,
        recalls=recalls,
    )

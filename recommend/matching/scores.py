"""Matching items with audiences: a score that is the sum of named parts.

Most parts are bilinear (item features x audience features), but for the maximum over an
audience's interest centres. So a full cross is one matrix product, and `explain`, the feed
and the exhaustive sweep all read the same blocks. The echo of what an audience answered to
(`match_echo`) comes on top, where there is a memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.matching.echo import ECHO_PARTS, Remembered, echo_parts
from recommend.matching.pairs import PairEcho
from recommend.matching.settings import PARTS, MatchSettings
from recommend.matching.traits import TraitRows

Flags = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TagCodes:
    """Tags of n items as numbers, (n, most), -1 after the last; `known` is everybody's."""

    rows: Codes
    known: Mapping[str, int]


@dataclass(frozen=True)
class ItemFeatures:
    """Columns of n items. `vectors` (n, d) are centred unit rows (zero where unknown);
    `categories` (n, C) one-hot; `prices` (n, B + 1) shares of price bins, the last column for
    items without a price; `freshness`, `quality` 0..1; `lift` log of the smoothed click rate
    over the usual one; `unexplored` 1 .. 0 as impressions grow; `price_fen` nan if none;
    `traits` where the echo of remembered items is wanted; `numbers` as they were read;
    `tag_codes` say the same as `tags` where items were laid out before."""

    ids: Ids
    vectors: Vectors
    categories: Vectors
    prices: Vectors
    price_fen: Vectors
    freshness: Vectors
    quality: Vectors
    lift: Vectors
    unexplored: Vectors
    tags: tuple[tuple[str, ...], ...]
    traits: TraitRows | None = None
    numbers: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    tag_codes: TagCodes | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class AudienceFeatures:
    """Columns of a audiences. `centres` (K, a, d): centred unit directions already divided by
    the corpus scale, `offsets` (K, a) their bonus or handicap; audiences with fewer centres
    repeat their first. Tables by category (a, C) and price bin (a, B + 1). `memory`: what
    they answered to, None when nobody looked."""

    ids: Ids
    centres: Vectors
    offsets: Vectors
    category: Vectors
    response: Vectors
    unexplored: Vectors
    recent: Vectors
    price: Vectors
    ceiling_fen: Vectors
    fatigue: Vectors
    tags: tuple[Mapping[str, float], ...]
    memory: Remembered | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Block:
    """One part as a product: item side (n, q), audience side (a, q), weight included."""

    part: str
    items: Vectors
    audiences: Vectors


@dataclass(frozen=True)
class Scores:
    """`parts[name]` and `total` are (n, a); `total` is exactly their sum. `eligible` is False
    above the hard price ceiling; `centre` says which interest centre was nearest."""

    parts: Mapping[str, Vectors]
    total: Vectors
    eligible: Flags
    centre: npt.NDArray[np.int64]

    def explain(self, item: int, audience: int) -> dict[str, float]:
        """Parts of one pair, rounded; `total_of` of them is the score that is shown."""
        return {name: round(float(self.parts[name][item, audience]), 4) for name in self.parts}


def total_of(parts: Mapping[str, float]) -> float:
    """The score of rounded parts: adding them up gives this, to the last digit shown."""
    return round(sum(parts.values()), 4)


def score_matrix(
    items: ItemFeatures, audiences: AudienceFeatures, settings: MatchSettings | None = None
) -> Scores:
    """Every item with every audience, part by part. Memory: parts x n x a floats."""
    rules = settings or MatchSettings()
    semantic, centre = _semantic(items, audiences, rules)
    parts = {name: np.zeros((len(items), len(audiences)), dtype=np.float32) for name in PARTS}
    parts["semantic"] = semantic
    for block in blocks(items, audiences, rules, _tag_block(items, audiences, rules)):
        parts[block.part] = parts[block.part] + block.items @ block.audiences.T
    parts |= echo(items, audiences, rules)
    total = np.zeros_like(semantic)
    for name in PARTS:
        if name not in ECHO_PARTS or audiences.memory is not None:
            total += parts[name]
    return Scores(parts, total, eligible(items, audiences), centre)


def echo(
    items: ItemFeatures, audiences: AudienceFeatures, rules: MatchSettings
) -> dict[str, Vectors]:
    """The weighted parts that come of memory; none without traits or memory."""
    if items.traits is None or audiences.memory is None:
        return {}
    raw = echo_parts(items.vectors, items.traits, audiences.memory, items.ids)
    return {name: raw[name] * np.float32(rules.weight(name)) for name in ECHO_PARTS}


def refined(
    scores: Scores, fits: Flags, pairs: PairEcho, rules: MatchSettings, first: int = 0
) -> tuple[Scores, Flags]:
    """Scores made without memory, with the echo added for the best `rules.refined` fitting
    items of each audience; and which pairs are final. What an audience remembers is read for
    few of its items, so a large cross stays one matrix product. `pairs` knows these items and
    its audiences from `first` on."""
    parts = {**scores.parts, **{name: np.zeros_like(scores.total) for name in ECHO_PARTS}}
    total, final = scores.total.copy(), fits.copy()
    for column in range(total.shape[1]):
        if not pairs.remembers(first + column):
            continue
        rows = _highest(scores.total[:, column], fits[:, column], rules.refined)
        for name, raw in pairs.of(first + column, rows).items():
            weighted = raw * np.float32(rules.weight(name))
            parts[name][rows, column] = weighted
            total[rows, column] += weighted
        final[:, column] = False
        final[rows, column] = True
    return Scores(parts, total, scores.eligible, scores.centre), final


def _highest(scores: Vectors, fits: Flags, count: int) -> npt.NDArray[np.intp]:
    """Rows of the highest fitting scores, best first; of equal ones the earlier."""
    rows = np.flatnonzero(fits)
    values = scores[rows]
    if len(rows) > count:
        high = values >= np.partition(values, len(rows) - count)[len(rows) - count]
        rows, values = rows[high], values[high]
    return rows[np.argsort(-values, kind="stable")][:count]


def eligible(items: ItemFeatures, audiences: AudienceFeatures) -> Flags:
    """False where the price is above the audience's hard ceiling. No price is no obstacle."""
    over: Flags = items.price_fen[:, None] > audiences.ceiling_fen[None, :]
    return ~over


def blocks(
    items: ItemFeatures, audiences: AudienceFeatures, rules: MatchSettings, tags: Block
) -> list[Block]:
    """Everything but the semantic part."""
    n, a = len(items), len(audiences)
    here, there = np.ones((n, 1), np.float32), np.ones((a, 1), np.float32)
    return [
        tags,
        Block("category", items.categories, audiences.category * np.float32(rules.category)),
        Block("price", items.prices, audiences.price * np.float32(rules.price)),
        Block("freshness", items.freshness[:, None], there * np.float32(rules.freshness)),
        Block("quality", items.quality[:, None], there * np.float32(rules.quality)),
        Block("response", items.lift[:, None], there * np.float32(rules.response / 2)),
        Block("response", items.categories, audiences.response * np.float32(rules.response / 2)),
        Block("exploration", items.unexplored[:, None], there * np.float32(rules.exploration)),
        Block("exploration", items.categories, audiences.unexplored * np.float32(rules.discovery)),
        Block("fatigue", here, -audiences.fatigue[:, None] * np.float32(rules.fatigue / 2)),
        Block("fatigue", items.categories, -audiences.recent * np.float32(rules.fatigue / 2)),
    ]


def _semantic(
    items: ItemFeatures, audiences: AudienceFeatures, rules: MatchSettings
) -> tuple[Vectors, npt.NDArray[np.int64]]:
    count = len(audiences.centres)
    shape = (len(items), len(audiences))
    best = np.full(shape, -np.inf, dtype=np.float32)
    which = np.zeros(shape, dtype=np.int64)
    for index in range(count):
        near = items.vectors @ audiences.centres[index].T + audiences.offsets[index]
        better = near > best
        best = np.where(better, near, best)
        which[better] = index
    return (best * np.float32(rules.semantic)).astype(np.float32), which


def _tag_block(items: ItemFeatures, audiences: AudienceFeatures, rules: MatchSettings) -> Block:
    """Exact: one column for each tag that both sides know."""
    known = {tag for weights in audiences.tags for tag in weights}
    codes = items.tag_codes
    side, used = _by_tag(items.tags, known) if codes is None else _by_code(codes, known)
    column = {tag: index for index, tag in enumerate(used)}
    return Block("tags", side, _tag_weights(audiences.tags, column, rules.tags))


def _by_tag(items: Sequence[Sequence[str]], known: set[str]) -> tuple[Vectors, list[str]]:
    """A column for each known tag that an item has: each of an item's n tags is worth
    1 / sqrt(n)."""
    # Most items have none of them: asked of whole sets, not tag by tag.
    shared = [row for row, tags in enumerate(items) if not known.isdisjoint(tags)]
    used = sorted({tag for row in shared for tag in items[row] if tag in known})
    column = {tag: index for index, tag in enumerate(used)}
    side = np.zeros((len(items), len(used)), dtype=np.float32)
    for row in shared:
        tags = items[row]
        for tag in tags:
            if tag in column:
                side[row, column[tag]] += 1.0 / len(tags) ** 0.5
    return side, used


def _by_code(items: TagCodes, known: set[str]) -> tuple[Vectors, list[str]]:
    """The same of items whose tags are numbers: a page reads hundreds of them."""
    tags = sorted(tag for tag in known if tag in items.known)
    # The last place is that of -1.
    column = np.full(len(items.known) + 1, -1, dtype=np.int32)
    column[[items.known[tag] for tag in tags]] = np.arange(len(tags))
    columns = column[items.rows]
    rows, places = np.nonzero(columns >= 0)
    worth = 1.0 / np.sqrt(np.count_nonzero(items.rows[rows] >= 0, axis=1))
    side = np.zeros((len(items.rows), len(tags)), dtype=np.float32)
    np.add.at(side, (rows, columns[rows, places]), worth.astype(np.float32))
    met = np.flatnonzero(side.any(axis=0))
    return side[:, met], [tags[one] for one in met]


def _tag_weights(
    tags: Sequence[Mapping[str, float]], column: Mapping[str, int], weight: float
) -> Vectors:
    side = np.zeros((len(tags), len(column)), dtype=np.float32)
    for row, weights in enumerate(tags):
        for tag, value in weights.items():
            if tag in column:
                side[row, column[tag]] = value * weight
    return side

"""The exhaustive match: every item with every audience, keeping the best few of each.

All parts are folded into the columns of one matrix product per interest centre, tiled so
that a tile stays in the cache while the maximum over centres and the comparison with the
audience's worst kept score pass over it. Tags take part through a signed hash of
`tag_columns` columns; the kept ones are scored again exactly by whoever shows them.

The echo of remembered items (`match_echo`) is no product of columns. `refine` adds it, exactly,
to the few hundred that a sweep has kept for each audience: an item that only its echo would
have lifted from below them is missed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.matching.echo import ECHO_PARTS
from recommend.matching.pairs import PairEcho, on_one_thread
from recommend.matching.scores import AudienceFeatures, Block, Ids, ItemFeatures, blocks
from recommend.matching.settings import MatchSettings
from recommend.matching.traits import TraitRows
from recommend.persona_math.prices import BINS, position

AUDIENCE_TILE = 1_024
ITEM_TILE = 2_048
# Audiences whose kept items are looked up at once: a union of at most 13,000 items of 200 each.
REFINED_TOGETHER = 64
_BARRED = -100.0


@dataclass(frozen=True)
class Best:
    """`ids` and `scores` (a, top), best first; -1 where fewer items were eligible."""

    ids: Ids
    scores: Vectors


def sweep(
    batches: Iterable[ItemFeatures],
    audiences: AudienceFeatures,
    top: int,
    settings: MatchSettings | None = None,
) -> Best:
    """The `top` eligible items of every audience over all batches.

    Memory: the audiences' columns (K x a x q floats), one batch, two tiles a core.
    """
    rules = settings or MatchSettings()
    keeper = Keeper(len(audiences), top)
    folded: Vectors | None = None
    for items in batches:
        item_side, audience_side = fold(items, audiences, rules, folded)
        folded = audience_side
        sweep_batch(items, item_side, audiences, audience_side, keeper)
    return keeper.best()


Columns = Callable[[Ids], tuple[Vectors, TraitRows]]


def refine(
    best: Best, audiences: AudienceFeatures, columns: Columns, top: int, rules: MatchSettings
) -> Best:
    """The `top` of what a sweep kept, with the echo of memory added to the scores.

    `columns` gives centred vectors and traits of items by rising id; it is asked once for all
    that a block of audiences has kept. Audiences without a memory keep the order they have.
    """
    out = Best(best.ids[:, :top].copy(), best.scores[:, :top].copy())
    if audiences.memory is None:
        return out
    with on_one_thread():
        for start in range(0, len(audiences), REFINED_TOGETHER):
            block = slice(start, start + REFINED_TOGETHER)
            held = np.unique(best.ids[block][best.ids[block] >= 0])
            pairs = PairEcho(*columns(held), audiences.memory.some(block), held)
            _refine_block(
                Best(best.ids[block], best.scores[block]),
                pairs,
                rules,
                held,
                Best(out.ids[block], out.scores[block]),
            )
    return out


def _refine_block(best: Best, pairs: PairEcho, rules: MatchSettings, held: Ids, out: Best) -> None:
    """Writes into `out` what a block of audiences keeps of `best`; `held`: its items by id."""
    top = out.ids.shape[1]
    for row, ids in enumerate(best.ids):
        kept = ids[ids >= 0]
        if not pairs.remembers(row):
            continue
        raw = pairs.of(row, np.searchsorted(held, kept))
        echo = sum(raw[name] * np.float32(rules.weight(name)) for name in ECHO_PARTS)
        total = best.scores[row, : len(kept)] + echo
        order = np.lexsort((kept, -total))[:top]
        out.scores[row, : len(order)] = total[order]
        out.ids[row, : len(order)] = kept[order]


def fold(
    items: ItemFeatures,
    audiences: AudienceFeatures,
    rules: MatchSettings,
    ready: Vectors | None = None,
) -> tuple[Vectors, Vectors]:
    """Item columns (n, q) and audience columns (K, a, q) whose product is the score."""
    parts = blocks(items, audiences, rules, _hashed_tags(items, audiences, rules))
    ones = np.ones((len(items), 1), np.float32)
    item_side = np.hstack([items.vectors, ones, *[block.items for block in parts]])
    if ready is not None:
        return item_side, ready
    tail = np.hstack([block.audiences for block in parts])
    tail += _barred_prices(parts, audiences)
    semantic = np.float32(rules.semantic)
    sides = [
        np.hstack([centre * semantic, offset[:, None] * semantic, tail])
        for centre, offset in zip(audiences.centres, audiences.offsets, strict=True)
    ]
    return item_side, np.stack(sides)


def _barred_prices(parts: Sequence[Block], audiences: AudienceFeatures) -> Vectors:
    """Price bins that no allowed price touches are barred inside the product already."""
    out = []
    for block in parts:
        side = np.zeros_like(block.audiences)
        if block.part == "price":
            for row in np.flatnonzero(np.isfinite(audiences.ceiling_fen)):
                side[row, int(position(float(audiences.ceiling_fen[row]))) + 2 : BINS] = _BARRED
        out.append(side)
    return np.hstack(out)


def sweep_batch(
    items: ItemFeatures,
    item_side: Vectors,
    audiences: AudienceFeatures,
    audience_side: Vectors,
    keeper: Keeper,
) -> None:
    """Offer every pair of a folded batch to the keeper, tile by tile. Rows of audiences are
    dealt to the cores, each with one BLAS thread: what is kept is picked out by plain numpy,
    and one core doing that while the other waits costs more than a threaded product gains."""

    def swept(start: int) -> None:
        rows = slice(start, start + AUDIENCE_TILE)
        side = np.ascontiguousarray(audience_side[:, rows])
        ceilings = audiences.ceiling_fen[rows]
        for first in range(0, len(items), ITEM_TILE):
            columns = slice(first, first + ITEM_TILE)
            tile = side[0] @ item_side[columns].T
            for centre in side[1:]:
                np.maximum(tile, centre @ item_side[columns].T, out=tile)
            keeper.offer(start, tile, items.ids[columns], items.price_fen[columns], ceilings)

    with on_one_thread(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(swept, range(0, len(audiences), AUDIENCE_TILE)):
            pass  # raises here what a tile raised


class Keeper:
    """The best few of every audience seen so far. What beats an audience's floor is appended;
    when there is twice too much, the rows are cut and the floor rises: sorting after every
    tile would cost as much as the product itself. Several threads may offer at once, each its
    own audiences."""

    def __init__(self, audiences: int, top: int) -> None:
        self._top = top
        self._scores: Vectors = np.full((audiences, 3 * top), -np.inf, dtype=np.float32)
        self._ids: Ids = np.full((audiences, 3 * top), -1, dtype=np.int64)
        self._filled = np.zeros(audiences, dtype=np.int64)
        self._floor: Vectors = np.full(audiences, -np.inf, dtype=np.float32)

    def offer(
        self, start: int, tile: Vectors, ids: Ids, prices: Vectors, ceilings: Vectors
    ) -> None:
        """`tile` (rows, items): scores of audiences start.. with these items."""
        floor = self._floor[start : start + len(tile)]
        for row in np.flatnonzero(tile.max(axis=1) > floor):
            found = np.flatnonzero(tile[row] > floor[row])
            found = found[~(prices[found] > ceilings[row])]
            if len(found):
                self._take(start + int(row), tile[row, found], ids[found])

    def _take(self, row: int, scores: Vectors, ids: Ids) -> None:
        if len(scores) > self._top:
            best = np.argpartition(-scores, self._top - 1)[: self._top]
            scores, ids = scores[best], ids[best]
        at = int(self._filled[row])
        self._scores[row, at : at + len(scores)] = scores
        self._ids[row, at : at + len(scores)] = ids
        self._filled[row] = at + len(scores)
        if self._filled[row] >= 2 * self._top:
            self._cut(row)

    def _cut(self, row: int) -> None:
        held = int(self._filled[row])
        scores = self._scores[row, :held]
        best: npt.NDArray[np.intp] = np.argpartition(-scores, self._top - 1)[: self._top]
        self._scores[row, : self._top] = scores[best]
        self._ids[row, : self._top] = self._ids[row, best]
        self._filled[row] = self._top
        self._floor[row] = self._scores[row, : self._top].min()

    def best(self) -> Best:
        """Best first; of equal scores the lower id."""
        scores = np.full((len(self._filled), self._top), -np.inf, dtype=np.float32)
        ids = np.full((len(self._filled), self._top), -1, dtype=np.int64)
        for row, held in enumerate(self._filled.tolist()):
            own, names = self._scores[row, :held], self._ids[row, :held]
            order = np.lexsort((names, -own))[: self._top]
            scores[row, : len(order)], ids[row, : len(order)] = own[order], names[order]
        return Best(ids, scores)


def _hashed_tags(items: ItemFeatures, audiences: AudienceFeatures, rules: MatchSettings) -> Block:
    width = rules.tag_columns
    item_side = np.zeros((len(items), width), dtype=np.float32)
    for row, tags in enumerate(items.tags):
        share = 1.0 / max(len(tags), 1) ** 0.5
        for tag in tags:
            column, sign = _place(tag, width)
            item_side[row, column] += sign * share
    side = np.zeros((len(audiences), width), dtype=np.float32)
    for row, weights in enumerate(audiences.tags):
        for tag, value in weights.items():
            column, sign = _place(tag, width)
            side[row, column] += sign * value * rules.tags
    return Block("tags", item_side, side)


_PLACES: dict[tuple[str, int], tuple[int, float]] = {}
_MOST_PLACES = 200_000


def _place(tag: str, width: int) -> tuple[int, float]:
    known = _PLACES.get((tag, width))
    if known is None:
        number = int.from_bytes(hashlib.blake2b(tag.encode(), digest_size=8).digest(), "little")
        known = (number % width, 1.0 if (number >> 40) & 1 else -1.0)
        if len(_PLACES) < _MOST_PLACES:
            _PLACES[(tag, width)] = known
    return known

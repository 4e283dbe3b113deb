"""The exhaustive match beside the bare matrix product of the same shapes, in one run.

    python -m bench.matching [items] [audiences] [centres]
    python -m bench.matching --full    1,000,000 items, 10,000 audiences, two centres each

Features are random; shapes, folding, hashing of tags, tiles, the maximum over centres and the
keeping of the best are the product's. Bare and full run batch by batch in turn, so the
machine's noise hits both alike: read the ratio.

What remembered items add is no matrix product: it is scored on the best 200 of each audience
after the sweep. That is timed for some audiences, each with a full memory, and given apart,
per audience and for 10,000 of them; it is not part of the ratio.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.corpus import unit_rows
from recommend.matching.echo import Remembered
from recommend.matching.features import CODES
from recommend.matching.memory import MEMORY_SIZE
from recommend.matching.scores import AudienceFeatures, Ids, ItemFeatures
from recommend.matching.settings import MatchSettings
from recommend.matching.sweep import Best, Keeper, fold, refine, sweep_batch
from recommend.matching.traits import TraitRows, Traits, measure_traits, trait_rows
from recommend.persona_math.prices import BINS, fit_table

DIMENSION = 384
BATCH = 16_384
# As many as are scored again with what the audience remembers.
TOP = MatchSettings().refined
REFINED_AUDIENCES = 256
FULL = (1_000_000, 10_000, 2)


def run(items: int = 65_536, audiences: int = 5_000, centres: int = 2) -> dict[str, Any]:
    """Pairs and GFLOP/s of the sweep, and of numpy's matrix product on the same columns."""
    rules, rng = MatchSettings(), np.random.default_rng(5)
    people = _audiences(audiences, centres, rng)
    keeper, side = Keeper(audiences, TOP), None
    spent = {"full": 0.0, "bare": 0.0}
    columns = 0
    for batch in _batches(items, rng):
        begin = time.perf_counter()
        item_side, side = fold(batch, people, rules, side)
        sweep_batch(batch, item_side, people, side, keeper)
        middle = time.perf_counter()
        for centre in side:
            _ = centre @ item_side.T
        spent["full"] += middle - begin
        spent["bare"] += time.perf_counter() - middle
        columns = item_side.shape[1]
    work = 2.0 * items * audiences * centres * columns / 1e9
    refining = _refining(keeper.best(), rng)
    return {
        "items": items,
        "audiences": audiences,
        "centres": centres,
        "columns": columns,
        "pairs_per_second": round(items * audiences / spent["full"]),
        "gflops_full": round(work / spent["full"], 1),
        "gflops_bare": round(work / spent["bare"], 1),
        "seconds_full": round(spent["full"], 1),
        "seconds_bare": round(spent["bare"], 1),
        "kept": TOP,
        "share_of_bare": round(spent["bare"] / spent["full"], 3),
        "gb_peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "gb_audience_columns": round((0 if side is None else side.nbytes) / 2**30, 2),
        "refine_ms_per_audience": round(1e3 * refining, 2),
        "refine_minutes_for_10k": round(refining * 1e4 / 60, 1),
        "minutes_for_1m_x_10k": round(spent["full"] * 1e10 / (items * audiences) / 60, 1),
    }


def _refining(best: Best, rng: np.random.Generator) -> float:
    """Seconds an audience, memories full, items as random as in the sweep."""
    some = min(REFINED_AUDIENCES, len(best.ids))
    people = replace(_audiences(some, 1, rng), memory=_memories(some, rng))

    vectors, traits = _units(BATCH, rng), _traits(BATCH, rng)

    def columns(ids: Ids) -> tuple[Vectors, TraitRows]:
        return vectors[ids % BATCH], traits.take(ids % BATCH)

    chosen = Best(best.ids[:some], best.scores[:some])
    begin = time.perf_counter()
    refine(chosen, people, columns, 50, MatchSettings())
    return (time.perf_counter() - begin) / some


def _memories(audiences: int, rng: np.random.Generator) -> Remembered:
    rows = tuple(
        np.arange(n * MEMORY_SIZE, (n + 1) * MEMORY_SIZE, dtype=np.intp) for n in range(audiences)
    )
    strength = tuple(np.full(MEMORY_SIZE, 0.5, np.float32) for _ in range(audiences))
    count = audiences * MEMORY_SIZE
    known = measure_traits([])
    return Remembered(_units(count, rng), _traits(count, rng), rows, strength, known)


def _traits(count: int, rng: np.random.Generator) -> TraitRows:
    """A title of nine words, four tags, an author and a publisher each."""
    words, others = rng.integers(0, 20_000, (count, 9)), rng.integers(0, 500, (count, 6))
    items = [
        Traits(
            title=" ".join(f"w{one}" for one in row),
            tags=tuple(f"t{one}" for one in other[:4]),
            authors=(f"a{other[4]}",),
            publisher=f"p{other[5]}",
            year=2000 + int(other[0]) % 20,
        )
        for row, other in zip(words, others, strict=True)
    ]
    return trait_rows(items, measure_traits([]))


def _batches(items: int, rng: np.random.Generator) -> Iterator[ItemFeatures]:
    for start in range(0, items, BATCH):
        yield _items(start, min(BATCH, items - start), rng)


def _items(start: int, count: int, rng: np.random.Generator) -> ItemFeatures:
    prices = np.zeros((count, BINS + 1), dtype=np.float32)
    prices[np.arange(count), rng.integers(0, BINS, count)] = 1.0
    categories = np.eye(len(CODES), dtype=np.float32)[rng.integers(0, len(CODES), count)]
    tags = rng.integers(0, 500, (count, 4))
    return ItemFeatures(
        ids=np.arange(start, start + count, dtype=np.int64),
        vectors=_units(count, rng),
        categories=categories,
        prices=prices,
        price_fen=rng.integers(1_000, 20_000, count).astype(np.float32),
        freshness=rng.random(count, dtype=np.float32),
        quality=rng.random(count, dtype=np.float32),
        lift=rng.normal(size=count).astype(np.float32),
        unexplored=rng.random(count, dtype=np.float32),
        tags=tuple(tuple(f"t{tag}" for tag in row) for row in tags),
    )


def _audiences(count: int, centres: int, rng: np.random.Generator) -> AudienceFeatures:
    ceilings = np.where(rng.random(count) < 0.3, rng.integers(3_000, 9_000, count), np.inf)
    bands = [fit_table(2_000 + 500 * (n % 5), 5_000 + 900 * (n % 7), 0.5) for n in range(35)]
    price = np.array([np.append(bands[n % 35], np.float32(0.5)) for n in range(count)])
    tags = rng.integers(0, 500, (count, 10))
    return AudienceFeatures(
        ids=np.arange(count, dtype=np.int64),
        centres=np.stack([_units(count, rng) * 4 for _ in range(centres)]),
        offsets=rng.normal(scale=0.1, size=(centres, count)).astype(np.float32),
        category=rng.random((count, len(CODES)), dtype=np.float32),
        response=rng.normal(scale=0.2, size=(count, len(CODES))).astype(np.float32),
        unexplored=rng.random((count, len(CODES)), dtype=np.float32),
        recent=rng.random((count, len(CODES)), dtype=np.float32),
        price=price.astype(np.float32),
        ceiling_fen=ceilings.astype(np.float32),
        fatigue=rng.random(count, dtype=np.float32),
        tags=tuple({f"t{tag}": 0.5 for tag in row} for row in tags),
    )


def _units(count: int, rng: np.random.Generator) -> Vectors:
    return unit_rows(rng.normal(size=(count, DIMENSION)).astype(np.float32))


if __name__ == "__main__":
    given = FULL if "--full" in sys.argv else tuple(int(one) for one in sys.argv[1:])
    print(json.dumps(run(*given)))

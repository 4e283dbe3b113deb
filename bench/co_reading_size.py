"""Seconds and memory of fitting the co-reading model by the size of the catalogue.

    python -m bench co-reading-size                    50,000 and 200,000 items
    python -m bench co-reading-size 50000 --dense 4000

Made-up likes: ten a reader, half as many readers as items, items drawn by Zipf's law. Quality is
not measured here (`feed-quality` does that on real readers); this is what the machine has to give.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.interactions import Interactions
from recommend.evaluation.feed_memory import Cost

LIKES_EACH = 10
ASKED = 500
HISTORY = 50


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench co-reading-size")
    parser.add_argument("items", nargs="*", type=int, default=[50_000, 200_000])
    parser.add_argument("--dense", type=int, default=FitSettings().dense_items)
    chosen = parser.parse_args(arguments)
    print("| items read | likes | dense items | fit s | memory MB | model MB | recall ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for items in chosen.items:
        print(_row(items, chosen.dense), flush=True)
    return 0


def _row(items: int, dense: int) -> str:
    world = likes(items)
    with Cost() as cost:
        model = fit(world, FitSettings(dense_items=dense))
    facts = model.facts()
    source = np.random.default_rng(2)
    asked = [dict.fromkeys(source.choice(world.items, HISTORY).tolist(), 1.0) for _ in range(ASKED)]
    started = time.perf_counter()
    for history in asked:
        model.recall(history, 100)
    each = 1000.0 * (time.perf_counter() - started) / ASKED
    return (
        f"| {len(world.items):,} | {world.pairs:,} | {dense:,} | {cost.seconds:.0f} | "
        f"{cost.memory_mb:,.0f} | {facts['megabytes']} | {each:.2f} |"
    )


def likes(items: int, seed: int = 1) -> Interactions:
    """Ten likes a reader of items drawn by Zipf's law (exponent 1)."""
    source = np.random.default_rng(seed)
    readers = np.repeat(np.arange(items // 2), LIKES_EACH)
    weights = np.cumsum(1.0 / np.arange(1, items + 1))
    drawn = np.searchsorted(weights, source.random(len(readers)) * weights[-1])
    return Interactions.of(readers, drawn.astype(np.int64))

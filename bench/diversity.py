"""Thousands of sessions: nothing seen ever comes back, and what spreading costs and brings.

    python -m bench diversity [--sessions 10000] [--items 20000] [--seed 11]
    python -m bench diversity --sweep --sessions 1000 --seed 101

Readers with hidden tastes (three of sixty groups of items) visit twice a day for five days, look
at two pages and click what they like (bench/diversity_world.py). Some wave an item away between
two pages, some meet items elsewhere first, some ask for a page twice; after half of the visits
all processes start anew. Every reader has a twin with the same taste and luck who gets the same
feed without spreading (all penalties zero). Relevance is the hidden chance of a click, so nDCG
does not depend on what the feed believes. Two comparisons: of the twins' pages, with all that
comes of being served so for five days; and of the pages that both ways make of the same
candidates, which leaves learning out and is far more exact. `--sweep` makes the second one for
some strengths.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.diversity_figures import SERVED, UNSPREAD, compared, figures, pages_of, sweep_arms
from bench.diversity_items import Items, furnish
from bench.diversity_world import VISITS, Sessions, Tally
from bench.feed import fill, make_floor
from recommend.feed.spreading import FeedSettings
from recommend.services import build_services


@dataclass(frozen=True)
class Size:
    sessions: int = 10_000
    items: int = 20_000
    seed: int = 11


def simulate(
    size: Size, arms: Mapping[str, FeedSettings], tried: Mapping[str, FeedSettings]
) -> dict[str, Tally]:
    """The sessions of all arms in a folder of their own. `tried`: see `Sessions`."""
    with tempfile.TemporaryDirectory() as folder:
        floor = make_floor(Path(folder))
        placed = fill(floor, size.items)
        works = furnish(floor, placed)
        services = build_services(floor)
        services.corpus.refresh()
        ids = list(placed.groups)
        rows = services.corpus.view().centre(np.stack([placed.vectors[one] for one in ids]))
        known = Items(placed.groups, works, dict(zip(ids, rows, strict=True)))
        world = Sessions(floor, known, arms, size.seed, tried)
        readers = world.readers(max(size.sessions // (VISITS * len(arms)), 1))
        begin = time.perf_counter()
        for number in range(VISITS):
            world.visit(number, readers)
            _say(f"visit {number + 1} of {VISITS}", world.done, begin)
            if number + 1 == VISITS // 2:
                world.start()
        floor.db.dispose()
    return world.tally


def _say(what: str, done: int, begin: float) -> None:
    seconds = time.perf_counter() - begin
    print(
        f"{what}: {done:,} sessions, {seconds:.0f} s, {peak_mb()} MB", file=sys.stderr, flush=True
    )


def peak_mb() -> int:
    """The most memory this process has held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def run(size: Size) -> dict[str, Any]:
    """The feed as it serves beside the feed that is not spread."""
    begin = time.perf_counter()
    arms = {"spread": SERVED, "plain": UNSPREAD}
    found = simulate(size, arms, {"same, spread": SERVED, "same, plain": UNSPREAD})
    return {
        **{arm: figures(found[arm]) for arm in arms},
        "twins": compared(found["spread"], found["plain"]),
        "same_candidates": compared(found["same, spread"], found["same, plain"]),
        "seconds": round(time.perf_counter() - begin, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "peak_mb": peak_mb(),
    }


def sweep(size: Size) -> dict[str, Any]:
    """What other strengths would make of the same candidates, beside no spreading."""
    found = simulate(size, {"spread": SERVED}, sweep_arms())
    plain = found["plain"]
    return {arm: {**pages_of(found[arm]), **compared(found[arm], plain)} for arm in sweep_arms()}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench diversity", description=__doc__)
    parser.add_argument("--sessions", type=int, default=Size.sessions)
    parser.add_argument("--items", type=int, default=Size.items)
    parser.add_argument("--seed", type=int, default=Size.seed)
    parser.add_argument("--sweep", action="store_true")
    chosen = parser.parse_args(arguments)
    measure = sweep if chosen.sweep else run
    print(json.dumps(measure(Size(chosen.sessions, chosen.items, chosen.seed)), indent=1))
    return 0

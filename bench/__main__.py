"""`make bench`: measure on this machine, each figure beside its reference in the same run.

    python -m bench                  everything
    python -m bench search feed      some of it
    python -m bench size [options]   search at 200,000 and 1,000,000 items (most of an hour)
    python -m bench match-quality    book -> reader list, and groups of readers (real data)
    python -m bench outage           Elasticsearch hangs and dies in mid-traffic
    python -m bench kill9-index      the indexing worker is killed at random points
    python -m bench rebuild          a rebuild while readers search
    python -m bench search-pages     pages of the search service, with and without the index
    python -m bench experiments      A/A and A/B of group experiments over 200 seeds
    python -m bench bandit-guards    guard rails of a bandit: false alarms, harm found
    python -m bench feed-quality     `evaluate feed` on goodbooks and douban_book
    python -m bench co-reading-size  fitting the co-reading model on large catalogues
    python -m bench feed-cold        new books and who will read them, on goodbooks
    python -m bench feed-learning    learned feed ranking beside the hand-set one, simulated readers
    python -m bench feed-load        feed pages over HTTP at a steady rate (five minutes)
    python -m bench diversity        ten thousand sessions: repeats, likeness, what it costs
    python -m bench spread-readers   what spreading costs real readers, on goodbooks

Prints a table as it goes and writes all figures with the machine and the date as JSON to
`var/bench.json`. docs/benchmarks.md holds the runs worth keeping.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PARTS = (
    "pipeline",
    "search",
    "relevance",
    "chinese",
    "matching",
    "feed",
    "events",
    "plan",
    "posts",
    "simulation",
)
# Long ones with options of their own (`--help`).
COMMANDS = {
    "feed-learning": "bench.feed_learning",
    "match-quality": "bench.match_quality",
    "size": "bench.size",
    "outage": "bench.outage",
    "kill9-index": "bench.kill9_index",
    "rebuild": "bench.rebuild",
    "search-pages": "bench.search_pages",
    "experiments": "bench.experiments",
    "bandit-guards": "bench.bandit_guards",
    "feed-quality": "bench.feed_quality",
    "co-reading-size": "bench.co_reading_size",
    "feed-cold": "bench.feed_cold",
    "feed-load": "bench.feed_load",
    "diversity": "bench.diversity",
    "spread-readers": "bench.spread_readers",
}
OUTPUT = Path("var/bench.json")


def machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


def show(part: str, figures: dict[str, Any], seconds: float) -> None:
    print(f"\n{part} ({seconds:.0f} s)")
    for name, value in flat(figures):
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        print(f"  {name:<48} {text}", flush=True)


def main(wanted: list[str]) -> int:
    if wanted and wanted[0] in COMMANDS:
        return int(importlib.import_module(COMMANDS[wanted[0]]).main(wanted[1:]))
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"no such part: {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
        return 2
    results: dict[str, Any] = {"machine": machine()}
    show("machine", results["machine"], 0)
    for part in wanted or PARTS:
        started = time.monotonic()
        results[part] = importlib.import_module(f"bench.{part}").run()
        show(part, results[part], time.monotonic() - started)
        OUTPUT.parent.mkdir(exist_ok=True)
        OUTPUT.write_text(json.dumps(results, ensure_ascii=False, indent=2, default=float))
    print(f"\nwritten to {OUTPUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

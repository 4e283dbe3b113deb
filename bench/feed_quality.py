"""Quality of the co-reading model on public sets, beside its references, as a table in Markdown.

    python -m bench feed-quality                 all sets
    python -m bench feed-quality douban_book     some

Runs what `flask --app wsgi evaluate feed` runs, each set in a process of its own so that the
memory figures do not mix. Sets: bench/feed_sets.py; data from CONTENTCENTER_TEST_DATA or
shared/data beside the checkout. Figures are written to `var/feed-quality.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.feed_sets import SETS, FeedSet
from tests.relevance.data import data_folder

METHODS = ("popular", "item_knn", "als", "ease", "ours")
K = 20
OUTPUT = Path("var/feed-quality.json")


def main(names: Sequence[str]) -> int:
    folder = data_folder()
    if folder is None:
        print("no evaluation data; set CONTENTCENTER_TEST_DATA")
        return 2
    unknown = set(names) - set(SETS)
    if unknown:
        print(f"no such set: {', '.join(sorted(unknown))}; there are: {', '.join(SETS)}")
        return 2
    found: dict[str, Any] = {}
    OUTPUT.parent.mkdir(exist_ok=True)
    for name in names or SETS:
        found[name] = _evaluate(SETS[name](folder))
        OUTPUT.write_text(json.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")
    print("\n".join(table(found)))
    return 0


def _evaluate(chosen: FeedSet) -> dict[str, Any]:
    arguments = [part for path in chosen.train for part in ("--train", str(path))]
    arguments += ["--test", str(chosen.test), "--k", str(K)]
    if chosen.items is not None:
        arguments += ["--items", str(chosen.items)]
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "evaluate", "feed", *arguments]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield (
        "| set (readers, items) | method | nDCG@20 | recall@20 | coverage | novelty, bits | "
        "diversity | train s | memory MB | ms a reader | chosen |"
    )
    yield "| --- | --- |" + " --- |" * 9
    for name, measured in found.items():
        about = measured["set"]
        for method in METHODS:
            head = (
                f"{name} ({about['readers']:,}, {about['items']:,})" if method == "popular" else ""
            )
            yield f"| {head} | {method} | {_cells(measured[method])} |"
        gain = about["ours_over_ease"]
        yield (
            f"| | ours over ease | {gain['ndcg_percent']:+.1f} % "
            f"(standard error {gain['standard_error']:.1f}) |" + " |" * 8
        )


def _cells(one: Mapping[str, Any]) -> str:
    return " | ".join(
        (
            f"{one[f'ndcg@{K}']:.4f}",
            f"{one[f'recall@{K}']:.4f}",
            f"{one['coverage']:.2f}",
            f"{one['novelty']:.1f}",
            f"{one['diversity']:.2f}",
            f"{one['train_seconds']:.0f}",
            f"{one['memory_mb']:,}",
            f"{one['ms_per_user']:.2f}",
            str(one["settings"]),
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

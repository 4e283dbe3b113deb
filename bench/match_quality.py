"""Which audience a book suits, on real reader lists, and what suits a group of readers.

    python -m bench match-quality            five folds of book -> list, then groups on goodbooks
    python -m bench match-quality --folds 2  fewer folds
    python -m bench match-quality --parts    one fold more without each part, and with the
                                             product's bounded memory

Data: CONTENTCENTER_TEST_DATA or shared/data beside the checkout (see tests/relevance). The
books of a fold are asked for, the lists keep only books of the other folds. Vectors are kept
in the cache folder; only the first run embeds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import match_groups
from contentcenter.floor import Floor
from contentcenter.settings import load_settings
from recommend.evaluation.match import LEARNED
from recommend.evaluation.match_command import evaluation_of
from recommend.evaluation.match_files import MatchAudience, MatchSet, read_books, read_lists
from recommend.matching.memory import MEMORY_SIZE
from tests.relevance.data import BOOKS, LISTS, data_folder, json_rows
from wsgi import build_floor

METHODS = ("size", "tfidf", "tfidf_tags", "ours")


def run(floor: Floor, folder: Path, folds: int = 5, *, parts: bool = False) -> dict[str, Any]:
    """Mean and spread by method over the folds, groups, and what parts are worth."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    started = time.monotonic()
    for fold in range(folds):
        metrics = evaluation_of(floor, split_of(folder, fold), _tell).run().metrics()
        for name in METHODS:
            found[name].append(metrics[name])
        _tell(f"fold {fold}: ours {metrics['ours']}")
    out: dict[str, Any] = {"lists": {name: _spread(rows) for name, rows in found.items()}}
    out["seconds_a_fold"] = round((time.monotonic() - started) / folds, 1)
    if parts:
        out["without"] = without(floor, folder)
    out["groups"] = match_groups.run(floor, folder)
    out["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return out


def without(floor: Floor, folder: Path) -> dict[str, Any]:
    """The first fold again: without each part, and with as much memory as the product keeps."""
    split, out = split_of(folder, 0), {}
    whole = evaluation_of(floor, split, _tell)
    for part in LEARNED:
        kept = [name for name in LEARNED if name != part]
        out[part] = whole.run(kept).metrics()["ours"]
    bounded = evaluation_of(floor, split, _tell, remembered=MEMORY_SIZE)
    out[f"beyond {MEMORY_SIZE} books of a list"] = bounded.run().metrics()["ours"]
    return out


def split_of(folder: Path, fold: int) -> MatchSet:
    """Books of the fold are asked for; lists keep the others."""
    books = read_books([folder / BOOKS])
    folds = {row["id"]: row["fold"] for row in json_rows(folder, BOOKS)}
    audiences, truth = [], dict[str, set[str]]()
    for one in read_lists(folder / LISTS):
        known = [book for book in one.books if book in books]
        for book in known:
            if folds[book] == fold:
                truth.setdefault(book, set()).add(one.id)
        kept = tuple(book for book in known if folds[book] != fold)
        audiences.append(MatchAudience(one.id, one.name, kept))
    return MatchSet(books, audiences, {book: frozenset(own) for book, own in truth.items()})


def with_floor(work: Callable[[Floor, Path], dict[str, Any]]) -> int:
    """Run on the settings' model and cache; prints one JSON object."""
    folder = data_folder()
    if folder is None:
        print("no evaluation data; set CONTENTCENTER_TEST_DATA")
        return 1
    floor = build_floor(load_settings())
    print(json.dumps(work(floor, folder), ensure_ascii=False, indent=2))
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench match-quality", description=__doc__)
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6))
    parser.add_argument("--parts", action="store_true")
    given = parser.parse_args(arguments)
    return with_floor(lambda floor, folder: run(floor, folder, given.folds, parts=given.parts))


def _spread(rows: list[dict[str, float]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in ("mrr", "hit@5"):
        values = [row[name] for row in rows]
        out[name] = round(float(np.mean(values)), 4)
        out[f"{name} spread"] = round(float(np.std(values)), 4)
    return out


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

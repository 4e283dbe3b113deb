"""What spreading costs real readers: lists of goodbooks, spread more and less.

    python -m bench spread-readers [--readers 5000]

The product's co-reading model ranks the books of each reader (train and valid of to_read), its
best 300 are put in order by the product's `rank`, and nDCG@10 is taken against what the reader
kept in test. Values are logarithms of the scores, vectors are the tags of a book in 128 dimensions
(truncated SVD of TF-IDF), categories are 25 clusters of these. Books of one author or of one
series are often kept by one reader, so an author costs more here than in a feed of articles.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.cluster.vq import kmeans2
from scipy.sparse.linalg import svds

from bench.diversity_figures import loss, sweep_arms
from bench.diversity_world import similarity
from bench.feed_sets import goodbooks
from contentcenter.embedding.ports import Vectors
from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.interactions import Interactions
from recommend.collaborative.ranking_measures import Answers, answer, ndcg_each, readers_with
from recommend.collaborative.side_info import Described, side_rows
from recommend.corpus import unit_rows
from recommend.evaluation.feed_files import LikeSets, read_described, read_likes
from recommend.feed.spreading import Candidates, FeedSettings, codes, rank
from tests.relevance.data import data_folder

CANDIDATES = 300
PAGE = 10
DIMENSIONS = 128
CATEGORIES = 25
LEAST_SCORE = 1e-4
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shelf:
    """What spreading is told of the books, by place."""

    vectors: Vectors
    authors: Sequence[str]
    categories: Sequence[str]


@dataclass(frozen=True)
class Ranked:
    """The best books of some readers: places (r, c), best first, and values (r, c)."""

    answers: Answers
    values: Vectors


def shelf_of(sets: LikeSets, items: Path) -> Shelf:
    described = read_described(items)
    tags = [_tags(described.get(one)) for one in sets.items]
    rows = side_rows(tags)
    assert rows is not None
    left, sizes, _ = svds(rows.astype(np.float64), k=DIMENSIONS, random_state=1)
    found = unit_rows((left * sizes).astype(np.float32))
    vectors = unit_rows(found - found.mean(axis=0))
    _, clusters = kmeans2(vectors, CATEGORIES, minit="++", seed=1)
    first = [_author(described.get(one)) for one in sets.items]
    return Shelf(vectors, first, [str(one) for one in clusters])


def _tags(book: Described | None) -> Described | None:
    return Described({"tag": book.names.get("tag", {})}) if book else None


def _author(book: Described | None) -> str:
    return next(iter(book.names.get("author", {})), "") if book else ""


def ranked(sets: LikeSets, items: Path, count: int) -> Ranked:
    """The co-reading model's best books of `count` readers, drawn with a fixed seed."""
    described = read_described(items)
    side = side_rows([described.get(one) for one in sets.items])
    places = [np.arange(size, dtype=np.int64) for size in sets.train.shape]
    weights = fit(Interactions(places[0], places[1], sets.train), FitSettings(), side).weights
    readers = np.random.default_rng(2).permutation(readers_with(sets.test))[:count]

    def scorer(rows: sparse.csr_array) -> npt.NDArray[np.float32]:
        return np.asarray((rows @ weights).toarray(), np.float32)

    answers = answer(scorer, sets.train, readers, CANDIDATES)
    scores = np.concatenate([
        np.take_along_axis(scorer(sets.train[readers[part]]), answers.top[part], axis=1)
        for part in np.array_split(np.arange(len(readers)), max(len(readers) // 500, 1))
    ])  # fmt: skip
    return Ranked(answers, np.log(np.maximum(scores, LEAST_SCORE)))


def pages(found: Ranked, shelf: Shelf, rules: FeedSettings) -> npt.NDArray[np.int64]:
    """The first page (r, 10) of every reader."""
    none = codes([""] * CANDIDATES)
    out = []
    for top, values in zip(found.answers.top, found.values, strict=True):
        candidates = Candidates(
            ids=top.tolist(),
            works=[(one,) for one in top.tolist()],
            authors=codes([shelf.authors[one] for one in top]),
            categories=codes([shelf.categories[one] for one in top]),
            sources=none,
        )
        picked = rank(candidates, values, shelf.vectors[top], PAGE, rules)
        out.append(top[[one.row for one in picked]])
    return np.array(out, dtype=np.int64)


def measured(sets: LikeSets, found: Ranked, shelf: Shelf, rules: FeedSettings) -> Array:
    """By reader (r, 4): similarity, nDCG@10, authors and categories of the page."""
    shown = pages(found, shelf, rules)
    ndcg = ndcg_each(Answers(found.answers.readers, shown), sets.test)
    alike = [similarity(list(shelf.vectors[page])) for page in shown]
    authors = [len({shelf.authors[one] for one in page}) for page in shown]
    categories = [len({shelf.categories[one] for one in page}) for page in shown]
    return np.stack([np.array(alike), ndcg, np.array(authors), np.array(categories)], axis=1)


def figures(each: Array, plain: Array) -> Mapping[str, Any]:
    means = each.mean(axis=0)
    return {
        "similarity": round(float(means[0]), 4),
        "ndcg@10": round(float(means[1]), 4),
        "authors_a_page": round(float(means[2]), 2),
        "categories_a_page": round(float(means[3]), 2),
        "pages_doubling_an_author": round(float((each[:, 2] < PAGE).mean()), 4),
        **loss(each[:, :2], plain[:, :2]),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench spread-readers", description=__doc__)
    parser.add_argument("--readers", type=int, default=5_000)
    chosen = parser.parse_args(arguments)
    folder = data_folder()
    if folder is None:
        print("no evaluation data; set CONTENTCENTER_TEST_DATA")
        return 2
    files = goodbooks(folder)
    assert files.items is not None
    sets = read_likes(files.train, files.test)
    shelf, found = shelf_of(sets, files.items), ranked(sets, files.items, chosen.readers)
    arms: dict[str, Array] = {}
    for arm, rules in sweep_arms().items():
        print(f"{arm} ...", file=sys.stderr, flush=True)
        arms[arm] = measured(sets, found, shelf, rules)
    table = {arm: figures(each, arms["plain"]) for arm, each in arms.items()}
    print(json.dumps(table, indent=1))
    return 0

"""Groups of readers on goodbooks: what to tell a group, against popularity and tags.

    python -m bench.match_groups [groups]

How groups are made: readers with training rows are placed by a truncated SVD of their training
rows (32 dimensions) and clustered by k-means; nothing of the valid or test rows is used. Each
group is an audience of the product: its members' training rows are its answers. The weights
are learned from the valid rows (which of a random hundred books was the one marked), the test
rows are what is to be found: gain of a book = how many members marked it, nDCG@20 over all
books with training rows.

`popular`: training rows of everyone. `group_popular`: of the group itself, a strong reference
where groups are large. `tags`: cosine of the group's TF-IDF shelf profile with the book's.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from recommend.evaluation.match import persona_of
from recommend.evaluation.match_command import embedded_books
from recommend.evaluation.match_files import MatchBook
from recommend.match_echo import Remembered, strength_of
from recommend.match_features import MatchItem, audience_features, item_features
from recommend.match_replay import UNIT
from recommend.match_training import Choices, fit_weights
from recommend.match_traits import TraitRows, Traits, TraitStatistics, measure_traits, trait_rows
from recommend.matching import score_matrix

GROUPS = 200
DEPTH = 20
PARTS = ("semantic", "tags", "response", "members", "words", "authors", "standing")
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_TRAINED_ON, _AGAINST = 4_000, 100
_TAGS_A_BOOK, _REMEMBERED = 12, 256
# Shelves that tell about a reader, not about a book.
_PERSONAL = ("to-read", "own", "currently", "favo", "read-in", "wish", "library", "kindle", "book")
_RARE = 8

Counts = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shelves:
    """`books` in rows; rows of readers by split: (readers, books) ones."""

    books: list[MatchBook]
    train: csr_matrix
    valid: csr_matrix
    test: csr_matrix


def run(floor: Floor, folder: Path, groups: int = GROUPS) -> dict[str, Any]:
    """nDCG@20 by method, mean over groups."""
    shelves = read(folder / "goodbooks")
    member = cluster(shelves.train, groups)
    told, asked, found = (member @ rows for rows in (shelves.train, shelves.valid, shelves.test))
    told, asked, found = (one.toarray().astype(np.float32) for one in (told, asked, found))
    world = _World(floor, shelves.books, told)
    _tell(f"{len(told)} groups")
    features = world.features(told)
    weights = learn(features, asked)
    scored = {
        "popular": np.tile(told.sum(axis=0), (len(told), 1)),
        "group_popular": told + 1e-3 * told.sum(axis=0) / told.sum(),
        "tags": world.tags(told),
        "ours": features @ np.array([weights[name] for name in PARTS], np.float32),
    }
    return {
        **{name: {"ndcg@20": ndcg(scores, found)} for name, scores in scored.items()},
        "groups": len(told),
        "readers_a_group": float(np.median(np.asarray(member.sum(axis=1)).ravel())),
        "books": len(shelves.books),
        "weights": {name: round(value, 3) for name, value in weights.items()},
    }


def read(folder: Path) -> Shelves:
    rows = {"train": [], "valid": [], "test": []}  # type: dict[str, list[tuple[str, str]]]
    for row in _csv(folder / "to_read.csv.gz"):
        rows[row["split"]].append((row["user_id"], row["book_id"]))
    known = sorted({book for _, book in rows["train"]}, key=int)
    column = {book: at for at, book in enumerate(known)}
    readers = {one: at for at, one in enumerate(sorted({user for user, _ in rows["train"]}))}

    def matrix(pairs: list[tuple[str, str]]) -> csr_matrix:
        kept = [(readers[u], column[b]) for u, b in pairs if u in readers and b in column]
        places = np.array(kept, dtype=np.intp).reshape(-1, 2)
        ones = np.ones(len(places), np.float32)
        return csr_matrix((ones, (places[:, 0], places[:, 1])), (len(readers), len(known)))

    books = _books(folder, known)
    return Shelves(books, *(matrix(rows[split]) for split in ("train", "valid", "test")))


def cluster(train: csr_matrix, groups: int) -> csr_matrix:
    """(groups, readers): ones. Groups that stay empty are left out."""
    damped = train.multiply(1.0 / np.sqrt(np.maximum(train.sum(axis=0), 1.0))).tocsr()
    left, size, _ = svds(damped.astype(np.float64), k=32, tol=0.01, random_state=7)
    places = left * size
    places /= np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-9)
    _, which = kmeans2(places, groups, minit="points", seed=7, iter=12)
    _, which = np.unique(which, return_inverse=True)
    readers = np.arange(len(which))
    shape = (int(which.max()) + 1, len(which))
    return csr_matrix((np.ones(len(which), np.float32), (which, readers)), shape)


class _World:
    """Books as matching sees them."""

    def __init__(self, floor: Floor, books: list[MatchBook], told: Counts) -> None:
        heard = told.sum(axis=0)
        self.books = [
            replace(one, traits=replace(one.traits, reach=float(n)))
            for one, n in zip(books, heard, strict=True)
        ]
        self.corpus, vectors = embedded_books(floor, self.books, _tell)
        self.known: TraitStatistics = measure_traits([one.traits for one in self.books])
        self.rows: TraitRows = trait_rows([one.traits for one in self.books], self.known)
        raw = [vectors.get(one.id, self.corpus.mean) for one in self.books]
        self.centred: Vectors = self.corpus.centre(np.stack(raw))
        usual = float(heard.mean())
        self.items = [
            MatchItem(
                n, vectors.get(one.id), "other", one.traits.tags, None, None, 0.5,
                shown=20.0 * usual, liked=float(heard[n]),
            )
            for n, one in enumerate(self.books)
        ]  # fmt: skip

    def features(self, told: Counts) -> Vectors:
        """(groups, books, parts), unweighted."""
        items = item_features(self.items, self.corpus, _AT, None, UNIT, traits=self.rows)
        out = []
        for start in range(0, len(told), 10):
            block = told[start : start + 10]
            best = [np.argsort(-row, kind="stable")[:_REMEMBERED] for row in block]
            best = [own[row[own] > 0] for own, row in zip(best, block, strict=True)]
            strength = tuple(
                np.array([strength_of(float(row[one])) for one in own], np.float32)
                for own, row in zip(best, block, strict=True)
            )
            memory = Remembered(self.centred, self.rows, tuple(best), strength, self.known)
            people = [persona_of([self.items[one] for one in own], self.corpus) for own in best]
            who = audience_features(range(len(block)), people, self.corpus, UNIT, memory=memory)
            parts = score_matrix(items, who, UNIT).parts
            out.append(np.stack([parts[name].T for name in PARTS], axis=-1))
        return np.concatenate(out)

    def tags(self, told: Counts) -> Vectors:
        """Cosine of the group's summed tag rows with each book's."""
        profile = (csr_matrix(told) @ self.rows.tags).tocsr()
        return np.asarray((profile @ self.rows.tags.T).toarray(), dtype=np.float32)


def learn(features: Vectors, asked: Counts) -> dict[str, float]:
    """Weights from valid rows: the marked book against a hundred random ones."""
    rng = np.random.default_rng(7)
    group, book = np.nonzero(asked)
    chosen = rng.choice(len(group), min(_TRAINED_ON, len(group)), replace=False)
    tables, taken = [], []
    for at in chosen:
        others = rng.integers(0, asked.shape[1], _AGAINST)
        others = others[asked[group[at], others] == 0]
        tables.append(features[group[at], np.concatenate([[book[at]], others])])
        taken.append(np.arange(len(others) + 1) == 0)
    numbers = np.repeat(np.arange(len(tables)), [len(one) for one in tables])
    choices = Choices(np.concatenate(tables), numbers, np.concatenate(taken))
    found = fit_weights(choices, [1.0] * len(PARTS))
    return dict(zip(PARTS, (float(one) for one in found.weights), strict=True))


def ndcg(scores: Vectors, gains: Counts) -> float:
    """Mean nDCG@20 of the groups that marked anything; gain = members who marked the book."""
    asked = gains.sum(axis=1) > 0
    order = np.argsort(-scores[asked], axis=1, kind="stable")[:, :DEPTH]
    discount = 1.0 / np.log2(np.arange(2, DEPTH + 2))
    got = (np.take_along_axis(gains[asked], order, 1) * discount).sum(axis=1)
    best = (-np.sort(-gains[asked], axis=1)[:, :DEPTH] * discount).sum(axis=1)
    return float(np.mean(got / best))


def _books(folder: Path, known: list[str]) -> list[MatchBook]:
    told = {row["book_id"]: row for row in _csv(folder / "books.csv.gz")}
    tags = _tags(folder)
    out = []
    for one in known:
        row = told.get(one, {})
        authors = tuple(name.strip() for name in row.get("authors", "").split(",") if name.strip())
        year = row.get("original_publication_year", "")
        title = row.get("title", "")
        traits = Traits(
            title=title,
            tags=tags.get(one, ()),
            authors=authors,
            year=int(float(year)) if year and float(year) > 0 else None,
            quality=float(row["average_rating"]) / 5.0 if row.get("average_rating") else None,
        )
        out.append(MatchBook(one, title or f"book {one}", "", traits, None))
    return out


def _tags(folder: Path) -> dict[str, tuple[str, ...]]:
    """The shelves most used for a book, without personal and nearly empty ones."""
    shelves: dict[str, list[tuple[int, str]]] = {}
    for row in _csv(folder / "book_tags.csv.gz"):
        if not any(word in row["tag"] for word in _PERSONAL):
            shelves.setdefault(row["book_id"], []).append((int(row["count"]), row["tag"]))
    seen = Counter(tag for own in shelves.values() for _, tag in own)
    return {
        book: tuple(tag for _, tag in sorted(own, reverse=True) if seen[tag] >= _RARE)[
            :_TAGS_A_BOOK
        ]
        for book, own in shelves.items()
    }


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _csv(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    from bench.match_quality import with_floor

    with_floor(lambda floor, folder: run(floor, folder, *(int(one) for one in sys.argv[1:])))

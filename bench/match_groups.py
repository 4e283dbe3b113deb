"""Groups of readers on goodbooks: what to tell a group, against popularity and tags.

    python -m bench.match_groups [--groups 200] [--no-text] [--remembered 256]

How groups are made: readers with training rows are placed by a truncated SVD of their training
rows (32 dimensions) and clustered by k-means; nothing of the valid or test rows is used. Each
group is an audience of the product: its members' training rows are its answers. A book that
some members have marked may be marked by others, so it stays in the list (the product leaves
out what was *posted* to a group, not what members found themselves).

The weights are learned inside the training rows: groups and the co-reading model are made anew
from four fifths of them, and a choice is a book that a member marked in the last fifth among
two hundred others of the 500 that co-reading puts first for the group: as in the product,
where a choice is among what was shown. Then both are made from all training rows. The test rows
are what is to be found: gain of a book = how many members marked it, nDCG@20 over all books
with training rows. The valid rows are not used.

`popular`: training rows of everyone. `group_popular`: of the group itself, a strong reference
where groups are large. `tags`: cosine of the group's TF-IDF shelf profile with the book's.
`--no-text` leaves the text vectors out (part `semantic`, and one of three cosines of `members`).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.sparse import csr_array, csr_matrix
from scipy.sparse.linalg import svds

from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.interactions import Interactions
from recommend.collaborative.model import CoReadingModel
from recommend.corpus import CorpusView
from recommend.evaluation.match import persona_of
from recommend.evaluation.match_command import embedded_books
from recommend.evaluation.match_files import MatchBook
from recommend.matching.echo import Remembered, strength_of
from recommend.matching.features import MatchItem, audience_features, item_features
from recommend.matching.memory import MEMORY_SIZE
from recommend.matching.replay import UNIT
from recommend.matching.scores import score_matrix
from recommend.matching.training import Choices, fit_weights
from recommend.matching.traits import TraitRows, Traits, TraitStatistics, measure_traits, trait_rows

GROUPS = 200
DEPTH = 20
PARTS = (
    "semantic",
    "tags",
    "response",
    "members",
    "words",
    "authors",
    "standing",
    "co_read",
    "answered",
)
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_TRAINED_ON, _AGAINST, _LIKELY, _HELD_OUT = 4_000, 200, 500, 0.2
_TAGS_A_BOOK, _WITHOUT_TEXT = 12, 8
_ALONE = ("co_read", "answered", "members")
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


def run(
    floor: Floor,
    folder: Path,
    groups: int = GROUPS,
    *,
    text: bool = True,
    remembered: int = MEMORY_SIZE,
) -> dict[str, Any]:
    """nDCG@20 by method, mean over groups."""
    shelves = read(folder / "goodbooks")
    placed = embedded_books(floor, shelves.books, _tell) if text else (_no_text(), {})
    weights = _learned(Scene(shelves.books, placed, groups, remembered), shelves.train)
    scene = Scene(shelves.books, placed, groups, remembered)
    features = scene.features(shelves.train)
    told = scene.told
    found = (scene.member @ shelves.test).toarray().astype(np.float32)
    scored = {
        "popular": np.tile(told.sum(axis=0), (len(told), 1)),
        "group_popular": told + 1e-3 * told.sum(axis=0) / told.sum(),
        "tags": scene.tags(),
        **{f"ours, {name} alone": features[:, :, PARTS.index(name)] for name in _ALONE},
        "ours": features @ np.array([weights[name] for name in PARTS], np.float32),
    }
    sizes = np.asarray(scene.member.sum(axis=1)).ravel()
    return {
        **{name: {"ndcg@20": round(ndcg(one, found), 4)} for name, one in scored.items()},
        "groups": len(told),
        "readers_a_group": float(np.median(sizes)),
        "books_a_group": float(np.median((told > 0).sum(axis=1))),
        "books": len(shelves.books),
        "text": text,
        "remembered": remembered,
        "weights": {name: round(value, 3) for name, value in weights.items()},
    }


def _learned(scene: Scene, train: csr_matrix) -> dict[str, float]:
    """Weights from four fifths of the training rows, asked about the last fifth."""
    late = np.random.default_rng(11).random(train.nnz) < _HELD_OUT
    early, asked = train.copy(), train.copy()
    early.data, asked.data = train.data * ~late, train.data * late
    early.eliminate_zeros()
    features = scene.features(early)
    _tell("inner split")
    return learn(features, (scene.member @ asked).toarray().astype(np.float32))


def _no_text() -> CorpusView:
    nothing = np.zeros(_WITHOUT_TEXT, np.float32)
    return CorpusView("none", nothing, nothing, 0.0, 1.0, 1.0, 0)


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


class Scene:
    """Groups made from some rows of readers, and books as matching sees them then."""

    def __init__(
        self,
        books: list[MatchBook],
        placed: tuple[CorpusView, Mapping[str, Vectors]],
        groups: int,
        remembered: int,
    ) -> None:
        self._books, self._groups, self._remembered = books, groups, remembered
        self.corpus, self._vectors = placed
        self.member = csr_matrix((0, 0))
        self.told: Counts = np.zeros((0, 0), np.float32)

    def features(self, rows: csr_matrix) -> Vectors:
        """(groups, books, parts), unweighted, of groups made from these rows."""
        self.member = cluster(rows, self._groups)
        self.told = (self.member @ rows).toarray().astype(np.float32)
        self._lay_out()
        memory = self._memory(co_reading_of(rows))
        items = item_features(self.items, self.corpus, _AT, None, UNIT, traits=self.rows)
        out = []
        for start in range(0, len(self.told), 10):
            some = memory.some(slice(start, start + 10))
            people = [persona_of([self.items[n] for n in own], self.corpus) for own in some.rows]
            who = audience_features(range(len(some)), people, self.corpus, UNIT, memory=some)
            parts = score_matrix(items, who, UNIT).parts
            out.append(np.stack([parts[name].T for name in PARTS], axis=-1))
        return np.concatenate(out)

    def tags(self) -> Vectors:
        """Cosine of the group's summed tag rows with each book's."""
        profile = (csr_matrix(self.told) @ self.rows.tags).tocsr()
        return np.asarray((profile @ self.rows.tags.T).toarray(), dtype=np.float32)

    def _lay_out(self) -> None:
        heard = self.told.sum(axis=0)
        traits = [
            replace(one.traits, reach=float(n)) for one, n in zip(self._books, heard, strict=True)
        ]
        self.known: TraitStatistics = measure_traits(traits)
        self.rows: TraitRows = trait_rows(traits, self.known)
        usual = float(heard.mean())
        self.items = [
            MatchItem(
                n, self._vectors.get(one.id), "other", own.tags, None, None, 0.5,
                shown=20.0 * usual, liked=float(heard[n]),
            )
            for n, (one, own) in enumerate(zip(self._books, traits, strict=True))
        ]  # fmt: skip

    def _memory(self, co_reading: CoReadingModel) -> Remembered:
        best = [np.argsort(-row, kind="stable")[: self._remembered] for row in self.told]
        best = [own[row[own] > 0] for own, row in zip(best, self.told, strict=True)]
        strength = tuple(
            np.array([strength_of(float(row[one])) for one in own], np.float32)
            for own, row in zip(best, self.told, strict=True)
        )
        raw = [self._vectors.get(one.id, self.corpus.mean) for one in self._books]
        return Remembered(
            self.corpus.centre(np.stack(raw)),
            self.rows,
            tuple(best),
            strength,
            self.known,
            np.arange(len(self._books)),
            co_reading,
        )


def co_reading_of(rows: csr_matrix) -> CoReadingModel:
    """The product's model of these readers' rows; every book keeps its column."""
    items = np.arange(rows.shape[1], dtype=np.int64)
    readers = np.arange(rows.shape[0], dtype=np.int64)
    return fit(Interactions(readers, items, csr_array(rows)), FitSettings())


def learn(features: Vectors, asked: Counts) -> dict[str, float]:
    """Weights from marked books among likely ones. A book that many members marked is asked
    about as often: its gain is as much."""
    rng = np.random.default_rng(7)
    near = features[:, :, PARTS.index("co_read")]
    likely = np.argsort(-near, axis=1, kind="stable")[:, :_LIKELY]
    marks = np.take_along_axis(asked, likely, 1)
    group, place = np.nonzero(marks)
    share = marks[group, place] / marks.sum()
    chosen = rng.choice(len(group), min(_TRAINED_ON, len(group)), p=share)
    tables, taken = [], []
    for at in chosen:
        others = rng.integers(0, _LIKELY, _AGAINST)
        others = others[marks[group[at], others] == 0]
        books = likely[group[at], np.concatenate([[place[at]], others])]
        tables.append(features[group[at], books])
        taken.append(np.arange(len(books)) == 0)
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


def main() -> None:
    from bench.match_quality import with_floor

    parser = argparse.ArgumentParser(prog="python -m bench.match_groups", description=__doc__)
    parser.add_argument("--groups", type=int, default=GROUPS)
    parser.add_argument("--no-text", action="store_true")
    parser.add_argument("--remembered", type=int, default=MEMORY_SIZE)
    given = parser.parse_args()
    with_floor(
        lambda floor, folder: run(
            floor, folder, given.groups, text=not given.no_text, remembered=given.remembered
        )
    )


if __name__ == "__main__":
    main()

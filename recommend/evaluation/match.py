"""`evaluate match`: for each test book, the audiences in order; how high a true one stands.

Each list is an audience of the product: its persona is learned by `persona_math.learn` from
its books, its memory is what it would remember, and the score is `score_matrix`. The weights
are learned from the training lists alone: a training book's own memberships are left out (its
whole group of editions, fold by fold) when its features are computed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from contentcenter.domain.events import EventKind
from contentcenter.embedding.ports import Vectors
from contentcenter.text.normalise import normalise
from recommend.corpus import CorpusView
from recommend.evaluation.match_files import MatchSet
from recommend.matching.echo import ECHO_PARTS, Remembered
from recommend.matching.features import MatchItem, audience_features, item_features
from recommend.matching.scores import score_matrix
from recommend.matching.settings import PARTS, MatchSettings
from recommend.matching.training import Choices, fit_weights
from recommend.matching.traits import TraitRows, TraitStatistics, measure_traits, trait_rows
from recommend.persona_math import (
    Blending,
    Centres,
    Declared,
    ItemFacts,
    Learned,
    LearnEvent,
    Persona,
    blend,
    learn,
)
from recommend.persona_math.decay import day_number

# Everything happened at one time: the files hold no dates.
_AT = datetime(2026, 1, 1, tzinfo=UTC)
# The lists tell of no readers and of no book twice.
_SILENT = ("co_read", "answered")
LEARNED = ("semantic", "tags", "price", *(name for name in ECHO_PARTS if name not in _SILENT))
PARTS_OUT = 5
MOST_TRAINING = 6_000
# The whole of a list: the files hold no dates by which an audience could have forgotten.
REMEMBERED = 1_000_000
_EDITION = re.compile(r"[(（\[【].*?[)）\]】]|[\W\d_]|[一二三四五六七八九十上中下]|[册卷版第]")

Tell = Callable[[str], None]
Scored = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Catalogue:
    """All books in rows: ids, matching's own view of each, vectors and traits."""

    ids: tuple[str, ...]
    items: tuple[MatchItem, ...]
    rows: TraitRows
    known: TraitStatistics
    corpus: CorpusView
    centred: Vectors
    names: Mapping[str, Vectors]


@dataclass(frozen=True)
class MatchOutcome:
    """`ranks`: the best rank of a true audience by method, a number a test book."""

    ranks: Mapping[str, npt.NDArray[np.float64]]
    weights: Mapping[str, float]

    def metrics(self) -> dict[str, dict[str, float]]:
        return {
            name: {"mrr": float(np.mean(1.0 / rank)), "hit@5": float(np.mean(rank <= 5))}
            for name, rank in self.ranks.items()
        }


class MatchEvaluation:
    """One split. `vectors` by book id, raw; `names` of the audiences, moved to item space;
    `remembered` how many books of a list the audience holds in memory."""

    def __init__(
        self,
        split: MatchSet,
        corpus: CorpusView,
        vectors: Mapping[str, Vectors],
        names: Mapping[str, Vectors],
        *,
        tell: Tell = lambda _: None,
        remembered: int = REMEMBERED,
    ) -> None:
        self._split = split
        self._tell = tell
        self._size = remembered
        self._catalogue = _catalogue(split, corpus, vectors, names)
        self._row = {one: row for row, one in enumerate(self._catalogue.ids)}
        self.lists = [
            np.array([self._row[b] for b in one.books], np.intp) for one in split.audiences
        ]

    def run(self, parts: Sequence[str] = LEARNED) -> MatchOutcome:
        """Ranks by `size`, `tfidf`, `tfidf_tags` and `ours`, whose weights are learned first."""
        weights = self.learn(parts)
        test = np.array([self._row[one] for one in self._split.truth], np.intp)
        ours = self.features(test, self.lists, parts) @ np.array(
            [weights[name] for name in parts], np.float32
        )
        scored = {**self.plain(test), "ours": ours}
        truth = self._truth()
        ranks = {name: best_ranks(score, truth) for name, score in scored.items()}
        return MatchOutcome(ranks, weights)

    def learn(self, parts: Sequence[str]) -> dict[str, float]:
        """Weights of the parts, from the training lists only."""
        member = self._members()
        books = np.flatnonzero(member.any(axis=1))
        group = np.array([_edition_group(self._title(int(row))) for row in books])
        chosen = np.random.default_rng(7).permutation(len(books))[:MOST_TRAINING]
        features, taken = [], []
        for out in range(PARTS_OUT):
            asked = books[chosen[group[chosen] == out]]
            held = set(books[group == out].tolist())
            lists = [np.array([b for b in one if b not in held], np.intp) for one in self.lists]
            features.append(self.features(asked, lists, parts))
            taken.append(member[asked])
            self._tell(f"training features {out + 1} of {PARTS_OUT}")
        table, took = np.concatenate(features), np.concatenate(taken)
        choices = Choices(
            table.reshape(-1, len(parts)),
            np.repeat(np.arange(len(table)), table.shape[1]),
            took.ravel(),
        )
        found = fit_weights(choices, [1.0] * len(parts))
        return dict(zip(parts, (float(one) for one in found.weights), strict=True))

    def features(
        self,
        rows: npt.NDArray[np.intp],
        lists: Sequence[npt.NDArray[np.intp]],
        parts: Sequence[str],
    ) -> Vectors:
        """Unweighted parts (n, audiences, parts) of these books with audiences of such lists."""
        books, corpus = self._catalogue, self._catalogue.corpus
        memory = Remembered(
            books.centred,
            books.rows,
            tuple(own[: self._size] for own in lists),
            tuple(np.ones(len(own[: self._size]), np.float32) for own in lists),
            books.known,
        )
        people = [self._persona(one, own) for one, own in enumerate(lists)]
        unit = MatchSettings().weighted(dict.fromkeys(PARTS, 1.0))
        chosen = [books.items[row] for row in rows]
        items = item_features(chosen, corpus, _AT, None, unit, traits=books.rows.take(rows))
        who = audience_features(range(len(lists)), people, corpus, unit, memory=memory)
        found = score_matrix(items, who, unit).parts
        return np.stack([found[name] for name in parts], axis=-1).astype(np.float32)

    def plain(self, test: npt.NDArray[np.intp]) -> dict[str, Scored]:
        """The references: how large a list is, and TF-IDF centroids without and with tags."""
        member = csr_matrix(self._members().T.astype(np.float32))
        size = np.asarray(member.sum(axis=1), dtype=np.float32).ravel()
        books = self._catalogue
        untagged = [replace(one.traits, tags=()) for one in self._split.books.values()]
        bare = trait_rows(untagged, measure_traits(untagged))
        return {
            "size": np.tile(size, (len(test), 1)),
            "tfidf": _centroids(bare.words, member, test),
            "tfidf_tags": _centroids(books.rows.words, member, test),
        }

    def _persona(self, audience: int, rows: npt.NDArray[np.intp]) -> Persona:
        books, name = self._catalogue, self._split.audiences[audience].id
        held = [books.items[row] for row in rows.tolist()]
        return persona_of(held, books.corpus, books.names.get(name))

    def _members(self) -> npt.NDArray[np.bool_]:
        out = np.zeros((len(self._catalogue.ids), len(self.lists)), dtype=np.bool_)
        for column, rows in enumerate(self.lists):
            out[rows, column] = True
        return out

    def _truth(self) -> npt.NDArray[np.bool_]:
        names = [one.id for one in self._split.audiences]
        return np.array([[one in own for one in names] for own in self._split.truth.values()])

    def _title(self, row: int) -> str:
        return self._split.books[self._catalogue.ids[row]].title


def persona_of(
    items: Sequence[MatchItem], corpus: CorpusView, said: Vectors | None = None
) -> Persona:
    """The persona of an audience that marked these items, and said so much (d,) of itself."""
    events = (
        LearnEvent(number, EventKind.FAVOURITE, _AT, 12, _facts(item))
        for number, item in enumerate(items, 1)
    )
    empty = Centres.empty(corpus.dimension)
    learned = learn(Learned(empty), events, corpus)
    declared = Declared(empty.vectors if said is None else said[None, :])
    return blend(Blending(declared, learned), day_number(_AT))


def best_ranks(scores: Scored, truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The rank of the best true audience of each row; ties share the mean of their ranks."""
    best = np.where(truth, scores, -np.inf).max(axis=1, keepdims=True)
    above, level = (scores > best).sum(axis=1), (scores == best).sum(axis=1)
    return np.asarray(above + (level + 1) / 2.0, dtype=np.float64)


def _centroids(words: csr_matrix, member: csr_matrix, test: npt.NDArray[np.intp]) -> Scored:
    centre = (member @ words).tocsr()
    length = np.sqrt(np.asarray(centre.multiply(centre).sum(axis=1))).ravel()
    scores = (words[test] @ centre.T).toarray() / np.maximum(length, 1e-9)
    return np.asarray(scores, dtype=np.float32)


def _edition_group(title: str) -> int:
    """Editions and volumes of one work fall together."""
    bare = _EDITION.sub("", normalise(title)) or title
    return zlib.crc32(bare.encode()) % PARTS_OUT


def _facts(item: MatchItem) -> ItemFacts:
    return ItemFacts(item.vector, item.category, item.tags, item.price_fen)


def _catalogue(
    split: MatchSet,
    corpus: CorpusView,
    vectors: Mapping[str, Vectors],
    names: Mapping[str, Vectors],
) -> Catalogue:
    books = list(split.books.values())
    known = measure_traits([one.traits for one in books])
    items = tuple(
        MatchItem(n, vectors.get(one.id), "other", one.traits.tags, one.price_fen, None, 0.5)
        for n, one in enumerate(books, 1)
    )
    raw = np.stack([vectors.get(one.id, corpus.mean) for one in books]).astype(np.float32)
    return Catalogue(
        ids=tuple(one.id for one in books),
        items=items,
        rows=trait_rows([one.traits for one in books], known),
        known=known,
        corpus=corpus,
        centred=corpus.centre(raw),
        names=names,
    )

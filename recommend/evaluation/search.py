"""`evaluate search`: the product's own search over a file of documents, judged.

The documents become items, are analysed, embedded and indexed by the product's rules in a
throw-away index of the chosen engine, and asked through `HybridSearch`; nothing here ranks.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from contentcenter.documents import make_document
from contentcenter.embedding.ports import Embedder
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters, IndexDocument, LexicalQuery, SearchIndex
from contentcenter.store.cards import ItemCard
from contentcenter.text.build import build_analyser
from recommend.corpus import CorpusView, measure
from recommend.corpus_service import QUERY_SAMPLE, SAMPLE
from recommend.evaluation.cards import item_card, item_facts
from recommend.evaluation.files import JudgedSet
from recommend.evaluation.metrics import mean_metrics
from recommend.evaluation.plain import plain_document, plain_query
from recommend.evaluation.vectors import item_vectors
from recommend.search.hybrid import HybridSearch, Question
from recommend.search.ranking import ItemFacts, SearchWeights

METHODS = ("bm25", "lexical", "vector", "hybrid")
_BATCH = 2_000
_KEPT = 100

Tell = Callable[[str], None]
Ranker = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Outcome:
    """`rankings`: document ids by question id, best first. `seconds` for all of them."""

    rankings: Mapping[str, Sequence[str]]
    seconds: float


class FixedView:
    """A corpus view measured once; the corpus does not change."""

    def __init__(self, view: CorpusView) -> None:
        self._view = view

    def view(self) -> CorpusView:
        return self._view


class CardFacts:
    """Facts of the documents, from memory instead of the store."""

    def __init__(self, cards: Sequence[ItemCard]) -> None:
        self._facts = {card.id: item_facts(card) for card in cards}

    def facts(self, ids: Sequence[int]) -> dict[int, ItemFacts]:
        return {one: self._facts[one] for one in ids if one in self._facts}


class SearchEvaluation:
    """One set in one engine. `plain_index` and `index` are empty and belong to the caller.

    `floor` lends settings and clock; its store is not touched and its index not used.
    """

    def __init__(
        self,
        judged: JudgedSet,
        floor: Floor,
        *,
        index: SearchIndex,
        plain_index: SearchIndex,
        embedder: Embedder,
        weights: SearchWeights | None = None,
        tell: Tell = lambda _: None,
    ) -> None:
        self._set = judged
        self._tell = tell
        self._ids = list(judged.documents)
        self._cards = [item_card(n, one) for n, one in enumerate(judged.documents.values(), 1)]
        self._plain = plain_index
        self._floor = replace(floor, index=index, embedder=embedder, analyser=build_analyser())
        self._corpus = FixedView(self._fill())
        self._facts = CardFacts(self._cards)
        self.hybrid = HybridSearch(self._floor, self._corpus, self._facts, weights)

    def run(self, methods: Sequence[str] = METHODS) -> dict[str, dict[str, float]]:
        """Metrics and `ms_per_query` (without embedding the question) by method."""
        rankers = self.rankers()
        out: dict[str, dict[str, float]] = {}
        for method in methods:
            outcome = self.ask(rankers[method])
            metrics = mean_metrics(outcome.rankings, self._set.judged)
            each = 1000.0 * outcome.seconds / max(len(outcome.rankings), 1)
            out[method] = {**metrics, "ms_per_query": each}
            self._tell(f"{method}: nDCG@10 {metrics['ndcg@10']:.4f}")
        return out

    def ask(self, ranker: Ranker) -> Outcome:
        """Every judged question, one after the other."""
        rankings: dict[str, list[str]] = {}
        started = time.perf_counter()
        for one in self._set.judged:
            text = self._set.queries[one]
            found = ranker(text)[:_KEPT] if text else ()
            rankings[one] = [self._ids[n - 1] for n in found]
        return Outcome(rankings, time.perf_counter() - started)

    def rankers(self) -> dict[str, Ranker]:
        """Each method as a function from a question to numbers of documents, best first."""
        hybrid, everything = self.hybrid, Filters()
        return {
            "bm25": lambda text: [
                hit.id for hit in self._plain.lexical(plain_query(text), everything, _KEPT)
            ],
            "lexical": lambda text: [
                hit.id
                for hit in self._floor.index.lexical(
                    self._floor.analyser.query(text), everything, _KEPT
                )
            ],
            "vector": self._nearest,
            "hybrid": lambda text: [hit.id for hit in hybrid.rank(text, everything).hits],
        }

    def _nearest(self, text: str) -> list[int]:
        """Plain vectors: every question has one, and no neighbour is too far to be told."""
        view = self._corpus.view()
        vector = view.centre(view.shift_query(self._floor.embedder.encode_queries([text])))
        plain = HybridSearch(
            self._floor,
            self._corpus,
            self._facts,
            replace(self.hybrid.weights, vector_floor_z=float("-inf")),
        )
        question = Question(text, LexicalQuery(), vector, view)
        return [hit.id for hit in plain.vector_hits(question, Filters(), _KEPT)]

    def _fill(self) -> CorpusView:
        self._learn()
        vectors = item_vectors(self._floor.embedder, self._cards)
        self._tell(f"{len(vectors)} vectors")
        analyser = self._floor.analyser
        self._load(self._floor.index, lambda c: make_document(c, vectors.get(c.id), analyser))
        self._load(self._plain, plain_document)
        self._floor.embedder.encode_queries([text for text in self._set.queries.values() if text])
        self._tell("indexed")
        return self._measure(vectors)

    def _learn(self) -> None:
        """What the store would teach the analyser."""
        words = {tag for card in self._cards for tag in card.tag_names}
        books = [book for card in self._cards for book in card.books]
        words.update(name for book in books for name in (book.title, book.author) if name)
        self._floor.analyser.learn(sorted(words))

    def _load(self, index: SearchIndex, make: Callable[[ItemCard], IndexDocument]) -> None:
        with index.rebuild(self._floor.embedder.identity()) as target:
            for start in range(0, len(self._cards), _BATCH):
                target.put([make(card) for card in self._cards[start : start + _BATCH]])
            target.commit()

    def _measure(self, vectors: Mapping[int, np.ndarray]) -> CorpusView:
        """As `CorpusService.refresh` measures the store."""
        ids = sorted(random.Random(7).sample(sorted(vectors), min(len(vectors), SAMPLE)))
        some = random.Random(7).sample(ids, min(len(ids), QUERY_SAMPLE))
        queries = self._floor.embedder.encode_queries([self._cards[n - 1].title for n in some])
        return measure(
            str(self._floor.embedder.identity()), np.stack([vectors[n] for n in ids]), queries
        )

"""Words and vectors fused into one ranking; each side may be away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.search.guarded import known_away
from contentcenter.search.ports import Filters, Hit, LexicalQuery, Order, TextField
from recommend.corpus import CorpusView
from recommend.search.alike import Alike, FactsSource, find_alike, named_in, without_named
from recommend.search.ranking import (
    Ranked,
    SearchWeights,
    Wanted,
    fuse,
    rerank,
    squeezed,
)


@dataclass(frozen=True)
class Question:
    """A question made ready once and asked under several filters. `vector` (1, dimension) is
    centred by `corpus`; it is None when meaning is not asked for or the embedder is away.
    `alike` holds the items whose like is asked for."""

    text: str
    query: LexicalQuery
    vector: Vectors | None = None
    corpus: CorpusView | None = None
    away: tuple[str, ...] = ()
    alike: Alike | None = None

    @property
    def wanted(self) -> Wanted:
        if self.alike is not None:
            return Wanted()  # the book named is no answer
        codes = (c.tokens for c in self.query.should if c.field is TextField.CODES)
        return Wanted(squeezed(self.text), {token for tokens in codes for token in tokens})

    @property
    def like(self) -> str | None:
        return self.alike.title if self.alike else None

    def allowed(self, filters: Filters) -> Filters:
        """The filters, without the items named in the question."""
        if self.alike is None:
            return filters
        return replace(filters, exclude_ids=(*filters.exclude_ids, *self.alike.ids))


@dataclass(frozen=True)
class Ranking:
    """Best first. `away` names what did not answer: embedder. `like` is the title whose like
    was asked for, when something has it."""

    hits: tuple[Ranked, ...]
    away: tuple[str, ...] = ()
    like: str | None = None


class CorpusViews(Protocol):
    """Where the corpus view comes from: `CorpusService`, or one measured once."""

    def view(self) -> CorpusView: ...


class HybridSearch:
    """The product's ranking for a question. Raises `EngineUnavailable` without an index."""

    def __init__(
        self,
        floor: Floor,
        corpus: CorpusViews,
        facts: FactsSource,
        weights: SearchWeights | None = None,
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._facts = facts
        self.weights = weights or SearchWeights()

    def question(self, text: str) -> Question:
        """Analyse and embed a question."""
        query = self._floor.analyser.query(text)
        plain = Question(text, query)
        if exact(query) or self.weights.vector <= 0.0:
            return plain
        if known_away(self._floor.index):
            return plain  # the first look at the words will say so
        name = named_in(text)
        return (name and self._alike(plain, name)) or self._embedded(plain)

    def _alike(self, plain: Question, name: str) -> Question | None:
        """A question for the like of a book that is here; None when it is not, or when a part
        is away and the plain question has to say so."""
        try:
            found = find_alike(name, self._floor.index, self._floor.analyser, self._facts)
            corpus = self._corpus.view()
        except (EngineUnavailable, ModelMismatch):
            return None
        if found is None:
            return None
        vector = found.vector
        if vector is None or len(vector) != corpus.dimension:  # of a model before this one
            return Question(plain.text, found.query, alike=found)
        return Question(plain.text, found.query, corpus.centre(vector[None]), corpus, alike=found)

    def _embedded(self, plain: Question) -> Question:
        try:
            corpus = self._corpus.view()
            raw = self._floor.embedder.encode_queries([plain.text])
            return replace(plain, vector=corpus.centre(corpus.shift_query(raw)), corpus=corpus)
        except (EngineUnavailable, ModelMismatch):
            return replace(plain, away=("embedder",))

    def rank(self, text: str | Question, filters: Filters, depth: int | None = None) -> Ranking:
        """Up to `depth` hits (default: the weights' depth) with the parts of their scores."""
        question = self.question(text) if isinstance(text, str) else text
        found = self.fused(question, filters, depth)
        facts = self._facts.facts([one.id for one in found.hits[: self.weights.rerank]])
        now = self._floor.clock.now()
        fused = found.hits
        if question.alike is not None:  # other editions of the book named
            fused = tuple(without_named(fused, facts, question.alike.name))
        hits = rerank(fused, facts, question.wanted, self.weights, now)
        return Ranking(tuple(hits), found.away, question.like)

    def sorted_ids(
        self, text: str, filters: Filters, order: Order
    ) -> tuple[list[int], tuple[str, ...]]:
        """Good matches in another order than the best first; and what was away.

        A match by a single pair of characters would be the cheapest of all, so only those
        near the best one count; neighbours only when no word matches.
        """
        question = self.question(text)
        hits = self.text_hits(question, filters, self.weights.sort_depth)
        if hits:
            enough = self.weights.sort_share * hits[0].score
            ids = tuple(hit.id for hit in hits if hit.score >= enough)
        else:
            near, away = self._near(question, filters, self.weights.depth)
            question, ids = replace(question, away=away), tuple(hit.id for hit in near)
        if not ids:
            return [], question.away
        chosen = replace(filters, ids=ids)
        return self._floor.index.select(chosen, len(ids), order), question.away

    def fused(self, question: Question, filters: Filters, depth: int | None = None) -> Ranking:
        """Text and vector alone: enough to count what would be found."""
        size = self.weights.depth if depth is None else depth
        lexical = self.text_hits(question, filters, size)
        near, away = self._near(question, filters, size)
        return Ranking(tuple(fuse(lexical, near, self.weights, size)), away)

    def text_hits(self, question: Question, filters: Filters, depth: int) -> list[Hit]:
        """BM25 matches, best first."""
        if self.weights.text <= 0.0:
            return []
        return self._floor.index.lexical(question.query, question.allowed(filters), depth)

    def vector_hits(self, question: Question, filters: Filters, depth: int) -> list[Hit]:
        """Neighbours of the question that are nearer than chance; scores are centred cosines."""
        if question.vector is None or question.corpus is None:
            return []
        depth = min(depth, self.weights.vector_depth)
        corpus = question.corpus
        hits = self._floor.index.nearest(question.vector, question.allowed(filters), depth)[0]
        floor = corpus.pair_mean + self.weights.vector_floor_z * corpus.pair_std
        ranked = [
            one for one in self._centred(hits, question.vector[0], corpus) if one.score >= floor
        ]
        return sorted(ranked, key=lambda hit: (-hit.score, hit.id))

    def _centred(self, hits: Sequence[Hit], query: Vectors, corpus: CorpusView) -> list[Hit]:
        """The hits with centred cosines. A second question to the engine, about these hits and
        the mean, is cheaper than fetching their vectors: 66 ms for 200 from Elasticsearch."""
        if not hits or not corpus.mean.any():
            return list(hits)
        ids = tuple(hit.id for hit in hits)
        mean = self._floor.index.nearest(corpus.mean[None], Filters(ids=ids), len(ids))[0]
        to_mean = {hit.id: hit.score for hit in mean}
        kept = [hit for hit in hits if hit.id in to_mean]
        scores = corpus.centred_cosines(
            query, [hit.score for hit in kept], [to_mean[hit.id] for hit in kept]
        )
        return [Hit(hit.id, score) for hit, score in zip(kept, scores, strict=True)]

    def _near(
        self, question: Question, filters: Filters, depth: int
    ) -> tuple[list[Hit], tuple[str, ...]]:
        try:
            return self.vector_hits(question, filters, depth), question.away
        except ModelMismatch:
            # The embedder moved to another model before the index was rebuilt for it.
            return [], ("embedder",)


def exact(query: LexicalQuery) -> bool:
    """Questions that ask for characters or codes, not for meaning: vectors would add what
    was excluded or not asked for. Signs alone ask for nothing and get nothing."""
    codes = any(clause.field is TextField.CODES for clause in query.should)
    nothing = not query.should
    return bool(
        nothing or codes or query.phrases or query.not_phrases or query.must or query.must_not
    )

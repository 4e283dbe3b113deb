"""Words and vectors fused into one ranking; each side may be away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.floor import Floor
from contentcenter.search.fusion import reciprocal_rank
from contentcenter.search.ports import Filters, Hit, LexicalQuery, TextField
from recommend.corpus_service import CorpusService

LEXICAL_WEIGHT = 1.0
VECTOR_WEIGHT = 0.8
# A neighbour that is no nearer than this many standard deviations above a random pair is no
# answer: without a floor every question would "find" the whole corpus.
VECTOR_FLOOR_Z = 1.5


@dataclass(frozen=True)
class Ranking:
    """Best first. `away` names what did not answer: embedder."""

    hits: tuple[Hit, ...]
    away: tuple[str, ...] = ()


class HybridSearch:
    """The product's ranking for a question. Raises `EngineUnavailable` without an index."""

    def __init__(self, floor: Floor, corpus: CorpusService) -> None:
        self._floor = floor
        self._corpus = corpus

    def rank(self, text: str, filters: Filters, depth: int = 200) -> Ranking:
        """Up to `depth` hits for a question."""
        query = self._floor.analyser.query(text)
        lexical = self._floor.index.lexical(query, filters, depth)
        if exact(query):
            return Ranking(tuple(lexical))
        try:
            near = self.vector_hits(text, filters, depth)
        except (EngineUnavailable, ModelMismatch):
            return Ranking(tuple(lexical), ("embedder",))
        fused = reciprocal_rank([lexical, near], [LEXICAL_WEIGHT, VECTOR_WEIGHT], depth)
        return Ranking(tuple(fused))

    def vector_hits(self, text: str, filters: Filters, depth: int) -> list[Hit]:
        """Neighbours of the question that are nearer than chance; scores are centred cosines."""
        corpus = self._corpus.view()
        raw = self._floor.embedder.encode_queries([text])
        question = corpus.centre(corpus.shift_query(raw))
        hits = self._floor.index.nearest(question, filters, depth)[0]
        stored = self._floor.index.vectors([hit.id for hit in hits])
        known = [hit for hit in hits if hit.id in stored]
        if not known:
            return []
        rows = corpus.centre(np.stack([stored[hit.id] for hit in known]))
        near = rows @ question[0]
        floor = corpus.pair_mean + VECTOR_FLOOR_Z * corpus.pair_std
        ranked = [
            replace(hit, score=float(score))
            for hit, score in zip(known, near, strict=True)
            if score >= floor
        ]
        return sorted(ranked, key=lambda hit: (-hit.score, hit.id))


def exact(query: LexicalQuery) -> bool:
    """Questions that ask for characters or codes, not for meaning: vectors would add what
    was excluded or not asked for."""
    codes = any(clause.field is TextField.CODES for clause in query.should)
    return bool(codes or query.phrases or query.not_phrases or query.must or query.must_not)

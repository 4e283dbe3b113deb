"""Which items are worth scoring for a persona: all of a small catalogue, the likely ones of a
large one, the newest when the index is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.floor import Floor
from contentcenter.search.ports import Clause, Filters, LexicalQuery, TextField
from contentcenter.store.tables import ItemRow
from recommend.corpus_service import CorpusService
from recommend.persona_math import Persona

# Up to here every item is a candidate: no engine's choice can hide a good one.
SMALL_CATALOGUE = 3_000
# Without the index the newest ones are scored: as many as a page may load from the store.
AWAY_CATALOGUE = 400
NEAR_EACH = 80
OTHERS = 120


class Candidates:
    """Asks the index, or the store while it is away."""

    def __init__(self, floor: Floor, corpus: CorpusService) -> None:
        self._floor = floor
        self._corpus = corpus

    def of(self, persona: Persona, filters: Filters) -> tuple[list[int], bool]:
        """Item ids worth scoring, and whether the index was away (then: newest from SQL)."""
        wanted = published(filters)
        try:
            if self._floor.index.stats().documents <= SMALL_CATALOGUE:
                return self._floor.index.select(wanted, SMALL_CATALOGUE), False
            return self._recalled(persona, wanted), False
        except EngineUnavailable:
            return self._newest_in_store(), True

    def _recalled(self, persona: Persona, wanted: Filters) -> list[int]:
        index, ids = self._floor.index, []
        if persona.centre_shares:
            corpus = self._corpus.view()
            for hits in index.nearest(corpus.centre(persona.centres), wanted, NEAR_EACH):
                ids += [hit.id for hit in hits]
        tags = tuple(tag for tag, weight in persona.tags.items() if weight > 0.1)[:20]
        if tags:
            ids += [hit.id for hit in index.lexical(self._tag_query(tags), wanted, OTHERS)]
        return list(dict.fromkeys([*ids, *index.select(wanted, OTHERS)]))

    def _tag_query(self, tags: Sequence[str]) -> LexicalQuery:
        fields = self._floor.analyser.document_fields("", [], list(tags), [], "")
        tokens = tuple(fields.get(TextField.TAGS, "").split())
        return LexicalQuery(should=(Clause(TextField.TAGS, tokens),))

    def _newest_in_store(self) -> list[int]:
        query = (
            select(ItemRow.id)
            .where(ItemRow.state == ItemState.PUBLISHED.value)
            .order_by(ItemRow.published_at.desc(), ItemRow.id.desc())
            .limit(AWAY_CATALOGUE)
        )
        with self._floor.db.reading() as session:
            return list(session.scalars(query))


def published(filters: Filters) -> Filters:
    return replace(filters, states=(ItemState.PUBLISHED.value,))

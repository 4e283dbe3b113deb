"""Matches for screens, the API and the planner: candidates, scores, reasons, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable, NotFound
from contentcenter.floor import Floor
from contentcenter.search.ports import Clause, Filters, LexicalQuery, TextField
from contentcenter.store.cards import AudienceCard, load_audiences, load_items
from contentcenter.store.tables import ItemRow
from recommend.corpus import CorpusView
from recommend.corpus_service import CorpusService
from recommend.learning_service import LearningService
from recommend.match_features import UsualRate, audience_features, item_features
from recommend.match_memories import MemoryReader, shelf_rows
from recommend.match_model_service import MatchModelService
from recommend.match_settings import MatchSettings
from recommend.matching import (
    AudienceFeatures,
    Flags,
    ItemFeatures,
    Scores,
    eligible,
    refined,
    score_matrix,
    total_of,
)
from recommend.persona_math import Persona
from recommend.persona_service import PersonaService
from recommend.refusals import Refusal, ceiling_of, refusals
from recommend.shelf import Shelf, ShelfItem

# Up to here every item is a candidate: no engine's choice can hide a good one.
SMALL_CATALOGUE = 3_000
MANY_CATALOGUE = 20_000
# Without the index the newest ones are scored: as many as a page may load from the store.
AWAY_CATALOGUE = 400
NEAR_EACH = 80
OTHERS = 120


@dataclass(frozen=True)
class Match:
    """One item for one audience. `parts` sum to `score`; `centre` is the interest centre that
    was nearest (-1: none known). `refused` is empty for an eligible pair."""

    item_id: int
    audience_id: int
    score: float
    parts: Mapping[str, float]
    title: str
    audience: str
    centre: int
    refused: tuple[Refusal, ...] = ()

    @property
    def eligible(self) -> bool:
        return not self.refused


@dataclass(frozen=True)
class MatchList:
    """Eligible matches best first, and the strongest of the refused ones."""

    items: tuple[Match, ...]
    refused: tuple[Match, ...]
    candidates: int
    degraded: bool = False


class MatchService:
    """Scores item x audience with the product's one `score_matrix`."""

    def __init__(
        self,
        floor: Floor,
        *,
        corpus: CorpusService,
        personas: PersonaService,
        learning: LearningService,
        shelf: Shelf,
        model: MatchModelService,
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._personas = personas
        self._learning = learning
        self._shelf = shelf
        self._model = model
        self._memories = MemoryReader(floor, shelf, corpus)

    @property
    def settings(self) -> MatchSettings:
        """The weights that serve: learned ones where a model was promoted."""
        return self._model.current().rules(self._model.base)

    def match_items_for_audience(
        self,
        audience_id: int,
        limit: int = 20,
        channel_kind: str | None = None,
        at: datetime | None = None,
        filters: Filters | None = None,
    ) -> tuple[Match, ...]:
        """Eligible items, best first. `channel_kind` defaults to the audience's channel."""
        return self.ranked(audience_id, limit, channel_kind, at, filters).items

    def ranked(
        self,
        audience_id: int,
        limit: int = 20,
        channel_kind: str | None = None,
        at: datetime | None = None,
        filters: Filters | None = None,
    ) -> MatchList:
        """Like `match_items_for_audience`, with the refused ones and whether an engine was
        away. `NotFound` for an unknown audience."""
        card = self._audience(audience_id)
        persona = self._personas.personas([audience_id])[audience_id]
        ids, degraded = self.candidates(persona, filters or Filters())
        shelf = list(self._shelf.visible(ids).values())
        moment, kind = at or self._floor.clock.now(), channel_kind or card.channel_kind
        matches = self._pairs(shelf, [card], {audience_id: persona}, moment, kind)
        good = [one for one in matches if one.eligible]
        bad = [one for one in matches if not one.eligible]
        return MatchList(tuple(good[:limit]), tuple(bad[:5]), len(shelf), degraded)

    def match_many(
        self, audience_ids: Sequence[int], limit: int, at: datetime | None = None
    ) -> dict[int, tuple[Match, ...]]:
        """Eligible items of many audiences over the newest 20,000 items, in blocks."""
        moment = at or self._floor.clock.now()
        with self._floor.db.reading() as session:
            cards = load_audiences(session, list(audience_ids))
        ids = self._floor.index.select(_published(Filters()), MANY_CATALOGUE)
        shelf = list(self._shelf.visible(ids).values())
        personas = self._personas.personas(list(cards))
        items = self._item_features(shelf, moment, echo=True)
        out: dict[int, tuple[Match, ...]] = {}
        by_kind: dict[str, list[AudienceCard]] = {}
        for card in cards.values():
            by_kind.setdefault(card.channel_kind, []).append(card)
        for kind, group in by_kind.items():
            allowed = np.array([one.open(moment, kind) for one in shelf], dtype=np.bool_)
            for start in range(0, len(group), 64):
                block = group[start : start + 64]
                who = self._who(block, personas, moment)
                scores = score_matrix(items, replace(who, memory=None), self.settings)
                fits = eligible(items, who) & allowed[:, None]
                scores, fits = refined(scores, fits, items, who, self.settings)
                out.update(_best_of_block(shelf, block, scores, fits, limit))
        return out

    def match_audiences_for_item(
        self, item_id: int, limit: int = 50, at: datetime | None = None
    ) -> MatchList:
        """All active audiences for one item, best first, and the refused ones."""
        moment = at or self._floor.clock.now()
        found = self._shelf.visible([item_id]).get(item_id)
        if found is None:
            raise NotFound(f"There is no published item {item_id}", item_id=item_id)
        with self._floor.db.reading() as session:
            cards = [c for c in load_audiences(session).values() if c.state == "active"]
        personas = self._personas.personas([card.id for card in cards])
        best = self._best_audiences(found, cards, personas, moment)
        matches = self._pairs([found], best, personas, moment, None)
        good = tuple(one for one in matches if one.eligible)[:limit]
        bad = tuple(one for one in matches if not one.eligible)[:limit]
        return MatchList(good, bad, len(cards), self._unmeasured(found))

    def explain(self, item_id: int, audience_id: int, at: datetime | None = None) -> Match:
        """One pair with its parts, or with everything that stands against it."""
        moment = at or self._floor.clock.now()
        card = self._audience(audience_id)
        found = self._shelf.visible([item_id]).get(item_id)
        if found is None:
            return self._hidden(item_id, card, moment)
        personas = self._personas.personas([audience_id])
        return self._pairs([found], [card], personas, moment, card.channel_kind)[0]

    def candidates(self, persona: Persona, filters: Filters) -> tuple[list[int], bool]:
        """Item ids worth scoring, and whether the index was away (then: newest from SQL)."""
        wanted = _published(filters)
        try:
            if self._floor.index.stats().documents <= SMALL_CATALOGUE:
                return self._floor.index.select(wanted, SMALL_CATALOGUE), False
            return self._recalled(persona, wanted), False
        except EngineUnavailable:
            return self._newest_in_store(), True

    def persona_scores(self, shelf: Sequence[ShelfItem], persona: Persona) -> Scores:
        """Scores of items for one persona (a reader's, or an audience's in a search)."""
        return self.scored(shelf, persona)[0]

    def scored(self, shelf: Sequence[ShelfItem], persona: Persona) -> tuple[Scores, ItemFeatures]:
        """Scores for one persona, and the item columns they were made from."""
        items = self._item_features(shelf, self._floor.clock.now())
        who = audience_features([0], [persona], self._corpus.view(), self.settings)
        return score_matrix(items, who, self.settings), items

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

    def _unmeasured(self, item: ShelfItem) -> bool:
        """Whether the item was scored without its meaning because the index is away."""
        if item.match.vector is not None:
            return False
        try:
            self._floor.index.vectors([item.id])
        except EngineUnavailable:
            return True
        return False

    def _item_features(
        self, shelf: Sequence[ShelfItem], at: datetime, *, echo: bool = False
    ) -> ItemFeatures:
        usual = UsualRate(self._learning.usual_rate())
        items = [one.match for one in shelf]
        traits = shelf_rows(shelf, self._model.current().known) if echo else None
        return item_features(items, self._corpus.view(), at, usual, self.settings, traits=traits)

    def _pairs(
        self,
        shelf: Sequence[ShelfItem],
        cards: Sequence[AudienceCard],
        personas: Mapping[int, Persona],
        at: datetime,
        channel_kind: str | None,
    ) -> list[Match]:
        """Every pair as a match, best first."""
        if not shelf or not cards:
            return []
        items = self._item_features(shelf, at, echo=True)
        who = self._who(cards, personas, at)
        scores = score_matrix(items, who, self.settings)
        matches = [
            _match(one, card, scores, (row, column), (at, channel_kind or card.channel_kind))
            for column, card in enumerate(cards)
            for row, one in enumerate(shelf)
        ]
        return sorted(matches, key=lambda one: (-one.score, one.item_id, one.audience_id))

    def _who(
        self, cards: Sequence[AudienceCard], personas: Mapping[int, Persona], at: datetime
    ) -> AudienceFeatures:
        ids = [card.id for card in cards]
        view: CorpusView = self._corpus.view()
        memory = self._memories.remembered(ids, at, self._model.current().known)
        people = [personas[one] for one in ids]
        return audience_features(ids, people, view, self.settings, memory=memory)

    def _best_audiences(
        self,
        item: ShelfItem,
        cards: Sequence[AudienceCard],
        personas: Mapping[int, Persona],
        at: datetime,
    ) -> Sequence[AudienceCard]:
        """Memories are read for the audiences that score best without them."""
        if len(cards) <= self.settings.refined:
            return cards
        ids = [card.id for card in cards]
        people = [personas[one] for one in ids]
        who = audience_features(ids, people, self._corpus.view(), self.settings)
        total = score_matrix(self._item_features([item], at), who, self.settings).total[0]
        order = np.argsort(-total, kind="stable")[: self.settings.refined]
        return [cards[int(one)] for one in order]

    def _hidden(self, item_id: int, card: AudienceCard, at: datetime) -> Match:
        with self._floor.db.reading() as session:
            item = load_items(session, [item_id]).get(item_id)
        if item is None:
            raise NotFound(f"There is no item {item_id}", item_id=item_id)
        why = refusals(item, at, ceiling_of(card), card.channel_kind)
        return Match(item_id, card.id, 0.0, {}, item.title, card.name, -1, tuple(why))

    def _audience(self, audience_id: int) -> AudienceCard:
        with self._floor.db.reading() as session:
            card = load_audiences(session, [audience_id]).get(audience_id)
        if card is None:
            raise NotFound(f"There is no audience {audience_id}", audience_id=audience_id)
        return card


def _published(filters: Filters) -> Filters:
    return replace(filters, states=(ItemState.PUBLISHED.value,))


def _best_of_block(
    shelf: Sequence[ShelfItem],
    cards: Sequence[AudienceCard],
    scores: Scores,
    fits: Flags,
    limit: int,
) -> dict[int, tuple[Match, ...]]:
    out: dict[int, tuple[Match, ...]] = {}
    for column, card in enumerate(cards):
        rows = np.flatnonzero(fits[:, column])
        order = rows[np.argsort(-scores.total[rows, column], kind="stable")][:limit]
        out[card.id] = tuple(
            _scored(shelf[int(row)], card, scores, (int(row), column)) for row in order
        )
    return out


def _match(
    item: ShelfItem,
    card: AudienceCard,
    scores: Scores,
    place: tuple[int, int],
    where: tuple[datetime, str],
) -> Match:
    why = refusals(item.card, where[0], ceiling_of(card), where[1])
    return replace(_scored(item, card, scores, place), refused=tuple(why))


def _scored(item: ShelfItem, card: AudienceCard, scores: Scores, place: tuple[int, int]) -> Match:
    parts = scores.explain(*place)
    return Match(
        item_id=item.id,
        audience_id=card.id,
        score=total_of(parts),
        parts=parts,
        title=item.title,
        audience=card.name,
        centre=int(scores.centre[place]),
    )

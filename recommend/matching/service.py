"""Matches for screens, the API and the planner: candidates, scores, reasons, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from contentcenter.domain.errors import EngineUnavailable, NotFound
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.cards import AudienceCard, load_audiences, load_items
from recommend.collaborative.serving import CoReading
from recommend.corpus import CorpusView
from recommend.corpus_service import CorpusService
from recommend.events.learning_service import LearningService
from recommend.matching.blocks import Many, best_of_block, scored
from recommend.matching.candidates import Candidates, published
from recommend.matching.co_reading import spoken_for
from recommend.matching.features import (
    UsualRate,
    audience_features,
    features_of,
    item_features,
)
from recommend.matching.memories import MemoryReader, shelf_rows
from recommend.matching.model_service import MatchModelService
from recommend.matching.pairs import PairEcho, on_one_thread
from recommend.matching.refusals import ceiling_of, refusals
from recommend.matching.scores import (
    AudienceFeatures,
    ItemFeatures,
    Scores,
    score_matrix,
)
from recommend.matching.settings import MatchSettings
from recommend.matching.types import Because, Match, MatchList
from recommend.matching.why import Situation, explained, possible, steps_of
from recommend.persona_math import Persona, blend
from recommend.persona_math.decay import day_number
from recommend.personas.service import PersonaService
from recommend.personas.store import Subject, load_personas
from recommend.shelf import Shelf, ShelfItem
from recommend.shelf_table import ShelfColumns, ShelfTable

__all__ = ["Match", "MatchList", "MatchService"]

MANY_CATALOGUE = 20_000


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
        co_reading: CoReading,
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._personas = personas
        self._learning = learning
        self._shelf = shelf
        self._model = model
        self._memories = MemoryReader(floor, shelf, corpus, co_reading)
        self._candidates = Candidates(floor, corpus)
        self._table = ShelfTable()

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
        ids, degraded = self._candidates.of(persona, filters or Filters())
        shelf = list(self._shelf.visible(ids).values())
        moment, kind = at or self._floor.clock.now(), channel_kind or card.channel_kind
        matches = self._pairs(shelf, [card], {audience_id: persona}, moment, kind)
        good = [one for one in matches if one.eligible]
        bad = [one for one in matches if not one.eligible]
        return MatchList(tuple(good[:limit]), tuple(bad[:5]), len(shelf), degraded)

    def ranked_with_why(
        self, audience_id: int, limit: int = 20, filters: Filters | None = None
    ) -> MatchList:
        """Like `ranked`, each match with where it trails the first and what it would take."""
        at = self._floor.clock.now()
        found = self.ranked(audience_id, limit, at=at, filters=filters)
        first = found.items[0] if found.items else None
        case = self._situation(self._audience(audience_id), at)
        shelf = self._shelf.visible([o.item_id for o in (*found.items, *found.refused)])
        return replace(
            found,
            items=self._with_because(explained(found.items, shelf, first, case), audience_id, at),
            refused=explained(found.refused, shelf, first, case),
        )

    def match_many(
        self, audience_ids: Sequence[int], limit: int, at: datetime | None = None
    ) -> dict[int, tuple[Match, ...]]:
        """Eligible items of many audiences over the newest 20,000 items, in blocks."""
        moment = at or self._floor.clock.now()
        with self._floor.db.reading() as session:
            cards = load_audiences(session, list(audience_ids))
        ids = self._floor.index.select(published(Filters()), MANY_CATALOGUE)
        shelf = list(self._shelf.visible(ids).values())
        by_kind: dict[str, list[AudienceCard]] = {}
        for card in cards.values():
            by_kind.setdefault(card.channel_kind, []).append(card)
        # In the order in which the blocks below come.
        ordered = [card for group in by_kind.values() for card in group]
        many = self._many(shelf, ordered, moment)
        out: dict[int, tuple[Match, ...]] = {}
        with on_one_thread():
            for kind, group in by_kind.items():
                allowed = np.array([one.open(moment, kind) for one in shelf], dtype=np.bool_)
                for start in range(0, len(group), 64):
                    block = group[start : start + 64]
                    who = self._unremembered(block, many.personas)
                    out.update(
                        best_of_block(
                            many, block, who, first=len(out), allowed=allowed, limit=limit
                        )
                    )
        return out

    def _many(self, shelf: list[ShelfItem], cards: Sequence[AudienceCard], at: datetime) -> Many:
        """What is the same for all blocks of audiences, laid out once."""
        items = self._item_features(shelf, at, echo=True)
        ids, known = [card.id for card in cards], self._model.current().known
        memory = self._memories.remembered(ids, at, known)
        traits = items.traits or shelf_rows(shelf, known)
        pairs = PairEcho(items.vectors, traits, memory, items.ids)
        return Many(shelf, items, pairs, self._personas.personas(ids), self.settings)

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
        by_id = {card.id: card for card in cards}
        reasons = tuple(
            replace(one, would=possible(one, found, by_id[one.audience_id], moment)) for one in bad
        )
        return MatchList(good, reasons, len(cards), self._unmeasured(found))

    def explain(self, item_id: int, audience_id: int, at: datetime | None = None) -> Match:
        """One pair with its parts, what stands against it, where it trails the audience's
        first item and what it would take to be eligible or first."""
        moment = at or self._floor.clock.now()
        pair = self.pair(item_id, audience_id, moment)
        shelf = self._shelf.visible([item_id])
        if not shelf:
            return pair
        first = self.ranked(audience_id, 1, at=moment).items
        case = self._situation(self._audience(audience_id), moment)
        told = explained([pair], shelf, first[0] if first else None, case)
        return self._with_because(told, audience_id, moment)[0]

    def pair(self, item_id: int, audience_id: int, at: datetime | None = None) -> Match:
        """One pair with its parts, or with everything that stands against it."""
        moment = at or self._floor.clock.now()
        card = self._audience(audience_id)
        found = self._shelf.visible([item_id]).get(item_id)
        if found is None:
            return self._hidden(item_id, card, moment)
        personas = self._personas.personas([audience_id])
        return self._pairs([found], [card], personas, moment, card.channel_kind)[0]

    def persona_scores(self, shelf: Sequence[ShelfItem], persona: Persona) -> Scores:
        """Scores of items for one persona (a reader's, or an audience's in a search)."""
        return self.scored(shelf, persona)[0]

    def scored(self, shelf: Sequence[ShelfItem], persona: Persona) -> tuple[Scores, ShelfColumns]:
        """Scores for one persona, and the item columns they were made from."""
        corpus, rules = self._corpus.view(), self.settings
        columns = self._table.columns(shelf, corpus)
        usual = UsualRate(self._learning.usual_rate())
        items = features_of(columns.told, self._floor.clock.now(), usual, rules)
        who = audience_features([0], [persona], corpus, rules)
        return score_matrix(items, who, rules), columns

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

    def _unremembered(
        self, cards: Sequence[AudienceCard], personas: Mapping[int, Persona]
    ) -> AudienceFeatures:
        ids = [card.id for card in cards]
        people = [personas[one] for one in ids]
        return audience_features(ids, people, self._corpus.view(), self.settings)

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
        who = self._unremembered(cards, personas)
        total = score_matrix(self._item_features([item], at), who, self.settings).total[0]
        order = np.argsort(-total, kind="stable")[: self.settings.refined]
        return [cards[int(one)] for one in order]

    def _with_because(
        self, matches: Sequence[Match], audience_id: int, at: datetime
    ) -> tuple[Match, ...]:
        """With the remembered items that speak most for each, where the score counts them."""
        memory = self._memories.remembered([audience_id], at, self._model.current().known)
        spoken = [one for one in matches if one.parts.get("co_read", 0.0) > 0.0]
        found = spoken_for(memory, 0, np.array([one.item_id for one in spoken], np.int64))
        titles = self._shelf.visible([other for own in found for other, _ in own])
        because = {
            match.item_id: tuple(
                Because(other, titles[other].title, round(share, 4))
                for other, share in own
                if other in titles
            )
            for match, own in zip(spoken, found, strict=True)
        }
        return tuple(replace(one, because=because.get(one.item_id, ())) for one in matches)

    def _situation(self, card: AudienceCard, at: datetime) -> Situation:
        corpus, rules = self._corpus.view(), self.settings
        with self._floor.db.reading() as session:
            stored = load_personas(
                session, Subject.AUDIENCE, [card.id], corpus.model, corpus.dimension
            )[card.id]

        def persona_on(days: float) -> Persona:
            return blend(stored.blending(), day_number(at) + days)

        persona = persona_on(0.0)

        def score(shelf: Sequence[ShelfItem]) -> list[float]:
            who = self._who([card], {card.id: persona}, at)
            found = score_matrix(self._item_features(shelf, at, echo=True), who, rules)
            return [float(one) for one in found.total[:, 0]]

        return Situation(card, persona, at, card.channel_kind, rules, persona_on, score)

    def _hidden(self, item_id: int, card: AudienceCard, at: datetime) -> Match:
        with self._floor.db.reading() as session:
            item = load_items(session, [item_id]).get(item_id)
        if item is None:
            raise NotFound(f"There is no item {item_id}", item_id=item_id)
        why = refusals(item, at, ceiling_of(card), card.channel_kind)
        match = Match(item_id, card.id, 0.0, {}, item.title, card.name, -1, tuple(why))
        return replace(match, would=steps_of(match, item, card, at, card.channel_kind))

    def _audience(self, audience_id: int) -> AudienceCard:
        with self._floor.db.reading() as session:
            card = load_audiences(session, [audience_id]).get(audience_id)
        if card is None:
            raise NotFound(f"There is no audience {audience_id}", audience_id=audience_id)
        return card


def _match(
    item: ShelfItem,
    card: AudienceCard,
    scores: Scores,
    place: tuple[int, int],
    where: tuple[datetime, str],
) -> Match:
    why = refusals(item.card, where[0], ceiling_of(card), where[1])
    return replace(scored(item, card, scores, place), refused=tuple(why))

"""The room's services, built once from the floor."""

from __future__ import annotations

from dataclasses import dataclass

from contentcenter.floor import Floor
from contentcenter.search_words import SearchWordService
from recommend.beside import Run, at_once
from recommend.collaborative.content_service import NewItemReaders
from recommend.collaborative.content_training_service import BridgeTraining
from recommend.collaborative.serving import CoReading
from recommend.collaborative.training_service import CoReadingTraining
from recommend.corpus_service import CorpusService
from recommend.events.causes import AttributionService
from recommend.events.learning_service import LearningService
from recommend.events.seen import SeenSets
from recommend.events.service import EventService
from recommend.feed.service import FeedService
from recommend.identity.dues import ReaderDues
from recommend.identity.service import IdentityService
from recommend.matching.model_service import MatchModelService
from recommend.matching.service import MatchService
from recommend.models import ModelRegistry
from recommend.personas.rebuild import PersonaRebuild
from recommend.personas.service import PersonaService
from recommend.ranking.replay_service import FeedReplay
from recommend.ranking.serving import FeedRanker
from recommend.ranking.training_service import FeedTraining
from recommend.search.facts import FactsService
from recommend.search.hints import SearchHints
from recommend.search.hybrid import HybridSearch
from recommend.search.known_service import KnownTexts
from recommend.search.service import SearchService
from recommend.search.suggest import SuggestService
from recommend.shelf import Shelf


@dataclass(frozen=True)
class RecommendServices:
    corpus: CorpusService
    personas: PersonaService
    learning: LearningService
    events: EventService
    attribution: AttributionService
    identity: IdentityService
    dues: ReaderDues
    rebuild: PersonaRebuild
    seen: SeenSets
    shelf: Shelf
    matches: MatchService
    match_model: MatchModelService
    hybrid: HybridSearch
    search: SearchService
    suggest: SuggestService
    hints: SearchHints
    feed: FeedService
    models: ModelRegistry
    co_reading: CoReading
    co_reading_training: CoReadingTraining
    new_item_readers: NewItemReaders
    bridge_training: BridgeTraining
    feed_training: FeedTraining
    feed_replay: FeedReplay
    words: SearchWordService


def build_services(floor: Floor, run: Run = at_once) -> RecommendServices:
    """Wire the room. Nothing is loaded or measured yet. `run`: when models are loaded."""
    corpus = CorpusService(floor)
    personas = PersonaService(floor, corpus)
    learning = LearningService(floor, corpus)
    attribution = AttributionService(floor)
    dues = ReaderDues(floor, learning, attribution)
    shelf = Shelf(floor, run=run)
    models = ModelRegistry(floor)
    new_item_readers = NewItemReaders(floor, models, run=run)
    co_reading = CoReading(models, new_item_readers.extend, run=run)
    match_model = MatchModelService(floor, corpus, models)
    matches = MatchService(
        floor,
        corpus=corpus,
        personas=personas,
        learning=learning,
        shelf=shelf,
        model=match_model,
        co_reading=co_reading,
    )
    known = KnownTexts(floor)
    hybrid = HybridSearch(floor, corpus, FactsService(floor))
    return RecommendServices(
        corpus=corpus,
        personas=personas,
        learning=learning,
        events=EventService(floor),
        attribution=attribution,
        identity=IdentityService(floor, personas, dues),
        dues=dues,
        rebuild=PersonaRebuild(floor, learning),
        seen=SeenSets(floor),
        shelf=shelf,
        matches=matches,
        match_model=match_model,
        hybrid=hybrid,
        search=SearchService(floor, hybrid=hybrid, personas=personas, matches=matches, shelf=shelf),
        suggest=SuggestService(known),
        hints=SearchHints(floor, known),
        feed=FeedService(
            floor,
            corpus=corpus,
            personas=personas,
            matches=matches,
            learning=learning,
            shelf=shelf,
            ranker=FeedRanker(floor, models, run=run),
            co_reading=co_reading,
        ),
        models=models,
        co_reading=co_reading,
        co_reading_training=CoReadingTraining(floor, models),
        new_item_readers=new_item_readers,
        bridge_training=BridgeTraining(floor, models),
        feed_training=FeedTraining(floor, models),
        feed_replay=FeedReplay(floor, models),
        words=SearchWordService(floor.db, floor.clock, floor.analyser),
    )

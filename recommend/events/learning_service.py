"""The learning job: stored events move personas, item signals and co-read counts, once each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from contentcenter.domain.errors import RetryLater
from contentcenter.domain.events import EventKind
from contentcenter.floor import Floor
from contentcenter.store.database import one_exchange
from contentcenter.store.tables import StateRow
from recommend.corpus import CorpusView
from recommend.corpus_service import CorpusService
from recommend.events.batch_view import BatchView
from recommend.events.learning_batch import (
    WATERMARK,
    Batch,
    Surroundings,
    read_batch,
    read_surroundings,
)
from recommend.events.learning_events import StoredEvent, by_subject, history, load_moves
from recommend.events.progress import events_beyond
from recommend.events.signals import (
    Response,
    Signal,
    co_read_writes,
    co_reads,
    heard,
    signal_writes,
)
from recommend.identity.turns import (
    EPOCH,
    held_states,
    lock_epoch,
    next_epoch,
    read_epoch,
    read_states,
    set_state,
)
from recommend.matching.memory import Answer, Memory, Trace, remember
from recommend.matching.memory_store import load_memories, save_memories
from recommend.persona_math import Centres, ItemFacts, Learned, LearnEvent, PersonaSettings, learn
from recommend.persona_math.decay import day_number
from recommend.personas.learned_store import LearnedPersona, learned_writes, load_learned
from recommend.personas.store import Subject, SubjectKey
from recommend.upserts import Write, send

BATCH = 2_000
REBUILD_TRIES = 5
RATE_SECONDS = 5.0
RATE_SHRINK = 0.99995  # the usual click rate remembers about the last 20,000 responses


@dataclass(frozen=True)
class _Round:
    """What one batch of events leads to, computed outside any transaction."""

    start: int
    end: int
    personas: Sequence[LearnedPersona]
    responses: Sequence[Response]
    signals: Mapping[int, Signal]
    pairs: Mapping[tuple[int, int], int]
    memories_before: Mapping[int, Memory]
    memories: Mapping[int, Memory]


@dataclass(frozen=True)
class _Anew:
    """A persona learned from all events up to `last`, as they were in an epoch."""

    subject: Subject
    subject_id: int
    learned: Learned
    memory: Mapping[int, Trace]
    epoch: int
    last: int


class LearningService:
    """Applies events in the order of their ids. Several workers may call `apply_events`: the
    watermark row decides whose round counts, the others start again behind it."""

    def __init__(
        self, floor: Floor, corpus: CorpusService, settings: PersonaSettings | None = None
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._settings = settings or PersonaSettings()
        self._rate = (-RATE_SECONDS, 0.05)

    def apply_events(self, limit: int = 200_000) -> int:
        """Apply what is waiting, in batches. Returns how many events were applied."""
        done = 0
        while done < limit:
            batch = self._waiting()
            if batch is None:
                break
            if self._commit(self._compute(batch), batch.epoch):
                done += len(batch.events)
                if len(batch.events) < BATCH:
                    break
        return done

    def pending(self) -> int:
        """How many stored events are not applied yet (by id; an upper bound)."""
        with self._floor.db.reading() as session:
            return events_beyond(session, _watermark(session.connection()))

    def rebuild(self, subject: Subject, subject_id: int) -> Learned:
        """Learn a persona anew from all its events up to the watermark, and store it.

        Gives the same numbers as having applied them one by one, as long as the items and
        the corpus view are the same. `RetryLater` when events and joins keep coming between.
        """
        return self._rebuilt(subject, subject_id)[0]

    def mend(self, subject: Subject, subject_id: int) -> bool:
        """Rebuild a persona; whether the stored numbers were others."""
        return self._rebuilt(subject, subject_id)[1]

    def _rebuilt(self, subject: Subject, subject_id: int) -> tuple[Learned, bool]:
        for _ in range(REBUILD_TRIES):
            with self._floor.db.reading() as session:
                epoch, last = read_epoch(session), _watermark(session.connection())
            learned, memory = self._relearned(subject, subject_id, last)
            fresh = _Anew(subject, subject_id, learned, memory, epoch, last)
            changed = self._replace(fresh)
            if changed is not None:
                return learned, changed
        raise RetryLater(f"Events of {subject} {subject_id} keep coming", after_seconds=10)

    def _relearned(
        self, subject: Subject, subject_id: int, last: int
    ) -> tuple[Learned, dict[int, Trace]]:
        corpus = self._corpus.view()
        learned, memory = Learned(Centres.empty(corpus.dimension)), dict[int, Trace]()
        for events in self._history(subject, subject_id, last):
            memory = remember(memory, _answers(events))
            told, view = self._told(subject, subject_id, events, corpus)
            learned = learn(learned, told, view, self._settings)
        return learned, memory

    def _replace(self, fresh: _Anew) -> bool | None:
        """Store what was learned anew if it differs; None when it is out of date by now."""
        corpus, now = self._corpus.view(), self._floor.clock.now()
        subject, one = fresh.subject, fresh.subject_id
        with self._floor.db.transaction() as session:
            if lock_epoch(session, now) != fresh.epoch:
                return None
            connection, key = session.connection(), (subject, one)
            stored = load_learned(connection, [key], corpus.model, corpus.dimension)[key]
            if stored.learned.seen_event_id > fresh.last:
                return None
            if subject is Subject.AUDIENCE:
                save_memories(session, load_memories(session, [one]), {one: fresh.memory})
            if same_numbers(stored.learned, fresh.learned):
                return False
            evidence = fresh.learned.evidence(day_number(now), self._settings)
            anew = replace(stored, learned=fresh.learned)
            dialect, told = connection.dialect, {key: evidence}
            send(connection, learned_writes(dialect, [anew], told, corpus.model, now))
            next_epoch(session, now)
        return True

    def _history(self, subject: Subject, subject_id: int, last: int) -> Iterable[list[StoredEvent]]:
        """What teaches the subject up to `last`, in batches."""
        after, key = 0, (subject, subject_id)
        while True:
            with self._floor.db.connected() as connection:
                events = history(connection, key, (after, last), BATCH)
                moves = load_moves(connection, events) if subject is Subject.AUDIENCE else {}
            if not events:
                return
            after = events[-1].id
            own = by_subject(events, moves, self._settings.member_share).get(key, [])
            if own:
                yield own

    def _told(
        self,
        subject: Subject,
        subject_id: int,
        events: Sequence[StoredEvent],
        corpus: CorpusView,
    ) -> tuple[list[LearnEvent], CorpusView]:
        audiences = [subject_id] if subject is Subject.AUDIENCE else []
        with self._floor.db.connected() as connection:
            around = read_surroundings(connection, events, audiences)
        key, view = (subject, subject_id), self._batch_view(around, corpus)
        return self._learn_events({key: events}, around, view)[key], view

    def _waiting(self) -> Batch | None:
        """The events behind the watermark, with all they need."""
        corpus = self._corpus.view()
        with self._floor.db.connected() as connection:
            return read_batch(connection, BATCH, corpus, self._settings.member_share)

    def _compute(self, batch: Batch) -> _Round:
        events, corpus = batch.events, self._batch_view(batch.around, self._corpus.view())
        told = self._learn_events(batch.groups, batch.around, corpus)
        personas = [
            LearnedPersona(
                *key, learn(stored.learned, told[key], corpus, self._settings), stored.version
            )
            for key, stored in batch.personas.items()
        ]
        responses = [
            Response(one.item_id, one.kind, one.at, one.reader_id)
            for one in events
            if one.item_id is not None
        ]
        return _Round(
            start=events[0].id,
            end=events[-1].id,
            personas=personas,
            responses=responses,
            signals=heard(batch.around.signals, responses),
            pairs=co_reads(responses, batch.liked),
            memories_before=batch.memories,
            memories={
                one: remember(memory, _answers(batch.groups[Subject.AUDIENCE, one]))
                for one, memory in batch.memories.items()
            },
        )

    def _learn_events(
        self,
        groups: Mapping[SubjectKey, Sequence[StoredEvent]],
        around: Surroundings,
        view: BatchView,
    ) -> dict[SubjectKey, list[LearnEvent]]:
        facts = {
            one: ItemFacts(view.items.get(one), plain.category, plain.tags, plain.price_fen)
            for one, plain in around.items.items()
        }
        default = ZoneInfo(self._floor.settings.timezone)
        zones = {
            (kind, one): around.zones.get(one, default) if kind is Subject.AUDIENCE else default
            for kind, one in groups
        }
        return {key: _learn_events(own, facts, zones[key]) for key, own in groups.items()}

    def _batch_view(self, around: Surroundings, corpus: CorpusView) -> BatchView:
        vectors = self._floor.index.vectors(list(around.items)) if around.items else {}
        return BatchView(corpus, vectors)

    def _commit(self, result: _Round, epoch: int) -> bool:
        now = self._floor.clock.now()
        writes = self._writes(result, now)
        with self._floor.db.writing() as connection:
            held = held_states(connection, {WATERMARK: {"last_id": 0}, EPOCH: {"n": 0}}, now)
            if int(held[WATERMARK].get("last_id", 0)) >= result.start:
                return False
            if int(held[EPOCH].get("n", 0)) != epoch:
                return False
            with one_exchange(connection):
                send(connection, writes)
                save_memories(connection, result.memories_before, result.memories)
                set_state(connection, WATERMARK, _moved(held[WATERMARK], result), now)
        return True

    def _writes(self, result: _Round, now: datetime) -> list[Write]:
        """Laid out before anything is held."""
        dialect, model, day = (
            self._floor.db.engine.dialect,
            self._corpus.view().model,
            day_number(now),
        )
        evidence = {one.key: one.learned.evidence(day, self._settings) for one in result.personas}
        return [
            *learned_writes(dialect, result.personas, evidence, model, now),
            *signal_writes(dialect, result.signals),
            *co_read_writes(dialect, result.pairs),
        ]

    def usual_rate(self) -> float:
        """The hub's click rate of late, smoothed; .05 before anything is known. It moves
        slowly and is kept for some seconds."""
        if time.monotonic() - self._rate[0] < RATE_SECONDS:
            return self._rate[1]
        with self._floor.db.reading() as session:
            row = session.get(StateRow, WATERMARK)
            value = row.value if row is not None else {}
        rate = (value.get("liked", 0.0) + 5.0) / (value.get("shown", 0.0) + 100.0)
        self._rate = (time.monotonic(), float(rate))
        return float(rate)


def same_numbers(one: Learned, other: Learned) -> bool:
    """Whether two learned states are equal to the last bit."""
    vectors = one.centres.vectors.tobytes() == other.centres.vectors.tobytes()
    return vectors and one.to_json() == other.to_json()


def _answers(events: Iterable[StoredEvent]) -> list[Answer]:
    """What the audience itself was told and did; not what its members did alone."""
    return [
        Answer(one.item_id, one.kind, one.at)
        for one in events
        if one.item_id is not None and one.share >= 1.0
    ]


def _learn_events(
    events: Iterable[StoredEvent], facts: Mapping[int, ItemFacts], zone: ZoneInfo
) -> list[LearnEvent]:
    out, at, hour = [], None, 0
    for one in events:
        if one.at != at:  # the items of a page are reported together
            at, hour = one.at, one.at.astimezone(zone).hour
        item = facts.get(one.item_id) if one.item_id is not None else None
        out.append(LearnEvent(one.id, one.kind, one.at, hour, item, one.share))
    return out


def _watermark(connection: Connection) -> int:
    return int(read_states(connection, WATERMARK)[WATERMARK].get("last_id", 0))


def _moved(state: Mapping[str, Any], result: _Round) -> dict[str, Any]:
    """The watermark behind these events, with how often items were shown and clicked of late."""
    shrink = RATE_SHRINK ** len(result.responses)
    shown = sum(one.kind is EventKind.IMPRESSION for one in result.responses)
    liked = sum(one.kind is EventKind.CLICK for one in result.responses)
    return {
        "last_id": result.end,
        "shown": state.get("shown", 0.0) * shrink + shown,
        "liked": state.get("liked", 0.0) * shrink + liked,
    }

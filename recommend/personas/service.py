"""Personas for screens, matching and people: read, refresh, rebuild, set by hand, remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from contentcenter.domain.categories import category_label
from contentcenter.domain.errors import EngineUnavailable, InvalidInput, NotFound
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store import audit
from contentcenter.store.cards import AudienceCard, load_audiences
from contentcenter.store.tables import AudienceRow, ItemRow
from recommend.corpus import CorpusView
from recommend.corpus_service import CorpusService
from recommend.persona_math import Declared, Persona, PersonaSettings, blend
from recommend.persona_math.decay import day_number
from recommend.personas.overrides import check_override
from recommend.personas.store import (
    StoredPersona,
    Subject,
    empty_persona,
    load_personas,
    save_declared,
    save_override,
)
from recommend.tables import PersonaHistoryRow, PersonaRow

HISTORY_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class FieldView:
    """One field of a persona: what, how sure (0..1), and from where."""

    name: str
    value: Any
    confidence: float
    origin: str


@dataclass(frozen=True)
class InterestView:
    """One interest centre, shown by what lies nearest to it."""

    share: float
    near_items: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class PersonaView:
    audience_id: int
    name: str
    evidence: float
    version: int
    updated_at: datetime | None
    interests: tuple[InterestView, ...]
    fields: tuple[FieldView, ...]
    degraded: bool = False


@dataclass(frozen=True)
class HistoryPoint:
    at: datetime
    snapshot: Mapping[str, Any]


class PersonaService:
    """Personas of audiences (and, for the feed, of readers)."""

    def __init__(
        self, floor: Floor, corpus: CorpusService, settings: PersonaSettings | None = None
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self.settings = settings or PersonaSettings()

    def get(self, audience_id: int) -> PersonaView:
        """The explainable persona. `NotFound` for an unknown audience."""
        card = self._card(audience_id)
        corpus = self._corpus.view()
        stored = self._stored(Subject.AUDIENCE, [audience_id], corpus)[audience_id]
        if stored.declared_version < card.version:
            stored = replace(stored, declared=self._say(card, stored.declared.vectors))
        persona = self.blended(stored)
        interests, degraded = self._interests(persona, corpus)
        return PersonaView(
            audience_id=audience_id,
            name=card.name,
            evidence=round(persona.evidence, 3),
            version=stored.version,
            updated_at=stored.updated_at,
            interests=interests,
            fields=field_views(persona),
            degraded=degraded,
        )

    def personas(self, audience_ids: Sequence[int]) -> dict[int, Persona]:
        """Blended personas now; unknown ids give an empty persona."""
        stored = self._stored(Subject.AUDIENCE, audience_ids, self._corpus.view())
        return {one: self.blended(persona) for one, persona in stored.items()}

    def cards(self) -> list[AudienceCard]:
        """All audiences, by id."""
        with self._floor.db.reading() as session:
            return list(load_audiences(session).values())

    def reader(
        self, connection: Connection, reader_id: int, audience_ids: Sequence[int] = ()
    ) -> Persona:
        """A reader's persona; the groups the reader is in stand in for what is not known."""
        corpus = self._corpus.view()
        shape = (corpus.model, corpus.dimension)
        stored = load_personas(connection, Subject.READER, [reader_id], *shape)[reader_id]
        known = load_personas(connection, Subject.AUDIENCE, audience_ids, *shape)
        groups = {one: self.blended(persona) for one, persona in known.items()}
        return self.blended(replace(stored, declared=_from_groups(groups, corpus)))

    def blended(self, stored: StoredPersona) -> Persona:
        return blend(stored.blending(), day_number(self._floor.clock.now()), self.settings)

    def refresh(self, audience_ids: Sequence[int]) -> int:
        """Encode what is declared about these audiences, if it changed. Returns how many."""
        corpus = self._corpus.refresh_if_stale()
        with self._floor.db.reading() as session:
            cards = load_audiences(session, list(audience_ids))
        stored = self._stored(Subject.AUDIENCE, list(cards), corpus)
        fresh = [self._declared(card, stored[one], corpus) for one, card in cards.items()]
        with self._floor.db.transaction() as session:
            save_declared(session, fresh, corpus.model, self._floor.clock.now())
        return len(fresh)

    def stale(self, limit: int = 200) -> list[int]:
        """Audiences whose declared persona is missing or older than the audience."""
        query = (
            select(AudienceRow.id)
            .outerjoin(
                PersonaRow,
                (PersonaRow.subject == Subject.AUDIENCE.value)
                & (PersonaRow.subject_id == AudienceRow.id),
            )
            .where((PersonaRow.id.is_(None)) | (PersonaRow.declared_version < AudienceRow.version))
            .order_by(AudienceRow.id)
            .limit(limit)
        )
        with self._floor.db.reading() as session:
            return list(session.scalars(query))

    def override(self, audience_id: int, field: str, value: Any, actor: str) -> PersonaView:
        """Set one field by hand, or give it back to the machine with None."""
        self._card(audience_id)
        checked = None if value is None else self._encoded(field, check_override(field, value))
        corpus = self._corpus.view()
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            stored = load_personas(
                session, Subject.AUDIENCE, [audience_id], corpus.model, corpus.dimension
            )[audience_id]
            merged = {name: old for name, old in stored.override.items() if name != field}
            if checked is not None:
                merged[field] = checked
            save_override(session, stored, merged, now)
            audit.log(
                session,
                now,
                actor,
                "persona.override" if checked is not None else "persona.release",
                ("audience", audience_id),
                field=field,
                value=value,
            )
        return self.get(audience_id)

    def history(self, audience_id: int, limit: int = 200) -> list[HistoryPoint]:
        """Snapshots of an audience's persona, newest first."""
        query = (
            select(PersonaHistoryRow)
            .where(
                PersonaHistoryRow.subject == Subject.AUDIENCE.value,
                PersonaHistoryRow.subject_id == audience_id,
            )
            .order_by(PersonaHistoryRow.at.desc())
            .limit(limit)
        )
        with self._floor.db.reading() as session:
            return [HistoryPoint(row.at, row.snapshot) for row in session.scalars(query)]

    def remember(self) -> int:
        """Take a snapshot of every audience persona that moved; at most one an hour each."""
        now = self._floor.clock.now()
        ids = self._moved(now)
        corpus = self._corpus.view()
        stored = self._stored(Subject.AUDIENCE, ids, corpus)
        rows = [
            PersonaHistoryRow(
                subject=Subject.AUDIENCE.value,
                subject_id=one,
                at=now,
                snapshot=snapshot(self.blended(persona)),
            )
            for one, persona in stored.items()
        ]
        with self._floor.db.transaction() as session:
            session.add_all(rows)
        return len(rows)

    def _moved(self, now: datetime) -> list[int]:
        last = (
            select(PersonaHistoryRow.at)
            .where(
                PersonaHistoryRow.subject == PersonaRow.subject,
                PersonaHistoryRow.subject_id == PersonaRow.subject_id,
            )
            .order_by(PersonaHistoryRow.at.desc())
            .limit(1)
            .correlate(PersonaRow)
            .scalar_subquery()
        )
        query = select(PersonaRow.subject_id, PersonaRow.updated_at, last).where(
            PersonaRow.subject == Subject.AUDIENCE.value
        )
        with self._floor.db.reading() as session:
            rows = session.execute(query).all()
        return [
            one
            for one, updated, at in rows
            if at is None or (updated > at and now - at >= HISTORY_EVERY)
        ]

    def _card(self, audience_id: int) -> AudienceCard:
        with self._floor.db.reading() as session:
            card = load_audiences(session, [audience_id]).get(audience_id)
        if card is None:
            raise NotFound(f"There is no audience {audience_id}", audience_id=audience_id)
        return card

    def _stored(
        self, subject: Subject, ids: Sequence[int], corpus: CorpusView
    ) -> dict[int, StoredPersona]:
        with self._floor.db.reading() as session:
            return load_personas(session, subject, ids, corpus.model, corpus.dimension)

    def _declared(
        self, card: AudienceCard, stored: StoredPersona, corpus: CorpusView
    ) -> StoredPersona:
        raw = self._floor.embedder.encode_queries(declared_texts(card))
        said = self._say(card, corpus.shift_query(raw))
        return replace(stored, declared=said, declared_version=card.version)

    def _say(self, card: AudienceCard, vectors: Vectors) -> Declared:
        return Declared(
            vectors=vectors,
            categories=card.categories,
            tags=card.tags,
            ceiling_fen=card.price_ceiling_fen,
            reading_age=card.reading_age,
            size=card.size,
        )

    def _encoded(self, field: str, value: Any) -> Any:
        if field != "interests":
            return value
        corpus = self._corpus.view()
        try:
            vectors = corpus.shift_query(self._floor.embedder.encode_queries(value["texts"]))
        except EngineUnavailable as error:
            raise InvalidInput("Interests cannot be set while the model is away") from error
        return {"texts": value["texts"], "vectors": vectors.tolist()}

    def _interests(
        self, persona: Persona, corpus: CorpusView
    ) -> tuple[tuple[InterestView, ...], bool]:
        if not persona.centre_shares:
            return (), False
        wanted = Filters(states=("published",))
        try:
            near = self._floor.index.nearest(corpus.centre(persona.centres), wanted, 3)
        except EngineUnavailable:
            return tuple(InterestView(round(s, 4), ()) for s in persona.centre_shares), True
        ids = [hit.id for hits in near for hit in hits]
        with self._floor.db.reading() as session:
            rows = session.execute(select(ItemRow.id, ItemRow.title).where(ItemRow.id.in_(ids)))
            titles = {row.id: row.title for row in rows}
        return tuple(
            InterestView(
                round(share, 4),
                tuple((hit.id, titles[hit.id]) for hit in hits if hit.id in titles),
            )
            for share, hits in zip(persona.centre_shares, near, strict=True)
        ), False


def declared_texts(card: AudienceCard) -> list[str]:
    """What an audience says of itself: its description, and its tags with its categories."""
    about = f"{card.name}。{card.description}".strip("。")
    words = [*card.tags, *(category_label(code) for code in card.categories)]
    return [text for text in (about, "、".join(words)) if text.strip()]


def _from_groups(groups: Mapping[int, Persona], corpus: CorpusView) -> Declared:
    known = [persona for persona in groups.values() if persona.centre_shares]
    if not known:
        return empty_persona(Subject.READER, 0, corpus.dimension).declared
    top = [persona.centres[int(np.argmax(persona.centre_shares))] for persona in known[:4]]
    liked = sorted(
        {c for persona in known for c, weight in persona.categories.items() if weight > 0.3}
    )
    tags = sorted({t for persona in known for t, weight in persona.tags.items() if weight > 0.3})
    return Declared(np.stack(top).astype(np.float32), tuple(liked), tuple(tags[:20]))


def field_views(persona: Persona) -> tuple[FieldView, ...]:
    """Every field of a persona with its value as JSON, its confidence and its origin."""
    values = snapshot(persona)
    return tuple(
        FieldView(name, values[name], persona.confidence[name], persona.origin[name])
        for name in values
        if name in persona.origin
    )


def snapshot(persona: Persona) -> dict[str, Any]:
    """A persona as plain JSON values (no vectors)."""
    return {
        "interests": [round(share, 4) for share in persona.centre_shares],
        "categories": _strongest(persona.categories, 12),
        "tags": _strongest(persona.tags, 20),
        "price": {
            "p20": persona.price.p20,
            "p50": persona.price.p50,
            "p80": persona.price.p80,
            "ceiling": persona.price_ceiling_fen,
        },
        "price_sensitivity": round(persona.price_sensitivity, 3),
        "reading_age": persona.reading_age,
        "active_hours": [round(share, 4) for share in persona.hours],
        "fatigue": round(persona.fatigue, 4),
        "evidence": round(persona.evidence, 3),
    }


def _strongest(table: Mapping[str, float], limit: int) -> dict[str, float]:
    names = sorted(table, key=lambda name: (-abs(table[name]), name))[:limit]
    return {name: round(table[name], 4) for name in names}

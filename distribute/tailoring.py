"""Loads what tailoring needs (passages, persona centres) and composes messages."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.channels import ChannelKind
from contentcenter.store.cards import AudienceCard, ItemCard
from contentcenter.store.tables import PassageRow
from distribute.ports import BookLine, Brief, Copywriter
from distribute.tailor.compose import Content, Material, compose
from distribute.tailor.copywriter import Tone
from distribute.tailor.passages import Passage, Vectors, choose
from recommend.tables import PersonaRow

CHUNK = 400
# Letters and digits that nobody confuses when reading a link aloud.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 12
PRICE_SENSITIVE_FEN = 5_000
PARENTS_AGE = 14
PASSAGES = 2


@dataclass(frozen=True)
class ItemPassages:
    passages: tuple[Passage, ...]
    vectors: Vectors | None
    model: str


@dataclass(frozen=True)
class Interests:
    """A persona's interest centres, and the model whose space they live in."""

    centres: Vectors
    model: str


def new_code() -> str:
    """A tracked link's code: 59 random bits, unique in the posts table."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH))


def load_passages(session: Session, item_ids: Iterable[int]) -> dict[int, ItemPassages]:
    """Passages with vectors by item, without the title (position 0), which a post carries
    anyway; items without any are left out."""
    rows: dict[int, list[PassageRow]] = {}
    wanted = list(dict.fromkeys(item_ids))
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(PassageRow)
            .where(PassageRow.item_id.in_(wanted[start : start + CHUNK]), PassageRow.position > 0)
            .order_by(PassageRow.item_id, PassageRow.position)
        )
        for row in session.scalars(query):
            rows.setdefault(row.item_id, []).append(row)
    return {item_id: _passages(found) for item_id, found in rows.items()}


def _passages(rows: Sequence[PassageRow]) -> ItemPassages:
    sizes = {len(row.vector) for row in rows}
    vectors: Vectors | None = None
    if len(sizes) == 1 and sizes != {0}:
        raw = b"".join(row.vector for row in rows)
        vectors = np.frombuffer(raw, dtype="<f2").reshape(len(rows), -1).astype(np.float32)
    passages = tuple(Passage(row.position, row.text) for row in rows)
    return ItemPassages(passages, vectors, rows[0].model)


def load_interests(session: Session, audience_ids: Iterable[int]) -> dict[int, Interests]:
    """Interest centres by audience; audiences nobody has learned of yet are left out."""
    found: dict[int, Interests] = {}
    wanted = list(dict.fromkeys(audience_ids))
    for start in range(0, len(wanted), CHUNK):
        query = select(
            PersonaRow.subject_id, PersonaRow.centres, PersonaRow.model, PersonaRow.learned
        ).where(
            PersonaRow.subject == "audience",
            PersonaRow.subject_id.in_(wanted[start : start + CHUNK]),
            PersonaRow.centres.is_not(None),
        )
        for subject_id, centres, model, _learned in session.execute(query):
            dimension = _dimension(model)
            if dimension and centres and len(centres) % (4 * dimension) == 0:
                rows = np.frombuffer(centres, dtype="<f4").reshape(-1, dimension)
                found[subject_id] = Interests(rows, model)
    return found


def _dimension(model: str) -> int:
    """The last part of a model identity (contentcenter.embedding.ports.ModelIdentity)."""
    last = model.rsplit("/", 1)[-1]
    return int(last) if last.isdigit() else 0


class Tailor:
    def __init__(self, copywriter: Copywriter, public_url: str) -> None:
        self._copywriter = copywriter
        self._public_url = public_url.rstrip("/")

    def write(
        self,
        item: ItemCard,
        audience: AudienceCard,
        code: str,
        *,
        passages: ItemPassages | None,
        interests: Interests | None,
        style: str = "",
    ) -> Content:
        """The message of one post, in the format of the audience's channel. `style`: a
        `CopyStyle`, empty = the tone the audience likes."""
        chosen = _chosen(item, passages, interests)
        books = tuple(
            BookLine(book.title, book.author, book.price_fen)
            for book in item.books
            if book.in_stock
        )
        brief = Brief(
            title=item.title,
            author=item.author,
            form=item.form,
            passages=chosen,
            books=books,
            tags=item.tag_names,
            tone=tone_of(audience),
            reading_age=audience.reading_age,
            url=f"{self._public_url}/t/{code}",
            style=style,
        )
        material = Material(brief, item.text, item.cover)
        return compose(material, ChannelKind(audience.channel_kind), self._copywriter)


def tone_of(audience: AudienceCard) -> frozenset[str]:
    """How to speak to an audience, from what is declared about it."""
    tones: set[str] = set()
    ceiling = audience.price_ceiling_fen
    if ceiling is not None and ceiling <= PRICE_SENSITIVE_FEN:
        tones.add(Tone.PRICE)
    young = audience.reading_age is not None and audience.reading_age <= PARENTS_AGE
    if young or {"children", "parenting"} & set(audience.categories):
        tones.add(Tone.PARENTS)
    if {"literature", "philosophy", "history", "classics"} & set(audience.categories):
        tones.add(Tone.KEEN)
    return frozenset(tones)


def _chosen(
    item: ItemCard, passages: ItemPassages | None, interests: Interests | None
) -> tuple[str, ...]:
    if passages is None:
        return (item.summary or item.text[:400],)
    comparable = interests is not None and interests.model == passages.model
    centres = interests.centres if comparable and interests is not None else None
    found = choose(passages.passages, passages.vectors, centres, PASSAGES)
    return tuple(passage.text for passage in found)

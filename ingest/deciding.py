"""What the pipeline decides about an item: links, tags, category, duplicate, risks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contentcenter.domain.content import TagOrigin
from contentcenter.store.cards import ItemCard
from ingest.context import Context
from ingest.fingerprints import Likeness, nearest_original
from ingest.linking import Link, choose_links
from ingest.preparing import Prepared
from ingest.tagging import BookEvidence, Evidence, Suggestion, suggest_category, suggest_tags


@dataclass(frozen=True)
class Decision:
    """What to store for one item; ingest/storing.py writes it."""

    item_id: int
    html: str
    text: str
    cover: str
    signature: bytes | None
    duplicate: Likeness | None
    links: tuple[Link, ...]
    tags: tuple[Suggestion, ...]
    category: str
    risks: tuple[dict[str, Any], ...]


def decide(prepared: Prepared, context: Context) -> Decision:
    """Links, tags, category, duplicate and risks of one item."""
    item_id = prepared.item.id
    card = context.cards[item_id]
    duplicate = None
    if prepared.signature is not None:
        others = context.alike.get(item_id, {})
        duplicate = nearest_original(item_id, prepared.signature, others)
    links = _links(prepared, context)
    evidence = _evidence(prepared, context, links, card)
    edited = any(tag.origin == TagOrigin.EDITOR for tag in card.tags)
    tags = [] if edited else suggest_tags(evidence)
    category = card.category
    if context.category_origins[item_id] == TagOrigin.SUGGESTED:
        category = suggest_category(evidence, [*evidence.given_tags, *(t.name for t in tags)])
    notes: list[dict[str, Any]] = [*context.kept_risks[item_id], *prepared.rendered.notes]
    if duplicate is not None:
        notes.append(_duplicate_risk(duplicate))
    return Decision(
        item_id=item_id,
        html=prepared.rendered.html,
        text=prepared.text,
        cover=card.cover or next(iter(prepared.rendered.pictures), ""),
        signature=prepared.signature,
        duplicate=duplicate,
        links=tuple(links),
        tags=tuple(tags),
        category=category,
        risks=tuple(notes),
    )


def _links(prepared: Prepared, context: Context) -> list[Link]:
    """Given links stay; what the text names is added, unless an editor has chosen."""
    given = list(context.given_links.get(prepared.item.id, ()))
    if any(link.origin == TagOrigin.EDITOR for link in given):
        return given
    works = {context.books[link.book_id].work_id for link in given if link.book_id in context.books}
    found = choose_links(prepared.mentions, context.catalogue)
    return given + [link for link in found if context.books[link.book_id].work_id not in works]


def _evidence(
    prepared: Prepared, context: Context, links: Sequence[Link], card: ItemCard
) -> Evidence:
    books = [(link, context.books[link.book_id]) for link in links if link.book_id in context.books]
    return Evidence(
        title_words=prepared.title_words,
        body_words=prepared.body_words,
        tags_by_word=context.tags_by_word,
        books=[
            BookEvidence(link.confidence, book.category, context.work_tags.get(book.work_id, ()))
            for link, book in books
        ],
        neighbours=context.neighbours.get(prepared.item.id, ()),
        given_tags=tuple(tag.name for tag in card.tags if tag.origin != TagOrigin.SUGGESTED),
    )


def _duplicate_risk(found: Likeness) -> dict[str, Any]:
    share = round(found.similarity * 100)
    return {
        "code": "near_duplicate",
        "item_id": found.item_id,
        "similarity": found.similarity,
        "message": f"与内容 {found.item_id} 约有 {share}% 相同",
    }

"""A feed page as JSON values, written out by hand: `schemas.FeedPage` says the same of it (a
test compares them), but walks every field of every item by name, which took longer than
ranking the page."""

from __future__ import annotations

from typing import Any

from contentcenter.store.cards import BookCard, ItemCard
from recommend.feed.items import FeedItem
from recommend.feed.service import FeedAnswer


def page_json(answer: FeedAnswer) -> dict[str, Any]:
    return {
        "items": [_item(one) for one in answer.items],
        "trace_id": answer.trace_id,
        "next_cursor": answer.next_cursor,
        "degraded": answer.degraded,
        "away": list(answer.away),
    }


def _item(item: FeedItem) -> dict[str, Any]:
    return {
        **_card(item.card),
        "score": item.score,
        "reason": {"code": item.reason.code, "text": item.reason.text},
        "sources": [str(recall) for recall in item.recalls],
        "parts": dict(item.parts),
        "probability": item.probability,
        "explored": item.explored,
    }


def _card(card: ItemCard) -> dict[str, Any]:
    at = card.published_at
    return {
        "id": card.id,
        "title": card.title,
        "summary": card.summary,
        "kind": card.kind,
        "form": card.form,
        "author": card.author,
        "category": card.category,
        "tags": list(card.tag_names),
        "cover": card.cover,
        "source": card.source,
        "price_fen": card.price_fen,
        "in_stock": card.in_stock,
        "quality": card.quality,
        "published_at": None if at is None else at.isoformat(),
        "books": [_book(one) for one in card.books],
    }


def _book(book: BookCard) -> dict[str, Any]:
    return {
        "id": book.id,
        "isbn": book.isbn,
        "title": book.title,
        "author": book.author,
        "publisher": book.publisher,
        "price_fen": book.price_fen,
        "in_stock": book.in_stock,
    }

"""The facts an approval is bound to, and what changed since. Pure.

An approval says: this text, at this price, while it can be bought, under this licence. When
one of these moves, the approval is void and the difference is shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contentcenter.domain.content import ItemState
from contentcenter.store.cards import ItemCard


@dataclass(frozen=True)
class Difference:
    fact: str
    approved: object
    now: object


@dataclass(frozen=True)
class Verdict:
    """What the truth check found: go, void the approval, or give up for good."""

    go: bool
    void: bool = False
    reason: str = ""
    differences: tuple[Difference, ...] = ()


def text_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of the tailored message in a canonical form."""
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def facts_of(
    item: ItemCard, content: Mapping[str, Any], at: datetime, channel_kind: str
) -> dict[str, Any]:
    """The facts as they stand now, as JSON values, for a post due `at`."""
    return {
        "text": text_hash(content),
        "source_text": item.content_hash,
        "prices": {str(book.id): book.price_fen for book in item.books},
        "in_stock": item.in_stock,
        "rights": item.allowed(at, channel_kind),
        "published": item.state == ItemState.PUBLISHED,
    }


def differences(approved: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    return tuple(
        Difference(name, approved.get(name), value)
        for name, value in now.items()
        if approved.get(name) != value
    )


def check(
    item: ItemCard | None,
    content: Mapping[str, Any],
    approved: Mapping[str, Any],
    *,
    at: datetime,
    channel_kind: str,
    told_already: bool,
) -> Verdict:
    """May an approved post go out now?"""
    if item is None or item.state != ItemState.PUBLISHED:
        return Verdict(False, reason="not_published")
    if told_already:
        return Verdict(False, reason="told_before")
    if not item.allowed(at, channel_kind):
        return Verdict(False, reason="rights_closed")
    changed = differences(approved, facts_of(item, content, at, channel_kind))
    if not changed:
        return Verdict(True)
    return Verdict(False, void=True, reason="facts_changed", differences=changed)

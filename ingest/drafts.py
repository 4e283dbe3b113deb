"""What comes in for an item, checked. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.content import ItemForm, ItemKind, TagOrigin
from contentcenter.domain.errors import InvalidInput
from contentcenter.text.normalise import normalise
from ingest.faults import BadValue
from ingest.records import BODY_MAX, ITEM_AUTHOR_MAX, REF_MAX, TITLE_MAX, parse_isbn, parse_title
from ingest.values import TAG_LIMIT, TAGS_MAX, clean_line, clean_text

SUMMARY_MAX = 2_000
BOOKS_MAX = 100


@dataclass(frozen=True)
class RightsWindow:
    """When, and on which kinds of channel, an item may be shown. Empty kinds: all."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    channel_kinds: tuple[str, ...] = ()
    promised_exposures: int = 0


@dataclass(frozen=True)
class ItemDraft:
    """A new item. `books` are ISBNs; `origin` is who chose tags, category and books."""

    title: str
    body: str
    source: str
    kind: str = ItemKind.PGC
    form: str = ItemForm.ARTICLE
    summary: str = ""
    author: str = ""
    category: str | None = None
    tags: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    source_ref: str | None = None
    contributor: str = ""
    cover: str = ""
    rights: tuple[RightsWindow, ...] = ()
    origin: str = TagOrigin.AUTHOR


@dataclass(frozen=True)
class ItemChanges:
    """What an editor changes; None leaves a field as it is. `tags` and `books` are complete
    lists: they replace what was there. An empty list hands the choice back to suggestions."""

    title: str | None = None
    summary: str | None = None
    body: str | None = None
    author: str | None = None
    form: str | None = None
    category: str | None = None
    tags: tuple[str, ...] | None = None
    books: tuple[str, ...] | None = None
    cover: str | None = None
    rights: tuple[RightsWindow, ...] | None = None


def content_hash(title: str, summary: str, body: str) -> str:
    """Equal for texts that differ in white space, width, script or case only."""
    parts = "\x00".join(normalise(part) for part in (title, summary, body))
    return hashlib.sha256(parts.encode()).hexdigest()


def check_draft(draft: ItemDraft) -> ItemDraft:
    """The draft cleaned. Raises `InvalidInput` with every faulty field in `details`."""
    faults: dict[str, str] = {}
    title = _title(draft.title, faults)
    body, summary = clean_text(draft.body), clean_text(draft.summary)
    if not body and not summary:
        faults["body"] = "没有正文"
    _check_common(draft, faults)
    _limit("body", body, BODY_MAX, faults)
    _limit("summary", summary, SUMMARY_MAX, faults)
    _limit("source_ref", draft.source_ref or "", REF_MAX, faults)
    if draft.kind not in set(ItemKind):
        faults["kind"] = f"只能是 {'、'.join(ItemKind)}"
    books = _isbns(draft.books, faults)
    _refuse(faults)
    return ItemDraft(
        title=title, body=body, summary=summary, source=draft.source, kind=draft.kind,
        form=draft.form, author=clean_line(draft.author), category=draft.category,
        tags=_tags(draft.tags), books=books, source_ref=draft.source_ref or None,
        contributor=draft.contributor, cover=draft.cover, rights=draft.rights, origin=draft.origin,
    )  # fmt: skip


def check_changes(changes: ItemChanges) -> ItemChanges:
    """The changes cleaned. Raises `InvalidInput` with every faulty field in `details`."""
    faults: dict[str, str] = {}
    title = None if changes.title is None else _title(changes.title, faults)
    body = None if changes.body is None else clean_text(changes.body)
    summary = None if changes.summary is None else clean_text(changes.summary)
    _check_common(changes, faults)
    _limit("body", body or "", BODY_MAX, faults)
    _limit("summary", summary or "", SUMMARY_MAX, faults)
    books = None if changes.books is None else _isbns(changes.books, faults)
    _refuse(faults)
    return ItemChanges(
        title=title, body=body, summary=summary, form=changes.form, category=changes.category,
        author=None if changes.author is None else clean_line(changes.author),
        tags=None if changes.tags is None else _tags(changes.tags), books=books,
        cover=changes.cover, rights=changes.rights,
    )  # fmt: skip


def _check_common(content: ItemDraft | ItemChanges, faults: dict[str, str]) -> None:
    if content.form is not None and content.form not in set(ItemForm):
        faults["form"] = f"只能是 {'、'.join(ItemForm)}"
    if content.category is not None and content.category not in CATEGORIES:
        faults["category"] = f"没有这个分类；可用：{'、'.join(CATEGORIES)}"
    tags = _tags(content.tags or ())
    if len(tags) > TAGS_MAX or any(len(tag) > TAG_LIMIT for tag in tags):
        faults["tags"] = f"最多 {TAGS_MAX} 个标签，每个最多 {TAG_LIMIT} 个字"
    _limit("author", content.author or "", ITEM_AUTHOR_MAX, faults)
    _limit("cover", content.cover or "", TITLE_MAX, faults)
    if any(w.starts_at and w.ends_at and w.starts_at >= w.ends_at for w in content.rights or ()):
        faults["rights"] = "授权的结束时间要在开始时间之后"


def _title(text: str, faults: dict[str, str]) -> str:
    try:
        return parse_title(text)
    except BadValue as bad:
        faults["title"] = f"{bad.reason}；{bad.mend}"
        return ""


def _limit(name: str, text: str, limit: int, faults: dict[str, str]) -> None:
    if len(text) > limit:
        faults[name] = f"太长：{len(text)} 个字，最多 {limit} 个"


def _tags(names: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = (clean_line(name).strip("#＃ ") for name in names)
    return tuple(dict.fromkeys(name for name in cleaned if name))


def _isbns(books: tuple[str, ...], faults: dict[str, str]) -> tuple[str, ...]:
    if len(books) > BOOKS_MAX:
        faults["books"] = f"最多 {BOOKS_MAX} 本书"
    found: list[str] = []
    for book in books[:BOOKS_MAX]:
        try:
            found.append(parse_isbn(book) or "")
        except BadValue as bad:
            faults["books"] = f"{book[:30]}：{bad.reason}"
    return tuple(dict.fromkeys(filter(None, found)))


def _refuse(faults: Mapping[str, str]) -> None:
    if faults:
        told = "；".join(f"{name}：{fault}" for name, fault in faults.items())
        raise InvalidInput(told, fields=dict(faults))

"""Builds a small real catalogue: rows, vectors, an index. No stand-ins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from contentcenter.documents import make_document
from contentcenter.floor import Floor
from contentcenter.store.cards import load_items
from contentcenter.store.tables import (
    AudienceRow,
    BookRow,
    ChannelRow,
    ContributorRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    RightsRow,
    SourceRow,
    TagRow,
    WorkRow,
)


@dataclass(frozen=True)
class Piece:
    """An item to be built."""

    title: str
    text: str = ""
    category: str = "other"
    tags: tuple[str, ...] = ()
    price_fen: int | None = None
    kind: str = "pgc"
    state: str = "published"
    author: str = ""
    work: str = ""
    stock: int | None = None
    quality: float = 0.5
    age_days: float = 1.0
    rights: dict[str, Any] = field(default_factory=dict)
    isbn: str | None = None
    publisher: str = ""
    published_on: str = ""
    source: str = "编辑部"


def add_items(floor: Floor, pieces: Sequence[Piece]) -> list[int]:
    """Store and index the pieces; returns their ids in order."""
    ids = store_items(floor, pieces)
    index_items(floor, ids)
    return ids


def store_items(floor: Floor, pieces: Sequence[Piece]) -> list[int]:
    """Store the pieces without an index; returns their ids in order."""
    return [_store(floor, piece) for piece in pieces]


def _store(floor: Floor, piece: Piece) -> int:
    now = floor.clock.now()
    at = now - timedelta(days=piece.age_days)
    with floor.db.transaction() as session:
        source = session.scalar(select(SourceRow).where(SourceRow.name == piece.source))
        if source is None:
            source = SourceRow(name=piece.source, kind=piece.kind, trusted=True, created_at=now)
            session.add(source)
            session.flush()
        item = ItemRow(
            kind=piece.kind, form="article", state=piece.state, title=piece.title,
            text=piece.text or piece.title, author=piece.author, category=piece.category,
            source_id=source.id, content_hash=piece.title, quality=piece.quality, risks=[],
            created_at=at, updated_at=at, ready_at=at, published_at=at,
        )  # fmt: skip
        session.add(item)
        session.flush()
        for name in piece.tags:
            tag = session.scalar(select(TagRow).where(TagRow.name == name))
            if tag is None:
                tag = TagRow(name=name)
                session.add(tag)
                session.flush()
            session.add(ItemTagRow(item_id=item.id, tag_id=tag.id, origin="editor"))
        if piece.price_fen is not None or piece.work or piece.isbn or piece.stock is not None:
            _add_book(session, item, piece, source.id, now)
        if piece.rights:
            owner = ContributorRow(name=f"供应商{item.id}", kind="supplier", created_at=now)
            session.add(owner)
            session.flush()
            item.contributor_id = owner.id
            values = {"starts_at": None, "ends_at": None, "channel_kinds": [], **piece.rights}
            session.add(RightsRow(contributor_id=owner.id, item_id=item.id, **values))
        return item.id


def _add_book(session: Any, item: ItemRow, piece: Piece, source_id: int, now: datetime) -> None:
    key = piece.work or piece.title
    work = session.scalar(select(WorkRow).where(WorkRow.key == key))
    if work is None:
        work = WorkRow(key=key, title=key)
        session.add(work)
        session.flush()
    book = BookRow(
        work_id=work.id, title=key, author=piece.author, price_fen=piece.price_fen,
        stock=piece.stock, category=piece.category, source_id=source_id, isbn=piece.isbn,
        publisher=piece.publisher, published_on=piece.published_on,
        source_ref=f"b{item.id}", record_hash="", created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(book)
    session.flush()
    session.add(ItemBookRow(item_id=item.id, book_id=book.id, origin="editor"))


def index_items(floor: Floor, ids: Sequence[int]) -> None:
    with floor.db.reading() as session:
        cards = list(load_items(session, ids).values())
    texts = [f"{card.title}\n{card.title}\n{card.text}" for card in cards]
    vectors = floor.embedder.encode_passages(texts)
    documents = [
        make_document(card, vector, floor.analyser)
        for card, vector in zip(cards, vectors, strict=True)
    ]
    with_identity(floor)
    floor.index.put(documents)


def with_identity(floor: Floor) -> None:
    """A fresh index is told its model once, by a rebuild."""
    if floor.index.stats().model is None:
        with floor.index.rebuild(floor.embedder.identity()) as rebuild:
            rebuild.commit()


def add_audience(floor: Floor, name: str, **values: Any) -> int:
    now = floor.clock.now()
    with floor.db.transaction() as session:
        channel = session.scalar(select(ChannelRow))
        if channel is None:
            channel = ChannelRow(
                kind="wecom_groups", name="企微", account="ww1", credentials={}, settings={},
                created_at=now,
            )  # fmt: skip
            session.add(channel)
            session.flush()
        row = AudienceRow(
            **{
                "channel_id": channel.id,
                "kind": "group",
                "name": name,
                "platform_ref": f"chat-{name}",
                "size": 100,
                "tags": [],
                "categories": [],
                "created_at": now,
                "updated_at": now,
                **values,
            }
        )
        session.add(row)
        session.flush()
        return row.id


TOPICS: dict[str, tuple[str, ...]] = {
    "scifi": ("星际舰队", "黑暗森林", "机器人与人类", "火星基地", "时间旅行"),
    "food": ("家常小炒", "四川火锅", "烘焙面包", "江南点心", "一碗好面"),
    "history": ("明朝旧事", "丝绸之路", "秦汉帝国", "大唐长安", "宋人的一天"),
    "children": ("睡前绘本", "小熊过生日", "森林里的朋友", "月亮的味道", "亲子共读"),
}


def library(each: int = 5) -> list[Piece]:
    """Items of four topics, `each` of one; texts of one topic share characters."""
    prices = {"scifi": 5_800, "food": 4_500, "history": 6_800, "children": 2_800}
    words = {"scifi": "科幻", "food": "美食", "history": "历史", "children": "绘本"}
    pieces = []
    for topic, titles in TOPICS.items():
        for number in range(each):
            title = titles[number % len(titles)]
            suffix = "" if number < len(titles) else f" 之{number}"
            pieces.append(
                Piece(
                    title=f"{title}{suffix}",
                    text=f"{words[topic]}{words[topic]}{title}。" + "".join(titles) * 2,
                    category=topic,
                    tags=(words[topic], title),
                    price_fen=prices[topic] + 100 * number,
                    author=f"{words[topic]}作者{number % 3}",
                    work=f"{title}{suffix}",
                    age_days=1.0 + number,
                )
            )
    return pieces

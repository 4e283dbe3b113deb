"""From a draft to a published, indexed item, on real parts."""

from __future__ import annotations

import io

import pytest

from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store import outbox
from ingest.drafts import ItemDraft
from ingest.ext import IngestServices, build_services
from ingest.views import ItemFilter

BOOKS = """书号,书名,作者,出版社,定价,分类,标签,内容简介,库存
9787020002207,红楼梦,[清] 曹雪芹,人民文学出版社,59.70,小说,古典小说;家族,贾府由盛转衰的几年里，宝玉、黛玉与一众女儿的悲欢，写尽了人情冷暖，也写尽了一个家族的命运。,9
9787536692930,三体,刘慈欣,重庆出版社,23.00,科幻奇幻,科幻;宇宙,文化大革命如火如荼进行的同时，军方探寻外星文明的绝秘计划取得了突破性进展，地球第一次向外发声。,653
"""
ARTICLE = (
    "《三体》写的是宇宙里的沉默。刘慈欣把科幻写得很冷，也很热。\n\n"
    "<script>alert(1)</script>第二遍读的时候，我更喜欢叶文洁。\n\n- 一\n- 二\n"
)


@pytest.fixture
def ingest(floor: Floor) -> IngestServices:
    return build_services(floor)


def run_pipeline(ingest: IngestServices, *ids: int) -> None:
    ingest.pipeline.process(list(ids))
    ingest.indexer.index(list(ids))


def import_books(ingest: IngestServices, text: str = BOOKS, source: str = "测试供应商") -> int:
    import_id = ingest.imports.receive(io.BytesIO(text.encode()), "books.csv", source, "tester")
    ingest.imports.run(import_id)
    return import_id


def facts(floor: Floor) -> list[str]:
    with floor.db.reading() as session:
        return [row.topic for row in outbox.waiting(session, 1000)]


def article(**fields: object) -> ItemDraft:
    values = {"title": "第二遍读《三体》", "body": ARTICLE, "source": "编辑部", **fields}
    return ItemDraft(**values)


def test_an_item_goes_from_draft_to_index(floor: Floor, ingest: IngestServices) -> None:
    import_books(ingest)
    books = [card.id for card in ingest.items.list(ItemFilter()).items]
    run_pipeline(ingest, *books)
    receipt = ingest.items.create(article(), "ann")
    assert (receipt.created, receipt.state, receipt.version) == (True, "received", 1)

    run_pipeline(ingest, receipt.item_id)
    view = ingest.items.get(receipt.item_id)
    assert view.card.state == "ready"
    assert "script" not in view.html
    assert "<li>" in view.html
    assert [link.book.title for link in view.book_links] == ["三体"]
    assert view.book_links[0].origin == "title"
    assert view.book_links[0].confidence == 0.95
    assert view.card.category == "scifi"
    assert {"科幻", "宇宙"} <= set(view.card.tag_names)
    assert all(tag.origin == "suggested" for tag in view.card.tags)
    assert [risk["code"] for risk in view.risks] == ["active_content"]
    assert sum(view.quality_parts.values()) == pytest.approx(view.card.quality)
    assert floor.index.select(Filters(states=("ready",), sources=("编辑部",)), 10) == [
        receipt.item_id
    ]

    ingest.items.approve(receipt.item_id, "ann", view.card.version)
    ingest.indexer.index([receipt.item_id])
    assert receipt.item_id in floor.index.select(Filters(states=("published",)), 10)
    assert receipt.item_id in floor.index.vectors([receipt.item_id])
    view = ingest.items.get(receipt.item_id)
    assert view.indexed
    assert [line.action for line in view.trail] == ["received", "processed", "approved"]
    assert ingest.indexer.check().in_step

"""From a draft to a published, indexed item, on real parts."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import (
    Conflict,
    EngineUnavailable,
    InvalidInput,
    ModelMismatch,
    NotFound,
)
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.ports import Filters
from contentcenter.store import outbox
from contentcenter.store.tables import ItemRow, SourceRow
from ingest.drafts import ItemChanges, ItemDraft, RightsWindow
from ingest.ext import IngestServices, build_services
from ingest.rebuild_state import RebuildState
from ingest.vectors import load_vectors
from ingest.views import ItemFilter
from tests.fixtures.floor import FloorMaker
from tests.fixtures.twin import wait_for
from tests.flows.ingest_world import import_file

# ruff: noqa: E501 - rows of a book list stay on their lines
BOOKS = """书号,书名,作者,出版社,定价,分类,标签,内容简介,库存
9787020002207,红楼梦,[清] 曹雪芹,人民文学出版社,59.70,小说,古典小说;家族,贾府由盛转衰的几年里，宝玉、黛玉与一众女儿的悲欢，写尽了人情冷暖，也写尽了一个家族的命运。,9
9787536692930,三体,刘慈欣,重庆出版社,23.00,科幻奇幻,科幻;宇宙,一台对着夜空的巨大天线收到了不该有的回信，从那天起，物理学家们一个接一个沉默了。,653
"""
ARTICLE = (
    "《三体》写的是宇宙里的沉默。刘慈欣把科幻写得很冷，也很热。\n\n"
    "<script>alert(1)</script>第二遍读的时候，我更喜欢叶文洁。\n\n- 一\n- 二\n"
)
CLEAN = "读完这本书，我想起很多年前的一个夏天。那时候的夜晚很长，星星很低，我们都还没有老。"


@pytest.fixture
def ingest(floor: Floor) -> IngestServices:
    return build_services(floor)


def work_off(ingest: IngestServices, *ids: int) -> None:
    ingest.pipeline.process(list(ids))
    ingest.indexer.index(list(ids))


def article(**fields: object) -> ItemDraft:
    values = {"title": "第二遍读《三体》", "body": ARTICLE, "source": "编辑部", **fields}
    return ItemDraft(**values)


def trust(floor: Floor, name: str) -> None:
    with floor.db.transaction() as session:
        session.query(SourceRow).filter(SourceRow.name == name).update({"trusted": True})


def waiting_topics(floor: Floor) -> list[str]:
    with floor.db.reading() as session:
        return [row.topic for row in outbox.waiting(session, 1000)]


def indexed(floor: Floor, state: str) -> list[int]:
    return sorted(floor.index.select(Filters(states=(state,)), 100))


def test_an_item_goes_from_draft_to_index(floor: Floor, ingest: IngestServices) -> None:
    import_file(ingest, BOOKS.encode(), "books.csv")
    work_off(ingest, *(card.id for card in ingest.items.list(ItemFilter()).items))
    receipt = ingest.items.create(article(), "ann")
    assert (receipt.created, receipt.state, receipt.version) == (True, "received", 1)

    work_off(ingest, receipt.item_id)
    view = ingest.items.get(receipt.item_id)
    assert view.card.state == "ready"
    assert "script" not in view.html
    assert "<li>" in view.html
    assert [link.book.title for link in view.book_links] == ["三体"]
    assert (view.book_links[0].origin, view.book_links[0].confidence) == ("title", 0.95)
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
    assert receipt.item_id in indexed(floor, "published")
    view = ingest.items.get(receipt.item_id)
    assert view.indexed
    assert [line.action for line in view.trail] == ["received", "processed", "approved"]
    assert ingest.indexer.check().in_step


def test_the_same_content_again_is_the_same_item(ingest: IngestServices) -> None:
    first = ingest.items.create(article(source_ref="a-1"), "ann")
    by_ref = ingest.items.create(article(source_ref="a-1"), "bob")
    by_text = ingest.items.create(article(body=f"\u3000{ARTICLE}\r\n"), "bob")
    elsewhere = ingest.items.create(article(source="别处"), "bob")
    assert (by_ref.item_id, by_ref.created) == (first.item_id, False)
    assert (by_text.item_id, by_text.created) == (first.item_id, False)
    assert elsewhere.created
    with pytest.raises(Conflict) as clash:
        ingest.items.create(article(source_ref="a-1", body="别的内容"), "bob")
    assert clash.value.details["item_id"] == first.item_id


def test_parallel_creates_of_one_reference_make_one_item(ingest: IngestServices) -> None:
    got: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: got.append(ingest.items.create(article(source_ref="same"), "x").item_id)
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    assert len(set(got)) == 1


def test_a_changed_text_leaves_readers_until_it_is_approved_again(
    floor: Floor, ingest: IngestServices, clock: FixedClock
) -> None:
    item = ingest.items.create(article(title="夏天", body=CLEAN), "ann").item_id
    work_off(ingest, item)
    ingest.items.approve(item, "ann")
    ingest.indexer.index([item])
    published_at = ingest.items.get(item).card.published_at
    version = ingest.items.get(item).card.version

    clock.advance(timedelta(days=1))
    ingest.items.change(item, ItemChanges(body=CLEAN + "后来我们都老了。"), "ann", version)
    assert "item_changed" in waiting_topics(floor)
    ingest.indexer.index([item])
    assert indexed(floor, "published") == []
    with pytest.raises(Conflict, match="第"):
        ingest.items.change(item, ItemChanges(title="秋天"), "bob", version)

    work_off(ingest, item)
    ingest.items.approve(item, "ann")
    ingest.indexer.index([item])
    view = ingest.items.get(item)
    assert indexed(floor, "published") == [item]
    assert view.card.published_at == published_at
    assert [(one.number, one.body) for one in view.revisions] == [(1, CLEAN)]


def test_what_an_editor_sets_wins_over_suggestions(ingest: IngestServices) -> None:
    import_file(ingest, BOOKS.encode(), "books.csv")
    work_off(ingest, *(card.id for card in ingest.items.list(ItemFilter()).items))
    item = ingest.items.create(article(), "ann").item_id
    work_off(ingest, item)
    changes = ItemChanges(tags=("重读",), category="fiction", books=("9787020002207",))
    ingest.items.change(item, changes, "ann")
    ingest.items.change(item, ItemChanges(body=ARTICLE + "\n\n又及。"), "ann")
    work_off(ingest, item)
    view = ingest.items.get(item)
    assert [(tag.name, tag.origin) for tag in view.card.tags] == [("重读", "editor")]
    assert (view.card.category, view.category_origin) == ("fiction", "editor")
    assert [(link.book.title, link.origin) for link in view.book_links] == [("红楼梦", "editor")]
    with pytest.raises(InvalidInput, match="图书库里没有"):
        ingest.items.change(item, ItemChanges(books=("9787111407010",)), "ann")


def test_reject_withdraw_and_once_more(floor: Floor, ingest: IngestServices) -> None:
    item = ingest.items.create(article(), "ann").item_id
    with pytest.raises(Conflict, match="处理中"):
        ingest.items.approve(item, "ann")
    work_off(ingest, item)
    with pytest.raises(InvalidInput):
        ingest.items.reject(item, "  ", "ann")
    ingest.items.reject(item, "与本店无关", "ann")
    ingest.indexer.index([item])
    assert indexed(floor, "ready") == []
    assert ingest.items.get(item).reject_reason == "与本店无关"
    ingest.items.process_again(item, "ann")
    work_off(ingest, item)
    assert ingest.items.get(item).card.state == "ready"
    ingest.items.withdraw(item, "ann")
    ingest.items.withdraw(item, "ann")
    ingest.indexer.index([item])
    assert floor.index.select(Filters(), 10) == []
    with pytest.raises(NotFound):
        ingest.items.get(10_000)


def test_trusted_sources_publish_by_rule_unless_something_is_odd(
    floor: Floor, ingest: IngestServices
) -> None:
    good = ingest.items.create(article(title="夏天", body=CLEAN), "feed").item_id
    odd = ingest.items.create(article(), "feed").item_id
    trust(floor, "编辑部")
    report = ingest.pipeline.process([good, odd])
    assert (report.published, report.ready) == ([good], [odd])
    assert "item_published" in waiting_topics(floor)
    assert ingest.items.get(good).card.published_at is not None


def test_near_duplicates_are_kept_and_named(ingest: IngestServices) -> None:
    long = CLEAN * 3 + "窗外的灯一盏一盏灭了，只有书页还亮着，像一只不肯睡的眼睛。"
    first = ingest.items.create(article(title="夏天", body=long), "ann").item_id
    edited = long.replace("星星很低", "星星很亮")
    second = ingest.items.create(article(title="夏夜", body=edited, source="转载"), "bob").item_id
    other = ingest.items.create(article(), "ann").item_id
    report = ingest.pipeline.process([first, second, other])
    assert sorted(report.ready) == [first, second, other]
    view = ingest.items.get(second)
    assert view.card.duplicate_of == first
    assert view.risks[0]["code"] == "near_duplicate"
    assert view.risks[0]["similarity"] > 0.45
    assert ingest.items.get(first).card.duplicate_of is None
    assert ingest.items.get(other).card.duplicate_of is None


def test_processing_twice_changes_nothing(floor: Floor, ingest: IngestServices) -> None:
    item = ingest.items.create(article(), "ann").item_id
    work_off(ingest, item)
    before = ingest.items.get(item)
    report = ingest.pipeline.process([item, 999])
    assert report.skipped == [item, 999]
    assert ingest.indexer.index([item]) == 0
    assert ingest.items.get(item) == before


class AwayEmbedder(HashingEmbedder):
    """The embedder's server is down."""

    def encode_passages(self, texts: object) -> Vectors:  # noqa: ARG002
        raise EngineUnavailable("the embedder does not answer")


def test_an_absent_embedder_leaves_items_received(
    make_floor: FloorMaker, clock: FixedClock
) -> None:
    floor = make_floor(embedder=AwayEmbedder())
    ingest = build_services(floor)
    item = ingest.items.create(article(), "ann").item_id
    with pytest.raises(EngineUnavailable):
        ingest.pipeline.process([item])
    assert ingest.items.get(item).card.state == "received"
    assert ingest.sweeper.sweep() == 0
    clock.advance(timedelta(minutes=3))
    assert ingest.sweeper.sweep() == 1
    assert floor.queue.counts()[QueueName.INGEST].queued == 1
    assert ingest.sweeper.sweep() == 1
    assert floor.queue.counts()[QueueName.INGEST].queued == 1, "the same ids wait once"


class PickyEmbedder(HashingEmbedder):
    """Refuses one text, as a model refuses what it finds blank."""

    def encode_passages(self, texts: object) -> Vectors:
        if any("拒绝" in text for text in texts):
            raise InvalidInput("Blank texts cannot be embedded.")
        return super().encode_passages(texts)


def test_one_failing_item_does_not_stop_the_batch(make_floor: FloorMaker) -> None:
    ingest = build_services(make_floor(embedder=PickyEmbedder()))
    good = ingest.items.create(article(), "ann").item_id
    bad = ingest.items.create(article(title="拒绝", body="会失败的一篇"), "ann").item_id
    report = ingest.pipeline.process([good, bad])
    assert report.ready == [good]
    view = ingest.items.get(bad)
    assert (view.card.state, view.failure) == ("failed", "Blank texts cannot be embedded.")
    assert ingest.items.process_again(bad, "ann").state == "received"


class OtherModel(HashingEmbedder):
    def identity(self) -> ModelIdentity:
        return ModelIdentity("other", "1", "float32", 384)


def test_rebuild_fills_a_new_index_and_embeds_for_a_new_model(
    floor: Floor, ingest: IngestServices
) -> None:
    items = [
        ingest.items.create(article(title=f"第 {n} 个夏天", body=f"{n}。{CLEAN}"), "ann").item_id
        for n in range(5)
    ]
    work_off(ingest, *items)
    with floor.db.reading() as session:
        before = load_vectors(session, items, floor.embedder.identity())
    moved = build_services(
        Floor(**{**vars(floor), "embedder": OtherModel()})  # the operator changed the model
    )
    seen: list[tuple[int, int]] = []
    assert moved.indexer.rebuild(lambda done, total: seen.append((done, total))) == 5
    assert seen == [(5, 5)]
    assert floor.index.stats().model == OtherModel().identity()
    with floor.db.reading() as session:
        after = load_vectors(session, items, OtherModel().identity())
        assert load_vectors(session, items, floor.embedder.identity()) == {}
    assert all((before[item] == after[item]).all() for item in items)
    assert moved.indexer.check().in_step


def test_vectors_of_two_models_are_never_mixed(floor: Floor, ingest: IngestServices) -> None:
    """A model of the same dimension would go unnoticed by the index itself."""
    item = ingest.items.create(article(), "ann").item_id
    work_off(ingest, item)
    assert floor.index.stats().model == floor.embedder.identity()
    moved = build_services(Floor(**{**vars(floor), "embedder": OtherModel()}))
    with pytest.raises(ModelMismatch, match="index rebuild"):
        moved.indexer.index([item], force=True)


def test_check_finds_what_the_index_lost(floor: Floor, ingest: IngestServices) -> None:
    items = [
        ingest.items.create(article(title=f"夏天 {n}", body=f"{n}。{CLEAN}"), "ann").item_id
        for n in range(4)
    ]
    work_off(ingest, *items)
    floor.index.remove(items[:2])
    found = ingest.indexer.check()
    assert (found.missing, found.surplus, found.requeued) == (2, 0, 2)
    ingest.indexer.index(items[:2])
    assert ingest.indexer.check().in_step


def test_a_lost_index_is_filled_anew_not_piece_by_piece(
    floor: Floor, ingest: IngestServices, tmp_path: Path
) -> None:
    first, second = (
        ingest.items.create(article(title=f"夏天 {n}", body=f"{n}。{CLEAN}"), "ann").item_id
        for n in range(2)
    )
    work_off(ingest, first)
    assert not ingest.indexer.lost()
    floor = replace(floor, index=EmbeddedIndex(tmp_path / "another-index"))
    ingest = build_services(floor)
    ingest.pipeline.process([second])
    with pytest.raises(EngineUnavailable, match="thrown away or lost"):
        ingest.indexer.index([second])
    assert ingest.sweeper.sweep() == 0
    assert floor.queue.counts()[QueueName.INGEST].queued == 1
    assert ingest.indexer.rebuild() == 2
    assert ingest.indexer.check().in_step
    assert not ingest.indexer.lost()


def test_sweep_finds_index_rows_out_of_step(
    floor: Floor, ingest: IngestServices, clock: FixedClock
) -> None:
    item = ingest.items.create(article(), "ann").item_id
    ingest.pipeline.process([item])
    clock.advance(timedelta(minutes=3))
    assert ingest.sweeper.sweep() == 1
    ingest.indexer.index([item])
    assert ingest.sweeper.sweep() == 0
    assert ingest.indexer.behind() == 0


def test_a_new_price_reaches_the_items_that_show_it(floor: Floor, ingest: IngestServices) -> None:
    import_file(ingest, BOOKS.encode(), "books.csv")
    ids = [card.id for card in ingest.items.list(ItemFilter()).items]
    work_off(ingest, *ids)
    assert floor.index.select(Filters(price_max_fen=2300), 10) == [ids[0]]
    view, _ = import_file(ingest, BOOKS.replace("23.00", "19.90").encode(), "books2.csv")
    assert (view.updated, view.unchanged) == (1, 1)
    ingest.indexer.index(ids)
    assert floor.index.select(Filters(price_max_fen=1990), 10) == [ids[0]]


def test_rights_windows_reach_the_index(
    floor: Floor, ingest: IngestServices, clock: FixedClock
) -> None:
    ends = clock.now() + timedelta(days=2)
    window = RightsWindow(ends_at=ends, channel_kinds=("in_app",))
    item = ingest.items.create(article(rights=(window,)), "ann").item_id
    work_off(ingest, item)
    view = ingest.items.get(item)
    assert (view.contributor, view.rights[0].ends_at) == ("编辑部", ends)
    assert floor.index.select(Filters(rights_at=clock.now()), 10) == [item]
    assert floor.index.select(Filters(rights_at=ends + timedelta(hours=1)), 10) == []
    assert floor.index.select(Filters(channel_kind="wecom_groups"), 10) == []
    ingest.items.change(item, ItemChanges(rights=()), "ann")
    ingest.indexer.index([item])
    assert floor.index.select(Filters(channel_kind="wecom_groups"), 10) == [item]


def test_lists_filter_and_page(ingest: IngestServices) -> None:
    ids = [
        ingest.items.create(
            article(title=f"夏天 {n}", body=f"{n}{CLEAN}", tags=(f"t{n % 2}",), author="阿宁"),
            "ann",
        ).item_id
        for n in range(5)
    ]
    first = ingest.items.list(ItemFilter(tag="t0"), size=2)
    second = ingest.items.list(ItemFilter(tag="t0"), size=2, cursor=first.next_cursor)
    assert [card.id for card in (*first.items, *second.items)] == [ids[4], ids[2], ids[0]]
    assert second.next_cursor is None
    assert [card.id for card in ingest.items.list(ItemFilter(text="夏天 3")).items] == [ids[3]]
    assert len(ingest.items.list(ItemFilter(source="编辑部", state="received")).items) == 5
    assert ingest.items.list(ItemFilter(text="100%")).items == ()
    with pytest.raises(InvalidInput):
        ingest.items.list(ItemFilter(), cursor="1; drop table")
    assert ingest.items.counts() == {"received": 5}


def test_an_unknown_book_is_noted(ingest: IngestServices) -> None:
    item = ingest.items.create(article(books=("978-7-111-40701-0",)), "ann").item_id
    work_off(ingest, item)
    assert {risk["code"] for risk in ingest.items.get(item).risks} == {
        "unknown_book",
        "active_content",
    }


def test_a_change_during_processing_wins(floor: Floor) -> None:
    """The text changes while the old one is with the model: the old result is dropped."""
    ingest = build_services(floor)
    item = ingest.items.create(article(), "ann").item_id

    class Meanwhile(HashingEmbedder):
        def encode_passages(self, texts: object) -> Vectors:
            ingest.items.change(item, ItemChanges(body=CLEAN), "ann")
            return super().encode_passages(texts)

    slow = build_services(Floor(**{**vars(floor), "embedder": Meanwhile()}))
    assert slow.pipeline.process([item]).skipped == [item]
    ingest.pipeline.process([item])
    with floor.db.reading() as session:
        assert session.get_one(ItemRow, item).text == CLEAN


def test_jobs_are_the_services_by_name(floor: Floor) -> None:
    from ingest.jobs import JOBS
    from tests.flows.ingest_world import make_app

    app = make_app(floor)
    with app.app_context():
        services = app.extensions["ingest"]
        item = services.items.create(article(), "ann").item_id
        JOBS[JobName.PROCESS_ITEMS](item_ids=[item])
        JOBS[JobName.INDEX_ITEMS](item_ids=[item])
        assert services.items.get(item).indexed
        run = services.rebuilds.start("ann").run
        JOBS[JobName.REBUILD_INDEX](run=run)
        wait_for(lambda: services.rebuilds.status().state is RebuildState.DONE)
        assert floor.index.stats().documents == 1
        JOBS[JobName.CATCH_UP_INDEX](after=0)

from __future__ import annotations

from contentcenter.floor import Floor
from contentcenter.lexicon import Lexicon
from contentcenter.store.tables import BookRow, SourceRow, TagRow, WorkRow


def add_book(floor: Floor, title: str) -> None:
    now = floor.clock.now()
    with floor.db.transaction() as session:
        source = session.query(SourceRow).first()
        if source is None:
            source = SourceRow(name="书商", kind="supplier", created_at=now)
            session.add(source)
        work = WorkRow(key=title, title=title)
        session.add(work)
        session.flush()
        session.add(
            BookRow(
                work_id=work.id, title=title, author="余秋实", source_id=source.id,
                source_ref=title, record_hash="x", created_at=now, updated_at=now,
            )
        )  # fmt: skip


def test_titles_authors_and_tags_become_words_and_new_ones_follow(floor: Floor) -> None:
    lexicon = Lexicon(floor.db, floor.analyser)
    assert lexicon.refresh() == 0
    add_book(floor, "量子猫的黄昏集")
    with floor.db.transaction() as session:
        session.add(TagRow(name="硬核推演"))
    assert lexicon.refresh() >= 2
    assert "量子猫的黄昏集" in floor.analyser.highlight_words("量子猫的黄昏集 好看吗")
    assert lexicon.refresh() == 0
    add_book(floor, "雾中的邮差站")
    assert lexicon.refresh() >= 1


def test_a_refresh_waits_for_its_time(floor: Floor) -> None:
    lexicon = Lexicon(floor.db, floor.analyser)
    lexicon.refresh_if_due()
    add_book(floor, "雾中的邮差站")
    lexicon.refresh_if_due()  # not due yet: nothing is read
    assert lexicon.refresh() >= 1

from __future__ import annotations

import pytest

import contentcenter.lexicon
from contentcenter.floor import Floor
from contentcenter.lexicon import Lexicon
from contentcenter.search_words import SearchWordService
from contentcenter.store.tables import BookRow, SourceRow, TagRow, WorkRow
from contentcenter.text.query import TextField


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


def make_lexicon(floor: Floor) -> Lexicon:
    return Lexicon(
        floor.db, floor.analyser, SearchWordService(floor.db, floor.clock, floor.analyser)
    )


def test_titles_authors_and_tags_become_words_and_new_ones_follow(floor: Floor) -> None:
    lexicon = make_lexicon(floor)
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
    lexicon = make_lexicon(floor)
    lexicon.refresh_if_due()
    add_book(floor, "雾中的邮差站")
    lexicon.refresh_if_due()  # not due yet: nothing is read
    assert lexicon.refresh() >= 1


def test_whoever_cuts_text_learns_by_it(floor: Floor) -> None:
    """Workers and commands answer no requests: the analyser itself asks for the look."""
    add_book(floor, "雾中的邮差站")
    floor.analyser.freshen_with(make_lexicon(floor).refresh_if_due)
    fields = floor.analyser.document_fields("重读雾中的邮差站", (), (), (), "")
    assert "雾中的邮差站" in fields[TextField.TITLE].split()


def test_more_books_than_one_look_takes(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contentcenter.lexicon, "STEP", 2)
    for number in "甲乙丙丁戊":
        add_book(floor, f"雾中的邮差站{number}")
    lexicon = make_lexicon(floor)
    for _ in range(4):
        lexicon.refresh_if_due()
    assert "雾中的邮差站戊" in floor.analyser.highlight_words("雾中的邮差站戊")

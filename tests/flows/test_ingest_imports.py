"""Imports: encodings and formats, repeats, kill -9 and going on."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select

from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from contentcenter.store.tables import (
    BookRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    MediaRow,
    SourceRow,
    WorkRow,
)
from ingest.ext import IngestServices, build_services
from ingest.tables import ImportRow
from ingest.views import ItemFilter
from tests.flows.ingest_world import import_file, png

ROOT = Path(__file__).resolve().parents[2]
HEADER = "书号,书名,作者,定价,库存,标签,内容简介\n"
ROW = "9787020002207,红楼梦,[清] 曹雪芹,59.70,9,古典；家族,{intro}\n"
INTRO = "贾府由盛转衰的几年里，宝玉、黛玉与一众女儿的悲欢。"


@pytest.fixture
def ingest(floor: Floor) -> IngestServices:
    return build_services(floor)


def count(floor: Floor, table: type) -> int:
    with floor.db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def isbn(number: int) -> str:
    """The number-th ISBN of a range nobody uses."""
    body = f"97870{number:07d}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body))
    return f"{body}{-total % 10}"


def many_rows(rows: int, price: str = "20.00") -> bytes:
    lines = [HEADER]
    for n in range(rows):
        lines.append(
            f"{isbn(n)},书目 {n} 号,作者{n % 7},{price},{n},标签{n % 5},简介 {n}：{INTRO}\n"
        )
    return "".join(lines).encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_book_list_in_any_encoding(floor: Floor, ingest: IngestServices, encoding: str) -> None:
    data = (HEADER + ROW.format(intro=INTRO)).replace(",", ";").encode(encoding)
    view, faults = import_file(ingest, data, "书目.csv")
    assert (view.state, view.created, faults) == ("done", 1, [])
    with floor.db.reading() as session:
        book = session.scalars(select(BookRow)).one()
        assert (book.title, book.price_fen, book.stock) == ("红楼梦", 5970, 9)
        item = session.scalars(select(ItemRow)).one()
        assert (item.kind, item.form, item.body) == ("supplier", "introduction", INTRO)
    view = ingest.items.get(item.id)
    assert [(tag.name, tag.origin) for tag in view.card.tags] == [
        ("古典", "supplier"),
        ("家族", "supplier"),
    ]
    assert view.book_links[0].book.isbn == "9787020002207"


def test_big5_and_excel_and_json_lines_say_the_same(floor: Floor, ingest: IngestServices) -> None:
    import_file(ingest, "書名,書號,定價\n紅樓夢,9787020002207,59.7\n".encode("big5"), "a.csv")
    book = openpyxl.Workbook()
    book.active.append(["2026 年书目"])
    book.active.append(["ISBN", "书名", "定价（元）"])
    book.active.append([9787020002207, "紅樓夢", 59.7])
    held = io.BytesIO()
    book.save(held)
    view, _ = import_file(ingest, held.getvalue(), "a.xlsx")
    assert (view.format, view.unchanged) == ("excel", 1)
    line = '{"isbn": "7-02-000220-X", "title": "紅樓夢", "price": 59.7}\n'
    view, _ = import_file(ingest, line.encode(), "a.jsonl")
    assert (view.format, view.unchanged, count(floor, BookRow)) == ("jsonl", 1, 1)


def test_the_same_file_again_is_harmless(floor: Floor, ingest: IngestServices) -> None:
    view, _ = import_file(ingest, many_rows(30), "a.csv")
    again, _ = import_file(ingest, many_rows(30), "b.csv")
    assert (again.id, again.created) == (view.id, 30)
    assert (count(floor, BookRow), count(floor, ItemRow)) == (30, 30)
    changed, _ = import_file(ingest, many_rows(30, "21.00"), "c.csv")
    assert (changed.updated, changed.unchanged, changed.created) == (30, 0, 0)
    assert (count(floor, BookRow), count(floor, ItemRow)) == (30, 30)


def test_another_supplier_moves_price_and_stock_only(floor: Floor, ingest: IngestServices) -> None:
    import_file(ingest, (HEADER + ROW.format(intro=INTRO)).encode(), "a.csv", "甲")
    theirs = (
        HEADER + "9787020002207,红楼梦（精装）,曹雪芹,49.00,0,,另一家的简介：一部写尽人情的书。\n"
    )
    view, _ = import_file(ingest, theirs.encode(), "b.csv", "乙")
    assert view.updated == 1
    with floor.db.reading() as session:
        book = session.scalars(select(BookRow)).one()
        assert (book.title, book.price_fen, book.stock) == ("红楼梦", 4900, 0)
    assert count(floor, ItemRow) == 2


def test_editions_of_one_work_share_it(floor: Floor, ingest: IngestServices) -> None:
    data = "isbn,title,author\n" + "".join(
        f"{isbn(n)},{title},{author}\n"
        for n, (title, author) in enumerate(
            [
                ("红楼梦（精装）", "[清]曹雪芹 著"),
                ("紅樓夢", "曹雪芹、高鹗"),
                ("三体II", "刘慈欣"),
                ("三体 2", "刘慈欣"),
                ("三体", "刘慈欣"),
            ]
        )
    )
    import_file(ingest, data.encode(), "a.csv")
    assert (count(floor, BookRow), count(floor, WorkRow)) == (5, 3)


def test_articles_with_pictures_in_a_zip(floor: Floor, ingest: IngestServices) -> None:
    import_file(ingest, (HEADER + ROW.format(intro=INTRO)).encode(), "a.csv")
    held = io.BytesIO()
    front = (
        '---\ntitle: 重读红楼\nbooks: ["9787020002207"]\ntags: [重读]\ncover: images/a.png\n---\n'
    )
    body = "第一段。\n\n![图](images/a.png)\n\n![外](https://example.com/b.png)\n\n![缺](c.png)\n"
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("文章/一.md", front + body)
        archive.writestr("文章/images/a.png", png())
        archive.writestr("文章/二.md", "# 没有前言的一篇\n\n正文在这里。")
    view, faults = import_file(ingest, held.getvalue(), "articles.zip", "编辑部", kind="pgc")
    assert (view.created, view.rejected, count(floor, MediaRow)) == (2, 0, 1)
    assert [(line.row, line.value, line.fatal) for line in faults] == [(1, "c.png", False)]
    cards = {card.title: card for card in ingest.items.list(ItemFilter(source="编辑部")).items}
    ingest.pipeline.process([card.id for card in cards.values()])
    view_one = ingest.items.get(cards["重读红楼"].id)
    assert view_one.card.cover.startswith("/media/")
    assert view_one.card.cover in view_one.html
    assert "example.com" not in view_one.html
    assert [risk["code"] for risk in view_one.risks] == ["foreign_picture"]
    assert [link.book.title for link in view_one.book_links] == ["红楼梦"]
    again = held.getvalue()
    same, _ = import_file(ingest, again, "articles.zip", "编辑部")
    assert same.id == view.id


def test_reader_notes_as_json_lines(ingest: IngestServices) -> None:
    line = '{"ref": "u1", "title": "哄睡", "text": "念到最后一页，我先哭了。", "form": "note"}\n'
    view, faults = import_file(ingest, line.encode(), "ugc.jsonl", "读者", kind="ugc")
    assert (view.created, faults) == (1, [])
    card = ingest.items.list(ItemFilter(source="读者")).items[0]
    assert (card.kind, card.form) == ("ugc", "note")


def test_killed_in_the_middle_it_goes_on_and_doubles_nothing(
    floor: Floor, ingest: IngestServices, database_url: str
) -> None:
    rows = 1200
    data = many_rows(rows) + "9787020002208,坏行,,,,,\n".encode()
    import_id = ingest.imports.receive(io.BytesIO(data), "big.csv", "供应商", "t")
    for _ in range(2):
        before = ingest.imports.get(import_id).next_row
        child = _start(floor, database_url, import_id)
        _wait(lambda: ingest.imports.get(import_id).next_row > before)  # noqa: B023
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(timeout=10) == -signal.SIGKILL
    half = ingest.imports.get(import_id)
    assert (half.state, half.done_rows < rows) == ("running", True)
    assert count(floor, BookRow) == half.created == half.done_rows

    ingest.imports.run(import_id)
    ingest.imports.run(import_id)
    view = ingest.imports.get(import_id)
    assert (view.state, view.created, view.rejected, view.faults) == ("done", rows, 1, 1)
    for table in (BookRow, ItemRow, ItemBookRow, ItemTagRow):
        assert count(floor, table) == rows, table


def _start(floor: Floor, url: str, import_id: int) -> subprocess.Popen[bytes]:
    arguments = [str(floor.settings.data_dir), url, str(import_id), "0.5"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flows.import_child", *arguments], cwd=ROOT
    )


def _wait(done: object) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "the child made no progress"
        time.sleep(0.05)


def test_two_runs_at_once_double_nothing(
    floor: Floor, ingest: IngestServices, database_url: str
) -> None:
    import_id = ingest.imports.receive(io.BytesIO(many_rows(700)), "big.csv", "供应商", "t")
    child = _start(floor, database_url, import_id)
    ingest.imports.run(import_id)
    assert child.wait(timeout=60) == 0
    view = ingest.imports.get(import_id)
    assert (view.state, view.created, count(floor, BookRow)) == ("done", 700, 700)


def test_a_failed_import_is_tried_again_when_uploaded_again(
    floor: Floor, ingest: IngestServices
) -> None:
    view, _ = import_file(ingest, many_rows(3), "a.csv")
    path = floor.settings.upload_dir / view_path(floor, view.id)
    broken, _ = import_file(ingest, b"a,b\n1,2\n", "b.csv")
    assert (broken.state, "缺少必需的列" in broken.failure) == ("failed", True)
    assert path.exists()
    again, _ = import_file(ingest, b"a,b\n1,2\n", "b.csv")
    assert (again.id, again.state) == (broken.id, "failed")


def view_path(floor: Floor, import_id: int) -> str:
    with floor.db.reading() as session:
        return session.get_one(ImportRow, import_id).path


def test_uploads_above_the_limit_leave_nothing_behind(make_floor, tmp_path: Path) -> None:
    floor = make_floor(upload_max_mb=1)
    ingest = build_services(floor)
    with pytest.raises(InvalidInput, match="1 MB"):
        ingest.imports.receive(io.BytesIO(b"x" * 1_100_000), "a.csv", "s", "t")
    assert list(floor.settings.upload_dir.iterdir()) == []
    assert count(floor, SourceRow) == 0


def test_the_command_line_prints_the_row_report(floor: Floor, tmp_path: Path) -> None:
    from tests.flows.ingest_world import make_app

    file = tmp_path / "书目.csv"
    file.write_text(HEADER + ROW.format(intro=INTRO) + "9787020002208,错,,免费,,,\n")
    runner = make_app(floor).test_cli_runner()
    result = runner.invoke(args=["items", "import", str(file), "--source", "某社"])
    assert result.exit_code == 0, result.output
    assert "新增 1，更新 0，未变 0，退回 1" in result.stdout
    assert "第 3 行 书号（9787020002208）：ISBN 校验位不对" in result.stdout
    status = runner.invoke(args=["items", "status"])
    assert "received          1" in status.stdout
    assert "索引已重建，共 0 条内容" in runner.invoke(args=["index", "rebuild"]).stdout
    assert "应有 0" in runner.invoke(args=["index", "check"]).stdout

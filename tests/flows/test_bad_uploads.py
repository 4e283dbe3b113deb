"""Hostile and broken uploads: each ends with a clear word, nothing crashes, nothing half stays.

`REFUSED` files fail as a whole with a reason; `REPORTED` files are read, their bad rows are
named and their good rows kept.
"""

# ruff: noqa: E501 - rows of a file stay on their lines

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from contentcenter.settings import Settings
from contentcenter.store.database import Database
from contentcenter.store.tables import BookRow, ItemRow, MediaRow
from ingest.ext import build_services
from ingest.imports import ImportService
from ingest.sources.excel_file import OLE_MAGIC
from ingest.views import ItemFilter
from tests.fixtures.floor import empty_database
from tests.flows.ingest_world import import_file, png

GOOD = "9787020002207,红楼梦,59.70"
HEADER = "书号,书名,定价"


def table(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return end.join([header, *rows, ""]).encode()


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def zipped(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return held.getvalue()


def sheet_bomb() -> bytes:
    """A workbook whose sheet is 100 MB of blanks."""
    good = io.BytesIO(workbook(["书号", "书名"]))
    held = io.BytesIO()
    with (
        zipfile.ZipFile(good) as source,
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            if not name.startswith("xl/worksheets/"):
                target.writestr(name, source.read(name))
        with target.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(100):
                sheet.write(b" " * 1024 * 1024)
    return held.getvalue()


def far_cell() -> bytes:
    """One cell in the last corner of the sheet."""
    book = openpyxl.Workbook()
    book.active["A1"] = "书名"
    book.active["XFD1048576"] = "x"
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def locked_workbook() -> bytes:
    return OLE_MAGIC + b"\x00" * 1024 + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 4096


def locked_zip() -> bytes:
    data = bytearray(zipped({"a.md": b"# t\n\ntext"}))
    at = data.find(b"PK\x01\x02")
    data[6] |= 1
    data[at + 8] |= 1
    return bytes(data)


def huge_png() -> bytes:
    """A few bytes that claim 60,000 x 60,000 pixels."""

    def part(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\x00" * 100)) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@dataclass(frozen=True)
class Refused:
    name: str
    file: str
    make: Callable[[], bytes]
    says: str


REFUSED = [
    Refused("header only in an unknown language", "a.csv", lambda: b"foo,bar\n1,2\n", "foo、bar"),
    Refused("no title column", "a.csv", lambda: table(header="书号,价钱"), "书名"),
    Refused("blank file", "a.csv", lambda: b" \r\n\n \t\n", "空"),
    Refused("binary as CSV", "a.csv", lambda: bytes(range(256)) * 40, "NUL"),
    Refused("PNG as CSV", "a.csv", png, "PNG"),
    Refused("PDF as CSV", "a.csv", lambda: b"%PDF-1.7 ...", "PDF"),
    Refused("login page as CSV", "a.csv", lambda: b"<!DOCTYPE html><html>", "网页"),
    Refused("HTML named xls", "a.xls", lambda: b"<html><table></table>", "网页"),
    Refused(
        "damaged UTF-8", "a.csv",
        lambda: table(*[f"{GOOD}红楼梦"] * 5) + b"\xff\xfe" + table(GOOD), "第 7 行",
    ),
    Refused("no known encoding", "a.csv", lambda: b"isbn,title\n\x81\x20\xff\xff\x80,\n", "编码"),
    Refused("NUL bytes", "a.csv", lambda: table(GOOD, "1\x00,b\x00\x00,1"), "NUL"),
    Refused("too many columns", "a.csv", lambda: table(header=HEADER + ",x" * 5000), "列"),
    Refused("duplicate columns", "a.csv", lambda: table(GOOD, header="书名,书号,书名"), "重复"),
    Refused("unknown type", "a.exe", lambda: b"MZ\x90", "不支持"),
    Refused("gzip", "a.csv", lambda: b"\x1f\x8b\x08\x00abc", "gzip"),
    Refused("zip bomb workbook", "a.xlsx", sheet_bomb, "炸弹"),
    Refused("far cell workbook", "a.xlsx", far_cell, "范围"),
    Refused("encrypted workbook", "a.xlsx", locked_workbook, "密码"),
    Refused(
        "truncated workbook", "a.xlsx", lambda: workbook(["书号", "书名"])[:3000], "损坏"
    ),
    Refused("text named xlsx in bytes", "a.xlsx", lambda: b"\x01\x02\x03\x04rest", "损坏"),
    Refused("empty workbook", "a.xlsx", lambda: workbook(), "没有内容"),
    Refused("old workbook, damaged", "a.xls", lambda: OLE_MAGIC + b"\x00" * 600, "损坏"),
    Refused("path traversal", "a.zip", lambda: zipped({"../../etc/x.md": b"# a"}), "越出"),
    Refused("absolute path", "a.zip", lambda: zipped({"/etc/x.md": b"# a"}), "越出"),
    Refused("backslash traversal", "a.zip", lambda: zipped({"..\\x.md": b"# a"}), "越出"),
    Refused(
        "symlink", "a.zip", lambda: zipped({"a.md": b"# a"}, {"b.png": "/etc/passwd"}), "链接"
    ),
    Refused("encrypted zip", "a.zip", locked_zip, "密码"),
    Refused(
        "zip bomb of articles", "a.zip", lambda: zipped({"a.md": b" " * 63 * 1024 * 1024}), "炸弹"
    ),
    Refused("zip without articles", "a.zip", lambda: zipped({"a.csv": b"x"}), ".md"),
    Refused("too many entries", "a.zip", lambda: zipped({f"{n}.md": b"" for n in range(5001)}),
            "5001"),
    Refused("JSON array", "a.jsonl", lambda: b'[{"title": "a"}]', "数组"),
    Refused("huge Markdown", "a.md", lambda: b"# t\n" + b"x" * 2_100_000, "MB"),
    Refused("no extension", "file", lambda: table(GOOD), "扩展名"),
]  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """Imports on a database of their own, without the rest of a floor."""

    imports: ImportService
    db: Database
    folder: Path


@pytest.fixture
def desk(tmp_path: Path, clock: FixedClock) -> Iterator[Desk]:
    db = empty_database(f"sqlite:///{tmp_path}/desk.sqlite3")
    settings = Settings(data_dir=tmp_path)
    yield Desk(ImportService(db, clock, settings), db, settings.upload_dir)
    db.dispose()


def count(desk: Desk, table_: type) -> int:
    with desk.db.reading() as session:
        return session.scalar(select(func.count()).select_from(table_)) or 0


def test_files_refused_as_a_whole(desk: Desk) -> None:
    for case in REFUSED:
        view, faults = import_file(desk, case.make(), case.file)
        assert view.state == "failed", case.name
        assert case.says in view.failure, f"{case.name}: {view.failure}"
        assert (view.created, faults) == (0, []), case.name
    assert (count(desk, BookRow), count(desk, ItemRow)) == (0, 0)


def test_an_empty_upload_is_refused_at_the_door(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="空"):
        desk.imports.receive(io.BytesIO(b""), "a.csv", "s", "t")


@dataclass(frozen=True)
class Reported:
    name: str
    file: str
    make: Callable[[], bytes]
    rows: dict[int, str]  # row number -> part of the reason
    kept: int


def lines(*objects: object) -> bytes:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in objects]
    return "\n".join(texts).encode()


BOOK = {"isbn": "9787020002207", "title": "红楼梦"}
REPORTED = [
    Reported("header only", "a.csv", lambda: table(), {}, 0),
    Reported("ISBN nonsense", "a.csv", lambda: table(
        "9787020002208,甲,1", "978702000220,乙,1", "9.78702E+12,丙,1", GOOD,
    ), {2: "校验位", 3: "12 位", 4: "科学计数法"}, 1),
    Reported("prices", "a.csv", lambda: table(
        "9787020002207,甲,免费", "9787536692930,乙,-5", "9787506365437,丙,$12",
        "9787111407010,丁,10-20", "9787544253994,戊,0",
    ), {2: "不是价格", 3: "负数", 4: "外币", 5: "区间", 6: "0"}, 5),
    Reported("50 MB row", "a.csv",
             lambda: table(f"9787536692930,{'长' * 17_000_000},1", GOOD), {2: "超过"}, 1),
    Reported("2 MB title", "a.jsonl",
             lambda: lines({**BOOK, "title": "长" * 700_000}, BOOK), {1: "超过"}, 1),
    Reported("300 character title", "a.csv",
             lambda: table(f"9787536692930,{'长' * 300},1", GOOD), {2: "太长"}, 1),
    Reported("emoji only", "a.csv",
             lambda: table("9787536692930,😀🎉,1", GOOD), {2: "符号"}, 1),
    Reported("formula injection", "a.csv", lambda: table(
        "9787536692930,=cmd|'/c calc'!A1,1", '9787506365437,"=HYPERLINK(""http://x"")",1', GOOD,
    ), {2: "公式", 3: "公式"}, 1),
    Reported("mixed line ends", "a.csv", lambda: (
        f"{HEADER}\r\n{GOOD}\r9787536692930,三体,23\n9787506365437,活着,28\r\n".encode()
    ), {}, 3),
    Reported("unbalanced quote", "a.csv", lambda: table(
        '9787536692930,"三体,23', GOOD, "9787506365437,活着,28",
    ), {2: "双引号"}, 2),
    Reported("unbalanced quote before a quoted row", "a.csv", lambda: table(
        '9787536692930,"三体,23', '9787020002207,"红楼梦",59', "9787506365437,活着,28",
    ), {2: "双引号"}, 2),
    Reported("two byte order marks", "a.csv",
             lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + table(GOOD), {}, 1),
    Reported("UTF-16 without a mark", "a.csv",
             lambda: table(GOOD).decode().encode("utf-16-le"), {}, 1),
    Reported("UTF-16 big endian without a mark", "a.csv",
             lambda: table(GOOD).decode().encode("utf-16-be"), {}, 1),
    Reported("dates", "a.csv", lambda: table(
        "9787020002207,甲,2024-13-01", "9787536692930,乙,昨天", "9787506365437,丙,2024年5月",
        header="书号,书名,出版日期",
    ), {2: "没有这个日期", 3: "读不出日期"}, 3),
    Reported("shifted columns", "a.csv",
             lambda: table(f"{GOOD},多,余", "9787536692930,三体,1"), {2: "表头"}, 1),
    Reported("duplicate ISBN", "a.csv", lambda: table(
        GOOD, GOOD, "9787020002207,另一本,1", "7-02-000220-X,红楼梦,59.70",
    ), {4: "第 2 行"}, 1),
    Reported("unknown category", "a.csv", lambda: table(
        "9787020002207,甲,星座", header="书号,书名,分类",
    ), {2: "没有这个分类"}, 1),
    Reported("two columns of one meaning", "a.csv", lambda: table(
        "9787020002207,甲,59,49", header="书号,书名,定价,售价",
    ), {0: "意思相同"}, 1),
    Reported("stock", "a.csv", lambda: table(
        "9787020002207,甲,-3", "9787536692930,乙,很多", "9787506365437,丙,缺货",
        header="书号,书名,库存",
    ), {2: "负数", 3: "读不出库存"}, 3),
    Reported("no number at all", "a.csv", lambda: table(",无号,1", GOOD), {2: "没有 ISBN"}, 1),
    Reported("JSON lines of all sorts", "a.jsonl", lambda: lines(
        BOOK, "[1, 2]", '"text"', '{"title": NaN, "isbn": "9787536692930"}', "{broken",
        "[" * 100_000, {**BOOK, "isbn": "9787536692930", "title": {"zh": "三体"}},
        '{"isbn": "9787506365437", "title": "\\ud800活着", "price": 1e400}',
        '{"isbn": "9787544253994", "title": "百年孤独", "price": 39.5, "tags": [["a"]]}',
    ), {2: "不是 JSON 对象", 3: "不是 JSON 对象", 4: "NaN", 5: "不是合法", 6: "嵌套", 7: "文字",
        8: "价格", 9: "文字列表"}, 3),
    Reported("workbook with gaps", "a.xlsx", lambda: workbook(
        ["书目"], [], ["ISBN", "书名", "定价"], [9787020002207, "红楼梦", 59.7],
        [9787536692930, "", 1], [None, None, None], ["x", "坏", 2],
    ), {5: "没有书名", 7: "ISBN"}, 1),
    Reported("YAML bomb", "a.md", lambda: (
        b"---\na: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\ntitle: t\n---\ntext"
    ), {1: "YAML"}, 0),
    Reported("YAML with objects", "a.md",
             lambda: b"---\ntitle: !!python/object/apply:os.system [ls]\n---\ntext", {1: "YAML"}, 0),
    Reported("YAML that is a list", "a.md", lambda: b"---\n- a\n---\ntext", {1: "形式"}, 0),
    Reported("Markdown without a title", "a.md", lambda: "只有正文。".encode(), {1: "没有书名或标题"}, 0),
    Reported("picture that is HTML", "a.zip", lambda: zipped({
        "a.md": "# 题\n\n![p](p.png)".encode(), "p.png": b"<html><script>alert(1)</script>",
    }), {1: "不是图片"}, 1),
    Reported("picture with too many pixels", "a.zip", lambda: zipped({
        "a.md": "# 题\n\n![p](p.png)".encode(), "p.png": huge_png(),
    }), {1: "像素"}, 1),
    Reported("truncated picture", "a.zip", lambda: zipped({
        "a.md": "# 题\n\n![p](p.png)".encode(), "p.png": png((64, 64), form="JPEG")[:400],
    }), {1: "损坏"}, 1),
    Reported("picture outside of the zip", "a.zip", lambda: zipped({
        "a.md": "# 题\n\n![p](../../../../etc/passwd)".encode(),
    }), {1: "找不到"}, 1),
]  # fmt: skip


@pytest.mark.parametrize("case", REPORTED, ids=lambda case: case.name)
def test_bad_rows_are_named_and_good_rows_kept(desk: Desk, case: Reported) -> None:
    view, faults = import_file(desk, case.make(), case.file)
    assert view.state == "done", view.failure
    reasons: dict[int, str] = {}
    for line in faults:
        reasons[line.row] = reasons.get(line.row, "") + line.reason
        assert line.mend, "every fault says how to mend it"
        assert len(line.value) <= 200
    assert set(reasons) == set(case.rows), reasons
    assert all(part in reasons[row] for row, part in case.rows.items()), reasons
    assert view.created == case.kept
    assert view.done_rows == view.total_rows
    assert view.rejected == len({line.row for line in faults if line.fatal})
    stored = count(desk, BookRow) + count(desk, ItemRow)
    assert stored == case.kept
    assert count(desk, MediaRow) == 0


def test_scripts_never_reach_a_page(floor: Floor) -> None:
    ingest = build_services(floor)
    text = (
        "# 题\n\n<script>alert(1)</script><img src=x onerror=alert(1)>\n\n"
        '<a href="javascript:alert(1)">点</a>\n\n又 [点](javascript:alert(2)) 一下\n\n'
        "<iframe src=//evil></iframe><svg onload=alert(1)>\n\n<style>p{}</style>\n\n正文在这里"
        "![x](data:image/svg+xml;base64,AAAA)"
    )
    import_file(ingest, text.encode(), "a.md", "投稿")
    item = ingest.items.list(ItemFilter()).items[0].id
    ingest.pipeline.process([item])
    view = ingest.items.get(item)
    assert view.card.state == "ready"
    for bad in ("script", "onerror", "javascript", "iframe", "svg", "style", "data:", "<img"):
        assert bad not in view.html, bad
    assert "正文在这里" in view.card.text
    assert {risk["code"] for risk in view.risks} == {"active_content", "foreign_picture"}


def test_a_file_name_is_never_a_path(desk: Desk) -> None:
    view, _ = import_file(desk, table(GOOD), "../../../etc/书目\x00.csv")
    assert view.filename == "书目.csv"
    assert all(len(path.name) == 64 for path in desk.folder.iterdir())

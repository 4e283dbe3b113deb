"""The sample content keeps its promises: true shapes, valid references, enough of everything."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook
from PIL import Image

from contentcenter.domain.categories import CATEGORIES, category_code
from contentcenter.domain.channels import AudienceKind

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
COLUMNS = [
    "书号",
    "书名",
    "副标题",
    "作者",
    "译者",
    "出版社",
    "出版日期",
    "定价",
    "分类",
    "标签",
    "内容简介",
    "库存",
]
HAN = re.compile(r"[\u4e00-\u9fff]")
ARTICLES = sorted((SAMPLES / "articles").glob("*.md"))
Row = dict[str, str]


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _json(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def _notes() -> list[dict[str, Any]]:
    lines = (SAMPLES / "ugc.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _front_matter(path: Path) -> tuple[dict[str, Any], str]:
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), body


def _valid_isbn13(text: str) -> bool:
    if not re.fullmatch(r"978\d{10}", text):
        return False
    return sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(text)) % 10 == 0


@pytest.fixture(scope="module")
def books() -> list[Row]:
    return _rows(SAMPLES / "books.csv")


@pytest.fixture(scope="module")
def isbns(books: list[Row]) -> set[str]:
    return {row["书号"] for row in books}


def test_book_list_has_the_columns_of_a_supplier_list(books: list[Row]) -> None:
    assert list(books[0]) == COLUMNS
    assert len(books) >= 220


def test_every_isbn_is_valid_and_unique(books: list[Row]) -> None:
    assert [row["书号"] for row in books if not _valid_isbn13(row["书号"])] == []
    assert len({row["书号"] for row in books}) == len(books)


def test_every_shelf_is_known_and_filled(books: list[Row]) -> None:
    shelves = Counter(category_code(row["分类"]) for row in books)
    assert None not in shelves
    assert {code for code in CATEGORIES if code != "other"} == set(shelves)
    assert min(shelves.values()) >= 6


def test_prices_parse_and_spread(books: list[Row]) -> None:
    assert all(re.fullmatch(r"\d+\.\d{2}", row["定价"]) for row in books)
    prices = sorted(float(row["定价"]) for row in books)
    assert 0 < prices[0] <= 13
    assert 150 <= prices[-1] <= 268


def test_facts_every_book_needs_are_there(books: list[Row]) -> None:
    for row in books:
        assert row["书名"], row
        assert row["作者"], row
        assert row["出版社"], row
        assert re.fullmatch(r"(19|20)\d\d(-(0[1-9]|1[0-2]))?", row["出版日期"]), row


def test_tags_and_stock_are_usable(books: list[Row]) -> None:
    for row in books:
        tags = row["标签"].split(";")
        assert 3 <= len(tags) <= 6, row["书名"]
        assert len(set(tags)) == len(tags), row["书名"]
        assert int(row["库存"]) >= 0
    assert 3 <= sum(row["库存"] == "0" for row in books) <= 30


def test_introductions_are_our_own_size_and_never_repeat(books: list[Row]) -> None:
    texts = [row["内容简介"] for row in books]
    assert [t for t in texts if not 60 <= len(t) <= 140] == []
    assert len(set(texts)) == len(texts)


def test_there_are_enough_articles() -> None:
    assert len(ARTICLES) >= 36


@pytest.mark.parametrize("path", ARTICLES, ids=lambda p: p.stem)
def test_article_is_complete(path: Path, isbns: set[str]) -> None:
    meta, body = _front_matter(path)
    assert set(meta) == {"title", "summary", "author", "category", "tags", "books", "cover"}
    assert meta["title"]
    assert meta["summary"]
    assert meta["category"] in CATEGORIES
    assert 2 <= len(meta["tags"]) <= 6
    assert set(meta["books"]) <= isbns
    assert 350 <= len(HAN.findall(body)) <= 900


@pytest.mark.parametrize("path", ARTICLES, ids=lambda p: p.stem)
def test_article_pictures_exist_and_are_small(path: Path) -> None:
    meta, body = _front_matter(path)
    names = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", body)
    names += [] if meta["cover"] == "none" else [meta["cover"]]
    for name in names:
        picture = path.parent / name
        assert picture.stat().st_size < 60_000
        with Image.open(picture) as image:
            assert image.format in {"PNG", "JPEG"}


def test_article_titles_differ() -> None:
    titles = [_front_matter(path)[0]["title"] for path in ARTICLES]
    assert len(set(titles)) == len(titles)


def test_reader_notes_are_complete(isbns: set[str]) -> None:
    notes = _notes()
    assert len(notes) >= 24
    assert len({note["ref"] for note in notes}) == len(notes)
    for note in notes:
        assert set(note) == {"ref", "title", "text", "author", "tags", "books", "form"}
        assert note["form"] == "note"
        assert 80 <= len(note["text"]) <= 300
        assert set(note["books"]) <= isbns


def test_audiences_hang_together() -> None:
    data = _json("audiences.json")
    appids = {account["appid"] for account in data["accounts"]}
    userids = {member["userid"] for member in data["wecom"]["members"]}
    kinds = Counter(audience["kind"] for audience in data["audiences"])
    assert Counter(a["type"] for a in data["accounts"]) == {"SVC": 2, "SUB": 1}
    assert len(userids) == 4
    assert kinds == {"group": 12, "customers": 2, "followers": 3, "internal_group": 1}
    for audience in data["audiences"]:
        assert AudienceKind(audience["kind"])
        assert audience.get("owner") is None or audience["owner"] in userids
        assert audience.get("userid") is None or audience["userid"] in userids
        assert audience.get("appid") is None or audience["appid"] in appids


def test_audience_settings_are_usable() -> None:
    for audience in _json("audiences.json")["audiences"]:
        assert set(audience["categories"]) <= set(CATEGORIES)
        assert audience["timezone"] == "Asia/Shanghai"
        ceiling = audience["price_ceiling_fen"]
        assert ceiling is None or ceiling > 0
        for slot in audience["slots"]:
            assert re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", slot["time"])
            assert set(slot["weekdays"]) <= set(range(1, 8))
        if audience["kind"] == "group":
            assert 60 <= audience["size"] <= 400


def test_every_reached_audience_has_a_hidden_taste() -> None:
    tastes = _json("hidden_tastes.json")
    wanted = set()
    for audience in _json("audiences.json")["audiences"]:
        if audience["kind"] != "internal_group":
            wanted.add(audience.get("chat_id") or audience.get("userid") or audience["appid"])
    assert set(tastes) == wanted
    for taste in tastes.values():
        assert set(taste["topics"]) <= set(CATEGORIES) - {"other"}
        assert sum(taste["topics"].values()) == pytest.approx(1.0)
        assert taste["budget_fen"] > 0
        assert 0 <= taste["price_sensitivity"] <= 1
        assert 0 < taste["activity"] <= 1


def test_odd_encodings_hold_five_good_rows(isbns: set[str]) -> None:
    gb = (SAMPLES / "broken/gb18030.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        gb.decode("utf-8")
    wide = (SAMPLES / "broken/utf16.csv").read_bytes()
    assert wide[:2] in {b"\xff\xfe", b"\xfe\xff"}
    for text, mark in ((gb.decode("gb18030"), ","), (wide.decode("utf-16"), "\t")):
        rows = list(csv.DictReader(io.StringIO(text), delimiter=mark))
        assert list(rows[0]) == COLUMNS
        assert len(rows) == 5
        assert {row["书号"] for row in rows} <= isbns


def test_other_formats_hold_five_good_rows(isbns: set[str]) -> None:
    sheet = load_workbook(SAMPLES / "broken/list.xlsx", read_only=True).worksheets[0]
    cells = list(sheet.iter_rows(values_only=True))
    assert list(cells[0]) == COLUMNS
    assert len(cells) == 6
    assert {str(row[0]) for row in cells[1:]} <= isbns
    lines = (SAMPLES / "broken/feed.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5
    assert {json.loads(line)["isbn"] for line in lines} <= isbns


def test_bad_rows_are_really_bad() -> None:
    rows = _rows(SAMPLES / "broken/bad_rows.csv")
    assert sum(not _valid_isbn13(row["书号"].replace("-", "")) for row in rows) == 2
    assert sum(row["定价"] == "免费" for row in rows) == 1
    assert sum(not row["书名"] for row in rows) == 1
    assert sum(row == rows[0] for row in rows) == 2

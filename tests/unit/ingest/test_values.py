"""Single values of supplier files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.faults import BadValue, shorten
from ingest.values import (
    clean_text,
    parse_category,
    parse_date,
    parse_line,
    parse_price,
    parse_stock,
    parse_tags,
)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("45.00", 4500), ("¥45", 4500), ("￥45.5", 4550), ("45元", 4500), ("４５．８０元", 4580),
        ("CNY 39.80", 3980), ("1,280.00", 128000), (" 25 ", 2500), ("定价：68元", 6800), ("", None),
        ("45.000", 4500),
    ],
)  # fmt: skip
def test_prices(text: str, fen: int | None) -> None:
    assert parse_price(text) == fen


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("免费", "不是价格"), ("-5", "负数"), ("0", "0"), ("$12", "外币"), ("HK$88", "外币"),
        ("10-20", "区间"), ("45.005", "两位"), ("9999999", "一百万"), ("四十五", "读不出"),
        ("1,28", "读不出"), ("4 5", "读不出"),
    ],
)  # fmt: skip
def test_prices_refused(text: str, reason: str) -> None:
    with pytest.raises(BadValue, match=reason) as bad:
        parse_price(text)
    assert bad.value.mend


@given(st.integers(min_value=1, max_value=100_000_000))
def test_every_price_comes_back(fen: int) -> None:
    assert parse_price(f"{fen // 100}.{fen % 100:02d}") == fen
    assert parse_price(f"¥{fen // 100:,}.{fen % 100:02d}元") == fen


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-05-01", "2024-05-01"), ("2024/5/1", "2024-05-01"), ("2024年5月", "2024-05"),
        ("2024.5", "2024-05"), ("202405", "2024-05"), ("20240501", "2024-05-01"),
        ("2024", "2024"), ("2024年5月1日", "2024-05-01"), ("2024-05-01 00:00:00", "2024-05-01"),
        ("2002-10-1", "2002-10-01"), ("", None),
    ],
)  # fmt: skip
def test_dates(text: str, day: str | None) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize("text", ["2024-13-01", "2024-02-30", "昨天", "24-05", "0024", "2024-"])
def test_dates_refused(text: str) -> None:
    if text == "2024-":
        assert parse_date(text) == "2024"
        return
    with pytest.raises(BadValue):
        parse_date(text)


def test_stock() -> None:
    texts = ["12", "1,200册", "12.0", "缺货", "有货", ""]
    assert [parse_stock(text) for text in texts] == [12, 1200, 12, 0, None, None]
    for text in ("-1", "很多", "9" * 20):
        with pytest.raises(BadValue):
            parse_stock(text)


def test_tags_and_categories() -> None:
    assert parse_tags("#余华;中国当代；苦难，命运、余华| ") == ("余华", "中国当代", "苦难", "命运")
    assert (parse_category("科幻奇幻"), parse_category("scifi"), parse_category("")) == (
        "scifi",
        "scifi",
        None,
    )
    with pytest.raises(BadValue, match="没有这个分类"):
        parse_category("星座")
    with pytest.raises(BadValue, match="太长"):
        parse_tags("标" * 41)


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3|x"])
def test_formulas_are_refused(text: str) -> None:
    with pytest.raises(BadValue, match="公式"):
        parse_line(text, 200)


@pytest.mark.parametrize("text", ["-273℃的世界", "+1的力量", "@所有人：请回答", "1=1"])
def test_titles_that_only_look_odd_stay(text: str) -> None:
    assert parse_line(text, 200) == text


@given(st.text())
def test_cleaned_text_can_be_stored_and_shown(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert "\r" not in cleaned
    assert clean_text(cleaned) == cleaned
    assert len(shorten(text)) <= 200

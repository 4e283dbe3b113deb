"""Charts: the numbers are in the drawing, and in words."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.console import charts
from contentcenter.console.charts import Segment

SVG_WIDTH = 400.0


def drawn(markup: str) -> ET.Element:
    return ET.fromstring(markup)  # noqa: S314 - our own drawing


def widths(markup: str) -> list[float]:
    return [float(rect.get("width", 0)) for rect in drawn(markup).iter("rect")]


def test_positive_parts_fill_their_share_of_the_scale() -> None:
    bar = charts.stacked([Segment("a", 0.5, 0), Segment("b", 0.25, 1)], "parts", scale=1.0)
    assert widths(bar) == [SVG_WIDTH / 2, SVG_WIDTH / 4]


def test_negative_parts_grow_left_of_a_zero_line() -> None:
    bar = drawn(charts.stacked([Segment("a", 0.75, 0), Segment("tired", -0.25, 1)], "parts"))
    first, second = bar.iter("rect")
    zero = next(bar.iter("line"))
    assert float(first.get("x", 0)) == float(zero.get("x1", 0)) == SVG_WIDTH / 4
    assert float(second.get("x", 0)) == 0


@given(st.dictionaries(st.sampled_from("abcdefg"), st.floats(-5, 5), max_size=7))
def test_no_part_leaves_the_drawing(parts: dict[str, float]) -> None:
    bar = drawn(charts.parts_bar(parts, "parts"))
    for rect in bar.iter("rect"):
        left = float(rect.get("x", 0))
        assert left >= -0.02
        assert left + float(rect.get("width", 0)) <= SVG_WIDTH + 0.02


def test_the_legend_tells_every_part_that_counts() -> None:
    key = charts.parts_key({"semantic": 0.64, "price": 0.23, "tags": 0.0})
    assert re.findall(r">([^<>\s]+) ([+-][\d.]+)</span>", key) == [
        ("语义接近", "+0.64"),
        ("价格合适", "+0.23"),
    ]


@pytest.mark.parametrize(
    "markup",
    [
        charts.bar(0.5, 1, "<b>", 1),
        charts.bar(3, 0, "nothing", 1),
        charts.hours([0.0] * 24, "hours", frozenset({0, 1}), "busiest"),
        charts.price_box([20, 35, 60], "price", 45.0),
        charts.price_box([0, 0, 0], "price", None),
        charts.sparkline([], "trend", "none"),
        charts.sparkline([1.0, 1.0], "trend", "flat"),
        charts.funnel([("reached", 0), ("clicked", 0)], "funnel"),
        charts.cover("<i>书名</i>", "作者"),
    ],
)
def test_a_drawing_is_well_formed_and_described(markup: str) -> None:
    svg = drawn(markup)
    assert svg.get("role") == "img"
    title, desc = svg.get("aria-labelledby", "").split()
    ids = {node.get("id"): node.tag for node in svg.iter() if node.get("id")}
    assert ids == {title: "title", desc: "desc"}


def test_text_from_outside_is_escaped() -> None:
    assert "<script>" not in charts.cover("<script>alert(1)</script>", "")
    assert "<script>" not in charts.bar(1, 1, "<script>", 0)


def test_the_busiest_hour_is_named_in_words() -> None:
    values = [1 / 48] * 24
    values[20] = 0.5
    assert "busiest: 20:00" in charts.hours(values, "hours", frozenset(), "busiest")


def test_a_band_holds_its_estimate_and_shows_zero() -> None:
    picture = drawn(
        charts.band([7, 8, 9], [0.2, 0.1, 0.12], [(-9.0, 9.4), (-0.2, 0.4), (0.02, 0.22)], "by day")
    )
    (area,) = picture.iter("polygon")
    (path,) = picture.iter("polyline")
    corners = [tuple(map(float, one.split(","))) for one in area.get("points", "").split()]
    upper, lower = corners[:3], corners[:2:-1]
    for (x, y), above, below in zip(
        (tuple(map(float, one.split(","))) for one in path.get("points", "").split()),
        upper,
        lower,
        strict=True,
    ):
        assert x == above[0] == below[0]
        assert above[1] <= y <= below[1]
        assert 0 <= above[1] <= below[1] <= 130
    zero = next(iter(picture.iter("line")))
    assert lower[2][1] < float(zero.get("y1", 0)), "the last interval lies above zero"
    assert "+0.12 (+0.02 ~ +0.22)" in ET.tostring(picture, encoding="unicode")
    assert "polygon" not in charts.band([], [], [], "nothing yet")

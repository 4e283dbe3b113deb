"""What people type about audiences and slots."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from contentcenter.domain.errors import InvalidInput
from distribute.audience_service import SlotView
from distribute.console.forms import audience_fields, fen, names, slots_from, whole
from distribute.console.words import reason_text


def test_empty_means_no_limit_and_zero_means_zero() -> None:
    form = MultiDict(
        {"name": "群", "cap_per_day": "0", "cap_per_week": "", "price_ceiling": "59.9"}
    )
    fields = audience_fields(form)
    assert fields["cap_per_day"] == 0
    assert fields["cap_per_week"] is None
    assert fields["price_ceiling_fen"] == 5990
    assert fields["auto_approve"] is False


@pytest.mark.parametrize("text", ["-1", "abc", "1e12", "nan"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        fen({"price": text}, "price")


def test_half_a_person_is_refused() -> None:
    with pytest.raises(InvalidInput, match="不是整数"):
        whole({"size": "1.5"}, "size")


def test_a_name_is_needed() -> None:
    with pytest.raises(InvalidInput):
        audience_fields(MultiDict({"name": " "}))


def test_slots_are_read_row_by_row() -> None:
    form = MultiDict(
        [
            ("time-0", "20:30"), ("days-0", "0"), ("days-0", "6"), ("on-0", "on"), ("date-0", ""),
            ("time-1", "09:00"), ("date-1", "2026-12-24"),
            ("time-2", ""), ("days-2", "1"),
        ]
    )  # fmt: skip
    assert slots_from(form) == [
        SlotView((0, 6), "20:30", "", active=True),
        SlotView((), "09:00", "2026-12-24", active=False),
    ]


def test_a_slot_without_a_day_is_refused() -> None:
    with pytest.raises(InvalidInput, match="20:30"):
        slots_from(MultiDict({"time-0": "20:30"}))


def test_names_in_any_punctuation() -> None:
    assert names("小说、历史，小说;科普\n 诗 ") == ["小说", "历史", "科普", "诗"]


@pytest.mark.parametrize(
    ("code", "details", "text"),
    [
        ("cap_day", {"cap": 1, "day": "2026-11-21"}, "当天已发满 1 条"),
        ("quiet_hours", {"from": "22:30", "until": "08:00"}, "处在安静时段 22:30–08:00"),
        ("cap_day", None, "当天已满"),
        ("something_new", {}, "something_new"),
    ],
)
def test_reasons_are_told_with_their_numbers(
    code: str, details: dict[str, object] | None, text: str
) -> None:
    assert reason_text(code, details) == text

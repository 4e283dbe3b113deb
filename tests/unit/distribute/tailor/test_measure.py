"""Cutting: limits always hold, readers never stumble."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distribute.tailor.measure import ELLIPSIS, Limit, cut

FAMILY, THUMB, ACUTE = "\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "e\u0301"
PIECES = st.sampled_from(
    ["今晚读", "《三体》", "。", "，", "!", "\n", "book ", FAMILY, ACUTE, THUMB, "1,200", "…"]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)
LIMITS = st.builds(
    Limit, st.one_of(st.none(), st.integers(0, 80)), st.one_of(st.none(), st.integers(0, 200))
)


@given(TEXTS, LIMITS)
def test_the_limit_always_holds(text: str, limit: Limit) -> None:
    out = cut(text, limit)
    assert limit.fits(out)
    if limit.characters is not None:
        assert len(out) <= limit.characters


@given(st.text(max_size=80), LIMITS)
def test_the_limit_holds_for_any_text(text: str, limit: Limit) -> None:
    assert limit.fits(cut(text, limit))


@given(TEXTS, LIMITS)
def test_titles_stay_whole_and_characters_too(text: str, limit: Limit) -> None:
    out = cut(text, limit)
    assert out.count("《") == out.count("》")
    kept = out.removesuffix(ELLIPSIS)
    rest = text.strip()[len(kept) :]
    if text.strip().startswith(kept) and rest and kept:
        assert unicodedata.category(rest[0]) != "Mn"
        assert not kept.endswith("\u200d")
        assert not "\U0001f3fb" <= rest[0] <= "\U0001f3ff"


@given(TEXTS)
def test_what_fits_is_left_alone(text: str) -> None:
    assert cut(text, Limit(characters=10_000)) == text.strip()


@pytest.mark.parametrize(
    ("text", "characters", "expected"),
    [
        ("第一句。第二句很长很长很长。", 8, "第一句。"),
        ("没有句号的一句话，但是有逗号隔开", 12, "没有句号的一句话…"),
        ("没有任何标点的一句很长的话", 7, "没有任何标点…"),
        ("推荐《百年孤独》给你", 6, "推荐…"),
        ("《百年孤独与它的时代》好看", 8, "《百年孤独与…》"),
        ("太长", 1, ""),
    ],
)
def test_good_places_to_cut(text: str, characters: int, expected: str) -> None:
    assert cut(text, Limit(characters=characters)) == expected


def test_bytes_and_characters_both_count() -> None:
    assert cut("汉字汉字汉字", Limit(characters=5, bytes=9)) == "汉字…"
    assert cut("👍👍👍", Limit(characters=4)) == "👍…"

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.texts import BatchLimits, clean_texts, plan_batches, strip_blank


def test_texts_are_stripped():
    assert clean_texts(["  山河\n", "\ufeff\u3000春 \u200b"]) == ["山河", "春"]


@pytest.mark.parametrize("blank", ["", "  ", "\n\t\u3000", "\u200b", " \ufeff \u2060"])
def test_blank_texts_are_refused_by_position(blank):
    with pytest.raises(InvalidInput) as caught:
        clean_texts(["山", blank, "河", blank])
    assert caught.value.details["positions"] == [1, 3]


def test_half_characters_are_replaced():
    assert clean_texts(["山\ud83d河"]) == ["山\ufffd河"]
    assert clean_texts(["笑\U0001f600"]) == ["笑\U0001f600"]


def test_traditional_characters_become_simplified():
    assert clean_texts(["紅樓夢", "红楼梦"]) == ["红楼梦", "红楼梦"]


@given(st.text())
def test_stripping_twice_is_stripping_once(text):
    assert strip_blank(strip_blank(text)) == strip_blank(text)


@given(
    st.lists(st.integers(1, 3000), max_size=60),
    st.integers(1, 10),
    st.integers(1, 5000),
)
def test_batches_hold_every_position_once_within_the_limits(lengths, texts, characters):
    batches = list(plan_batches(lengths, BatchLimits(texts, characters)))
    assert sorted(p for batch in batches for p in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= texts
        assert len(batch) == 1 or sum(lengths[p] for p in batch) <= characters


@given(st.lists(st.integers(1, 3000), max_size=60))
def test_texts_of_like_length_lie_together_longest_first(lengths):
    batches = plan_batches(lengths, BatchLimits(8, 2000))
    ordered = [lengths[p] for batch in batches for p in batch]
    assert ordered == sorted(lengths, reverse=True)

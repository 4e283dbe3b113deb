from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.passages import PASSAGE_LIMIT, item_vector, split_passages

TEXTS = st.text(alphabet="山河春。！？，、；”\n \u3000\u200baB.1", max_size=400)


def test_a_short_text_is_one_passage():
    assert [p.text for p in split_passages("  读书破万卷，下笔如有神。\n")] == [
        "读书破万卷，下笔如有神。"
    ]


@pytest.mark.parametrize("blank", ["", " \n\n ", "\u200b"])
def test_a_blank_text_has_none(blank):
    assert split_passages(blank) == []


def test_paragraphs_stay_whole_where_they_fit():
    paragraphs = ["一" * 300, "二" * 100, "三" * 250]
    found = [p.text for p in split_passages("\n".join(paragraphs))]
    assert found == ["一" * 300 + "\n" + "二" * 100, "三" * 250]


def test_a_long_paragraph_breaks_after_sentences_and_their_quotation_marks():
    sentence = "他说：“" + "好" * 50 + "。”"
    found = split_passages(sentence * 20)
    assert len(found) > 1
    assert all(p.text.endswith("。”") and p.text.startswith("他说") for p in found)


def test_a_long_sentence_breaks_after_commas():
    clause = "山" * 60 + "，"
    found = split_passages(clause * 15)
    assert len(found) == 3
    assert all(p.text.endswith("，") for p in found)


def test_a_text_without_any_border_breaks_at_the_limit():
    assert [len(p.text) for p in split_passages("山" * 1000)] == [420, 420, 160]


def test_decimal_points_do_not_end_sentences():
    text = "圆周率是3.14159，" * 60
    assert all(not p.text.endswith("3.") for p in split_passages(text))


@given(TEXTS, st.integers(5, 60))
def test_nothing_is_lost_or_doubled(text, limit):
    found = split_passages(text, limit)
    covered: set[int] = set()
    for passage in found:
        assert 1 <= len(passage.text) <= limit
        assert text[passage.start : passage.end] == passage.text
        assert not covered & set(range(passage.start, passage.end))
        covered |= set(range(passage.start, passage.end))
    assert [p.start for p in found] == sorted(p.start for p in found)
    assert all(i in covered or c.isspace() or c == "\u200b" for i, c in enumerate(text))


def test_a_long_text_is_split_in_good_time():
    found = split_passages("他走进书店，" * 100_000)
    assert sum(len(p.text) for p in found) == 600_000


AXES = np.eye(3, dtype=np.float32)


def test_the_title_counts_twice_a_full_passage():
    vector = item_vector(AXES[:1], [PASSAGE_LIMIT], AXES[2])
    np.testing.assert_allclose(vector, np.array([1, 0, 2]) / np.sqrt(5), rtol=1e-6)


def test_passages_count_by_their_length():
    vector = item_vector(AXES[:2], [400, 100])
    np.testing.assert_allclose(vector, np.array([4, 1, 0]) / np.sqrt(17), rtol=1e-6)


def test_a_title_alone_is_the_vector():
    np.testing.assert_allclose(item_vector(AXES[:0], [], AXES[1]), AXES[1])


def test_the_item_vector_is_a_float32_row_of_unit_length():
    vector = item_vector(AXES, [10, 20, 30], AXES[0])
    assert vector.dtype == np.float32
    assert vector.shape == (3,)
    assert np.linalg.norm(vector) == pytest.approx(1.0)


def test_nothing_to_average_is_refused():
    with pytest.raises(InvalidInput, match="title or a passage"):
        item_vector(AXES[:0], [])
    with pytest.raises(InvalidInput, match="lengths"):
        item_vector(AXES, [1])

"""Traits of items: terms, rarity, standing."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.matching.traits import (
    BEGINS,
    STANDING,
    Traits,
    TraitStatistics,
    column_of,
    measure_traits,
    people,
    standing_rows,
    title_terms,
    trait_rows,
)

BOOKS = [
    Traits("三体", ("科幻",), ("刘慈欣",), "重庆出版社", 2008, 0.88, 20_000),
    Traits("球状闪电", ("科幻",), ("刘慈欣",), "四川科技", 2005, 0.85, 9_000),
    Traits("活着", ("小说",), ("余华",), "作家出版社", 1998),
]


def test_titles_fall_into_pairs_and_words() -> None:
    assert title_terms("三体II：黑暗森林") == ["三体", "ii", "黑暗", "暗森", "森林"]
    assert title_terms("The Left Hand of Darkness") == ["the", "left", "hand", "of", "darkness"]
    assert title_terms("") == []


def test_names_lose_countries_and_marks() -> None:
    assert people("[英] 乔治·奥威尔 / （法）加缪、鲁迅 等") == ("乔治·奥威尔", "加缪", "鲁迅")


def test_rows_are_unit_and_rare_terms_weigh_more() -> None:
    known = measure_traits(BOOKS)
    rows = trait_rows(BOOKS, known)
    assert np.allclose(np.sqrt(rows.words.multiply(rows.words).sum(axis=1)), 1.0, atol=1e-5)
    first = rows.words[0].toarray()[0]
    assert first[column_of("publisher:重庆出版社")] > first[column_of("author:刘慈欣")] > 0
    assert rows.authors[[0, 1]].sum() == 2.0
    assert len(rows.take(slice(0, 2))) == 2


def test_without_statistics_every_term_weighs_the_same() -> None:
    row = trait_rows(BOOKS[:1], TraitStatistics()).words
    assert np.ptp(row.data) == pytest.approx(0.0, abs=1e-6)


def test_standing_has_one_bin_a_scale_and_one_for_unknown() -> None:
    rows = standing_rows(BOOKS)
    assert rows.shape == (3, STANDING)
    assert (rows.sum(axis=1) == 3.0).all()
    assert rows[2, BEGINS[0]] == 1.0  # nobody rated it
    assert rows[2, BEGINS[1]] == 1.0  # nobody counted its readers
    assert rows[0, BEGINS[0]] == 0.0


def test_statistics_come_back_as_they_were() -> None:
    known = measure_traits(BOOKS)
    again = TraitStatistics.from_json(known.to_json())
    assert again.count == 3
    assert (again.seen == known.seen).all()
    assert np.allclose(again.standing, known.standing, atol=1e-6)


def test_an_item_without_anything_has_empty_rows() -> None:
    rows = trait_rows([Traits()], measure_traits(BOOKS))
    assert rows.words.nnz == rows.tags.nnz == rows.authors.nnz == rows.publishers.nnz == 0
    assert not np.isnan(rows.words.toarray()).any()

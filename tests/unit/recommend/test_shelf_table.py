"""Columns of the shelf: the numbers that laying items out one by one gives, for every thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from contentcenter.store.cards import ItemCard
from recommend.matching.features import NUMBERS, LaidOut, audience_features, features_of
from recommend.matching.scores import score_matrix
from recommend.persona_math import Blending, Centres, Declared, Learned, Persona, blend
from recommend.shelf import ShelfItem, shelf_item
from recommend.shelf_table import ShelfColumns, ShelfTable
from tests.unit.recommend.matching.test_scores import CATEGORIES, CORPUS, VECTORS

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


def item(number: int) -> ShelfItem:
    card = ItemCard(
        id=1_000 + number, state="published", kind="pgc", form="article", title=f"第{number}篇",
        summary="", text="", author="" if number % 3 == 0 else f"作者{number % 5}",
        category=CATEGORIES[number % 5], cover="", source="编辑部" if number % 2 else "读者",
        source_trusted=True, quality=0.5, version=1, content_hash="", duplicate_of=None,
        created_at=NOW, updated_at=NOW, published_at=NOW if number % 4 else None,
    )  # fmt: skip
    made = shelf_item(card, None if number % 7 == 0 else VECTORS[number])
    price = None if number % 6 == 0 else 1_000 + number
    # From none to four of them.
    tags = tuple(f"t{number % 9 + more}" for more in range(number % 5))
    return replace(made, match=replace(made.match, price_fen=price, tags=tags))


NOWHERE = np.zeros((0, CORPUS.dimension), dtype=np.float32)
ITEMS = [item(number) for number in range(120)]


def persona(tags: dict[str, float]) -> Persona:
    return replace(
        blend(Blending(Declared(NOWHERE), Learned(Centres.empty(NOWHERE.shape[1]))), 0.0), tags=tags
    )


def same(found: ShelfColumns, items: list[ShelfItem]) -> None:
    plain = LaidOut.of([one.match for one in items], CORPUS)
    assert np.array_equal(found.told.ids, plain.ids)
    # Rows are centred a block at a time; the sum of squares may end otherwise.
    assert np.allclose(found.told.vectors, plain.vectors, atol=1e-6)
    for name in NUMBERS:
        assert np.array_equal(found.told.numbers[name], plain.numbers[name], equal_nan=True), name
    assert found.told.tags == plain.tags
    assert found.told.tag_codes is not None
    name_of = {code: tag for tag, code in found.told.tag_codes.known.items()}
    told = [tuple(name_of[code] for code in row if code >= 0) for row in found.told.tag_codes.rows]
    assert tuple(told) == plain.tags
    for codes, texts in (
        (found.authors, [one.author for one in items]),
        (found.categories, [one.match.category for one in items]),
        (found.sources, [one.source for one in items]),
    ):
        assert (codes < 0).tolist() == [not text for text in texts]
        assert len(set(zip(codes.tolist(), texts, strict=True))) == len(set(texts))


def test_columns_are_those_of_items_laid_out_one_by_one() -> None:
    table = ShelfTable()
    for rows in (range(40), range(20, 120), range(119, -1, -3)):
        chosen = [ITEMS[row] for row in rows]
        same(table.columns(chosen, CORPUS), chosen)


def test_tags_as_numbers_score_like_tags_as_words() -> None:
    table = ShelfTable()
    table.columns(ITEMS[::2], CORPUS)
    tastes = [{"t1": 0.5, "t4": -1.0, "t12": 0.25}, {"t8": 1.0, "unheard": 2.0}, {}]
    who = audience_features([1, 2, 3], [persona(one) for one in tastes], CORPUS)
    numbers = features_of(table.columns(ITEMS, CORPUS).told, NOW)
    assert numbers.tag_codes is not None
    words = replace(numbers, tag_codes=None)
    told, plain = score_matrix(numbers, who), score_matrix(words, who)
    assert np.abs(plain.parts["tags"]).max(axis=0).tolist()[2] == 0.0
    assert np.abs(plain.parts["tags"]).max() > 0.1
    assert np.array_equal(told.parts["tags"], plain.parts["tags"])


def test_an_item_that_was_read_anew_is_laid_out_anew() -> None:
    table = ShelfTable()
    table.columns(ITEMS, CORPUS)
    moved = replace(
        ITEMS[8], author="另一位", match=replace(ITEMS[8].match, price_fen=9, shown=4.0)
    )
    same(table.columns([*ITEMS[:8], moved, *ITEMS[9:]], CORPUS), [*ITEMS[:8], moved, *ITEMS[9:]])


def test_another_middle_of_the_corpus_moves_every_vector() -> None:
    table = ShelfTable()
    before = table.columns(ITEMS, CORPUS).told.vectors
    again = table.columns(ITEMS, replace(CORPUS, mean=CORPUS.mean.copy())).told.vectors
    assert np.array_equal(before, again)
    moved = replace(CORPUS, mean=CORPUS.mean * np.float32(0.5))
    vectors = table.columns(ITEMS, moved).told.vectors
    assert not np.allclose(before, vectors)
    assert np.allclose(vectors, LaidOut.of([one.match for one in ITEMS], moved).vectors, atol=1e-6)


def test_a_full_table_starts_again_and_still_tells_the_same() -> None:
    table = ShelfTable(size=50)
    for start in (0, 40, 80, 0, 60):
        chosen = ITEMS[start : start + 40]
        same(table.columns(chosen, CORPUS), chosen)


def test_threads_that_lay_out_the_same_items_read_whole_rows() -> None:
    table = ShelfTable(size=90)
    luck = np.random.default_rng(3)
    chosen = [[ITEMS[row] for row in luck.permutation(120)[:60]] for _ in range(64)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda items: table.columns(items, CORPUS), chosen))
    for columns, items in zip(found, chosen, strict=True):
        same(columns, items)


@pytest.mark.parametrize("items", [[], ITEMS[:1]])
def test_few_items_or_none(items: list[ShelfItem]) -> None:
    same(ShelfTable().columns(items, CORPUS), items)

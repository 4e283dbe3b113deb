"""The echo of remembered items: nearest ones, words, makers, standing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommend.matching.echo import ECHO_PARTS, Remembered, echo_parts, joined, members, strength_of
from recommend.matching.features import MatchItem, audience_features, item_features
from recommend.matching.pairs import PairEcho
from recommend.matching.scores import eligible, refined, score_matrix
from recommend.matching.settings import MatchSettings
from recommend.matching.sweep import refine, sweep
from recommend.matching.traits import Traits, measure_traits, trait_rows
from tests.unit.recommend.matching.test_scores import CORPUS, NOW, VECTORS, item, persona

SCIFI = Traits("星际舰队", ("科幻",), ("甲",), "一社", 2015, 0.9, 1_000)
FOOD = Traits("四川火锅", ("美食",), ("乙",), "二社", 1995, 0.6, 10)
BOOKS = [
    replace(SCIFI, title="黑暗森林"),
    replace(SCIFI, title="火星基地"),
    replace(FOOD, title="江南点心"),
    replace(FOOD, title="家常小炒"),
]
PLACES = [0, 1, 160, 161]
KNOWN = measure_traits([*BOOKS, SCIFI, FOOD, *[Traits(f"书{n}", year=2000) for n in range(50)]])


def memory_of(*memories: dict[int, float]) -> Remembered:
    rows, strength = joined(memories, [10, 11, 12, 13])
    vectors = CORPUS.centre(VECTORS[PLACES])
    return Remembered(vectors, trait_rows(BOOKS, KNOWN), rows, strength, KNOWN)


def test_every_part_prefers_what_is_like_the_remembered() -> None:
    memory = memory_of({10: 2.0, 11: 2.0}, {12: 2.0, 13: 2.0})
    rows = trait_rows([SCIFI, FOOD], KNOWN)
    parts = echo_parts(CORPUS.centre(VECTORS[[2, 162]]), rows, memory)
    assert set(parts) == set(ECHO_PARTS)
    for name in ("members", "words", "authors", "publisher", "standing"):
        own = parts[name]
        assert own[0, 0] > own[0, 1], name
        assert own[1, 1] > own[1, 0], name
    assert (parts["appetite"][:, 0] == parts["appetite"][0, 0]).all()


def test_an_empty_memory_echoes_nothing() -> None:
    rows = trait_rows([SCIFI], KNOWN)
    parts = echo_parts(CORPUS.centre(VECTORS[[2]]), rows, memory_of({}))
    assert {name: float(value[0, 0]) for name, value in parts.items()} == pytest.approx(
        dict.fromkeys(ECHO_PARTS, 0.0), abs=1e-6
    )


def test_members_is_the_mean_of_the_nearest_three_by_hand() -> None:
    memory = memory_of({10: 1.0, 11: 3.0, 12: 1.0, 13: 1.0})
    rows, vectors = trait_rows([SCIFI], KNOWN), CORPUS.centre(VECTORS[[2]])
    close = vectors @ memory.vectors.T + (rows.words @ memory.traits.words.T).toarray()
    close += (rows.tags @ memory.traits.tags.T).toarray()
    weighed = close[0] * np.array([0.5, 0.75, 0.5, 0.5])
    by_hand = sorted(weighed.tolist())[-3:]
    assert members(vectors, rows, memory)[0, 0] == pytest.approx(sum(by_hand) / 3, abs=1e-5)


def test_strength_grows_and_never_passes_one() -> None:
    assert strength_of(-3.0) == 0.0
    assert strength_of(1.0) == 0.5
    assert 0.8 < strength_of(5.0) < strength_of(500.0) < 1.0


def test_echo_parts_sum_into_the_score() -> None:
    items, who = small_world()
    scores = score_matrix(items, who)
    assert np.allclose(np.sum(list(scores.parts.values()), axis=0), scores.total, atol=1e-5)
    assert np.abs(scores.parts["members"]).max() > 0
    without = score_matrix(items, replace(who, memory=None))
    assert not np.abs(without.parts["members"]).any()


def test_refining_gives_the_exact_score_to_the_best_and_drops_the_rest() -> None:
    items, who = small_world()
    rules = MatchSettings(refined=15)
    plain = score_matrix(items, replace(who, memory=None), rules)
    scores, final = refined(plain, eligible(items, who), pairs_of(items, who), rules)
    exact = score_matrix(items, who, rules)
    assert final.sum(axis=0).tolist() == [15, 15]
    assert np.allclose(scores.total[final], exact.total[final], atol=1e-4)
    best = set(np.argsort(-plain.total[:, 0], kind="stable")[:15].tolist())
    assert set(np.flatnonzero(final[:, 0]).tolist()) == best


def test_a_refined_sweep_finds_what_the_full_matrix_finds() -> None:
    items, who = small_world()
    rules = MatchSettings(tag_columns=512)
    assert items.traits is not None
    rows = items.traits
    exact = score_matrix(items, who, rules)
    swept = sweep([items], who, len(items), rules)
    place = {one: row for row, one in enumerate(items.ids.tolist())}

    def columns(ids):
        at = np.array([place[one] for one in ids.tolist()])
        return items.vectors[at], rows.take(at)

    best = refine(swept, who, columns, 8, rules)
    full = np.where(eligible(items, who), exact.total, -np.inf)
    for column in range(2):
        order = np.argsort(-full[:, column], kind="stable")[:8]
        assert best.ids[column].tolist() == items.ids[order].tolist()
        assert np.allclose(best.scores[column], full[order, column], atol=1e-4)


def test_memories_are_laid_over_the_items_that_are_there() -> None:
    rows, strength = joined([{11: 1.0, 99: 5.0}, {}], [10, 11])
    assert [one.tolist() for one in rows] == [[1], []]
    assert [one.tolist() for one in strength] == [[0.5], []]


def pairs_of(items, who) -> PairEcho:
    return PairEcho(items.vectors, items.traits, who.memory, items.ids)


def small_world():
    pieces: list[MatchItem] = [item(number) for number in range(40)]
    traits = trait_rows([SCIFI if number % 2 else FOOD for number in range(40)], KNOWN)
    items = item_features(pieces, CORPUS, NOW, traits=traits)
    memory = memory_of({10: 2.0, 11: 2.0}, {12: 2.0, 13: 2.0})
    return items, audience_features([1, 2], [persona(0), persona(1)], CORPUS, memory=memory)


def test_tiles_dealt_to_several_threads_keep_what_one_tile_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces: list[MatchItem] = [item(number) for number in range(90)]
    items = item_features(pieces, CORPUS, NOW)
    people = [persona(number % 3) for number in range(7)]
    who = audience_features(list(range(7)), people, CORPUS)
    whole = sweep([items], who, 5)
    monkeypatch.setattr("recommend.matching.sweep.AUDIENCE_TILE", 2)
    monkeypatch.setattr("recommend.matching.sweep.ITEM_TILE", 16)
    tiled = sweep([items], who, 5)
    assert (tiled.ids == whole.ids).all()
    assert np.allclose(tiled.scores, whole.scores, atol=1e-5)

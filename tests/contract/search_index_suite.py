"""What every search engine must do. Subclass `SearchIndexContract` with an `index_factory`
fixture: a picklable callable that opens the same index again, in this process or another."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest

from contentcenter.domain.errors import EngineUnavailable, InvalidInput, ModelMismatch
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.ports import Clause, Filters, LexicalQuery, SearchIndex, TextField
from tests.contract.search_index_building import (
    DIMENSION,
    EVERYTHING,
    NOW,
    IndexFactory,
    document,
    found,
    ids,
    near,
    vector,
    words,
)
from tests.contract.search_index_life import LifeContract
from tests.contract.search_index_sorting import SortingContract


class SearchIndexContract(SortingContract, LifeContract):
    """The whole suite; sorting and life are in their own files."""

    @pytest.fixture
    def index_factory(self) -> IndexFactory:
        raise NotImplementedError

    @pytest.fixture
    def away_index(self) -> SearchIndex:
        """An index whose engine has stopped answering."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, index_factory):
        return index_factory()

    # --- create, read, change, delete

    def test_a_new_index_is_empty(self, index):
        assert found(index, "共同") == []
        assert index.nearest(vector(1)[None], EVERYTHING, 5) == [[]]
        assert index.select(EVERYTHING, 5) == []
        assert index.vectors([1]) == {}
        assert index.facets(None, EVERYTHING, ["tag"]) == {"tag": []}
        stats = index.stats()
        assert (stats.documents, stats.vectors, stats.model) == (0, 0, None)

    def test_what_was_put_is_found(self, index):
        index.put([document(1, title="三体 刘慈欣"), document(2, title="活着")])
        assert found(index, "三体") == [1]
        hits = index.nearest(vector(2)[None], EVERYTHING, 2)[0]
        assert ids(hits)[0] == 2
        assert hits[0].score == pytest.approx(1.0, abs=2e-3)
        assert index.stats().documents == 2

    def test_an_update_makes_the_old_word_and_vector_vanish(self, index):
        index.put([document(1, title="旧词"), document(2, title="旁边")])
        index.put([document(1, revision=2, title="新词", vector=vector(99))])
        assert found(index, "旧词") == []
        assert found(index, "新词") == [1]
        assert near(index, vector(99), limit=1) == [1]
        assert index.nearest(vector(1)[None], Filters(ids=(1,)), 1)[0][0].score < 0.9
        assert index.stats().documents == 2

    def test_removing_vanishes_from_words_vectors_and_columns(self, index):
        index.put([document(n) for n in range(1, 6)])
        index.remove([2, 3, 777])
        assert found(index, "共同") == [1, 4, 5]
        assert sorted(near(index, vector(2))) == [1, 4, 5]
        assert sorted(index.select(EVERYTHING, 10)) == [1, 4, 5]
        assert set(index.vectors([1, 2, 3])) == {1}
        assert index.stats().documents == 3

    def test_an_older_revision_is_ignored(self, index):
        index.put([document(1, revision=5, title="新词")])
        index.put([document(1, revision=4, title="旧词"), document(2)])
        assert found(index, "旧词") == []
        assert found(index, "新词") == [1]
        assert found(index, "共同") == [2]

    def test_the_same_revision_again_replaces(self, index):
        index.put([document(1, state="ready")])
        index.put([document(1, state="published")])
        assert index.select(Filters(states=("published",)), 5) == [1]
        assert index.stats().documents == 1

    def test_the_newest_of_one_batch_wins(self, index):
        index.put([document(1, 2, title="新词"), document(1, 1, title="旧词")])
        assert found(index, "新词") == [1]
        assert found(index, "旧词") == []
        assert index.stats().documents == 1

    def test_a_document_without_a_vector_is_found_by_words_only(self, index):
        index.put([document(1, vector=None), document(2)])
        assert found(index, "共同") == [1, 2]
        assert near(index, vector(1)) == [2]
        assert set(index.vectors([1, 2])) == {2}
        index.put([document(1, revision=2)])
        assert near(index, vector(1), limit=1) == [1]
        assert index.stats().vectors == 2

    def test_words_without_any_vector_at_all(self, index):
        index.put([document(n, vector=None) for n in range(1, 4)])
        assert found(index, "共同") == [1, 2, 3]
        assert index.nearest(vector(1)[None], EVERYTHING, 3) == [[]]

    def test_stored_vectors_come_back(self, index):
        index.put([document(n) for n in range(1, 4)])
        stored = index.vectors([3, 1, 42])
        assert set(stored) == {1, 3}
        assert np.allclose(stored[3], vector(3), atol=2e-3)
        assert stored[3].dtype == np.float32

    def test_empty_calls_are_fine(self, index):
        index.put([])
        index.remove([])
        index.put([document(1)])
        assert index.lexical(LexicalQuery(), EVERYTHING, 5) == []
        assert index.lexical(words("共同"), EVERYTHING, 0) == []
        assert index.nearest(np.empty((0, DIMENSION), np.float32), EVERYTHING, 5) == []

    # --- words

    def test_better_matches_come_first_and_ties_go_by_id(self, index):
        batch = [document(n, title="共同") for n in random.Random(4).sample(range(10, 40), 30)]
        index.put(batch)
        index.put([document(5, title="三体 共同 三体")])
        assert found(index, "三体", "共同", limit=4) == [5, 10, 11, 12]

    def test_a_boosted_clause_decides(self, index):
        index.put([
            document(1, text={TextField.TITLE: "甲", TextField.BODY: "乙"}),
            document(2, text={TextField.TITLE: "乙", TextField.BODY: "甲"}),
        ])  # fmt: skip
        for boosted, first in ((TextField.TITLE, 1), (TextField.BODY, 2)):
            query = LexicalQuery(
                should=tuple(
                    Clause(field, ("甲",), 5.0 if field is boosted else 1.0)
                    for field in (TextField.TITLE, TextField.BODY)
                )
            )
            assert ids(index.lexical(query, EVERYTHING, 1)) == [first]

    def test_fields_are_separate(self, index):
        index.put([
            document(1, text={TextField.TITLE: "san"}),
            document(2, text={TextField.PINYIN: "san"}),
        ])  # fmt: skip
        assert ids(index.lexical(words("san", field=TextField.PINYIN), EVERYTHING, 5)) == [2]

    def test_tokens_split_on_white_space_only(self, index):
        index.put([document(1, title="c++ 爱 §2"), document(2, title="c")])
        for token in ("c++", "爱", "§2"):
            assert found(index, token) == [1]

    def test_required_phrases_and_refused(self, index):
        index.put([
            document(1, title="科幻 小说 精选"),
            document(2, title="小说 科幻"),
            document(3, title="科幻 电影"),
            document(4, title="科幻 小说 教辅"),
        ])  # fmt: skip

        def answer(**parts):
            query = LexicalQuery(
                **{name: (Clause(TextField.TITLE, t),) for name, t in parts.items()}
            )
            return sorted(ids(index.lexical(query, EVERYTHING, 10)))

        assert answer(should=("科幻",), must=("科幻", "小说")) == [1, 2, 4]
        assert answer(must=("小说", "科幻")) == [1, 2, 4]
        assert answer(phrases=("科幻", "小说")) == [1, 4]
        assert answer(phrases=("电影",)) == [3]
        assert answer(should=("科幻",), must_not=("教辅", "电影")) == [1, 2]
        assert answer(should=("科幻",), not_phrases=("科幻", "小说")) == [2, 3]
        assert answer(must_not=("教辅",)) == []

    def test_also_orders_what_was_found_and_finds_nothing_itself(self, index):
        index.put(
            [document(1, title="科幻"), document(2, title="科幻 小说"), document(3, title="小说")]
        )
        words = {name: (Clause(TextField.TITLE, (name,)),) for name in ("科幻", "小说")}
        both = LexicalQuery(should=words["科幻"], also=words["小说"])
        assert ids(index.lexical(both, EVERYTHING, 10)) == [2, 1]
        assert ids(index.lexical(both, Filters(ids=(1, 3)), 10)) == [1]
        assert index.lexical(LexicalQuery(also=words["小说"]), EVERYTHING, 10) == []

    def test_phrases_of_one_group_are_alternatives(self, index):
        index.put([
            document(1, text={TextField.TITLE: "时间 简史"}),
            document(2, text={TextField.BODY: "时间 简史"}),
            document(3, text={TextField.BODY: "简史 时间"}),
        ])  # fmt: skip
        clauses = tuple(
            Clause(field, ("时间", "简史"), group=0) for field in (TextField.TITLE, TextField.BODY)
        )
        hits = index.lexical(LexicalQuery(phrases=clauses), EVERYTHING, 5)
        assert sorted(ids(hits)) == [1, 2]

    def test_codes_and_a_single_rare_character(self, index):
        index.put([document(n, text={TextField.TITLE: f"书 第{n}"}) for n in range(200)])
        index.put([
            document(500, text={TextField.TITLE: "书 囍", TextField.CODES: "9787536692930"}),
            document(501, text={TextField.TITLE: "9787536692930"}),
        ])  # fmt: skip
        assert found(index, "囍", limit=5) == [500]
        code = words("9787536692930", field=TextField.CODES)
        assert ids(index.lexical(code, EVERYTHING, 5)) == [500]
        assert found(index, "978753669", limit=5) == [], "a part of a code is not the code"

    def test_a_very_long_question_is_answered(self, index):
        index.put([document(1), document(2, title="第700")])
        tokens = tuple(f"第{n}" for n in range(800))
        clauses = tuple(Clause(field, tokens) for field in (TextField.TITLE, TextField.INNER))
        assert ids(index.lexical(LexicalQuery(should=clauses), EVERYTHING, 5)) == [2]

    # --- filters, the same on every side

    FILTER_CASES: tuple[tuple[Filters, set[int]], ...] = (
        (Filters(kinds=("ugc",)), {2}),
        (Filters(kinds=("ugc", "supplier")), {2, 3}),
        (Filters(states=("ready",)), {3}),
        (Filters(categories=("scifi",)), {1, 2}),
        (Filters(sources=("feed",)), {4}),
        (Filters(tags=("科幻",)), {1, 2}),
        (Filters(tags=("科幻", "历史")), {1, 2, 3}),
        (Filters(tags_all=("科幻", "获奖")), {1}),
        (Filters(tags=("没有",)), set()),
        (Filters(publishers=("人民文学",)), {1, 3}),
        (Filters(works=(70,)), {1, 4}),
        (Filters(works=(70, 71)), {1, 2, 4}),
        (Filters(price_min_fen=3000), {2, 3}),
        (Filters(price_max_fen=3000), {1, 2}),
        (Filters(price_min_fen=2000, price_max_fen=3000), {1, 2}),
        (Filters(published_after=NOW), {3}),
        (Filters(rights_at=NOW), {1, 3, 4}),
        (Filters(year_min=2008), {1, 3}),
        (Filters(year_max=2008), {2, 3}),
        (Filters(year_min=2000, year_max=2010), {3}),
        (Filters(year_min=2009, year_max=2019), set()),
        (Filters(year_min=2021, price_max_fen=9900), {3}),
        (Filters(in_stock=True), {1, 2, 3}),
        (Filters(in_stock=False), {4}),
        (Filters(channel_kind="in_app"), {1, 3}),
        (Filters(channel_kind="group_robot"), {1, 2, 3}),
        (Filters(ids=(2, 4, 99)), {2, 4}),
        (Filters(ids=()), set()),
        (Filters(exclude_ids=(1, 99)), {2, 3, 4}),
        (Filters(kinds=("pgc",), exclude_ids=(1,), rights_at=NOW), {4}),
        (Filters(), {1, 2, 3, 4}),
    )

    @pytest.fixture
    def shelf(self, index):
        day = timedelta(days=1)
        index.put([document(n, title="弃用") for n in range(1, 5)])
        index.put([
            document(1, 2, kind="pgc", category="scifi", tags=("科幻", "获奖"), price_fen=2000,
                     publishers=("人民文学", "作家"), works=(70,), years=(2020,),
                     published_at=NOW - day),
            document(2, 2, kind="ugc", category="scifi", tags=("科幻",), price_fen=3000,
                     works=(71,), published_at=NOW, rights_until=NOW - day, years=(1999,),
                     channel_kinds=("group_robot", "wecom_groups")),
            document(3, 2, kind="supplier", state="ready", tags=("历史",), price_fen=9900,
                     publishers=("人民文学",), works=(72, 73), published_at=NOW + day,
                     channel_kinds=("in_app", "group_robot"), rights_until=NOW + day,
                     years=(2008, 2021)),
            document(4, 2, source="feed", in_stock=False, works=(70,),
                     channel_kinds=("official_account",)),
        ])  # fmt: skip
        return index

    def test_filters_mean_the_same_everywhere(self, shelf):
        for filters, expected in self.FILTER_CASES:
            assert set(found(shelf, "共同", filters=filters)) == expected, filters
            assert set(near(shelf, vector(1), filters)) == expected, filters
            assert set(shelf.select(filters, 10)) == expected, filters
            kinds = shelf.facets(None, filters, ["kind"])["kind"]
            assert sum(count for _, count in kinds) == len(expected), filters

    def test_a_document_with_many_tags_matches_each(self, index):
        many = tuple(f"标签{n}" for n in range(300))
        index.put([document(1, tags=many), document(2, tags=many[:2])])
        assert index.select(Filters(tags=("标签299",)), 5) == [1]
        assert sorted(index.select(Filters(tags=("标签1",)), 5)) == [1, 2]
        assert index.select(Filters(tags_all=many), 5) == [1]

    def test_facets_count_labels(self, shelf):
        counted = shelf.facets(None, EVERYTHING, ["kind", "tag", "publisher", "category", "source"])
        assert counted["kind"] == [("pgc", 2), ("supplier", 1), ("ugc", 1)]
        assert counted["tag"][0] == ("科幻", 2)
        assert dict(counted["tag"]) == {"科幻": 2, "历史": 1, "获奖": 1}
        assert dict(counted["publisher"]) == {"人民文学": 2, "作家": 1}
        assert counted["category"] == [("other", 2), ("scifi", 2)]
        assert counted["source"] == [("feed", 1)]
        assert len(shelf.facets(None, EVERYTHING, ["tag"], size=1)["tag"]) == 1
        some = shelf.facets([1, 3, 99], Filters(tags=("科幻",)), ["tag"])
        assert dict(some["tag"]) == {"科幻": 1, "获奖": 1}

    # --- vectors

    def test_nearest_agrees_with_brute_force(self, index):
        size, dimension, limit = 8_000, 64, 10
        rng = np.random.default_rng(7)
        data = rng.standard_normal((size, dimension)).astype(np.float32)
        data /= np.linalg.norm(data, axis=1, keepdims=True)
        model = ModelIdentity("m", "1", "float32", dimension)
        with index.rebuild(model) as fresh:
            for start in range(0, size, 2000):
                fresh.put([
                    document(n, vector=data[n], kind="ugc" if n % 50 == 0 else "pgc",
                             category="rare" if n % 499 == 0 else "other",
                             tags=("半",) if n % 2 else ())
                    for n in range(start, start + 2000)
                ])  # fmt: skip
            fresh.commit()
        queries = rng.standard_normal((12, dimension)).astype(np.float32)
        numbers = np.arange(size)
        for filters, allowed in (
            (EVERYTHING, numbers >= 0),
            (Filters(tags=("半",)), numbers % 2 == 1),
            (Filters(kinds=("ugc",)), numbers % 50 == 0),
            (Filters(categories=("rare",)), numbers % 499 == 0),
        ):
            scores = queries @ data.T
            scores[:, ~allowed] = -np.inf
            exact = np.argsort(-scores, axis=1)[:, :limit]
            one_by_one = [index.nearest(query[None], filters, limit)[0] for query in queries]
            together = index.nearest(queries, filters, limit)
            for answers in (one_by_one, together):
                assert all(len(hits) == limit for hits in answers)
                shared = [len(set(ids(h)) & set(e)) for h, e in zip(answers, exact, strict=True)]
                assert sum(shared) >= 0.98 * limit * len(queries)
                for hits in answers:
                    assert all(allowed[hit.id] for hit in hits)
                    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)

    def test_fewer_matches_than_asked_for_all_come(self, index):
        index.put([document(n, kind="ugc" if n < 3 else "pgc") for n in range(30)])
        assert sorted(near(index, vector(5), Filters(kinds=("ugc",)), 10)) == [0, 1, 2]

    def test_vectors_of_any_length_are_compared_by_angle(self, index):
        index.put([document(1, vector=vector(1) * 40), document(2, vector=vector(2) * 0.01)])
        assert near(index, vector(2) * 7, limit=1) == [2]
        assert index.nearest(vector(1)[None] * 3, EVERYTHING, 1)[0][0].score == pytest.approx(
            1.0, abs=2e-3
        )

    def test_another_dimension_is_a_model_mismatch(self, index):
        index.put([document(1)])
        with pytest.raises(ModelMismatch):
            index.put([document(2), document(3, vector=vector(3, 8))])
        with pytest.raises(ModelMismatch):
            index.nearest(vector(3, 8)[None], EVERYTHING, 1)
        assert found(index, "共同") == [1], "nothing of a refused batch may stay"

    def test_what_is_no_number_is_refused(self, index):
        broken = vector(4)
        broken[3] = np.nan
        for wrong in (document(3, quality=float("nan")), document(4, vector=broken)):
            with pytest.raises(InvalidInput):
                index.put([document(2), wrong])
        assert found(index, "共同") == []

    # --- the engine is away

    def test_an_engine_that_is_away_is_a_typed_error(self, away_index):
        questions = {
            "lexical": lambda: away_index.lexical(words("共同"), EVERYTHING, 5),
            "nearest": lambda: away_index.nearest(vector(1)[None], EVERYTHING, 5),
            "vectors": lambda: away_index.vectors([1]),
            "select": lambda: away_index.select(EVERYTHING, 5),
            "page": lambda: away_index.page(EVERYTHING, 5),
            "facets": lambda: away_index.facets(None, EVERYTHING, ["kind"]),
            "put": lambda: away_index.put([document(1)]),
            "remove": lambda: away_index.remove([1]),
            "stats": away_index.stats,
        }
        for name, ask in questions.items():
            with pytest.raises(EngineUnavailable):
                raise AssertionError(f"{name} answered {ask()}")

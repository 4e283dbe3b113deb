"""What every embedder must do. Subclass `EmbedderContract` with an `embedder` fixture that
gives a model which understands Chinese."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.ports import Embedder

MIXED = [
    "春天到了",
    "小店每周六下午办一次读书会，主人先讲半小时，再由大家接着谈，茶水自取。" * 6,
    "一本讲宋代市井生活的书",
    "Python 入门：第 3 版",
    "他在旧书摊前站了很久，" * 20,
    "書",
    "“不必急，”她说，“慢慢读。”",
    "价格 ¥39.80，八折 ～ 九折",
    "孩子五岁了，睡前总要听完一个故事才肯闭眼。",
]

# A question and its paraphrase share no content word; neither do the distractors.
QUESTION = "小孩晚上睡不着怎么办"
PARAPHRASE = "如何帮助幼儿安然入眠"
DISTRACTORS = [
    "汽车轮胎多久更换一次",
    "明朝的海禁政策及其影响",
    "如何挑选一口好用的铁锅",
    "股票市场的基本交易规则",
    "北极熊以什么为食",
    "装修时水电改造的注意事项",
    "量子力学的发展历程",
    "川菜馆的招牌麻婆豆腐",
    "考取驾驶执照的流程",
    "长江流域的主要港口",
]


class EmbedderContract:
    @pytest.fixture
    def embedder(self) -> Embedder:
        raise NotImplementedError("give an embedder")

    @pytest.mark.parametrize("method", ["encode_passages", "encode_queries"])
    def test_rows_are_float32_of_unit_length(self, embedder, method):
        vectors = getattr(embedder, method)(MIXED)
        assert vectors.shape == (len(MIXED), embedder.identity().dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    @pytest.mark.parametrize("method", ["encode_passages", "encode_queries"])
    def test_no_texts_are_no_rows(self, embedder, method):
        vectors = getattr(embedder, method)([])
        assert vectors.shape == (0, embedder.identity().dimension)
        assert vectors.dtype == np.float32

    def test_the_order_of_the_texts_is_kept(self, embedder):
        together = embedder.encode_passages(MIXED)
        alone = np.concatenate([embedder.encode_passages([text]) for text in MIXED])
        assert ((together * alone).sum(axis=1) > 0.999).all()
        reversed_order = embedder.encode_passages(MIXED[::-1])
        assert ((together[::-1] * reversed_order).sum(axis=1) > 0.999).all()

    @pytest.mark.parametrize("blank", ["", " ", "\n\t\u3000", "\u200b"])
    def test_blank_texts_are_refused(self, embedder, blank):
        with pytest.raises(InvalidInput) as caught:
            embedder.encode_passages(["山河", blank])
        assert caught.value.details["positions"] == [1]
        with pytest.raises(InvalidInput):
            embedder.encode_queries([blank])

    def test_queries_and_passages_are_told_apart(self, embedder):
        query = embedder.encode_queries(["宋代的市井生活"])
        passage = embedder.encode_passages(["宋代的市井生活"])
        assert 0.5 < float((query * passage).sum()) < 0.9999

    def test_a_question_finds_its_paraphrase_without_a_shared_word(self, embedder):
        query = embedder.encode_queries([QUESTION])[0]
        passages = embedder.encode_passages([*DISTRACTORS, PARAPHRASE])
        assert int(np.argmax(passages @ query)) == len(DISTRACTORS)

    def test_the_same_call_gives_the_same_vectors(self, embedder):
        first = embedder.encode_passages(MIXED)
        np.testing.assert_array_equal(first, embedder.encode_passages(MIXED))

    def test_white_space_around_a_text_means_nothing(self, embedder):
        bare, spaced = (
            embedder.encode_passages(["读书会在周六"]),
            embedder.encode_passages(["\u3000 读书会在周六 \n\n"]),
        )
        np.testing.assert_array_equal(bare, spaced)

    def test_a_text_beyond_the_models_limit_is_cut_not_refused(self, embedder):
        text = "他走进书店，挑了一本旧书。" * 400
        vectors = embedder.encode_passages([text, text + "另一个结尾，模型读不到这里。"])
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-3)

    def test_odd_characters_are_survived(self, embedder):
        odd = ["山\x00河", "半个\ud83d字", "笑\U0001f600", "a" * 3000, "～～～", "</s><pad>"]
        assert np.isfinite(embedder.encode_passages(odd)).all()

    def test_threads_get_their_own_answers(self, embedder):
        expected = embedder.encode_passages(MIXED)

        def ask(position: int):
            encode = embedder.encode_passages if position % 3 else embedder.encode_queries
            return encode([MIXED[position % len(MIXED)]])[0]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(ask, range(36)))
        for position, vector in enumerate(found):
            if position % 3:
                assert float(vector @ expected[position % len(MIXED)]) > 0.999

    def test_the_identity_is_stable_and_complete(self, embedder):
        identity = embedder.identity()
        assert identity == embedder.identity()
        assert identity.name
        assert identity.revision
        assert identity.precision in ("float32", "bfloat16")
        assert identity.dimension > 0

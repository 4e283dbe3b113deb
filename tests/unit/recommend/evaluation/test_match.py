"""`evaluate match`: files are read or refused by line, planted tastes are found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from contentcenter.domain.errors import InvalidInput
from recommend.corpus import measure, unit_rows
from recommend.evaluation.match import LEARNED, MatchEvaluation, best_ranks
from recommend.evaluation.match_files import MatchSet, read_match_set
from recommend.matching.training import Choices, fit_weights

TOPICS = ("科幻", "美食", "历史", "园艺")
EACH = 30


def write(folder: Path) -> tuple[list[Path], Path, Path]:
    """Four topics; two lists a topic, a large and a small one; every fifth book is a test."""
    books = [
        {
            "id": f"{topic}{n}",
            "title": f"{topic}之{chr(0x4E00 + 37 * n)}{chr(0x4E00 + 91 * n)}",
            "author": f"[中] {topic}作者{n % 4}",
            "publisher": f"{topic}出版社",
            "pub_date": f"{1990 + at * 8 + n % 3}-1",
            "tags": [topic, f"杂{n % 7}"],
            "rating": 6.0 + at,
            "votes": 10 ** (at + 1),
            "price_cny": 20.0 + n,
        }
        for at, topic in enumerate(TOPICS)
        for n in range(EACH)
    ]
    lists = [
        {"list_id": f"{topic}{size}", "name": topic,
         "books": [f"{topic}{n}" for n in range(0, EACH, step)]}
        for topic in TOPICS
        for size, step in (("全", 1), ("选", 3))
    ]  # fmt: skip
    test = [f"{topic}{n},{topic}全" for topic in TOPICS for n in range(0, EACH, 5)]
    items, audiences, asked = folder / "b.jsonl", folder / "l.jsonl", folder / "t.csv"
    items.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in books))
    audiences.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in lists))
    asked.write_text("\n".join(["book_id,list_id", *test]))
    return [items], audiences, asked


@pytest.fixture
def split(tmp_path: Path) -> MatchSet:
    return read_match_set(*write(tmp_path))


def evaluation(split: MatchSet, remembered: int = 1_000) -> MatchEvaluation:
    rng = np.random.default_rng(3)
    topics = dict(zip(TOPICS, rng.normal(size=(4, 16)), strict=True))
    vectors = {
        one: unit_rows((topics[one[:2]] + rng.normal(size=16))[None, :].astype(np.float32))[0]
        for one in split.books
    }
    table = np.stack(list(vectors.values()))
    return MatchEvaluation(
        split, measure("m", table, table[:10]), vectors, {}, remembered=remembered
    )


def test_no_audience_holds_a_book_it_is_asked_about(split: MatchSet) -> None:
    assert len(split.truth) == 24
    assert all(not split.truth.keys() & set(one.books) for one in split.audiences)
    book = split.books["历史7"]
    assert book.traits.authors == ("历史作者3",)
    assert (book.traits.year, book.price_fen) == (2007, 2_700)
    assert book.traits.quality == pytest.approx(0.8)


def test_planted_tastes_are_found_and_size_is_not_enough(split: MatchSet) -> None:
    outcome = evaluation(split).run()
    found = outcome.metrics()
    assert set(found) == {"size", "tfidf", "tfidf_tags", "ours"}
    assert found["ours"]["mrr"] > 0.85
    assert found["ours"]["mrr"] > found["size"]["mrr"] + 0.3
    assert set(outcome.weights) == set(LEARNED)
    assert min(outcome.weights.values()) >= 0.0


def test_a_books_own_membership_tells_nothing_in_training(split: MatchSet) -> None:
    """Lists drawn by lot hold nothing to learn. With a book's own membership left in, being
    its own nearest member would look like knowledge."""
    dice = np.random.default_rng(11)
    ids = list(split.books)
    lots = [
        type(one)(one.id, "", tuple(str(b) for b in dice.choice(ids, 40, replace=False)))
        for one in split.audiences
    ]
    judged, parts = evaluation(MatchSet(split.books, lots, {})), ["members", "words"]
    honest = judged.learn(parts)
    rows = np.arange(len(ids))
    leaking = judged.features(rows, judged.lists, parts)
    taken = np.array([[one in own.books for own in lots] for one in ids])
    group = np.repeat(rows, len(lots))
    leaked = fit_weights(Choices(leaking.reshape(-1, 2), group, taken.ravel()), [1.0, 1.0])
    assert leaked.weights[0] > 5.0
    assert honest["members"] < 0.2 * leaked.weights[0]


def test_ties_share_their_mean_rank() -> None:
    scores = np.array([[1.0, 1.0, 0.5], [0.1, 0.2, 0.3]])
    truth = np.array([[True, False, False], [True, True, False]])
    assert best_ranks(scores, truth).tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("t.csv", "nobody,科幻全", "no item"),
        ("t.csv", "科幻0,nobody", "no audience"),
        ("t.csv", "科幻0", "1 columns"),
        ("l.jsonl", '{"name": "x"}', "list_id"),
        ("b.jsonl", '{"title": "x"}', "`id` is missing"),
    ],
)
def test_faults_name_file_and_line(tmp_path: Path, name: str, line: str, said: str) -> None:
    files = write(tmp_path)
    with (tmp_path / name).open("a") as out:
        out.write(f"\n{line}")
    with pytest.raises(InvalidInput, match=said) as error:
        read_match_set(*files)
    assert f"{name}, line" in str(error.value)

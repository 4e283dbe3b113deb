"""`evaluate feed --cold` on small files whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from contentcenter.domain.errors import InvalidInput
from recommend.evaluation.feed_cold import evaluate_cold, precision, read_cold, read_contents
from tests.unit.recommend.collaborative.content_world import QUICK, TASTES, content_world


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """160 readers of four tastes, 48 known items, four new ones read by half of their taste."""
    world = content_world()
    train, test, items = (tmp_path / name for name in ("train.csv", "test.csv", "items.jsonl"))
    pairs = zip(*world.history.nonzero(), strict=True)
    train.write_text("user,item\n" + "".join(f"u{user},i{item}\n" for user, item in pairs))
    news = [(user, user % TASTES) for user in range(0, 80)]
    test.write_text("user,item\n" + "".join(f"u{user},n{item}\n" for user, item in news))
    contents = {f"i{at}": one for at, one in enumerate(world.contents)}
    contents |= {f"n{at}": one for at, one in enumerate(world.new)}
    rows = [
        {
            "id": name,
            "title": f"Book {name}",
            "authors": list(one.names["author"]),
            "tags": dict(one.names["topic"]),
            "year": "1999.0",
        }
        for name, one in contents.items()
    ]
    items.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return train, test, items


def test_all_methods_are_measured_and_content_beats_activity(
    files: tuple[Path, Path, Path],
) -> None:
    train, test, items = files
    told: list[str] = []
    found = evaluate_cold([train], test, items, told.append, QUICK)
    assert found["set"]["new_items"] == TASTES
    assert found["ours"]["auc"] > found["activity"]["auc"] + 0.1
    assert found["tfidf"]["auc"] > found["activity"]["auc"]
    for name in ("activity", "tfidf", "ours"):
        assert 0.0 <= found[name]["p@100"] <= 0.2
    assert {"train_seconds", "train_memory_mb", "ms_per_item"} <= set(found["ours"])
    assert told


def test_readers_with_little_history_and_unread_items_are_not_judged(
    files: tuple[Path, Path, Path],
) -> None:
    train, test, items = files
    with train.open("a") as lines:
        lines.write("newcomer,i1\n")
    with test.open("a") as lines:
        lines.write("newcomer,n1\nstranger,n1\nu1,rare\n")
    cold = read_cold([train], test, items)
    assert cold.items == ["n0", "n1", "n2", "n3"]
    assert cold.truth.shape == (cold.history.shape[0], TASTES)
    assert cold.history.sum(axis=1).min() >= 5


def test_a_test_item_with_training_rows_is_refused(files: tuple[Path, Path, Path]) -> None:
    train, test, items = files
    with test.open("a") as lines:
        lines.write("u1,i3\n")
    with pytest.raises(InvalidInput, match="i3"):
        read_cold([train], test, items)


def test_contents_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text('book_id,title,authors,tags,year\n7,"Fire (Hunger, #2)",A;B,x|y,2008.0\n')
    one = read_contents(path)["7"]
    assert one.names["series"] == {"hunger": 1.0}
    assert set(one.names["author"]) == {"a", "b"}
    assert set(one.names["topic"]) == {"x", "y"}
    assert one.traits["year"] == pytest.approx(np.log(23))
    path.write_text("book_id,title\n,nameless\n")
    with pytest.raises(InvalidInput, match="row 2"):
        read_contents(path)


def test_precision_counts_the_first(files: tuple[Path, Path, Path]) -> None:
    scores = np.array([5.0, 4.0, 3.0, 2.0], np.float32)
    assert precision(scores, np.array([0, 3]), 2) == 0.5

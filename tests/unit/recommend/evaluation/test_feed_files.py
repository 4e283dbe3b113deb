"""The files of a feed evaluation: read as they are, faults by file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from contentcenter.domain.errors import InvalidInput
from recommend.evaluation.feed_files import read_described, read_likes, read_pairs


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_several_training_files_are_one_and_plain_and_gzip_read_alike(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "user,item", "u1,b1", "u1,b2")
    second = tmp_path / "b.csv.gz"
    second.write_bytes(gzip.compress(b"user_id,book_id\nu2,b1\nu1,b1\n"))
    test = write(tmp_path / "t.csv", "item,user", "b2,u2")
    sets = read_likes([first, second], test)
    assert (sets.users, sets.items) == (["u1", "u2"], ["b1", "b2"])
    assert sets.train.toarray().tolist() == [[1, 1], [1, 0]]
    assert sets.test.toarray().tolist() == [[0, 0], [0, 1]]


def test_new_readers_are_left_out_and_new_items_stay_wanted(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", "user,item", "u1,b1")
    test = write(tmp_path / "t.csv", "user,item", "u1,b9", "u2,b1")
    sets = read_likes([train], test)
    assert (sets.new_users, sets.new_items) == (1, 1)
    assert sets.items == ["b1"]
    assert sets.test.toarray().tolist() == [[0, 1]]


def test_a_value_of_nothing_is_no_like(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "user,item,value", "u1,b1,3", "u1,b2,0", "u1,b3,-1")
    assert list(read_pairs(path)) == [("u1", "b1")]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["user,thing", "u1,b1"], "no column item"),
        (["item,value", "b1,1"], "no column user"),
        (["user,item", "u1"], "row 2: 1 columns instead of 2"),
        (["user,item", " ,b1"], "row 2: an id is empty"),
        (["user,item,value", "u1,b1,much"], "'much' is no number"),
        (["user,item"], "nothing in it"),
    ],
)
def test_faults_name_the_file_and_the_row(tmp_path: Path, lines: list[str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as caught:
        list(read_pairs(write(tmp_path / "a.csv", *lines)))
    assert "a.csv" in str(caught.value)


def test_items_say_their_tags_in_several_ways(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "tags": ["Sci-Fi", "太空"], "authors": ["刘慈欣"]},
        {"book_id": "2", "tags": {"sci-fi": 12, "没人": 0}, "author": "刘慈欣, 王晋康"},
        {"item": "3", "tags": "甲|乙", "category": "novel"},
    ]
    path = write(tmp_path / "i.jsonl", *(json.dumps(row, ensure_ascii=False) for row in rows))
    found = read_described(path)
    assert list(found) == ["1", "2", "3"]
    assert found["1"].names == {
        "tag": {"sci-fi": 1.0, "太空": 1.0},
        "author": {"刘慈欣": 1.0},
        "category": {},
    }
    assert found["2"].names["tag"] == {"sci-fi": 12.0}
    assert found["2"].names["author"] == {"刘慈欣": 1.0, "王晋康": 1.0}
    assert found["3"].names["tag"] == {"甲": 1.0, "乙": 1.0}
    assert found["3"].names["category"] == {"novel": 1.0}


def test_items_may_come_as_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "i.csv", "book_id,title,tags,authors", '7,一,"a;b",甲')
    assert read_described(path)["7"].names == {
        "tag": {"a": 1.0, "b": 1.0},
        "author": {"甲": 1.0},
        "category": {},
    }


@pytest.mark.parametrize("line", ['{"title": "一"}', "[1]", "{"])
def test_an_item_without_an_id_or_form_is_a_fault(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput, match="line 1"):
        read_described(write(tmp_path / "i.jsonl", line))

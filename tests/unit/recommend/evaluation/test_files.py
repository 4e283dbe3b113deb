"""Good files are read as they are meant; bad ones are refused with file and line."""

from __future__ import annotations

import gzip

import pytest

from contentcenter.domain.errors import InvalidInput
from recommend.evaluation.files import read_corpus, read_qrels, read_queries, read_set

CORPUS = '{"id": 7, "title": "三体", "tags": ["科幻"], "books": [{"title": "三体"}]}\n\n'
QUERIES = '\ufeff{"id": "q", "query": "科幻"}\r\n'
QRELS = "query_id\tdoc_id\tgrade\nq\t7\t2\nq\tgone\t1\n"


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "corpus.jsonl.gz", tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    paths[0].write_bytes(gzip.compress(CORPUS.encode()))
    paths[1].write_text(QUERIES, encoding="utf-8")
    paths[2].write_text(QRELS, encoding="utf-8")
    return paths


def test_plain_and_packed_files_with_ids_as_texts(files):
    found = read_set(*files)
    assert found.documents["7"].tags == ("科幻",)
    assert found.documents["7"].books[0].title == "三体"
    assert found.queries == {"q": "科幻"}
    assert found.judged == {"q": {"7": 2.0, "gone": 1.0}}
    assert found.strangers == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"id": "a", "title": "x"}\n{"id": "b"', "line 2: no JSON"),
        ('{"id": "a", "title": "x"}\n[1]', "line 2: no JSON object"),
        ('{"title": "x"}', "line 1: `id` is missing"),
        ('{"id": "a"}', "line 1: neither `title` nor `text`"),
        ('{"id": "a", "title": 5}', "line 1: `title` is no text"),
        ('{"id": "a", "title": "x", "tags": "y"}', "line 1: `tags` is no list"),
        ('{"id": "a", "title": "x", "books": [{}]}', "line 1: each of `books` needs a title"),
        ('{"id": 1, "title": "x"}\n\n{"id": "1", "title": "y"}', "line 3: the id '1' is there"),
        ("\n \n", "nothing in it"),
    ],
)
def test_a_bad_corpus_is_refused_at_its_line(tmp_path, content, complaint):
    path = tmp_path / "corpus.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match="corpus") as caught:
        read_corpus(path)
    assert complaint in caught.value.message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("query_id\tdoc_id\tgrade\nq\t7", "line 2: 2 columns"),
        ("query_id\tdoc_id\tgrade\nq\t7\tgood", "line 2: 'good' is no grade"),
        ("query_id\tdoc_id\tgrade\nq\t7\tnan", "line 2: 'nan' is no grade"),
        ("query_id\tdoc_id\tgrade\nq\t7\t-1", "line 2: '-1' is no grade"),
        ("query_id\tdoc_id\tgrade\nr\t7\t1", "line 2: no question has the id 'r'"),
    ],
)
def test_bad_judgements_are_refused_at_their_line(tmp_path, content, complaint):
    path = tmp_path / "qrels.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match="qrels") as caught:
        read_qrels(path, {"q": "x"})
    assert complaint in caught.value.message


def test_other_bad_files(tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_bytes('{"id": 1, "query": "好"}\n'.encode() + b"\xff\xfe")
    with pytest.raises(InvalidInput, match="line 2: not UTF-8"):
        read_queries(path)
    path.write_text('{"id": 1, "question": "x"}')
    with pytest.raises(InvalidInput, match="line 1: `query` is missing"):
        read_queries(path)
    path.write_bytes(gzip.compress(b"{}")[:-5])
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_queries(path)


def test_judgements_without_a_line_judge_nothing(files):
    files[2].write_text("query_id\tdoc_id\tgrade\n")
    with pytest.raises(InvalidInput, match="no line judges"):
        read_set(*files)

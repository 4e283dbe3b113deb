"""`evaluate search` through the product's own search, on a few documents."""

from __future__ import annotations

import json

import pytest

from wsgi import create_app

BOOKS = [
    "活着",
    "三体",
    "围城",
    "边城",
    "呐喊",
    "彷徨",
    "骆驼祥子",
    "平凡的世界",
    "白鹿原",
    "红楼梦",
    "西游记",
    "水浒传",
]


@pytest.fixture
def files(tmp_path):
    """Each book is asked for by its name and its tag; the tag's answers are graded."""
    corpus = [
        {"id": f"b{n}", "title": name, "text": f"这本书讲的是{name}。", "tags": [f"标签{n % 3}"]}
        for n, name in enumerate(BOOKS)
    ]
    queries = [{"id": f"q{n}", "query": name} for n, name in enumerate(BOOKS)]
    queries.append({"id": "unjudged", "query": "什么"})
    queries.append({"id": "blank", "query": " "})
    qrels = ["query_id\tdoc_id\tgrade", *(f"q{n}\tb{n}\t2" for n in range(len(BOOKS)))]
    qrels.append("blank\tb0\t0")
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("\n".join(qrels), encoding="utf-8")
    return tmp_path


def arguments(folder, engine):
    files = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels": "qrels.tsv"}
    options = [part for key, name in files.items() for part in (f"--{key}", str(folder / name))]
    return ["evaluate", "search", "--engine", engine, *options]


def test_the_last_line_holds_the_metrics_of_every_method(make_floor, files):
    runner = create_app(floor=make_floor()).test_cli_runner()
    again = [runner.invoke(args=arguments(files, "embedded")) for _ in range(2)]
    assert [one.exit_code for one in again] == [0, 0], again[0].output
    assert "indexed" in again[0].stderr
    found, second = (json.loads(one.stdout.splitlines()[-1]) for one in again)
    for method in ("bm25", "lexical", "vector", "hybrid"):
        measures = found[method]
        assert set(measures) == {"ndcg@10", "mrr@10", "recall@100", "ms_per_query"}
        assert measures["mrr@10"] > 0.9, "a name is found by its name"
        assert measures["ndcg@10"] == second[method]["ndcg@10"]
    assert (found["documents"], found["queries"]) == (len(BOOKS), len(BOOKS) + 1)


def test_both_engines_measure_alike(make_floor, files, elastic_url):
    floor = make_floor(search_url=elastic_url, search_index="evaluate-test")
    runner = create_app(floor=floor).test_cli_runner()
    found = [
        json.loads(runner.invoke(args=arguments(files, engine)).stdout.splitlines()[-1])
        for engine in ("embedded", "elastic")
    ]
    for method in ("bm25", "lexical", "vector", "hybrid"):
        assert found[0][method]["ndcg@10"] == pytest.approx(found[1][method]["ndcg@10"], rel=0.01)


def test_a_bad_file_stops_with_its_line(make_floor, files):
    with (files / "corpus.jsonl").open("a", encoding="utf-8") as corpus:
        corpus.write('\n{"id": "b1", "title": "again"}')
    runner = create_app(floor=make_floor()).test_cli_runner()
    answer = runner.invoke(args=arguments(files, "embedded"))
    assert answer.exit_code == 1
    assert "corpus.jsonl, line 13" in answer.stderr

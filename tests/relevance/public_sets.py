"""The public sets of zh_search as retrieval, as their notes describe it.

    python -m tests.relevance.public_sets FOLDER

writes each set as corpus.jsonl, queries.jsonl and qrels.tsv for `evaluate search`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from recommend.evaluation.files import Document, JudgedSet
from tests.relevance.data import PAIRS, PASSAGES, QBQTC, QUESTIONS, data_folder, json_rows, tsv_rows
from tests.relevance.writing import write_set


def qbqtc(folder: Path) -> JudgedSet:
    """All titles; a query's answers are its titles of label 2."""
    titles: dict[str, str] = {}
    queries: dict[str, str] = {}
    judged: dict[str, dict[str, float]] = {}
    for row in json_rows(folder, QBQTC):
        title = titles.setdefault(row["title"], f"t{len(titles) + 1}")
        if row["label"] == 2:
            query = queries.setdefault(row["query"], f"q{len(queries) + 1}")
            judged.setdefault(query, {})[title] = 1.0
    return _of_titles(titles, {number: text for text, number in queries.items()}, judged)


def lcqmc(folder: Path) -> JudgedSet:
    """All second texts; every pair of score 1 is a query with one answer."""
    titles: dict[str, str] = {}
    queries: dict[str, str] = {}
    judged: dict[str, dict[str, float]] = {}
    for row in tsv_rows(folder, PAIRS):
        if row["set"] != "lcqmc":
            continue
        title = titles.setdefault(row["b"], f"t{len(titles) + 1}")
        if row["score"] == "1":
            query = f"q{len(queries) + 1}"
            queries[query] = row["a"]
            judged[query] = {title: 1.0}
    return _of_titles(titles, queries, judged)


def wikipedia(folder: Path) -> JudgedSet:
    """All passages, all questions as they are."""
    documents = {
        row["pid"]: Document(row["pid"], row["title"].strip(), row["text"])
        for row in json_rows(folder, PASSAGES)
    }
    rows = list(json_rows(folder, QUESTIONS))
    return JudgedSet(
        documents,
        {row["qid"]: row["query"].strip() for row in rows},
        {row["qid"]: {row["pid"]: 1.0} for row in rows},
    )


def wikipedia_across_scripts(folder: Path) -> JudgedSet:
    """The questions about traditional passages, in simplified characters, over all passages."""
    from opencc_pyo3 import OpenCC

    simplified = OpenCC("t2s")
    everything = wikipedia(folder)
    traditional = {row["pid"] for row in json_rows(folder, PASSAGES) if row["script"] == "hant"}
    judged = {q: found for q, found in everything.judged.items() if traditional & set(found)}
    queries = {one: str(simplified.convert(everything.queries[one])) for one in judged}
    return JudgedSet(everything.documents, queries, judged)


SETS = {
    "qbqtc": qbqtc,
    "lcqmc": lcqmc,
    "wikipedia": wikipedia,
    "wikipedia_s2t": wikipedia_across_scripts,
}


def _of_titles(
    titles: dict[str, str], queries: dict[str, str], judged: dict[str, dict[str, float]]
) -> JudgedSet:
    return JudgedSet({n: Document(n, text) for text, n in titles.items()}, queries, judged)


if __name__ == "__main__":
    source = data_folder()
    if source is None:
        sys.exit("no evaluation data; set CONTENTCENTER_TEST_DATA")
    for name, make in SETS.items():
        write_set(make(source), Path(sys.argv[1]) / name)

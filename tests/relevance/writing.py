"""A judged set as the files of `evaluate search`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from recommend.evaluation.files import JudgedSet


def write_set(judged: JudgedSet, folder: Path) -> None:
    """corpus.jsonl, queries.jsonl and qrels.tsv in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = (asdict(document) for document in judged.documents.values())
    queries = ({"id": one, "query": text} for one, text in judged.queries.items())
    for name, rows in (("corpus", documents), ("queries", queries)):
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    judgements = [
        f"{query}\t{document}\t{grade:g}\n"
        for query, grades in judged.judged.items()
        for document, grade in grades.items()
    ]
    header = "query_id\tdoc_id\tgrade\n"
    (folder / "qrels.tsv").write_text(header + "".join(judgements), encoding="utf-8")

"""Where the evaluation data lies, and its rows."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
BOOKS = "douban_catalog/books.jsonl.gz"
LISTS = "douban_catalog/lists.jsonl.gz"
QBQTC = "zh_search/qbqtc.jsonl.gz"
PAIRS = "zh_search/sentence_pairs.tsv.gz"
PASSAGES = "zh_search/wiki_passages.jsonl.gz"
QUESTIONS = "zh_search/wiki_queries.jsonl.gz"


def data_folder() -> Path | None:
    """CONTENTCENTER_TEST_DATA, or `shared/data` beside the checkout; None when neither is."""
    given = os.environ.get("CONTENTCENTER_TEST_DATA")
    folder = Path(given) if given else _ROOT.parent / "shared" / "data"
    return folder if (folder / BOOKS).exists() else None


def json_rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def tsv_rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder / name, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")

"""Public sets of likes, cut into the files that `evaluate feed` reads.

goodbooks to_read comes as one file with a column `split`; train and valid are training, as in its
reference figures. Its books get a jsonl with authors and the tags that readers gave them (names
with counts; no average rating, no number of ratings). douban_book has ids only and is read as it
is. The files lie in `var/feed-sets` and are written anew where they are missing.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path("var/feed-sets")


@dataclass(frozen=True)
class FeedSet:
    train: tuple[Path, ...]
    test: Path
    items: Path | None = None


def douban_book(data: Path) -> FeedSet:
    folder = data / "douban_book"
    return FeedSet((folder / "train.csv.gz",), folder / "test.csv.gz")


def goodbooks(data: Path) -> FeedSet:
    """to_read with authors and tags of the books."""
    plain = goodbooks_ids(data)
    items = FOLDER / "goodbooks-items.jsonl"
    if not items.exists():
        items.write_text("\n".join(_books(data / "goodbooks")), encoding="utf-8")
    return FeedSet(plain.train, plain.test, items)


def goodbooks_ids(data: Path) -> FeedSet:
    """to_read alone: nothing is known of the books."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {split: FOLDER / f"goodbooks-{split}.csv" for split in ("train", "valid", "test")}
    if not all(file.exists() for file in files.values()):
        for split, lines in _by_split(data / "goodbooks" / "to_read.csv.gz").items():
            files[split].write_text("\n".join(["user,item", *lines, ""]), encoding="utf-8")
    return FeedSet((files["train"], files["valid"]), files["test"])


def _by_split(path: Path) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = defaultdict(list)
    for row in _rows(path):
        lines[row["split"]].append(f"{row['user_id']},{row['book_id']}")
    return lines


def _books(folder: Path) -> Iterator[str]:
    tags: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _rows(folder / "book_tags.csv.gz"):
        tags[row["book_id"]][row["tag"]] = int(row["count"])
    for row in _rows(folder / "books.csv.gz"):
        book: dict[str, Any] = {
            "id": row["book_id"],
            "title": row["title"],
            "authors": [name.strip() for name in row["authors"].split(",")],
            "tags": tags.get(row["book_id"], {}),
        }
        yield json.dumps(book, ensure_ascii=False)


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


SETS = {"goodbooks": goodbooks, "goodbooks, ids only": goodbooks_ids, "douban_book": douban_book}

"""New books and who will read them, on goodbooks: `evaluate feed --cold` beside its references.

    python -m bench feed-cold

The training files are the to_read rows of the books with readers (all splits), the test file the
books kept cold. The books get a jsonl with what a supplier knows: title, authors, year,
and tags as shares of the book's own tags. Left out are shelves that say something of the reader
and not of the book (to-read, owned, read-in-2015), and every count of a book's readers. Data from
CONTENTCENTER_TEST_DATA or shared/data beside the checkout; files in `var/feed-cold`.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.relevance.data import data_folder

FOLDER = Path("var/feed-cold")
OUTPUT = Path("var/feed-cold.json")
_WORDS = (
    "to-read to-buy to-get tbr own owned mine my favou?rites? favs? faves? read reads reading "
    "re-read reread unread unfinished finished dnf abandoned didn-t did-not couldn-t could-not "
    "not-finished library kindle nook e?-?books? ebooks? audio audiobooks? audible wish-?list want "
    "default stars? borrowed have buy bought purchased maybe shelf shelves bookshelf shelfari "
    r"calibre paperback hardcover hardback book-?club recommended recommendations must gave-up "
    "listened listen loved reviewed review arc netgalley giveaway goodreads need collection "
    "later someday next priority on-hold hold pile physical copy signed lent loan loaned gift "
    r"home amazon overdrive ibooks epub pdf digital scanned meh sub \d{4}"
)
PERSONAL = re.compile(rf"(^|-)({'|'.join(_WORDS.split())})(-|$)")


def main(arguments: Sequence[str]) -> int:
    folder = data_folder()
    if folder is None:
        print("no evaluation data; set CONTENTCENTER_TEST_DATA")
        return 2
    train, test, items = cut(folder / "goodbooks")
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "evaluate", "feed", "--cold"]
    command += ["--train", str(train), "--test", str(test), "--items", str(items), *arguments]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(answer.stdout.splitlines()[-1])
    OUTPUT.write_text(json.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")
    print("\n".join(table(found)))
    return 0


def cut(data: Path) -> tuple[Path, Path, Path]:
    """Training pairs, test pairs, books: written anew each time."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = (FOLDER / "train.csv", FOLDER / "test.csv", FOLDER / "items.jsonl")
    lines = (
        ["user,item", *_pairs(data / "to_read.csv.gz")],
        ["user,item", *_pairs(data / "cold_to_read.csv.gz")],
        list(_books(data)),
    )
    for file, content in zip(files, lines, strict=True):
        file.write_text("\n".join([*content, ""]), encoding="utf-8")
    return files


def table(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| method | AUC | P@100 | ms an item |"
    yield "| --- | --- | --- | --- |"
    for name in ("activity", "tfidf", "ours"):
        one = found[name]
        yield f"| {name} | {one['auc']:.4f} | {one['p@100']:.4f} | {one['ms_per_item']} |"


def _pairs(path: Path) -> Iterator[str]:
    return (f"{row['user_id']},{row['book_id']}" for row in _rows(path))


def _books(folder: Path) -> Iterator[str]:
    tags: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _rows(folder / "book_tags.csv.gz"):
        if not PERSONAL.search(row["tag"]):
            tags[row["book_id"]][row["tag"]] = int(row["count"])
    for row in _rows(folder / "books.csv.gz"):
        own = tags.get(row["book_id"], {})
        total = sum(own.values())
        book: dict[str, Any] = {
            "id": row["book_id"],
            "title": row["title"],
            "authors": [name.strip() for name in row["authors"].split(",")],
            "tags": {name: round(count / total, 6) for name, count in own.items() if count},
            "year": row["original_publication_year"],
        }
        yield json.dumps(book, ensure_ascii=False)


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)

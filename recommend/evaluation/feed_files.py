"""The files of a feed evaluation: likes as csv, items as jsonl or csv, plain or gzip.

Every fault names file and line. Ids are texts in the files and numbers inside.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.interactions import Ids
from recommend.collaborative.side_info import Described, plain_names
from recommend.evaluation.files import numbered_lines

_ITEM_COLUMNS = ("item", "item_id", "book_id")
_USER_COLUMNS = ("user", "user_id")
_ID_FIELDS = ("id", "book_id", "item", "item_id")
_KINDS = {
    "tag": ("tags",),
    "author": ("authors", "author"),
    "category": ("categories", "category"),
}
_SEPARATORS = ("|", ";", "；", ",", "，", "、")


@dataclass(frozen=True)
class LikeSets:
    """`train` and `test` (users, items) of ones. `strangers`: test pairs whose reader or item
    has no training row; nobody can answer them, they are left out and counted."""

    users: Sequence[str] = field(repr=False)
    items: Sequence[str] = field(repr=False)
    train: sparse.csr_array = field(repr=False)
    test: sparse.csr_array = field(repr=False)
    new_users: int
    new_items: int


Pair = tuple[str, str]


def read_likes(train: Sequence[Path], test: Path) -> LikeSets:
    """csv `user,item[,value]` with a header line. Raises `InvalidInput` with file and line."""
    known = [pair for path in train for pair in read_pairs(path)]
    users = {one: n for n, one in enumerate(sorted({user for user, _ in known}))}
    items = {one: n for n, one in enumerate(sorted({item for _, item in known}))}
    asked = list(read_pairs(test))
    old = [pair for pair in asked if pair[0] in users]
    return LikeSets(
        users=list(users),
        items=list(items),
        train=_ones(known, users, items),
        # An item without training rows keeps its place in what a reader wants: recall divides
        # by all test items, found or not.
        test=_ones(old, users, _with_new(items, old)),
        new_users=len({user for user, _ in asked} - users.keys()),
        new_items=len({item for _, item in old} - items.keys()),
    )


def read_pairs(path: Path) -> Iterator[Pair]:
    """Pairs of texts, as often as they are there; a `value` of 0 or less is no like."""
    rows = csv.reader(line for _, line in numbered_lines(path))
    header = [cell.strip().lower() for cell in next(rows, [])]
    user, item = _column(header, _USER_COLUMNS, path), _column(header, _ITEM_COLUMNS, path)
    value = header.index("value") if "value" in header else None
    empty = True
    for number, row in enumerate(rows, 2):
        where = f"{path}, row {number}"
        if len(row) != len(header):
            raise InvalidInput(f"{where}: {len(row)} columns instead of {len(header)}")
        empty = False
        if value is None or _number(row[value], where) > 0.0:
            yield _id(row[user], where), _id(row[item], where)
    if empty:
        raise InvalidInput(f"{path}: nothing in it")


def read_described(path: Path) -> dict[str, Described]:
    """What items say of themselves, by id: tags, authors, categories of jsonl or csv. A list, a
    table of name to count, or a text parted by one of | ; , and their Chinese forms."""
    out: dict[str, Described] = {}
    for where, row in _item_rows(path):
        identifier = next((str(row[name]) for name in _ID_FIELDS if row.get(name) is not None), "")
        if not identifier.strip():
            raise InvalidInput(f"{where}: none of {', '.join(_ID_FIELDS)}")
        names = {
            kind: _names(next((row[one] for one in fields if row.get(one)), None))
            for kind, fields in _KINDS.items()
        }
        out[identifier.strip()] = Described(names)
    if not out:
        raise InvalidInput(f"{path}: nothing in it")
    return out


def _item_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = numbered_lines(path)
    if ".csv" in path.suffixes:
        for number, row in enumerate(csv.DictReader(line for _, line in lines), 2):
            yield f"{path}, row {number}", row
        return
    for number, line in lines:
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InvalidInput(f"{where}: no JSON ({error})") from error
        if not isinstance(value, dict):
            raise InvalidInput(f"{where}: no JSON object")
        yield where, value


def _names(value: Any) -> dict[str, float]:
    if value is None:
        return {}
    if isinstance(value, dict):
        counts = {str(name): count for name, count in value.items()}
        return {
            name.strip().casefold(): float(count)
            for name, count in counts.items()
            if isinstance(count, (int, float)) and count > 0
        }
    if isinstance(value, list):
        return plain_names(str(one) for one in value)
    text = str(value)
    mark = next((one for one in _SEPARATORS if one in text), None)
    return plain_names(text.split(mark) if mark else [text])


def _with_new(items: Mapping[str, int], pairs: Sequence[Pair]) -> dict[str, int]:
    new = sorted({item for _, item in pairs} - items.keys())
    return {**items, **{one: len(items) + n for n, one in enumerate(new)}}


def _ones(
    pairs: Sequence[Pair], users: Mapping[str, int], items: Mapping[str, int]
) -> sparse.csr_array:
    rows: Ids = np.fromiter((users[user] for user, _ in pairs), np.int64, len(pairs))
    columns: Ids = np.fromiter((items[item] for _, item in pairs), np.int64, len(pairs))
    matrix = sparse.csr_array(
        (np.ones(len(pairs), np.float32), (rows, columns)), shape=(len(users), len(items))
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _column(header: Sequence[str], names: Sequence[str], path: Path) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise InvalidInput(f"{path}: the header line has no column {' or '.join(names)}")


def _id(text: str, where: str) -> str:
    if not text.strip():
        raise InvalidInput(f"{where}: an id is empty")
    return text.strip()


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(f"{where}: {text!r} is no number") from error

"""One row a document version: what filters, sorting, facets and the vector scan read.

A row is visible at sequence number s when `born <= s < died`. The text index names the
current s in the same commit that carries its documents, so one commit switches the words,
the columns and the vectors together (see writer.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded import labels
from contentcenter.search.embedded.labels import Labels
from contentcenter.search.embedded.table import Column, Table
from contentcenter.search.embedded.vectors import VectorView

NEVER = np.iinfo(np.int64).max
NO_DATE = np.iinfo(np.int64).min
NO_PRICE = -1

# Labels with one value a document, and those with many.
SINGLES = ("kind", "state", "category", "source")
LISTS = ("tag", "publisher", "work", "channel", "year")
# Works and years are numbers already; the other lists hold codes of labels.
LABELLED_LISTS = ("tag", "publisher", "channel")
_LIST_KINDS = {"work": "i8", "year": "i4"}

_FIXED = (
    ("serial", "i8"),
    ("id", "i8"),
    ("revision", "i8"),
    ("born", "i8"),
    ("died", "i8"),
    ("price", "i8"),
    ("published", "i8"),
    ("rights", "i8"),
    ("scale", "f4"),
    ("in_stock", "u1"),
    ("has_vector", "u1"),
)
SPEC = (
    *_FIXED,
    *((name, "u4") for name in SINGLES),
    *((f"{name}_end", "i8") for name in LISTS),
    ("labels_end", "i8"),
)
NAME = "rows"
# header[0]: rows written; header[1]: sequence number of a write under way, or 0
COUNT, DIRTY = 0, 1


def list_spec(name: str) -> tuple[tuple[str, str], ...]:
    return (("value", _LIST_KINDS.get(name, "u4")), ("owner", "u4"))


def create_rows(folder: Path) -> None:
    """Make an empty rows folder."""
    folder.mkdir(parents=True)
    Table.create(folder, NAME, SPEC)
    Table.create(folder, labels.NAME, labels.SPEC)
    for name in LISTS:
        Table.create(folder, name, list_spec(name))


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Whole-number arithmetic: floats would round."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


@dataclass(frozen=True)
class ListView:
    """Values of a many-valued column and the row each belongs to, in row order."""

    values: Column
    owners: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class RowView:
    """A frozen look at the rows of one sequence number."""

    folder: Path
    sequence: int
    columns: Mapping[str, Column]
    lists: Mapping[str, ListView]
    labels: Labels
    alive: npt.NDArray[np.bool_]
    vectors: VectorView | None
    searchable: npt.NDArray[np.bool_] = field(init=False)  # alive and with a vector

    def __post_init__(self) -> None:
        searchable = self.alive & self.columns["has_vector"].view(np.bool_)
        object.__setattr__(self, "searchable", searchable)

    @property
    def count(self) -> int:
        return len(self.alive)

    def rows_of_serials(self, serials: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Row of each serial (they ascend with the rows), -1 for one that is not here."""
        have: npt.NDArray[np.int64] = self.columns["serial"]
        if not len(have):
            return np.full(len(serials), -1, np.int64)
        # Until the first compaction serials have no gaps: then the place is known.
        rows = serials - have[0]
        if have[-1] - have[0] == len(have) - 1:
            return np.where((rows >= 0) & (rows < len(have)), rows, -1)
        rows = np.minimum(np.searchsorted(have, serials), len(have) - 1)
        return np.where(have[rows] == serials, rows, -1)


def open_view(folder: Path, sequence: int, dimension: int) -> RowView:
    """Map a rows folder as it was at `sequence`."""
    table = Table(folder, NAME, SPEC)
    count = visible_rows(table, sequence)
    columns = {name: column[:count] for name, column in table.columns.items()}
    tables = {name: Table(folder, name, list_spec(name)) for name in LISTS}
    lists = {name: _list_view(one, last(columns, f"{name}_end")) for name, one in tables.items()}
    label_table = Table(folder, labels.NAME, labels.SPEC)
    vectors = None
    if dimension and count and columns["has_vector"].any():
        vectors = VectorView(folder, dimension, count)
    return RowView(
        folder=folder,
        sequence=sequence,
        columns=columns,
        lists=lists,
        labels=Labels(folder, label_table, last(columns, "labels_end")),
        alive=columns["died"] > sequence,
        vectors=vectors,
    )


def visible_rows(table: Table, sequence: int) -> int:
    """How many rows were written up to `sequence`; `born` ascends."""
    written = min(int(table.header[COUNT]), table.capacity)
    born: npt.NDArray[np.int64] = table.columns["born"][:written]
    return int(np.searchsorted(born, sequence, side="right"))


def last(columns: Mapping[str, Column], name: str) -> int:
    column: npt.NDArray[Any] = columns[name]
    return int(column[-1]) if len(column) else 0


def _list_view(table: Table, end: int) -> ListView:
    return ListView(table.columns["value"][:end], table.columns["owner"][:end])


def folder_bytes(folder: Path) -> int:
    """What the files of a folder take on the disk; files may come and go meanwhile."""
    total = 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_blocks * 512  # POSIX counts blocks of 512 bytes
    return total

"""Copying the rows that are alive, so that dead ones stop costing time and disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded import labels
from contentcenter.search.embedded.layout import Layout, Live
from contentcenter.search.embedded.rows import (
    COUNT,
    LISTS,
    NAME,
    NEVER,
    SPEC,
    create_rows,
    last,
    list_spec,
)
from contentcenter.search.embedded.table import Column, Spec, Table

_COPY_ROWS = 65_536

Ints = npt.NDArray[np.int64]


def compact(layout: Layout, live: Live) -> Live:
    """Copy the rows that are alive into a new rows folder and return its name.

    The text index is not touched: it knows rows by their serial, which they keep.
    """
    target = Live(live.generation, f"r{int(live.rows[1:]) + 1}")
    source_folder, folder = layout.rows(live), layout.rows(target)
    shutil.rmtree(folder, ignore_errors=True)
    create_rows(folder)
    rows = Table(source_folder, NAME, SPEC)
    count = int(rows.header[COUNT])
    kept = np.flatnonzero(rows.columns["died"][:count] == NEVER)
    columns = {name: column[:count][kept] for name, column in rows.columns.items()}
    for name in LISTS:
        ends = rows.columns[f"{name}_end"][:count]
        columns[f"{name}_end"] = _copy_list(source_folder, folder, name, kept, ends)
    _copy_labels(source_folder, folder, last(columns, "labels_end"))
    dimension = layout.read_model(live.generation).dimension
    if dimension and len(kept):
        _copy_vectors(source_folder, folder, dimension, kept)
    _write_table(folder, NAME, SPEC, columns, len(kept))
    return target


def _copy_list(source: Path, target: Path, name: str, kept: Ints, ends: Ints) -> Ints:
    old = Table(source, name, list_spec(name))
    total = int(ends[-1]) if len(ends) else 0
    new_row = np.full(len(ends), -1, np.int64)
    new_row[kept] = np.arange(len(kept))
    owners = new_row[old.columns["owner"][:total]]
    values = old.columns["value"][:total][owners >= 0]
    owners = owners[owners >= 0]
    _write_table(target, name, list_spec(name), {"value": values, "owner": owners}, len(values))
    sizes = np.bincount(owners, minlength=len(kept)) if len(kept) else np.empty(0, np.int64)
    return np.cumsum(sizes)


def _copy_labels(source: Path, target: Path, count: int) -> None:
    table = Table(source, labels.NAME, labels.SPEC)
    columns = {name: column[:count] for name, column in table.columns.items()}
    _write_table(target, labels.NAME, labels.SPEC, columns, count)
    old = labels.text_path(source)
    if old.exists():
        shutil.copyfile(old, labels.text_path(target))


def _copy_vectors(source: Path, target: Path, dimension: int, kept: Ints) -> None:
    for suffix, width in (("i8", 1), ("f16", 2)):
        name = f"vectors-{dimension}.{suffix}"
        if not (source / name).exists():
            continue
        old = np.memmap(source / name, np.uint8, mode="r").reshape(-1, dimension * width)
        with (target / name).open("wb") as file:
            for start in range(0, len(kept), _COPY_ROWS):
                file.write(np.ascontiguousarray(old[kept[start : start + _COPY_ROWS]]).tobytes())


def _write_table(
    folder: Path, name: str, spec: Spec, columns: dict[str, Column], size: int
) -> None:
    table = Table(folder, name, spec, writable=True)
    if size:
        table.append(0, columns)
    table.header[COUNT] = size
    table.sync()
    table.close()

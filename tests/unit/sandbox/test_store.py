"""The journal: what was put is there again, dead rows are not, a torn line does no harm."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.store import Store, Table


@dataclass
class Row:
    name: str
    numbers: list[int] = field(default_factory=list)


def opened(folder: Path) -> tuple[Store, Table[Row]]:
    store = Store(folder)
    table = store.table("rows", Row)
    store.open()
    return store, table


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    store, table = opened(tmp_path)
    for name in ("c", "a", "b"):
        table.put(name, Row(name, [1]))
    table.put("a", Row("甲", [2, 3]))
    table.drop("c")
    store.close()
    store, table = opened(tmp_path)
    assert list(table) == [Row("甲", [2, 3]), Row("b", [1])]
    store.close()


def test_a_torn_last_line_is_ignored(tmp_path: Path) -> None:
    store, table = opened(tmp_path)
    table.put("a", Row("a"))
    store.close()
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('["rows", "b", {"na')
    store, table = opened(tmp_path)
    assert list(table.rows) == ["a"]
    table.put("c", Row("c"))
    store.close()
    store, table = opened(tmp_path)
    assert list(table.rows) == ["a", "c"]
    store.close()


def test_one_folder_has_one_owner(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    with pytest.raises(RuntimeError, match="in use"):
        Store(tmp_path)
    store.close()


def test_clearing_is_lasting(tmp_path: Path) -> None:
    store, table = opened(tmp_path)
    table.put("a", Row("a"))
    store.clear()
    store.close()
    store, table = opened(tmp_path)
    assert len(table) == 0
    store.close()

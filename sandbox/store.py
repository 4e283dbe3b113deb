"""Typed tables in memory, made durable by an append-only journal.

Every change is handed to the operating system before the caller goes on, so a killed
process loses nothing (a power cut may lose the last moments: the twin is no bank). At start
the journal is replayed and rewritten without its dead rows.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")
COMPACT_BYTES = 256 * 1024 * 1024


class Table(Generic[T]):
    """Rows of one plain dataclass (its fields hold JSON values only), by string key."""

    def __init__(self, store: Store, name: str, make: Callable[..., T]) -> None:
        self.name = name
        self.rows: dict[str, T] = {}
        self._store = store
        self._make = make

    def put(self, key: str, row: T) -> T:
        self.rows[key] = row
        self._store.append(self.name, key, vars(row))
        return row

    def drop(self, key: str) -> None:
        if self.rows.pop(key, None) is not None:
            self._store.append(self.name, key, None)

    def get(self, key: str) -> T | None:
        return self.rows.get(key)

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows.values())

    def __len__(self) -> int:
        return len(self.rows)

    def load(self, key: str, fields: dict[str, Any] | None) -> None:
        if fields is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = self._make(**fields)


class Store:
    """The journal file and its tables. One process only: the folder is locked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lock = threading.RLock()
        self._tables: dict[str, Table[Any]] = {}
        self._path = folder / "journal.jsonl"
        self._guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RuntimeError(f"{folder} is in use by another twin") from error
        self._file = -1
        self._size = 0

    def table(self, name: str, make: Callable[..., T]) -> Table[T]:
        table: Table[T] = Table(self, name, make)
        self._tables[name] = table
        return table

    def open(self) -> None:
        """Read the journal into the tables (all must be declared) and start writing."""
        if self._path.exists():
            self._replay()
        self.compact()

    def append(self, table: str, key: str, fields: dict[str, Any] | None) -> None:
        line = json.dumps([table, key, fields], ensure_ascii=False) + "\n"
        with self.lock:
            self._size += os.write(self._file, line.encode())

    def compact(self) -> None:
        """Rewrite the journal with the living rows only."""
        with self.lock:
            fresh = self._path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8") as out:
                for name, table in self._tables.items():
                    for key, row in table.rows.items():
                        out.write(json.dumps([name, key, vars(row)], ensure_ascii=False) + "\n")
            fresh.replace(self._path)
            if self._file >= 0:
                os.close(self._file)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            self._size = 0

    def compact_if_large(self) -> None:
        if self._size > COMPACT_BYTES:
            self.compact()

    def clear(self) -> None:
        with self.lock:
            for table in self._tables.values():
                table.rows.clear()
            self.compact()

    def close(self) -> None:
        with self.lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            os.close(self._guard)

    def _replay(self) -> None:
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    name, key, fields = json.loads(line)
                except ValueError:
                    break  # the last line of a killed writer
                table = self._tables.get(name)
                if table is not None:
                    table.load(key, fields)

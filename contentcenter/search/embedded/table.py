"""A table of fixed-width columns in one file: appended by one process, mapped by many.

The file holds a header and then each column with room for `capacity` values, so a column is
one contiguous array. When it is full, a file of twice the capacity is written beside it and
takes over by rename; a process that still maps the old one keeps a valid, older view.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded.layout import sync_folder

Column = npt.NDArray[Any]
Spec = Sequence[tuple[str, str]]

_HEADER_BYTES = 64
_FIRST_CAPACITY = 1024


class Table:
    """Values beyond the owner's count are leftovers of a broken write: never read them."""

    def __init__(self, folder: Path, name: str, spec: Spec, *, writable: bool = False) -> None:
        self._folder, self._name, self._spec = folder, name, spec
        self._writable = writable
        self._descriptor: int | None = None
        self._open(newest(folder, name))

    @classmethod
    def create(cls, folder: Path, name: str, spec: Spec) -> None:
        _make_file(folder / f"{name}.{_FIRST_CAPACITY}", _size(spec, _FIRST_CAPACITY))

    def _open(self, path: Path) -> None:
        self.path = path
        self.capacity = int(path.suffix[1:])
        size = _size(self._spec, self.capacity)
        if path.stat().st_size < size:
            raise OSError(f"{path.name} is shorter than its {self.capacity} rows")
        mapped = np.memmap(path, np.uint8, mode="r+" if self._writable else "r", shape=(size,))
        self.bytes = size
        self.header = mapped[:_HEADER_BYTES].view(np.int64).view(np.ndarray)
        self.columns: dict[str, Column] = {}
        offset = _HEADER_BYTES
        for name, kind in self._spec:
            width = np.dtype(kind).itemsize * self.capacity
            self.columns[name] = mapped[offset : offset + width].view(kind).view(np.ndarray)
            offset += width
        if self._writable:
            self.close()
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def append(self, start: int, values: Mapping[str, Column]) -> None:
        """Write one value a column from row `start` on, growing the file when needed.

        Bytes go through `pwrite`: a full disk is then an error, not a SIGBUS as it would be
        when storing into a mapped hole.
        """
        size = len(next(iter(values.values())))
        if start + size > self.capacity:
            self._grow(start, start + size)
        for name, kind in self._spec:
            data = np.ascontiguousarray(values[name], dtype=kind)
            write_all(self._file(), data, self._offset(name) + start * data.itemsize)

    def sync(self) -> None:
        """Bring everything written so far to the disk."""
        os.fsync(self._file())

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _file(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"{self.path.name} is open for reading only")
        return self._descriptor

    def _offset(self, wanted: str) -> int:
        offset = _HEADER_BYTES
        for name, kind in self._spec:
            if name == wanted:
                return offset
            offset += np.dtype(kind).itemsize * self.capacity
        raise KeyError(wanted)

    def _grow(self, used: int, needed: int) -> None:
        capacity = self.capacity
        while capacity < needed:
            capacity *= 2
        old, target = self.path, self._folder / f"{self._name}.{capacity}"
        temporary = self._folder / f"{self._name}.new"
        _make_file(temporary, _size(self._spec, capacity))
        with temporary.open("r+b") as file:
            os.pwrite(file.fileno(), self.header.tobytes(), 0)
            offset = _HEADER_BYTES
            for name, kind in self._spec:
                write_all(file.fileno(), self.columns[name][:used], offset)
                offset += np.dtype(kind).itemsize * capacity
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(self._folder)
        self._open(target)
        old.unlink()


def newest(folder: Path, name: str) -> Path:
    """The file of the largest capacity; a smaller one beside it is a leftover of a crash."""
    found = [p for p in folder.glob(f"{name}.*") if p.suffix[1:].isdigit()]
    if not found:
        raise FileNotFoundError(f"no {name} table in {folder}")
    return max(found, key=lambda p: int(p.suffix[1:]))


def _size(spec: Spec, capacity: int) -> int:
    return _HEADER_BYTES + capacity * sum(np.dtype(kind).itemsize for _, kind in spec)


def _make_file(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)  # sparse: room that is not used takes no disk


def write_all(descriptor: int, data: Column, offset: int) -> None:
    """`pwrite` until every byte is written; the kernel may take only a part at a time."""
    view = memoryview(data.tobytes())
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written

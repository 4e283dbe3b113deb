"""Where things lie on disk, and the two small files that say what is live.

    write.lock  rebuild.lock
    CURRENT     {"format": 2, "generation": "g3", "rows": "r2"}, replaced by rename
    VERSION     a counter of 8 bytes, raised after every commit and every switch
    journal     batches written while a rebuild runs (see journal.py)
    g3/model.json  g3/text/  g3/r2/

A generation is one full copy of the data; a rebuild makes a new one. Inside it the rows
folder holds columns and vectors; compaction makes a new one and leaves the text alone.
"""

from __future__ import annotations

import json
import os
import struct
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import ModelIdentity

_COUNTER = struct.Struct("<q")
# Raised whenever columns or text fields change. Files of another format cannot be read: they
# are thrown away, and the index is filled anew from the store.
FORMAT = 2


@dataclass(frozen=True)
class Live:
    """The names of the live generation and of its live rows folder."""

    generation: str
    rows: str


@dataclass(frozen=True)
class ModelRecord:
    """What vectors a generation takes. `dimension` 0: none came yet."""

    dimension: int
    model: ModelIdentity | None


class Layout:
    """Paths below the index folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write_lock = root / "write.lock"
        self.rebuild_lock = root / "rebuild.lock"
        self.pointer = root / "CURRENT"
        self.version = root / "VERSION"
        self.journal = root / "journal"

    def text(self, generation: str) -> Path:
        return self.root / generation / "text"

    def rows(self, live: Live) -> Path:
        return self.root / live.generation / live.rows

    def model(self, generation: str) -> Path:
        return self.root / generation / "model.json"

    def generations(self) -> list[str]:
        return sorted(p.name for p in self.root.glob("g*") if p.name[1:].isdigit())

    def next_generation(self) -> str:
        return f"g{max((int(name[1:]) for name in self.generations()), default=0) + 1}"

    def read_format(self) -> int:
        """The format of the files that are there; 0 when the pointer cannot be understood.
        The first format did not write its number down."""
        try:
            return int(json.loads(self.pointer.read_bytes()).get("format", 1))
        except (ValueError, AttributeError):
            return 0

    def read_live(self) -> Live:
        """Raises `EngineUnavailable` when another release has written the index."""
        data = json.loads(self.pointer.read_bytes())
        found = data.get("format", 1)
        if found != FORMAT:
            raise EngineUnavailable(
                "The search index was written by another release; start this one again.",
                expected=FORMAT,
                found=found,
            )
        return Live(str(data["generation"]), str(data["rows"]))

    def write_live(self, live: Live) -> None:
        data = {"format": FORMAT, "generation": live.generation, "rows": live.rows}
        write_json(self.pointer, data)

    def read_model(self, generation: str) -> ModelRecord:
        data = json.loads(self.model(generation).read_bytes())
        identity = data["model"]
        return ModelRecord(
            int(data["dimension"]), None if identity is None else ModelIdentity(**identity)
        )

    def write_model(self, generation: str, record: ModelRecord) -> None:
        model = None if record.model is None else vars(record.model)
        write_json(self.model(generation), {"dimension": record.dimension, "model": model})


class VersionCounter:
    """One number shared by all processes: when it moved, there is something new to see."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.close = weakref.finalize(self, os.close, self._descriptor)

    def read(self) -> int:
        data = os.pread(self._descriptor, _COUNTER.size, 0)
        return 0 if len(data) < _COUNTER.size else int(_COUNTER.unpack(data)[0])

    def bump(self) -> None:
        """Only under the write lock."""
        os.pwrite(self._descriptor, _COUNTER.pack(self.read() + 1), 0)


def write_json(path: Path, data: Mapping[str, object]) -> None:
    """Write a file so that a reader, or the next start, sees the old one or the new one."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames in a folder survive a power cut (POSIX asks for a sync of the folder)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

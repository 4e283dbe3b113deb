"""`column IN (ids)` as a statement of one text, however many ids there are.

A list of parameters of changing length is a new statement each time: put together, parsed and
planned anew. PostgreSQL takes the ids as one array, SQLite as one JSON text; neither limits
how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Boolean,
    Dialect,
    Text,
    TypeDecorator,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Values(TypeDecorator[Sequence[Any]]):
    """Ids, or texts, as one value."""

    impl = Text
    cache_ok = True

    def __init__(self, texts: bool = False) -> None:
        super().__init__()
        self.texts = texts

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(Text() if self.texts else BigInteger()))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        found = list(value or ())
        return found if dialect.name == "postgresql" else json.dumps(found)


class among(FunctionElement[bool]):  # noqa: N801 - reads as a function of SQL
    """Whether `column` is one of the values bound to the name `given` (ids, or `texts`)."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, given: str, *, texts: bool = False) -> None:
        values: BindParameter[Any] = bindparam(given, type_=_Values(texts))
        super().__init__(column, values)


@compiles(among, "postgresql")
def _as_array(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(among, "sqlite")
def _as_json(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - a bound name

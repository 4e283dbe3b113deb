"""The border where errors of tantivy and of the disk get our names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from contentcenter.domain.errors import EngineUnavailable


@contextmanager
def engine_errors() -> Iterator[None]:
    """tantivy says everything with ValueError, the disk with OSError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise EngineUnavailable("The embedded search index failed.", cause=str(error)) from error

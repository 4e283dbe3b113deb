"""Documents, questions and waiting for the search contract."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.ports import (
    Clause,
    Filters,
    IndexDocument,
    LexicalQuery,
    SearchIndex,
    TextField,
)

IndexFactory = Callable[[], SearchIndex]

DIMENSION = 24
MODEL = ModelIdentity("test-model", "1", "float32", DIMENSION)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYTHING = Filters()


def vector(seed, dimension=DIMENSION):
    values = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return values / np.linalg.norm(values)


def document(number, revision=1, title="共同", **changes):
    values = {
        "id": number,
        "revision": revision,
        "text": {TextField.TITLE: title},
        "vector": vector(number),
        "kind": "pgc",
        "state": "published",
    }
    return IndexDocument(**{**values, **changes})


def words(*tokens, field=TextField.TITLE, **rest):
    return LexicalQuery(should=(Clause(field, tokens),), **rest)


def ids(hits):
    return [hit.id for hit in hits]


def found(index, *tokens, filters=EVERYTHING, limit=1000):
    return ids(index.lexical(words(*tokens), filters, limit))


def near(index, query, filters=EVERYTHING, limit=1000):
    return ids(index.nearest(query[None, :], filters, limit)[0])


def eventually(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def spawn(target, *arguments):
    """A fresh process: nothing inherited."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process

"""Search as a reader waits for it: pages of the search service on a real store and index.

    python -m bench search-pages [items]

One process, SQLite, the embedded index, made-up words, random
clustered vectors: a question's vector is at hand, so no model is measured. `engines` are the
two bare calls on the index that a page's ranking stands on. The last lines are answered by
the store alone, with the index unplugged.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import redis
from sqlalchemy import insert

import distribute.tables  # noqa: F401 - the rooms' tables join the metadata
import ingest.tables  # noqa: F401
from contentcenter.clock import FixedClock
from contentcenter.documents import make_document
from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.floor import Floor
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.search.build import build_index
from contentcenter.settings import Settings
from contentcenter.store.base import Table
from contentcenter.store.cards import load_items
from contentcenter.store.database import Database
from contentcenter.store.tables import (
    BookRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    SourceRow,
    TagRow,
    WorkRow,
)
from contentcenter.text.build import build_analyser
from recommend.search.request import FACETS, SearchRequest
from recommend.services import RecommendServices, build_services
from tests.fixtures.valkey import ValkeyServer, free_port

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
MODEL = ModelIdentity("bench", "1", "float32", 384)
QUESTIONS = 150
BATCH = 1000
_WORDS, _TAGS, _BOOKS_FOR_EACH = 20_000, 2000, 4


class Corpus:
    """Rows and vectors from one seed; an embedder whose answers are made beforehand."""

    def __init__(self, items: int) -> None:
        self.items = items
        self.rng = np.random.default_rng(11)
        # Flatter than Zipf's law: texts here are words only, without the signs and particles
        # that head a real list and that nobody looks for.
        weights = 1.0 / np.arange(1, _WORDS + 1) ** 0.6
        self._ends = np.cumsum(weights / weights.sum())
        centres = self.rng.standard_normal((200, MODEL.dimension))
        self._centres = centres.astype(np.float32)
        self.texts = [self.words(2 + n % 3) for n in range(QUESTIONS)]

    def words(self, size: int) -> str:
        ranks = np.searchsorted(self._ends, self.rng.random(size))
        return "".join(_word(int(rank)) for rank in ranks)

    def vectors(self, size: int) -> np.ndarray:
        near = self._centres[self.rng.integers(0, len(self._centres), size)]
        noise = self.rng.standard_normal((size, MODEL.dimension)).astype(np.float32)
        return near + 0.9 * noise

    def identity(self) -> ModelIdentity:
        return MODEL

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self.vectors(len(texts))

    def rows(self, start: int) -> Iterator[dict[str, Any]]:
        for number in range(start, min(start + BATCH, self.items)):
            at = NOW - timedelta(minutes=int(self.rng.integers(0, 1_000_000)))
            text = self.words(400)
            yield {
                "id": number + 1, "kind": ("ugc", "pgc", "supplier")[number % 3],
                "form": "article", "state": "published" if number % 10 else "ready",
                "title": self.words(int(self.rng.integers(2, 8))), "text": text, "body": text,
                "html": text, "author": self.words(1), "source_id": 1 + number % 3,
                "category": list(CATEGORIES)[number % len(CATEGORIES)],
                "content_hash": str(number), "quality": float(self.rng.random()), "risks": [],
                "created_at": at, "updated_at": at, "ready_at": at, "published_at": at,
            }  # fmt: skip


def _word(rank: int) -> str:
    return chr(0x4E00 + rank % 4000) + chr(0x5200 + rank // 4000 * 89 + rank % 83)


def run(items: int = 50_000) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        server = ValkeyServer(Path(folder), free_port())
        server.start()
        try:
            corpus = Corpus(items)
            floor = _floor(Path(folder), server.url, corpus)
            _fill(floor, corpus)
            return {"items": items, **_measure(floor, corpus)}
        finally:
            server.kill()


def _floor(folder: Path, url: str, corpus: Corpus) -> Floor:
    settings = Settings(data_dir=folder, redis_url=url, secret_key="bench")  # noqa: S106
    db = Database(f"sqlite:///{folder}/bench.sqlite3")
    Table.metadata.create_all(db.engine)
    connection = redis.Redis.from_url(url)
    return Floor(
        settings=settings,
        clock=FixedClock(NOW),
        db=db,
        index=build_index("embedded", folder / "index", None),
        embedder=corpus,  # type: ignore[arg-type] - only questions are embedded here
        analyser=build_analyser(),
        queue=RqQueue(connection),
        redis=connection,
    )


def _fill(floor: Floor, corpus: Corpus) -> None:
    floor.analyser.learn(_word(rank) for rank in range(_WORDS))
    with floor.db.transaction() as session:
        session.execute(insert(SourceRow), [_source(number) for number in (1, 2, 3)])
        tags = [{"id": n + 1, "name": f"{corpus.words(1)}{n}"} for n in range(_TAGS)]
        session.execute(insert(TagRow), tags)
        works = [{"id": n, "key": str(n), "title": str(n)} for n in _books(corpus)]
        session.execute(insert(WorkRow), works)
        session.execute(insert(BookRow), [_book(corpus, number) for number in _books(corpus)])
    with floor.index.rebuild(MODEL) as target:
        for start in range(0, corpus.items, BATCH):
            target.put(_batch(floor, corpus, start))
        target.commit()


def _batch(floor: Floor, corpus: Corpus, start: int) -> list[Any]:
    rows = list(corpus.rows(start))
    ids = [row["id"] for row in rows]
    tagged = {(one, 1 + int(t)) for one in ids for t in corpus.rng.zipf(1.3, 3) % _TAGS}
    linked = {one: 1 + one % len(_books(corpus)) for one in ids}
    with floor.db.transaction() as session:
        session.execute(insert(ItemRow), rows)
        tags = [{"item_id": one, "tag_id": tag, "origin": "editor"} for one, tag in tagged]
        session.execute(insert(ItemTagRow), tags)
        books = [{"item_id": one, "book_id": b, "origin": "isbn"} for one, b in linked.items()]
        session.execute(insert(ItemBookRow), books)
    with floor.db.reading() as session:
        cards = load_items(session, ids)
    vectors = corpus.vectors(len(cards))
    pairs = zip(cards.values(), vectors, strict=True)
    return [make_document(card, vector, floor.analyser) for card, vector in pairs]


def _source(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"来源{number}", "kind": "pgc", "created_at": NOW}


def _books(corpus: Corpus) -> range:
    return range(1, corpus.items // _BOOKS_FOR_EACH + 2)


def _book(corpus: Corpus, number: int) -> dict[str, Any]:
    return {
        "id": number, "work_id": number, "title": corpus.words(3), "author": corpus.words(1),
        "publisher": f"出版社{number % 300}", "published_on": str(1980 + number % 45),
        "price_fen": int(corpus.rng.integers(1000, 12_000)), "source_id": 1,
        "source_ref": str(number), "record_hash": "", "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip


class _Unplugged:
    """An index that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def away(*_: Any, **__: Any) -> Any:
            raise EngineUnavailable("unplugged")

        return away


def _measure(floor: Floor, corpus: Corpus) -> dict[str, Any]:
    services = build_services(floor)
    away = build_services(replace(floor, index=_Unplugged()))
    away.corpus._keep(services.corpus.view())
    calls = {**_ranking(services, floor), **_pages(services)}
    calls |= {f"store_{name}": call for name, call in _pages(away).items()}
    return {name: _timed(call, corpus.texts) for name, call in calls.items()}


def _ranking(services: RecommendServices, floor: Floor) -> dict[str, Callable[[str], object]]:
    hybrid, wanted = services.hybrid, SearchRequest().filters(NOW)
    weights = hybrid.weights

    def engines(text: str) -> object:
        question = asked[text]
        lexical = floor.index.lexical(question.query, wanted, weights.depth)
        return lexical, floor.index.nearest(question.vector, wanted, weights.vector_depth)

    asked = _Asked(hybrid.question)
    return {
        "lexical_20": lambda text: floor.index.lexical(asked[text].query, wanted, 20),
        "engines": engines,
        "fused": lambda text: hybrid.fused(asked[text], wanted),
        "rank": lambda text: hybrid.rank(asked[text], wanted),
    }


class _Asked(dict[str, Any]):
    """Questions made ready once."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> Any:
        self[text] = self._make(text)
        return self[text]


def _pages(services: RecommendServices) -> dict[str, Callable[[str], object]]:
    def page(**request: Any) -> Callable[[str], object]:
        return lambda text: services.search.search(SearchRequest(q=text, **request))

    def browse(**request: Any) -> Callable[[str], object]:
        return lambda _: services.search.search(SearchRequest(**request))

    return {
        "page": page(),
        "page_facets": page(facets=FACETS),
        "page_facets_chosen": page(facets=FACETS, kinds=("pgc",), price_band="3000-3999"),
        "page_by_price": page(sort="price"),
        "browse": browse(),
        "browse_facets": browse(facets=FACETS),
        "browse_publisher": browse(publishers=("出版社7",), year_min=2000),
    }


def _timed(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    spent = []
    for text in (*texts[:5], *texts):
        started = time.perf_counter()
        call(text)
        spent.append((time.perf_counter() - started) * 1e3)
    return {f"p{p}": round(float(np.percentile(spent[5:], p)), 2) for p in (50, 95)}


def main(arguments: list[str]) -> int:
    print(json.dumps(run(int(arguments[0]) if arguments else 50_000), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

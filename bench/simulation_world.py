"""The simulated shop: sample items and groups as the product knows them, tastes it does not.

Items, groups, names, descriptions, tags and prices come from the sample files; readers are
drawn around the hidden taste of their group (sandbox/readers.py).
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from contentcenter.domain.categories import category_code
from contentcenter.embedding.ports import Embedder, Vectors
from recommend.corpus import CorpusView, measure
from recommend.matching.features import MatchItem
from recommend.matching.traits import Traits, people
from recommend.persona_math import Declared
from sandbox.topics import topics_of

SAMPLES = Path(__file__).parents[1] / "samples"
START = datetime(2026, 11, 1, tzinfo=UTC)
LOCAL_HOURS = timedelta(hours=8)


@dataclass(frozen=True)
class Item:
    """One sample item: what readers meet, and what the product knows."""

    match: MatchItem
    title: str
    text: str
    topics: dict[str, float]
    traits: Traits


@dataclass(frozen=True)
class Group:
    """One sample group as the product knows it; `platform_ref` finds its hidden taste."""

    id: int
    platform_ref: str
    declared: Declared
    hour: int
    size: int


@dataclass(frozen=True)
class World:
    items: tuple[Item, ...]
    groups: tuple[Group, ...]
    corpus: CorpusView
    hidden: dict[str, Any]


def load_world(embedder: Embedder, samples: Path = SAMPLES, limit: int | None = None) -> World:
    """Items, groups and vectors from the sample files."""
    raw = [*_books(samples), *_articles(samples)][:limit]
    texts = [f"{one['title']}\n{one['title']}\n{one['text'][:300]}" for one in raw]
    vectors = embedder.encode_passages(texts)
    titles = [one["title"] for one in raw[:64]]
    corpus = measure(str(embedder.identity()), vectors, embedder.encode_queries(titles))
    items = tuple(
        _item(number, one, vector)
        for number, (one, vector) in enumerate(zip(raw, vectors, strict=True))
    )
    described = json.loads((samples / "audiences.json").read_text(encoding="utf-8"))["audiences"]
    chosen = [one for one in described if one["kind"] == "group"]
    groups = tuple(
        _group(number, one, corpus, embedder) for number, one in enumerate(chosen, start=1)
    )
    hidden = json.loads((samples / "hidden_tastes.json").read_text(encoding="utf-8"))
    return World(items, groups, corpus, hidden)


def _books(samples: Path) -> list[dict[str, Any]]:
    with (samples / "books.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {
                "title": row["书名"],
                "author": row["作者"],
                "text": f"{row['书名']} {row['作者']} {row['内容简介']} {row['标签']}",
                "category": row["分类"],
                "tags": tuple(tag for tag in row["标签"].split(";") if tag),
                "price_fen": round(float(row["定价"]) * 100) if row["定价"] else None,
                "isbn": row["书号"].replace("-", ""),
            }
            for row in csv.DictReader(file)
        ]


def _articles(samples: Path) -> list[dict[str, Any]]:
    prices = {book["isbn"]: book["price_fen"] for book in _books(samples)}
    out = []
    for path in sorted((samples / "articles").glob("*.md")):
        _, head, body = path.read_text(encoding="utf-8").split("---", 2)
        meta = yaml.safe_load(head)
        known = [prices[str(isbn)] for isbn in meta.get("books", []) if prices.get(str(isbn))]
        out.append(
            {
                "title": meta["title"],
                "text": f"{meta.get('summary', '')} {body}",
                "category": meta.get("category", "other"),
                "tags": tuple(str(tag) for tag in meta.get("tags", [])),
                "price_fen": min(known) if known else None,
            }
        )
    return out


def _item(number: int, raw: dict[str, Any], vector: Vectors) -> Item:
    match = MatchItem(
        id=number,
        vector=vector,
        category=category_code(raw["category"]) or "other",
        tags=raw["tags"],
        price_fen=raw["price_fen"],
        published_at=START - timedelta(days=30),
        quality=0.5,
    )
    topics = topics_of(f"{raw['title']} {raw['title']} {raw['text']}")
    traits = Traits(raw["title"], raw["tags"], people(raw.get("author", "")))
    return Item(match, raw["title"], raw["text"], dict(topics), traits)


def _group(number: int, raw: dict[str, Any], corpus: CorpusView, embedder: Embedder) -> Group:
    texts = [f"{raw['name']}。{raw['description']}", "、".join([*raw["tags"], *raw["categories"]])]
    declared = Declared(
        vectors=corpus.shift_query(embedder.encode_queries(texts)),
        categories=tuple(raw["categories"]),
        tags=tuple(raw["tags"]),
        ceiling_fen=raw["price_ceiling_fen"],
        size=raw["size"],
    )
    hour = int(raw["slots"][0]["time"].split(":")[0])
    return Group(number, raw["chat_id"], declared, hour, raw["size"])


def silent(world: World) -> World:
    """The same world with nothing declared but the price ceilings: all has to be learned."""
    nothing = np.zeros((0, world.corpus.dimension), dtype=np.float32)
    groups = tuple(
        replace(
            group,
            declared=Declared(
                nothing, ceiling_fen=group.declared.ceiling_fen, size=group.declared.size
            ),
        )
        for group in world.groups
    )
    return replace(world, groups=groups)

"""Names, settings and fields of our indices.

PREFIX-000007     a generation; the newest complete one is live
PREFIX            alias: where questions go
PREFIX-write-12   alias: where writes go. Its number rises whenever the rules for writers
                  change, so a process that has not heard of it cannot write by old rules
PREFIX-000008-staging
                  alias: this generation is being filled by a rebuild
PREFIX-rebuild    made by whoever rebuilds: there is only one, so it is a lock; it takes the
                  ids that are written meanwhile
PREFIX-marks      alias of it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.elastic.options import ElasticOptions
from contentcenter.search.ports import TextField

# The most hits one request may ask for; an index setting, here at its default.
WINDOW = 10_000
# The most values a `terms` query may name, likewise.
MOST_TERMS = 65_536
VECTOR = "vector"

Json = dict[str, Any]


@dataclass(frozen=True)
class Names:
    prefix: str

    @property
    def read(self) -> str:
        return self.prefix

    @property
    def all(self) -> str:
        return f"{self.prefix}-*"

    @property
    def rebuild(self) -> str:
        return f"{self.prefix}-rebuild"

    @property
    def marks(self) -> str:
        return f"{self.prefix}-marks"

    def write(self, epoch: int) -> str:
        return f"{self.prefix}-write-{epoch}"

    def generation(self, number: int) -> str:
        return f"{self.prefix}-{number:06d}"

    def staging(self, index: str) -> str:
        return f"{index}-staging"

    def epoch_of(self, alias: str) -> int | None:
        return self._number(alias, r"-write-(\d+)")

    def number_of(self, index: str) -> int | None:
        return self._number(index, r"-(\d{6,})")

    def _number(self, name: str, pattern: str) -> int | None:
        found = re.fullmatch(re.escape(self.prefix) + pattern, name)
        return int(found[1]) if found else None


def index_settings(options: ElasticOptions) -> Json:
    settings: Json = {
        "number_of_shards": options.shards,
        # Every write says when it must be visible; a refresh in between would show half of it.
        "refresh_interval": "-1",
        # A removed item that comes back with the same revision must not look outdated.
        "gc_deletes": "0s",
        # Walks the graph and skips what the filter excludes. The default heuristic of 9.x
        # (acorn) lost every twelfth neighbour under a filter that lets a tenth through:
        # recall@20 .914 against .993 at 50,000 documents.
        "dense_vector": {"hnsw_filter_heuristic": "fanout"},
    }
    if "-" in options.replicas:
        settings["auto_expand_replicas"] = options.replicas
    else:
        settings["number_of_replicas"] = int(options.replicas)
    return {"index": settings}


def mappings(dimension: int, model: ModelIdentity | None) -> Json:
    """Fields of a generation. The vector field is there from the first vector on, because its
    dimension cannot change."""
    properties: Json = {
        "text": {"properties": {str(field): _text_field(field) for field in TextField}},
        **{name: {"type": "long"} for name in ("id", "works", "price", "published", "rights")},
        **{name: _keyword() for name in ("kind", "state", "category", "source")},
        **{name: _keyword() for name in ("tags", "publishers", "channels")},
        "years": {"type": "integer"},
        "revision": {"type": "long", "index": False, "doc_values": False},
        "quality": {"type": "float", "index": False},
        "in_stock": {"type": "boolean"},
        "has_vector": {"type": "boolean"},
    }
    if dimension:
        properties[VECTOR] = vector_field(dimension)
    return {"dynamic": "strict", "_meta": meta(dimension, model), "properties": properties}


def meta(dimension: int, model: ModelIdentity | None) -> Json:
    """What an index says about itself."""
    identity = None
    if model is not None:
        identity = {"name": model.name, "revision": model.revision, "precision": model.precision}
    return {"dimension": dimension, "model": identity}


def model_of(meta_data: Json) -> ModelIdentity | None:
    identity = meta_data.get("model")
    if identity is None:
        return None
    return ModelIdentity(
        identity["name"], identity["revision"], identity["precision"], meta_data["dimension"]
    )


def vector_field(dimension: int) -> Json:
    return {
        "type": "dense_vector",
        "dims": dimension,
        "index": True,
        "similarity": "cosine",
        # Twice the default links: recall@20 .989 instead of .969 at 50,000 documents.
        "index_options": {"type": "int8_hnsw", "m": 32, "ef_construction": 200},
    }


def marks_mappings(owner: Json) -> Json:
    return {
        "dynamic": "strict",
        "_meta": {"owner": owner},
        "properties": {
            "id": {"type": "long"},
            "beat": {"type": "double", "index": False, "doc_values": False},
        },
    }


def _text_field(field: TextField) -> Json:
    positions = field not in {TextField.CODES, TextField.PINYIN}
    # The analysis is ours: an engine splits on white space, nothing else.
    return {
        "type": "text",
        "analyzer": "whitespace",
        "index_options": "positions" if positions else "freqs",
    }


def _keyword() -> Json:
    # Longer labels than Lucene takes are kept, not searched, instead of refusing the document.
    return {"type": "keyword", "ignore_above": 8000}

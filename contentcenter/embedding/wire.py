"""What client and server of the embedding process say to each other over HTTP.

    POST /encode    JSON {"kind": "query" | "passage", "texts": [...]}
                    -> float32 rows, little endian, in order; the identity in a header
    GET /identity   -> JSON of the identity; 503 while the model is loading
    GET /healthz    -> 200 when texts can be encoded, 503 while the model is loading

Errors are `{"error": {"code", "message", "details"}}`, as everywhere in the product.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from contentcenter.domain.errors import ContentCenterError, InvalidInput
from contentcenter.embedding.cache import PASSAGE, QUERY
from contentcenter.embedding.ports import ModelIdentity, Vectors

ENCODE = "/encode"
IDENTITY = "/identity"
HEALTH = "/healthz"
IDENTITY_HEADER = "X-Model-Identity"
BINARY = "application/octet-stream"
JSON = "application/json"

MAX_TEXTS = 1024
MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class EncodeRequest:
    kind: str
    texts: list[str]


def dump_request(kind: str, texts: Sequence[str]) -> bytes:
    return json.dumps({"kind": kind, "texts": list(texts)}).encode()


def load_request(body: bytes) -> EncodeRequest:
    """Raises `InvalidInput` for anything but a well-formed request of bearable size."""
    try:
        content = json.loads(body)
        kind, texts = content["kind"], content["texts"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput('Send JSON {"kind": ..., "texts": [...]}.') from error
    if kind not in (QUERY, PASSAGE):
        raise InvalidInput(f"kind must be {QUERY!r} or {PASSAGE!r}.")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidInput("texts must be a list of strings.")
    if len(texts) > MAX_TEXTS:
        raise InvalidInput(f"At most {MAX_TEXTS} texts go into one request.")
    return EncodeRequest(kind, texts)


def dump_vectors(vectors: Vectors) -> bytes:
    return vectors.astype("<f4", copy=False).tobytes()


def load_vectors(body: bytes, dimension: int) -> Vectors:
    rows = np.frombuffer(body, dtype="<f4").reshape(-1, dimension)
    return rows.astype(np.float32)


def dump_identity(identity: ModelIdentity) -> str:
    """ASCII JSON on one line, fit for a header."""
    return json.dumps(asdict(identity))


def load_identity(text: str) -> ModelIdentity:
    return ModelIdentity(**json.loads(text))


def dump_error(error: ContentCenterError) -> bytes:
    content = {"code": error.code, "message": error.message, "details": dict(error.details)}
    return json.dumps({"error": content}, default=str).encode()

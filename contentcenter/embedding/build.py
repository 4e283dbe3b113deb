"""Chooses the embedder a process uses."""

from __future__ import annotations

from pathlib import Path

from contentcenter.embedding.cache import CachedEmbedder, VectorCache
from contentcenter.embedding.client import RemoteEmbedder
from contentcenter.embedding.ports import Embedder
from contentcenter.embedding.sentence import SentenceEmbedder


def build_embedder(
    url: str | None,
    model: str,
    cache_dir: Path,
    device: str | None = None,
    precision: str = "auto",
    *,
    passages: VectorCache | None = None,
) -> Embedder:
    """The embedding server at `url`, or without a url the model inside this process.

    Nothing is loaded or asked before the first use. Queries are cached in memory; passages in
    `passages` if given. Empty strings for `url` and `device` mean None.
    """
    inner: Embedder
    if url:
        inner = RemoteEmbedder(url)
    else:
        inner = SentenceEmbedder(
            model, cache_dir=cache_dir, device=device or None, precision=precision
        )
    return CachedEmbedder(inner, passages=passages)

"""`evaluate search`: files in, one JSON object out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contentcenter.embedding.cache import CachedEmbedder
from contentcenter.embedding.ports import Embedder
from contentcenter.floor import Floor
from contentcenter.search.temporary import temporary_index
from recommend.evaluation.files import JudgedSet, read_set
from recommend.evaluation.search import SearchEvaluation, Tell
from recommend.evaluation.vectors import KeptEmbedder, open_cache
from recommend.search.ranking import SearchWeights


def evaluate_search(
    floor: Floor, files: tuple[Path, Path, Path], engine: str, tell: Tell
) -> dict[str, Any]:
    """Metrics by method, and what was measured. `files`: corpus, queries, qrels. Raises
    `InvalidInput` for a bad one and `EngineUnavailable` when the engine does not answer."""
    judged = read_set(*files)
    tell(f"{len(judged.documents)} documents, {len(judged.judged)} judged questions")
    if judged.strangers:
        tell(f"{judged.strangers} judged documents are not in the corpus and count as missed")
    if judged.blank:
        tell(f"{judged.blank} questions are blank and find nothing")
    return measure(floor, judged, engine, tell)


def measure(
    floor: Floor,
    judged: JudgedSet,
    engine: str,
    tell: Tell,
    weights: SearchWeights | None = None,
) -> dict[str, Any]:
    """The same for a set already read. Vectors are kept in the cache folder."""
    with ExitStack() as stack:
        db, cache = open_cache(floor.settings.effective_cache_dir, floor.clock)
        stack.callback(db.dispose)
        embedder: Embedder = KeptEmbedder(
            _without_cache(floor.embedder),
            cache,
            lambda done, total: tell(f"embedded {done} of {total}"),
        )
        evaluation = SearchEvaluation(
            judged,
            floor,
            index=stack.enter_context(temporary_index(engine, floor.settings)),
            plain_index=stack.enter_context(temporary_index(engine, floor.settings)),
            embedder=embedder,
            weights=weights,
            tell=tell,
        )
        found: dict[str, Any] = dict(evaluation.run())
        return {
            **found,
            "engine": engine,
            "documents": len(judged.documents),
            "queries": len(judged.judged),
            "model": str(embedder.identity()),
        }


def _without_cache(embedder: Embedder) -> Embedder:
    """The model itself: the product's cache is for the product's texts."""
    return embedder.inner if isinstance(embedder, CachedEmbedder) else embedder

"""The embedder that holds the model in this process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from contentcenter.embedding.loading import BUNDLED, LoadedModel, load_model
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.embedding.texts import BatchLimits, clean_texts, plan_batches
from contentcenter.embedding.turns import Turns
from contentcenter.embedding.vectors import unit_rows

# Small batches are fastest on a CPU, and a batch is also the longest a query waits.
CPU_BATCH = BatchLimits(texts=8, characters=1_200)
GPU_BATCH = BatchLimits(texts=256, characters=100_000)


class SentenceEmbedder:
    """Any sentence-transformers model: `bundled`, a hub name or a local folder.

    The model is loaded at the first need, once, whichever thread comes first. `precision` is
    `auto`, `float32` or `bfloat16`; `device` None takes CUDA where there is one. Calls from
    several threads share the model batch by batch, queries first. `threads` is how many cores
    one batch uses (process-wide, as torch has it); None leaves torch's choice.
    """

    def __init__(
        self,
        model: str = BUNDLED,
        *,
        cache_dir: Path,
        device: str | None = None,
        precision: str = "auto",
        batch: BatchLimits | None = None,
        threads: int | None = None,
    ) -> None:
        self._model = model
        self._cache_dir = cache_dir
        self._device = device
        self._precision = precision
        self._batch = batch
        self._threads = threads
        self._loaded: LoadedModel | None = None
        self._loading = threading.Lock()
        self._turns = Turns()

    def identity(self) -> ModelIdentity:
        return self._load().identity

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, self._load().prompts.passage, urgent=False)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, self._load().prompts.query, urgent=True)

    def _load(self) -> LoadedModel:
        with self._loading:
            if self._loaded is None:
                self._loaded = load_model(
                    self._model,
                    cache_dir=self._cache_dir,
                    device=self._device,
                    precision=self._precision,
                    threads=self._threads,
                )
            return self._loaded

    def _encode(self, texts: Sequence[str], prompt: str, *, urgent: bool) -> Vectors:
        cleaned = clean_texts(texts)
        loaded = self._load()
        found = np.empty((len(cleaned), loaded.identity.dimension), dtype=np.float32)
        for batch in plan_batches([len(text) for text in cleaned], self._limits(loaded)):
            chosen = [cleaned[position] for position in batch]
            found[batch] = self._turns.run(
                partial(_encode_batch, loaded, chosen, prompt), urgent=urgent
            )
        return unit_rows(found)

    def _limits(self, loaded: LoadedModel) -> BatchLimits:
        on_gpu = loaded.transformer.device.type == "cuda"
        return self._batch or (GPU_BATCH if on_gpu else CPU_BATCH)


def _encode_batch(loaded: LoadedModel, texts: list[str], prompt: str) -> Vectors:
    return loaded.transformer.encode(
        texts,
        prompt=prompt,
        batch_size=len(texts),
        show_progress_bar=False,
        convert_to_numpy=True,
    )

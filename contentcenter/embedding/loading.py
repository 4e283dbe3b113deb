"""Finds a model by name and loads it through sentence-transformers.

The libraries behind it are imported here, inside functions: they cost seconds and hundreds
of megabytes, and most processes never need them.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.bundled import BUNDLED_NAME, bundled_checkpoint
from contentcenter.embedding.checkpoint import PASSAGE_PROMPT, QUERY_PROMPT
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.embedding.precision import choose_precision, read_cpu_flags
from contentcenter.embedding.runtime import return_freed_memory, wait_passively

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED = "bundled"

_HUB_SECONDS = 5.0


@dataclass(frozen=True)
class Prompts:
    """What is put before a text, by the role the text plays."""

    query: str
    passage: str


@dataclass(frozen=True)
class LoadedModel:
    transformer: SentenceTransformer
    identity: ModelIdentity
    prompts: Prompts


def load_model(
    model: str,
    *,
    cache_dir: Path,
    device: str | None,
    precision: str,
    threads: int | None = None,
) -> LoadedModel:
    """Loads `bundled`, a local folder, or a model hub name (from its local copy if any).

    `device` None takes CUDA where there is one. Raises `EngineUnavailable`, saying how to
    mend it, when the model can be had neither locally nor from the hub.
    """
    wait_passively()
    device = device or _best_device()
    kind = choose_precision(precision, on_gpu=device.startswith("cuda"), cpu_flags=read_cpu_flags())
    _limit_threads(threads)
    if model == BUNDLED:
        checkpoint = bundled_checkpoint(cache_dir, kind)
        transformer = _open(str(checkpoint.folder), device, kind, local=True)
        name, revision = BUNDLED_NAME, checkpoint.revision
    elif Path(model).is_dir():
        transformer = _open(model, device, kind, local=True)
        name, revision = Path(model).resolve().name, _folder_revision(Path(model))
    else:
        transformer = _open_from_hub(model, device, kind)
        name, revision = model, _hub_revision(transformer)
    return_freed_memory()
    return LoadedModel(
        transformer=transformer,
        identity=ModelIdentity(name, revision, kind, _dimension(transformer)),
        prompts=choose_prompts(name, transformer.prompts),
    )


def choose_prompts(name: str, saved: Mapping[str, str | None]) -> Prompts:
    """The model's saved prompts; for the E5 family, published without them, its own two."""
    query = saved.get("query") or ""
    passage = saved.get("passage") or saved.get("document") or ""
    lowered = name.lower()
    if not query and not passage and "e5-" in lowered and "instruct" not in lowered:
        return Prompts(QUERY_PROMPT, PASSAGE_PROMPT)
    return Prompts(query, passage)


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _limit_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _open(name: str, device: str, precision: str, *, local: bool) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return SentenceTransformer(
        name,
        device=device,
        local_files_only=local,
        model_kwargs={"dtype": getattr(torch, precision)},
    )


def _open_from_hub(name: str, device: str, precision: str) -> SentenceTransformer:
    try:
        return _open(name, device, precision, local=True)
    except (OSError, ValueError):
        _require_hub(name)  # no local copy: look for the hub first, see there
    try:
        return _open(name, device, precision, local=False)
    except (OSError, ValueError) as error:
        raise EngineUnavailable(
            f"The model {name!r} could not be fetched: {error}. Check its name, or name a local "
            f"folder or {BUNDLED!r} instead.",
            engine="embedding",
        ) from error


def _require_hub(name: str) -> None:
    """Returns when the hub answers at all. Its own client retries for 70 seconds otherwise."""
    from huggingface_hub import constants

    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=_HUB_SECONDS):  # noqa: S310
            return
    except urllib.error.HTTPError:
        return
    except OSError as error:
        raise EngineUnavailable(
            f"The model {name!r} is not on this machine and the model hub at "
            f"{constants.ENDPOINT} does not answer. Set HF_ENDPOINT to a mirror that can be "
            f"reached, or name a local folder or {BUNDLED!r} instead.",
            engine="embedding",
        ) from error


def _dimension(transformer: SentenceTransformer) -> int:
    dimension = transformer.get_embedding_dimension()
    if dimension is None:
        raise EngineUnavailable("The model does not tell its dimension.", engine="embedding")
    return dimension


def _hub_revision(transformer: SentenceTransformer) -> str:
    return str(getattr(transformer.config, "_commit_hash", None) or "unknown")


def _folder_revision(folder: Path) -> str:
    """A digest of everything in the folder: a retrained model is another model."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]

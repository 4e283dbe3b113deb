"""Commands of this room: thin doors to its services."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext

from recommend.ext import get_recommend
from recommend.search_request import SearchRequest

audiences = AppGroup("audiences", help="Audiences and their personas.")


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


COMMANDS: list[click.Command] = [search, audiences]

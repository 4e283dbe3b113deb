"""Commands of this room: thin doors to its services."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from distribute.ext import get_distribute
from distribute.posts_view import PostFilter

plan = AppGroup("plan", help="Plans: which item for which audience, when.")
posts = AppGroup("posts", help="Posts and their delivery.")
ACTOR = "command line"


@plan.command("run")
@click.option("--days", default=7, show_default=True, help="How many days ahead.")
@click.option("--audience", "audience_ids", type=int, multiple=True, help="Only these audiences.")
@click.option("--replace", is_flag=True, help="Plan anew what is only planned so far.")
def run_plan(days: int, audience_ids: tuple[int, ...], replace: bool) -> None:
    """Plan now, in this process."""
    plans = get_distribute().plans
    view = plans.request(ACTOR, days=days, audience_ids=audience_ids, replace=replace)
    done = plans.run(view.id)
    click.echo(f"plan {done.id}: {done.state}")
    for name, value in done.summary.items():
        click.echo(f"  {name}: {value}")


@posts.command("list")
@click.option("--state", default=None, help="Only posts in this state.")
@click.option("--limit", default=50, show_default=True)
def list_posts(state: str | None, limit: int) -> None:
    """Posts, newest first."""
    for card in get_distribute().posts.recent(PostFilter(state=state), limit=limit):
        click.echo(
            f"{card.id}\t{card.slot_at:%Y-%m-%d %H:%M}\t{card.state}\t{card.audience}\t{card.item}"
            f"\t{card.reason}"
        )


COMMANDS = [plan, posts]

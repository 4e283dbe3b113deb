"""`items import`, `items trust`, `items status`, `index rebuild`, `index check`."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from contentcenter.commands import Stop
from contentcenter.domain.content import ItemKind, ItemState
from contentcenter.domain.errors import ContentCenterError
from ingest.ext import get_ingest
from ingest.imports import FAILED, ImportView
from ingest.rebuild_state import RebuildState

items = AppGroup("items", help="Content items.")
index = AppGroup("index", help="The search index.")
_SHOWN_FAULTS = 50


@items.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="Name of the supplier or feed.")
@click.option("--kind", type=click.Choice([str(kind) for kind in ItemKind]), default="supplier")
def items_import(file: Path, source: str, kind: str) -> None:
    """Import FILE now, with a progress line and the row report."""
    service = get_ingest().imports
    try:
        with file.open("rb") as stream:
            import_id = service.receive(stream, file.name, source, "command line", kind)
        service.run(import_id, _progress)
        view = service.get(import_id)
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo("", err=True)
    _report(view)


def _progress(view: ImportView) -> None:
    click.echo(f"\r{view.done_rows}/{view.total_rows} 行", nl=False, err=True)


def _report(view: ImportView) -> None:
    if view.state == FAILED:
        raise click.ClickException(f"导入 {view.id} 失败：{view.failure}")
    click.echo(
        f"导入 {view.id}：新增 {view.created}，更新 {view.updated}，"
        f"未变 {view.unchanged}，退回 {view.rejected}"
    )
    page = get_ingest().imports.faults(view.id, _SHOWN_FAULTS)
    for line in page.items:
        verdict = "退回" if line.fatal else "留空"
        shown = f"（{line.value}）" if line.value else ""
        click.echo(f"第 {line.row} 行 {line.field}{shown}：{line.reason}，{verdict}。{line.mend}")
    if view.faults > len(page.items):
        click.echo(f"…共 {view.faults} 处问题")


@items.command("trust")
@click.argument("source")
@click.option("--kind", type=click.Choice([str(kind) for kind in ItemKind]), default="supplier")
@click.option("--off", is_flag=True, help="Trust it no longer.")
def items_trust(source: str, kind: str, off: bool) -> None:
    """Publish new items of SOURCE by rule, without an editor, when they carry no risk."""
    try:
        get_ingest().sources.trust(source, kind, not off, "command line")
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"{source}：{'不再按规则发布' if off else '新内容按规则发布'}")


@items.command("status")
def items_status() -> None:
    """Items by state, waiting imports and the index."""
    counts = get_ingest().items.counts()
    for state in ItemState:
        click.echo(f"{state:10} {counts.get(state, 0):>8}")
    click.echo(f"{'unindexed':10} {get_ingest().indexer.behind():>8}")


@index.command("rebuild")
def index_rebuild() -> None:
    """Make a new index from the store and switch to it."""
    try:
        ended = get_ingest().rebuilds.run_here(
            "command line", lambda now, total: click.echo(f"\r{now}/{total}", nl=False, err=True)
        )
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo("", err=True)
    if ended.state is not RebuildState.DONE:
        raise click.ClickException(f"重建没有完成（{ended.state}）：{ended.problem}")
    click.echo(f"索引已重建，共 {ended.done} 条内容")


@index.command("check")
def index_check() -> None:
    """Compare index and store; what is out of step is indexed again."""
    found = get_ingest().indexer.check()
    click.echo(
        f"应有 {found.expected}，现有 {found.indexed}，落后 {found.out_of_step}，"
        f"缺少 {found.missing}，多余 {found.surplus}，已重新排队 {found.requeued}"
    )


COMMANDS = [items, index]

"""The room's console blueprint and the way to its services."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash

from contentcenter.console.language import t
from contentcenter.console.views.base import console
from contentcenter.domain.errors import ContentCenterError
from distribute.reading import ReadingService

blueprint = Blueprint("distribute_console", "distribute", template_folder="templates")


def reading() -> ReadingService:
    return ReadingService(console().floor.db)


def each(ids: list[int], act: Callable[[int], object], done_text: str) -> None:
    """Do something with every id and tell what became of it; one fault stops no other."""
    done = 0
    for one in ids:
        try:
            act(one)
            done += 1
        except ContentCenterError as error:
            flash(f"#{one}: {error.message}", "error")
    if done:
        flash(t(done_text, count=done), "ok")
    if not ids:
        flash(t("请先勾选"), "error")

"""The room's console blueprint, its words, and the way to its services."""

from __future__ import annotations

import re

from flask import Blueprint

from contentcenter.console.labels import Label, add_labels
from contentcenter.console.views.base import console
from contentcenter.domain.errors import InvalidInput
from contentcenter.store import watch
from ingest.faults import BadValue
from ingest.media import record_picture, store_picture
from ingest.reading import ReadingService

blueprint = Blueprint("ingest_console", "ingest", template_folder="templates")

add_labels(
    "quality_part",
    {
        "base": Label("基础"),
        "length": Label("篇幅"),
        "structure": Label("结构"),
        "title": Label("标题"),
        "author": Label("署名"),
        "picture": Label("配图"),
        "books": Label("图书"),
        "duplicate": Label("重复扣分"),
    },
)
add_labels(
    "action",
    {
        "received": Label("收到"),
        "changed": Label("修改"),
        "processed": Label("处理完成"),
        "ready": Label("处理完成"),
        "failed": Label("处理失败"),
        "approved": Label("批准发布"),
        "published_by_rule": Label("按规则发布"),
        "rejected": Label("退回"),
        "withdrawn": Label("撤下"),
        "process_again": Label("重新处理"),
    },
)


def state_counts() -> dict[str, int]:
    with console().floor.db.reading() as session:
        return watch.items_by_state(session)


def reading() -> ReadingService:
    return ReadingService(console().floor.db)


def split_names(text: str) -> tuple[str, ...]:
    """Names as people type them: separated by any comma, semicolon or line end."""
    return tuple(name.strip() for name in re.split(r"[;；,，、|\n]+", text) if name.strip())


def save_picture(data: bytes, name: str) -> str:
    """Keep a picture and return its address on this site."""
    floor = console().floor
    try:
        picture = store_picture(floor.settings.media_dir, data)
    except BadValue as bad:
        raise InvalidInput(f"{bad.reason}；{bad.mend}", field="file") from bad
    with floor.db.transaction() as session:
        record_picture(session, picture, name, floor.clock.now())
    return picture.address

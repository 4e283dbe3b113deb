"""What can be known of an item from its own text. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from contentcenter.text.analysis import Analyser
from contentcenter.text.query import TextField
from ingest.fingerprints import signature
from ingest.linking import Mentions, find_mentions
from ingest.markup import Rendered, render


@dataclass(frozen=True)
class Incoming:
    """A received item as it was read."""

    id: int
    version: int
    title: str
    summary: str
    body: str


@dataclass(frozen=True)
class Prepared:
    """What can be known of an item from its own text."""

    item: Incoming
    rendered: Rendered
    text: str
    signature: bytes | None
    mentions: Mentions
    title_words: tuple[str, ...]
    body_words: tuple[str, ...]


def prepare(item: Incoming, analyser: Analyser) -> Prepared:
    """Everything that follows from the item's own text. Pure."""
    rendered = render(item.body)
    text = rendered.text or item.summary
    fields = analyser.document_fields(item.title, [], [], [], text)
    return Prepared(
        item=item,
        rendered=rendered,
        text=text,
        signature=signature(text),
        mentions=find_mentions(item.title, f"{item.summary}\n{text}"),
        title_words=tuple(fields.get(TextField.TITLE, "").split()),
        body_words=tuple(fields.get(TextField.BODY, "").split()),
    )

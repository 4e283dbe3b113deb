"""What of an item is embedded, in one sorted batch, and the one vector it comes to. Pure but
for the model.

Position 0 of an item's texts is its title, the text's passages follow from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.passages import item_vector, split_passages
from contentcenter.embedding.ports import Embedder, Vectors

# A long article is known by its beginning; tailoring quotes from these passages too.
PASSAGES_MAX = 40


@dataclass(frozen=True)
class Embedded:
    """Texts of one item, title first, with a row of `vectors` for each."""

    texts: tuple[str, ...]
    vectors: Vectors

    @property
    def item(self) -> Vectors:
        """The vector of the whole item."""
        return combine(self.texts, self.vectors)


def combine(texts: Sequence[str], vectors: Vectors) -> Vectors:
    """The item's vector from its title (first) and passages."""
    return item_vector(vectors[1:], [len(text) for text in texts[1:]], title=vectors[0])


def texts_of(title: str, text: str) -> tuple[str, ...]:
    """What of an item is embedded: its title, then passages of its text."""
    return (title, *(passage.text for passage in split_passages(text)[:PASSAGES_MAX]))


def embed(
    embedder: Embedder, texts: Mapping[int, Sequence[str]]
) -> tuple[dict[int, Embedded], dict[int, str]]:
    """Vectors by item id, and what was wrong with the items that have none.

    All texts go to the model in one call, which sorts them by length; only when the model
    refuses the call are items tried one by one, so that one odd text costs one item.
    """
    flat = [text for parts in texts.values() for text in parts]
    if not flat:
        return {}, {}
    try:
        rows = embedder.encode_passages(flat)
    except InvalidInput as error:
        if len(texts) == 1:
            return {}, dict.fromkeys(texts, error.message)
        return _one_by_one(embedder, texts)
    done: dict[int, Embedded] = {}
    at = 0
    for item_id, parts in texts.items():
        done[item_id] = Embedded(tuple(parts), rows[at : at + len(parts)])
        at += len(parts)
    return done, {}


def _one_by_one(
    embedder: Embedder, texts: Mapping[int, Sequence[str]]
) -> tuple[dict[int, Embedded], dict[int, str]]:
    done: dict[int, Embedded] = {}
    faults: dict[int, str] = {}
    for item_id, parts in texts.items():
        good, bad = embed(embedder, {item_id: parts})
        done |= good
        faults |= bad
    return done, faults

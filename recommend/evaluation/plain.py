"""Plain BM25 as an outsider would do it, in the same engine: the mark to beat.

Characters and pairs of neighbouring characters of NFKC, lower-case text without white space,
all in one field of one weight: no words, no traditional to simplified, no names, no codes.
Of pairs alone, single characters alone and both, both come nearest to the published
references of the Chinese sets (docs/decisions/0012-search-fusion.md).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from contentcenter.search.ports import Clause, IndexDocument, LexicalQuery, TextField
from contentcenter.store.cards import ItemCard

_FIELD = TextField.BODY
_BODY_CHARACTERS = 20_000


def plain_document(card: ItemCard) -> IndexDocument:
    """The item as one bag of characters and pairs: every text of it that can be searched."""
    return IndexDocument(
        id=card.id,
        revision=card.version,
        text={_FIELD: " ".join(grams("\n".join(_texts(card))))},
        vector=None,
        kind=card.kind,
        state=card.state,
    )


def plain_query(text: str) -> LexicalQuery:
    """The question cut the same way."""
    return LexicalQuery(should=(Clause(_FIELD, tuple(dict.fromkeys(grams(text)))),))


def grams(text: str) -> list[str]:
    """Characters, then pairs, of the text without white space."""
    plain = "".join(unicodedata.normalize("NFKC", text[:_BODY_CHARACTERS]).lower().split())
    return [*plain, *(plain[at : at + 2] for at in range(len(plain) - 1))]


def _texts(card: ItemCard) -> Iterator[str]:
    yield card.title
    yield card.author
    for book in card.books:
        if book.title != card.title:
            yield book.title
        yield from (book.author, book.translator, book.publisher, book.isbn or "")
    yield from card.tag_names
    yield card.text

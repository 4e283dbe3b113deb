"""ISBNs as 13 digits, however they were written."""

from __future__ import annotations

import re
import unicodedata

from stdnum import isbn as _isbn

# Dashes of all kinds stand between the groups, and a text may write spaces there.
_DASHES = "\\-\u2010\u2011\u2012\u2013\u2014\u2212"
_CANDIDATE = re.compile(
    rf"(?<![0-9A-Za-z])(?:97[89][\s{_DASHES}]?)?(?:[0-9][\s{_DASHES}]?){{9}}[0-9Xx](?![0-9A-Za-z])"
)
_FILLING = re.compile(rf"[\s{_DASHES}]")


def canonical_isbn(text: str) -> str | None:
    """The 13 digits of an ISBN-10 or ISBN-13 with a right check digit, or None."""
    compact = _FILLING.sub("", unicodedata.normalize("NFKC", text)).upper()
    if len(compact) not in {10, 13} or not _isbn.is_valid(compact):
        return None
    return str(_isbn.to_isbn13(compact)) if len(compact) == 10 else compact


def find_isbns(text: str) -> list[str]:
    """Every valid ISBN in a text, canonical, each once, in order."""
    found: dict[str, None] = {}
    for match in _CANDIDATE.finditer(unicodedata.normalize("NFKC", text)):
        isbn = canonical_isbn(match.group())
        if isbn is not None:
            found[isbn] = None
    return list(found)


def without_isbns(text: str) -> str:
    """The text with every valid ISBN taken out."""

    def keep(match: re.Match[str]) -> str:
        return " " if canonical_isbn(match.group()) else match.group()

    return _CANDIDATE.sub(keep, unicodedata.normalize("NFKC", text))

"""One spelling for everything that is compared: the same steps for documents and questions.

NFKC (full-width letters and digits, ligatures, Roman numeral signs), traditional to
simplified characters, case folding, Latin letters without accents (García = garcia), one
space for any white space, nothing invisible.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc_pyo3 import OpenCC

# Zero-width characters, soft hyphens, direction marks, BOM and variation selectors: they
# split words without being seen.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# Accents on Latin letters only: in kana and Cyrillic they make another letter.
_ACCENT = re.compile("(^|[a-z])[\u0300-\u036f]+")
_ACCENTED = re.compile("[\u00e0-\u024f\u1e00-\u1eff\u0300-\u036f]")
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
_SPACE = re.compile(r"\s+")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af\u3007"
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
# Without the middle dot and the long mark, which Chinese texts use in foreign names.
_KANA = re.compile("[\u3041-\u309f\u30a1-\u30fa]")


@cache
def _converter() -> OpenCC:
    """Traditional to simplified. Its dictionaries take 30 MB, so they wait for the first text."""
    from opencc_pyo3 import OpenCC

    return OpenCC("t2s")


def normalise(text: str) -> str:
    """The comparable form of a text, trimmed. Offsets do not survive; see `fold_character`."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if _HAN_CHARACTER.search(text):
        text = str(_converter().convert(text))
    return _SPACE.sub(" ", _without_accents(text.casefold())).strip()


def simplified(text: str) -> str:
    """Traditional characters made simplified, all else as written. Japanese stays as it is:
    its characters only look traditional."""
    if not _HAN_CHARACTER.search(text) or _KANA.search(text):
        return text
    return str(_converter().convert(text))


def _without_accents(text: str) -> str:
    if not _ACCENTED.search(text):
        return text
    apart = "".join(
        unicodedata.normalize("NFD", c) if _ACCENTED.match(c) else c for c in text
    ).translate(_STROKES)
    return unicodedata.normalize("NFC", _ACCENT.sub(r"\1", apart))


@lru_cache(maxsize=65_536)
def fold_character(character: str) -> str:
    """The comparable form of one raw character, which may be longer, shorter or empty.

    Used where places in the raw text matter. Phrases that convert as a whole (乾隆) may come
    out differently than in `normalise`; a highlight is then missing, never misplaced.
    """
    if character.isspace():
        return " "
    return normalise(character)


def is_traditional(text: str, share: float = 0.0) -> bool:
    """Whether more than this share of the Chinese characters are traditional ones."""
    characters = _HAN_CHARACTER.findall(text)
    changed = sum(1 for one in characters if fold_character(one) != one)
    return changed > share * len(characters)


def is_han(character: str) -> bool:
    """Whether this is a Chinese character."""
    return _HAN_CHARACTER.match(character) is not None


def has_han(text: str) -> bool:
    return _HAN_CHARACTER.search(text) is not None

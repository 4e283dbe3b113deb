"""How a question is made from a book, and which books answer it. Pure.

The words of README.md in code; nothing here looks at what a search engine does.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from contentcenter.text.isbn import canonical_isbn

_BRACKETS = re.compile(r"[（(\[【〔].*?[）)\]】〕]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_AUTHORS = re.compile(r"\s*[/／;；,，、]\s*|\s+等$")
_NUMERALS = "一二三四五六七八九"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
# 三体Ⅱ, 三体2, 三体(二), 三体 第二部, 三体 卷二: the part before, and the number.
_VOLUME = re.compile(
    r"^(?P<base>.*?[\u4e00-\u9fff])\s*(?:"
    r"(?P<digit>[1-9])|[（(](?P<bracket>[一二三四五六七八九1-9])[）)]"
    r"|第(?P<part>[一二三四五六七八九1-9])[部卷册集季辑]|卷(?P<roll>[一二三四五六七八九1-9])"
    r")(?:\s*[：:—（(].*)?$"
)


@dataclass(frozen=True)
class Book:
    """What the rules look at. `base`: the title without brackets, squeezed."""

    id: str
    title: str
    squeezed: str
    base: str
    authors: tuple[str, ...]
    tags: frozenset[str]
    isbn: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Book:
        title = row["title"]
        return cls(
            id=row["id"],
            title=title,
            squeezed=squeeze(title),
            base=squeeze(_BRACKETS.sub("", title)) or squeeze(title),
            authors=authors_of(row.get("author", "")),
            tags=frozenset(row.get("tags", ())),
            isbn=canonical_isbn(row["isbn"]) if row.get("isbn") else None,
        )


def squeeze(text: str) -> str:
    """Letters, digits and characters only, lower case."""
    return "".join(character for character in text.lower() if character.isalnum())


def authors_of(text: str) -> tuple[str, ...]:
    """Names without countries and brackets, in the order given."""
    names = (_BRACKETS.sub("", one).strip() for one in _AUTHORS.split(text))
    return tuple(dict.fromkeys(name for name in names if name))


def volume_of(title: str) -> tuple[str, int] | None:
    """The squeezed part before a volume's number, and the number 1 to 9."""
    found = _VOLUME.match(title)
    if found is None:
        return None
    sign = next(value for name, value in found.groupdict().items() if name != "base" and value)
    number = int(sign) if sign.isdigit() else _NUMERALS.index(sign) + 1
    return squeeze(found["base"]), number


def volume_question(title: str, form: str) -> str:
    """The same volume, written in another way: `part`, `digit` or `roman`."""
    found = _VOLUME.match(title)
    volume = volume_of(title)
    assert found is not None
    assert volume is not None
    base, number = found["base"].strip(), volume[1]
    signs = {
        "part": f"第{_NUMERALS[number - 1]}部",
        "digit": str(number),
        "roman": _ROMAN[number - 1],
    }
    return f"{base} {signs[form]}"


def part_question(title: str, form: str) -> str:
    """The first or last half of a title, or its middle."""
    plain = _BRACKETS.sub("", title).strip()
    half = (len(plain) + 1) // 2
    quarter = len(plain) // 4
    return {"head": plain[:half], "tail": plain[-half:], "middle": plain[quarter:-quarter]}[form]


def pinyin_of(text: str, form: str) -> str:
    """`full` syllables run together, `spaced`, or `initials`."""
    syllables = _syllables("".join(_HAN.findall(text)))
    if form == "initials":
        return "".join(syllable[0] for syllable in syllables)
    return (" " if form == "spaced" else "").join(syllables)


@cache
def _syllables(characters: str) -> tuple[str, ...]:
    from pypinyin import Style, lazy_pinyin

    return tuple(lazy_pinyin(characters, style=Style.NORMAL))


def isbn_question(isbn: str, form: str) -> str:
    """`plain` 13 digits, with `hyphens`, or the old number of `ten`."""
    from stdnum import isbn as numbers

    if form == "hyphens":
        return str(numbers.format(isbn))
    return str(numbers.to_isbn10(isbn)) if form == "ten" else isbn


def misspelt(title: str, form: str, homophones: Mapping[str, str]) -> str:
    """One slip in a title: a `homophone`, a `missing` or `swapped` character, or in a Latin
    word a `latin` letter left out. The place is the middle one that the slip changes."""
    places = [at for at in range(len(title)) if _slip(title, at, form, homophones) != title]
    assert places, f"nothing in {title} can be misspelt as {form}"
    return _slip(title, places[len(places) // 2], form, homophones)


def _slip(title: str, at: int, form: str, homophones: Mapping[str, str]) -> str:
    if form == "homophone":
        return title[:at] + homophones.get(title[at], title[at]) + title[at + 1 :]
    if form == "missing":
        return title[:at] + title[at + 1 :] if _HAN.match(title[at]) else title
    if form == "swapped":
        pair = title[at : at + 2]
        both = len(pair) == 2 and all(_HAN.match(one) for one in pair)
        return title[:at] + pair[::-1] + title[at + 2 :] if both else title
    inside = title[at - 1 : at + 2] if at else ""
    latin = len(inside) == 3 and inside.isascii() and inside.isalpha()
    return title[:at] + title[at + 1 :] if latin else title


def homophones_in(titles: Iterable[str]) -> dict[str, str]:
    """For each character of the titles the most used other one of the same sound and tone."""
    used = Counter(character for title in titles for character in _HAN.findall(title))
    by_sound: dict[str, list[str]] = defaultdict(list)
    for character, _ in sorted(used.items(), key=lambda pair: (-pair[1], pair[0])):
        by_sound[_sound(character)].append(character)
    return {
        one: next(other for other in group if other != one)
        for group in by_sound.values()
        for one in group
        if len(group) > 1
    }


@cache
def _sound(character: str) -> str:
    from pypinyin import Style, lazy_pinyin

    return str(lazy_pinyin(character, style=Style.TONE3)[0])


def traditional(title: str) -> str:
    from opencc_pyo3 import OpenCC

    return str(OpenCC("s2t").convert(title))


def same_title(books: Iterable[Book], wanted: Book) -> dict[str, float]:
    """2: the same title and one author in common (or an author unknown); 1: the same title
    otherwise, or the same but for brackets."""
    grades: dict[str, float] = {}
    for book in books:
        if book.squeezed == wanted.squeezed:
            unknown = not book.authors or not wanted.authors
            ours = unknown or set(book.authors) & set(wanted.authors)
            grades[book.id] = 2.0 if ours else 1.0
        elif book.base == wanted.base:
            grades[book.id] = 1.0
    return grades


def containing(books: Iterable[Book], part: str, wanted: Book) -> dict[str, float]:
    """1: the title holds the part; 2: it is the title meant."""
    small = squeeze(part)
    found = {book.id: 1.0 for book in books if small in book.squeezed}
    return found | {one: 2.0 for one, grade in same_title(books, wanted).items() if grade == 2.0}


def of_author(books: Iterable[Book], name: str) -> dict[str, float]:
    wanted = squeeze(name)
    return {
        book.id: 1.0 for book in books if wanted in {squeeze(author) for author in book.authors}
    }


def of_volume(books: Iterable[Book], wanted: Book) -> dict[str, float]:
    """2: the same work and number; 1: another number of the same work."""
    volume = volume_of(wanted.title)
    assert volume is not None
    grades: dict[str, float] = {}
    for book in books:
        other = volume_of(book.title)
        if other is not None and other[0] == volume[0]:
            grades[book.id] = 2.0 if other[1] == volume[1] else 1.0
    return grades


def of_tags(books: Iterable[Book], groups: Sequence[Sequence[str]]) -> dict[str, float]:
    """2: a tag of every group; 1, when there are several groups: of all but one."""
    grades: dict[str, float] = {}
    for book in books:
        held = sum(bool(book.tags & set(group)) for group in groups)
        if held == len(groups):
            grades[book.id] = 2.0
        elif len(groups) > 1 and held == len(groups) - 1:
            grades[book.id] = 1.0
    return grades


def alike(
    books: Mapping[str, Book], lists: Iterable[Sequence[str]], wanted: Book
) -> dict[str, float]:
    """Books that readers put into lists beside this one: at least 3 lists of at most 400
    books in common, and a tag or an author. 2 for the first 20 by the share of the lists of
    either that are common, 1 for the others. The book itself and its other editions are no
    answer."""
    ours = [set(one) for one in lists if len(one) <= _LARGE]
    counts = Counter(book for one in ours for book in one)
    common = Counter(book for one in ours if wanted.id in one for book in one)
    shares = {
        one: n / (counts[one] + counts[wanted.id] - n)
        for one, n in common.items()
        if n >= _LISTS and one in books and _related(books[one], wanted)
    }
    ordered = sorted(shares, key=lambda one: (-shares[one], one))
    return {one: 2.0 if place < _BEST else 1.0 for place, one in enumerate(ordered)}


_LARGE, _LISTS, _BEST = 400, 3, 20


def _related(book: Book, wanted: Book) -> bool:
    if book.base == wanted.base:
        return False
    return bool(book.tags & wanted.tags or set(book.authors) & set(wanted.authors))

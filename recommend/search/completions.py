"""What a typed beginning may become: by characters, pinyin, initials or a mixture (三ti).

All keys lie in one sorted array of short byte strings, so a beginning is a range found by
bisection; numbers rise from the most used text to the least, so the best of a range are its
smallest numbers, however long the range is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from contentcenter.text.normalise import has_han, is_han, normalise
from recommend.search.known_texts import KnownText
from recommend.search.readings import reading, sounds, syllables

# Keys are cut here; longer beginnings are checked against the whole text.
KEY_BYTES = 24
_INITIALS = 12
# How many of the best texts of a range are looked at when each has to be checked.
_LOOKED_AT = 2_000
_SHORTEST_TYPO = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Completions:
    """Immutable once built; 25 bytes a key, four keys a text."""

    def __init__(self, texts: Iterable[KnownText]) -> None:
        self._all = sorted(texts, key=_order)
        keys, numbers = [], []
        for number, one in enumerate(self._all):
            for key in completion_keys(one.text):
                keys.append(key.encode()[:KEY_BYTES])
                numbers.append(number)
        array = np.array(keys, dtype=f"S{KEY_BYTES}") if keys else np.empty(0, f"S{KEY_BYTES}")
        order = np.argsort(array, kind="stable")
        self._keys = array[order]
        self._numbers = np.array(numbers, dtype=np.int32)[order]

    def __len__(self) -> int:
        return len(self._all)

    def complete(self, typed: str, limit: int) -> list[KnownText]:
        """Texts that begin so, most used first, then shorter ones. With none of those: what
        one wrong letter or a character of the same sound may have meant."""
        wanted = squeezed(typed)
        if not wanted:
            return []
        found = self._beginning(wanted, limit)
        if not found and has_han(wanted):
            found = self._mixed(wanted, limit) or self._beginning(sounds(wanted), limit)
        if not found and len(wanted) >= _SHORTEST_TYPO and wanted.isascii():
            found = self._unique(self._one_letter_off(wanted), limit)
        return found

    def _beginning(self, wanted: str, limit: int) -> list[KnownText]:
        start, end = self._range(wanted)
        numbers = self._numbers[start:end]
        if len(wanted.encode()) <= KEY_BYTES:
            return self._unique(_smallest(numbers, 8 * limit), limit)
        close = (n for n in _smallest(numbers, _LOOKED_AT) if self._begins(n, wanted))
        return self._unique(close, limit)

    def _range(self, wanted: str) -> tuple[int, int]:
        key = wanted.encode()[:KEY_BYTES]
        start = int(np.searchsorted(self._keys, key))
        # No key holds a byte 255: UTF-8 has none.
        after = key[: KEY_BYTES - 1] + b"\xff" if len(key) < KEY_BYTES else key
        side = "left" if len(key) < KEY_BYTES else "right"
        end = int(np.searchsorted(self._keys, after, side=side))  # type: ignore[call-overload]
        return start, end

    def _begins(self, number: int, wanted: str) -> bool:
        return any(key.startswith(wanted) for key in completion_keys(self._all[number].text))

    def _mixed(self, wanted: str, limit: int) -> list[KnownText]:
        """三ti, san体, 三t: each character by itself, by its pinyin or by its first letter."""
        head = next(_runs(wanted))
        start, end = self._range(head)
        numbers = _smallest(self._numbers[start:end], _LOOKED_AT)
        close = (n for n in numbers if spells(squeezed(self._all[n].text), wanted))
        return self._unique(close, limit)

    def _one_letter_off(self, wanted: str) -> list[int]:
        """Numbers of the texts that begin with the letters but one; the first letter is right."""
        variants = np.array(sorted(_variants(wanted)), dtype=self._keys.dtype)
        starts = np.searchsorted(self._keys, variants)
        ends = np.searchsorted(self._keys, np.char.add(variants, b"\xff").astype(self._keys.dtype))
        some = np.flatnonzero(ends > starts)
        parts = [
            self._numbers[start : min(end, start + _LOOKED_AT)]
            for start, end in zip(starts[some], ends[some], strict=True)
        ]
        return _smallest(np.concatenate(parts), 200) if parts else []

    def _unique(self, numbers: Iterable[int], limit: int) -> list[KnownText]:
        found: dict[str, KnownText] = {}
        for number in numbers:
            if len(found) == limit:
                break
            one = self._all[number]
            found.setdefault(squeezed(one.text), one)
        return list(found.values())


def completion_keys(text: str) -> set[str]:
    """What a text can be completed from: itself, its parts behind borders, its pinyin."""
    plain = normalise(text)
    keys = {letters(plain)}
    keys |= {letters(part) for part in _parts(plain)}
    if has_han(plain):
        spelt = syllables(plain)
        keys.add("".join(spelt))
        keys.add("".join(one[0] for one in spelt if one)[:_INITIALS])
    return {key for key in keys if key}


def _parts(plain: str) -> list[str]:
    for mark in "《》·:：-—()（）/、,，":
        plain = plain.replace(mark, " ")
    return plain.split()


def squeezed(text: str) -> str:
    """Letters, digits and + # of the normalised text."""
    return letters(normalise(text))


def letters(plain: str) -> str:
    """`squeezed` for a text that is normalised already."""
    return "".join(c for c in plain if c.isalnum() or c in "+#")


def spells(text: str, typed: str) -> bool:
    """Whether a squeezed text may be typed so far: characters, whole syllables or initials."""
    if not typed:
        return True
    if not text:
        return False
    first = text[0]
    if typed[0] == first:
        return spells(text[1:], typed[1:])
    if not is_han(first) or is_han(typed[0]):
        return False
    syllable = reading(first)
    if syllable.startswith(typed):
        return True
    return (typed.startswith(syllable) and spells(text[1:], typed[len(syllable) :])) or (
        typed[0] == syllable[0] and spells(text[1:], typed[1:])
    )


def _runs(wanted: str) -> Iterator[str]:
    """The leading run of Chinese characters or of anything else."""
    han = is_han(wanted[0])
    end = next((at for at, c in enumerate(wanted) if is_han(c) != han), len(wanted))
    yield wanted[:end]


def _variants(wanted: str) -> set[str]:
    found: set[str] = set()
    for at in range(1, len(wanted)):
        before, after = wanted[:at], wanted[at:]
        found.add(before + after[1:])
        found |= {before + letter + after for letter in _LETTERS}
        found |= {before + letter + after[1:] for letter in _LETTERS}
        if len(after) > 1:
            found.add(before + after[1] + after[0] + after[2:])
    # One byte is left for the end of the range.
    return {one for one in found if len(one) < KEY_BYTES} - {wanted}


def _smallest(numbers: np.ndarray[tuple[int], np.dtype[np.int32]], count: int) -> list[int]:
    if len(numbers) > 4 * count:
        numbers = np.partition(numbers, count)[:count]
    return list(dict.fromkeys(np.sort(numbers)[: 4 * count].tolist()))


def _order(one: KnownText) -> tuple[int, int, str]:
    return -one.weight, len(one.text), one.text


def best_first(found: Sequence[KnownText], limit: int) -> list[KnownText]:
    """Completions of several lists as one."""
    best: dict[str, KnownText] = {}
    for one in sorted(found, key=_order):
        best.setdefault(squeezed(one.text), one)
    return list(best.values())[:limit]

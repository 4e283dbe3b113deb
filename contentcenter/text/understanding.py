"""What was understood of a question, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass

from contentcenter.text.synonyms import Expansion


@dataclass(frozen=True)
class Understanding:
    """`words` are looked for as words, `names` are titles, authors and tags among them,
    `dropped` say nothing; `volumes` as digits; `pinyin` only for Latin letters."""

    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    isbns: tuple[str, ...] = ()
    pinyin: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    expansions: tuple[Expansion, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing to look for: only signs, or nothing but excluded words."""
        return not (self.words or self.volumes or self.isbns or self.phrases)

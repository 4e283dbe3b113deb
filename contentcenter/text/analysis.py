"""Documents and questions as tokens: the one analysis that every engine relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from contentcenter.text import inner, pinyin
from contentcenter.text.isbn import canonical_isbn, find_isbns, without_isbns
from contentcenter.text.names import join_initials, name_parts, without_country
from contentcenter.text.normalise import is_traditional, normalise
from contentcenter.text.query import Clause, LexicalQuery, TextField
from contentcenter.text.question import Question, parse_question
from contentcenter.text.synonyms import WEAKER, Expansion, SearchWords, WordKind
from contentcenter.text.understanding import Understanding
from contentcenter.text.volumes import MARK, mark_volumes
from contentcenter.text.words import Segmenter

# What a match in each field is worth, tuned on one half of four sets and checked on the other
# (docs/decisions/0012-search-fusion.md). Tags answer needs (适合孩子的科普); pairs weigh as much
# as half a title; pinyin stays lowest: `python` is first a word.
BOOSTS: dict[TextField, float] = {
    TextField.TITLE: 2.0,
    TextField.PEOPLE: 2.5,
    TextField.TAGS: 4.0,
    TextField.CODES: 10.0,
    TextField.BODY: 0.7,
    TextField.INNER: 1.0,
    TextField.PINYIN: 0.95,
}
# Beside them, in the field of inner words: characters that only order, and pieces of Latin
# words. Without the former plain BM25 of characters was better on three of the sets.
_CHARACTERS = 2.0
_LATIN_LETTERS = 0.75
_MOST_LETTERS = 64
# Marks what is printed in traditional characters: a title with one of them, a body with more
# than some in quotations. Who asks in them prefers it.
_TRADITIONAL = "§hant"
_PRINTED = 0.1
_SAME_SCRIPT = 4.0
_WORD_FIELDS = (TextField.TITLE, TextField.PEOPLE, TextField.TAGS, TextField.BODY)

# Longer bodies are indexed up to here; the vector side covers passages.
_BODY_CHARACTERS = 20_000
# More words than this describe a text, not a question.
_QUESTION_WORDS = 32
_QUESTION_NAMES = 12
# Titles in sentences, MRR@10 over 20,000 books: 1.0 0.83, 0.3 0.89, 0.15 0.90; parts alone
# must still find what was indexed before the name was known.
_PART = 0.15
# They say nothing beside other words and cost a look at almost every document.
_FUNCTION_WORDS = frozenset("的了是在和与及或就也都而被把吗呢吧啊") | {"the", "a", "of", "and"}


class Analyser:
    """Turns documents into fields and questions into queries with one segmenter."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._search_words = SearchWords()
        self._freshen: Callable[[], None] = lambda: None

    def learn(self, words: Iterable[str]) -> int:
        """Teach the segmenter titles, names and tags; returns how many were new."""
        return self._segmenter.add_words(words)

    def use(self, search_words: SearchWords) -> None:
        """Take these synonyms, aliases and stop words for every question from now on."""
        self._search_words = search_words

    def freshen_with(self, look: Callable[[], None]) -> None:
        """Call this before every document and question; it decides whether a look for new
        words is due. So every process learns by whatever work it does."""
        self._freshen = look

    def document_fields(
        self,
        title: str,
        people: Sequence[str],
        tags: Sequence[str],
        isbns: Sequence[str],
        body: str,
    ) -> dict[TextField, str]:
        """Space-separated tokens of each field; empty fields are left out. ISBNs in the title
        and body are found too; invalid ones among `isbns` are dropped."""
        self._freshen()
        title_text, body_text = _prepared(title), _prepared(body[:_BODY_CHARACTERS])
        people_texts = [part for one in people for part in name_parts(_prepared(one))]
        title_words, body_words = self._words(title_text), self._words(body_text)
        tag_texts = [_prepared(tag) for tag in tags]
        people_words = [self._words(text) for text in people_texts]
        fields = {
            TextField.TITLE: " ".join(self._with_names(title_text, title_words)),
            TextField.PEOPLE: " ".join(_with_wholes(people_texts, people_words)),
            TextField.TAGS: " ".join(self._tag_tokens(tags)),
            TextField.CODES: " ".join([*_codes(isbns, f"{title}\n{body}"), *_script(title, body)]),
            TextField.BODY: " ".join(self._with_names(body_text, body_words)),
            TextField.INNER: inner.layer(
                inner.pairs(title_text),
                *(inner.pairs(text) for text in people_texts),
                *(inner.pairs(text) for text in tag_texts),
                inner.pairs(body_text),
                self._inner_words([*title_words, *body_words]),
                inner.single_characters("".join([title_text, *people_texts])),
                inner.rare_characters(body_text),
                inner.letters("\n".join([title_text, *people_texts, *tag_texts, body_text])),
            ),
            TextField.PINYIN: " ".join(_pinyin([title_words, *people_words])),
        }
        return {field: text for field, text in fields.items() if text}

    def query(self, text: str) -> LexicalQuery:
        """The question as clauses; an empty query when it holds nothing to look for.

        "quoted" parts must appear as they are, -parts must not; a question that is an ISBN
        asks for that code alone; pinyin is tried for Latin letters only.
        """
        self._freshen()
        question = parse_question(text)
        isbns, plain = _codes_and_text(question)
        phrases = [
            clause
            for group, phrase in enumerate(question.phrases)
            for clause in self._phrase_clauses(phrase, group)
        ]
        return LexicalQuery(
            should=(*_code_clauses(isbns), *self._word_clauses(plain)),
            also=_letter_clauses(plain, question.text),
            phrases=tuple(phrases),
            not_phrases=tuple(c for one in question.excluded for c in self._phrase_clauses(one)),
        )

    def understand(self, text: str) -> Understanding:
        """How `query` takes a question apart, for people to look at."""
        question = parse_question(text)
        isbns, plain = _codes_and_text(question)
        all_words, words = self._words(plain), self._question_words(plain)
        return Understanding(
            words=tuple(word for word in words if not word.startswith(MARK)),
            names=tuple(dict.fromkeys(self._segmenter.names(plain, all_words))),
            volumes=tuple(word.removeprefix(MARK) for word in words if word.startswith(MARK)),
            dropped=tuple(dict.fromkeys(word for word in all_words if word not in words)),
            isbns=tuple(isbns),
            pinyin=tuple(pinyin.question_tokens(plain)),
            phrases=question.phrases,
            excluded=question.excluded,
            expansions=tuple(self._search_words.expansions(all_words)),
        )

    def highlight_words(self, text: str) -> tuple[str, ...]:
        """The words of a question to mark in an answer, normalised, longest first."""
        question = parse_question(text)
        prepared = _prepared(question.text)
        words = self._question_words(prepared)
        words += [*self._inner_words(words), *self._question_names(prepared)]
        words += [normalise(phrase) for phrase in question.phrases]
        for expansion in self._search_words.expansions(self._words(prepared)):
            words += expansion.words
        return tuple(sorted({w for w in words if w}, key=lambda word: (-len(word), word)))

    def _words(self, prepared: str) -> list[str]:
        return self._segmenter.words(prepared)

    def _with_names(self, prepared: str, words: Sequence[str]) -> list[str]:
        """Learnt names stand behind the words, so that phrases of words stay phrases."""
        return [*words, *self._segmenter.names(prepared, words)]

    def _question_names(self, prepared: str) -> list[str]:
        words = self._words(prepared)
        stops = self._search_words.stop_words
        found = [one for one in self._segmenter.names(prepared, words) if one not in stops]
        return sorted(dict.fromkeys(found), key=len, reverse=True)[:_QUESTION_NAMES]

    def _question_words(self, prepared: str) -> list[str]:
        words = self._words(prepared)
        loud = self._search_words.without_stops(words) or words
        telling = [word for word in loud if word not in _FUNCTION_WORDS] or loud
        telling = list(dict.fromkeys(telling))
        if len(telling) <= _QUESTION_WORDS:
            return telling
        # Longer words tell more; the order of the question decides among equals.
        kept = set(sorted(telling, key=len, reverse=True)[:_QUESTION_WORDS])
        return [word for word in telling if word in kept][:_QUESTION_WORDS]

    def _inner_words(self, words: Iterable[str]) -> list[str]:
        long_words = {word for word in words if len(word) > 2}
        found = {i for word in sorted(long_words) for i in self._segmenter.inner_words(word)}
        # Two characters are a pair already.
        return sorted(word for word in found if len(word) > 2)

    def _tag_tokens(self, tags: Sequence[str]) -> list[str]:
        texts = [_prepared(tag) for tag in tags]
        return _with_wholes(texts, [self._words(text) for text in texts])

    def _word_clauses(self, prepared: str) -> list[Clause]:
        words = self._question_words(prepared)
        if not words:
            return []
        whole = _whole(prepared)
        wholes = [whole] if len(whole) <= _LONGEST_WHOLE and whole not in words else []
        names = self._question_names(prepared)
        # A known name is asked for as such; its parts say little beside it, and all there is
        # where the name was not yet known when the document was indexed.
        parts = [word for word in words if any(word in name for name in names)]
        full = [*(word for word in words if word not in parts), *names]
        clauses = [
            _clause(field, [*full, *wholes] if field in _WHOLE_FIELDS else full)
            for field in _WORD_FIELDS
        ]
        clauses += [Clause(f, tuple(parts), BOOSTS[f] * _PART) for f in _WORD_FIELDS if parts]
        lower = [*words, *self._inner_words(words), *_pairs_of_words(words, prepared)]
        clauses.append(_clause(TextField.INNER, lower))
        spelt = pinyin.question_tokens(prepared)
        if spelt:
            clauses.append(_clause(TextField.PINYIN, spelt))
        latin = inner.latin_letters(prepared)[:_MOST_LETTERS]
        if latin and not pinyin.is_spelt(prepared):
            # Misspelt, or glued to its neighbours: it still shares most of its letters.
            clauses.append(_clause(TextField.INNER, latin, _LATIN_LETTERS))
        asked = {(clause.field, token) for clause in clauses for token in clause.tokens}
        expansions = self._search_words.expansions(self._words(prepared))
        return [*clauses, *self._synonym_clauses(expansions, asked)]

    def _synonym_clauses(
        self, expansions: Iterable[Expansion], asked: set[tuple[TextField, str]]
    ) -> Iterable[Clause]:
        """One clause a field and synonym. Names of people count in full only where people
        stand. What the question asks for anyway is not asked again."""
        for expansion in expansions:
            for synonym in expansion.words:
                prepared = _prepared(synonym)
                words = self._question_words(prepared)
                whole = _whole(prepared)
                for field in _WORD_FIELDS:
                    tokens = [*words, whole] if field in _WHOLE_FIELDS else words
                    fresh = [t for t in dict.fromkeys(tokens) if (field, t) not in asked]
                    weight = BOOSTS[field] * WEAKER * _share(expansion, field)
                    if fresh:
                        yield Clause(field, tuple(fresh), round(weight / len(fresh), 4))

    def _phrase_clauses(self, phrase: str, group: int | None = None) -> list[Clause]:
        """One phrase, wherever it stands. Pairs in their order find the exact characters."""
        prepared = _prepared(phrase)
        words, pairs = self._words(prepared), inner.pairs(prepared)
        if not words:
            return []
        clauses = [Clause(TextField.INNER, tuple(pairs), BOOSTS[TextField.INNER], group)]
        return clauses + [
            Clause(field, tuple(words), BOOSTS[field], group) for field in _WORD_FIELDS
        ]


_LONGEST_WHOLE = 20
# A name or tag is also one token as a whole, so that the full one beats its parts.
_WHOLE_FIELDS = frozenset({TextField.PEOPLE, TextField.TAGS})


def _prepared(text: str) -> str:
    return mark_volumes(join_initials(normalise(text)))


def _codes_and_text(question: Question) -> tuple[list[str], str]:
    isbns = find_isbns(question.text)
    if not isbns:
        return [], _prepared(without_country(normalise(question.text)))
    return isbns, _prepared(without_isbns(question.text)).replace("isbn", " ")


def _share(expansion: Expansion, field: TextField) -> float:
    return 0.5 if expansion.kind is WordKind.ALIAS and field is not TextField.PEOPLE else 1.0


def _whole(prepared: str) -> str:
    return "".join(c for c in prepared if c.isalnum() or c in "+#")


def _with_wholes(texts: Sequence[str], words: Sequence[Sequence[str]]) -> list[str]:
    tokens: list[str] = []
    for text, parts in zip(texts, words, strict=True):
        tokens += parts
        whole = _whole(text)
        if whole and whole not in parts and len(whole) <= _LONGEST_WHOLE:
            tokens.append(whole)
    return tokens


def _codes(isbns: Sequence[str], text: str) -> list[str]:
    given = [canonical_isbn(isbn) for isbn in isbns]
    return list(dict.fromkeys([*(isbn for isbn in given if isbn), *find_isbns(text)]))


def _pinyin(parts: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(token for part in parts for token in pinyin.pinyin_tokens(part)))


def _code_clauses(isbns: Sequence[str]) -> list[Clause]:
    return [_clause(TextField.CODES, isbns)] if isbns else []


def _letter_clauses(prepared: str, raw: str) -> tuple[Clause, ...]:
    """Characters shared by chance say little, many of them a lot: they only order answers."""
    telling = (one for one in inner.single_characters(prepared) if one not in _FUNCTION_WORDS)
    tokens = [inner.LETTER + one for one in islice(telling, _MOST_LETTERS)]
    clauses = [_clause(TextField.INNER, tokens, _CHARACTERS)] if tokens else []
    if is_traditional(raw):
        clauses.append(Clause(TextField.CODES, (_TRADITIONAL,), _SAME_SCRIPT))
    return tuple(clauses)


def _script(title: str, body: str) -> list[str]:
    printed = is_traditional(title) or is_traditional(body[:_BODY_CHARACTERS], _PRINTED)
    return [_TRADITIONAL] if printed else []


def _clause(field: TextField, tokens: Iterable[str], boost: float | None = None) -> Clause:
    return Clause(field, tuple(dict.fromkeys(tokens)), BOOSTS[field] if boost is None else boost)


def _pairs_of_words(words: Sequence[str], prepared: str) -> list[str]:
    """Pairs of the whole question while it is short; of its kept words when it is long."""
    if len(prepared) <= 4 * _QUESTION_WORDS:
        return inner.pairs(prepared)
    return [pair for word in words for pair in inner.pairs(word)]

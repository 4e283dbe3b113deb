"""Copy styles: ways of telling that hold for every item and audience, tried in experiments.

The usual style speaks in the tone an audience likes (`Tone`); a style named here takes its place.
"""

from __future__ import annotations

from enum import StrEnum

from distribute.ports import Brief

OPENING_LENGTH = 60
SENTENCE_ENDS = "。！？!?"


class CopyStyle(StrEnum):
    QUESTION = "question"  # opens with a question the book answers
    EXCERPT = "excerpt"  # lets the book speak: one sentence of it first, no introduction


_QUESTIONS = (
    "{subject}，你读过吗？",
    "如果今晚只读一本，会是{subject}吗？",
    "{subject}到底讲了什么？",
)
_QUESTION_CALLS = ("点开看看，再回群里说说你的答案", "答案在这里")
_EXCERPT_CALLS = ("这一段的前后文在这里", "接着往下读")


def styled(brief: Brief, pick: int) -> tuple[str, tuple[str, ...], str] | None:
    """Opening, body and call to action in the brief's style; None for the usual style, and for
    an excerpt of an item without any text."""
    if brief.style == CopyStyle.QUESTION:
        opening = _QUESTIONS[pick % len(_QUESTIONS)].format(subject=_subject(brief))
        return opening, brief.passages, _QUESTION_CALLS[pick % len(_QUESTION_CALLS)]
    if brief.style == CopyStyle.EXCERPT and brief.passages and brief.passages[0].strip():
        first, rest = _first_sentence(brief.passages[0].strip())
        body = tuple(text for text in (rest, *brief.passages[1:]) if text)
        return f"“{first}”", body, _EXCERPT_CALLS[pick % len(_EXCERPT_CALLS)]
    return None


def _subject(brief: Brief) -> str:
    if brief.books:
        return f"《{brief.books[0].title.strip('《》')}》"
    return f"“{brief.title}”"


def _first_sentence(text: str) -> tuple[str, str]:
    """The first sentence, at most `OPENING_LENGTH` characters of it, and what follows."""
    ends = [place for mark in SENTENCE_ENDS if (place := text.find(mark)) >= 0]
    end = min(ends) + 1 if ends else len(text)
    if end > OPENING_LENGTH:
        return text[: OPENING_LENGTH - 1] + "…", text
    return text[:end].rstrip(), text[end:].strip()

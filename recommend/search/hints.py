"""What stands beside the answers of a question: did you mean, and related questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.cards import ItemCard
from contentcenter.text.isbn import find_isbns
from contentcenter.text.question import parse_question
from recommend.search.alike import named_in
from recommend.search.known_service import HINT_WAIT_SECONDS, KnownTexts
from recommend.search.related import Related, related_questions
from recommend.search.request import SearchAnswer, SearchRequest
from recommend.search.spelling import LONGEST

# A question whose very words stand in so many items is no slip.
ENOUGH = 3


@dataclass(frozen=True)
class Hints:
    """`did_you_mean` is another question, never asked by itself: answers to it are only shown
    by who asks it, so that they cannot stand before the right ones."""

    did_you_mean: str | None = None
    related: tuple[Related, ...] = ()


class SearchHints:
    """Reads memory; asks the index once, and only when it has a better spelling to offer."""

    def __init__(self, floor: Floor, known: KnownTexts) -> None:
        self._floor = floor
        self._known = known

    def hints(self, question: str, cards: Sequence[ItemCard]) -> Hints:
        """For a question and the cards of its first answers."""
        if not question.strip():
            return Hints()
        whole, _ = self._known.views(HINT_WAIT_SECONDS)
        related = related_questions(question, cards, whole.counts)
        return Hints(self.did_you_mean(question), tuple(related))

    def beside(self, request: SearchRequest, answer: SearchAnswer) -> SearchAnswer:
        """The answer with its hints; only first pages have some."""
        if request.cursor is not None:
            return answer
        found = self.hints(request.q, [hit.card for hit in answer.items])
        return replace(answer, did_you_mean=found.did_you_mean, related=found.related)

    def did_you_mean(self, question: str) -> str | None:
        """A known spelling for a question that finds nothing or little as it stands; None for
        codes, quoted or excluded parts, the like of a book and everything known."""
        if named_in(question):
            return None
        parsed = parse_question(question)
        if parsed.phrases or parsed.excluded or len(question.strip()) > LONGEST:
            return None
        if find_isbns(question):
            return None
        whole, recent = self._known.views(HINT_WAIT_SECONDS)
        if recent.spelling.knows(question):
            return None
        found = whole.spelling.correct(question) or recent.spelling.correct(question)
        return found if found is not None and self._finds_little(parsed.text) else None

    def _finds_little(self, text: str) -> bool:
        exact = " ".join(f'"{piece}"' for piece in text.replace('"', " ").split())
        query = self._floor.analyser.query(exact)
        wanted = Filters(states=(ItemState.PUBLISHED.value,))
        try:
            return len(self._floor.index.lexical(query, wanted, ENOUGH)) < ENOUGH
        except EngineUnavailable:
            return False

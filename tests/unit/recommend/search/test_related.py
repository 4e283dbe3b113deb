"""Related questions: what the answers have in common and the corpus has not."""

from __future__ import annotations

from datetime import UTC, datetime

from contentcenter.store.cards import BookCard, ItemCard, TagCard
from recommend.search.known_texts import Counts
from recommend.search.related import MOST, MOST_OF_A_KIND, related_questions

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def card(
    number: int, *, tags: tuple[str, ...] = (), author: str = "", book: str = "", category="scifi"
) -> ItemCard:
    books = (BookCard(number, number, None, book, author, "", "", None, None, "", ""),)
    return ItemCard(
        id=number, kind="pgc", form="article", state="published", title=f"篇{number}", summary="",
        text="", author="编辑", category=category, cover="", source="", source_trusted=True,
        quality=0.5, version=1, content_hash="", duplicate_of=None, created_at=NOW, updated_at=NOW,
        published_at=NOW, books=books if book else (),
        tags=tuple(TagCard(tag, "editor", 1.0) for tag in tags),
    )  # fmt: skip


COUNTS = Counts(
    total=1000,
    tags={"科幻": 60, "好书": 900, "太空": 12, "刘慈欣": 12},
    authors={"刘慈欣": 12, "阿瑟·克拉克": 5},
    books={"三体": 4, "球状闪电": 3},
    categories={"scifi": 80},
)
TOP = [
    card(n, tags=("科幻", "好书", "太空") if n % 2 else ("科幻", "好书"), author="[中] 刘慈欣 著",
         book="球状闪电" if n % 3 else "三体")
    for n in range(1, 10)
]  # fmt: skip


def texts(question: str, cards: list[ItemCard]) -> list[str]:
    return [one.text for one in related_questions(question, cards, COUNTS)]


def test_what_is_common_here_and_rare_elsewhere() -> None:
    found = texts("三体", TOP)
    assert set(found) == {"刘慈欣", "科幻", "太空", "球状闪电", "科幻奇幻"}
    assert found[0] == "刘慈欣"


def test_what_everything_has_says_nothing() -> None:
    assert "好书" not in texts("三体", TOP)


def test_the_question_is_not_repeated() -> None:
    assert not {"刘慈欣", "科幻"} & set(texts("刘慈欣的科幻", TOP))


def test_one_of_many_proves_nothing() -> None:
    assert "孤品" not in texts("三体", [*TOP, card(99, tags=("孤品",))])


def test_bounded_in_all_and_a_kind() -> None:
    tags = tuple(f"签{n}" for n in range(20))
    cards = [card(n, tags=tags, author="甲、乙、丙、丁、戊", book=f"书{n % 3}") for n in range(9)]
    found = related_questions("问", cards, COUNTS)
    assert len(found) <= MOST
    assert (
        max(sum(one.kind == kind for one in found) for kind in ("tag", "author")) == MOST_OF_A_KIND
    )


def test_nothing_to_go_by() -> None:
    assert related_questions("三体", [], COUNTS) == []
    assert related_questions("三体", TOP, Counts()) == []

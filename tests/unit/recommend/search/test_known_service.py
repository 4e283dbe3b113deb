"""Known texts follow the store without making anybody wait; hints beside real answers."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

import recommend.search.known_service as service_module
from contentcenter.clock import FixedClock
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.floor import Floor
from recommend.search.hints import SearchHints
from recommend.search.known_service import KnownTexts
from recommend.search.suggest import SuggestService
from tests.unit.recommend.building import Piece, add_items


def titles(known: KnownTexts, typed: str) -> list[str]:
    return [one.text for one in SuggestService(known).suggest(typed)]


def test_a_new_item_is_completed_after_the_next_look(floor: Floor) -> None:
    add_items(floor, [Piece("三体里的物理", "讲的是三体问题。", tags=("科幻",))])
    known = KnownTexts(floor)
    assert titles(known, "三ti") == ["三体里的物理"]
    add_items(floor, [Piece("三国人物", "讲的是三国。", tags=("历史",))])
    known.refresh()
    assert set(titles(known, "san")) == {"三体里的物理", "三国人物"}


def test_in_a_big_shop_only_the_changed_items_are_built(
    floor: Floor, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MOST_RECENT", 3)
    add_items(floor, [Piece(f"旧书第{n}种", "正文。", tags=(f"签{n}",)) for n in "甲乙丙丁"])
    known = KnownTexts(floor)
    known.refresh()
    before = known.views()[0]
    clock.advance(timedelta(days=90))
    add_items(floor, [Piece("新书一种", "正文。")])
    known.refresh()
    whole, recent = known.views()
    assert whole is before
    assert [one.text for one in recent.completions.complete("新书", 5)] == ["新书一种"]
    assert titles(known, "新书") == ["新书一种"]
    assert "旧书第甲种" in titles(known, "旧书")


def test_while_one_look_runs_others_are_answered(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_items(floor, [Piece("三体里的物理", "正文。")])
    known = KnownTexts(floor)
    known.refresh()
    entered, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        entered.set()
        go_on.wait(10)
        raise EngineUnavailable("away")

    monkeypatch.setattr(known, "_look", slow)
    builder = threading.Thread(target=known.refresh)
    builder.start()
    assert entered.wait(10)
    known.refresh()  # comes back at once
    assert titles(known, "三体") == ["三体里的物理"]
    go_on.set()
    builder.join()
    assert titles(known, "三体") == ["三体里的物理"], "a failed look loses nothing"


@pytest.fixture
def hints(floor: Floor) -> SearchHints:
    add_items(
        floor,
        [
            Piece("明朝那些事儿", "写明朝的历史。", tags=("历史",)),
            *(
                Piece(f"读史笔记{n}", "写的是宫廷，也写三休台。", tags=("历史",))
                for n in "一二三四"
            ),
        ],
    )
    known = KnownTexts(floor)
    known.refresh()
    return SearchHints(floor, known)


def test_a_slip_that_finds_nothing_is_mended(hints: SearchHints) -> None:
    assert hints.did_you_mean("明朝那些是儿") == "明朝那些事儿"
    assert hints.did_you_mean("明朝那些事儿") is None


def test_what_is_found_as_it_stands_is_no_slip(hints: SearchHints) -> None:
    assert hints.did_you_mean("毒史笔记一") == "读史笔记一"
    assert hints.did_you_mean("三休台") is None


@pytest.mark.parametrize(
    "question",
    ["", "？！", "😀", '"明朝那些是儿"', "明朝那些是儿 -笔记", "9787536692930", "长" * 2000],
)
def test_what_is_never_mended(hints: SearchHints, question: str) -> None:
    assert hints.did_you_mean(question) is None
    assert hints.hints(question, []).related == ()

"""Strategies, drafts, styles and verdicts: what is typed and what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contentcenter.domain.errors import InvalidInput
from distribute.experiments.analysis import Look
from distribute.experiments.bandit import Choice
from distribute.experiments.chosen import Chosen, Mark, Running
from distribute.experiments.draft import Arm, check_draft
from distribute.experiments.estimate import Estimate
from distribute.experiments.intervals import Interval
from distribute.experiments.strategy import Layer, Strategy, strategy_from
from distribute.experiments.tables import ExperimentKind
from distribute.experiments.verdict import VerdictCode, verdict_of
from distribute.ports import BookLine, Brief
from distribute.tailor.copywriter import TemplateCopywriter
from tests.flows.experiments.groups import draft

START = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "values",
    [
        {"match": {"nonsense": 1.0}},
        {"match": {"price": -1.0}},
        {"match": {"price": True}},
        {"match": {"price": 9.0}},
        {"copy_style": "shouting"},
        {"slot_shift_minutes": 999},
        {"font": "big"},
    ],
)
def test_a_strategy_has_known_settings_only(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        strategy_from(values)


def test_a_strategy_knows_its_layers_and_says_only_what_differs() -> None:
    found = strategy_from({"match": {"price": 1}, "copy_style": "", "slot_shift_minutes": 30})
    assert found.layers == {Layer.MATCH, Layer.SLOT}
    assert found.as_json() == {"match": {"price": 1.0}, "slot_shift_minutes": 30}
    assert Strategy().as_json() == {}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": " "}, "name"),
        ({"days": 3}, "days"),
        ({"uplift": 0.0}, "difference"),
        ({"power": 1.0}, "power"),
        ({"floor": 0.0}, "floor"),
        ({"arms": [Arm("a", 1.0)]}, "arms"),
        ({"layer": Layer.SLOT}, "must change slot"),
        ({"kind": ExperimentKind.BANDIT, "layer": Layer.MATCH}, "must change match"),
    ],
)
def test_a_draft_is_checked(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_draft(draft(**more))


def test_the_base_changes_nothing_names_differ_and_matching_has_no_bandit() -> None:
    styled = strategy_from({"copy_style": "excerpt"})
    with pytest.raises(InvalidInput, match="base"):
        check_draft(draft(arms=[Arm("a", 0.5, styled), Arm("b", 0.5, styled)]))
    with pytest.raises(InvalidInput, match="name of its own"):
        check_draft(draft(arms=[Arm("a", 0.5), Arm("a", 0.5, styled)]))
    weights = strategy_from({"match": {"price": 1.0}})
    with pytest.raises(InvalidInput, match="bandit"):
        check_draft(
            draft(
                kind=ExperimentKind.BANDIT,
                layer=Layer.MATCH,
                arms=[Arm("a", 0.5), Arm("b", 0.5, weights)],
            )
        )


BRIEF = Brief(
    title="为什么今晚值得读《活着》",
    author="小周",
    form="article",
    passages=("第一句。第二句说得更多。", "另一段。"),
    books=(BookLine("活着", "余华", 2800),),
    tags=(),
    tone=frozenset(),
    reading_age=None,
    url="https://shop.example/t/x",
)


def test_styles_tell_the_same_item_in_other_words() -> None:
    write = TemplateCopywriter().write
    usual, asked = write(BRIEF), write(replace(BRIEF, style="question"))
    quoted = write(replace(BRIEF, style="excerpt"))
    assert asked.opening.endswith("？")
    assert "《活着》" in asked.opening
    assert asked.body == usual.body
    assert quoted.opening == "“第一句。”"
    assert quoted.body == ("第二句说得更多。", "另一段。")
    assert asked.book_lines == quoted.book_lines == usual.book_lines
    assert len({usual.call_to_action, asked.call_to_action, quoted.call_to_action}) == 3


def test_styles_do_without_books_and_without_text() -> None:
    write = TemplateCopywriter().write
    bare = replace(BRIEF, books=(), passages=("",))
    assert f"“{BRIEF.title}”" in write(replace(bare, style="question")).opening
    assert write(replace(bare, style="excerpt")) == write(bare)
    endless = write(replace(BRIEF, passages=("长" * 200,), style="excerpt"))
    assert len(endless.opening) <= 62
    assert endless.body == ("长" * 200,)


def running(**more: Any) -> Running:
    values: dict[str, Any] = {
        "id": 1,
        "layer": Layer.SLOT,
        "starts_at": START,
        "ends_at": START + timedelta(days=14),
        "arms": (Strategy(), Strategy(slot_shift_minutes=30)),
        "drawn": {(7, 0): Choice(1, 0.4)},
        **more,
    }
    return Running(**values)


def test_strategies_hold_in_their_window_and_groups_only() -> None:
    chosen = Chosen((running(),))
    inside, half = START + timedelta(days=13), timedelta(minutes=30)
    assert chosen.slot_shift(7, inside) == half
    assert chosen.slot_shift(8, inside) == timedelta()
    assert chosen.slot_shift(7, START - timedelta(seconds=1)) == timedelta()
    assert chosen.slot_shift(7, START + timedelta(days=14)) == timedelta()
    assert chosen.marks(7, inside) == (Mark(1, 1, 0.4),)
    assert Chosen().marks(7, inside) == ()


def test_a_paused_arm_is_the_base_and_leaves_no_mark() -> None:
    chosen = Chosen((running(arms=(Strategy(), None)),))
    assert chosen.slot_shift(7, START) == timedelta()
    assert chosen.marks(7, START) == ()


def test_a_bandit_changes_by_the_week() -> None:
    chosen = Chosen((running(weekly=True, drawn={(7, 0): Choice(0, 0.6), (7, 1): Choice(1, 0.4)}),))
    assert chosen.slot_shift(7, START + timedelta(days=6)) == timedelta()
    assert chosen.slot_shift(7, START + timedelta(days=7)) == timedelta(minutes=30)


def look(day: int, low: float, high: float, base: float = 0.05) -> Look:
    middle = (low + high) / 2
    estimate = Estimate((9, 9), base, base + middle, (1e-6, 0.0, 1e-6), 2e-6, 16.0)
    scaled = Interval(low / base, high / base) if base > 0 else None
    return Look(day, estimate, Interval(low, high), scaled)


def test_verdicts_never_say_more_than_the_data() -> None:
    names = ("原样", "提问")
    vague, sure = look(9, -0.01, 0.02), look(12, 0.002, 0.012)
    assert verdict_of(names, None, decided=None, over=False).code == VerdictCode.WAITING
    still = verdict_of(names, vague, decided=None, over=False)
    assert still.code == VerdictCode.OPEN
    assert "+10.0%" in still.words("zh")
    ended = verdict_of(names, vague, decided=None, over=True)
    assert ended.code == VerdictCode.NOT_SHOWN
    assert "does not mean there is none" in ended.words("en")
    assert "-20.0% ~ +40.0%" in ended.words("en")
    better = verdict_of(names, sure, decided=sure, over=False)
    assert (better.code, better.values["day"]) == (VerdictCode.BETTER, "12")
    kept = verdict_of(names, vague, decided=sure, over=False)
    assert kept.values["day"] == "12", "a vaguer look takes nothing back"
    worse = look(12, -0.012, -0.002)
    assert verdict_of(names, worse, decided=worse, over=True).code == VerdictCode.WORSE


def test_a_verdict_tells_plain_numbers_where_a_ratio_means_nothing() -> None:
    found = verdict_of(("a", "b"), look(9, -1.0, 3.0, base=-1.0), decided=None, over=True)
    assert "：+1，" in found.words("zh")
    assert "%" not in found.words("zh")
    paused = verdict_of(("a", "b"), None, decided=None, over=False, paused="leave_rate")
    assert "退群率" in paused.words("zh")
    assert "lose readers" in paused.words("en")

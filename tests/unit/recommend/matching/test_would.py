"""What it would take: solved prices are checked by scoring them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contentcenter.store.cards import RightsCard
from recommend.matching.features import (
    audience_features,
    fatigue_part,
    felt_sensitivity,
    item_features,
)
from recommend.matching.scores import score_matrix
from recommend.matching.settings import MatchSettings
from recommend.matching.would import (
    TEXTS,
    Outcome,
    PriceCurve,
    eligible_for,
    fatigue_for,
    price_for,
    tag_for,
)
from tests.unit.recommend.matching.test_scores import CORPUS, NOW, item, persona

CURVE = PriceCurve(2_500, 6_000, 0.5, 8_000, 0.4)


def test_the_curve_is_the_part_of_the_score() -> None:
    one = persona(1, 10_000)
    minds = felt_sensitivity(one, MatchSettings())
    curve = PriceCurve(one.price.p20, one.price.p80, minds, 10_000, 0.4)
    for price in (900, 4_500, 9_900, None):
        items = item_features([item(41, price_fen=price)], CORPUS, NOW)
        parts = score_matrix(items, audience_features([1], [one], CORPUS)).parts
        assert curve.part(price) == pytest.approx(float(parts["price"][0, 0]), abs=1e-4)


@pytest.mark.parametrize("today", [7_900, 12_000, 20_000])
def test_a_price_is_solved_for_and_one_yuan_more_is_too_much(today: int) -> None:
    gap = 0.02
    found = price_for(CURVE, today, gap)
    assert found is not None
    assert found.kind == "price"
    yuan = found.values["yuan"]
    assert CURVE.part(yuan * 100) >= CURVE.part(today) + gap
    assert yuan * 100 <= 8_000
    dearer = CURVE.part((yuan + 1) * 100) >= CURVE.part(today) + gap
    assert not dearer or (yuan + 1) * 100 > min(8_000, today)
    assert str(yuan) in found.text


def test_too_cheap_can_be_a_fault_as_well() -> None:
    found = price_for(CURVE, 500, 0.1)
    assert found is not None
    assert found.kind == "price_up"
    assert CURVE.part(found.values["yuan"] * 100) >= CURVE.part(500) + 0.1


def test_no_price_helps_where_more_is_missing_than_a_price_is_worth() -> None:
    best = max(CURVE.parts([float(fen) for fen in range(500, 8_000, 100)]).tolist())
    missing = best - CURVE.part(7_000)
    assert price_for(CURVE, 7_000, missing - 0.01) is not None
    assert price_for(CURVE, 7_000, missing + 0.01) is None
    assert price_for(CURVE, None, 0.01) is None


def test_the_day_fatigue_has_faded() -> None:
    found = fatigue_for(lambda days: 0.4 * 2 ** (-days / 3) - 0.1)
    assert found is not None
    assert found.values == {"days": 6}
    assert fatigue_for(lambda days: 1.0 + days) is None


def test_fatigue_is_counted_as_the_score_counts_it() -> None:
    from dataclasses import replace

    from recommend.matching.settings import MatchSettings

    tired = replace(persona(0), fatigue=0.6, recent={"scifi": 30.0, "food": 10.0})
    items = item_features([item(1), item(41), item(90)], CORPUS, NOW)
    parts = score_matrix(items, audience_features([1], [tired], CORPUS)).parts["fatigue"][:, 0]
    for row, category in enumerate(("scifi", "food", "history")):
        part = fatigue_part(tired, category, MatchSettings())
        assert part == pytest.approx(float(parts[row]), abs=1e-5)


def test_a_tag_counts_only_if_it_leads() -> None:
    assert tag_for({"科幻": 1.2, "太空": 1.4}, 1.3).values == {"tag": "太空"}  # type: ignore[union-attr]
    assert tag_for({"科幻": 1.2}, 1.3) is None
    assert tag_for({}, 0.0) is None


def test_every_refusal_has_its_step() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    soon = RightsCard(at + timedelta(days=9), None, ())
    elsewhere = RightsCard(at + timedelta(days=2), None, ("in_app",))
    reasons = ["not_published", "out_of_stock", "price_ceiling", "rights_closed", "rights_channel"]
    steps = eligible_for(
        reasons, ceiling_fen=4_550, rights=[soon, elsewhere], at=at, channel_kind="wecom_groups"
    )
    assert [one.kind for one in steps] == ["publish", "stock", "price", "rights", "channel"]
    assert "45.5 元" in steps[2].text
    assert steps[3].values == {"date": "2026-11-30"}
    over = eligible_for(
        ["rights_closed"], ceiling_fen=None, rights=[], at=at, channel_kind="in_app"
    )
    assert over[0].kind == "rights_renewal"
    assert all(one.outcome is Outcome.ELIGIBLE for one in (*steps, *over))


def test_every_text_can_be_said_in_english() -> None:
    from contentcenter.console.language import english

    assert {text for text in TEXTS.values() if text not in english()} == set()

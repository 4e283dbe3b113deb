"""The lexicon: every topic is recognisable and weights add up."""

from __future__ import annotations

import pytest

from sandbox.topics import TOPICS, WORDS, topics_of


def test_there_are_24_topics_with_enough_words() -> None:
    assert len(TOPICS) == 24
    assert all(15 <= len(words) <= 30 for words in WORDS.values())
    assert all(len(set(words)) == len(words) for words in WORDS.values())


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_topic_leads_in_its_own_words(topic: str) -> None:
    weights = topics_of("，".join(WORDS[topic]))
    assert max(weights, key=lambda name: weights[name]) == topic
    assert sum(weights.values()) == pytest.approx(1.0)


def test_a_text_without_a_hint_has_no_topic() -> None:
    assert topics_of("嗯嗯，好的") == {}


def test_a_real_blurb() -> None:
    text = "一桩密室谋杀，刑警追查失踪的法医，反转不断的推理小说"
    weights = topics_of(text)
    assert max(weights, key=lambda name: weights[name]) == "mystery"

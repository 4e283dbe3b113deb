"""Passages near the persona's interests are chosen, in reading order."""

from __future__ import annotations

import numpy as np

from distribute.tailor.passages import Passage, choose

PASSAGES = [Passage(n, f"p{n}") for n in range(4)]
AXES = np.eye(4, dtype=np.float32)


def positions(found: tuple[Passage, ...]) -> list[int]:
    return [passage.position for passage in found]


def test_the_nearest_passages_in_reading_order() -> None:
    centres = np.array([[0, 0, 0, 1], [0, 0.9, 0.1, 0]], dtype=np.float32)
    assert positions(choose(PASSAGES, AXES, centres, 2)) == [1, 3]


def test_the_opening_wins_a_tie() -> None:
    centres = np.ones((1, 4), dtype=np.float32)
    assert positions(choose(PASSAGES, AXES, centres, 1)) == [0]


def test_without_a_persona_or_with_another_model_the_first_are_taken() -> None:
    assert positions(choose(PASSAGES, AXES, None, 2)) == [0, 1]
    assert positions(choose(PASSAGES, None, AXES, 2)) == [0, 1]
    other = np.ones((1, 7), dtype=np.float32)
    assert positions(choose(PASSAGES, AXES, other, 2)) == [0, 1]
    assert choose([], None, None, 2) == ()

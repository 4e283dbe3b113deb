"""Every reason the planner may give has words."""

from __future__ import annotations

import pytest

from distribute.console.words import REASONS, reason_text
from distribute.planner import Refusal


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_words(refusal: Refusal) -> None:
    assert refusal.value in REASONS
    assert reason_text(refusal.value) != refusal.value
    assert "{" not in reason_text(refusal.value)

"""The order of the tests names files: each of them is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.check import STORE_FLOWS
from tests.order import MODEL, WAITING, WITH_MODEL, in_order, share_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", [*WITH_MODEL, *WAITING, *STORE_FLOWS])
def test_what_is_named_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_named_files_come_first_and_their_tests_keep_their_order() -> None:
    late, early = WAITING[1], WAITING[0]
    came = ["tests/house/test_order.py::b", f"{late}::b", f"{late}::a", f"{early}::c"]
    assert in_order(came) == [f"{early}::c", f"{late}::b", f"{late}::a", came[0]]


def test_files_with_the_model_share_a_process() -> None:
    assert {share_of(f"{path}::test[a::b]") for path in WITH_MODEL} == {MODEL}
    assert share_of(f"{WAITING[0]}::test") == WAITING[0]

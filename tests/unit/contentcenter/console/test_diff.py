"""Differences as a reader sees them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contentcenter.console.diff import Paragraph, Piece, compare

LINES = st.lists(st.text("甲乙丙丁。", min_size=1, max_size=8), max_size=8)


def test_a_changed_paragraph_is_compared_by_character() -> None:
    (only,) = compare("他读了三本书。", "他读了四本好书。")
    assert only.kind == "changed"
    assert only.pieces == (
        Piece("same", "他读了"),
        Piece("removed", "三"),
        Piece("added", "四"),
        Piece("same", "本"),
        Piece("added", "好"),
        Piece("same", "书。"),
    )


def test_added_and_removed_paragraphs_are_whole() -> None:
    assert compare("一\n二", "一\n二\n三")[-1] == Paragraph("added", (Piece("added", "三"),))
    assert compare("一\n二", "一")[-1] == Paragraph("removed", (Piece("removed", "二"),))


def test_long_unchanged_stretches_become_gaps() -> None:
    old = "\n".join(f"第 {number} 段" for number in range(20))
    found = compare(old, old + "\n新的一段")
    assert [(one.kind, one.count) for one in found] == [("gap", 19), ("same", 0), ("added", 0)]


def test_equal_texts_are_one_gap() -> None:
    assert compare("一\n二", "一\r\n\r\n二") == [Paragraph("gap", count=2)]


@given(LINES, LINES)
def test_nothing_is_lost(old: list[str], new: list[str]) -> None:
    """Without the gaps, removing what was added gives the old text, and the other way round."""
    found = compare("\n".join(old), "\n".join(new))
    if any(one.kind == "gap" for one in found):
        return
    pieces = [piece for one in found for piece in one.pieces]
    assert "".join(p.text for p in pieces if p.kind != "added") == "".join(old)
    assert "".join(p.text for p in pieces if p.kind != "removed") == "".join(new)

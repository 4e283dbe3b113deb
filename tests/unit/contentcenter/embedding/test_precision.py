from __future__ import annotations

import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.precision import choose_precision, read_cpu_flags


@pytest.mark.parametrize(
    ("flags", "on_gpu", "expected"),
    [
        ({"avx512_bf16", "sse"}, False, "bfloat16"),
        ({"amx_bf16"}, False, "bfloat16"),
        ({"avx2", "avx512f"}, False, "float32"),
        (set(), False, "float32"),
        (set(), True, "bfloat16"),
    ],
)
def test_auto_follows_the_hardware(flags, on_gpu, expected):
    assert choose_precision("auto", on_gpu=on_gpu, cpu_flags=frozenset(flags)) == expected


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_a_named_precision_is_kept(wanted):
    assert choose_precision(wanted, on_gpu=False, cpu_flags=frozenset()) == wanted


def test_an_unknown_precision_is_refused():
    with pytest.raises(InvalidInput, match="int8"):
        choose_precision("int8", on_gpu=False, cpu_flags=frozenset())


def test_flags_are_read(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16\n\nprocessor\t: 1\nflags\t: x\n")
    assert read_cpu_flags(info) == {"fpu", "avx512_bf16"}
    assert read_cpu_flags(tmp_path / "missing") == frozenset()

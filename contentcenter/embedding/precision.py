"""Which number format the model runs in, decided before torch is imported."""

from __future__ import annotations

from pathlib import Path

from contentcenter.domain.errors import InvalidInput

AUTO = "auto"
BFLOAT16 = "bfloat16"
FLOAT32 = "float32"

# Flags in /proc/cpuinfo of processors that multiply bfloat16 in hardware. Without one of
# them bfloat16 is emulated and slower than float32.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def choose_precision(wanted: str, *, on_gpu: bool, cpu_flags: frozenset[str]) -> str:
    """`bfloat16` or `float32`. `auto` takes bfloat16 on a GPU and on CPUs made for it."""
    if wanted in (BFLOAT16, FLOAT32):
        return wanted
    if wanted != AUTO:
        raise InvalidInput(f"Precision {wanted!r} is none of auto, float32, bfloat16.")
    return BFLOAT16 if on_gpu or cpu_flags & _BFLOAT16_FLAGS else FLOAT32


def read_cpu_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The processor's feature flags; empty where the system does not tell."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            return frozenset(value.split())
    return frozenset()

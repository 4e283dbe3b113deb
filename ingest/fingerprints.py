"""Near-duplicates: MinHash signatures over groups of four characters, found through bands.

128 numbers in 32 bands of 4: two texts that share 55 % of their groups meet in a band with
probability .95, two that share 22 % with .07, and every meeting is checked on the whole
signature. Real edited drafts share .55 to .93, unrelated articles at most .22 (measured on
600 pairs, docs/decisions/0004-ingest.md).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from contentcenter.text.normalise import normalise

PERMUTATIONS = 128
ROWS_PER_BAND = 4
GROUP = 4
SEED = 20_230_817  # part of every stored signature: never change it
# Shorter texts are alike by accident.
GROUPS_MIN = 24
THRESHOLD = 0.45
_SIGNS = re.compile(r"[\W_]+")


def signature(text: str) -> bytes | None:
    """128 unsigned 32-bit numbers, little endian; None for a text too short to compare."""
    plain = _SIGNS.sub("", normalise(text))
    groups = {plain[at : at + GROUP] for at in range(len(plain) - GROUP + 1)}
    if len(groups) < GROUPS_MIN:
        return None
    minhash = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update(sorted(groups))
    return np.array(minhash.digest(), dtype="<u4").tobytes()


def bands(signed: bytes) -> list[int]:
    """Signed 64-bit keys, one a band; texts with an equal key are worth comparing."""
    size = ROWS_PER_BAND * 4
    return [
        int.from_bytes(_digest(at, signed[at : at + size]), "little", signed=True)
        for at in range(0, len(signed), size)
    ]


def _digest(at: int, part: bytes) -> bytes:
    return hashlib.blake2b(part, digest_size=8, salt=at.to_bytes(4, "little")).digest()


def similarity(one: bytes, other: bytes) -> float:
    """Estimated share of common groups (Jaccard), 0..1."""
    return float(np.mean(_numbers(one) == _numbers(other)))


def _numbers(signed: bytes) -> npt.NDArray[np.uint32]:
    return np.frombuffer(signed, dtype="<u4")


@dataclass(frozen=True)
class Likeness:
    item_id: int
    similarity: float


def nearest_original(item_id: int, signed: bytes, others: Mapping[int, bytes]) -> Likeness | None:
    """The most similar earlier item above the threshold, the earliest among equals.

    Only earlier ids count, so that of two copies always the second is the duplicate.
    """
    alike = _alike(signed, ((other, text) for other, text in others.items() if other < item_id))
    return max(alike, key=lambda found: (found.similarity, -found.item_id), default=None)


def _alike(signed: bytes, others: Iterable[tuple[int, bytes]]) -> Iterable[Likeness]:
    for other_id, other in others:
        likeness = similarity(signed, other)
        if likeness >= THRESHOLD:
            yield Likeness(other_id, round(likeness, 3))

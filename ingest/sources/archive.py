"""Zip files from strangers: looked through before anything is unpacked.

Refused: bombs (by declared sizes, by ratio, by number of entries), encrypted entries, names
that leave the folder, links. Declared sizes are not trusted: reading stops at the limit, and
the check sum at the end of an entry finds a size that lied
(https://docs.python.org/3/library/zipfile.html, "Decompression pitfalls").
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from contentcenter.domain.errors import InvalidInput

_MIB = 1024 * 1024
_RATIO_FREE_BYTES = 10 * _MIB


@dataclass(frozen=True)
class Limits:
    entries: int = 5_000
    total_bytes: int = 256 * _MIB
    ratio: int = 150
    entry_bytes: int = 256 * _MIB


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """The archive, once its directory has been found harmless. Raises `InvalidInput`."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InvalidInput("压缩文件损坏或不完整，请重新保存后上传") from error
    with archive:
        for info in archive.infolist():
            _check_entry(info, limits)
        _check_total(archive, path, limits)
        yield archive


def _check_entry(info: zipfile.ZipInfo, limits: Limits) -> None:
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or ".." in parts or ":" in name[:3] or "\x00" in name:
        raise InvalidInput(f"压缩包里有越出文件夹的路径：{name[:100]}", entry=name[:100])
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InvalidInput(f"压缩包里有符号链接：{name[:100]}", entry=name[:100])
    if info.flag_bits & 0x1:
        raise InvalidInput("文件有密码，请去掉密码后上传", entry=name[:100])
    if info.file_size > limits.entry_bytes:
        raise InvalidInput(
            f"压缩包里 {name[:100]} 解开有 {info.file_size // _MIB} MB，太大", entry=name[:100]
        )


def _check_total(archive: zipfile.ZipFile, path: Path, limits: Limits) -> None:
    infos = archive.infolist()
    if len(infos) > limits.entries:
        raise InvalidInput(f"压缩包里有 {len(infos)} 个文件，最多 {limits.entries} 个")
    total = sum(info.file_size for info in infos)
    packed = max(1, path.stat().st_size)
    if total > limits.total_bytes or (total > _RATIO_FREE_BYTES and total > limits.ratio * packed):
        raise InvalidInput(
            f"解开后有 {total // _MIB} MB，是文件的 {total // packed} 倍，像压缩炸弹；"
            "请拆成小文件再上传",
            uncompressed=total,
        )


def chunks(archive: zipfile.ZipFile, name: str, size: int = _MIB) -> Iterator[bytes]:
    """The bytes of one entry, piece by piece. Raises `InvalidInput` for a damaged entry."""
    try:
        with archive.open(name) as entry:
            while block := entry.read(size):
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise InvalidInput(f"压缩文件里 {name[:100]} 损坏", entry=name[:100]) from error


def read_entry(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """All bytes of one entry. Raises `InvalidInput` when it is damaged or above the limit."""
    held = bytearray()
    for block in chunks(archive, name):
        held += block
        if len(held) > limit:
            raise InvalidInput(f"{name[:100]} 超过 {limit // _MIB} MB", entry=name[:100])
    return bytes(held)

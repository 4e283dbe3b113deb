"""Which encoding a text file is in, proved by decoding all of it.

Chinese suppliers send UTF-8 (with and without a mark), GB18030, Big5 and UTF-16. GB18030
accepts nearly any bytes, so a damaged UTF-8 file must be recognised before it is tried.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from contentcenter.domain.errors import InvalidInput
from ingest.headers import field_of

SAMPLE_BYTES = 256 * 1024
_STEP = 1024 * 1024
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEGACY = ("gb18030", "big5")
# That many multi-byte characters do not come out right by accident in another encoding.
_SURELY_UTF8 = 12
_MEND_ENCODING = "在 Excel 里另存为“CSV UTF-8（逗号分隔）”，或把文件转成 UTF-8"
_PICTURES_AND_FRIENDS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG 图片"),
    (b"\xff\xd8\xff", "JPEG 图片"),
    (b"GIF8", "GIF 图片"),
    (b"\x1f\x8b", "gzip 压缩文件"),
    (b"7z\xbc\xaf", "7z 压缩文件"),
    (b"Rar!", "RAR 压缩文件"),
    (b"MZ", "程序文件"),
    (b"\x7fELF", "程序文件"),
    (b"SQLite format 3", "数据库文件"),
)


@dataclass(frozen=True)
class TextFile:
    """A text file whose every byte decodes. `skip` bytes of marks stand before the text."""

    path: Path
    encoding: str
    skip: int


def inspect_text(path: Path) -> TextFile:
    """Find the encoding of a whole file.

    Raises `InvalidInput` for empty, binary and undecodable files, saying where and what to do.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip(b"\x00 \t\r\n"):
        raise InvalidInput("文件是空的", bytes=path.stat().st_size)
    _refuse_other_formats(sample)
    marked = _by_mark(path, sample)
    return marked or _by_content(path, sample)


def _refuse_other_formats(sample: bytes) -> None:
    for magic, name in _PICTURES_AND_FRIENDS:
        if sample.startswith(magic):
            raise InvalidInput(
                f"这不是文本文件，而是{name}；请上传 CSV、Excel、JSON Lines 或 Markdown"
            )
    head = sample[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head")):
        raise InvalidInput("这是一个网页文件，不是表格；可能保存了登录页，请重新导出")


def _by_mark(path: Path, sample: bytes) -> TextFile | None:
    for mark, encoding in _MARKS:
        skip = 0
        while sample.startswith(mark, skip):
            skip += len(mark)
        if skip:
            fault = decode_fault(path, encoding, skip)
            if fault is not None:
                raise _broken(encoding, fault)
            return TextFile(path, encoding, skip)
    return None


def _by_content(path: Path, sample: bytes) -> TextFile:
    if b"\x00" in sample:
        return _wide_or_binary(path, sample)
    fault = decode_fault(path, "utf-8", 0)
    if fault is None:
        return TextFile(path, "utf-8", 0)
    if fault.characters >= _SURELY_UTF8:
        raise _broken("utf-8", fault)
    for encoding in _legacy_order(sample):
        if decode_fault(path, encoding, 0) is None:
            return TextFile(path, encoding, 0)
    raise InvalidInput(
        f"认不出文件的文字编码（第 {fault.line} 行起不是 UTF-8，也不是 GB18030 或 Big5）。"
        f"{_MEND_ENCODING}",
        line=fault.line,
    )


def _wide_or_binary(path: Path, sample: bytes) -> TextFile:
    """UTF-16 without a mark keeps the zero half of ASCII always on the same side."""
    zeros = [sum(1 for byte in sample[side::2] if byte == 0) for side in (0, 1)]
    for encoding, here, there in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        looks = zeros[here] >= 2 and zeros[there] == 0
        if looks and decode_fault(path, encoding, 0) is None:
            return TextFile(path, encoding, 0)
    at = sample.index(b"\x00")
    line = sample.count(b"\n", 0, at) + 1
    raise InvalidInput(
        f"第 {line} 行有 NUL 字节，像二进制文件或损坏的文件。{_MEND_ENCODING}", line=line
    )


def _legacy_order(sample: bytes) -> list[str]:
    """The encoding in which the first line holds column names we know comes first; then the
    statistical guess."""
    first = sample.split(b"\n", 1)[0]
    known = {name: _known_headers(first, name) for name in _LEGACY}
    if known["gb18030"] != known["big5"]:
        return sorted(_LEGACY, key=lambda name: -known[name])
    cut = sample[: sample.rfind(b"\n") + 1] or sample
    guess = charset_normalizer.from_bytes(cut, cp_isolation=list(_LEGACY)).best()
    likely = guess.encoding if guess is not None else ""
    return sorted(_LEGACY, key=lambda name: name != likely)


def _known_headers(line: bytes, encoding: str) -> int:
    text = line.decode(encoding, errors="replace")
    for mark in ",;\t|":
        text = text.replace(mark, "\n")
    return sum(1 for cell in text.split("\n") if field_of(cell) is not None)


@dataclass(frozen=True)
class DecodeFault:
    line: int
    characters: int  # multi-byte characters that came out right before the fault


def decode_fault(path: Path, encoding: str, skip: int) -> DecodeFault | None:
    """Where decoding the file breaks, or None when it never does."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines, wide = 1, 0
    with path.open("rb") as file:
        file.seek(skip)
        while True:
            block = file.read(_STEP)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                good = error.object[: error.start]
                held = len(good.decode(encoding, errors="ignore").encode("ascii", "ignore"))
                return DecodeFault(lines + good.count(b"\n"), wide + (len(good) - held) // 3)
            lines += text.count("\n")
            wide += sum(1 for char in text if char > "\x7f") if wide < _SURELY_UTF8 else 0
            if not block:
                return None


def _broken(encoding: str, fault: DecodeFault) -> InvalidInput:
    return InvalidInput(
        f"文件像 {encoding.upper()}，但第 {fault.line} 行附近有损坏的字节。{_MEND_ENCODING}",
        line=fault.line,
        encoding=encoding,
    )

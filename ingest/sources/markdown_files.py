"""Markdown articles: one file, or a zip of files with their pictures.

Front matter is YAML between two lines of `---`. It is read by a loader that knows plain
values only and refuses aliases: nine nested aliases are a thousand million strings.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from contentcenter.domain.errors import InvalidInput
from ingest.faults import BadValue, Fault, shorten
from ingest.headers import field_of
from ingest.sources.archive import Limits, opened, read_entry
from ingest.sources.base import RawRow
from ingest.sources.encoding import inspect_text

_MIB = 1024 * 1024
FRONT_MATTER_MAX = 16_000
ARTICLE_BYTES_MAX = 2 * _MIB
PICTURE_BYTES_MAX = 20 * _MIB
PICTURES_MAX = 60
ZIP_LIMITS = Limits(total_bytes=512 * _MIB, entry_bytes=64 * _MIB)
_FENCE = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"\A\s*#[ \t]+(.+?)[ \t#]*$\n?", re.MULTILINE)
PICTURE = re.compile(r"(!\[[^\]\n]*\]\(\s*<?)([^)\s>]+)(>?[^)\n]*\))")
_COVER = re.compile(r"^(?:cover|封面)[ \t]*:[ \t]*[\"']?([^\s\"']+)", re.MULTILINE)
_NO_COVER = {"none", "null", "无", "~"}
_MARKDOWN = (".md", ".markdown")
_WHOLE = "整篇"


class MarkdownReader:
    """One Markdown file as one record."""

    format = "markdown"
    notes: tuple[Fault, ...] = ()

    def __init__(self, path: Path, name: str) -> None:
        if path.stat().st_size > ARTICLE_BYTES_MAX:
            raise InvalidInput(f"Markdown 文件超过 {ARTICLE_BYTES_MAX // _MIB} MB")
        file = inspect_text(path)
        self.encoding = file.encoding
        self._text = path.read_bytes()[file.skip :].decode(file.encoding)
        self._name = name

    def rows(self) -> Iterator[RawRow]:
        yield article_row(1, self._name, self._text, {})


class MarkdownZipReader:
    """A zip of Markdown files, in the order of their names, with pictures beside them."""

    format = "markdown_zip"
    encoding = ""
    notes: tuple[Fault, ...] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        with opened(path, ZIP_LIMITS) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
        self._articles = sorted(name for name in names if _is_article(name))
        self._files = set(names)
        if not self._articles:
            raise InvalidInput(
                "压缩包里没有 .md 文件；表格请直接上传 CSV 或 Excel，不要压缩",
                found=[name[:80] for name in names[:10]],
            )

    def rows(self) -> Iterator[RawRow]:
        with opened(self._path, ZIP_LIMITS) as archive:
            for number, name in enumerate(self._articles, 1):
                try:
                    data = read_entry(archive, name, ARTICLE_BYTES_MAX)
                    text = _decode(data)
                    pictures = {
                        target: read_entry(archive, entry, PICTURE_BYTES_MAX)
                        for target, entry in self._pictures(name, text).items()
                    }
                except (InvalidInput, BadValue) as error:
                    fault = Fault(_WHOLE, shorten(name), str(error), "修正后重新上传这一篇")
                    yield RawRow(number, {}, (fault,))
                else:
                    yield article_row(number, name, text, pictures)

    def _pictures(self, article: str, text: str) -> dict[str, str]:
        """Entry name for each picture the text names that is in the archive."""
        folder = posixpath.dirname(article)
        found: dict[str, str] = {}
        for target in _targets(text):
            entry = posixpath.normpath(posixpath.join(folder, unquote(target)))
            if entry in self._files and len(found) < PICTURES_MAX:
                found[target] = entry
        return found


def _is_article(name: str) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    return name.lower().endswith(_MARKDOWN) and not hidden


def _decode(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadValue("认不出文字编码", "把文件存成 UTF-8")


def _targets(text: str) -> list[str]:
    """Local pictures named by the text and by `cover` in its front matter, each once."""
    front = _FENCE.match(text)
    named = [found[2] for found in PICTURE.finditer(text)]
    if front is not None:
        named += [name for name in _COVER.findall(front[1]) if name.casefold() not in _NO_COVER]
    return [name for name in dict.fromkeys(named) if not urlsplit(name).scheme]


def article_row(number: int, name: str, text: str, pictures: Mapping[str, bytes]) -> RawRow:
    """Front matter and body as one record; the file's name is the record's reference."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    try:
        front, body = split_front_matter(unified)
    except BadValue as bad:
        return RawRow(number, {}, (Fault.of("front matter", unified[:80], bad),))
    values = {"ref": name, "body": body, **_texts(front)}
    if not values.get("title"):
        heading = _HEADING.match(body)
        values["title"] = heading[1] if heading else ""
        values["body"] = _HEADING.sub("", body, count=1) if heading else body
    missing = [name for name in _targets(unified) if name not in pictures]
    faults = tuple(
        Fault("图片", shorten(name), "找不到这张图片，文章照收，图片略去",
              "把图片和文章放进同一个 zip，用相对路径引用", fatal=False)
        for name in missing[:20]
    )  # fmt: skip
    return RawRow(number, values, faults, pictures)


def _texts(front: Mapping[str, Any]) -> dict[str, str]:
    """Front matter by our field names; what nobody knows is left aside."""
    values: dict[str, str] = {}
    for key, content in front.items():
        name = field_of(str(key))
        if name is not None and content is not None:
            parts = content if isinstance(content, list) else [content]
            values[name] = "、".join(str(part) for part in parts)
    return values


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """(front matter, body). Raises `BadValue` when there is one that cannot be read."""
    found = _FENCE.match(text)
    if found is None:
        return {}, text
    if len(found[1]) > FRONT_MATTER_MAX:
        raise BadValue("开头的 YAML 太长", f"最多 {FRONT_MATTER_MAX} 个字")
    try:
        front = yaml.load(found[1], Loader=_PlainLoader)  # noqa: S506 (a SafeLoader without aliases)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = f"开头的 YAML 读不出来：{_first_line(error)}"
        raise BadValue(reason, "检查缩进和冒号后的空格") from error
    if front is None:
        front = {}
    if not isinstance(front, dict):
        raise BadValue("开头的 YAML 不是“名称: 值”的形式", "写成 title: 书评标题")
    for key, content in front.items():
        parts = content if isinstance(content, list) else [content]
        if any(isinstance(part, dict | list) for part in parts):
            raise BadValue(f"YAML 里 {key} 有嵌套的内容", "只用文字、数字、日期和它们的列表")
    return front, text[found.end() :]


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:80]


class _PlainLoader(yaml.SafeLoader):
    """Plain values only: no aliases, hence no bombs and no loops."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("不接受引用（*名称）")
        return super().compose_node(parent, index)

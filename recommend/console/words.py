"""Synonyms, aliases and stop words: four lists to write, and a try of how a question is read."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response as FlaskResponse
from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import Label, add_labels, label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.errors import ContentCenterError, InvalidInput
from contentcenter.domain.roles import Scope
from contentcenter.text.synonyms import WordKind
from contentcenter.text.word_lines import export_text, import_text
from recommend.console.base import blueprint
from recommend.ext import get_recommend

PAGE = "recommend_console.words"
LARGEST_FILE = 2_000_000

add_labels(
    "word_kind",
    {
        WordKind.GROUP: Label("同义词"),
        WordKind.ONE_WAY: Label("单向扩展"),
        WordKind.ALIAS: Label("作者别名"),
        WordKind.STOP: Label("停用词"),
    },
)
add_labels("action", {"search_words_saved": Label("修改了词表")})
HINTS = {
    WordKind.GROUP: "一行一组，组内任何一个词都能代替别的词。例：电脑、计算机",
    WordKind.ONE_WAY: "搜左边的词时也找右边的词，反过来不找。例：奥数 => 数学竞赛",
    WordKind.ALIAS: "同一个人的各种名字：笔名、译名、原文名。例：鲁迅 = 周树人",
    WordKind.STOP: "和别的词一起出现时不参与搜索的词，一行一个或用顿号隔开。例：请问",
}


@blueprint.get("/search/words")
@signed_in(Scope.READ)
def words() -> str:
    return _page({})


@blueprint.post("/search/words")
@signed_in(Scope.DISTRIBUTE)
def save_words() -> Response | FlaskResponse:
    """Save one list; what was typed stays on the page when it is refused."""
    kind = _kind()
    text = request.form.get("text", "")
    try:
        get_recommend().words.save({kind: text}, _version(), account().name)
    except ContentCenterError as error:
        return make_response(_page({kind: text}, kind, error.message), error.http_status)
    flash(t("已保存，半分钟内在所有进程生效，不用重建索引"), "ok")
    return redirect(url_for(PAGE))


@blueprint.post("/search/words/reset")
@signed_in(Scope.DISTRIBUTE)
def reset_words() -> Response:
    get_recommend().words.reset(_kind(), _version(), account().name)
    flash(t("已恢复成初始词表"), "ok")
    return redirect(url_for(PAGE))


@blueprint.get("/search/words.txt")
@signed_in(Scope.READ)
def export_words() -> Response:
    """All lists as one text file, ready to be imported elsewhere."""
    text = export_text(get_recommend().words.lists().lines)
    headers = {"Content-Disposition": "attachment; filename=search-words.txt"}
    return FlaskResponse(text, mimetype="text/plain", headers=headers)


@blueprint.post("/search/words/import")
@signed_in(Scope.DISTRIBUTE)
def import_words() -> Response:
    """Lists in the file replace ours; lists it does not name stay."""
    upload = request.files.get("file")
    body = upload.read(LARGEST_FILE + 1) if upload is not None else b""
    if not body.strip() or len(body) > LARGEST_FILE:
        raise InvalidInput(t("请选择一个 2 MB 以内的文本文件"), field="file")
    try:
        texts = import_text(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInput(t("文件不是 UTF-8 编码，请另存为 UTF-8 再导入"), field="file") from error
    get_recommend().words.save(texts, _version(), account().name)
    names = "、".join(label("word_kind", kind).text for kind in texts)
    flash(t("已导入：{names}", names=names), "ok")
    return redirect(url_for(PAGE))


def _page(typed: Mapping[WordKind, str], faulty: WordKind | None = None, fault: str = "") -> str:
    services = get_recommend()
    service = services.words
    lists = service.lists()
    question = request.args.get("q", "").strip()
    return render_template(
        "recommend/words.html",
        meant=services.hints.did_you_mean(question) if question else None,
        lists=lists,
        texts={kind: typed.get(kind, "\n".join(lists.lines[kind])) for kind in WordKind},
        hints=HINTS,
        faulty=faulty,
        fault=fault,
        question=question,
        seen=service.understand(question) if question else None,
        trail=service.trail(),
    )


def _kind() -> WordKind:
    try:
        return WordKind(request.form.get("kind", ""))
    except ValueError as error:
        raise InvalidInput(t("请选择词表"), field="kind") from error


def _version() -> int:
    return request.form.get("version", -1, type=int)

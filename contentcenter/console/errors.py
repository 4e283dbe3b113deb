"""Errors as pages. Only the API and the machine doors answer JSON."""

from __future__ import annotations

import structlog
from flask import Flask, flash, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from contentcenter.console.language import t
from contentcenter.console.session import back, to_sign_in
from contentcenter.domain.errors import ContentCenterError, NotAuthenticated
from contentcenter.web import errors as json_errors

log = structlog.get_logger()

MACHINE_PATHS = (
    "/api/", "/callbacks/", "/t/", "/media/", "/static/", "/healthz", "/readyz", "/metrics",
)  # fmt: skip
HEADINGS = {
    400: "请求无法识别",
    401: "请先登录",
    403: "没有权限",
    404: "找不到这一页",
    405: "不支持的操作",
    409: "状态已经变化",
    413: "文件太大",
    422: "内容需要修改",
    500: "系统出错",
    502: "对方平台没有接受",
    503: "服务暂时不可用",
}


def init_app(app: Flask) -> None:
    """Take the error handlers over from the API; its own paths are handed back to it."""
    app.register_error_handler(ContentCenterError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def for_machines() -> bool:
    return request.path.startswith(MACHINE_PATHS)


def _domain(error: ContentCenterError) -> Response:
    if for_machines():
        return json_errors.answer(error)
    if isinstance(error, NotAuthenticated):
        return to_sign_in()
    if request.method == "POST" and not _fragment() and error.http_status != 403:
        # A form that could not be done: say so on the page it came from.
        flash(error.message, "error")
        return back("console.home")
    return page(error.http_status, error.message)


def _http(error: HTTPException) -> Response:
    if for_machines():
        return json_errors.answer_http(error)
    if error.code is not None and 300 <= error.code < 400:
        return make_response(error.get_response())
    if _is_csrf(error):
        return page(400, t("表单已过期或来源不明。请刷新页面后再提交一次。"))
    return page(error.code or 500, "")


def _unexpected(error: Exception) -> Response:
    if for_machines():
        return json_errors.answer_unexpected(error)
    log.exception("page_failed", path=request.path, error=str(error))
    return page(500, t("问题已记入日志。请稍后再试；如果一直出现，请把时间告诉管理员。"))


def page(status: int, message: str) -> Response:
    """A whole page, or a note for the corner of the page when a fragment was asked for."""
    heading = t(HEADINGS.get(status, "出错了"))
    if _fragment():
        response = make_response(
            render_template("console/toast.html", heading=heading, message=message), status
        )
        response.headers["HX-Retarget"] = "#toasts"
        response.headers["HX-Reswap"] = "beforeend"
        return response
    body = render_template("console/error.html", status=status, heading=heading, message=message)
    return make_response(body, status)


def _fragment() -> bool:
    return bool(request.headers.get("HX-Request"))


def _is_csrf(error: HTTPException) -> bool:
    return type(error).__name__ == "CSRFError"

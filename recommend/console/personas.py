"""A persona in pictures, and what an operator may set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import label
from contentcenter.console.language import t
from contentcenter.console.links import url_if
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account, console
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.roles import Scope
from contentcenter.store.cards import AudienceCard, load_audiences
from recommend.console.base import blueprint
from recommend.ext import get_recommend
from recommend.personas.service import HistoryPoint

TOP = 8
HISTORY = 60


@blueprint.get("/audiences/<int:audience_id>/persona")
@signed_in(Scope.READ)
def persona(audience_id: int) -> str:
    """A fragment for the page of an audience."""
    view = get_recommend().personas.get(audience_id)
    fields = {one.name: one for one in view.fields}
    history = get_recommend().personas.history(audience_id, HISTORY)[::-1]
    return render_template(
        "recommend/persona.html",
        view=view,
        fields=fields,
        categories=_strongest(fields["categories"].value),
        tags=_strongest(fields["tags"].value, 12),
        price=fields["price"].value,
        quiet=_quiet_hours(audience_id),
        history=history,
        evidence=[float(point.snapshot.get("evidence", 0)) for point in history],
        fatigue=[float(point.snapshot.get("fatigue", 0)) for point in history],
        price_history=_price_history(history),
        settable=[(name, label("persona_field", name).text) for name in fields],
    )


def _strongest(table: dict[str, float], most: int = TOP) -> list[tuple[str, float]]:
    return sorted(table.items(), key=lambda pair: -pair[1])[:most]


def _price_history(history: Sequence[HistoryPoint]) -> list[float]:
    return [point.snapshot["price"]["p50"] / 100 for point in history if "price" in point.snapshot]


def _quiet_hours(audience_id: int) -> frozenset[int]:
    with console().floor.db.reading() as session:
        card: AudienceCard | None = load_audiences(session, [audience_id]).get(audience_id)
    if card is None or card.quiet_from == card.quiet_until:
        return frozenset()
    start, end = (int(card.quiet_from[:2]), int(card.quiet_until[:2]))
    span = (end - start) % 24
    # A window that begins at half past shades the full hours inside it only.
    first = 0 if card.quiet_from.endswith("00") else 1
    return frozenset((start + step) % 24 for step in range(first, span))


@blueprint.post("/audiences/<int:audience_id>/persona")
@signed_in(Scope.DISTRIBUTE)
def set_persona(audience_id: int) -> Response:
    """Set one field by hand, or give it back to the machine."""
    name = request.form.get("field", "")
    release = request.form.get("release") == "1"
    value = None if release else _typed(name)
    get_recommend().personas.override(audience_id, name, value, account().name)
    flash(t("已交还系统") if release else t("已按手工设定生效"), "ok")
    page = url_if("distribute_console.audience", audience_id=audience_id)
    return redirect(page or url_for("console.home"))


def _typed(name: str) -> Any:
    """A field's value as its small form gives it, in the shape the service checks."""
    form = request.form
    if name == "price":
        return {one: _fen(form.get(one, "")) for one in ("p20", "p50", "p80")}
    if name in {"categories", "active_hours"}:
        return form.getlist("value")
    if name in {"tags", "interests"}:
        marks = "、,，;；\n" if name == "tags" else "\n"
        return _split(form.get("value", ""), marks)
    if name in {"fatigue", "price_sensitivity"}:
        return _number(form.get("value", "")) / 100
    return form.get("value", "")


def _split(text: str, marks: str) -> list[str]:
    for mark in marks:
        text = text.replace(mark, "\n")
    return [part.strip() for part in text.split("\n") if part.strip()]


def _fen(text: str) -> int:
    return round(_number(text) * 100)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(t("{value} 不是数字", value=text), field="value") from error

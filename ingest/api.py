"""Items, imports and pictures over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import g
from flask_smorest import Blueprint

from contentcenter.domain.content import ItemKind
from contentcenter.domain.roles import Scope
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from ingest import schemas
from ingest.drafts import ItemChanges, ItemDraft, RightsWindow
from ingest.ext import get_ingest
from ingest.imports import ImportPage, ImportView
from ingest.media import Picture
from ingest.views import ItemFilter, ItemPage, ItemView
from ingest.writing import Receipt

# flask-smorest describes one body location of a view; the text fields beside the file are ours.
_UPLOAD_FORM = {
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "source"],
                "properties": {
                    "source": {"type": "string", "description": "Name of the supplier or feed"},
                    "kind": {"type": "string", "enum": [str(kind) for kind in ItemKind]},
                },
            }
        }
    }
}
items = Blueprint("items", __name__, url_prefix=API_PREFIX, description="Content items")
imports = Blueprint("imports", __name__, url_prefix=API_PREFIX, description="Files of suppliers")


@items.route("/items", methods=["POST"])
@require(Scope.CONTENT)
@items.arguments(schemas.ItemCreate)
@items.response(202, schemas.ReceiptSchema)
def create_item(body: dict[str, Any]) -> Receipt:
    """Take an item in. It is cleaned, tagged, linked and indexed afterwards: ask for it again
    to see its state. The same content again gives the first item's id."""
    return get_ingest().items.create(ItemDraft(**_values(body)), g.actor)


@items.route("/items")
@require(Scope.READ)
@items.arguments(schemas.ItemsQuery, location="query")
@items.response(200, schemas.ItemsPage)
def list_items(query: dict[str, Any]) -> ItemPage:
    """Items of all states, newest first."""
    size, cursor = query.pop("size"), query.pop("cursor")
    return get_ingest().items.list(ItemFilter(**query), size, cursor)


@items.route("/items/<int:item_id>")
@require(Scope.READ)
@items.response(200, schemas.ItemSchema)
def get_item(item_id: int) -> dict[str, Any]:
    """One item with books, tags, revisions, trail and risks."""
    return item_fields(get_ingest().items.get(item_id))


@items.route("/items/<int:item_id>", methods=["PATCH"])
@require(Scope.CONTENT)
@items.arguments(schemas.ItemPatch)
@items.response(202, schemas.ReceiptSchema)
def change_item(body: dict[str, Any], item_id: int) -> Receipt:
    """Change an item. A changed text is processed and has to be approved again."""
    version = body.pop("version")
    return get_ingest().items.change(item_id, ItemChanges(**_values(body)), g.actor, version)


@items.route("/items/<int:item_id>", methods=["DELETE"])
@require(Scope.CONTENT)
@items.response(200, schemas.ReceiptSchema)
def withdraw_item(item_id: int) -> Receipt:
    """Withdraw an item from everywhere; it stays on record."""
    return get_ingest().items.withdraw(item_id, g.actor)


@items.route("/items/<int:item_id>/approve", methods=["POST"])
@require(Scope.APPROVE)
@items.arguments(schemas.VersionBody, required=False)
@items.response(200, schemas.ReceiptSchema)
def approve_item(body: dict[str, Any], item_id: int) -> Receipt:
    """Publish a ready item."""
    return get_ingest().items.approve(item_id, g.actor, body.get("version"))


@items.route("/items/<int:item_id>/reject", methods=["POST"])
@require(Scope.APPROVE)
@items.arguments(schemas.RejectBody)
@items.response(200, schemas.ReceiptSchema)
def reject_item(body: dict[str, Any], item_id: int) -> Receipt:
    """Turn an item down, with the reason its contributor reads."""
    return get_ingest().items.reject(item_id, body["reason"], g.actor, body["version"])


@items.route("/items/<int:item_id>/process", methods=["POST"])
@require(Scope.CONTENT)
@items.response(202, schemas.ReceiptSchema)
def process_item(item_id: int) -> Receipt:
    """Send a failed, rejected or withdrawn item through the pipeline again."""
    return get_ingest().items.process_again(item_id, g.actor)


@items.route("/pictures", methods=["POST"])
@require(Scope.CONTENT)
@items.arguments(schemas.ImportFiles, location="files")
@items.response(201, schemas.PictureSchema)
def store_picture(files: dict[str, Any]) -> Picture:
    """Keep a picture (JPEG, PNG, GIF or WebP); use its `address` in Markdown and `cover`."""
    upload = files["file"]
    return get_ingest().pictures.store(upload.read(), upload.filename or "")


@imports.route("/imports", methods=["POST"])
@require(Scope.CONTENT)
@imports.doc(requestBody=_UPLOAD_FORM)
@imports.arguments(schemas.ImportFiles, location="files")
@imports.response(202, schemas.ImportSchema)
def upload(files: dict[str, Any]) -> ImportView:
    """Upload a file of books (CSV, Excel, JSON Lines) or articles (Markdown, or a zip of
    them with pictures). The same file again gives the same import."""
    form = imports.ARGUMENTS_PARSER.parse(schemas.ImportForm(), location="form")
    file, service = files["file"], get_ingest().imports
    name = file.filename or ""
    return service.get(service.receive(file.stream, name, form["source"], g.actor, form["kind"]))


@imports.route("/imports")
@require(Scope.READ)
@imports.arguments(schemas.PageQuery, location="query")
@imports.response(200, schemas.ImportsPage)
def list_imports(query: dict[str, Any]) -> ImportPage:
    """Imports, newest first."""
    return get_ingest().imports.list(query["size"], query["cursor"])


@imports.route("/imports/<int:import_id>")
@require(Scope.READ)
@imports.arguments(schemas.PageQuery, location="query")
@imports.response(200, schemas.ImportDetailSchema)
def get_import(query: dict[str, Any], import_id: int) -> dict[str, Any]:
    """Progress of an import, and its row errors page by page (`cursor` is of `errors`)."""
    service = get_ingest().imports
    view = service.get(import_id)
    return {**asdict(view), "errors": service.faults(import_id, query["size"], query["cursor"])}


def _values(body: dict[str, Any]) -> dict[str, Any]:
    """Lists of a request as the tuples our values hold."""
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in body.items()}
    if "rights" in values:
        values["rights"] = tuple(_window(window) for window in values["rights"])
    return values


def _window(window: dict[str, Any]) -> RightsWindow:
    return RightsWindow(**{**window, "channel_kinds": tuple(window["channel_kinds"])})


def item_fields(view: ItemView) -> dict[str, Any]:
    """The full view as one flat object, as the API shows it."""
    card = view.card
    plain = {name: getattr(card, name) for name in schemas.ItemCardSchema().fields}
    rest = {name: getattr(view, name) for name in vars(view) if name != "card"}
    return {**plain, "text": card.text, **rest}


BLUEPRINTS = [items, imports]

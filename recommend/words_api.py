"""Synonyms, aliases and stop words over HTTP, and how a question is understood with them."""

# flask-smorest has no types: its decorators are Any to mypy.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import g
from flask_smorest import Blueprint
from marshmallow import EXCLUDE, Schema, fields, validate

from contentcenter.domain.roles import Scope
from contentcenter.search_words import WordLists
from contentcenter.text.synonyms import WordKind
from contentcenter.text.understanding import Understanding
from contentcenter.text.word_lines import MOST_LINES
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from recommend.ext import get_recommend

words = Blueprint("words", __name__, url_prefix=API_PREFIX, description="Synonyms for search")


def _lines() -> fields.List[Any]:
    return fields.List(fields.String(), validate=validate.Length(max=MOST_LINES))


class ListsSchema(Schema):
    """One line, one group. On writing, lists that are not sent stay as they are."""

    group = _lines()
    one_way = _lines()
    alias = _lines()
    stop = _lines()


class WordListsSchema(Schema):
    version = fields.Integer()
    lists = fields.Method("_lists", metadata={"description": "Lines by kind of list"})
    edited = fields.List(fields.String(), metadata={"description": "Not the starter list any more"})
    updated_at = fields.DateTime(allow_none=True)
    updated_by = fields.String()

    def _lists(self, found: WordLists) -> dict[str, list[str]]:
        return {str(kind): list(lines) for kind, lines in found.lines.items()}


class SaveSchema(Schema):
    version = fields.Integer(
        required=True, metadata={"description": "The version you read; 409 when it has changed"}
    )
    lists = fields.Nested(ListsSchema, required=True)


class ExpansionSchema(Schema):
    term = fields.String()
    words = fields.List(fields.String())
    kind = fields.String()


class UnderstandingSchema(Schema):
    words = fields.List(fields.String())
    names = fields.List(fields.String())
    volumes = fields.List(fields.String())
    dropped = fields.List(fields.String())
    isbns = fields.List(fields.String())
    pinyin = fields.List(fields.String())
    phrases = fields.List(fields.String())
    excluded = fields.List(fields.String())
    expansions = fields.List(fields.Nested(ExpansionSchema))
    empty = fields.Boolean()


class QuestionQuery(Schema):
    class Meta:
        unknown = EXCLUDE

    q = fields.String(required=True, validate=validate.Length(max=2000))


@words.route("/search-words")
@require(Scope.READ)
@words.response(200, WordListsSchema)
def read_words() -> WordLists:
    """All lists with their version."""
    return get_recommend().words.lists()


@words.route("/search-words", methods=["PUT"])
@require(Scope.DISTRIBUTE)
@words.arguments(SaveSchema)
@words.response(200, WordListsSchema)
def save_words(body: dict[str, Any]) -> WordLists:
    """Replace the lists that are sent, all or none. They work within half a minute in every
    process; nothing has to be indexed again."""
    texts = {WordKind(kind): "\n".join(lines) for kind, lines in body["lists"].items()}
    return get_recommend().words.save(texts, body["version"], g.actor)


@words.route("/search-words/understanding")
@require(Scope.READ)
@words.arguments(QuestionQuery, location="query")
@words.response(200, UnderstandingSchema)
def understand(query: dict[str, Any]) -> Understanding:
    """What a question is taken apart into, with the synonyms it also asks for."""
    return get_recommend().words.understand(query["q"])


BLUEPRINTS = [words]

"""Two languages without a build step: Chinese is written in place, English is looked up.

`t("共 {count} 条", count=3)` gives the Chinese text, or its English from english.json when
the person chose English. A test holds every text used to the catalogue.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from flask import g, has_request_context, session

LANGUAGES = {"zh": "中文", "en": "English"}
DEFAULT = "zh"
SESSION_KEY = "language"


@cache
def english() -> dict[str, str]:
    """The catalogue: Chinese text -> English text."""
    text = (files("contentcenter.console") / "english.json").read_text(encoding="utf-8")
    entries: dict[str, str] = json.loads(text)
    return entries


def current_language() -> str:
    """The signed-in person's language, else the one chosen in this browser, else Chinese."""
    if not has_request_context():
        return DEFAULT
    account = g.get("account")
    if account is not None and account.language in LANGUAGES:
        return str(account.language)
    chosen = session.get(SESSION_KEY, DEFAULT)
    return chosen if chosen in LANGUAGES else DEFAULT


def translate(text: str, language: str, **values: Any) -> str:
    """The text in a language, `{name}` filled in. A text nobody translated stays Chinese."""
    wording = english().get(text, text) if language == "en" else text
    return wording.format(**values) if values else wording


def t(text: str, **values: Any) -> str:
    """`translate` for the person of the current request."""
    return translate(text, current_language(), **values)

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.settings import PREFIX, Settings, load_settings


def test_defaults_need_no_environment() -> None:
    settings = Settings()
    assert settings.effective_database_url == "sqlite:///var/contentcenter.sqlite3"
    assert settings.effective_cache_dir == Path("var/cache")


def test_values_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENTCENTER_DATA_DIR", "data")
    monkeypatch.setenv("CONTENTCENTER_UPLOAD_MAX_MB", "12")
    monkeypatch.setenv("CONTENTCENTER_CLOCK_OFFSET_SECONDS", "-3.5")
    settings = load_settings()
    assert settings.data_dir == Path("data")
    assert settings.upload_max_mb == 12
    assert settings.clock_offset_seconds == -3.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UPLOAD_MAX_MB", "many"),
        ("UPLOAD_MAX_MB", "0"),
        ("SEARCH_ENGINE", "google"),
        ("EMBEDDING_PRECISION", "int3"),
        ("PLAN_DAYS", "-1"),
    ],
)
def test_a_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(InvalidInput, match=PREFIX + name):
        load_settings()


def test_every_setting_has_a_help_text() -> None:
    assert [spec.name for spec in fields(Settings) if not spec.metadata.get("help")] == []

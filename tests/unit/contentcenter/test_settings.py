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


def test_a_value_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql+psycopg://cc:p%40ss@db/cc\n")
    (tmp_path / "days").write_text("3\n")
    monkeypatch.setenv("CONTENTCENTER_DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("CONTENTCENTER_PLAN_DAYS_FILE", str(tmp_path / "days"))
    settings = load_settings()
    assert settings.database_url == "postgresql+psycopg://cc:p%40ss@db/cc"
    assert settings.plan_days == 3


def test_a_missing_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTENTCENTER_SECRET_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match="CONTENTCENTER_SECRET_KEY"):
        load_settings()


def test_a_wrong_value_in_a_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "engine").write_text("google")
    monkeypatch.setenv("CONTENTCENTER_SEARCH_ENGINE_FILE", str(tmp_path / "engine"))
    with pytest.raises(InvalidInput, match="CONTENTCENTER_SEARCH_ENGINE"):
        load_settings()


def test_value_and_file_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from the file")
    monkeypatch.setenv("CONTENTCENTER_SECRET_KEY", "from the environment")
    monkeypatch.setenv("CONTENTCENTER_SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(InvalidInput, match="given twice"):
        load_settings()

"""All settings, in one frozen place, read once from `CONTENTCENTER_*` environment variables.

A wrong value stops the start with the variable's name. `NAME_FILE` may hold the path of a file
with the value instead, so that secrets need not lie in the environment. No other module reads
the environment. Every setting is explained in docs/settings.md (a test holds that page to it).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from environs import Env, FileAwareEnv, validate

from contentcenter.domain.errors import InvalidInput

PREFIX = "CONTENTCENTER_"
FILE_SUFFIX = "_FILE"


def _setting(help_text: str, default: Any) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True)
class Settings:
    """Typed settings. Field `foo_bar` is read from `CONTENTCENTER_FOO_BAR`."""

    data_dir: Path = _setting("Folder for everything the product stores.", Path("var"))
    database_url: str = _setting(
        "SQLAlchemy URL; empty = SQLite in the data folder; postgresql+psycopg://… for PostgreSQL.",
        "",
    )
    redis_url: str = _setting(
        "Redis or Valkey for jobs, tokens and rates.", "redis://127.0.0.1:6399/0"
    )
    search_engine: str = _setting("embedded, or elastic for an Elasticsearch cluster.", "embedded")
    search_url: str = _setting(
        "Elasticsearch: its address, or several separated by commas; may carry user:password@.", ""
    )
    search_api_key: str = _setting("Elasticsearch: an API key, instead of a user.", "")
    search_user: str = _setting("Elasticsearch: the user, when there is no API key.", "")
    search_password: str = _setting("Elasticsearch: the user's password.", "")
    search_ca_file: str = _setting(
        "Elasticsearch: file with its authority's certificate; empty = the system's.",
        "",
    )
    search_index: str = _setting(
        "Elasticsearch: the word all names of our indices begin with.", "contentcenter"
    )
    search_shards: int = _setting("Elasticsearch: primary shards of a newly built index.", 1)
    search_replicas: str = _setting(
        "Elasticsearch: copies of each shard; 0-1 = one as soon as there is a second node.", "0-1"
    )
    search_timeout_seconds: float = _setting(
        "Elasticsearch: longest wait of a job for one answer; it is tried again later.", 2.0
    )
    search_page_timeout_seconds: float = _setting(
        "Elasticsearch: longest wait of a page for an answer; then it comes from the store.", 0.2
    )
    embedding_model: str = _setting(
        "bundled, or any sentence-transformers name or local folder.", "bundled"
    )
    embedding_url: str = _setting(
        "Address of the process that holds the model; empty = load it in this process.", ""
    )
    embedding_precision: str = _setting("auto, float32 or bfloat16.", "auto")
    embedding_device: str = _setting("cpu, cuda, or empty for what is there.", "")
    cache_dir: str = _setting(
        "Folder of the converted model; empty = `cache` in the data folder.", ""
    )
    secret_key: str = _setting(
        "Signs sessions and forms; empty = made once and kept in the data folder.", ""
    )
    public_url: str = _setting(
        "Address readers' phones reach us at; tracked links begin with it.", "http://127.0.0.1:8000"
    )
    official_account_url: str = _setting(
        "Base address of the Official Account API; the twin in the demo.",
        "https://api.weixin.qq.com",
    )
    wecom_url: str = _setting(
        "Base address of the WeCom API; the twin in the demo.", "https://qyapi.weixin.qq.com"
    )
    timezone: str = _setting("Default time zone of audiences and screens.", "Asia/Shanghai")
    clock_offset_seconds: float = _setting(
        "Shifts what the product calls now; for rehearsals and the demo.", 0.0
    )
    upload_max_mb: int = _setting("Largest upload accepted, in MiB.", 200)
    session_hours: int = _setting("Length of a console session.", 12)
    platform_timeout_seconds: float = _setting("Longest wait for one platform call.", 10.0)
    sending_stuck_seconds: float = _setting(
        "A post that a lost worker left in `sending` for so long is probed.", 120.0
    )
    probe_gap_seconds: float = _setting(
        "Time between the two looks that prove that a send took no effect.", 120.0
    )
    plan_days: int = _setting("How many days ahead the nightly plan looks.", 7)
    wecom_receive_rule: str = _setting(
        "How often a WeCom customer or group may receive: month_days, weekly_7 or daily_1.",
        "daily_1",
    )
    attribution_click_hours: float = _setting(
        "A click without a post or answer counts for the last one that showed it so long before.",
        24.0,
    )
    attribution_cart_hours: float = _setting(
        "The same for favourites and things put into the cart.", 72.0
    )
    attribution_order_hours: float = _setting("The same for orders.", 168.0)
    seen_rows_kept: int = _setting(
        "How many of the items a reader saw last are kept as rows; older ones as a small set.",
        2_000,
    )
    experiment_holdout_share: float = _setting(
        "Share of groups that never take part in an experiment; 0 to 1.", 0.05
    )
    catalogue_url: str = _setting(
        "Address of a book page; {isbn} is replaced. Empty = our own landing page.", ""
    )
    log_level: str = _setting("DEBUG, INFO, WARNING or ERROR.", "INFO")

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'contentcenter.sqlite3'}"

    @property
    def effective_cache_dir(self) -> Path:
        return Path(self.cache_dir) if self.cache_dir else self.data_dir / "cache"

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "index"

    @property
    def media_dir(self) -> Path:
        return self.data_dir / "media"

    @property
    def upload_dir(self) -> Path:
        return self.data_dir / "uploads"


_CHOICES: dict[str, tuple[str, ...]] = {
    "search_engine": ("embedded", "elastic"),
    "embedding_precision": ("auto", "float32", "bfloat16"),
    "embedding_device": ("", "cpu", "cuda"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "wecom_receive_rule": ("month_days", "weekly_7", "daily_1"),
}
_MINIMUM: dict[str, float] = {
    "upload_max_mb": 1,
    "session_hours": 1,
    "platform_timeout_seconds": 0.1,
    "search_shards": 1,
    "search_timeout_seconds": 0.05,
    "search_page_timeout_seconds": 0.01,
    "plan_days": 1,
    "sending_stuck_seconds": 1,
    "probe_gap_seconds": 0,
    "experiment_holdout_share": 0,
    "attribution_click_hours": 0,
    "attribution_cart_hours": 0,
    "attribution_order_hours": 0,
    "seen_rows_kept": 1,
}


def load_settings() -> Settings:
    """Read settings from the process environment.

    Raises `InvalidInput` naming the variable, what was wrong and what is allowed.
    """
    env = FileAwareEnv(file_suffix=FILE_SUFFIX, strip_whitespace=True)
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        values[spec.name] = _read(env, spec.name, spec.default)
    return Settings(**values)


def _read(env: Env, name: str, default: Any) -> Any:
    readers: dict[type, Any] = {
        bool: env.bool,
        int: env.int,
        float: env.float,
        Path: env.path,
        str: env.str,
    }
    checks: list[Any] = []
    if name in _CHOICES:
        checks.append(validate.OneOf(_CHOICES[name]))
    if name in _MINIMUM:
        checks.append(validate.Range(min=_MINIMUM[name]))
    kind = Path if isinstance(default, Path) else type(default)
    variable = PREFIX + name.upper()
    if os.environ.get(variable) and os.environ.get(variable + FILE_SUFFIX):
        raise InvalidInput(f"Setting {variable} is given twice: itself and {FILE_SUFFIX}.")
    try:
        return readers[kind](variable, default, validate=checks)
    except ValueError as error:  # EnvError is one; a file that cannot be read is another
        raise InvalidInput(f"Setting {variable}: {error}") from error

"""Where the cluster is and how its indices are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ElasticOptions:
    """`url` may hold several addresses, separated by commas. All names of indices and aliases
    begin with `prefix`. `replicas` is a number, or `0-1`: one as soon as there is a second
    node. `timeout_seconds` is for one question of a job, `page_timeout_seconds` of a page,
    `write_timeout_seconds` for one batch."""

    url: str
    prefix: str = "contentcenter"
    shards: int = 1
    replicas: str = "0-1"
    timeout_seconds: float = 2.0
    page_timeout_seconds: float = 0.2
    write_timeout_seconds: float = 60.0
    api_key: str = ""
    user: str = ""
    password: str = ""
    ca_file: str = ""

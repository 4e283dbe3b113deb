"""Logs: one JSON object a line, Chinese readable, request and job ids bound as context."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import structlog


def configure(level: str) -> None:
    """Set up structlog for the process; standard logging keeps warnings and errors."""
    logging.basicConfig(stream=sys.stderr, level=max(logging.getLevelName(level), logging.WARNING))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def _dumps(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **options)

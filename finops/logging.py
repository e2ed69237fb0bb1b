"""Logs: one line for each event, on the console or as JSON, with no secret in it."""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from finops.config import Config

MASK = "***"
SECRET_FIELD = re.compile(r"authorization|cookie|password|passwd|secret|token|api_?key$", re.I)
SECRET_TEXTS = (
    (re.compile(r"\b(ilk_[a-z0-9]{8}_)[A-Za-z0-9_-]+"), rf"\1{MASK}"),
    (re.compile(r"\b(Bearer|Basic)\s+(?!ilk_)[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1 {MASK}"),
    (re.compile(r"(\w://[^\s:/@]*):[^\s/@]+@"), rf"\1:{MASK}@"),
)


def logging_settings(config: Config) -> dict[str, Any]:
    """Return Django's LOGGING: everything, ours and the libraries', to stderr in one form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    mask_fields,
                    *renderer(config.log_format),
                    mask_text,
                ],
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": config.log_level},
        "loggers": {
            # Django's own handler would write each of its lines a second time.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Refused requests have their line, with the request's id, from finops.request_id.
            "django.request": {"level": "ERROR"},
            "axes": {"level": "WARNING"},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            # Anybody can send a wrong Host header; the answer says enough.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # It logs each failed connection with a stack; callers get the same as an error of ours.
            "clickhouse_driver": {"level": "CRITICAL"},
        },
    }


def configure_logging() -> None:
    """Send structlog through the standard library, so that one formatter sees every line."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def renderer(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def mask_fields(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Hide the values of fields whose name says that they are secret, however deep."""
    return {name: mask_value(name, value) for name, value in event.items()}


def mask_value(name: str, value: Any) -> Any:
    if isinstance(value, MutableMapping):
        return {key: mask_value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(name, inner) for inner in value]
    return MASK if isinstance(value, str | bytes) and SECRET_FIELD.search(name) else value


def mask_text(logger: WrappedLogger, method: str, line: str) -> str:
    """Hide keys, credentials and passwords in URLs wherever they stand, in tracebacks as well."""
    for pattern, replacement in SECRET_TEXTS:
        line = pattern.sub(replacement, line)
    return line


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.UnicodeDecoder(),
]

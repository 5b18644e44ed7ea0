"""Structured logs with an allow-list of fields: what is not named here is not written.

Free text never travels in a field, so that no personal data and no secret reaches a log. Tracebacks
keep their frames and the type of the exception; its message is dropped, since messages quote values.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")

ALLOWED_FIELDS = (
    "agent_id", "attempt", "cause", "command", "count", "delivery_id", "duration_ms", "event_id", "host",
    "job", "loop", "mail_id", "mailbox_id", "message_id", "method", "operation", "order_id", "outcome",
    "port", "profile_id", "queue", "reply_code", "route", "shop_id", "state", "status", "subscriber",
    "ticket_id", "topic",
)  # fmt: skip
OWN_LOGGERS = (
    "ecrm",
    "company",
    "backoffice",
    "profiles",
    "messaging",
    "orders",
    "contacts",
    "demo",
)


class JsonFormatter(logging.Formatter):
    """One JSON object per line; only allow-listed fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(self.line(record), ensure_ascii=False)

    def line(self, record: logging.LogRecord) -> dict[str, Any]:
        """The fields of the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event_of(record),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {
            field: value
            for field in ALLOWED_FIELDS
            if isinstance(value := getattr(record, field, None), str | int | float | bool)
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["frames"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-12:]
            ]
        return line


class ConsoleFormatter(JsonFormatter):
    """The same fields for a person's eyes."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = self.line(record)
        head = f"{line.pop('at')[11:23]} {line.pop('level'):7} {line.pop('logger')}: {line.pop('event')}"
        return " ".join([head, *(f"{key}={value}" for key, value in line.items())])


def _event_of(record: logging.LogRecord) -> str:
    """Our own messages are constant names; a library's message is its template, without arguments."""
    if record.name.split(".", 1)[0] in OWN_LOGGERS:
        return record.getMessage()
    return str(record.msg)


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: one handler on standard output for everything."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        ConsoleFormatter() if config.get("format") == "console" else JsonFormatter()
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if getattr(h, "is_ecrm", False)]:
        root.removeHandler(old)
    handler.is_ecrm = True  # type: ignore[attr-defined] # tells our handler from pytest's
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for noisy in (
        "axes",
        "httpx",
        "asyncio",
        "allauth",
        "mail.log",  # aiosmtpd, every command
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)

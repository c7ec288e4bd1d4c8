"""One logging set-up for each process: JSON lines in the worker, Orthanc's own log in the plugin.

Only the logger ``orthanc_plugins`` gets a handler; the root logger belongs to whoever else is in the
process. A log line never holds a patient's name, birth date or identifier.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = "facts"
"""Attribute of a record whose facts are told beside those of the context: ``extra={FACTS: {...}}``."""

_LOGGER = "orthanc_plugins"
_context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time (UTC), level, logger, message, context and error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(_context.get() or {})
        line.update(getattr(record, FACTS, {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe_exception(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def configure_logging(
    level: str, handler: logging.Handler | None = None, stream: TextIO | None = None
) -> None:
    """Give the suite's logger its one handler.

    Parameters
    ----------
    level
        Least severity logged: DEBUG, INFO, WARNING or ERROR.
    handler
        Where lines go; JSON lines to the stream when None.
    stream
        Standard error when None.
    """
    logger = logging.getLogger(_LOGGER)
    if handler is None:
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(JsonFormatter())
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


@contextmanager
def log_context(**facts: str) -> Iterator[None]:
    """Add facts, such as ``job_id``, to every line logged inside the block."""
    token = _context.set({**(_context.get() or {}), **facts})
    try:
        yield
    finally:
        _context.reset(token)


def describe_exception(error: BaseException) -> str:
    """Return the type of an exception and the code it came through, without its text.

    A library's exception may quote the value it stumbled over, and that value may be a patient's
    name: so only types, files, lines and function names are told.
    """
    frames = reversed(traceback.extract_tb(error.__traceback__))
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}" if places else type(error).__name__

"""The suite's log lines in Orthanc's own log."""

from __future__ import annotations

import logging
from typing import Any, override

from orthanc_plugins.logs import describe_exception


class OrthancLogHandler(logging.Handler):
    """Hands log records to Orthanc's log.

    Parameters
    ----------
    orthanc
        Orthanc's Python module, or a fake of it.
    """

    def __init__(self, orthanc: Any) -> None:
        super().__init__()
        self._orthanc = orthanc

    @override
    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text} ({describe_exception(record.exc_info[1])})"
        if record.levelno >= logging.ERROR:
            self._orthanc.LogError(text)
        elif record.levelno >= logging.WARNING:
            self._orthanc.LogWarning(text)
        else:
            self._orthanc.LogInfo(text)

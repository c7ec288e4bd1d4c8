"""The suite's lines in Orthanc's log."""

from __future__ import annotations

import logging
import sys

from orthanc_plugins.plugin.orthanc_logs import OrthancLogHandler
from tests.fakes import FakeOrthanc


def record(level: int, message: str, *arguments: object, failed: bool = False) -> logging.LogRecord:
    information = sys.exc_info() if failed else None
    return logging.LogRecord("orthanc_plugins.x", level, "x.py", 1, message, arguments, information)


def test_each_severity_goes_to_orthancs_own() -> None:
    orthanc = FakeOrthanc()
    handler = OrthancLogHandler(orthanc)
    for level in (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG):
        handler.handle(record(level, "said %d", level))
    assert [severity for severity, _ in orthanc.logged] == ["error", "error", "warning", "info", "info"]
    assert orthanc.logged[2][1] == "orthanc_plugins.x: said 30"


def test_an_exception_is_told_without_its_text() -> None:
    orthanc = FakeOrthanc()
    try:
        int("DOE^JOHN")
    except ValueError:
        OrthancLogHandler(orthanc).handle(record(logging.ERROR, "It failed.", failed=True))
    ((_, text),) = orthanc.logged
    assert "ValueError at test_orthanc_logs.py:" in text
    assert "DOE^JOHN" not in text

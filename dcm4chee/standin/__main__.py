"""``python -m dcm4chee.standin CONFIG.json``: run the shim until it is told to stop."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import pydicom.config
import uvicorn

from dcm4chee.standin.application import create_app
from dcm4chee.standin.configuration import read_configuration

_LONGEST_HEAD = 1024 * 1024
"""Bytes of a request before its body: a query may list a thousand UIDs."""


def main() -> int:
    """Serve until SIGTERM; 2 when the configuration is wrong."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        sys.stderr.write("usage: python -m dcm4chee.standin CONFIG.json\n")
        return 2
    try:
        configuration = read_configuration(Path(sys.argv[1]))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {sys.argv[1]}: {error}\n")
        return 2
    _say_nothing_of_values()
    uvicorn.run(
        create_app(configuration),
        host="127.0.0.1",
        port=configuration.port,
        access_log=False,  # queries carry patients' names and identifiers
        log_level="warning",
        server_header=False,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        timeout_graceful_shutdown=5,
    )
    return 0


def _say_nothing_of_values() -> None:
    """Keep pydicom from warning of odd values: its warnings quote them, and the log is no place for that."""
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m xnat_standin --port 8105 --data FOLDER``: run the stand-in until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from pathlib import Path

import pydicom.config
import uvicorn

from xnat_standin.application import create_app
from xnat_standin.configuration import Configuration


def main() -> int:
    """Serve until SIGTERM; 2 when an option is wrong."""
    try:
        configuration = _configuration(_parser().parse_args())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    _say_nothing_of_values()
    uvicorn.run(
        create_app(configuration),
        host="127.0.0.1",
        port=configuration.port,
        access_log=False,  # queries carry subjects and labels
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xnat_standin", description="Plays XNAT in tests.")
    parser.add_argument("--port", type=int, required=True, help="where the REST API listens, on 127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of all it keeps")
    parser.add_argument("--dicom-port", type=int, help="where C-STORE arrives; without it none does")
    parser.add_argument("--admin-password-file", type=Path, help="admin's password at the first start")
    parser.add_argument("--uninitialised", action="store_true", help="first start as before XNAT's setup")
    parser.add_argument("--version-played", default="1.9.3", help="the version it tells")
    parser.add_argument("--dicom-edit", default="6.6", help="the newest DicomEdit it reads")
    parser.add_argument("--idle-s", type=float, default=300.0, help="idleness before a session is built")
    parser.add_argument("--session-timeout-s", type=float, default=900.0, help="idleness before a login ends")
    parser.add_argument("--archive-timeout-s", type=float, default=600.0, help="limit of the archive service")
    return parser


def _configuration(options: argparse.Namespace) -> Configuration:
    major, _, minor = options.dicom_edit.partition(".")
    password = Configuration.admin_password
    if options.admin_password_file is not None:
        password = options.admin_password_file.read_text(encoding="utf-8").strip()
        if not password:
            raise ValueError(f"{options.admin_password_file} is empty")
    return Configuration(
        port=options.port,
        data=options.data,
        dicom_port=options.dicom_port,
        admin_password=password,
        initialised=not options.uninitialised,
        version=options.version_played,
        dicom_edit=(int(major), int(minor)),
        idle_s=options.idle_s,
        session_timeout_s=options.session_timeout_s,
        archive_timeout_s=options.archive_timeout_s,
    )


def _say_nothing_of_values() -> None:
    """Keep pydicom from warning of odd values: its warnings quote them, and the log is no place for that."""
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    for name in ("pydicom", "pynetdicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


if __name__ == "__main__":
    raise SystemExit(main())

"""What all commands have in common: exit codes, and texts that do nothing to a terminal."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
HOW_TO_ALLOW = "if the two are known to agree, give --allow-other-frame"
"""What to do about another frame of reference, as it ends a message."""
UNKNOWN_FAULT = "the suite met a fault it does not know"


@dataclass(frozen=True)
class Command:
    """One word of the command line, with what it takes, what it does, and what its exit codes mean."""

    name: str
    summary: str
    exit_codes: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, TextIO, TextIO], int]


def moment(text: str) -> str:
    """Return a time of an answer in seconds, UTC.

    >>> moment("2026-11-30T07:34:15.249661Z")
    '2026-11-30T07:34:15Z'
    """
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def account() -> str:
    """Return the account that gives the command; its number where the system has no name for it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"


def printable(text: str) -> str:
    r"""Return a text that can do nothing to a terminal: what is not printable becomes a question mark.

    >>> printable("\x1b[31mLung\n")
    '?[31mLung?'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def reason_of(error: Exception) -> str:
    """Return what a foreseen error says; of the system's own, what it is and about which file.

    >>> reason_of(PermissionError(13, "Permission denied", "/out/x"))
    'Permission denied: /out/x'
    """
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add the argument that tells where the suite runs."""
    parser.add_argument(
        "--url",
        help="root of the suite's routes, such as https://pacs.hospital/pacs; that of the Orthanc in the "
        "settings when not given",
    )

"""The suite's command line: ``pacs COMMAND``, or ``python -m orthanc_plugins COMMAND``.

One module or package for each command; each is a `Command`: its words, its arguments and the function that
runs it. Results go to standard output, progress and errors to standard error. Each tells its
exit codes itself.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins import __version__
from orthanc_plugins.cli import (
    actions,
    anonymize,
    audit,
    benchmark,
    certificate,
    compare,
    deidentify,
    profile,
    project,
    repair,
    rtstruct,
    rtstruct_compare,
    sync,
)
from orthanc_plugins.cli.commands import DONE, FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["COMMANDS", "DONE", "FAILED", "INTERRUPTED", "USAGE", "main"]

COMMANDS = (
    rtstruct.COMMAND,
    rtstruct_compare.COMMAND,
    sync.COMMAND,
    compare.COMMAND,
    repair.COMMAND,
    project.COMMAND,
    profile.COMMAND,
    deidentify.COMMAND,
    anonymize.COMMAND,
    certificate.COMMAND,
    audit.COMMAND,
    benchmark.COMMAND,
    actions.COMMAND,
)

logging.getLogger("orthanc_plugins").addHandler(logging.NullHandler())
"""What is logged is told as a problem or a failure; tracebacks would quote values, perhaps a patient's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show ends no run
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="pacs", description="Orthanc PACS Suite on the command line.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(
            command.name, help=command.summary, description=command.summary, epilog=command.exit_codes
        )
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace, TextIO, TextIO], int] = chosen.run
    code = run(chosen, sys.stdout, sys.stderr)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who read it, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code

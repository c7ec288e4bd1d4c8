"""What all commands have in common: exit codes, and texts that do nothing to a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = (
    "Exit codes: 0 every structure set was done, and what single regions lack was told; 1 a structure set "
    "failed, the rest was done; 2 the command was not understood or found nothing to do; 130 interrupted, "
    "what was done is kept."
)


@dataclass(frozen=True)
class Command:
    """One word of the command line, with what it takes and what it does."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, TextIO, TextIO], int]


def printable(text: str) -> str:
    r"""Return a text that can do nothing to a terminal: what is not printable becomes a question mark.

    >>> printable("\x1b[31mLung\n")
    '?[31mLung?'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
